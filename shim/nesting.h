/*
 * shim/nesting.h - locks asked for under others, noted for prediction
 *
 * A *nesting* is a lock that a thread asks for while it holds others. Each one
 * is noted once in the segment (struct dlw_nesting), where the watcher looks for
 * cycles. What a thread does between holding nothing and holding nothing again
 * is a *section*; a nesting in it is dated by the edges counted when the section
 * took its first nested lock. docs/prediction.md says why that is enough.
 *
 * A lock taken while none is held costs nothing here; a nesting seen before a
 * multiplication, a compare and a store.
 */
#ifndef DLW_SHIM_NESTING_H
#define DLW_SHIM_NESTING_H

#include "shim/context.h"

#define DLW_NESTINGS_SEEN 512 /* a power of two */
#define DLW_CHAIN_INLINE 64

struct dlw_nest_entry {
	uint64_t hash; /* 0: free */
	struct dlw_nesting *note;
};

/** A thread's private half of it; none of it is for others to see. */
struct dlw_nest {
	uint32_t serial;      /* of the thread; 0: nothing in here is anybody's */
	uint32_t last, start; /* high half of .holding: after the last nested lock, before the section */
	bool mixed;           /* the section met an edge, or gave one before its first nested lock */
	uint64_t began;       /* edges when it took that */
	uint64_t held_edge, moment; /* the last edge met under a lock, and the moment it makes; 0: none */
	uint64_t footprint;   /* a bit for each lock it has taken, but for … */
	uint64_t newest;      /* … the bit of the last one */
	uint64_t *chain;      /* by hold: hash of it and all below */
	uint32_t chain_room;
	uint32_t used, capacity; /* of .notes, a power of two or 0 */
	struct dlw_nest_entry *notes;
	struct dlw_nest_entry seen[DLW_NESTINGS_SEEN];
	uint64_t inline_chain[DLW_CHAIN_INLINE];
};

/** dlw_nest() - the newest hold is nested; @holding: of the record before it, @wants: it was waited for */
void dlw_nest(struct dlw_context *self, uint64_t holding, bool wants);

/** dlw_nests() - with this much held one more is a nested one, and that matters */
static inline bool dlw_nests(uint64_t holding)
{
	return dlw_unlikely((uint32_t)holding != 0) && dlw_options.predict;
}

/** dlw_nest_shift() - the hold at @index has gone from below others */
void dlw_nest_shift(struct dlw_context *self, uint32_t index);

/** dlw_nest_refused() - a try or a timed wait has failed: somebody else had it, which tells something */
void dlw_nest_refused(struct dlw_context *self, uint64_t address);

/** dlw_nest_ended() - an object that nestings speak of is no more what it was */
void dlw_nest_ended(struct dlw_object *object);

/** dlw_edge_met_slow() - with a lock held */
void dlw_edge_met_slow(struct dlw_context *self);

/** dlw_edge_met() - the thread has learned that something happened in another */
static inline void dlw_edge_met(struct dlw_context *self)
{
	const struct dlw_thread *record = self->record;
	uint64_t holding = atomic_load_explicit(&record->holding, memory_order_relaxed);

	if (!dlw_options.predict)
		return;
	self->last_edge = atomic_fetch_add_explicit(&dlw_runtime->segment->edges, 1,
						    memory_order_relaxed) + 1;
	self->edge_met = (uint32_t)(holding >> 32);
	if (dlw_unlikely((uint32_t)holding))
		dlw_edge_met_slow(self);
}

/** dlw_edge_begin() - the thread starts; @known: what its creator handed on, 0: there is no telling */
void dlw_edge_begin(struct dlw_context *self, uint64_t known);

/** dlw_edge_handed_on() - a thread is about to be created; Return: what it is to begin with */
uint64_t dlw_edge_handed_on(struct dlw_context *self);

/** dlw_edge_given() - another thread may learn of what this one has done so far */
static inline void dlw_edge_given(struct dlw_context *self)
{
	self->edge_given = (uint32_t)(atomic_load_explicit(&self->record->holding,
							   memory_order_relaxed) >> 32);
}

#endif
