/*
 * core/predict/lock_graph.h - which dependencies can lie on a cycle at all
 */
#ifndef DLW_CORE_PREDICT_LOCK_GRAPH_H
#define DLW_CORE_PREDICT_LOCK_GRAPH_H

#include "core/predict/store.h"

/** What the members of a way through the dependencies have to do with an object; see cycles.c. */
struct dlw_mark {
	uint32_t exclusive, shared; /* holds of it */
	uint32_t first, later;      /* the first member, and others, that have it or owe it */
	uint32_t wanted;            /* members that want it */
};

/** What is left of a trace when all that is on no cycle is gone. */
struct dlw_kept {
	uint32_t *dependencies, count;
	uint32_t *number; /* dependency -> its place in .dependencies; DLW_NONE: not kept */
	/* places of who holds an object, by object: places[first[o]] … places[first[o + 1]] */
	uint32_t *first, *places;
	/* positions of the instances, by place */
	uint32_t *first_instance, *instances;
	/* of the search for cycles; all zero in between */
	struct dlw_mark *marks; /* by object */
	uint32_t *on_way;       /* members, by thread */
	bool cut;               /* there would have been more than there is room for */
};

/**
 * dlw_lock_graph() - stage B: strongly connected components of held and wanted
 *
 * The trace must be finished. Time and memory are linear in dependencies and held
 * sets, and in what the dependencies that are kept hold. Return: false if memory
 * ran out.
 */
bool dlw_lock_graph(struct dlw_trace *trace, struct dlw_arena *arena, struct dlw_kept *kept);

/** dlw_kept_place() - of the dependency that @step is an instance of; DLW_NONE: of none that is kept */
static inline uint32_t dlw_kept_place(const struct dlw_kept *kept, const struct dlw_step *step)
{
	switch (dlw_step_op(step)) {
	case DLW_TRACE_ACQUIRE:
	case DLW_TRACE_WANT:
	case DLW_TRACE_JOIN:
	case DLW_TRACE_WANT_JOIN:
	case DLW_TRACE_WOKEN:
	case DLW_TRACE_LEAVE:
		return kept->number[dlw_step_index(step)];
	default: /* FAILED: it did not wait */
		return DLW_NONE;
	}
}

#endif
