#!/bin/bash
# check-core.sh - core/ is a pure engine: what its objects call shows it
#
# Whatever core/*.c and core/predict/*.c (not core/watch/, which reads /proc) asks of the C library
# must be on the list below: functions that neither allocate, print, lock nor
# enter the kernel, nor change anything but the memory they are given.
set -eu

O=${O:-build}
allowed='mem(cpy|move|set|cmp|chr)|str(len|nlen|cmp|ncmp|chr|rchr)|bsearch|__assert_fail|abort|__stack_chk_fail|_GLOBAL_OFFSET_TABLE_'

# The shim's objects are never sanitized: they are the ones to look at.
shopt -s nullglob
objects=("$O"/obj/pic/core/*.o "$O"/obj/pic/core/predict/*.o)
test ${#objects[@]} -gt 0 || { echo "no objects of core/ in $O"; exit 1; }

defined=$(nm --defined-only -f posix "${objects[@]}" |
	awk 'NF >= 2 && $2 ~ /^[TDBRVW]$/ { print $1 }' | sort -u)
status=0
for object in "${objects[@]}"; do
	foreign=$(nm -u -f posix "$object" | awk '{ print $1 }' | sort -u |
		grep -vxE "$allowed" | comm -23 - <(echo "$defined") || true)
	for symbol in $foreign; do
		echo "${object#"$O"/obj/pic/}: calls $symbol: core/ must stay pure"
		status=1
	done
	# Tables of pointers are constant although relocated: .data.rel.ro is fine.
	changeable=$(objdump -t "$object" |
		awk 'NF > 2 && $(NF - 2) ~ /^\.(bss|data|tdata|tbss)/ &&
			$(NF - 2) !~ /^\.data\.rel\.ro/ && !/ d / { print $NF }')
	for symbol in $changeable; do
		echo "${object#"$O"/obj/pic/}: $symbol can be written to: core/ has no globals"
		status=1
	done
done
exit $status
