/*
 * shim/nesting.h - locks asked for under others, noted for prediction
 *
 * A *nesting* is a lock that a thread asks for while it holds others. Each one
 * is noted once in the segment (struct dlw_nesting), where the watcher looks for
 * cycles. What a thread does between holding nothing and holding nothing again
 * is a *section*; a nesting in it is dated by the edges counted when the section
 * took its first nested lock. docs/prediction.md says why that is enough.
 *
 * A thread's notes are a tree: each says under which one its lock was taken.
 * So of a nesting seen before there is little to ask: is what the thread holds
 * what it held after its last nested lock, and has the note for that one a
 * child with this lock and place? Nothing is hashed but to find that child, and
 * all is compared: what is taken for seen is what was seen.
 *
 * A lock taken while none is held costs nothing here.
 */
#ifndef DLW_SHIM_NESTING_H
#define DLW_SHIM_NESTING_H

#include "shim/context.h"

#define DLW_NESTINGS_SEEN 512u /* a power of two */
#define DLW_FIRST_BUCKETS 64u  /* likewise */
#define DLW_NEST_DEPTH 257u    /* one more than the locks that a nesting can be noted under */

/** A thread's private half of it; none of it is for others to see. */
struct dlw_nest {
	char *base;           /* the segment */
	uint64_t moment;      /* of the section under way; 0: none that is of use */
	uint32_t serial;      /* of the thread; 0: nothing in here is anybody's */
	uint32_t start;       /* locks given back before the section, ever */
	bool mixed;           /* the section met an edge, or gave one before its first nested lock */
	bool unclean;         /* it has given a lock back before it took another one */
	uint32_t valid;       /* places of .chain below this one are of what is held now */
	uint64_t began;       /* edges when it took its first nested lock */
	uint64_t held_edge;   /* the last edge met by anybody under a lock, as of the moment */
	uint64_t ended;       /* locks that had ended when .seen was last true */
	uint64_t footprint;   /* unclean: a bit for each lock it has taken, but for … */
	uint64_t newest;      /* … the bit of the last one */
	struct dlw_nester *nester;
	uint32_t *buckets;    /* of its notes, by hash */
	uint32_t bucket_count, used, sweep_at; /* a power of two; notes; and when to look through them */
	uint32_t first_free;  /* place of a note that can be used again */
	uint32_t seen[DLW_NESTINGS_SEEN]; /* places of notes; what is looked at first */
	uint32_t first_buckets[DLW_FIRST_BUCKETS];
	uint32_t chain[DLW_NEST_DEPTH];   /* by hold: place of its note; 0: it has none */
};

/* Grows when what threads go by in the short way has changed */
extern _Atomic uint64_t dlw_nest_changes __attribute__((visibility("hidden")));

/** dlw_nest() - the newest hold is nested; @holding: of the record before it, @wants: it was waited for */
void dlw_nest(struct dlw_context *self, uint64_t holding, bool wants);

/** dlw_nest_slot() - where in .seen the note of a lock under @parent, at @stack, is looked for first */
static inline uint32_t dlw_nest_slot(uint32_t parent, uint64_t address, uint32_t stack)
{
	return (uint32_t)((address >> 3 ^ parent ^ (uint64_t)stack << 10) * 0x9e3779b1u) >> 23;
}

/** dlw_nesting_sort() - kind and mode as one number */
static inline uint16_t dlw_nesting_sort(enum dlw_kind kind, enum dlw_mode mode)
{
	return (uint16_t)(kind | mode << 8);
}

static inline struct dlw_nesting *dlw_nesting_at(const struct dlw_nest *nest, uint32_t place)
{
	return (struct dlw_nesting *)(nest->base + place * 8ull);
}

static inline bool dlw_nesting_is(const struct dlw_nesting *note, uint32_t parent,
				  uint64_t address, uint32_t stack, uint16_t sort)
{
	return note->address == address && note->parent == parent && note->stack == stack &&
	       note->sort == sort;
}

/** dlw_nesting_again() - it has come up once more */
static inline void dlw_nesting_again(struct dlw_nesting *note, uint64_t moment)
{
	atomic_store_explicit(&note->times,
			      atomic_load_explicit(&note->times, memory_order_relaxed) + 1,
			      memory_order_relaxed);
	atomic_store_explicit(&note->latest, moment, memory_order_release);
}

/**
 * dlw_nest_seen() - the place of a note that was asked for not long ago; 0: it has to be looked for
 *
 * There are two places for each: locks that fall together are often taken by turns.
 */
static inline uint32_t dlw_nest_seen(const struct dlw_nest *nest, uint32_t parent,
				     uint64_t address, uint32_t stack, uint16_t sort, bool unclean)
{
	uint32_t slot = dlw_nest_slot(parent, address, stack) ^ unclean;
	uint32_t place = nest->seen[slot];

	if (dlw_likely(dlw_nesting_is(dlw_nesting_at(nest, place), parent, address, stack, sort)))
		return place;
	place = nest->seen[slot ^ 2];
	return dlw_nesting_is(dlw_nesting_at(nest, place), parent, address, stack, sort) ? place : 0;
}

/** dlw_nest_moment() - of a section that begins at @began; 0: it is no use */
static inline uint64_t dlw_nest_moment(uint64_t began, uint64_t held_edge, uint64_t last_edge)
{
	uint64_t last = held_edge > last_edge ? held_edge : last_edge;
	uint64_t most = (1u << DLW_MOMENT_BITS) - 1, back = began - last;

	if (last > began || began >= DLW_MOMENT_EDGES)
		return 0;
	return began << DLW_MOMENT_BITS | (back < most ? back : most);
}

/** dlw_nest_as_ever() - nothing has changed that all threads go by */
static inline bool dlw_nest_as_ever(const struct dlw_context *self)
{
	return atomic_load_explicit(&dlw_nest_changes, memory_order_acquire) ==
	       self->nest_changes;
}

/** dlw_nest_begins() - a section, with an outermost lock seen before; false: ask at length */
static inline bool dlw_nest_begins(const struct dlw_context *self,
				   const struct dlw_thread *record, uint64_t holding)
{
	const struct dlw_held *outermost = self->holds;
	const uint32_t added = (uint32_t)(holding >> 32);
	struct dlw_nest *nest = self->nest;
	uint64_t began;
	uint32_t place;

	if ((uint32_t)holding != 1 || added == self->nest_expected >> 32 ||
	    added == self->edge_met || added == self->edge_given || !nest ||
	    nest->serial != record->serial || !dlw_nest_as_ever(self))
		return false;
	place = dlw_nest_seen(nest, 0, outermost->address, outermost->stack,
			      dlw_nesting_sort(outermost->kind, outermost->mode), false);
	if (!place)
		return false;
	began = atomic_load_explicit(&((struct dlw_segment *)nest->base)->edges,
				     memory_order_relaxed);
	nest->moment = dlw_nest_moment(began, nest->held_edge, self->last_edge);
	nest->began = began;
	nest->start = added - 1;
	nest->mixed = nest->unclean = false;
	nest->valid = 1;
	nest->chain[0] = place;
	return nest->moment;
}

/*
 * The quick way, for a lock that is waited for: does the section go on as it did
 * when it was last here, or does one begin; and has the nesting been noted? Else
 * dlw_nest() asks at length.
 *
 * .open stays as it is. A handler that comes in between and takes a lock finds
 * .nest_expected behind: it notes nothing, and leaves .holding other than ours.
 */

/** dlw_nest_goes_on() - nothing was given back since the last nested lock */
static inline bool dlw_nest_goes_on(const struct dlw_context *self, uint64_t holding)
{
	return holding == self->nest_expected && dlw_nest_as_ever(self);
}

/** dlw_nest_is_noted() - and has come up once more; false: it is to be looked for */
static inline __attribute__((always_inline)) bool
dlw_nest_is_noted(struct dlw_context *self, const struct dlw_thread *record, uint64_t holding,
		  uint64_t address, uint32_t stack, uint16_t sort)
{
	struct dlw_nest *nest = self->nest;
	uint32_t parent = nest->chain[(uint32_t)holding - 1];
	uint32_t place = dlw_nest_seen(nest, parent, address, stack, sort, false);

	if (dlw_unlikely(!place))
		return false;
	nest->chain[(uint32_t)holding] = place;
	atomic_signal_fence(memory_order_seq_cst);
	self->nest_expected = holding + DLW_HOLD_ADDED;
	atomic_signal_fence(memory_order_seq_cst);
	if (dlw_unlikely(atomic_load_explicit(&record->holding, memory_order_relaxed) !=
			 holding + DLW_HOLD_ADDED))
		return false;
	dlw_nesting_again(dlw_nesting_at(nest, place), nest->moment);
	return true;
}

/** dlw_nests() - with this much held one more is a nested one, and that matters */
static inline bool dlw_nests(uint64_t holding)
{
	return dlw_unlikely((uint32_t)holding != 0) && dlw_options.predict;
}

/** dlw_nest_shift() - the hold at @index has gone from below others */
void dlw_nest_shift(struct dlw_context *self, uint32_t index);

/** dlw_nest_refused() - a try or a timed wait has failed: somebody else had it, which tells something */
void dlw_nest_refused(struct dlw_context *self, uint64_t address);

/** dlw_nest_changed() - something that nestings speak of has ended */
void dlw_nest_changed(void);

/** dlw_nest_ended() - an object that nestings speak of is no more what it was */
static inline void dlw_nest_ended(const struct dlw_object *object)
{
	if (dlw_unlikely(atomic_load_explicit(&object->nested, memory_order_relaxed)))
		dlw_nest_changed();
}

/** dlw_edge_met_slow() - with a lock held */
void dlw_edge_met_slow(struct dlw_context *self);

/** dlw_edge_met() - the thread has learned that something happened in another */
static inline void dlw_edge_met(struct dlw_context *self)
{
	struct dlw_thread *record = self->record;
	uint64_t holding = atomic_load_explicit(&record->holding, memory_order_relaxed);

	if (!dlw_options.predict)
		return;
	self->last_edge = atomic_fetch_add_explicit(&dlw_runtime->segment->edges, 1,
						    memory_order_relaxed) + 1;
	self->edge_met = (uint32_t)(holding >> 32);
	if (dlw_unlikely((uint32_t)holding))
		dlw_edge_met_slow(self);
	else
		atomic_store_explicit(&record->idle_edge, self->last_edge, memory_order_relaxed);
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
