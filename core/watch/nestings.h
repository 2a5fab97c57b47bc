/*
 * core/watch/nestings.h - what a process has noted of its lock orders, in the engine's words
 *
 * Threads note each lock under the one they held before (session.h). Most of
 * that can be on no cycle: only nestings of locks that lead to each other are
 * told to the engine, with all that was held.
 */
#ifndef DLW_CORE_WATCH_NESTINGS_H
#define DLW_CORE_WATCH_NESTINGS_H

#include "core/predict/nestings.h"
#include "core/watch/look.h"

/** A nesting as it was noted: copies, so that nothing of it changes any more. */
struct dlw_read_nesting {
	const struct dlw_nester *nester;
	const struct dlw_nesting **locks; /* the wanted one, then those held, oldest first */
	uint32_t held;
};

struct dlw_read_nestings {
	struct dlw_noted noted;             /* for the engine … */
	const struct dlw_read_nesting *all; /* … and beside its .nestings where each is from */
	bool torn; /* some thread's notes were changing: what it has is not in here */
};

/** dlw_nestings_read() - all from @arena; Return: false: no memory */
bool dlw_nestings_read(const struct dlw_watched *watched, struct dlw_arena *arena,
		       struct dlw_read_nestings *read);

#endif
