#!/bin/bash
# check-format.sh [FILE...] - which files clang-format would write differently
#
# It tells and never fails: a table that reads better by hand may stay so.
# `clang-format -i FILE` does what it asks for.
set -u

if ! command -v clang-format >/dev/null; then
	echo "  format  not looked at (no clang-format)"
	exit 0
fi
if test $# = 0; then
	mapfile -t sources < <(find core shim analyzer include samples tests \
		-name '*.[ch]' -o -name '*.cc')
	set -- "${sources[@]}"
fi

differ=
for file; do
	clang-format --dry-run -Werror "$file" 2>/dev/null || differ="$differ $file"
done
echo "  format  $# files, $(wc -w <<<"$differ") differ:${differ:- none}" | cut -c 1-400
