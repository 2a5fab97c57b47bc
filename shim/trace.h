/*
 * shim/trace.h - call stacks, captured where threads acquire and wait
 *
 * A stack is known by its id in the segment's store. Three ways to get one,
 * dearer from line to line:
 *
 *	dlw_stack_here(self, …)   the stack last seen at this (return address,
 *	                          frame address) in this thread; with stacks=full
 *	                          verified first
 *	dlw_stack_exact(self, …)  verified word by word, or unwound anew
 *
 * The *verified cache*: from one frame layout the saved return addresses stand
 * at fixed distances from the frame address. A trace keeps those distances and
 * values; if all still match, the stack is the same, in any thread. Otherwise
 * libunwind walks it once.
 *
 * Ids are 0 where nothing could be had. Not for signal handlers.
 */
#ifndef DLW_SHIM_TRACE_H
#define DLW_SHIM_TRACE_H

#include "shim/context.h"

/* In a hook, and only there: who called it, and where its frame begins. */
#define DLW_CALLER ((uint64_t)(uintptr_t)__builtin_return_address(0))
#define DLW_FRAME ((uint64_t)(uintptr_t)__builtin_dwarf_cfa())

uint32_t dlw_stack_exact(struct dlw_context *self, uint64_t address, uint64_t frame);

/** dlw_trace_load() - find the unwinder and warm it up; from a constructor, outside any lock */
void dlw_trace_load(void);

/** dlw_trace_setup() - tables for this process; false: no memory */
bool dlw_trace_setup(void);

/** dlw_trace_forget() - modules went away: the unwinder must not remember them */
void dlw_trace_forget(void);

/** dlw_trace_available() - the unwinder was found */
bool dlw_trace_available(void);

/** dlw_stack_keep() - the id of a stack that somebody else has captured */
uint32_t dlw_stack_keep(const uint64_t *frames, uint32_t depth);

/** dlw_stack_record() - the stack called @id, or NULL */
const struct dlw_stack_record *dlw_stack_record(uint32_t id);

static inline struct dlw_site *dlw_site_of(struct dlw_context *self, uint64_t address,
					   uint64_t frame)
{
	return &self->sites[((address >> 2) ^ (frame >> 4)) & (DLW_SITES - 1)];
}

static inline bool dlw_site_is(const struct dlw_site *site, uint64_t address, uint64_t frame)
{
	return site->address == address && site->frame == frame;
}

static inline uint32_t dlw_stack_here(struct dlw_context *self, uint64_t address, uint64_t frame)
{
	const struct dlw_site *site = dlw_site_of(self, address, frame);

	if (dlw_likely(dlw_site_is(site, address, frame) &&
		       dlw_options.stacks != DLW_STACKS_FULL))
		return site->stack;
	return dlw_stack_exact(self, address, frame);
}

#endif
