/*
 * cmd_dump.c - `dlwatch dump`: everything a log contains, in one order
 */
#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "analyzer/commands.h"
#include "analyzer/log_arguments.h"
#include "analyzer/log_coverage.h"
#include "analyzer/log_dump.h"
#include "analyzer/symbols.h"

/** The ways to print a log. */
static const struct format {
	const char *name;
	bool (*dump)(struct dlw_log_dump *dump);
} formats[] = {
	{ "text", dlw_log_dump_text },
	{ "jsonl", dlw_log_dump_jsonl },
	{ "std", dlw_log_dump_std },
	{ "perfetto", dlw_log_dump_perfetto },
};

struct options {
	const struct format *format;
	bool events_only;
	char **logs;
};

enum { KEY_FORMAT = 0x5000, KEY_EVENTS_ONLY };

static const struct argp_option own_options[] = {
	{ "format", KEY_FORMAT, "FORMAT", 0, "text (default); jsonl: one JSON object a line; "
	  "std: a trace for tools that read the STD text format; perfetto: JSON for ui.perfetto.dev", 0 },
	{ "events-only", KEY_EVENTS_ONLY, NULL, 0, "Leave out the definitions", 0 },
	{ 0 },
};

static void parse_format(struct options *options, const char *word, struct argp_state *state)
{
	size_t at;

	for (at = 0; at < sizeof(formats) / sizeof(formats[0]); at++)
		if (!strcmp(word, formats[at].name)) {
			options->format = &formats[at];
			return;
		}
	argp_error(state, "--format=%s: no such format: text, jsonl, std or perfetto", word);
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct options *options = state->input;

	switch (key) {
	case KEY_FORMAT:
		parse_format(options, arg, state);
		return 0;
	case KEY_EVENTS_ONLY:
		options->events_only = true;
		return 0;
	case ARGP_KEY_ARGS:
		options->logs = state->argv + state->next;
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "which log? Give a session directory or .dlw files");
		return EINVAL;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp dump_argp = {
	own_options,
	parse,
	"LOG...",
	"Prints what the logs contain: processes, modules, threads, locks and stacks, then "
	"every event of all of them in one order, with its time in milliseconds since the "
	"first log began.\v"
	"Examples:\n"
	"  dlwatch dump /tmp/session | less\n"
	"  dlwatch dump --format=jsonl --events-only /tmp/session | grep '\"wants\"'\n"
	"  dlwatch dump --format=perfetto /tmp/session >trace.json\n"
	"\n"
	"Exit status: 0, or 2 for bad usage or a log that cannot be read (what could be "
	"recovered is still printed).",
	NULL,
	NULL,
	NULL,
};

int dlw_cmd_dump(int argc, char **argv)
{
	struct options options = { .format = &formats[0] };
	struct dlw_log_dump dump = { .out = stdout };
	bool readable, written;

	argp_err_exit_status = 2;
	argp_parse(&dump_argp, argc, argv, 0, NULL, &options);
	dump.replay = dlw_replay_new();
	dump.symbols = dlw_symbols_new();
	dump.events_only = options.events_only;
	readable = dlw_log_arguments_add(dump.replay, options.logs);
	written = options.format->dump(&dump);
	if (!written)
		fprintf(stderr, "dlwatch: standard output: cannot write: %s\n", strerror(errno));
	dlw_log_coverage_say(dump.replay);
	dlw_symbols_free(dump.symbols);
	dlw_replay_free(dump.replay);
	return readable && written ? 0 : 2;
}
