#!/bin/bash
# check.sh KIND... - run tests and sum them up
#
# KIND: unit property corpora schema e2e generated transparency bench instructions core exports docs format.
# The last line is `N passed, N failed` over all of them.  Exit status 1 when anything failed, or
# when nothing at all was tested.
#
# A test program may say itself, in its last line, `N passed, N failed`, or
# speak TAP as CMocka does here; one that says neither is one test, passed if
# it exits with 0.  A program that crashes, hangs or stops short has failed,
# whatever it said before.  `format` tells, and counts for nothing.
#
# Environment: O build directory, T only programs with this in their name,
# V=1 show the output of all programs (else only of those that fail),
# PYTHON, TEST_TIMEOUT seconds for one program, RUNNER_TIMEOUT for a whole kind.
set -u

O=${O:-build}
T=${T:-}
V=${V:-0}
PYTHON=${PYTHON:-/usr/bin/python3}
TEST_TIMEOUT=${TEST_TIMEOUT:-300}
RUNNER_TIMEOUT=${RUNNER_TIMEOUT:-1200}
export O T V

passed=0
failed=0
log=$(mktemp)
trap 'rm -f "$log"' EXIT

# Sets $ok and $bad from the output in $log and the exit status $1.
count_results()
{
	local status=$1 summary planned

	summary=$(grep -E '^[0-9]+ passed, [0-9]+ failed' "$log" | tail -n 1)
	if test -n "$summary"; then
		ok=${summary%% *}
		bad=${summary#*, }
		bad=${bad%% *}
	elif grep -qE '^1\.\.[0-9]+' "$log"; then
		planned=$(awk -F '[. ]+' '/^1\.\.[0-9]/ { sum += $2 } END { print sum }' "$log")
		ok=$(grep -E '^ok [0-9]' "$log" | grep -vc '# SKIP')
		bad=$((planned - ok - $(grep -cE '^(not )?ok [0-9]+ +# SKIP' "$log")))
	else
		ok=$((status == 0))
		bad=0
	fi
	test "$status" = 0 || test "$bad" -gt 0 || bad=1
}

# $1 name to show, $2 seconds, the rest: the command.
run_counted()
{
	local name=$1 seconds=$2 status verdict

	shift 2
	# In a subshell, so that its remark about a crash goes to the log as well.
	(timeout -k 10 "$seconds" "$@"; exit $?) >"$log" 2>&1 </dev/null
	status=$?
	count_results $status
	passed=$((passed + ok))
	failed=$((failed + bad))
	verdict=ok
	test "$ok" != 0 || verdict=skipped
	test "$bad" = 0 || verdict=FAILED
	printf '  %-7s %-44s %d passed, %d failed\n' "$verdict" "$name" "$ok" "$bad"
	if test "$verdict" != ok || test "$V" = 1; then
		sed 's/^/          /' "$log"
		case $status in
		124|137) echo "          (ended by the harness after $seconds s)" ;;
		0|1) ;;
		*) echo "          (exit status $status)" ;;
		esac
	fi
}

# Every test source must have been built: a missing program is a failure.
run_programs()
{
	local source name

	for source in tests/"$1"/*.c; do
		test -e "$source" || continue
		name=${source%.c}
		test "$1" = property || [[ $name == */test_* ]] || continue
		[[ ${name##*/} == *$T* ]] || continue
		CMOCKA_MESSAGE_OUTPUT=TAP run_counted "$name" "$TEST_TIMEOUT" "$O/$name"
	done
}

# What fuzzers have found, and where they began.
run_corpora()
{
	local source name

	for source in tests/fuzz/*.c; do
		name=${source%.c}
		test "${name##*/}" != replay && [[ ${name##*/} == *$T* ]] || continue
		run_counted "$name" "$TEST_TIMEOUT" "$O/$name" "$name.seeds"
	done
}

# A runner's own output is worth seeing while it works.
run_python()
{
	local runner=tests/$1/run.py status

	timeout -k 10 "$RUNNER_TIMEOUT" "$PYTHON" "$runner" 2>&1 </dev/null | tee "$log"
	status=${PIPESTATUS[0]}
	count_results "$status"
	passed=$((passed + ok))
	failed=$((failed + bad))
	test "$status" -le 1 || echo "  FAILED  $runner (exit status $status)"
}

for kind; do
	case $kind in
	unit|property) run_programs "$kind" ;;
	corpora) run_corpora ;;
	schema|e2e|generated|transparency|bench|instructions) run_python "$kind" ;;
	core|exports|docs) run_counted "scripts/check-$kind.sh" 60 "scripts/check-$kind.sh" ;;
	format) scripts/check-format.sh ;;
	*)
		echo "dlwatch: scripts/check.sh: $kind: no such kind of test" >&2
		exit 2
		;;
	esac
done

echo "$passed passed, $failed failed"
test "$failed" = 0 && test "$passed" -gt 0
