# fish completion for dlwatch

set -l commands run analyze replay dump summarize compress top snapshot demo help
set -l reporting '__fish_seen_subcommand_from run analyze'

complete -c dlwatch -n "not __fish_seen_subcommand_from $commands" -f -a run -d 'Run a program watched'
complete -c dlwatch -n "not __fish_seen_subcommand_from $commands" -f -a analyze -d 'Find deadlocks in logs'
complete -c dlwatch -n "not __fish_seen_subcommand_from $commands" -f -a dump -d 'Print the events of a log'
complete -c dlwatch -n "not __fish_seen_subcommand_from $commands" -f -a replay -d 'Step through a log'
complete -c dlwatch -n "not __fish_seen_subcommand_from $commands" -f -a top -d 'Show live what a program waits for'
complete -c dlwatch -n "not __fish_seen_subcommand_from $commands" -f -a summarize -d 'Put the lock orders of many runs together'
complete -c dlwatch -n '__fish_seen_subcommand_from summarize' -s o -l output -r -d 'Write the summary there'
complete -c dlwatch -n "not __fish_seen_subcommand_from $commands" -f -a compress -d 'Compress the logs of programs that have ended'
complete -c dlwatch -n "not __fish_seen_subcommand_from $commands" -f -a snapshot -d 'Copy the log of a running program'
complete -c dlwatch -n "not __fish_seen_subcommand_from $commands" -f -a demo -d 'Run a bundled sample watched'
complete -c dlwatch -n "not __fish_seen_subcommand_from $commands" -f -a help -d 'Explain a command'
complete -c dlwatch -n "not __fish_seen_subcommand_from $commands" -f -l version -d 'Show the version'

complete -c dlwatch -n $reporting -l fail-on -x -a 'deadlock inversion misuse never' -d 'Findings that decide the exit status'
complete -c dlwatch -n $reporting -l json -r -d 'Write the report as JSON'
complete -c dlwatch -n $reporting -l sarif -r -d 'Write the report as SARIF'
complete -c dlwatch -n $reporting -l html -r -d 'Write the report as a web page'
complete -c dlwatch -n $reporting -l dot -r -d 'Write the wait-for graphs for Graphviz'
complete -c dlwatch -n $reporting -l junit -r -d 'Write the report as JUnit XML'
complete -c dlwatch -n $reporting -l suppressions -r -d 'Do not report what these rules match'
complete -c dlwatch -n $reporting -l baseline -r -d 'Report only what is not in this one'
complete -c dlwatch -n $reporting -l all -d 'Also show cycles that cannot deadlock'
complete -c dlwatch -n $reporting -s q -l quiet -d 'No text report'
complete -c dlwatch -n $reporting -s v -l verbose -d 'Whole stacks and all locks'
complete -c dlwatch -n '__fish_seen_subcommand_from run analyze replay top demo' -l color -x -a 'auto always never' -d Colours

complete -c dlwatch -n '__fish_seen_subcommand_from run' -l on-deadlock -x -a 'exit report abort stop break' -d 'After the report'
complete -c dlwatch -n '__fish_seen_subcommand_from run' -l log-mode -x -a 'full order ring off' -d 'How much is logged'
complete -c dlwatch -n '__fish_seen_subcommand_from run' -l compress -d 'Compress the logs at the end'
complete -c dlwatch -n $reporting -l misuse -x -a 'default all off' -d 'Which misuses are reported'
complete -c dlwatch -n '__fish_seen_subcommand_from run' -l options -x -d 'Options of the library'
complete -c dlwatch -n '__fish_seen_subcommand_from run demo' -l log -x -a '(__fish_complete_directories)' -d 'Keep the logs there'
complete -c dlwatch -n '__fish_seen_subcommand_from run' -xa '(__fish_complete_subcommand --fcs-skip=2)'

complete -c dlwatch -n '__fish_seen_subcommand_from analyze' -l no-statistics -d 'Leave out the table of locks'
complete -c dlwatch -n '__fish_seen_subcommand_from analyze' -l by -x -a 'lock class' -d 'Statistics of what'
complete -c dlwatch -n '__fish_seen_subcommand_from analyze' -l statistics -x -a 'table json csv off' -d 'How locks were used'
complete -c dlwatch -n '__fish_seen_subcommand_from replay' -l at -x -d 'Begin after this event'
complete -c dlwatch -n '__fish_seen_subcommand_from replay' -l script -r -d 'Take the commands from there'
complete -c dlwatch -n '__fish_seen_subcommand_from top' -l once -d 'Print one picture'
complete -c dlwatch -n '__fish_seen_subcommand_from top' -l interval -x -d 'Milliseconds between two pictures'
complete -c dlwatch -n '__fish_seen_subcommand_from top snapshot' -xa '(__fish_complete_pids)'
complete -c dlwatch -n '__fish_seen_subcommand_from snapshot' -s o -l output -x -a '(__fish_complete_directories)' -d 'Where the copies go'
complete -c dlwatch -n '__fish_seen_subcommand_from dump' -l events-only -d 'Leave out the definitions'
complete -c dlwatch -n '__fish_seen_subcommand_from dump' -l format -x -a 'text jsonl std perfetto' -d 'Form of the events'
complete -c dlwatch -n '__fish_seen_subcommand_from demo' -f -a "(dlwatch demo 2>/dev/null | string replace -r ' +' \t)"
complete -c dlwatch -n '__fish_seen_subcommand_from help' -f -a "$commands"
