/*
 * cmd_analyze.c - `dlwatch analyze`: what the logs of a session tell
 *
 * Replays them once, in one order. Findings are printed as they are met,
 * statistics and what could not be seen at the end.
 */
#include <argp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/commands.h"
#include "analyzer/log_arguments.h"
#include "analyzer/log_coverage.h"
#include "analyzer/log_findings.h"
#include "analyzer/log_misuses.h"
#include "analyzer/log_prediction.h"
#include "analyzer/log_progress.h"
#include "analyzer/log_replay.h"
#include "analyzer/options.h"
#include "analyzer/report.h"
#include "analyzer/statistics.h"
#include "analyzer/summary_arguments.h"
#include "analyzer/summary_cycles.h"

#define ROWS 20 /* locks in the table, unless asked for more */

struct analyze {
	struct dlw_options common;
	char **logs;
	enum { STATISTICS_TABLE, STATISTICS_JSON, STATISTICS_CSV, STATISTICS_OFF } statistics;
	bool by_class;
	uint32_t misuse; /* sorts to report */
};

/* -------------------------------------------------------------- command line */

enum { KEY_NO_STATISTICS = 0x5000, KEY_MISUSE, KEY_STATISTICS, KEY_BY };

static const struct argp_option own_options[] = {
	{ "statistics", KEY_STATISTICS, "FORMAT", 0,
	  "How locks were used: table (default); json or csv: all of them, on standard output, "
	  "and the report on standard error; off", 0 },
	{ "by", KEY_BY, "WHAT", 0,
	  "Statistics of each lock (default), or of each class: locks with one class in dlwatch.h, "
	  "initialised at one place, or parts of one static variable", 0 },
	{ "no-statistics", KEY_NO_STATISTICS, NULL, 0, "The same as --statistics=off", 0 },
	DLW_MISUSE_OPTION(KEY_MISUSE),
	{ 0 },
};

static void parse_statistics(struct analyze *analyze, const char *word, struct argp_state *state)
{
	static const char *const words[] = { "table", "json", "csv", "off" };
	unsigned at;

	for (at = 0; at < sizeof(words) / sizeof(words[0]) && strcmp(word, words[at]); at++)
		;
	if (at == sizeof(words) / sizeof(words[0]))
		argp_error(state, "--statistics=%s: not table, json, csv or off", word);
	analyze->statistics = at;
	if ((at == STATISTICS_JSON || at == STATISTICS_CSV) && analyze->common.text == stdout)
		analyze->common.text = stderr;
}

static void parse_by(struct analyze *analyze, const char *word, struct argp_state *state)
{
	if (strcmp(word, "lock") && strcmp(word, "class"))
		argp_error(state, "--by=%s: not lock or class", word);
	analyze->by_class = strcmp(word, "class") == 0;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct analyze *analyze = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &analyze->common;
		return 0;
	case KEY_NO_STATISTICS:
		analyze->statistics = STATISTICS_OFF;
		return 0;
	case KEY_BY:
		parse_by(analyze, arg, state);
		return 0;
	case KEY_STATISTICS:
		parse_statistics(analyze, arg, state);
		return 0;
	case KEY_MISUSE:
		dlw_options_misuse(state, arg, &analyze->misuse);
		return 0;
	case ARGP_KEY_ARGS:
		analyze->logs = state->argv + state->next;
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "which log? Give a session directory, .dlw files or summaries");
		return EINVAL;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_child children[] = {
	{ &dlw_options_argp, 0, "Common options:", 1 },
	{ 0 },
};

static const struct argp analyze_argp = {
	own_options,
	parse,
	"LOG|SUMMARY...",
	"Replays the logs that 'dlwatch run --log=DIR' or the option log=DIR has left, and "
	"reports the deadlocks in them, those that another schedule would have, and how each "
	"lock was used. LOG is a session "
	"directory or a .dlw file; all logs of one session are best given together. "
	"With a SUMMARY (*.json, of 'dlwatch summarize') among them every argument is a run of its "
	"own, and only the lock orders of all runs together are looked at.\v"
	"Examples:\n"
	"  dlwatch run --log=/tmp/session -- ./app\n"
	"  dlwatch analyze /tmp/session\n"
	"  dlwatch analyze --all monday.json tuesday.json /tmp/session\n"
	"\n"
	"Exit status: 0 nothing found at or above --fail-on (default: inversion), 1 a "
	"finding, 2 bad usage or a log that cannot be read (what could be recovered is "
	"still reported).",
	children,
	NULL,
	NULL,
};

/* -------------------------------------------------------------------- replay */

struct telling {
	struct dlw_report *report;
	struct dlw_log_prediction *prediction;
};

static void add_to_report(void *report, const char *line, size_t length)
{
	dlw_report_add(report, line, length);
}

/* What really happened need not be predicted. */
static void tell(void *context, const char *line, size_t length)
{
	struct telling *telling = context;

	dlw_log_prediction_found(telling->prediction, line, length);
	dlw_report_add(telling->report, line, length);
}

static void replay_all(struct dlw_replay *replay, struct dlw_log_findings *findings,
		       struct dlw_log_prediction *prediction, struct dlw_statistics *statistics)
{
	struct dlw_log_progress progress;
	const struct dlw_cursor *thread;

	dlw_log_progress_begin(&progress, replay);
	dlw_replay_start(replay);
	while ((thread = dlw_replay_peek(replay))) {
		dlw_log_findings_before(findings);
		dlw_log_prediction_before(prediction);
		if (statistics)
			dlw_statistics_observe(statistics);
		dlw_replay_apply(replay);
		dlw_log_prediction_after(prediction, thread);
		dlw_log_progress_step(&progress);
	}
	dlw_log_progress_end(&progress);
	dlw_log_findings_at_end(findings);
}

/* ---------------------------------------------------------------------- text */

static void print_verdict(FILE *out, const struct dlw_replay *replay, uint32_t found,
			  uint32_t predicted)
{
	const char *plural = replay->source_count == 1 ? "" : "s";

	if (!out)
		return;
	if (!found && !predicted)
		fprintf(out, "no deadlock in %u log%s (%llu events), and none predicted\n",
			replay->source_count, plural, (unsigned long long)replay->events);
	else if (!found)
		fprintf(out, "no deadlock in %u log%s (%llu events), but %u that could be\n",
			replay->source_count, plural, (unsigned long long)replay->events,
			predicted);
	if (predicted)
		fputs("predicted: feasible as far as locks and order events tell; memory that "
		      "threads share may forbid it\n",
		      out);
}

static void print_coverage(FILE *out, const json_t *coverage)
{
	const json_t *notes = json_object_get(coverage, "notes");
	size_t at;

	if (!out)
		return;
	if (!json_array_size(notes)) {
		fputs("coverage: complete, nothing was lost\n", out);
		return;
	}
	fputs("coverage: not everything was seen\n", out);
	for (at = 0; at < json_array_size(notes); at++)
		fprintf(out, "  %s\n", json_string_value(json_array_get(notes, at)));
}

static size_t rows_wanted(const struct analyze *analyze)
{
	return analyze->statistics != STATISTICS_TABLE || analyze->common.all ||
			       analyze->common.verbose || analyze->common.json ?
		       SIZE_MAX :
		       ROWS;
}

static void print_statistics(const struct analyze *analyze, const json_t *table, FILE *out)
{
	if (analyze->statistics == STATISTICS_TABLE)
		dlw_statistics_print(table, out);
	else if (analyze->statistics == STATISTICS_CSV)
		dlw_statistics_csv(table, stdout);
	else
		json_dumpf(table, stdout, JSON_INDENT(2)), putchar('\n');
}

static int report_all(struct analyze *analyze, struct dlw_replay *replay,
		      struct dlw_report *report)
{
	struct dlw_log_prediction *prediction =
		dlw_log_prediction_new(replay, analyze->common.all);
	struct telling telling = { report, prediction };
	struct dlw_log_findings *findings = dlw_log_findings_new(replay, tell, &telling);
	struct dlw_statistics *statistics =
		analyze->statistics == STATISTICS_OFF ? NULL : dlw_statistics_new(replay);
	FILE *out = dlw_report_text(report);
	json_t *coverage, *table;

	replay_all(replay, findings, prediction, statistics);
	dlw_log_prediction_finish(prediction, add_to_report, report);
	print_verdict(out, replay, dlw_log_findings_count(findings),
		      dlw_log_prediction_count(prediction));
	dlw_log_misuses(replay, analyze->misuse, add_to_report, report);
	if (statistics) {
		dlw_statistics_finish(statistics);
		if (analyze->by_class)
			dlw_statistics_by_class(statistics, dlw_report_symbols(report));
		table = dlw_statistics_json(statistics, dlw_report_symbols(report),
					    rows_wanted(analyze));
		print_statistics(analyze, table, out);
		dlw_report_set_statistics(report, table);
		dlw_statistics_free(statistics);
	}
	coverage = dlw_log_coverage(replay);
	dlw_log_prediction_notes(prediction, json_object_get(coverage, "notes"));
	print_coverage(out, coverage);
	dlw_report_set_coverage(report, coverage);
	dlw_log_findings_free(findings);
	dlw_log_prediction_free(prediction);
	return dlw_report_finish(report);
}

/* ----------------------------------------------------------------- summaries */

static bool has_summary(char *const *arguments)
{
	while (*arguments && !dlw_is_summary(*arguments))
		arguments++;
	return *arguments;
}

/** analyze_summaries() - orders of many runs; logs among them are summarised first */
static int analyze_summaries(const struct analyze *analyze, struct dlw_report *report)
{
	struct dlw_summary *summary = dlw_summary_new();
	bool readable = dlw_summary_arguments_add(summary, analyze->logs,
						  dlw_report_symbols(report));
	struct dlw_summary_cycles *cycles = dlw_summary_cycles_new(summary);
	FILE *out = dlw_report_text(report);
	json_t *coverage;
	int status;

	dlw_summary_cycles_findings(cycles, add_to_report, report);
	if (out && !analyze->common.all)
		dlw_summary_cycles_print(cycles, out);
	coverage = dlw_summary_cycles_coverage(cycles);
	print_coverage(out, coverage);
	dlw_report_set_coverage(report, coverage);
	dlw_summary_cycles_free(cycles);
	dlw_summary_free(summary);
	status = dlw_report_finish(report);
	return readable ? status : -1;
}

static int analyze_logs(struct analyze *analyze, struct dlw_report *report)
{
	struct dlw_replay *replay = dlw_replay_new();
	bool readable = dlw_log_arguments_add(replay, analyze->logs);
	int status = replay->source_count ? report_all(analyze, replay, report) :
					    dlw_report_finish(report);

	dlw_replay_free(replay);
	return readable ? status : -1;
}

int dlw_cmd_analyze(int argc, char **argv)
{
	struct analyze analyze = { .misuse = DLW_MISUSE_DEFAULT };
	struct dlw_report *report;
	int status;

	dlw_options_init(&analyze.common, DLW_SEVERITY_INVERSION, stdout);
	argp_err_exit_status = 2;
	argp_parse(&analyze_argp, argc, argv, 0, NULL, &analyze);
	report = dlw_report_new(&analyze.common);
	if (!report)
		return 2;
	status = has_summary(analyze.logs) ? analyze_summaries(&analyze, report) :
					     analyze_logs(&analyze, report);
	dlw_report_free(report);
	return status < 0 ? 2 : status;
}
