/*
 * core/knot.h - the smallest sets that keep themselves from running
 *
 * After reduction some nodes of a graph stay dead. A *core* is a set of threads
 * of which none can run while the others do not, even if everybody else could;
 * no smaller part of it has that property. Where every condition in question is
 * an AND, a core is a simple cycle, and the shortest one is taken; otherwise
 * threads are left out one by one as long as the rest still holds itself.
 *
 * Cores found are disjoint: each is a deadlock by itself and stays one when all
 * the others are dissolved.
 *
 * The search is deterministic. On huge graphs with dense or mixed conditions it
 * stops refining after a fixed number of steps; what it then returns still
 * supports itself, but may not be the smallest.
 */
#ifndef DLW_CORE_KNOT_H
#define DLW_CORE_KNOT_H

#include "core/graph.h"

struct dlw_knot {
	uint32_t *members; /* threads; of a cycle each one before the one it waits for */
	uint32_t count;
	bool cycle;     /* one simple cycle, also of a single thread that waits for itself */
	bool helpless;  /* one thread whose condition cannot come true whoever runs */
	uint32_t label; /* helpless: of the input that cannot come true; UINT32_MAX: it needs
			   more inputs than it has */
};

struct dlw_knots {
	struct dlw_knot *all;
	uint32_t count;
};

/**
 * dlw_knots_find() - all cores of a reduced graph
 *
 * Nodes below @thread_count are threads, the others gates. The graph is used
 * up: afterwards all threads in it are live.
 *
 * Return: false if memory ran out.
 */
bool dlw_knots_find(struct dlw_graph *graph, uint32_t thread_count, struct dlw_arena *arena,
		    struct dlw_knots *knots);

#endif
