#!/bin/bash
# fuzz.sh - damaged input for whatever reads files
#
# A target is a file in tests/fuzz that defines LLVMFuzzerTestOneInput; its first inputs are
# the files in tests/fuzz/NAME.seeds/.  Everything that crashes is kept in
# build/fuzz/NAME.crashes/.  FUZZ_SECONDS a target (60), T only targets with this
# in their name.  FUZZ_KEEP=1: the seeds become the fewest inputs that reach all
# that was reached; those with a name that tells something stay.
set -eu

O=${O:-build}
CLANG=${CLANG:-clang}
FUZZ_SECONDS=${FUZZ_SECONDS:-60}
FUZZ_KEEP=${FUZZ_KEEP:-}
T=${T:-}
san=address,undefined

command -v "$CLANG" >/dev/null || {
	echo "dlwatch: scripts/fuzz.sh: $CLANG: not found: libFuzzer comes with clang" >&2
	exit 1
}
targets=$(ls tests/fuzz/*"$T"*.c)

make --no-print-directory CC="$CLANG" O="$O/fuzz" SAN="$san,fuzzer-no-link" \
	"$O/fuzz/obj/core.a" "$O/fuzz/obj/analyzer.a"

# Whose name is a checksum was found, the others were written.
keep()
{
	local work=$1 seeds=$2 kept=$1.kept

	rm -rf "$kept"
	mkdir -p "$kept"
	find "$seeds" -type f -regextype egrep -not -regex '.*/[0-9a-f]{40}' -exec cp {} "$kept" ';'
	"$work" -merge=1 -use_counters=0 -timeout=10 "$kept" "$seeds" \
		"$work.corpus" >"$work.merge.log" 2>&1 || return 1
	find "$seeds" -type f -regextype egrep -regex '.*/[0-9a-f]{40}' -delete
	cp "$kept"/* "$seeds"
}

passed=0
failed=0
for source in $targets; do
	name=$(basename "$source" .c)
	test "$name" != replay || continue
	work=$O/fuzz/$name
	mkdir -p "$work.corpus" "$work.crashes" "tests/fuzz/$name.seeds"
	"$CLANG" -std=gnu11 -D_GNU_SOURCE -g -O1 -Iinclude -I. -fsanitize="$san,fuzzer" \
		-o "$work" "$source" "$O/fuzz/obj/analyzer.a" "$O/fuzz/obj/core.a" \
		-ldw -lelf -ljansson -lzstd
	seeds=tests/fuzz/$name.seeds
	echo "  FUZZ    $name ($FUZZ_SECONDS s)"
	if "$work" -max_total_time="$FUZZ_SECONDS" -timeout=10 -print_final_stats=1 \
		-artifact_prefix="$work.crashes/" "$work.corpus" "$seeds" >"$work.log" 2>&1 &&
		{ test -z "$FUZZ_KEEP" || keep "$work" "$seeds"; }; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		tail -n 40 "$work.log"
	fi
	grep -E 'number_of_executed_units|DONE' "$work.log" || true
done
echo "$passed passed, $failed failed"
test "$failed" = 0
