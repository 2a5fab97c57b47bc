/*
 * analyzer/report.h - from raw findings to everything a user reads
 *
 *	struct dlw_report *report = dlw_report_new(&options);
 *
 *	if (!report)
 *		return 2;		// one line was printed
 *	dlw_report_add(report, line, strlen(line));
 *	...
 *	dlw_report_set_statistics(report, statistics);
 *	failed = dlw_report_finish(report);
 *	dlw_report_free(report);
 *	return failed < 0 ? 2 : failed;
 *
 * A raw finding is what core/finding_json.h writes. It is completed (functions,
 * files, lines, names of locks), compared with suppressions and baseline, its
 * text is printed at once, and the other formats are written at the end.
 *
 * One thread at a time; may block on files; not for signal handlers.
 */
#ifndef DLW_ANALYZER_REPORT_H
#define DLW_ANALYZER_REPORT_H

#include <jansson.h>
#include <stddef.h>
#include <stdio.h>

#include "analyzer/options.h"

struct dlw_report;
struct dlw_symbols;

/**
 * dlw_report_new() - start a report; reads suppressions and baseline
 *
 * @options must stay as it is until dlw_report_free().
 * Return: NULL after one line on standard error (a file that cannot be read or
 *         written, a rule that cannot be understood).
 */
struct dlw_report *dlw_report_new(const struct dlw_options *options);

/**
 * dlw_report_add() - take one raw finding, @length bytes of JSON, newline or not
 *
 * Before it there may be lines on the Python interpreters of its processes
 * (core/finding_json.h), also in an earlier call of their own.
 * Return: its severity; DLW_SEVERITY_NONE if it was suppressed, is in the
 *         baseline, or is a lock-order cycle that is not feasible; -1 after one
 *         line on standard error if it is no finding (the report goes on).
 */
int dlw_report_add(struct dlw_report *report, const char *json_line, size_t length);

/** dlw_report_set_coverage() - what was not seen; takes over the reference, replaces an earlier one */
void dlw_report_set_coverage(struct dlw_report *report, json_t *coverage);

/** dlw_report_set_statistics() - likewise, for "statistics" */
void dlw_report_set_statistics(struct dlw_report *report, json_t *statistics);

/** dlw_report_text() - the stream of the text report, for what a command adds to it; NULL if --quiet */
FILE *dlw_report_text(struct dlw_report *report);

/** dlw_report_symbols() - the cache of debug information this report uses */
struct dlw_symbols *dlw_report_symbols(struct dlw_report *report);

/** dlw_report_count() - findings reported so far with severity @at_least or above */
size_t dlw_report_count(const struct dlw_report *report, enum dlw_severity at_least);

/**
 * dlw_report_finish() - write the files that were asked for; call once
 *
 * Return: 1 if a finding at or above --fail-on was reported, 0 if not, -1 after
 *         one line on standard error if something could not be written.
 */
int dlw_report_finish(struct dlw_report *report);

void dlw_report_free(struct dlw_report *report);

#endif
