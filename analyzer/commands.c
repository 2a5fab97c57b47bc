/*
 * commands.c - the table of subcommands
 */
#include "analyzer/commands.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

const struct dlw_command dlw_commands[] = {
	{ "run", "run a program watched; report its deadlocks as they happen", dlw_cmd_run, 125, false },
	{ "analyze", "find deadlocks in the logs of earlier runs", dlw_cmd_analyze, 2, false },
	{ "replay", "step through a log, forward and backward", dlw_cmd_replay, 2, false },
	{ "dump", "print the events of a log", dlw_cmd_dump, 2, false },
	{ "summarize", "put the lock orders of many runs together", dlw_cmd_summarize, 2, false },
	{ "compress", "compress the logs of programs that have ended", dlw_cmd_compress, 2, false },
	{ "top", "show live what a watched program waits for and holds", dlw_cmd_top, 2, false },
	{ "snapshot", "copy the log of a running program as it is now", dlw_cmd_snapshot, 2, false },
	{ "demo", "run a bundled sample watched, and explain what is seen", dlw_cmd_demo, 2, false },
	{ "help", "explain a command", dlw_cmd_help, 2, false },
	{ "render", "turn raw findings into reports (started by libdlwatch.so)", dlw_cmd_render, 2, true },
	{ NULL, NULL, NULL, 0, false },
};

const struct dlw_command *dlw_command_find(const char *name)
{
	const struct dlw_command *command;

	for (command = dlw_commands; command->name; command++)
		if (strcmp(command->name, name) == 0)
			return command;
	return NULL;
}

/* Letters to insert, delete, replace or swap to get from @a to @b; names are short. */
static size_t edit_distance(const char *a, const char *b)
{
	size_t rows[3][32];
	size_t *before = rows[0], *last = rows[1], *now = rows[2], *spare;
	size_t length = strlen(b), i, j, best;

	if (length >= 32 || strlen(a) >= 32)
		return SIZE_MAX;
	for (j = 0; j <= length; j++)
		last[j] = j;
	for (i = 1; a[i - 1]; i++) {
		now[0] = i;
		for (j = 1; j <= length; j++) {
			best = last[j - 1] + (a[i - 1] != b[j - 1]);
			if (last[j] + 1 < best)
				best = last[j] + 1;
			if (now[j - 1] + 1 < best)
				best = now[j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    before[j - 2] + 1 < best)
				best = before[j - 2] + 1;
			now[j] = best;
		}
		spare = before;
		before = last;
		last = now;
		now = spare;
	}
	return last[length];
}

const struct dlw_command *dlw_command_nearest(const char *name)
{
	const struct dlw_command *command, *nearest = NULL;
	size_t distance, best = 3;

	for (command = dlw_commands; command->name; command++) {
		distance = edit_distance(name, command->name);
		if (strncmp(name, command->name, 3) == 0 && distance > 2)
			distance = 2;
		if (distance < best) {
			best = distance;
			nearest = command;
		}
	}
	return nearest;
}
