#!/bin/bash
# check-exports.sh - what the shim brings into somebody else's program
#
# The names it exports are exactly the hooks of shim/symbols.h, unversioned; one
# more would take the place of an application's own function.  The library
# it needs is the C library alone; one more would change what the application
# finds under names that both define.
set -eu

O=${O:-build}
shim=$O/libdlwatch.so
table=shim/symbols.h

if ! test -e "$table" || ! test -e "$shim"; then
	echo "no $table or no $shim yet"
	echo "0 passed, 0 failed"
	exit 0
fi

status=0
# $1 what is wrong, $2 with which names (one a line): nothing if there are none.
complain()
{
	test -n "$2" || return 0
	echo "$shim: $1: $(paste -sd ' ' <<<"$2")"
	status=1
}

needed=$(readelf -d "$shim" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' |
	grep -vxE 'libc\.so\.6|ld-linux-x86-64\.so\.2' || true)
complain "needs more than the C library" "$needed"

exported=$(nm -D --defined-only -f posix "$shim" | awk '{ print $1 }' | sort)
versioned=$(grep @ <<<"$exported" || true)
complain "exports with a version" "$versioned"

# The table itself says what it lists, whatever is conditional in it.
wanted=$("${CC:-cc}" -E -P -x c - <<END | grep -oE 'hook: *\w+' | sed 's/hook: *//' | sort -u
#define DLW_SYMBOL(result, name, version, parameters, arguments) hook: name
#define DLW_SYMBOL_ALSO(name) hook: name
#include "$table"
END
)
test -n "$wanted" || complain "no hook found in" "$table"

extra=$(comm -23 <(echo "$exported") <(echo "$wanted"))
complain "exports what $table does not list" "$extra"
absent=$(comm -13 <(echo "$exported") <(echo "$wanted"))
complain "does not export what $table lists" "$absent"
exit $status
