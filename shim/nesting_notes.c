/*
 * shim/nesting_notes.c - see nesting_notes.h
 *
 * A thread finds its notes by a table of its own: the children of one note may
 * be many. It writes them without a lock; whoever reads them copies all that
 * the thread has, and takes the copy only if .version has not moved. Notes come
 * in stretches, small ones first; a thread that is gone leaves them to the next.
 */
#include "shim/nesting_notes.h"

#include <pthread.h>
#include <string.h>

#include "core/watch/glibc.h"
#include "shim/hold.h"
#include "shim/lock.h"
#include "shim/object.h"
#include "shim/segment.h"

#include "shim/banned.h"

#define FIRST_ROOM 8u
#define MOST_ROOM 128u /* of a chunk: half of the last one is empty, on average */
#define MOST_NOTES (4u << 20) /* of a process; the segment ends at about as many */
#define FIRST_SWEEP 4096u
#define REFUSED_FOR 4096u /* notes, once there was no memory for one; then it is asked for again */

/* ------------------------------------------------------------------------------- lives */

/** current_life() - of what lies at the address; 0: its beginning was not seen */
static uint32_t current_life(struct dlw_context *self, const struct dlw_held *held)
{
	struct dlw_object *object = dlw_object_find(self, held->address);

	if (!object || !object->init_stack || object->gone || object->kind != held->kind)
		return 0;
	return atomic_load_explicit(&object->life, memory_order_acquire);
}

static bool is_over(struct dlw_context *self, const struct dlw_nesting *note)
{
	const struct dlw_object *object =
		note->life ? dlw_object_find(self, note->address) : NULL;

	return object && object->life != note->life;
}

/* ----------------------------------------------------------------------------- stretches */

static struct dlw_nest_chunk *next_chunk(const struct dlw_nest_chunk *chunk)
{
	return dlw_at(chunk->next);
}

static bool thread_is_gone(const struct dlw_nester *nester)
{
	const struct dlw_thread *record = dlw_at(nester->thread);

	return nester->serial &&
	       (record->serial != nester->serial || record->life == DLW_RECORD_FREE ||
		record->life == DLW_RECORD_DEAD);
}

/** count_lost() - what somebody could still have learned from it */
static uint32_t count_lost(struct dlw_context *self, const struct dlw_nest_chunk *chunk)
{
	uint32_t i, lost = 0;

	for (i = 0; i < chunk->used; i++)
		lost += chunk->notes[i].kind && chunk->notes[i].latest &&
			!is_over(self, &chunk->notes[i]);
	return lost;
}

/** let_go() - of what a thread that is gone has noted; Return: room for how many notes that is */
static uint32_t let_go(struct dlw_context *self, struct dlw_nester *nester)
{
	struct dlw_nest_chunk *chunk = dlw_at(nester->chunks), *next;
	uint32_t room = 0, lost = 0;

	atomic_fetch_add(&nester->version, 1);
	nester->serial = 0;
	nester->chunks = 0;
	for (; chunk; chunk = next) {
		next = next_chunk(chunk);
		room += chunk->room;
		lost += count_lost(self, chunk);
		chunk->next = dlw_runtime->free_nest_chunks;
		dlw_runtime->free_nest_chunks = dlw_offset(chunk);
	}
	atomic_fetch_add(&nester->version, 1);
	dlw_runtime->free_nesters++;
	if (lost)
		dlw_runtime_count(DLW_LOST_NESTINGS, lost);
	return room;
}

/**
 * sweep_gone() - take what threads that are gone have left behind; table_lock is held
 *
 * Without it, a program that starts threads all its life would fill the segment.
 * The watcher has looked at them, but they could still have met a newer one.
 */
static void sweep_gone(struct dlw_context *self)
{
	struct dlw_nester *nester = dlw_at(dlw_runtime->segment->nesters);
	uint32_t left = dlw_runtime->nesting_room;

	for (; nester; nester = dlw_at(nester->next))
		if (thread_is_gone(nester))
			left -= let_go(self, nester);
	dlw_runtime->sweep_nestings = left * 2;
}

/** free_chunk() - one that was left behind; table_lock is held; NULL: there is none */
static struct dlw_nest_chunk *free_chunk(void)
{
	struct dlw_nest_chunk *chunk = dlw_at(dlw_runtime->free_nest_chunks);

	if (chunk) {
		dlw_runtime->free_nest_chunks = chunk->next;
		chunk->used = 0;
	}
	return chunk;
}

/** new_chunk() - from the segment; table_lock is held; NULL: no memory */
static struct dlw_nest_chunk *new_chunk(uint32_t room)
{
	struct dlw_nest_chunk *chunk;
	uint64_t offset;

	if (dlw_runtime->nesting_room + room > MOST_NOTES)
		return NULL;
	/* and what dlw_nesting_is() may look at past the last one */
	offset = dlw_segment_take(sizeof(*chunk) + room * sizeof(chunk->notes[0]) +
				  offsetof(struct dlw_nesting, life));
	if (!offset)
		return NULL;
	chunk = dlw_at(offset);
	chunk->room = room;
	dlw_runtime->nesting_room += room;
	return chunk;
}

/** take_chunk() - one for @room notes, or one that is there; NULL: no memory */
static struct dlw_nest_chunk *take_chunk(struct dlw_context *self, uint32_t room)
{
	struct dlw_nest_chunk *chunk;

	dlw_lock(&dlw_runtime->table_lock, DLW_RANK_TABLE);
	if (!dlw_runtime->free_nest_chunks && dlw_runtime->nesting_room >= FIRST_SWEEP &&
	    dlw_runtime->nesting_room >= dlw_runtime->sweep_nestings)
		sweep_gone(self);
	chunk = free_chunk();
	if (!chunk && !(chunk = new_chunk(room))) {
		sweep_gone(self);
		chunk = free_chunk();
	}
	dlw_unlock(&dlw_runtime->table_lock, DLW_RANK_TABLE);
	return chunk;
}

/** add_chunk() - to what the thread has; NULL: no memory */
static struct dlw_nest_chunk *add_chunk(struct dlw_context *self)
{
	struct dlw_nester *nester = self->nest->nester;
	struct dlw_nest_chunk *newest = dlw_at(nester->chunks);
	uint32_t room = newest ? newest->room * 2 : FIRST_ROOM;
	struct dlw_nest_chunk *chunk = take_chunk(self, room < MOST_ROOM ? room : MOST_ROOM);

	if (!chunk)
		return NULL;
	/* what a thread that is gone has left in it could be taken for ours */
	memset(chunk->notes, 0, chunk->room * sizeof(chunk->notes[0]));
	chunk->next = nester->chunks;
	atomic_store_explicit(&nester->chunks, dlw_offset(chunk), memory_order_release);
	return chunk;
}

/* ------------------------------------------------------------------------------ threads */

/** take_nester() - one that a thread has left, or a new one; NULL: no memory */
static struct dlw_nester *take_nester(struct dlw_segment *segment)
{
	struct dlw_nester *nester = dlw_at(dlw_runtime->free_nesters ? segment->nesters : 0);
	uint64_t offset;

	while (nester && nester->serial)
		nester = dlw_at(nester->next);
	if (nester) {
		dlw_runtime->free_nesters--;
		return nester;
	}
	offset = dlw_segment_take(sizeof(*nester));
	if (!offset)
		return NULL;
	nester = dlw_at(offset);
	nester->next = segment->nesters;
	atomic_store_explicit(&segment->nesters, offset, memory_order_release);
	return nester;
}

static uint64_t bucket_count(const struct dlw_nest *nest)
{
	return nest->bucket_mask + 1ull;
}

/** forget_notes() - the private half speaks of nobody */
static void forget_notes(struct dlw_nest *nest)
{
	if (!nest->buckets) {
		nest->buckets = nest->first_buckets;
		nest->bucket_mask = DLW_FIRST_BUCKETS - 1;
	}
	memset(nest->buckets, 0, bucket_count(nest) * sizeof(nest->buckets[0]));
	memset(nest->chain, 0, sizeof(nest->chain));
	memset(nest->firsts, 0, sizeof(nest->firsts));
	dlw_nest_set_stamp(nest, DLW_NEST_STAMP);
	nest->used = nest->first_free = nest->last = 0;
	nest->swept = 0;
	nest->refused = 0;
	nest->sweep_at = FIRST_SWEEP;
	nest->serial = 0;
}

bool dlw_nester_begin(struct dlw_context *self)
{
	struct dlw_nester *nester;

	forget_notes(self->nest);
	dlw_lock(&dlw_runtime->table_lock, DLW_RANK_TABLE);
	nester = take_nester(dlw_runtime->segment);
	if (nester) {
		atomic_fetch_add(&nester->version, 1);
		nester->thread = dlw_offset(self->record);
		nester->tid = self->tid;
		nester->born = self->born;
		dlw_thread_name(nester->name);
		nester->serial = self->record->serial;
		atomic_fetch_add(&nester->version, 1);
		self->nest->serial = nester->serial;
	}
	dlw_unlock(&dlw_runtime->table_lock, DLW_RANK_TABLE);
	self->nest->nester = nester;
	return nester;
}

/* -------------------------------------------------------------------------------- notes */

static uint32_t place_of(const struct dlw_nest *nest, const struct dlw_nesting *note)
{
	return (uint32_t)((uint64_t)((const char *)note - nest->base) / 8);
}

static void put_in_bucket(struct dlw_nest *nest, struct dlw_nesting *note)
{
	uint32_t *bucket = dlw_nesting_bucket(nest, note->parent, note->address, note->stack);

	note->next = *bucket;
	*bucket = place_of(nest, note);
}

static void put_all_in_buckets(struct dlw_nest *nest)
{
	struct dlw_nest_chunk *chunk = dlw_at(nest->nester->chunks);
	uint32_t i;

	memset(nest->buckets, 0, bucket_count(nest) * sizeof(nest->buckets[0]));
	for (; chunk; chunk = next_chunk(chunk))
		for (i = 0; i < chunk->used; i++)
			if (chunk->notes[i].kind)
				put_in_bucket(nest, &chunk->notes[i]);
}

/** more_buckets() - twice as many; without memory they only get longer */
static void more_buckets(struct dlw_nest *nest)
{
	uint32_t *more = dlw_map(bucket_count(nest) * 2 * sizeof(*more), true);

	if (!more)
		return;
	if (nest->buckets != nest->first_buckets)
		dlw_unmap(nest->buckets, bucket_count(nest) * sizeof(*more));
	nest->buckets = more;
	nest->bucket_mask = nest->bucket_mask * 2 + 1;
	put_all_in_buckets(nest);
}

/** describe_type() - what the C library's structure says; its memory is there */
static void describe_type(struct dlw_nesting *note)
{
	const pthread_mutex_t *mutex = (const pthread_mutex_t *)(uintptr_t)note->address;
	const pthread_rwlock_t *rwlock = (const pthread_rwlock_t *)(uintptr_t)note->address;

	if (note->kind == DLW_MUTEX) {
		note->type = (uint8_t)dlw_mutex_type(mutex->__data.__kind);
		note->traits = (uint8_t)dlw_mutex_traits(mutex->__data.__kind);
	} else if (note->kind == DLW_RWLOCK) {
		note->type = (uint8_t)dlw_rwlock_type(rwlock);
		note->traits = (uint8_t)dlw_rwlock_traits(rwlock);
	}
}

static void fill(struct dlw_nesting *note, uint32_t parent, const struct dlw_held *held,
		 uint32_t life, bool unclean)
{
	memset(note, 0, sizeof(*note));
	note->address = held->address;
	note->key = dlw_nesting_key_of(held) | (unclean ? DLW_NESTING_UNCLEAN : 0);
	note->parent = parent;
	note->life = life;
	if (unclean)
		note->untaken = UINT64_MAX;
	describe_type(note);
}

/** make() - NULL: no memory */
static struct dlw_nesting *make(struct dlw_context *self, uint32_t parent,
				const struct dlw_held *held, uint32_t life, bool unclean)
{
	struct dlw_nest *nest = self->nest;
	struct dlw_nester *nester = nest->nester;
	struct dlw_nest_chunk *chunk = dlw_at(nester->chunks);
	struct dlw_nesting *note;

	if (nest->first_free) {
		note = dlw_nesting_at(nest, nest->first_free);
		nest->first_free = note->next;
		atomic_fetch_add(&nester->version, 1);
		fill(note, parent, held, life, unclean);
		atomic_fetch_add(&nester->version, 1);
		return note;
	}
	if ((!chunk || chunk->used == chunk->room) && !(chunk = add_chunk(self)))
		return NULL;
	note = &chunk->notes[chunk->used];
	fill(note, parent, held, life, unclean);
	atomic_store_explicit(&chunk->used, chunk->used + 1, memory_order_release);
	return note;
}

/** is() - or it was, in another life, or when that was last asked */
static bool is(const struct dlw_nesting *note, uint32_t parent, uint64_t address, uint64_t key)
{
	return note->address == address && note->parent == parent &&
	       (note->key & (DLW_NEST_STAMP - 1)) == key;
}

/**
 * find_asked() - its place, if its life has been asked for since the last one ended; 0
 * @other: there is one, perhaps of another life
 */
static uint32_t find_asked(const struct dlw_nest *nest, uint32_t parent, uint64_t address,
			   uint64_t key, bool *other)
{
	uint32_t place = *dlw_nesting_bucket(nest, parent, address, (uint32_t)key);
	const uint16_t stamp = dlw_nest_stamp(nest);
	const struct dlw_nesting *note;

	for (*other = false; place; place = note->next) {
		note = dlw_nesting_at(nest, place);
		if (!is(note, parent, address, key))
			continue;
		if (note->checked == stamp || note->held_checked == stamp)
			break;
		*other = true;
	}
	return place;
}

/** is_refused() - there was no memory for a note a moment ago: a new one need not be asked for */
static bool is_refused(struct dlw_nest *nest)
{
	return nest->refused && !nest->first_free && --nest->refused;
}

/** find_in_life() - its place; 0: there is none yet */
static uint32_t find_in_life(const struct dlw_nest *nest, uint32_t parent, uint64_t address,
			     uint64_t key, uint32_t life)
{
	uint32_t place = *dlw_nesting_bucket(nest, parent, address, (uint32_t)key);
	const struct dlw_nesting *note;

	for (; place; place = note->next) {
		note = dlw_nesting_at(nest, place);
		if (is(note, parent, address, key) && note->life == life)
			break;
	}
	return place;
}

uint32_t dlw_nesting_find(struct dlw_context *self, uint32_t parent, const struct dlw_held *held,
			  bool unclean, bool there)
{
	struct dlw_nest *nest = self->nest;
	uint64_t key = dlw_nesting_key_of(held) | (unclean ? DLW_NESTING_UNCLEAN : 0);
	struct dlw_nesting *note;
	struct dlw_object *object;
	uint32_t place, life;
	bool other;

	place = find_asked(nest, parent, held->address, key, &other);
	if (place || (!other && is_refused(nest)))
		return place;
	life = current_life(self, held);
	place = find_in_life(nest, parent, held->address, key, life);
	if (place)
		return place;
	if (!there && !dlw_hold_is_true(held, self->tid))
		return 0;
	if (nest->used > nest->bucket_mask)
		more_buckets(nest);
	note = make(self, parent, held, life, unclean);
	if (!note) {
		nest->refused = REFUSED_FOR;
		return 0;
	}
	object = life ? dlw_object_find(self, held->address) : NULL;
	if (object)
		atomic_fetch_or(&object->remembered, DLW_IN_NESTING);
	nest->used++;
	put_in_bucket(nest, note);
	return place_of(nest, note);
}

/* -------------------------------------------------------------------------------- sweep */

/* While it looks through them: how many of its notes go, those below them with them. */
static uint32_t mark_over(struct dlw_context *self, bool below)
{
	struct dlw_nest *nest = self->nest;
	struct dlw_nest_chunk *chunk = dlw_at(nest->nester->chunks);
	uint32_t i, marked = 0;

	for (; chunk; chunk = next_chunk(chunk))
		for (i = 0; i < chunk->used; i++) {
			struct dlw_nesting *note = &chunk->notes[i];
			bool over = below ? note->parent &&
						    !dlw_nesting_at(nest, note->parent)->kind
					  : is_over(self, note);

			note->checked = note->held_checked = 0;
			if (!note->kind || !over)
				continue;
			note->kind = 0;
			note->next = nest->first_free;
			nest->first_free = place_of(nest, note);
			marked++;
		}
	return marked;
}

void dlw_nesting_sweep(struct dlw_context *self)
{
	struct dlw_nest *nest = self->nest;
	uint32_t marked;

	atomic_fetch_add(&nest->nester->version, 1);
	marked = mark_over(self, false);
	nest->used -= marked;
	while (marked) {
		marked = mark_over(self, true);
		nest->used -= marked;
	}
	put_all_in_buckets(nest);
	atomic_fetch_add(&nest->nester->version, 1);
	dlw_nest_set_stamp(nest, DLW_NEST_STAMP);
	memset(nest->chain, 0, sizeof(nest->chain));
	nest->sweep_at = nest->used * 2 > FIRST_SWEEP ? nest->used * 2 : FIRST_SWEEP;
}
