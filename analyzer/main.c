/*
 * main.c - the dlwatch command: finds the subcommand and hands over
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <argp.h>

#include "analyzer/commands.h"

#ifndef DLW_VERSION
#define DLW_VERSION "unknown"
#endif

static int unknown_command(const char *name)
{
	const struct dlw_command *nearest = dlw_command_nearest(name);

	if (nearest)
		fprintf(stderr, "dlwatch: no command '%s'; did you mean '%s'?\n", name, nearest->name);
	else
		fprintf(stderr, "dlwatch: no command '%s'; 'dlwatch --help' lists them\n", name);
	return 2;
}

static int run_command(const struct dlw_command *command, int argc, char **argv)
{
	static char title[64]; /* outlives main(): argp and getopt keep it */

	snprintf(title, sizeof(title), "dlwatch %s", command->name);
	argv[0] = title;
	program_invocation_name = title;
	argp_err_exit_status = command->usage_status;
	return command->run(argc, argv);
}

int main(int argc, char **argv)
{
	const struct dlw_command *command;
	char *help[] = { NULL, NULL };

	argp_program_version = "dlwatch " DLW_VERSION;
	if (argc < 2) {
		fprintf(stderr, "dlwatch: no command given; 'dlwatch --help' lists them\n");
		return 2;
	}
	if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0) {
		puts(argp_program_version);
		return 0;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-?") == 0 ||
	    strcmp(argv[1], "-h") == 0) {
		help[0] = argv[0];
		return dlw_cmd_help(1, help);
	}
	if (argv[1][0] == '-') {
		fprintf(stderr, "dlwatch: unknown option '%s'; a command comes first, see 'dlwatch --help'\n",
			argv[1]);
		return 2;
	}
	command = dlw_command_find(argv[1]);
	if (!command)
		return unknown_command(argv[1]);
	return run_command(command, argc - 1, argv + 1);
}
