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
 * child with this lock and place? Often it is the one noted next after the last
 * one, or the last one of this site; else it is looked up by hash. All is
 * compared: what is taken for seen is what was seen. Whether the lock is still
 * in the life that the note speaks of is asked once, until some lock's life ends:
 * the note is stamped with that.
 *
 * A lock taken while none is held costs nothing here.
 */
#ifndef DLW_SHIM_NESTING_H
#define DLW_SHIM_NESTING_H

#include <string.h>

#include "shim/context.h"

#define DLW_FIRST_BUCKETS 64u /* a power of two */
#define DLW_NEST_DEPTH 257u   /* one more than the locks that a nesting can be noted under */
#define DLW_NEST_FIRSTS 16u /* a power of two */
#define DLW_NEST_STAMP (1ull << 48) /* the least of .key's high part */

/** A thread's private half of it; none of it is for others to see. */
struct dlw_nest {
	char *base;           /* the segment */
	uint64_t moment;      /* of the section under way; 0: none that is of use */
	uint64_t footprint;   /* unclean: a bit for each lock it has taken */
	uint64_t keys[2];     /* of a mutex, its stack left out; the second: of an unclean section */
	uint64_t began;       /* edges when it took its first nested lock */
	uint64_t held_edge;   /* the last edge met by anybody under a lock, as of the moment */
	uint32_t serial;      /* of the thread; 0: nothing in here is anybody's */
	uint32_t start;       /* locks given back before the section, ever */
	bool mixed;           /* the section met an edge, or gave one before its first nested lock */
	bool unclean;         /* it has given a lock back before it took another one */
	uint32_t valid;       /* places of .chain below this one are of what is held now */
	uint64_t earlier;     /* .footprint but for the newest lock */
	uint64_t ended;       /* locks that had ended when the stamp was made */
	uint64_t stamp;       /* of notes whose lives have been asked for since: as in their .key */
	struct dlw_nester *nester;
	uint32_t *buckets;    /* of its notes, by hash */
	uint32_t bucket_mask; /* their number, a power of two, less one */
	uint32_t refused;     /* how many more will be, for there was no memory for one */
	uint32_t used, sweep_at; /* notes; and when to look through them */
	uint64_t swept;       /* locks that had ended when that was done last */
	uint32_t first_free;  /* place of a note that can be used again */
	uint32_t last;        /* place of the note that came up last, but for those in a clean section */
	uint32_t first_buckets[DLW_FIRST_BUCKETS];
	/* by stack: places of notes of locks that were the first nested ones of a section */
	uint32_t firsts[DLW_NEST_FIRSTS];
	/* by hold: place of its note, past the holds what was there last; 0: it has none */
	uint32_t chain[DLW_NEST_DEPTH + 1];
};

/*
 * Grows when what threads go by in the short way has changed; never 0, so that
 * a context where it is 0 goes the long way.
 */
extern _Atomic uint64_t dlw_nest_changes __attribute__((visibility("hidden")));

/** dlw_nest() - the newest hold is nested; @holding: of the record before it, @wants: it was waited for */
void dlw_nest(struct dlw_context *self, uint64_t holding, bool wants);

/** dlw_nest_at_length() - the same, if the quick way (below) did not do */
void dlw_nest_at_length(struct dlw_context *self, uint64_t holding, bool wants);


/** dlw_nest_rejoin() - all @held locks have been noted where they lie now; false: ask at length */
bool dlw_nest_rejoin(struct dlw_context *self, uint32_t held);

/* ------------------------------------------------------------------------------- notes */

/** dlw_nesting_key() - as in a note's .key, unchecked */
static inline uint64_t dlw_nesting_key(uint32_t stack, enum dlw_kind kind, enum dlw_mode mode)
{
	return stack | (uint64_t)kind << 32 | (uint64_t)mode << 40;
}

/** dlw_nesting_key_of() - in one load: the fields are side by side */
static inline uint64_t dlw_nesting_key_of(const struct dlw_held *held)
{
	uint64_t key;

	memcpy(&key, &held->stack, sizeof(key));
	return key & (DLW_NEST_STAMP - 1);
}

#define DLW_NESTING_UNCLEAN (1ull << 47) /* in a key */

/** dlw_nest_stamp() - as in a note whose life has been asked for since the last one ended; not 0 */
static inline uint16_t dlw_nest_stamp(const struct dlw_nest *nest)
{
	return (uint16_t)(nest->stamp / DLW_NEST_STAMP);
}

static inline struct dlw_nesting *dlw_nesting_at(const struct dlw_nest *nest, uint32_t place)
{
	return (struct dlw_nesting *)(nest->base + place * 8ull);
}

/** dlw_nest_set_stamp() - of the notes asked for from now on */
static inline void dlw_nest_set_stamp(struct dlw_nest *nest, uint64_t stamp)
{
	nest->stamp = stamp;
	nest->keys[0] = stamp | dlw_nesting_key(0, DLW_MUTEX, DLW_EXCLUSIVE);
	nest->keys[1] = nest->keys[0] | DLW_NESTING_UNCLEAN;
}

/** dlw_nesting_next() - place of the note that was made after the one at @place, if there is one */
static inline uint32_t dlw_nesting_next(uint32_t place)
{
	return place + (uint32_t)(sizeof(struct dlw_nesting) / 8);
}

/**
 * dlw_nesting_is() - the note at @place is that
 * @key: with a stamp, so that what else may lie there is not: the segment's
 *       beginning at place 0, zeros past the last note
 */
static inline __attribute__((always_inline)) bool
dlw_nesting_is(const struct dlw_nest *nest, uint32_t place, uint32_t parent, uint64_t address,
	       uint64_t key)
{
	const struct dlw_nesting *note = dlw_nesting_at(nest, place);

	return note->address == address && note->key == key && note->parent == parent;
}

/**
 * dlw_nesting_bucket() - where the note of a lock under @parent, at @stack, is
 *
 * Neighbours in memory have neighbouring buckets, in one line of the cache.
 */
static inline uint32_t *dlw_nesting_bucket(const struct dlw_nest *nest, uint32_t parent,
					   uint64_t address, uint32_t stack)
{
	uint32_t hash = (uint32_t)((address >> 7) * 0x9e3779b97f4a7c15u >> 32) + parent +
			stack * 0x85ebca6bu;

	return &nest->buckets[(hash ^ (uint32_t)(address >> 3)) & nest->bucket_mask];
}

/** dlw_nesting_known() - the place of a note that is there, and true; 0 */
static inline uint32_t dlw_nesting_known(const struct dlw_nest *nest, uint32_t parent,
					 uint64_t address, uint64_t key)
{
	uint32_t place = *dlw_nesting_bucket(nest, parent, address, (uint32_t)key);

	while (place && dlw_unlikely(!dlw_nesting_is(nest, place, parent, address, key)))
		place = dlw_nesting_at(nest, place)->next;
	return place;
}

/** dlw_nesting_either() - the same; perhaps it is @one, or @other */
static inline __attribute__((always_inline)) uint32_t
dlw_nesting_either(const struct dlw_nest *nest, uint32_t one, uint32_t other, uint32_t parent,
		   uint64_t address, uint64_t key)
{
	if (dlw_nesting_is(nest, one, parent, address, key))
		return one;
	if (dlw_nesting_is(nest, other, parent, address, key))
		return other;
	return dlw_nesting_known(nest, parent, address, key);
}

/**
 * dlw_nesting_is_held() - likewise, or one that has only been held, and is as true
 *
 * That one has a stamp of its own.
 */
static inline bool dlw_nesting_is_held(const struct dlw_nest *nest, uint32_t place,
				       uint32_t parent, uint64_t address, uint64_t key)
{
	const struct dlw_nesting *note = dlw_nesting_at(nest, place);

	return note->address == address && note->parent == parent &&
	       (note->key == key || ((note->key ^ key) % DLW_NEST_STAMP == 0 &&
				     note->held_checked == key / DLW_NEST_STAMP));
}

/** dlw_nesting_held() - dlw_nesting_either() of a lock that is only held */
static inline uint32_t dlw_nesting_held(const struct dlw_nest *nest, uint32_t one, uint32_t other,
					uint32_t parent, uint64_t address, uint64_t key)
{
	uint32_t place;

	if (dlw_nesting_is_held(nest, one, parent, address, key))
		return one;
	if (dlw_nesting_is_held(nest, other, parent, address, key))
		return other;
	place = *dlw_nesting_bucket(nest, parent, address, (uint32_t)key);
	while (place && !dlw_nesting_is_held(nest, place, parent, address, key))
		place = dlw_nesting_at(nest, place)->next;
	return place;
}

/** dlw_nesting_again() - it has come up once more */
static inline void dlw_nesting_again(struct dlw_nesting *note, uint64_t moment)
{
	++*(uint64_t *)&note->times; /* nobody else writes it */
	atomic_store_explicit(&note->latest, moment, memory_order_release);
}

/* ----------------------------------------------------------------------- the quick way */

/*
 * Does the section go on as it did when it was last here, or does one begin; and
 * has the nesting been noted? Else dlw_nest_at_length() is asked.
 *
 * The context's .nest_expected tells: its high half, .nest_added, is that of .holding
 * after the last nested lock. Its low half, .nest_state, is that, too, as long as the
 * section is clean: has given nothing back; DLW_NEST_UNCLEAN when it has;
 * DLW_NEST_SHIFTED when it has given back what lay below others, which have no note
 * where they lie now, from .valid on; and 0 when the next nested lock is to go the long
 * way. Where it is not 0, the section is not .mixed, and .start and .unclean are not
 * kept: it tells them.
 *
 * .open stays as it is. A handler that comes in between and takes a lock finds
 * .nest_added behind: it notes nothing, and leaves .holding other than ours.
 */
#define DLW_NEST_UNCLEAN (1u << 31)
#define DLW_NEST_SHIFTED (1u << 30)

/** dlw_nest_moment() - of a section that begins at @began; 0: it is no use */
static inline uint64_t dlw_nest_moment(uint64_t began, uint64_t held_edge, uint64_t last_edge)
{
	uint64_t last = held_edge > last_edge ? held_edge : last_edge;
	uint64_t most = (1u << DLW_MOMENT_BITS) - 1, back = began - last;

	if (last > began || began >= DLW_MOMENT_EDGES)
		return 0;
	return began << DLW_MOMENT_BITS | (back < most ? back : most);
}

/** dlw_nest_as_ever() - nothing has changed that all threads go by, and the thread has notes */
static inline bool dlw_nest_as_ever(const struct dlw_context *self)
{
	return atomic_load_explicit(&dlw_nest_changes, memory_order_acquire) ==
	       self->nest_changes;
}

/** dlw_nest_edges() - met by anybody so far */
static inline uint64_t dlw_nest_edges(const struct dlw_nest *nest)
{
	return atomic_load_explicit(&((struct dlw_segment *)nest->base)->edges,
				    memory_order_relaxed);
}

/**
 * dlw_nest_is_beginning() - the newest hold is the first nested one of a section
 *
 * An edge met under the outermost lock has changed what all threads go by.
 */
static inline bool dlw_nest_is_beginning(const struct dlw_context *self, uint64_t holding)
{
	return (uint32_t)holding == 1 && (uint32_t)(holding >> 32) != self->edge_given;
}

/** dlw_nest_began_so() - the moment of the last section is that of one that begins now, and of use */
static inline bool dlw_nest_began_so(const struct dlw_nest *nest)
{
	return nest->began == dlw_nest_edges(nest) && nest->moment;
}

/** dlw_nest_begins() - a section, with an outermost lock noted before; false: ask at length */
static inline bool dlw_nest_begins(const struct dlw_context *self, uint64_t holding)
{
	const struct dlw_held *outermost = self->holds;
	struct dlw_nest *nest = self->nest;
	uint64_t began;
	uint32_t place;

	if (!dlw_nest_is_beginning(self, holding))
		return false;
	place = dlw_nesting_either(nest, nest->chain[0], dlw_nesting_next(nest->last), 0,
				   outermost->address,
				   dlw_nesting_key_of(outermost) | nest->stamp);
	if (!place)
		return false;
	began = dlw_nest_edges(nest);
	if (began != nest->began || !nest->moment) {
		nest->began = began;
		nest->moment = dlw_nest_moment(began, nest->held_edge, self->last_edge);
	}
	nest->chain[0] = place;
	return nest->moment;
}

/** dlw_nest_begins_again() - the same, with the outermost lock of the last section */
static inline __attribute__((always_inline)) bool
dlw_nest_begins_again(const struct dlw_context *self, uint64_t holding)
{
	const struct dlw_held *outermost = self->holds;
	const struct dlw_nest *nest = self->nest;
	const struct dlw_nesting *note;

	if (!dlw_nest_is_beginning(self, holding))
		return false;
	note = dlw_nesting_at(nest, nest->chain[0]);
	return note->address == outermost->address &&
	       note->key == (dlw_nesting_key_of(outermost) | nest->stamp) &&
	       dlw_nest_began_so(nest);
}

/** dlw_nest_take() - the section has taken the lock at @address, which @note says; false: it does not */
static inline __attribute__((always_inline)) bool
dlw_nest_take(struct dlw_nest *nest, const struct dlw_nesting *note, uint64_t address)
{
	const uint64_t footprint = nest->footprint;

	if (dlw_unlikely(*(const uint64_t *)&note->untaken & footprint))
		return false;
	nest->footprint = footprint | dlw_lock_bit(address);
	return true;
}

/** dlw_nest_goes_on() - by the note at @place; false: a handler has been here */
static inline __attribute__((always_inline)) bool
dlw_nest_goes_on(struct dlw_context *self, const struct dlw_thread *record, uint64_t holding,
		 uint32_t place, bool unclean)
{
	struct dlw_nest *nest = self->nest;
	uint64_t after = holding + DLW_HOLD_ADDED;

	nest->chain[(uint32_t)holding] = place;
	if (unclean)
		nest->last = place;
	atomic_signal_fence(memory_order_seq_cst);
	if (unclean)
		self->nest_added++;
	else
		self->nest_expected = after;
	atomic_signal_fence(memory_order_seq_cst);
	return dlw_likely(atomic_load_explicit(&record->holding, memory_order_relaxed) == after);
}

/** dlw_nest_comes_up() - @note, at @place, does; false: a handler has been here */
static inline __attribute__((always_inline)) bool
dlw_nest_comes_up(struct dlw_context *self, const struct dlw_thread *record, uint64_t holding,
		  struct dlw_nesting *note, uint32_t place, bool unclean)
{
	const struct dlw_nest *nest = self->nest;

	if (dlw_unlikely(!dlw_nest_goes_on(self, record, holding, place, unclean)))
		return false;
	dlw_nesting_again(note, nest->moment);
	return true;
}

/**
 * dlw_nest_is_noted() - and comes up once more; false: it is to be looked for
 * @unclean: the section has given locks back
 */
static inline __attribute__((always_inline)) bool
dlw_nest_is_noted(struct dlw_context *self, const struct dlw_thread *record, uint64_t holding,
		  uint64_t address, uint64_t key, bool unclean)
{
	struct dlw_nest *nest = self->nest;
	const uint32_t *at = &nest->chain[(uint32_t)holding];
	uint32_t place;

	key |= nest->stamp | (unclean ? DLW_NESTING_UNCLEAN : 0);
	place = dlw_nesting_either(nest, dlw_nesting_next(unclean ? nest->last : at[-1]), *at,
				   at[-1], address, key);
	if (dlw_unlikely(!place))
		return false;
	if (unclean && !dlw_nest_take(nest, dlw_nesting_at(nest, place), address))
		return false;
	return dlw_nest_comes_up(self, record, holding, dlw_nesting_at(nest, place), place,
				 unclean);
}

/**
 * dlw_nest_trod() - the footprint of a section that took @taken locks, and until now gave none back
 *
 * They all stand in the chain, what it has no more in the places above what it has.
 */
static inline __attribute__((always_inline)) uint64_t dlw_nest_trod(const struct dlw_nest *nest,
								     uint32_t taken)
{
	uint64_t footprint = 0;
	uint32_t i;

	for (i = 0; i < taken; i++)
		footprint |= dlw_lock_bit(dlw_nesting_at(nest, nest->chain[i])->address);
	return footprint;
}

/** dlw_nest_is_clean() - a section under way has given nothing back, up to its last nested lock */
static inline bool dlw_nest_is_clean(const struct dlw_context *self)
{
	return self->nest_state && !(self->nest_state & (DLW_NEST_UNCLEAN | DLW_NEST_SHIFTED));
}

/** dlw_nest_has_given() - a clean section has given locks back now; all it holds is noted */
static inline __attribute__((always_inline)) void dlw_nest_has_given(struct dlw_context *self)
{
	self->nest->footprint = dlw_nest_trod(self->nest, self->nest_state);
	atomic_signal_fence(memory_order_seq_cst);
	self->nest_state = DLW_NEST_UNCLEAN;
}

/**
 * dlw_nest_gives() - the section under way has given locks back, and all it holds is noted
 *
 * One lock held, and others taken and given back under it one after the other,
 * is what most programs do.
 */
static inline bool dlw_nest_gives(struct dlw_context *self, uint64_t holding)
{
	if (self->nest_added != holding >> 32 || !self->nest_state)
		return false;
	if (self->nest_state & DLW_NEST_SHIFTED)
		return dlw_nest_rejoin(self, (uint32_t)holding);
	if (dlw_unlikely(dlw_nest_is_clean(self)))
		dlw_nest_has_given(self);
	return true;
}

/** dlw_nest_enters() - a section, or further into a clean one; false: neither */
static inline bool dlw_nest_enters(const struct dlw_context *self, uint64_t holding)
{
	return holding == self->nest_expected ||
	       (holding >> 32 != self->nest_added && dlw_nest_begins(self, holding));
}

/** dlw_nest_quickly() - it was waited for; false: ask at length */
static inline __attribute__((always_inline)) bool
dlw_nest_quickly(struct dlw_context *self, const struct dlw_thread *record, uint64_t holding,
		 uint64_t address, uint64_t key)
{
	if (!dlw_nest_as_ever(self))
		return false;
	if (dlw_nest_enters(self, holding))
		return dlw_nest_is_noted(self, record, holding, address, key, false);
	return dlw_nest_gives(self, holding) &&
	       dlw_nest_is_noted(self, record, holding, address, key, true);
}

/**
 * dlw_nest_next() - in a clean section: the note made after that of the lock taken last, if it
 * is of this; NULL
 * @key: with the stamp
 */
static inline __attribute__((always_inline)) struct dlw_nesting *
dlw_nest_next(const struct dlw_nest *nest, uint64_t holding, uint64_t address, uint64_t key)
{
	const uint32_t parent = nest->chain[(uint32_t)holding - 1];
	struct dlw_nesting *note = dlw_nesting_at(nest, parent) + 1;

	return note->address == address && note->key == key && note->parent == parent ? note :
											NULL;
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

/** dlw_edge_met_slow() - with a lock held */
void dlw_edge_met_slow(struct dlw_context *self);

/** dlw_holds_added() - by the calling thread, modulo 2^32; nobody else writes it */
static inline uint32_t dlw_holds_added(const struct dlw_thread *record)
{
	return (uint32_t)(*(const uint64_t *)&record->holding >> 32);
}

/** dlw_edge_met() - the thread has learned that something happened in another */
static inline void dlw_edge_met(struct dlw_context *self)
{
	struct dlw_thread *record = self->record;

	if (dlw_unlikely(!self->edges))
		return;
	self->last_edge = atomic_fetch_add_explicit(self->edges, 1, memory_order_relaxed) + 1;
	if (dlw_unlikely(dlw_holding(record)))
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
	self->edge_given = dlw_holds_added(self->record);
}

#endif
