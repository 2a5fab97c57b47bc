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

/** How to recognise one stack: what stands where, relative to the frame address. */
struct dlw_trace {
	struct dlw_trace *next;
	uint64_t address;
	uint64_t reach; /* of the outermost place, behind it */
	uint32_t stack, count;
	struct {
		uint64_t value;
		uint64_t distance;
	} saved[];
};

/** dlw_trace_matches() - the stack at @frame is still the one remembered */
static inline bool dlw_trace_matches(const struct dlw_context *self,
				     const struct dlw_trace *trace, uint64_t frame)
{
	const char *base = (const char *)(uintptr_t)frame;
	uint32_t i;

	if (frame + trace->reach > self->stack_high)
		return false;
	for (i = 0; i < trace->count; i++)
		if (*(const uint64_t *)(base + trace->saved[i].distance) != trace->saved[i].value)
			return false;
	return true;
}

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
	/* some bits of either, added up where they stand: an addition, a mask and no shift */
	size_t place = (address * 4 + frame) & ((DLW_SITES - 1) << 4);

	return (struct dlw_site *)((char *)self->sites + place * (sizeof(struct dlw_site) >> 4));
}

static inline bool dlw_site_is(const struct dlw_site *site, uint64_t address, uint64_t frame)
{
	return dlw_likely(site->address == address) && dlw_likely(site->frame == frame);
}

/** dlw_site_verified() - stacks=full: the stack is still the same */
bool dlw_site_verified(const struct dlw_context *self, const struct dlw_site *site);

/** dlw_site_serves() - the thread's entry for this site is right, as far as it has to be */
static inline bool dlw_site_serves(const struct dlw_context *self, const struct dlw_site *site,
				   uint64_t address, uint64_t frame)
{
	if (dlw_unlikely(!dlw_site_is(site, address, frame)))
		return false;
	if (dlw_likely(self->way == DLW_WAY_SHORT) || self->way == DLW_WAY_LOGGED)
		return true;
	return self->way == DLW_WAY_VERIFIED && dlw_site_verified(self, site);
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
