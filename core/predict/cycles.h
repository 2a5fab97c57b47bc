/*
 * core/predict/cycles.h - stage C: patterns that would deadlock if they met
 */
#ifndef DLW_CORE_PREDICT_CYCLES_H
#define DLW_CORE_PREDICT_CYCLES_H

#include "core/predict/lock_graph.h"

/** Why a cycle can be no deadlock, seen from its dependencies alone; or-ed. */
enum dlw_flaw {
	DLW_FLAW_SAME_THREAD = 1 << 0,
	DLW_FLAW_SHARED = 1 << 1,   /* a reader waits for a reader */
	DLW_FLAW_GUARDED = 1 << 2,  /* two of them hold one lock in conflicting modes */
	DLW_FLAW_YIELDING = 1 << 3, /* a timed acquisition gives up */
};

/** members[i] wants what members[i + 1] holds, the last what the first holds; places in kept. */
struct dlw_pattern {
	const uint32_t *members;
	uint32_t count;
	uint32_t flaws; /* enum dlw_flaw */
	uint32_t gate;  /* GUARDED: the lock */
};

/** Told of every cycle, once. Return: false to end the search. */
typedef bool dlw_pattern_found(void *context, const struct dlw_pattern *pattern);

/**
 * dlw_find_cycles() - every cycle of @shortest to @longest kept dependencies
 * @flaws: also those with flaws among these; the search goes through them. If any,
 *         only cycles with no other one among their members
 * @budget: dependencies to step on, and holds to look at there; what is left of it
 *          is stored back
 *
 * @longer: set if there may be longer ones; or NULL
 *
 * A budget of 0 on return means that the search was cut off. Return: false if
 * memory ran out.
 */
bool dlw_find_cycles(const struct dlw_trace *trace, const struct dlw_kept *kept, uint32_t flaws,
		     uint32_t shortest, uint32_t longest, uint64_t *budget, bool *longer,
		     struct dlw_arena *arena, dlw_pattern_found *found, void *context);

#endif
