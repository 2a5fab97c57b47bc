/*
 * analyzer/summary_trace.h - the orders of a summary, told to the prediction
 *
 * For summary_cycles.c and summary_finding.c only.
 */
#ifndef DLW_ANALYZER_SUMMARY_TRACE_H
#define DLW_ANALYZER_SUMMARY_TRACE_H

#include <jansson.h>
#include <uthash.h>

#include "core/predict/predict.h"

/** A class of locks: one object of the trace. */
struct dlw_summary_class {
	char *key;         /* kind and class */
	const char *class; /* in the JSON */
	enum dlw_kind kind;
	uint32_t object;
	UT_hash_handle hh;
};

struct dlw_summary_trace {
	json_t *json; /* the summary */
	struct dlw_arena memory, scratch;
	struct dlw_trace *trace;
	struct dlw_prediction result;
	struct dlw_summary_class *classes;
	struct dlw_summary_class **objects; /* by number in the trace; NULL: a thread's end */
	uint32_t object_count, object_room;
	const json_t **locks; /* by place: a lock of an order, as it was held or asked for */
	uint32_t lock_count, lock_room;
	uint32_t odd; /* orders that say nothing: unknown kinds, a lock wanted that is held */
};

/** dlw_summary_trace_make() - tell all orders of @json, which is taken over, and predict */
void dlw_summary_trace_make(struct dlw_summary_trace *traced, json_t *json);
void dlw_summary_trace_free(struct dlw_summary_trace *traced);

/**
 * dlw_summary_verdict() - of one cycle, @because as well
 *
 * A gate guards only if it is one lock: a class may have many.
 */
enum dlw_verdict dlw_summary_verdict(const struct dlw_summary_trace *traced,
				     const struct dlw_predicted *predicted,
				     enum dlw_because *because);

/** dlw_summary_finding() - number @at of the result as a finding, not completed; a new reference */
json_t *dlw_summary_finding(struct dlw_summary_trace *traced, uint32_t at);

#endif
