/*
 * core/predict/nestings.h - inversions by what a running program has noted
 *
 * A *nesting* is a lock that a thread asked for while it held others. A program
 * that runs keeps no trace, only a note of each nesting, and two *moments* at
 * which it came up. The cycles are found as in a trace (lock_graph.h, cycles.h);
 * what there is to say of their feasibility is less, and errs to the safe side.
 *
 * Edges are counted: everything by which a thread learns of another one. A
 * moment's section begins when the thread holds nothing and ends with the wish.
 *
 *	.began   edges counted when the section took its first nested lock
 *	.last    the last edge met by the thread, or by anybody while holding a lock
 *
 * If the latest .last of all members of a cycle is not after the earliest
 * .began, then each of them can be taken to where its section begins, holding
 * nothing, whatever the others do: docs/prediction.md has the proof. Being
 * started is no edge, but a member that has started threads must have begun
 * after the others were born.
 *
 * Pure; memory from the arena.
 */
#ifndef DLW_CORE_PREDICT_NESTINGS_H
#define DLW_CORE_PREDICT_NESTINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/arena.h"
#include "core/state.h"

struct dlw_moment {
	uint64_t began, last;
};

struct dlw_noted_lock {
	uint32_t lock;
	enum dlw_mode mode;
};

struct dlw_noted_nesting {
	uint32_t thread;
	const struct dlw_noted_lock *locks; /* the wanted one, then those held, oldest first */
	uint32_t held;
	uint64_t footprint; /* a bit for each lock taken in the section; 0: none but those held */
	struct dlw_moment moments[2];
	uint64_t born; /* edges when the thread started */
	bool creator;  /* it has started others */
};

/** A thread may have held a lock from one edge on, until it met another one under it. */
struct dlw_noted_stretch {
	uint64_t from, until;
	uint32_t thread; /* DLW_NONE: one that has noted nothing, or nobody knows */
};

struct dlw_noted {
	const struct dlw_noted_nesting *nestings;
	uint32_t count;
	uint32_t threads, locks; /* how many: numbers are below these */
	const bool *rwlock;      /* by lock */
	const uint64_t *bit;     /* by lock: its bit in a footprint */
	const bool *tried;       /* by lock: some try for it has failed */
	bool any_tried;          /* some try for any lock has */
	const struct dlw_noted_stretch *stretches;
	uint32_t stretch_count;
};

/**
 * A cycle that can deadlock: each nesting wants what the next one holds, the
 * last what the first holds. Return: false to end the search.
 */
typedef bool dlw_noted_inversion(void *context, const uint32_t *nestings, uint32_t count);

/**
 * dlw_predict_noted() - tell of every feasible cycle
 * @steps: of the search for cycles; what is left is stored back, 0: it was cut off
 * @open: out: cycles that other moments may still make feasible
 *
 * Return: false if memory ran out.
 */
bool dlw_predict_noted(const struct dlw_noted *noted, uint64_t *steps, uint32_t *open,
		       struct dlw_arena *arena, dlw_noted_inversion *found, void *context);

#endif
