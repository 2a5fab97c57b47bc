#!/bin/bash
# readme-report.sh - puts a real report between the markers of README.md
#
# Process and thread ids, paths of this machine and times are what they are in
# a run; the path of the source tree is cut off.
set -euo pipefail

O=${O:-build}
readme=${1:-README.md}
report=$(mktemp)
trap 'rm -f "$report" "$report.new"' EXIT

if test "$(grep -cE '^<!-- /?report -->$' "$readme")" != 2; then
	echo "dlwatch: scripts/readme-report.sh: $readme: no markers for the report" >&2
	exit 1
fi
status=0
"$O/dlwatch" run --color=never "$O/samples/two_locks" >"$report" 2>&1 || status=$?
if test "$status" != 66; then
	echo "dlwatch: scripts/readme-report.sh: expected status 66, got $status:" >&2
	cat "$report" >&2
	exit 1
fi

# Without the blank lines at its end.
printf '%s\n' "$(cat "$report")" >"$report.new"
mv "$report.new" "$report"

# What the sample itself says stands before the headline and belongs to it.
awk -v root="$PWD/" -v report="$report" '
	/^<!-- report -->$/ {
		print
		print "```"
		while ((getline line < report) > 0) {
			while ((at = index(line, root)) > 0)
				line = substr(line, 1, at - 1) substr(line, at + length(root))
			print line
		}
		print "```"
		inside = 1
	}
	/^<!-- \/report -->$/ { inside = 0 }
	!inside { print }
' "$readme" >"$report.new"
cat "$report.new" >"$readme"
