/*
 * core/watch/nestings.c - see nestings.h
 */
#include "core/watch/nestings.h"

#include <string.h>

#include "core/search.h"
#include "core/sort.h"
#include "core/watch/records.h"

#define UNITS (sizeof(struct dlw_nesting) / 8) /* from one place to the next */

/** Notes that lay side by side. */
struct stretch {
	uint32_t place; /* of the first */
	uint32_t first, count; /* of the copies */
};

struct reading {
	const struct dlw_watched *watched;
	struct dlw_arena *arena;
	struct dlw_read_nestings *read;
	/* copies of all notes, and by each of them … */
	struct dlw_nesting *notes;
	uint32_t *parents; /* … the one it is under, DLW_NONE */
	uint32_t *nesters; /* … whose it is */
	uint32_t *locks;   /* … its lock */
	uint32_t count, room;
	struct stretch *stretches;
	uint32_t *by_place; /* their numbers, sorted */
	uint32_t stretch_count, stretch_room;
	struct dlw_nester *threads; /* copies */
	uint32_t thread_count, thread_room;
	uint32_t lock_count;
	bool *on_cycle; /* by lock: it may be */
	/* of locks that the engine is told of: its number there, from 1; and by that number */
	uint32_t *numbers;
	bool *rwlock, *tried;
	uint64_t *bit;
	struct dlw_noted_stretch *held;
	uint32_t held_room;
};

/* ------------------------------------------------------------------------------ copying */

static const struct dlw_nest_chunk *chunk_at(const struct reading *r, uint64_t offset)
{
	const struct dlw_nest_chunk *chunk =
		dlw_record_at(r->watched, offset, sizeof(struct dlw_nest_chunk));

	if (!chunk)
		return NULL;
	return dlw_record_at(r->watched, offset,
			     sizeof(*chunk) + chunk->room * sizeof(chunk->notes[0]));
}

static const struct dlw_nester *nester_at(const struct reading *r, uint64_t offset)
{
	return dlw_record_at(r->watched, offset, sizeof(struct dlw_nester));
}

/** measure() - how much there may be: what comes meanwhile is read next time */
static void measure(struct reading *r)
{
	uint64_t offset = atomic_load_explicit(&r->watched->segment->nesters, memory_order_acquire);
	const struct dlw_nester *nester;
	const struct dlw_nest_chunk *chunk;

	for (; (nester = nester_at(r, offset)); offset = nester->next) {
		r->thread_room++;
		chunk = chunk_at(r, atomic_load_explicit(&nester->chunks, memory_order_acquire));
		for (; chunk && r->stretch_room < UINT32_MAX; chunk = chunk_at(r, chunk->next)) {
			r->stretch_room++;
			r->room += chunk->room;
		}
	}
}

static bool make_room(struct reading *r)
{
	r->notes = dlw_arena_array(r->arena, struct dlw_nesting, r->room);
	r->parents = dlw_arena_array(r->arena, uint32_t, r->room);
	r->nesters = dlw_arena_array(r->arena, uint32_t, r->room);
	r->locks = dlw_arena_array(r->arena, uint32_t, r->room);
	r->stretches = dlw_arena_array(r->arena, struct stretch, r->stretch_room);
	r->by_place = dlw_arena_array(r->arena, uint32_t, r->stretch_room);
	r->threads = dlw_arena_array(r->arena, struct dlw_nester, r->thread_room);
	return r->notes && r->parents && r->nesters && r->locks && r->stretches && r->by_place &&
	       r->threads;
}

/** copy_chunk() - false: there is more than there was */
static bool copy_chunk(struct reading *r, const struct dlw_nest_chunk *chunk, uint64_t offset)
{
	uint32_t used = atomic_load_explicit(&chunk->used, memory_order_acquire), i;
	struct dlw_nesting *copies = &r->notes[r->count];

	if (used > chunk->room || used > r->room - r->count || r->stretch_count == r->stretch_room)
		return false;
	memcpy(copies, chunk->notes, used * sizeof(*copies));
	atomic_thread_fence(memory_order_acquire);
	/* no older than the moment that it belongs to */
	for (i = 0; i < used; i++) {
		r->nesters[r->count + i] = r->thread_count;
		if (copies[i].unclean)
			copies[i].untaken = atomic_load_explicit(&chunk->notes[i].untaken,
								 memory_order_acquire);
	}
	r->stretches[r->stretch_count++] = (struct stretch){
		(uint32_t)((offset + offsetof(struct dlw_nest_chunk, notes)) / 8), r->count, used
	};
	r->count += used;
	return true;
}

/** copy_nester() - all that a thread has noted; Return: false: it is changing */
static bool copy_nester(struct reading *r, const struct dlw_nester *nester)
{
	uint32_t version = atomic_load_explicit(&nester->version, memory_order_acquire);
	uint32_t notes = r->count, stretches = r->stretch_count;
	const struct dlw_nest_chunk *chunk;
	uint64_t offset;
	bool whole = !(version & 1) && r->thread_count < r->thread_room;

	if (!nester->serial || !whole)
		return !nester->serial;
	memcpy(&r->threads[r->thread_count], nester, sizeof(*nester));
	offset = atomic_load_explicit(&nester->chunks, memory_order_acquire);
	for (; whole && (chunk = chunk_at(r, offset)); offset = chunk->next)
		whole = copy_chunk(r, chunk, offset);
	atomic_thread_fence(memory_order_acquire);
	if (whole && atomic_load_explicit(&nester->version, memory_order_relaxed) == version) {
		r->threads[r->thread_count].name[sizeof(nester->name) - 1] = '\0';
		r->thread_count++;
		return true;
	}
	r->count = notes;
	r->stretch_count = stretches;
	return false;
}

static void copy_all(struct reading *r)
{
	uint64_t offset = atomic_load_explicit(&r->watched->segment->nesters, memory_order_acquire);
	const struct dlw_nester *nester;

	for (; (nester = nester_at(r, offset)); offset = nester->next)
		r->read->torn |= !copy_nester(r, nester);
}

/* ------------------------------------------------------------------------------ parents */

static int compare_places(const void *context, uint32_t left, uint32_t right)
{
	const struct reading *r = context;

	return dlw_order(r->stretches[left].place, r->stretches[right].place);
}

/** note_at() - the copy of what was at @place; DLW_NONE: there is none */
static uint32_t note_at(const struct reading *r, uint32_t place)
{
	uint32_t behind = dlw_first(i, 0, r->stretch_count,
				    r->stretches[r->by_place[i]].place > place);
	const struct stretch *stretch;

	if (!place || !behind)
		return DLW_NONE;
	stretch = &r->stretches[r->by_place[behind - 1]];
	place = (place - stretch->place) / (uint32_t)UNITS;
	return place < stretch->count ? stretch->first + place : DLW_NONE;
}

static void find_parents(struct reading *r)
{
	uint32_t i;

	for (i = 0; i < r->stretch_count; i++)
		r->by_place[i] = i;
	dlw_sort(r->by_place, r->stretch_count, compare_places, r);
	for (i = 0; i < r->count; i++) {
		r->parents[i] = note_at(r, r->notes[i].parent);
		if (r->notes[i].parent && r->parents[i] == DLW_NONE)
			r->notes[i].kind = 0;
	}
}

/* -------------------------------------------------------------------------------- locks */

static bool same_lock(const struct dlw_nesting *a, const struct dlw_nesting *b)
{
	return a->address == b->address && a->life == b->life && a->kind == b->kind;
}

static uint32_t hash_lock(const struct dlw_nesting *note)
{
	return (uint32_t)(((note->address ^ (uint64_t)note->life << 40) * 0x9e3779b97f4a7c15u) >>
			  32);
}

/** number_locks() - by address, life and kind; Return: false: no memory */
static bool number_locks(struct reading *r)
{
	uint64_t room = 64;
	uint32_t *table, at, i; /* number from 1 of a note with that lock */

	while (room < r->count * 2ull)
		room *= 2;
	table = dlw_arena_array(r->arena, uint32_t, room);
	if (!table)
		return false;
	for (i = 0; i < r->count; i++) {
		if (!r->notes[i].kind)
			continue;
		at = hash_lock(&r->notes[i]) & (uint32_t)(room - 1);
		while (table[at] && !same_lock(&r->notes[table[at] - 1], &r->notes[i]))
			at = (at + 1) & (uint32_t)(room - 1);
		if (!table[at]) {
			table[at] = i + 1;
			r->locks[i] = r->lock_count++;
		} else {
			r->locks[i] = r->locks[table[at] - 1];
		}
	}
	return true;
}

/* ----------------------------------------------------------- locks that lead to each other */

/* An end of the arrows from each lock to those taken right under it, or against them. */
struct arrows {
	uint32_t *first, *next; /* by lock, by note: a note that is such an arrow, DLW_NONE */
	uint32_t *left;         /* by lock: how many still lead somewhere */
};

static bool make_arrows(struct reading *r, struct arrows *arrows)
{
	arrows->first = dlw_arena_array(r->arena, uint32_t, r->lock_count);
	arrows->next = dlw_arena_array(r->arena, uint32_t, r->count);
	arrows->left = dlw_arena_array(r->arena, uint32_t, r->lock_count);
	if (!arrows->first || !arrows->next || !arrows->left)
		return false;
	memset(arrows->first, 0xff, r->lock_count * sizeof(uint32_t));
	return true;
}

static void add_arrow(struct arrows *arrows, uint32_t lock, uint32_t note)
{
	arrows->next[note] = arrows->first[lock];
	arrows->first[lock] = note;
	arrows->left[lock]++;
}

/** take_off() - @lock leads nowhere, or nothing leads to it; *@count more are like that */
static void take_off(const struct reading *r, struct arrows *arrows, bool along, uint32_t lock,
		     uint32_t *queue, uint32_t *count)
{
	struct arrows *against = &arrows[!along];
	uint32_t note, other;

	for (note = arrows[along].first[lock]; note != DLW_NONE; note = arrows[along].next[note]) {
		other = along ? r->locks[note] : r->locks[r->parents[note]];
		if (r->on_cycle[other] && !--against->left[other]) {
			r->on_cycle[other] = false;
			queue[(*count)++] = other;
		}
	}
}

/**
 * find_cycles() - what is left when all that leads nowhere, or comes from nowhere, is taken off
 *
 * An arrow from each lock to the next one of a chain is enough: those to the
 * ones after it go the same way.
 */
static bool find_cycles(struct reading *r)
{
	struct arrows arrows[2]; /* against, along */
	uint32_t *queue = dlw_arena_array(r->arena, uint32_t, r->lock_count), count = 0, at, i;

	r->on_cycle = dlw_arena_array(r->arena, bool, r->lock_count);
	if (!queue || !r->on_cycle || !make_arrows(r, &arrows[0]) || !make_arrows(r, &arrows[1]))
		return false;
	for (i = 0; i < r->count; i++) {
		if (!r->notes[i].kind || r->parents[i] == DLW_NONE ||
		    r->locks[i] == r->locks[r->parents[i]])
			continue;
		add_arrow(&arrows[0], r->locks[i], i);
		add_arrow(&arrows[1], r->locks[r->parents[i]], i);
	}
	for (i = 0; i < r->lock_count; i++) {
		r->on_cycle[i] = arrows[0].left[i] && arrows[1].left[i];
		if (!r->on_cycle[i])
			queue[count++] = i;
	}
	for (at = 0; at < count; at++) {
		take_off(r, arrows, true, queue[at], queue, &count);
		take_off(r, arrows, false, queue[at], queue, &count);
	}
	return true;
}

/* --------------------------------------------------------------------- the engine's words */

/** depth_of() - how many were held; 0: nothing of it can be on a cycle */
static uint32_t depth_of(const struct reading *r, uint32_t note)
{
	uint32_t depth = 0, at = note;
	bool leads = false;

	if (!r->notes[note].kind || !r->notes[note].latest || !r->on_cycle[r->locks[note]])
		return 0;
	while ((at = r->parents[at]) != DLW_NONE && depth < r->count) {
		leads |= r->on_cycle[r->locks[at]];
		depth++;
	}
	return leads ? depth : 0;
}

static struct dlw_moment unpack(uint64_t packed)
{
	uint64_t began = packed >> DLW_MOMENT_BITS;

	return (struct dlw_moment){ began, began - (packed & ((1u << DLW_MOMENT_BITS) - 1)) };
}

/** is_creator() - the thread has started others */
static bool is_creator(const struct reading *r, uint32_t serial)
{
	uint32_t bit = serial & (DLW_CREATOR_BITS - 1);

	return atomic_load_explicit(&r->watched->segment->creators[bit / 64],
				    memory_order_relaxed) >> bit % 64 & 1;
}

/** tell_lock() - that of @note, by its number for the engine, which has no gaps */
static uint32_t tell_lock(struct reading *r, uint32_t note)
{
	const struct dlw_segment *segment = r->watched->segment;
	const struct dlw_nesting *copy = &r->notes[note];
	uint32_t *number = &r->numbers[r->locks[note]], at = dlw_tried_bit(copy->address);

	if (!*number) {
		*number = ++r->read->noted.locks;
		r->rwlock[*number - 1] = copy->kind == DLW_RWLOCK;
		r->bit[*number - 1] = dlw_lock_bit(copy->address);
		r->tried[*number - 1] = atomic_load_explicit(&segment->tried[at / 64],
							     memory_order_relaxed) >>
						at % 64 & 1;
	}
	return *number - 1;
}

static bool tell_note(struct reading *r, uint32_t note, uint32_t held,
		      struct dlw_noted_nesting *nesting, struct dlw_read_nesting *from)
{
	const struct dlw_nesting *copy = &r->notes[note];
	const struct dlw_nester *nester = &r->threads[r->nesters[note]];
	struct dlw_noted_lock *locks = dlw_arena_array(r->arena, struct dlw_noted_lock, held + 1);
	uint32_t at = note, i;

	from->nester = nester;
	from->held = held;
	from->locks = dlw_arena_array(r->arena, const struct dlw_nesting *, held + 1);
	if (!locks || !from->locks)
		return false;
	for (i = 0; i <= held; i++, at = r->parents[at]) {
		uint32_t place = i ? held + 1 - i : 0;

		from->locks[place] = &r->notes[at];
		locks[place] = (struct dlw_noted_lock){ tell_lock(r, at), r->notes[at].mode };
	}
	*nesting = (struct dlw_noted_nesting){
		.thread = r->nesters[note],
		.locks = locks,
		.held = held,
		.footprint = copy->unclean ? ~copy->untaken : 0,
		.born = nester->born,
		.creator = is_creator(r, nester->serial),
		.moments = { unpack(copy->unclean ? copy->latest : copy->first),
			     unpack(copy->latest) },
	};
	return true;
}

/** make_words() - room for what is told; Return: false: no memory */
static bool make_words(struct reading *r, struct dlw_noted_nesting **nestings,
		       struct dlw_read_nesting **all)
{
	*nestings = dlw_arena_array(r->arena, struct dlw_noted_nesting, r->read->noted.count);
	*all = dlw_arena_array(r->arena, struct dlw_read_nesting, r->read->noted.count);
	r->numbers = dlw_arena_array(r->arena, uint32_t, r->lock_count);
	r->rwlock = dlw_arena_array(r->arena, bool, r->lock_count);
	r->tried = dlw_arena_array(r->arena, bool, r->lock_count);
	r->bit = dlw_arena_array(r->arena, uint64_t, r->lock_count);
	return *nestings && *all && r->numbers && r->rwlock && r->tried && r->bit;
}

static bool any_tried(const struct dlw_segment *segment)
{
	uint32_t i;

	for (i = 0; i < DLW_TRIED_BITS / 64; i++)
		if (atomic_load_explicit(&segment->tried[i], memory_order_relaxed))
			return true;
	return false;
}

static bool tell_all(struct reading *r)
{
	struct dlw_noted *noted = &r->read->noted;
	uint32_t *depths = dlw_arena_array(r->arena, uint32_t, r->count), i, told = 0;
	struct dlw_noted_nesting *nestings;
	struct dlw_read_nesting *all;

	if (!depths)
		return false;
	for (i = 0; i < r->count; i++)
		noted->count += (depths[i] = depth_of(r, i)) != 0;
	if (!make_words(r, &nestings, &all))
		return false;
	for (i = 0; i < r->count; i++) {
		if (!depths[i])
			continue;
		if (!tell_note(r, i, depths[i], &nestings[told], &all[told]))
			return false;
		told++;
	}
	r->read->all = all;
	noted->nestings = nestings;
	noted->threads = r->thread_count;
	noted->rwlock = r->rwlock;
	noted->tried = r->tried;
	noted->any_tried = any_tried(r->watched->segment);
	noted->bit = r->bit;
	return true;
}

/* ---------------------------------------------------------------------- held, and edges met */

/** thread_of() - the engine's number of the thread called @serial */
static uint32_t thread_of(const struct reading *r, uint32_t serial)
{
	uint32_t i;

	for (i = 0; i < r->thread_count; i++)
		if (r->threads[i].serial == serial)
			return i;
	return DLW_NONE;
}

static uint64_t later(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/** add_stretch() - false: no memory */
static bool add_stretch(struct reading *r, uint64_t from, uint64_t until, uint32_t serial)
{
	struct dlw_noted *noted = &r->read->noted;

	if (from >= until)
		return true;
	r->held = dlw_arena_room(r->arena, r->held, sizeof(*r->held), noted->stretch_count,
				 &r->held_room, 64);
	if (!r->held)
		return false;
	r->held[noted->stretch_count++] =
		(struct dlw_noted_stretch){ from, until, thread_of(r, serial) };
	noted->stretches = r->held;
	return true;
}

/**
 * read_busy() - who holds a lock now may yet meet an edge under it
 *
 * Edges are counted first: what a thread that holds nothing takes later it takes
 * after them.
 */
static bool read_busy(struct reading *r)
{
	uint64_t edges = atomic_load_explicit(&r->watched->segment->edges, memory_order_acquire);
	struct dlw_thread *thread;
	bool done = true;

	for (thread = dlw_record_first(r->watched); thread && done;
	     thread = dlw_record_next(r->watched, thread)) {
		if (thread->life == DLW_RECORD_FREE)
			continue;
		if (!(uint32_t)atomic_load_explicit(&thread->holding, memory_order_acquire))
			thread->marks.seen_idle = edges;
		else
			done = add_stretch(r,
					   later(thread->idle_edge, thread->marks.seen_idle),
					   UINT64_MAX, thread->serial);
	}
	return done;
}

/** read_held_edges() - after the above: who holds nothing any more has said so before */
static bool read_held_edges(struct reading *r)
{
	const struct dlw_segment *segment = r->watched->segment;
	bool done = true;
	uint32_t i;

	for (i = 0; i < DLW_HELD_EDGES && done; i++)
		done = add_stretch(r, segment->held_edges[i].from, segment->held_edges[i].until,
				   segment->held_edges[i].serial);
	return done && add_stretch(r, 0, segment->held_edges_before, 0);
}

bool dlw_nestings_read(const struct dlw_watched *watched, struct dlw_arena *arena,
		       struct dlw_read_nestings *read)
{
	struct reading r = { .watched = watched, .arena = arena, .read = read };

	*read = (struct dlw_read_nestings){ 0 };
	measure(&r);
	if (!make_room(&r))
		return false;
	copy_all(&r);
	find_parents(&r);
	return number_locks(&r) && find_cycles(&r) && tell_all(&r) &&
	       (!read->noted.count || (read_busy(&r) && read_held_edges(&r)));
}
