/*
 * shim/nesting.c - see nesting.h
 *
 * The private half is written by its thread alone. A handler that locks in the
 * middle of dlw_nest() uses places of the chain above ours only, and is gone
 * when we go on; all that is shared is done with .open NULL, so that handlers
 * pass through.
 */
#include "shim/nesting.h"

#include <pthread.h>
#include <string.h>

#include "core/watch/glibc.h"
#include "shim/hold.h"
#include "shim/lock.h"
#include "shim/object.h"
#include "shim/segment.h"

#include "shim/banned.h"

#define FIRST_NOTES 64u
#define FIRST_SWEEP 4096u
#define MIXER 0x9e3779b97f4a7c15u
#define UNCLEAN 0xd6e8feb86659fd93u /* told apart: with locks taken and given back meanwhile */

static uint64_t mix(uint64_t hash, uint64_t value)
{
	hash = (hash ^ value) * MIXER;
	return hash ^ hash >> 32;
}

static uint64_t mix_hold(uint64_t hash, const struct dlw_held *held)
{
	uint64_t rest;

	memcpy(&rest, &held->stack, sizeof(rest)); /* stack, kind and mode, and no more */
	return mix(hash, held->address) + (rest & 0xffffffffffffu);
}

/* ----------------------------------------------------------------------------- edges */

void dlw_edge_met_slow(struct dlw_context *self)
{
	_Atomic uint64_t *last = &dlw_runtime->segment->last_held_edge;
	uint64_t before = atomic_load_explicit(last, memory_order_relaxed);

	while (before < self->last_edge &&
	       !atomic_compare_exchange_weak(last, &before, self->last_edge))
		;
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

void dlw_nest_ended(struct dlw_object *object)
{
	if (atomic_load_explicit(&object->nested, memory_order_relaxed))
		atomic_fetch_add(&dlw_runtime->segment->nested_ended, 1);
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
	uint64_t last = held_edge > self->last_edge ? held_edge : self->last_edge;
	uint64_t most = (1u << DLW_MOMENT_BITS) - 1, back;

	nest->held_edge = held_edge;
	nest->moment = 0;
	if (last > nest->began || nest->began >= DLW_MOMENT_EDGES - 1)
		return;
	back = nest->began - last;
	nest->moment = nest->began << DLW_MOMENT_BITS | (back < most ? back : most);
}

/** seen_again() - @note's nesting, in the section under way */
static void seen_again(const struct dlw_nest *nest, struct dlw_nesting *note, bool clean)
{
	uint64_t footprint = nest->footprint;

	if (dlw_unlikely(!clean) && (note->footprint & footprint) != footprint)
		atomic_store_explicit(&note->footprint, note->footprint | footprint,
				      memory_order_release);
	if (atomic_load_explicit(&note->latest, memory_order_relaxed) != nest->moment &&
	    nest->moment)
		atomic_store_explicit(&note->latest, nest->moment, memory_order_release);
	atomic_store_explicit(&note->times,
			      atomic_load_explicit(&note->times, memory_order_relaxed) + 1,
			      memory_order_relaxed);
}

/* ------------------------------------------------------------------------------ notes */

static bool life_is_over(struct dlw_context *self, const struct dlw_nesting *note)
{
	const struct dlw_nested *locks = dlw_at(note->locks);
	uint32_t i;

	for (i = 0; i <= note->held; i++) {
		const struct dlw_object *object =
			locks[i].life ? dlw_object_find(self, locks[i].address) : NULL;

		if (object && object->life != locks[i].life)
			return true;
	}
	return false;
}

static bool thread_is_gone(const struct dlw_nesting *note)
{
	const struct dlw_thread *record = dlw_at(note->thread);

	return record->serial != note->serial || record->life == DLW_RECORD_FREE ||
	       record->life == DLW_RECORD_DEAD;
}

static struct dlw_nesting *note_at(uint32_t number)
{
	return dlw_table_at(dlw_runtime->segment, &dlw_runtime->segment->nestings, number - 1);
}

static void let_go(struct dlw_nesting *note, uint32_t number)
{
	atomic_fetch_add(&note->version, 1);
	note->serial = 0;
	note->next = dlw_runtime->segment->free_nestings;
	atomic_fetch_add(&note->version, 1);
	dlw_runtime->segment->free_nestings = number;
}

/**
 * sweep() - what threads that are gone have left behind, and what is about locks that are gone
 *
 * Without it, a program that starts threads all its life would fill the segment.
 * The watcher has looked at them, but they could still have met a newer one.
 */
static void sweep(struct dlw_context *self)
{
	uint32_t count = dlw_runtime->segment->nestings.count, number, left = 0, lost = 0;

	for (number = 1; number <= count; number++) {
		struct dlw_nesting *note = note_at(number);

		if (!note->serial)
			continue;
		if (life_is_over(self, note)) {
			let_go(note, number);
		} else if (thread_is_gone(note)) {
			let_go(note, number);
			lost++;
		} else {
			left++;
		}
	}
	if (lost)
		dlw_runtime_count(DLW_LOST_NESTINGS, lost);
	dlw_runtime->sweep_nestings = left * 2 > FIRST_SWEEP ? left * 2 : FIRST_SWEEP;
}

/** take_note() - a free one or a new one; table_lock is held; NULL: no memory */
static struct dlw_nesting *take_note(struct dlw_context *self)
{
	struct dlw_segment *segment = dlw_runtime->segment;
	uint32_t number = segment->free_nestings;
	struct dlw_nesting *note;

	if (!number && segment->nestings.count >= FIRST_SWEEP &&
	    segment->nestings.count >= dlw_runtime->sweep_nestings) {
		sweep(self);
		number = segment->free_nestings;
	}
	if (number) {
		note = note_at(number);
		segment->free_nestings = note->next;
		return note;
	}
	note = dlw_table_grow(&segment->nestings, segment->nestings.count);
	if (note) /* free as yet: whoever looks passes over it */
		atomic_store_explicit(&segment->nestings.count, segment->nestings.count + 1,
				      memory_order_release);
	return note;
}

static bool has_room(struct dlw_nesting *note, uint32_t locks)
{
	uint64_t offset;

	if (!note->locks) {
		note->locks = dlw_offset(note->inline_locks);
		note->room = DLW_INLINE_NESTED;
	}
	if (locks <= note->room)
		return true;
	offset = dlw_segment_take(locks * 2 * sizeof(struct dlw_nested));
	if (!offset)
		return false;
	note->locks = offset;
	note->room = locks * 2;
	return true;
}

/** describe_type() - what the C library's structure says; the thread has the lock, or asks for it */
static void describe_type(struct dlw_nested *lock)
{
	const pthread_mutex_t *mutex = (const pthread_mutex_t *)(uintptr_t)lock->address;
	const pthread_rwlock_t *rwlock = (const pthread_rwlock_t *)(uintptr_t)lock->address;

	if (lock->kind == DLW_MUTEX) {
		lock->type = (uint8_t)dlw_mutex_type(mutex->__data.__kind);
		lock->traits = (uint16_t)dlw_mutex_traits(mutex->__data.__kind);
	} else if (lock->kind == DLW_RWLOCK) {
		lock->type = (uint8_t)dlw_rwlock_type(rwlock);
		lock->traits = (uint16_t)dlw_rwlock_traits(rwlock);
	}
}

/** describe() - one hold as a lock of a nesting */
static struct dlw_nested describe(struct dlw_context *self, const struct dlw_held *held)
{
	struct dlw_object *object = dlw_object_find(self, held->address);
	struct dlw_nested lock = {
		.address = held->address,
		.stack = held->stack,
		.kind = held->kind,
		.mode = held->mode,
	};

	if (object && object->init_stack && !object->gone && object->kind == held->kind) {
		object->nested = 1;
		lock.life = object->life;
	}
	describe_type(&lock);
	return lock;
}

static void fill(struct dlw_context *self, struct dlw_nesting *note, uint32_t held, uint64_t hash,
		 uint64_t now)
{
	struct dlw_nested *locks = dlw_at(note->locks);
	uint32_t i;

	note->held = held;
	note->hash = hash;
	note->thread = dlw_offset(self->record);
	note->tid = self->tid;
	note->born = self->born;
	note->first = note->latest = now;
	note->times = 0;
	note->footprint = 0;
	locks[0] = describe(self, &self->holds[held]);
	for (i = 0; i < held; i++)
		locks[i + 1] = describe(self, &self->holds[i]);
	dlw_thread_name(note->name);
	note->serial = self->record->serial;
}

/** make_note() - of the newest hold under the @held others; NULL: no memory */
static struct dlw_nesting *make_note(struct dlw_context *self, uint32_t held, uint64_t hash,
				     uint64_t now, bool clean)
{
	struct dlw_nesting *note;

	dlw_lock(&dlw_runtime->table_lock, DLW_RANK_TABLE);
	note = take_note(self);
	if (note) {
		atomic_fetch_add(&note->version, 1);
		if (has_room(note, held + 1))
			fill(self, note, held, hash, now);
		if (!clean)
			note->footprint = self->nest->footprint;
		atomic_fetch_add(&note->version, 1);
		if (note->serial)
			atomic_fetch_add(&dlw_runtime->segment->nestings_noted, 1);
	}
	dlw_unlock(&dlw_runtime->table_lock, DLW_RANK_TABLE);
	return note && note->serial ? note : NULL;
}

/* ------------------------------------------------------- a thread's way to its notes */

static struct dlw_nest_entry *probe(struct dlw_nest_entry *notes, uint32_t capacity, uint64_t hash)
{
	uint32_t at = (uint32_t)(hash >> 32) & (capacity - 1);

	while (notes[at].hash && notes[at].hash != hash)
		at = (at + 1) & (capacity - 1);
	return &notes[at];
}

/** is_ours() - the note is still about what we remember it by */
static bool is_ours(const struct dlw_nest *nest, const struct dlw_nest_entry *entry)
{
	return entry->hash && entry->note->serial == nest->serial &&
	       entry->note->hash == entry->hash;
}

static bool grow(struct dlw_nest *nest)
{
	uint32_t capacity = FIRST_NOTES, current = 0, i;
	struct dlw_nest_entry *notes;

	for (i = 0; i < nest->capacity; i++)
		current += is_ours(nest, &nest->notes[i]);
	while (capacity < (current + 1) * 4)
		capacity *= 2;
	notes = dlw_map(capacity * sizeof(*notes), true);
	if (!notes)
		return false;
	for (i = 0; i < nest->capacity; i++)
		if (is_ours(nest, &nest->notes[i]))
			*probe(notes, capacity, nest->notes[i].hash) = nest->notes[i];
	if (nest->notes)
		dlw_unmap(nest->notes, nest->capacity * sizeof(*notes));
	nest->notes = notes;
	nest->capacity = capacity;
	nest->used = current;
	return true;
}

/** content() - what makes two nestings of the thread one */
static uint64_t content(struct dlw_context *self, uint32_t held, bool clean)
{
	uint64_t hash = mix(clean ? MIXER : UNCLEAN, self->record->serial);
	uint32_t i;

	for (i = 0; i <= held; i++) {
		hash = mix_hold(hash, &self->holds[i]);
		hash = mix(hash, describe(self, &self->holds[i]).life);
	}
	return hash ? hash : 1;
}

/** is_again() - the thread has that lock already: nothing new is wanted */
static bool is_again(const struct dlw_context *self, uint32_t held)
{
	uint32_t i;

	for (i = 0; i < held; i++)
		if (self->holds[i].address == self->holds[held].address)
			return true;
	return false;
}

/* Every new note asks the C library about all that is held: past this they are lost, and counted. */
#define DEPTH_MOST 64

/** holds_truly() - by the C library's word, too: an unlock may have passed us by */
static bool holds_truly(const struct dlw_context *self, uint32_t held)
{
	uint32_t i;

	for (i = 0; i < held; i++)
		if (!dlw_hold_is_true(&self->holds[i], self->tid))
			return false;
	return true;
}

/** find_note() - made if there is none; NULL: none is needed, or *@lost: could be had */
static struct dlw_nesting *find_note(struct dlw_context *self, uint32_t held, bool clean,
				     bool *lost)
{
	struct dlw_nest *nest = self->nest;
	struct dlw_nest_entry *entry;
	uint64_t hash;

	if (self->record->exempt || is_again(self, held))
		return NULL;
	*lost = true;
	if (held > DEPTH_MOST || !holds_truly(self, held))
		return NULL;
	if ((nest->used + 1) * 2 > nest->capacity && !grow(nest))
		return NULL;
	hash = content(self, held, clean);
	entry = probe(nest->notes, nest->capacity, hash);
	if (!is_ours(nest, entry)) {
		struct dlw_nesting *note =
			nest->moment ? make_note(self, held, hash, nest->moment, clean) : NULL;

		if (!note)
			return NULL;
		nest->used += !entry->hash;
		*entry = (struct dlw_nest_entry){ hash, note };
	}
	*lost = false;
	return entry->note;
}

/** look_up() - not among those seen last: the long way */
static __attribute__((noinline)) void look_up(struct dlw_context *self, uint32_t held,
					      struct dlw_nest_entry *seen, uint64_t key, bool clean)
{
	struct dlw_thread *open = self->open;
	struct dlw_nesting *note;
	bool lost = false;

	dlw_inside(self);
	note = find_note(self, held, clean, &lost);
	if (note)
		seen_again(self->nest, note, clean);
	if (!lost)
		*seen = (struct dlw_nest_entry){ key, note };
	else if (self->nest->moment)
		dlw_runtime_count(DLW_LOST_NESTINGS, 1);
	if (open)
		dlw_leave(self);
}

/* --------------------------------------------------------------------------- sections */

/** make_nest() - for a context that has none; NULL: no memory */
static struct dlw_nest *make_nest(struct dlw_context *self)
{
	struct dlw_nest *nest = self == dlw_self ? dlw_map(sizeof(*nest), true) : NULL;

	if (!nest)
		return NULL;
	nest->chain = nest->inline_chain;
	nest->chain_room = DLW_CHAIN_INLINE;
	self->nest = nest;
	return nest;
}

static void begin_thread(struct dlw_nest *nest, uint32_t serial)
{
	if (nest->used)
		memset(nest->notes, 0, nest->capacity * sizeof(nest->notes[0]));
	memset(nest->seen, 0, sizeof(nest->seen));
	nest->used = 0;
	nest->serial = serial;
}

/** begin_section() - the thread holds @held, and takes its first nested lock */
static void begin_section(struct dlw_context *self, uint32_t held, uint32_t added)
{
	struct dlw_nest *nest = self->nest;
	uint32_t i;

	if (nest->serial != self->record->serial)
		begin_thread(nest, self->record->serial);
	nest->start = added - held;
	nest->began = atomic_load_explicit(&dlw_runtime->segment->edges, memory_order_relaxed);
	/* with more than one lock, the first nested one has escaped us */
	nest->mixed = held != 1 || self->edge_given == added;
	nest->footprint = nest->newest = 0;
	renew_moment(self, atomic_load_explicit(&dlw_runtime->segment->last_held_edge,
						memory_order_relaxed));
	for (i = 0; i < held; i++) {
		nest->chain[i] = mix_hold(i ? nest->chain[i - 1] : MIXER, &self->holds[i]);
		nest->footprint |= dlw_lock_bit(self->holds[i].address);
	}
}

static bool grow_chain(struct dlw_nest *nest, uint32_t needed)
{
	uint32_t room = nest->chain_room;
	uint64_t *chain;

	while (room <= needed)
		room *= 2;
	chain = dlw_map(room * sizeof(*chain), true);
	if (!chain)
		return false;
	memcpy(chain, nest->chain, nest->chain_room * sizeof(*chain));
	if (nest->chain != nest->inline_chain)
		dlw_unmap(nest->chain, nest->chain_room * sizeof(*chain));
	nest->chain = chain;
	nest->chain_room = room;
	return true;
}

void dlw_nest_shift(struct dlw_context *self, uint32_t index)
{
	struct dlw_nest *nest = self->nest;
	uint32_t count = dlw_hold_count(self);

	for (; nest && index < count && index < nest->chain_room; index++)
		nest->chain[index] =
			mix_hold(index ? nest->chain[index - 1] : MIXER, &self->holds[index]);
}

/** is_clean() - what the section has taken it still has, the newest with it */
static bool is_clean(const struct dlw_nest *nest, uint32_t held)
{
	return nest->last - nest->start == held + 1;
}

void dlw_nest(struct dlw_context *self, uint64_t holding, bool wants)
{
	struct dlw_nest *nest = self->nest;
	const uint32_t held = (uint32_t)holding, added = (uint32_t)(holding >> 32);
	const struct dlw_held *newest = &self->holds[held];
	const struct dlw_segment *segment = dlw_runtime->segment;
	struct dlw_nest_entry *seen;
	uint64_t key, held_edge;
	bool clean;

	if (dlw_unlikely((!nest && !(nest = make_nest(self))) ||
			 (held >= nest->chain_room && !grow_chain(nest, held)))) {
		dlw_runtime_count(DLW_LOST_NESTINGS, 1);
		return;
	}
	if (added != nest->last)
		begin_section(self, held, added);
	nest->mixed |= self->edge_met == added;
	nest->last = added + 1;
	nest->footprint |= nest->newest;
	nest->newest = dlw_lock_bit(newest->address);
	nest->chain[held] = mix_hold(nest->chain[held - 1], newest);
	if (!wants || dlw_unlikely(nest->mixed))
		return;
	held_edge = atomic_load_explicit(&segment->last_held_edge, memory_order_relaxed);
	if (dlw_unlikely(held_edge != nest->held_edge))
		renew_moment(self, held_edge);
	clean = is_clean(nest, held);
	key = nest->chain[held] + (atomic_load_explicit(&segment->nested_ended,
							memory_order_relaxed) * 2 + clean) * UNCLEAN;
	seen = &nest->seen[key >> 55];
	if (dlw_unlikely(seen->hash != key))
		look_up(self, held, seen, key, clean);
	else if (seen->note)
		seen_again(nest, seen->note, clean);
}
