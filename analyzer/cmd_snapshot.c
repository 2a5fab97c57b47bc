/*
 * cmd_snapshot.c - `dlwatch snapshot`: the logs of running programs, as they
 * are now
 */
#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "analyzer/commands.h"
#include "analyzer/log_copy.h"
#include "analyzer/segments.h"

struct options {
	char **who;
	const char *directory;
};

static const struct argp_option own_options[] = {
	{ "output", 'o', "DIR", 0, "Where the copies go; made if it is not there", 0 },
	{ 0 },
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct options *options = state->input;

	switch (key) {
	case 'o':
		options->directory = arg;
		return 0;
	case ARGP_KEY_ARGS:
		options->who = state->argv + state->next;
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "of which process? Give a pid or a session's directory");
		return EINVAL;
	case ARGP_KEY_END:
		if (!options->directory)
			argp_error(state, "where to? Give -o DIR");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp snapshot_argp = {
	own_options,
	parse,
	"PID|SESSION...",
	"Copies the logs of running programs as they are now, without stopping them: what a "
	"flight recorder (log_mode=ring) has, or all of a full log so far.\v"
	"Example:\n"
	"  DLWATCH_OPTIONS=log=/tmp/log:log_mode=ring LD_PRELOAD=libdlwatch.so ./server &\n"
	"  dlwatch snapshot $! -o /tmp/now && dlwatch analyze /tmp/now\n"
	"\n"
	"Exit status: 0, or 2 if one of them has no log or it cannot be copied.",
	NULL,
	NULL,
	NULL,
};

static bool complain(char *error)
{
	fprintf(stderr, "dlwatch: %s\n", error);
	free(error);
	return false;
}

static bool copy(const struct dlw_segment *segment, const char *directory)
{
	char *error = NULL;

	if (!segment->log_path[0]) {
		fprintf(stderr, "dlwatch: %d: it has no log: start it with the option log=DIR\n",
			segment->pid);
		return false;
	}
	if (!dlw_log_copy(segment->log_path, directory, &error))
		return complain(error);
	return true;
}

static bool snapshot(const char *who, const char *directory)
{
	struct dlw_segments segments;
	char *error = NULL;
	bool good = true;
	uint32_t at;

	if (!dlw_segments_open(&segments, who, &error))
		return complain(error);
	for (at = 0; at < segments.count; at++)
		good &= copy(segments.all[at].segment, directory);
	dlw_segments_close(&segments);
	return good;
}

int dlw_cmd_snapshot(int argc, char **argv)
{
	struct options options = { 0 };
	bool good = true, made;

	argp_err_exit_status = 2;
	argp_parse(&snapshot_argp, argc, argv, 0, NULL, &options);
	made = mkdir(options.directory, 0700) == 0;
	if (!made && errno != EEXIST) {
		fprintf(stderr, "dlwatch: %s: cannot make it: %s\n", options.directory,
			strerror(errno));
		return 2;
	}
	for (; *options.who; options.who++)
		good &= snapshot(*options.who, options.directory);
	if (made && !good)
		rmdir(options.directory); /* if nothing could be copied */
	return good ? 0 : 2;
}
