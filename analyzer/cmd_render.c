/*
 * cmd_render.c - dlwatch render: raw findings in, reports out
 *
 * The shim starts it where nobody supervises the program, and writes one
 * finding a line into its standard input. What it cannot read it says and
 * passes over: one bad line must not cost the others.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <argp.h>

#include "analyzer/commands.h"
#include "analyzer/options.h"
#include "analyzer/report.h"

enum key { KEY_REPORT = 0x200, KEY_CLAIM };

struct settings {
	struct dlw_options common;
	const char *report;
	bool claim;
};

static const struct argp_option known[] = {
	{ "report", KEY_REPORT, "FILE", 0, "Append the text report to FILE, not to standard error", 0 },
	{ "claim", KEY_CLAIM, NULL, OPTION_HIDDEN,
	  "Seal standard input; say nothing if the shim has, for it reports itself then", 0 },
	{ 0 },
};

static const char text[] =
	"Turns raw findings, one JSON object a line on standard input, into reports. "
	"libdlwatch.so starts this by itself."
	"\v"
	"The text report goes to standard error; --json appends completed findings, one a "
	"line, as each arrives.\n\n"
	"Example:\n"
	"  dlwatch render --dot=cycle.dot < findings.jsonl\n\n"
	"Exit status: 0 nothing at or above --fail-on, 1 a finding, 2 bad usage, or a line "
	"or a file that could not be read or written (the others were reported).";

static error_t parse(int key, char *value, struct argp_state *state)
{
	struct settings *settings = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &settings->common;
		return 0;
	case KEY_REPORT:
		settings->report = value;
		return 0;
	case KEY_CLAIM:
		settings->claim = true;
		return 0;
	case ARGP_KEY_ARG:
		argp_failure(state, argp_err_exit_status, 0,
			     "'%s': findings are read from standard input only", value);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_child children[] = {
	{ &dlw_options_argp, 0, "Common options:", 1 },
	{ 0 },
};

static const struct argp syntax = { known, parse, NULL, text, children, NULL, NULL };

static bool is_blank(const char *line, size_t length)
{
	/* A zero byte is not blank: what follows it must not be lost in silence. */
	return strspn(line, " \t\r\n") == length;
}

/* Return: whether every line was a finding. */
static bool add_lines(struct dlw_report *report, FILE *in)
{
	bool good = true;
	char *line = NULL;
	size_t room = 0;
	ssize_t length;

	while ((length = getline(&line, &room, in)) >= 0)
		if (!is_blank(line, length) && dlw_report_add(report, line, length) < 0)
			good = false;
	if (ferror(in)) {
		fprintf(stderr, "dlwatch: standard input: cannot read: %s\n", strerror(errno));
		good = false;
	}
	free(line);
	return good;
}

static int render(const struct settings *settings)
{
	struct dlw_report *report = dlw_report_new(&settings->common);
	bool good, found;
	int failed;

	good = add_lines(report, stdin);
	failed = dlw_report_finish(report);
	found = dlw_report_count(report, settings->common.fail_on) > 0;
	dlw_report_free(report);
	/* to the shim a finding that is suppressed is none, whatever cannot be written */
	return good && (failed >= 0 || (settings->claim && !found)) ? found : 2;
}

/* Return: NULL after one line on standard error. */
static FILE *open_report(const char *name)
{
	FILE *out = fopen(name, "ae");

	if (!out)
		fprintf(stderr, "dlwatch: %s: cannot write report: %s\n", name, strerror(errno));
	return out;
}

static bool close_report(FILE *out, const char *name)
{
	bool good = !ferror(out);

	errno = good ? 0 : EIO;
	good = fclose(out) == 0 && good;
	if (!good)
		fprintf(stderr, "dlwatch: %s: cannot write report: %s\n", name, strerror(errno));
	return good;
}

/** render_again() - as text on standard error; standard input is a file where the shim has made it */
static void render_again(struct settings *settings)
{
	settings->common.text = stderr;
	settings->common.json = NULL;
	if (fseek(stdin, 0, SEEK_SET) == 0)
		render(settings);
}

/** is_claimed() - we were late, and the shim reports by itself; else it is up to us from now on */
static bool is_claimed(void)
{
	return fcntl(STDIN_FILENO, F_ADD_SEALS, F_SEAL_SEAL) < 0 && errno == EPERM;
}

int dlw_cmd_render(int argc, char **argv)
{
	struct settings settings = { .report = NULL };
	FILE *appended = NULL;
	int status;

	dlw_options_init(&settings.common, DLW_SEVERITY_DEADLOCK, stderr);
	settings.common.json_lines = true;
	settings.common.anyway = true;
	settings.common.live = true;
	argp_parse(&syntax, argc, argv, 0, NULL, &settings);
	if (settings.claim && is_claimed())
		return 0;
	if (settings.report) {
		appended = open_report(settings.report);
		/* A report must come out: on standard error, then. */
		if (appended)
			settings.common.text = appended;
	}
	status = render(&settings);
	if (appended && !close_report(appended, settings.report)) {
		render_again(&settings);
		return 2;
	}
	return settings.report && !appended && !(settings.claim && !status) ? 2 : status;
}
