/*
 * options.c - parse the options that all reporting commands share
 */
#include "analyzer/options.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum key {
	KEY_FAIL_ON = 0x100,
	KEY_JSON,
	KEY_SARIF,
	KEY_HTML,
	KEY_DOT,
	KEY_JUNIT,
	KEY_SUPPRESSIONS,
	KEY_BASELINE,
	KEY_ALL,
	KEY_COLOR,
};

static const struct argp_option known[] = {
	{ "fail-on", KEY_FAIL_ON, "WHAT", 0,
	  "Findings that decide the exit status: deadlock, inversion, misuse (each with the "
	  "worse ones) or never", 0 },
	{ "json", KEY_JSON, "FILE", 0, "Write the report as JSON (- is standard output)", 0 },
	{ "sarif", KEY_SARIF, "FILE", 0, "Write it as SARIF 2.1.0, for code review tools", 0 },
	{ "html", KEY_HTML, "FILE", 0, "Write it as one self-contained web page", 0 },
	{ "dot", KEY_DOT, "FILE", 0, "Write the wait-for graphs for Graphviz (dot)", 0 },
	{ "junit", KEY_JUNIT, "FILE", 0, "Write it as JUnit XML, for CI systems", 0 },
	{ "suppressions", KEY_SUPPRESSIONS, "FILE", 0,
	  "Do not report what these rules match; each report prints its rule", 0 },
	{ "baseline", KEY_BASELINE, "FILE", 0,
	  "Report only what is not in FILE: an earlier JSON report, or fingerprints", 0 },
	{ "all", KEY_ALL, NULL, 0,
	  "Also show lock-order cycles that cannot deadlock, each with the reason", 0 },
	{ "color", KEY_COLOR, "WHEN", 0, "auto, always or never", 0 },
	{ "quiet", 'q', NULL, 0, "No text report: only files and exit status", 0 },
	{ "verbose", 'v', NULL, 0, "Whole stacks and all locks; twice: more still", 0 },
	{ 0 },
};

static const char *const severities[] = {
	[DLW_SEVERITY_NONE] = "none",
	[DLW_SEVERITY_MISUSE] = "misuse",
	[DLW_SEVERITY_INVERSION] = "inversion",
	[DLW_SEVERITY_DEADLOCK] = "deadlock",
	[DLW_SEVERITY_NEVER] = "never",
};

/* One line and out: a wrong value has nothing to learn from a usage summary. */
static void bad_value(struct argp_state *state, const char *option, const char *value,
		      const char *allowed)
{
	argp_failure(state, argp_err_exit_status, 0, "--%s=%s: expected %s", option, value, allowed);
}

static void parse_fail_on(struct dlw_options *options, const char *value,
			  struct argp_state *state)
{
	int severity;

	for (severity = DLW_SEVERITY_MISUSE; severity <= DLW_SEVERITY_NEVER; severity++) {
		if (strcmp(value, severities[severity]) == 0) {
			options->fail_on = severity;
			return;
		}
	}
	bad_value(state, "fail-on", value, "deadlock, inversion, misuse or never");
}

void dlw_options_color(struct argp_state *state, const char *value, struct dlw_options *options)
{
	if (strcmp(value, "auto") == 0)
		options->color = DLW_COLOR_AUTO;
	else if (strcmp(value, "always") == 0)
		options->color = DLW_COLOR_ALWAYS;
	else if (strcmp(value, "never") == 0)
		options->color = DLW_COLOR_NEVER;
	else
		bad_value(state, "color", value, "auto, always or never");
}

static void parse_file(const char **file, const char *value, struct argp_state *state)
{
	if (!*value)
		argp_failure(state, argp_err_exit_status, 0, "a file name must not be empty");
	*file = value;
}

static bool is_stdout(const char *file)
{
	return file && strcmp(file, "-") == 0;
}

/* Standard output can be one document only; the text report then moves aside. */
static void share_stdout(struct dlw_options *options, struct argp_state *state)
{
	int takers = is_stdout(options->json) + is_stdout(options->sarif) +
		     is_stdout(options->html) + is_stdout(options->dot) +
		     is_stdout(options->junit);

	if (takers > 1)
		argp_failure(state, argp_err_exit_status, 0,
			     "only one report can go to standard output (-)");
	if (takers > 0 && options->text == stdout)
		options->text = stderr;
}

static error_t parse(int key, char *value, struct argp_state *state)
{
	struct dlw_options *options = state->input;

	switch (key) {
	case KEY_FAIL_ON:
		parse_fail_on(options, value, state);
		return 0;
	case KEY_JSON:
		parse_file(&options->json, value, state);
		return 0;
	case KEY_SARIF:
		parse_file(&options->sarif, value, state);
		return 0;
	case KEY_HTML:
		parse_file(&options->html, value, state);
		return 0;
	case KEY_DOT:
		parse_file(&options->dot, value, state);
		return 0;
	case KEY_JUNIT:
		parse_file(&options->junit, value, state);
		return 0;
	case KEY_SUPPRESSIONS:
		parse_file(&options->suppressions, value, state);
		return 0;
	case KEY_BASELINE:
		parse_file(&options->baseline, value, state);
		return 0;
	case KEY_ALL:
		options->all = true;
		return 0;
	case KEY_COLOR:
		dlw_options_color(state, value, options);
		return 0;
	case 'q':
		options->quiet = true;
		return 0;
	case 'v':
		options->verbose++;
		return 0;
	case ARGP_KEY_END:
		share_stdout(options, state);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

const struct argp dlw_options_argp = { known, parse, NULL, NULL, NULL, NULL, NULL };

void dlw_options_init(struct dlw_options *options, enum dlw_severity fail_on, FILE *text)
{
	*options = (struct dlw_options){ .fail_on = fail_on, .text = text };
}

void dlw_options_misuse(struct argp_state *state, const char *value, uint32_t *sorts)
{
	if (!dlw_misuse_parse(value, strlen(value), sorts))
		bad_value(state, "misuse", value, "default, all, off or sorts of misuse, see the manual");
}

bool dlw_options_use_color(const struct dlw_options *options, FILE *stream)
{
	const char *term = getenv("TERM"), *refused = getenv("NO_COLOR");

	if (options->color != DLW_COLOR_AUTO)
		return options->color == DLW_COLOR_ALWAYS;
	return isatty(fileno(stream)) && !(refused && *refused) && term && strcmp(term, "dumb") != 0;
}
