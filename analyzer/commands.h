/*
 * analyzer/commands.h - the subcommands of dlwatch, one file each
 *
 * A command gets its own argv: argv[0] is "dlwatch NAME", so that argp's usage
 * and error lines read well. It returns the exit status.
 */
#ifndef DLW_ANALYZER_COMMANDS_H
#define DLW_ANALYZER_COMMANDS_H

#include <stdbool.h>

struct dlw_command {
	const char *name;
	const char *help; /* one line */
	int (*run)(int argc, char **argv);
	int usage_status; /* exit status of wrong usage */
	bool internal;    /* not for daily use: listed apart */
};

/** All commands, in the order of `dlwatch --help`; ends with a NULL name. */
extern const struct dlw_command dlw_commands[];

/** dlw_command_find() - by name, or NULL */
const struct dlw_command *dlw_command_find(const char *name);

/** dlw_command_nearest() - the command that was probably meant, or NULL if none is near */
const struct dlw_command *dlw_command_nearest(const char *name);

int dlw_cmd_run(int argc, char **argv);
int dlw_cmd_analyze(int argc, char **argv);
int dlw_cmd_replay(int argc, char **argv);
int dlw_cmd_dump(int argc, char **argv);
int dlw_cmd_summarize(int argc, char **argv);
int dlw_cmd_compress(int argc, char **argv);
int dlw_cmd_top(int argc, char **argv);
int dlw_cmd_snapshot(int argc, char **argv);
int dlw_cmd_demo(int argc, char **argv);
int dlw_cmd_render(int argc, char **argv);
int dlw_cmd_help(int argc, char **argv);

#endif
