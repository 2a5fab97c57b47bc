/*
 * core/knot_search.h - between the two halves of the search for cores
 */
#ifndef DLW_CORE_KNOT_SEARCH_H
#define DLW_CORE_KNOT_SEARCH_H

#include "core/knot.h"

struct dlw_knot_search {
	struct dlw_graph *graph;
	uint32_t thread_count;
	struct dlw_arena *arena;
	uint8_t *never;  /* per node: dead even if all threads ran */
	uint32_t *scope; /* per node: the part of the graph it belongs to now */
	uint32_t scopes; /* numbers of scopes given out */
	uint64_t budget; /* steps left for making cores smaller */
	/* working space, one element per node each */
	uint32_t *number, *low, *stack, *path, *place, *found;
};

/** dlw_knot_extract() - the core within @nodes, strongly connected and all dead */
bool dlw_knot_extract(struct dlw_knot_search *search, const uint32_t *nodes, uint32_t count,
		      struct dlw_knot *knot);

static inline bool dlw_knot_is_thread(const struct dlw_knot_search *search, uint32_t node)
{
	return node < search->thread_count;
}

#endif
