/*
 * cmd_help.c - dlwatch help [COMMAND]
 */
#include <stdio.h>
#include <string.h>

#include <argp.h>

#include "analyzer/commands.h"

static const char intro[] =
	"Usage: dlwatch COMMAND [OPTION...] [ARG...]\n"
	"Says which threads wait for which locks, who holds them, and why that is a\n"
	"deadlock. Nothing has to be recompiled.\n";

static const char outro[] =
	"Examples:\n"
	"  dlwatch run ./app --its-options      a hang becomes a report and exit status 66\n"
	"  dlwatch run --log=DIR -- ./app       keep the log of the run ...\n"
	"  dlwatch analyze DIR                  ... and look for deadlocks in it afterwards\n"
	"  dlwatch demo                         samples to learn from\n"
	"\n"
	"Exit status of run: the program's own; 66 if there was a finding; 128+N if it\n"
	"died of signal N; 125 dlwatch failed, 126 cannot execute, 127 not found.\n"
	"Exit status of analyze: 0 nothing found, 1 a finding, 2 bad usage or input.\n"
	"\n"
	"'dlwatch help COMMAND' says more. Without this command at hand:\n"
	"LD_PRELOAD=libdlwatch.so ./app, see libdlwatch(7).\n";

static void list_commands(FILE *out)
{
	const struct dlw_command *command;

	fputs(intro, out);
	fputs("\nCommands:\n", out);
	for (command = dlw_commands; command->name; command++)
		if (!command->internal)
			fprintf(out, "  %-10s %s\n", command->name, command->help);
	fputs("\nInternal:\n", out);
	for (command = dlw_commands; command->name; command++)
		if (command->internal)
			fprintf(out, "  %-10s %s\n", command->name, command->help);
	fputc('\n', out);
	fputs(outro, out);
}

int dlw_cmd_help(int argc, char **argv)
{
	const struct dlw_command *command;
	char title[64], option[] = "--help";
	char *arguments[] = { title, option, NULL };

	if (argc < 2 || argv[1][0] == '-') {
		list_commands(stdout);
		return 0;
	}
	command = dlw_command_find(argv[1]);
	if (!command) {
		command = dlw_command_nearest(argv[1]);
		fprintf(stderr, "dlwatch: no command '%s'; ", argv[1]);
		if (command)
			fprintf(stderr, "did you mean '%s'?\n", command->name);
		else
			fprintf(stderr, "'dlwatch --help' lists them\n");
		return 2;
	}
	if (command->run == dlw_cmd_help) {
		puts("Usage: dlwatch help [COMMAND]\nExplains a command, or lists all of them.");
		return 0;
	}
	snprintf(title, sizeof(title), "dlwatch %s", command->name);
	return command->run(2, arguments);
}
