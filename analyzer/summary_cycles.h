/*
 * analyzer/summary_cycles.h - classes of locks that many runs take in a circle
 *
 *	struct dlw_summary_cycles *cycles = dlw_summary_cycles_new(summary);
 *
 *	dlw_summary_cycles_print(cycles, stdout);
 *	unresolved = dlw_summary_cycles_findings(cycles, sink, context);
 *	dlw_summary_cycles_free(cycles);
 *
 * The engine (core/predict/) is told every order as a thread of its own. A
 * summary has orders alone, of runs that may never run at the same time, over
 * classes that may have many locks: no cycle is called feasible.
 */
#ifndef DLW_ANALYZER_SUMMARY_CYCLES_H
#define DLW_ANALYZER_SUMMARY_CYCLES_H

#include "analyzer/log_findings.h"
#include "analyzer/summary.h"

struct dlw_summary_cycles;

/** dlw_summary_cycles_new() - looks for them; @summary may go afterwards */
struct dlw_summary_cycles *dlw_summary_cycles_new(struct dlw_summary *summary);
void dlw_summary_cycles_free(struct dlw_summary_cycles *cycles);

/** dlw_summary_cycles_print() - how many runs and orders, what was left out, the cycles by class */
void dlw_summary_cycles_print(const struct dlw_summary_cycles *cycles, FILE *out);

/** dlw_summary_cycles_findings() - one of kind inversion for each; Return: how many are unresolved */
uint32_t dlw_summary_cycles_findings(struct dlw_summary_cycles *cycles, dlw_finding_sink *sink,
				     void *context);

/** dlw_summary_cycles_coverage() - "coverage" of a report, after the findings; a new reference */
json_t *dlw_summary_cycles_coverage(const struct dlw_summary_cycles *cycles);

#endif
