# bash completion for dlwatch

_dlwatch_values()
{
	case $1 in
	--fail-on) echo deadlock inversion misuse never ;;
	--color) echo auto always never ;;
	--on-deadlock) echo exit report abort stop break ;;
	--log-mode) echo full order ring off ;;
	--misuse) echo default all off ;;
	--by) echo lock class ;;
	--statistics) echo table json csv off ;;
	--format) echo text jsonl std perfetto ;;
	esac
}

_dlwatch_options()
{
	local common='--fail-on= --json= --sarif= --html= --dot= --junit= --suppressions=
		--baseline= --all --color= --quiet --verbose --help'

	case $1 in
	run) echo "$common --on-deadlock= --log= --log-mode= --compress --misuse= --options=" ;;
	analyze) echo "$common --no-statistics --statistics= --by= --misuse=" ;;
	replay) echo '--at= --script= --color= --help' ;;
	top) echo '--once --interval= --color= --help' ;;
	snapshot | summarize) echo '--output= --help' ;;
	dump) echo '--events-only --format= --help' ;;
	demo) echo '--color= --log= --help' ;;
	*) echo --help ;;
	esac
}

# The word that is the program of `dlwatch run`, or nothing: after it, words
# are the program's own.
_dlwatch_program_index()
{
	local i

	for ((i = 2; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		--) echo $((i + 1)) && return ;;
		-* | =) ;;
		*) test "${COMP_WORDS[i - 1]}" = = || { echo "$i" && return; } ;;
		esac
	done
}

_dlwatch()
{
	local current=${COMP_WORDS[COMP_CWORD]} command=${COMP_WORDS[1]}
	local before=${COMP_WORDS[COMP_CWORD - 1]} option program

	COMPREPLY=()
	if ((COMP_CWORD == 1)); then
		mapfile -t COMPREPLY < <(compgen -W 'run analyze replay dump summarize compress top snapshot demo help --help --version' \
			-- "$current")
		return
	fi
	option=
	# `--color=al` arrives as three words.
	if [[ $current == = ]]; then
		option=$before
		current=
	elif [[ $before == = ]]; then
		option=${COMP_WORDS[COMP_CWORD - 2]}
	fi
	if [[ $command == run ]]; then
		program=$(_dlwatch_program_index)
		if [[ -n $program ]] && ((COMP_CWORD > program)); then
			compopt -o default
			return
		fi
	fi
	if [[ -n $option ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$(_dlwatch_values "$option")" -- "$current")
		((${#COMPREPLY[@]})) || compopt -o default
	elif [[ $current == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$(_dlwatch_options "$command")" -- "$current")
		[[ ${#COMPREPLY[@]} == 1 && ${COMPREPLY[0]} == *= ]] && compopt -o nospace
	elif [[ $command == help ]]; then
		mapfile -t COMPREPLY < <(compgen -W 'run analyze replay dump summarize compress top snapshot demo help' -- "$current")
	elif [[ $command == demo ]]; then
		mapfile -t COMPREPLY < <(compgen -W \
			"$("${COMP_WORDS[0]}" demo 2>/dev/null | cut -d ' ' -f 1)" -- "$current")
	elif [[ $command == run ]]; then
		mapfile -t COMPREPLY < <(compgen -c -- "$current"; compgen -f -- "$current")
		compopt -o filenames
	else
		compopt -o default
	fi
}

complete -F _dlwatch dlwatch
