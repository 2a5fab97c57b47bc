/*
 * core/predict/places.c - where in a trace: what is held there, what comes before
 */
#include "core/predict/store.h"

uint32_t dlw_held_set(const struct dlw_trace *trace, uint32_t number, uint32_t prefix)
{
	const struct dlw_thread *thread = dlw_thread_at(trace, number);

	while (prefix-- > 0) {
		const struct dlw_step *step = dlw_step_at(thread, prefix);
		const struct dlw_dependency *wanted;

		switch (dlw_step_op(step)) {
		case DLW_TRACE_RELEASE:
			return step->extra;
		case DLW_TRACE_ACQUIRE:
			wanted = dlw_dependency_at(trace, dlw_step_index(step));
			return wanted->after	    ? wanted->after
			       : wanted->held_after ? DLW_HELD_AFTER | dlw_step_index(step)
						    : wanted->held;
		case DLW_TRACE_FAILED:
		case DLW_TRACE_JOIN:
		case DLW_TRACE_WOKEN:
		case DLW_TRACE_LEAVE:
			return dlw_dependency_at(trace, dlw_step_index(step))->held;
		default:
			break;
		}
	}
	return 0;
}

uint32_t dlw_prefix_at(const struct dlw_thread *thread, uint32_t order)
{
	uint32_t low = 0, high = thread->end, middle;

	while (low < high) {
		middle = low + (high - low) / 2;
		if (dlw_step_at(thread, middle)->order < order)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

uint32_t dlw_edges_before(const struct dlw_thread *thread, uint32_t prefix)
{
	uint32_t low = 0, high = thread->edges.count, middle;

	while (low < high) {
		middle = low + (high - low) / 2;
		if (((struct dlw_edge *)dlw_column_at(&thread->edges, middle))->at < prefix)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}
