/*
 * cmd_summarize.c - `dlwatch summarize`: lock orders of many runs, put together
 */
#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/commands.h"
#include "analyzer/summary_arguments.h"
#include "analyzer/summary_cycles.h"
#include "analyzer/symbols.h"

struct options {
	char **logs;
	const char *output;
};

static const struct argp_option own_options[] = {
	{ "output", 'o', "FILE", 0, "Write the summary there", 0 },
	{ 0 },
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct options *options = state->input;

	switch (key) {
	case 'o':
		options->output = arg;
		return 0;
	case ARGP_KEY_ARGS:
		options->logs = state->argv + state->next;
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "of which runs? Give logs, session directories or summaries");
		return EINVAL;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp summarize_argp = {
	own_options,
	parse,
	"LOG|SUMMARY...",
	"Puts the lock orders of many runs together: which lock was asked for while which "
	"others were held, and how often, by the classes of locks that runs have in common "
	"(named ones, those of one place of initialisation, static ones). A LOG is one run; a "
	"summary (*.json) has any number. Says which classes are taken both ways round; "
	"'dlwatch analyze' of summaries says where, and in which runs.\v"
	"Summaries of summaries are the same whatever was put together first, so the work can be "
	"spread over machines.\n"
	"\n"
	"Example:\n"
	"  for log in runs/*; do dlwatch summarize -o $log.json $log; done\n"
	"  dlwatch summarize -o all.json runs/*.json\n"
	"\n"
	"Exit status: 0, or 2 if something cannot be read or written.",
	NULL,
	NULL,
	NULL,
};

static bool write_to(struct dlw_summary *summary, const char *path)
{
	FILE *file = fopen(path, "we");
	bool good = file && dlw_summary_write(summary, file);

	if (file && fclose(file))
		good = false;
	if (!good)
		fprintf(stderr, "dlwatch: %s: cannot write: %s\n", path, strerror(errno));
	return good;
}

int dlw_cmd_summarize(int argc, char **argv)
{
	struct dlw_summary *summary = dlw_summary_new();
	struct dlw_symbols *symbols = dlw_symbols_new();
	struct dlw_summary_cycles *cycles;
	struct options options = { 0 };
	bool good;

	argp_err_exit_status = 2;
	argp_parse(&summarize_argp, argc, argv, 0, NULL, &options);
	good = dlw_summary_arguments_add(summary, options.logs, symbols);
	cycles = dlw_summary_cycles_new(summary);
	dlw_summary_cycles_print(cycles, stdout);
	dlw_summary_cycles_free(cycles);
	if (options.output)
		good &= write_to(summary, options.output);
	dlw_symbols_free(symbols);
	dlw_summary_free(summary);
	return good ? 0 : 2;
}
