/*
 * shim/unwind.h - a walk from frame to frame, by libunwind
 */
#ifndef DLW_SHIM_UNWIND_H
#define DLW_SHIM_UNWIND_H

#include "shim/context.h"

#define DLW_DEPTH_MAX 128 /* innermost frames kept of a deeper stack */

/** What the unwinder saw. */
struct dlw_walk {
	uint32_t depth, room; /* frames there are, and how many at most are asked for */
	bool regular; /* every return address was found at its place: may be cached */
	bool cut;     /* there were more than asked for, though not more than are ever kept */
	uint64_t frames[DLW_DEPTH_MAX];
	uint64_t places[DLW_DEPTH_MAX]; /* where frames[i] was saved */
};

/** dlw_unwinder_load() - find libunwind; from a constructor, outside any lock */
void dlw_unwinder_load(void);

/** dlw_unwinder_available() - it was found */
bool dlw_unwinder_available(void);

/** dlw_unwinder_forget() - modules went away: it must not remember them */
void dlw_unwinder_forget(void);

/**
 * dlw_walk_stack() - from the caller @address, whose call was at @frame, outward
 * @walk: its .room is set
 *
 * The site alone where there is no libunwind, which is counted. stacks_lock is held.
 */
void dlw_walk_stack(struct dlw_context *self, struct dlw_walk *walk, uint64_t address,
		    uint64_t frame);

/** dlw_on_stack() - @frame is on the thread's own stack, not on a signal handler's */
static inline bool dlw_on_stack(const struct dlw_context *self, uint64_t frame)
{
	return frame > self->stack_low && frame < self->stack_high;
}

#endif
