/*
 * summary_arguments.c - the LOG|SUMMARY… of a command line
 */
#include "analyzer/summary_arguments.h"

#include <ctype.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>

#include "analyzer/log_arguments.h"
#include "analyzer/log_coverage.h"

/** begins_as_json() - its first character but for blanks is that of an object */
static bool begins_as_json(const char *path)
{
	FILE *file = fopen(path, "re");
	int first = EOF;

	if (!file)
		return false;
	do
		first = getc(file);
	while (isspace(first));
	fclose(file);
	return first == '{';
}

bool dlw_is_summary(const char *path)
{
	return fnmatch("*.json", path, 0) == 0 || begins_as_json(path);
}

static bool add_run(struct dlw_summary *summary, char *path, struct dlw_symbols *symbols)
{
	struct dlw_replay *replay = dlw_replay_new();
	char *arguments[] = { path, NULL };
	bool readable = dlw_log_arguments_add(replay, arguments);

	if (replay->source_count) {
		dlw_summary_add_logs(summary, replay, path, symbols);
		dlw_log_coverage_say(replay);
	}
	dlw_replay_free(replay);
	return readable;
}

static bool add_summary(struct dlw_summary *summary, const char *path)
{
	char *error = NULL;

	if (dlw_summary_read(summary, path, &error))
		return true;
	fprintf(stderr, "dlwatch: %s\n", error);
	free(error);
	return false;
}

bool dlw_summary_arguments_add(struct dlw_summary *summary, char *const *arguments,
			       struct dlw_symbols *symbols)
{
	bool all = true;

	for (; *arguments; arguments++)
		all &= dlw_is_summary(*arguments) ? add_summary(summary, *arguments) :
						    add_run(summary, *arguments, symbols);
	return all;
}
