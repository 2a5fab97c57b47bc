/*
 * shim/trace.h - call stacks, captured where threads acquire and wait
 *
 * A stack is known by its id in the segment's store. Two ways to get one,
 * the second is dearer:
 *
 *	dlw_stack_here(self, …)   the stack last seen at this (return address,
 *	                          frame address) in this thread; with stacks=full
 *	                          verified first. In a program with thousands of
 *	                          stacks, the innermost frames of one
 *	dlw_stack_exact(self, …)  verified word by word, or unwound anew
 *
 * What the verified cache (trace_cache.h) does not recognise, libunwind walks
 * once.
 *
 * Ids are 0 where nothing could be had. Not for signal handlers.
 */
#ifndef DLW_SHIM_TRACE_H
#define DLW_SHIM_TRACE_H

#include "shim/trace_cache.h"

/* In a hook, and only there: who called it, and where its frame begins. */
#define DLW_CALLER ((uint64_t)(uintptr_t)__builtin_return_address(0))
#define DLW_FRAME ((uint64_t)(uintptr_t)__builtin_dwarf_cfa())

/* The same, reckoned apart, so that no register keeps it for a later, unlikely DLW_FRAME. */
#if defined(__x86_64__)
#define DLW_FRAME_ONCE                                                                            \
	({                                                                                        \
		uint64_t frame_;                                                                  \
		__asm__("lea %1, %0"                                                              \
			: "=r"(frame_)                                                            \
			: "m"(*(const char *)__builtin_dwarf_cfa()));                             \
		frame_;                                                                           \
	})
#else
#define DLW_FRAME_ONCE DLW_FRAME
#endif

/** dlw_caller_at() - DLW_CALLER of the hook at @frame: a register less to keep */
static inline uint64_t dlw_caller_at(uint64_t frame)
{
	return ((const uint64_t *)(uintptr_t)frame)[-1];
}

/** dlw_stack_seen() - dlw_stack_here(), where the thread has not been here before */
uint32_t dlw_stack_seen(struct dlw_context *self, uint64_t address, uint64_t frame);

uint32_t dlw_stack_exact(struct dlw_context *self, uint64_t address, uint64_t frame);

/** dlw_trace_setup() - tables for this process; false: no memory */
bool dlw_trace_setup(void);

/** dlw_stack_keep() - the id of a stack that somebody else has captured */
uint32_t dlw_stack_keep(const uint64_t *frames, uint32_t depth);

/** dlw_stack_record() - the stack called @id, or NULL */
const struct dlw_stack_record *dlw_stack_record(uint32_t id);

static inline struct dlw_site *dlw_site_of(struct dlw_context *self, uint64_t address,
					   uint64_t frame)
{
	/* some bits of either, added up where they stand: an addition, a mask and no shift */
	size_t place = (address * 8 + frame) & ((DLW_SITES - 1) << 4);

	return (struct dlw_site *)((char *)self->sites + place * (sizeof(struct dlw_site) >> 4));
}

static inline bool dlw_site_is(const struct dlw_site *site, uint64_t address, uint64_t frame)
{
	return dlw_likely(site->address == address) && dlw_likely(site->frame == frame);
}

/** dlw_site_beside() - where the entry is if it had to make way */
static inline struct dlw_site *dlw_site_beside(const struct dlw_site *site)
{
	return (struct dlw_site *)((uintptr_t)site ^ sizeof(*site));
}

/** dlw_site_verified() - stacks=full: the stack is still the same */
bool dlw_site_verified(const struct dlw_site *site);

/** dlw_site_serves() - the thread's entry for this site is right, as far as it has to be on @way */
static inline bool dlw_site_serves(enum dlw_way way, const struct dlw_site *site, uint64_t address,
				   uint64_t frame)
{
	if (dlw_unlikely(!dlw_site_is(site, address, frame)))
		return false;
	if (dlw_likely(way == DLW_WAY_SHORT) || way == DLW_WAY_LOGGED)
		return true;
	return way == DLW_WAY_VERIFIED && dlw_site_verified(site);
}

/**
 * dlw_site_is_still() - of the site: its stack is right, as far as it has to be on .open, a way without a log
 *
 * .open is read once more where it is not what it mostly is: in a register it
 * would be one of its own for all.
 */
static inline __attribute__((always_inline)) bool
dlw_site_is_still(const struct dlw_context *self, const struct dlw_site *site, uint64_t frame)
{
	if (dlw_likely(self->open == DLW_WAY_SHORT))
		return true;
	atomic_signal_fence(memory_order_seq_cst);
	return self->open == DLW_WAY_VERIFIED && dlw_trace_still(site->trace, frame);
}

/** dlw_site_serves_unlogged() - both */
static inline __attribute__((always_inline)) bool
dlw_site_serves_unlogged(const struct dlw_context *self, const struct dlw_site *site,
			 uint64_t address, uint64_t frame)
{
	return dlw_likely(dlw_site_is(site, address, frame)) &&
	       dlw_site_is_still(self, site, frame);
}

/** dlw_site_logged() - the site of the hook at @frame, if it serves and there is a log; NULL */
static inline __attribute__((always_inline)) const struct dlw_site *
dlw_site_logged(struct dlw_context *self, uint64_t frame)
{
	const struct dlw_site *site = dlw_site_of(self, dlw_caller_at(frame), frame);

	return dlw_likely(self->open == DLW_WAY_LOGGED) &&
			       dlw_site_is(site, dlw_caller_at(frame), frame) ?
		       site :
		       NULL;
}

static inline uint32_t dlw_stack_here(struct dlw_context *self, uint64_t address, uint64_t frame)
{
	const struct dlw_site *site = dlw_site_of(self, address, frame);

	if (dlw_unlikely(!dlw_site_is(site, address, frame)))
		return dlw_stack_seen(self, address, frame);
	if (dlw_unlikely(dlw_options.stacks == DLW_STACKS_FULL))
		return dlw_stack_exact(self, address, frame);
	return site->stack;
}

#endif
