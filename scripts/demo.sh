#!/bin/sh
# demo.sh SAMPLE... - each sample under dlwatch: the hang, the report, and
# what the log of the same run says afterwards
#
# The samples hang for ever when nobody watches; a demo that has not ended
# after a minute has failed.
set -eu

O=${O:-build}
status=0
for sample; do
	printf '\n==== %s ====\n\n' "$sample"
	timeout -k 5 60 "$O/dlwatch" demo "$sample" || {
		code=$?
		echo "dlwatch: demo $sample: ended with status $code" >&2
		status=1
	}
done
exit $status
