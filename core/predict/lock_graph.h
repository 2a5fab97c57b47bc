/*
 * core/predict/lock_graph.h - which dependencies can lie on a cycle at all
 */
#ifndef DLW_CORE_PREDICT_LOCK_GRAPH_H
#define DLW_CORE_PREDICT_LOCK_GRAPH_H

#include "core/predict/store.h"

/** What is left of a trace when all that is on no cycle is gone. */
struct dlw_kept {
	uint32_t *dependencies, count;
	uint32_t *number; /* dependency -> its place in .dependencies; DLW_NONE: not kept */
	/* places of who holds an object, by object: places[first[o]] … places[first[o + 1]] */
	uint32_t *first, *places;
	/* positions of the instances, by place */
	uint32_t *first_instance, *instances;
};

/**
 * dlw_lock_graph() - stage B: strongly connected components of held and wanted
 *
 * The trace must be finished. Time and memory are linear in dependencies times
 * the depth of what they hold. Return: false if memory ran out.
 */
bool dlw_lock_graph(struct dlw_trace *trace, struct dlw_arena *arena, struct dlw_kept *kept);

#endif
