/*
 * core/release.h - what has to happen before each waiting thread can go on
 *
 * Turns a state into a graph of release conditions: node r is the thread of
 * rank r, nodes behind them are gates. The label of a thread's input is the
 * resource that the thread waits for there.
 *
 * How much is believed grows with the level. What a level does not believe
 * counts as a thread that runs, so that every deadlock found is one under all
 * the worlds that the level leaves open.
 */
#ifndef DLW_CORE_RELEASE_H
#define DLW_CORE_RELEASE_H

#include "core/graph.h"
#include "core/index.h"

enum dlw_level {
	DLW_LEVEL_OWNED,    /* who owns what, and nothing else: 'proven' */
	DLW_LEVEL_INFERRED, /* and who posted, signalled or arrived before: 'likely' */
	/*
	 * And semaphores of value 1 that were taken once and never posted are
	 * locks, if nothing has moved for three times stall_ns: 'likely'.
	 */
	DLW_LEVEL_UNPOSTED,
	DLW_LEVEL_OPEN, /* and nobody outside what is known will help: 'stalled' */
	DLW_LEVEL_COUNT
};

struct dlw_release {
	struct dlw_graph graph;
	uint32_t thread_count;
	uint8_t *world; /* per rank: its want waits for anybody at all */
};

/**
 * dlw_release_build() - a closed graph, not reduced yet
 *
 * @named: per rank, threads that a stronger finding has explained already; they
 *         count as running, so that what is found is independent of them.
 *
 * Return: false if memory ran out.
 */
bool dlw_release_build(struct dlw_release *release, const struct dlw_index *index,
		       enum dlw_level level, const uint8_t *named, struct dlw_arena *arena);

#endif
