/*
 * shim/nesting.c - see nesting.h
 *
 * The private half is written by its thread alone, with .open shut: a handler
 * that takes a lock meanwhile passes through. One that came in between the hold
 * and us has left the record's .holding other than ours; then of this section
 * nothing more is noted.
 */
#include "shim/nesting.h"

#include <string.h>

#include "shim/hold.h"
#include "shim/nesting_notes.h"
#include "shim/object.h"
#include "shim/segment.h"

#include "shim/banned.h"

_Atomic uint64_t dlw_nest_changes = 1;

/** settle() - the fields tell of the section what .nest_state has told alone, and tells no more */
static void settle(struct dlw_context *self)
{
	struct dlw_nest *nest = self->nest;

	if (self->nest_state) {
		nest->mixed = false;
		nest->unclean = !dlw_nest_is_clean(self);
		if (!nest->unclean)
			nest->start = self->nest_added - self->nest_state;
	}
	self->nest_state = 0;
}

/* ----------------------------------------------------------------------------- edges */

static void raise(_Atomic uint64_t *number, uint64_t least)
{
	uint64_t before = atomic_load_explicit(number, memory_order_relaxed);

	while (before < least && !atomic_compare_exchange_weak(number, &before, least))
		;
}

/** note_held_edge() - the thread has met an edge with a lock held, perhaps since its last one without */
static void note_held_edge(const struct dlw_context *self)
{
	struct dlw_segment *segment = dlw_runtime->segment;
	uint32_t count = atomic_load_explicit(&segment->held_edge_count, memory_order_relaxed);
	struct dlw_held_edge *edge = &segment->held_edges[(count - 1) % DLW_HELD_EDGES];
	uint64_t from = atomic_load_explicit(&self->record->idle_edge, memory_order_relaxed);

	if (!count || edge->serial != self->record->serial || edge->from != from) {
		count = atomic_fetch_add(&segment->held_edge_count, 1);
		edge = &segment->held_edges[count % DLW_HELD_EDGES];
		raise(&segment->held_edges_before, edge->until);
		edge->from = from;
		edge->serial = self->record->serial;
	}
	atomic_store_explicit(&edge->until, self->last_edge, memory_order_release);
}

void dlw_edge_met_slow(struct dlw_context *self)
{
	self->edge_met = dlw_holds_added(self->record);
	settle(self); /* the next nested lock goes the long way */
	note_held_edge(self);
	raise(&dlw_runtime->segment->last_held_edge, self->last_edge);
	atomic_fetch_add(&dlw_nest_changes, 1);
}

void dlw_edge_begin(struct dlw_context *self, uint64_t known)
{
	dlw_edge_met(self);
	self->born = self->last_edge;
	if (known)
		self->last_edge = known;
}

uint64_t dlw_edge_handed_on(struct dlw_context *self)
{
	uint32_t bit = self->record->serial & (DLW_CREATOR_BITS - 1);
	_Atomic uint64_t *word = &dlw_runtime->segment->creators[bit / 64];

	dlw_edge_given(self);
	if (!(atomic_load_explicit(word, memory_order_relaxed) >> bit % 64 & 1))
		atomic_fetch_or(word, 1ull << bit % 64);
	return dlw_hold_count(self) ? 0 : self->last_edge;
}

void dlw_nest_refused(struct dlw_context *self, uint64_t address)
{
	uint32_t bit = dlw_tried_bit(address);
	_Atomic uint64_t *word = &dlw_runtime->segment->tried[bit / 64];
	uint64_t mask = 1ull << bit % 64;

	if (!dlw_options.predict)
		return;
	if (!(atomic_load_explicit(word, memory_order_relaxed) & mask))
		atomic_fetch_or(word, mask);
	dlw_edge_met(self);
}

void dlw_nest_changed(void)
{
	atomic_fetch_add(&dlw_runtime->segment->nested_ended, 1);
	atomic_fetch_add(&dlw_nest_changes, 1);
}

/**
 * renew_moment() - of the section under way; 0: it is no use
 *
 * The last edge is asked for after all locks held were had: who held one of
 * them while it met an edge has said so before it gave the lock back.
 */
static void renew_moment(const struct dlw_context *self, uint64_t held_edge)
{
	struct dlw_nest *nest = self->nest;

	nest->held_edge = held_edge;
	nest->moment = dlw_nest_moment(nest->began, held_edge, self->last_edge);
}

/* --------------------------------------------------------------------------- sections */

/** make_nest() - for a context that has none; NULL: no memory */
static struct dlw_nest *make_nest(struct dlw_context *self)
{
	struct dlw_nest *nest = self == dlw_self ? dlw_map(sizeof(*nest), true) : NULL;

	if (!nest)
		return NULL;
	nest->base = (char *)dlw_runtime->segment;
	self->nest = nest;
	return nest;
}

/** begin_section() - the thread holds @held, and takes its first nested lock */
static void begin_section(struct dlw_context *self, uint32_t held, uint32_t added)
{
	struct dlw_nest *nest = self->nest;

	nest->start = added - held;
	nest->began = atomic_load_explicit(&dlw_runtime->segment->edges, memory_order_relaxed);
	/* with more than one lock, the first nested one has escaped us */
	nest->mixed = held != 1 || self->edge_given == added;
	nest->unclean = false;
	nest->valid = 0;
	nest->moment = 0;
	nest->held_edge = UINT64_MAX;
	if (dlw_unlikely(nest->serial != self->record->serial) && !dlw_nester_begin(self))
		nest->mixed = true;
}

/** is_in_chain() - the section, clean until now, has taken @taken locks, and all were noted */
static bool is_in_chain(const struct dlw_nest *nest, uint32_t taken)
{
	uint32_t i;

	for (i = 0; i < taken; i++)
		if (i == DLW_NEST_DEPTH || !nest->chain[i])
			return false;
	return true;
}

/** become_unclean() - the section has given a lock back, of @added that it and others before it took */
static void become_unclean(struct dlw_nest *nest, uint32_t added)
{
	const uint32_t taken = added - nest->start;

	nest->unclean = true;
	nest->footprint = is_in_chain(nest, taken) ? dlw_nest_trod(nest, taken) :
						     UINT64_MAX; /* whatever it was */
}

void dlw_nest_shift(struct dlw_context *self, uint32_t index)
{
	struct dlw_nest *nest = self->nest;
	const uint32_t known = self->nest_state;

	if (!nest || self->nest_added != dlw_holds_added(self->record))
		return;
	settle(self);
	if (!nest->unclean && !nest->mixed)
		become_unclean(nest, self->nest_added);
	/* by the quick way, which does not keep .valid, all were noted where they lay */
	if (nest->valid > index || (known && !(known & DLW_NEST_SHIFTED)))
		nest->valid = index;
	if (known)
		self->nest_state = DLW_NEST_SHIFTED;
}

bool dlw_nest_rejoin(struct dlw_context *self, uint32_t held)
{
	struct dlw_nest *nest = self->nest;
	uint32_t at;

	if (held >= DLW_NEST_DEPTH)
		return false;
	for (at = nest->valid; at < held; at++) {
		const struct dlw_held *hold = &self->holds[at];

		nest->chain[at] = dlw_nesting_held(nest, nest->chain[at],
						   dlw_nesting_next(nest->last),
						   at ? nest->chain[at - 1] : 0, hold->address,
						   dlw_nesting_key_of(hold) | nest->stamp);
		if (!nest->chain[at])
			return false;
	}
	if (nest->valid < held)
		nest->valid = held;
	self->nest_state = DLW_NEST_UNCLEAN;
	return true;
}

/** refresh() - what has changed since the thread asked last */
static void refresh(struct dlw_context *self)
{
	struct dlw_nest *nest = self->nest;
	const struct dlw_segment *segment = dlw_runtime->segment;
	uint64_t ended, held_edge;

	self->nest_changes = atomic_load_explicit(&dlw_nest_changes, memory_order_acquire);
	ended = atomic_load_explicit(&segment->nested_ended, memory_order_relaxed);
	held_edge = atomic_load_explicit(&segment->last_held_edge, memory_order_relaxed);
	if (held_edge != nest->held_edge)
		renew_moment(self, held_edge);
	if (nest->used >= nest->sweep_at && ended == nest->swept)
		nest->sweep_at = nest->used * 2; /* no lock has ended: there is nothing to free */
	if (ended == nest->ended && nest->used < nest->sweep_at)
		return;
	dlw_nest_set_stamp(nest, nest->stamp + DLW_NEST_STAMP);
	if (!nest->stamp || nest->used >= nest->sweep_at) {
		dlw_nesting_sweep(self);
		nest->swept = ended;
	}
	nest->ended = ended;
	nest->valid = 0;
}

/* ------------------------------------------------------------------------------- notes */

/** is_again() - the thread has that lock already: nothing new is wanted */
static bool is_again(const struct dlw_context *self, uint32_t held)
{
	uint32_t i;

	for (i = 0; i < held; i++)
		if (self->holds[i].address == self->holds[held].address)
			return true;
	return false;
}

/** come_up() - the note's lock is wanted; false: it should be told of, and cannot */
static bool come_up(struct dlw_context *self, struct dlw_nesting *note, uint32_t held)
{
	struct dlw_nest *nest = self->nest;
	bool first = !note->latest;

	if (!nest->moment || (first && is_again(self, held)))
		return true;
	/* by the C library's word, too: an unlock may have passed us by */
	if (first && !dlw_holds_are_true(self->holds, held, self->tid))
		return false;
	if (nest->unclean && note->untaken & nest->earlier)
		atomic_store_explicit(&note->untaken, note->untaken & ~nest->earlier,
				      memory_order_release);
	if (first && !nest->unclean)
		note->first = nest->moment;
	dlw_nesting_again(note, nest->moment);
	if (first)
		atomic_fetch_add(&dlw_runtime->segment->nestings_noted, 1);
	return true;
}

/**
 * remember() - that the note's lock is in the life it speaks of
 *
 * Of one that was tried there is more to ask when it is waited for: the quick way
 * is not to take it.
 */
static void remember(const struct dlw_nest *nest, uint32_t place)
{
	struct dlw_nesting *note = dlw_nesting_at(nest, place);

	if (note->latest || !note->parent)
		note->checked = dlw_nest_stamp(nest);
	else
		note->held_checked = dlw_nest_stamp(nest);
}

/** complete_chain() - up to @held, by notes of what is held; false: it cannot be had */
static bool complete_chain(struct dlw_context *self, uint32_t held)
{
	struct dlw_nest *nest = self->nest;

	for (; nest->valid < held; nest->valid++) {
		uint32_t at = nest->valid;

		nest->chain[at] = dlw_nesting_find(self, at ? nest->chain[at - 1] : 0,
						   &self->holds[at], false, false);
		if (!nest->chain[at])
			return false;
		remember(nest, nest->chain[at]);
	}
	return true;
}

/** leave_gap() - the newest hold has no note in the chain, as yet */
static void leave_gap(struct dlw_nest *nest, uint32_t held)
{
	if (held < DLW_NEST_DEPTH)
		nest->chain[held] = 0;
	if (nest->valid > held)
		nest->valid = held;
}

/** note_newest() - false: it should be told of, and cannot */
static bool note_newest(struct dlw_context *self, uint64_t holding, bool wants)
{
	struct dlw_nest *nest = self->nest;
	const uint32_t held = (uint32_t)holding;
	struct dlw_nesting *note;
	uint32_t place;

	if (held >= DLW_NEST_DEPTH)
		return !wants;
	leave_gap(nest, held);
	refresh(self);
	if (!wants && nest->unclean) { /* as hold_unnoted() */
		if (nest->moment)
			self->nest_state = DLW_NEST_SHIFTED;
		return true;
	}
	if (!complete_chain(self, held))
		return !wants || !nest->moment;
	place = dlw_nesting_find(self, nest->chain[held - 1], &self->holds[held], nest->unclean,
				 true);
	if (!place)
		return !wants || !nest->moment;
	nest->chain[held] = nest->last = place;
	nest->valid = held + 1;
	note = dlw_nesting_at(nest, place);
	if (wants && !come_up(self, note, held))
		return false;
	remember(nest, place);
	if (nest->moment)
		self->nest_state = nest->unclean ? DLW_NEST_UNCLEAN : held + 1;
	return true;
}

/** enter() - into the section, or further into it; false: nothing of it is to be noted */
static bool enter(struct dlw_context *self, uint64_t holding)
{
	struct dlw_nest *nest = self->nest;
	const uint32_t held = (uint32_t)holding, added = (uint32_t)(holding >> 32);
	const uint32_t known = self->nest_state;
	uint64_t now = atomic_load_explicit(&self->record->holding, memory_order_relaxed);

	settle(self);
	if (added != self->nest_added)
		begin_section(self, held, added);
	else if (held == known || known & DLW_NEST_UNCLEAN)
		nest->valid = held; /* the quick way may have been here last */
	else if (!nest->unclean && !nest->mixed && added - held != nest->start)
		become_unclean(nest, added);
	/* an edge met since, or a handler in between */
	nest->mixed |= self->edge_met == added || now != holding + DLW_HOLD_ADDED;
	self->nest_added = (uint32_t)(now >> 32);
	if (nest->unclean) {
		nest->earlier = nest->footprint;
		nest->footprint |= dlw_lock_bit(self->holds[held].address);
	}
	return !nest->mixed && !self->record->exempt;
}

static bool note_nested(struct dlw_context *self, uint64_t holding, bool wants)
{
	if (!self->nest && !make_nest(self)) {
		self->nest_expected = 0;
		return !wants;
	}
	if (enter(self, holding))
		return note_newest(self, holding, wants);
	leave_gap(self->nest, (uint32_t)holding);
	return true;
}

void dlw_nest_at_length(struct dlw_context *self, uint64_t holding, bool wants)
{
	const bool open = self->open != DLW_WAY_SHUT;

	dlw_inside(self);
	if (!note_nested(self, holding, wants))
		dlw_runtime_count(DLW_LOST_NESTINGS, 1);
	if (open)
		dlw_leave(self);
}

/**
 * hold_unnoted() - in a section that has given locks back a lock that was tried
 * needs no note before another one is wanted under it; false: ask at length
 */
static bool hold_unnoted(struct dlw_context *self, uint64_t holding, const struct dlw_held *newest)
{
	struct dlw_nest *nest = self->nest;
	const uint64_t after = holding + DLW_HOLD_ADDED;

	if (self->nest_added != holding >> 32 || !self->nest_state)
		return false;
	if (dlw_nest_is_clean(self))
		dlw_nest_has_given(self);
	if (!(self->nest_state & DLW_NEST_SHIFTED) || nest->valid > (uint32_t)holding)
		nest->valid = (uint32_t)holding;
	nest->footprint |= dlw_lock_bit(newest->address);
	atomic_signal_fence(memory_order_seq_cst);
	self->nest_expected = after >> 32 << 32 | DLW_NEST_SHIFTED;
	atomic_signal_fence(memory_order_seq_cst);
	return atomic_load_explicit(&self->record->holding, memory_order_relaxed) == after;
}

/** nest_held_quickly() - it was tried, and had; false: ask at length */
static bool nest_held_quickly(struct dlw_context *self, uint64_t holding,
			      const struct dlw_held *newest)
{
	struct dlw_nest *nest = self->nest;
	uint32_t place;

	if (!dlw_nest_as_ever(self))
		return false;
	if (!dlw_nest_enters(self, holding))
		return hold_unnoted(self, holding, newest);
	place = nest->chain[(uint32_t)holding - 1];
	place = dlw_nesting_held(nest, dlw_nesting_next(place), nest->chain[(uint32_t)holding],
				 place, newest->address,
				 dlw_nesting_key_of(newest) | nest->stamp);
	return place && dlw_nest_goes_on(self, self->record, holding, place, false);
}

void dlw_nest(struct dlw_context *self, uint64_t holding, bool wants)
{
	const struct dlw_held *newest = &self->holds[(uint32_t)holding];
	bool known = wants ? dlw_nest_quickly(self, self->record, holding, newest->address,
					      dlw_nesting_key_of(newest))
			   : nest_held_quickly(self, holding, newest);

	if (!known)
		dlw_nest_at_length(self, holding, wants);
}
