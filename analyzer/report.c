/*
 * report.c - from raw findings to everything a user reads
 *
 * A finding passes: checked, completed with names, held against suppressions
 * and baseline, printed, kept. The files other than JSON lines are written when
 * all is over, but opened at the start: a name that cannot be written is better
 * known before the program has run for an hour.
 */
#include "analyzer/report.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "analyzer/baseline.h"
#include "analyzer/findings.h"
#include "analyzer/memory.h"
#include "analyzer/python_fold.h"
#include "analyzer/python_text.h"
#include "analyzer/render.h"
#include "analyzer/suppressions.h"
#include "analyzer/symbols.h"

enum { FORMATS = 5 };

struct output {
	const char *name; /* NULL: not asked for */
	FILE *stream;
	void (*render)(FILE *out, const json_t *report);
};

struct dlw_report {
	const struct dlw_options *options;
	struct dlw_symbols *symbols;
	struct dlw_suppressions *suppressions; /* NULL: none */
	struct dlw_baseline *baseline;         /* NULL: none */
	struct dlw_terminal terminal;
	struct output outputs[FORMATS]; /* the first one is JSON */
	json_t *findings;
	json_t *python; /* what interpreters were doing, by pid; python_text.h */
	json_t *coverage;
	json_t *statistics;
	size_t counts[DLW_SEVERITY_NEVER]; /* reported and counted, by severity */
	size_t suppressed;
	size_t known;  /* in the baseline */
	size_t hidden; /* not feasible */
	bool failed;   /* a line of JSON could not be written, or a file not be used */
};

/* ---- beginning ---------------------------------------------------------------------- */

static bool open_output(struct output *output, const char *mode)
{
	if (!output->name)
		return true;
	if (strcmp(output->name, "-") == 0) {
		output->stream = stdout;
		return true;
	}
	output->stream = fopen(output->name, mode);
	if (output->stream)
		return true;
	fprintf(stderr, "dlwatch: %s: cannot write report: %s\n", output->name, strerror(errno));
	return false;
}

/* Return: whether to go on; @good: whether a file can be used. */
static bool goes_on(struct dlw_report *report, bool good)
{
	if (!good)
		report->failed = true;
	return good || report->options->anyway;
}

static bool open_outputs(struct dlw_report *report)
{
	const struct dlw_options *options = report->options;
	const struct output outputs[FORMATS] = {
		{ options->json, NULL, dlw_render_json },
		{ options->sarif, NULL, dlw_render_sarif },
		{ options->html, NULL, dlw_render_html },
		{ options->dot, NULL, dlw_render_dot },
		{ options->junit, NULL, dlw_render_junit },
	};

	memcpy(report->outputs, outputs, sizeof(outputs));
	for (int i = 0; i < FORMATS; i++)
		if (!goes_on(report, open_output(&report->outputs[i],
						 i == 0 && options->json_lines ? "ae" : "we")))
			return false;
	return true;
}

static bool read_filters(struct dlw_report *report)
{
	const struct dlw_options *options = report->options;

	if (options->suppressions) {
		report->suppressions = dlw_suppressions_read(options->suppressions);
		if (!goes_on(report, report->suppressions != NULL))
			return false;
	}
	if (options->baseline) {
		report->baseline = dlw_baseline_read(options->baseline);
		if (!goes_on(report, report->baseline != NULL))
			return false;
	}
	return true;
}

struct dlw_report *dlw_report_new(const struct dlw_options *options)
{
	struct dlw_report *report = dlw_allocate(sizeof(*report));

	report->options = options;
	report->symbols = dlw_symbols_new();
	report->findings = json_array();
	report->python = json_object();
	report->coverage = json_object();
	report->statistics = json_object();
	if (!options->quiet && options->text)
		dlw_terminal_init(&report->terminal, options->text, options);
	/* The baseline may be the very file that is written anew. */
	if (read_filters(report) && open_outputs(report))
		return report;
	dlw_report_free(report);
	return NULL;
}

void dlw_report_free(struct dlw_report *report)
{
	if (!report)
		return;
	for (int i = 0; i < FORMATS; i++)
		if (report->outputs[i].stream && report->outputs[i].stream != stdout)
			fclose(report->outputs[i].stream);
	dlw_suppressions_free(report->suppressions);
	dlw_baseline_free(report->baseline);
	dlw_symbols_free(report->symbols);
	json_decref(report->findings);
	json_decref(report->python);
	json_decref(report->coverage);
	json_decref(report->statistics);
	free(report);
}

/* ---- one finding ---------------------------------------------------------------------- */

/* Whether the user does not want to see it; counts why. */
static bool is_filtered(struct dlw_report *report, const json_t *finding)
{
	if (!dlw_finding_is_counted(finding) && !report->options->all) {
		report->hidden++;
		return true;
	}
	if (report->suppressions && dlw_suppressions_match(report->suppressions, finding)) {
		report->suppressed++;
		return true;
	}
	if (report->baseline &&
	    dlw_baseline_has(report->baseline, dlw_text(finding, "fingerprint"))) {
		report->known++;
		return true;
	}
	return false;
}

static uint64_t monotonic_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void print_finding(const struct dlw_report *report, const json_t *finding)
{
	struct dlw_text_settings settings = {
		.verbose = report->options->verbose,
		.now_ns = report->options->live ? monotonic_now() : 0,
	};

	if (!report->terminal.out)
		return;
	dlw_render_text(&report->terminal, &settings, finding);
	fflush(report->terminal.out);
}

/* In one write, so that lines of several processes do not mix. */
static void append_json_line(struct dlw_report *report, const json_t *finding)
{
	struct output *output = &report->outputs[0];
	char *text, *line;

	if (!report->options->json_lines || !output->stream)
		return;
	text = json_dumps(finding, JSON_COMPACT);
	if (!text)
		dlw_out_of_memory();
	line = dlw_print("%s\n", text);
	fflush(output->stream);
	setvbuf(output->stream, NULL, _IONBF, 0);
	if (fwrite(line, 1, strlen(line), output->stream) != strlen(line) && !report->failed) {
		report->failed = true;
		fprintf(stderr, "dlwatch: %s: cannot write finding: %s\n", output->name,
			strerror(errno));
	}
	free(line);
	free(text);
}

/* Takes what lines there are of Python interpreters. Return: bytes they have. */
static size_t take_python(struct dlw_report *report, const char *lines, size_t length)
{
	size_t taken = 0;

	while (dlw_python_is_line(lines + taken, length - taken)) {
		const char *end = memchr(lines + taken, '\n', length - taken);
		size_t line = end ? (size_t)(end - lines) + 1 - taken : length - taken;

		if (!dlw_python_read(report->python, lines + taken, line))
			fprintf(stderr, "dlwatch: a Python traceback cannot be read\n");
		taken += line;
	}
	return taken;
}

/* Names, lines, functions: all that the engine does not know. */
static void complete(struct dlw_report *report, json_t *finding)
{
	bool python = dlw_python_fold(report->python, finding);

	dlw_finding_complete(report->symbols, finding);
	if (python)
		dlw_python_finish(finding);
}

int dlw_report_add(struct dlw_report *report, const char *json_line, size_t length)
{
	size_t taken = take_python(report, json_line, length);
	enum dlw_severity severity;
	json_t *finding;
	char *why;

	if (taken == length && taken)
		return DLW_SEVERITY_NONE;
	finding = dlw_finding_parse(json_line + taken, length - taken, &why);
	if (!finding) {
		fprintf(stderr, "dlwatch: a finding cannot be read: %s\n", why);
		free(why);
		return -1;
	}
	complete(report, finding);
	if (is_filtered(report, finding)) {
		json_decref(finding);
		return DLW_SEVERITY_NONE;
	}
	severity = dlw_finding_is_counted(finding) ? dlw_finding_severity(finding) :
						     DLW_SEVERITY_NONE;
	report->counts[severity]++;
	json_array_append_new(report->findings, finding);
	print_finding(report, finding);
	append_json_line(report, finding);
	return severity;
}

void dlw_report_set_coverage(struct dlw_report *report, json_t *coverage)
{
	json_decref(report->coverage);
	report->coverage = coverage;
}

void dlw_report_set_statistics(struct dlw_report *report, json_t *statistics)
{
	json_decref(report->statistics);
	report->statistics = statistics;
}

FILE *dlw_report_text(struct dlw_report *report)
{
	return report->terminal.out;
}

struct dlw_symbols *dlw_report_symbols(struct dlw_report *report)
{
	return report->symbols;
}

size_t dlw_report_count(const struct dlw_report *report, enum dlw_severity at_least)
{
	size_t count = 0;

	for (int severity = at_least; severity < DLW_SEVERITY_NEVER; severity++)
		count += report->counts[severity];
	return count;
}

/* ---- the end ---------------------------------------------------------------------------- */

static void print_trouble(const char *module, const char *why, void *context)
{
	dlw_putf(context, DLW_STYLE_PLAIN, "dlwatch: %s: no function names: %s", module, why);
	putc('\n', ((struct dlw_terminal *)context)->out);
}

static void print_unused_rule(const char *rule, int line, size_t used, void *context)
{
	struct dlw_report *report = context;

	if (used == 0)
		fprintf(report->terminal.out, "dlwatch: %s:%d: '%s': matched nothing\n",
			report->options->suppressions, line, rule);
}

static void print_filtered(struct dlw_report *report)
{
	FILE *out = report->terminal.out;

	if (report->suppressed)
		fprintf(out, "dlwatch: %zu suppressed by %s\n", report->suppressed,
			report->options->suppressions);
	if (report->known)
		fprintf(out, "dlwatch: %zu known from %s\n", report->known,
			report->options->baseline);
	if (report->hidden)
		fprintf(out, "dlwatch: %zu lock-order cycles that are no known danger "
			"(--all shows them)\n", report->hidden);
	if (report->suppressions)
		dlw_suppressions_each(report->suppressions, print_unused_rule, report);
}

static void print_notes(struct dlw_report *report)
{
	if (!report->terminal.out)
		return;
	dlw_symbols_each_trouble(report->symbols, print_trouble, &report->terminal);
	if (report->options->verbose)
		print_filtered(report);
	fflush(report->terminal.out);
}

static bool write_output(struct output *output, const json_t *whole)
{
	bool good;

	if (!output->stream)
		return true;
	errno = 0;
	output->render(output->stream, whole);
	good = fflush(output->stream) == 0 && !ferror(output->stream);
	if (output->stream != stdout)
		good = fclose(output->stream) == 0 && good;
	output->stream = NULL;
	if (!good)
		fprintf(stderr, "dlwatch: %s: cannot write report: %s\n", output->name,
			strerror(errno ? errno : EIO));
	return good;
}

int dlw_report_finish(struct dlw_report *report)
{
	json_t *whole = json_pack("{s:s,s:O,s:O,s:O}", "schema", "dlwatch-report/1",
				  "findings", report->findings, "coverage", report->coverage,
				  "statistics", report->statistics);
	bool good = !report->failed;

	if (!whole)
		dlw_out_of_memory();
	print_notes(report);
	for (int i = report->options->json_lines ? 1 : 0; i < FORMATS; i++)
		good = write_output(&report->outputs[i], whole) && good;
	json_decref(whole);
	if (report->terminal.out == stdout && (fflush(stdout) != 0 || ferror(stdout))) {
		fprintf(stderr, "dlwatch: standard output: cannot write report\n");
		good = false;
	}
	if (!good)
		return -1;
	return dlw_report_count(report, report->options->fail_on) > 0;
}
