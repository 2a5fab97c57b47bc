/*
 * shim/trace_cache.h - the verified cache: is this a stack we have seen before?
 *
 * From one frame layout the saved return addresses stand at fixed distances
 * from the frame address. A trace keeps those distances and values; if all
 * still match, the stack is the same, in any thread.
 *
 * Programs lock through functions of their own, so that thousands of stacks
 * begin with the same return addresses. The cache is a tree that tells them
 * apart by the one return address that differs: what it comes to is verified
 * whole, so it may be wrong about where to look, but not about what it found.
 */
#ifndef DLW_SHIM_TRACE_CACHE_H
#define DLW_SHIM_TRACE_CACHE_H

#include "shim/context.h"

/** A return address, and where it stands. */
struct dlw_saved_return {
	uint64_t value;
	int64_t distance; /* from the frame address; within a stack, so 31 bits */
};

/** Two of them: they are compared two at a time. */
struct dlw_saved_pair {
	int32_t distance[2];
	uint64_t value[2];
};

/** How to recognise one stack. */
struct dlw_trace {
	uint64_t address;
	uint64_t reach; /* of the outermost place, behind it */
	const struct dlw_saved_pair *end; /* behind the last pair; there is at least one,
					   * if only of .address, before the frame */
	uint32_t stack, count;
	bool cut; /* the stack goes on beyond what is remembered */
	struct dlw_saved_pair pairs[]; /* .count return addresses; the rest repeats one */
};

/** dlw_trace_still() - a stack that once matched, in this thread and at this frame, still does */
static inline __attribute__((always_inline)) bool dlw_trace_still(const struct dlw_trace *trace,
								   uint64_t frame)
{
	const char *base = (const char *)(uintptr_t)frame;
	const struct dlw_saved_pair *pair = trace->pairs, *end = trace->end;

	do {
		if (dlw_unlikely(*(const uint64_t *)(base + pair->distance[0]) != pair->value[0]))
			return false;
		if (dlw_unlikely(*(const uint64_t *)(base + pair->distance[1]) != pair->value[1]))
			return false;
	} while (++pair != end);
	return true;
}

/** dlw_trace_matches() - the stack at @frame is the one remembered */
static inline bool dlw_trace_matches(const struct dlw_context *self,
				     const struct dlw_trace *trace, uint64_t frame)
{
	return frame + trace->reach <= self->stack_high && dlw_trace_still(trace, frame);
}

/** Some traces, or what tells those apart that were too many. */
struct dlw_trace_node {
	struct dlw_trace_cell *_Atomic cells;
	struct dlw_trace_branches *_Atomic branches;
	uint64_t distance, value; /* what led here from the node above */
	uint32_t count;           /* of .cells */
	uint32_t level;           /* return addresses inward of the one that tells apart */
};

struct dlw_trace_cache {
	struct dlw_trace_node root;
	const struct dlw_trace *none; /* for a site whose stack nothing tells: never matches */
	char *arena;
	size_t arena_left, taken;
};

/** dlw_trace_cache_setup() - of a cache that is all zero, with @size zeroed bytes to begin with; false: too few */
bool dlw_trace_cache_setup(struct dlw_trace_cache *cache, void *memory, size_t size);

/** dlw_trace_cache_find() - the stack at @frame, called from @address; NULL: none of those remembered */
const struct dlw_trace *dlw_trace_cache_find(const struct dlw_trace_cache *cache,
				       const struct dlw_context *self, uint64_t address,
				       uint64_t frame);

/**
 * dlw_trace_cache_room() - room for a trace of @count return addresses behind @address
 *
 * To be filled in with dlw_trace_put() and given to dlw_trace_cache_add(). stacks_lock
 * is held for all.
 * Return: NULL if there is no memory, or enough is taken.
 */
struct dlw_trace *dlw_trace_cache_room(struct dlw_trace_cache *cache, uint64_t address,
				       uint32_t count);

/** dlw_trace_put() - the return address at @index, those before it having been put */
void dlw_trace_put(struct dlw_trace *trace, uint32_t index, struct dlw_saved_return saved);

/** dlw_trace_cache_add() - it will be found from now on, if there is memory for that */
void dlw_trace_cache_add(struct dlw_trace_cache *cache, const struct dlw_trace *trace);

#endif
