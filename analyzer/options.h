/*
 * analyzer/options.h - the options that all reporting commands share
 *
 *	static error_t parse(int key, char *arg, struct argp_state *state)
 *	{
 *		struct my_options *mine = state->input;
 *
 *		switch (key) {
 *		case ARGP_KEY_INIT:
 *			state->child_inputs[0] = &mine->common;
 *			return 0;
 *		...
 *	}
 *	static const struct argp_child children[] = {
 *		{ &dlw_options_argp, 0, "Common options:", 1 },
 *		{ 0 },
 *	};
 *
 *	dlw_options_init(&mine.common, DLW_SEVERITY_INVERSION, stdout);
 *	argp_parse(&my_argp, argc, argv, ARGP_IN_ORDER, NULL, &mine);
 */
#ifndef DLW_ANALYZER_OPTIONS_H
#define DLW_ANALYZER_OPTIONS_H

#include <argp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "core/misuse.h"

/** How bad a finding is, and from where on it decides the exit status. */
enum dlw_severity {
	DLW_SEVERITY_NONE,     /* nothing, or nothing that is to be reported */
	DLW_SEVERITY_MISUSE,
	DLW_SEVERITY_INVERSION,
	DLW_SEVERITY_DEADLOCK, /* deadlock and orphan */
	DLW_SEVERITY_NEVER,    /* as --fail-on only: above everything */
};

enum dlw_color { DLW_COLOR_AUTO, DLW_COLOR_ALWAYS, DLW_COLOR_NEVER };

/** Strings are the command line's own; NULL: not asked for. "-" is standard output. */
struct dlw_options {
	enum dlw_severity fail_on;
	const char *json;
	const char *sarif;
	const char *html;
	const char *dot;
	const char *junit;
	const char *suppressions;
	const char *baseline;
	bool all;        /* also lock-order cycles that are not feasible */
	enum dlw_color color;
	bool quiet;      /* no text report: machine formats and status only */
	int verbose;     /* 0…2 */
	/*
	 * Where the text report goes, when none of the machine formats has
	 * taken that stream with "-" (then standard error).
	 */
	FILE *text;
	/*
	 * --json appends one object a line, at once, instead of writing one
	 * report at the end.
	 */
	bool json_lines;
	/*
	 * A file that cannot be read or opened is said, and costs no finding:
	 * all the rest is done, and dlw_report_finish() tells.
	 */
	bool anyway;
	/*
	 * Findings are of this very moment and this machine: how long a wait
	 * has lasted is told by our own clock where a finding has no "now_ns".
	 */
	bool live;
};

/** As an argp child; its input is a struct dlw_options that dlw_options_init() has set up. */
extern const struct argp dlw_options_argp;

/** dlw_options_init() - the defaults of a command whose text report goes to @text */
void dlw_options_init(struct dlw_options *options, enum dlw_severity fail_on, FILE *text);

/*
 * --misuse, for commands that look for misuses themselves. Off by default is
 * what correct programs do, too: some use a normal mutex as a signal.
 */
#define DLW_MISUSE_OPTION(key) \
	{ "misuse", key, "SORTS", 0, \
	  "Which misuses of locks to report: default (all but unlock-by-stranger, which " \
	  "programs do on purpose that use a mutex as a signal), all, off, or a list of " \
	  "sorts with commas between them", 0 }

/** dlw_options_misuse() - understand the value of --misuse, or end with one line */
void dlw_options_misuse(struct argp_state *state, const char *value, uint32_t *sorts);

/** dlw_options_color() - understand the value of --color, or end with one line */
void dlw_options_color(struct argp_state *state, const char *value, struct dlw_options *options);

/** dlw_options_use_color() - whether text written to @stream is to be coloured (also heeds NO_COLOR) */
bool dlw_options_use_color(const struct dlw_options *options, FILE *stream);

#endif
