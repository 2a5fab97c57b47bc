/*
 * core/predict/places.c - where in a trace: what is held there, what comes before
 */
#include "core/predict/store.h"

#include "core/search.h"

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
	return dlw_first(i, 0, thread->end, dlw_step_at(thread, i)->order >= order);
}

uint32_t dlw_edges_before(const struct dlw_thread *thread, uint32_t prefix)
{
	return dlw_first(i, 0, thread->edges.count,
			 ((struct dlw_edge *)dlw_column_at(&thread->edges, i))->at >= prefix);
}
