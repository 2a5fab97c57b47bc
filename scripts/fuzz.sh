#!/bin/bash
# fuzz.sh - damaged input for whatever reads files
#
# A target is a file in tests/fuzz that defines LLVMFuzzerTestOneInput; its first inputs are
# the files in tests/fuzz/NAME.seeds/, where there are any.  Everything that
# crashes is kept in build/fuzz/NAME.crashes/.  FUZZ_SECONDS a target (60).
set -eu

O=${O:-build}
CLANG=${CLANG:-clang}
FUZZ_SECONDS=${FUZZ_SECONDS:-60}
san=address,undefined

command -v "$CLANG" >/dev/null || {
	echo "dlwatch: scripts/fuzz.sh: $CLANG: not found: libFuzzer comes with clang" >&2
	exit 1
}
targets=$(grep -l LLVMFuzzerTestOneInput tests/fuzz/*.c) || {
	echo "dlwatch: scripts/fuzz.sh: no target in tests/fuzz" >&2
	exit 1
}

make --no-print-directory CC="$CLANG" O="$O/fuzz" SAN="$san,fuzzer-no-link" \
	"$O/fuzz/obj/core.a" "$O/fuzz/obj/analyzer.a"

passed=0
failed=0
for source in $targets; do
	name=$(basename "$source" .c)
	work=$O/fuzz/$name
	mkdir -p "$work.corpus" "$work.crashes"
	"$CLANG" -std=gnu11 -D_GNU_SOURCE -g -O1 -Iinclude -I. -fsanitize="$san,fuzzer" \
		-o "$work" "$source" "$O/fuzz/obj/analyzer.a" "$O/fuzz/obj/core.a" \
		-ldw -lelf -ljansson -lzstd
	seeds=
	test ! -d "tests/fuzz/$name.seeds" || seeds=tests/fuzz/$name.seeds
	echo "  FUZZ    $name ($FUZZ_SECONDS s)"
	# shellcheck disable=SC2086 # $seeds may be nothing
	if "$work" -max_total_time="$FUZZ_SECONDS" -timeout=10 -print_final_stats=1 \
		-artifact_prefix="$work.crashes/" "$work.corpus" $seeds >"$work.log" 2>&1; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		tail -n 40 "$work.log"
	fi
	grep -E 'number_of_executed_units|DONE' "$work.log" || true
done
echo "$passed passed, $failed failed"
test "$failed" = 0
