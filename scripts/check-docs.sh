#!/bin/bash
# check-docs.sh - manual pages and completions name the options there are
#
# What the programs themselves say (`dlwatch help COMMAND`, the table of keys in
# shim/options.c) against what docs/man and scripts/completions say, both ways.
set -eu

O=${O:-build}
status=0

complain()
{
	echo "$*"
	status=1
}

# $1, $2: two lists, one word a line; $3, $4: what it means to be only in one.
compare()
{
	local word

	for word in $(comm -23 <(sort -u <<<"$1") <(sort -u <<<"$2")); do
		complain "$word: $3"
	done
	for word in $(comm -13 <(sort -u <<<"$1") <(sort -u <<<"$2")); do
		complain "$word: $4"
	done
}

long_options()
{
	grep -oE -- '--[a-z][a-z-]+' | grep -vxE -- '--(help|usage|version)' | sort -u
}

commands=$("$O/dlwatch" help | sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p')
test -n "$commands" || complain "$O/dlwatch help names no command"

options=
for command in $commands; do
	options+=$("$O/dlwatch" help "$command" | grep -E '^ +-' | long_options || true)$'\n'
	grep -q "^\.SS dlwatch $command\$" docs/man/dlwatch.1 ||
		complain "dlwatch $command: not in docs/man/dlwatch.1"
done
options=$(grep . <<<"$options" | sort -u)

manual=$(sed 's/\\-/-/g' docs/man/dlwatch.1 | grep -E '^\.(BI?|BR|TP)' | long_options)
compare "$options" "$manual" 'not in docs/man/dlwatch.1' 'in docs/man/dlwatch.1, but not in dlwatch help'
compare "$options" "$(long_options <scripts/completions/dlwatch.bash)" \
	'not completed in bash' 'completed in bash, but not in dlwatch help'
compare "$options" "$(long_options <scripts/completions/_dlwatch)" \
	'not completed in zsh' 'completed in zsh, but not in dlwatch help'
compare "$options" "$(sed -nE 's/^complete .* -l ([a-z-]+).*/--\1/p' scripts/completions/dlwatch.fish | long_options)" \
	'not completed in fish' 'completed in fish, but not in dlwatch help'

keys=$(sed -nE '/keys\[\] = /,/^};/s/^\t\{ "([a-z_]+)".*/\1/p' shim/options.c; echo file)
described=$(sed -nE '/^\.SH OPTIONS/,/^\.SH EXIT/s/^\.B[IR] ([a-z_]+)=.*/\1/p' docs/man/libdlwatch.7)
compare "$keys" "$described" 'not in docs/man/libdlwatch.7' 'in docs/man/libdlwatch.7, but no option'

exit $status
