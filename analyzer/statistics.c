/*
 * statistics.c - how each lock was used
 *
 * Only counting is done here, once per event; names are looked up when the
 * table is made (statistics_table.c).
 */
#include "analyzer/statistics.h"

#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "analyzer/log_cursor.h"
#include "analyzer/log_memory.h"

/** Locks that were made at one place; the destroyed ones are counted together. */
struct class_key {
	uint32_t source, kind, init_stack, first_stack;
};

struct lock_class {
	struct class_key key;
	struct dlw_lock_statistics *lock;
	UT_hash_handle hh;
};

struct dlw_statistics {
	struct dlw_replay *replay;
	struct dlw_lock_statistics *all;
	size_t count;
	struct lock_class *classes;
	struct dlw_lock_statistics *spare;
	struct dlw_long_wait waits[DLW_LONG_WAITS]; /* longest first */
	uint32_t wait_count;
	bool by_class;
};

/* -------------------------------------------------------------------- tallies */

static uint64_t mix(uint64_t key)
{
	key ^= key >> 33;
	key *= 0xff51afd7ed558ccdu;
	key ^= key >> 33;
	key *= 0xc4ceb9fe1a85ec53u;
	return key ^ key >> 33;
}

static struct dlw_tally *tally_slot(const struct dlw_tallies *tallies, uint64_t key)
{
	uint32_t mask = tallies->capacity - 1, at = (uint32_t)mix(key) & mask;

	while (tallies->slots[at].count && tallies->slots[at].key != key)
		at = (at + 1) & mask;
	return &tallies->slots[at];
}

static void grow_tallies(struct dlw_tallies *tallies)
{
	struct dlw_tallies larger = { .capacity = tallies->capacity ? tallies->capacity * 2 : 4 };
	uint32_t at;

	larger.slots = dlw_log_allocate(larger.capacity, sizeof(*larger.slots));
	larger.used = tallies->used;
	for (at = 0; at < tallies->capacity; at++)
		if (tallies->slots[at].count)
			*tally_slot(&larger, tallies->slots[at].key) = tallies->slots[at];
	free(tallies->slots);
	*tallies = larger;
}

static void add_tally(struct dlw_tallies *tallies, uint64_t key, uint64_t count, uint64_t wait_ns)
{
	struct dlw_tally *tally;

	if ((tallies->used + 1) * 4 > tallies->capacity * 3)
		grow_tallies(tallies);
	tally = tally_slot(tallies, key);
	if (!tally->count) {
		tally->key = key;
		tallies->used++;
	}
	tally->count += count;
	tally->wait_ns = dlw_add_up_to_max(tally->wait_ns, wait_ns);
}

static void merge_tallies(struct dlw_tallies *into, const struct dlw_tallies *from)
{
	uint32_t at;

	for (at = 0; at < from->capacity; at++)
		if (from->slots[at].count)
			add_tally(into, from->slots[at].key, from->slots[at].count,
				  from->slots[at].wait_ns);
}

static uint64_t span_ns(const struct dlw_cursor *cursor, uint64_t from_ticks)
{
	uint64_t to_ticks = cursor->head.event.ticks;
	double ns;

	if (to_ticks <= from_ticks)
		return 0;
	ns = (double)(to_ticks - from_ticks) * cursor->source->file.ns_per_tick;
	return ns < 9e18 ? (uint64_t)ns : INT64_MAX;
}

/* ------------------------------------------------------------------------ rows */

static void link_lock(struct dlw_statistics *statistics, struct dlw_lock_statistics *lock)
{
	lock->next = statistics->all;
	lock->link = &statistics->all;
	if (lock->next)
		lock->next->link = &lock->next;
	statistics->all = lock;
	statistics->count++;
}

static void unlink_lock(struct dlw_statistics *statistics, struct dlw_lock_statistics *lock)
{
	*lock->link = lock->next;
	if (lock->next)
		lock->next->link = lock->link;
	statistics->count--;
}

static struct dlw_lock_statistics *new_lock(struct dlw_statistics *statistics,
					    struct dlw_replay_object *object, uint32_t first_stack)
{
	struct dlw_lock_statistics *lock = statistics->spare;

	if (lock)
		statistics->spare = lock->next;
	else
		lock = dlw_log_allocate(1, sizeof(*lock));
	*lock = (struct dlw_lock_statistics){
		.source = object->source,
		.kind = object->defined.kind,
		.type = object->defined.type,
		.name = object->defined.name,
		.class_name = object->defined.class_name,
		.rows = 1,
		.address = object->defined.address,
		.init_stack = object->defined.init_stack,
		.first_stack = first_stack,
		.shared = object->shared || (object->defined.traits & DLW_TRAIT_SHARED),
		.lives = 1,
	};
	link_lock(statistics, lock);
	object->statistics = lock;
	return lock;
}

static void merge_lock(struct dlw_lock_statistics *into, const struct dlw_lock_statistics *from)
{
	into->lives += from->lives;
	into->acquisitions += from->acquisitions;
	into->contended += from->contended;
	into->failed_tries += from->failed_tries;
	into->posts += from->posts;
	into->waiting += from->waiting;
	dlw_durations_merge(&into->wait, &from->wait);
	dlw_durations_merge(&into->hold, &from->hold);
	merge_tallies(&into->sites, &from->sites);
	merge_tallies(&into->threads, &from->threads);
}

static void free_counts(struct dlw_lock_statistics *lock)
{
	free(lock->label);
	free(lock->sites.slots);
	free(lock->threads.slots);
	free(lock->wait.buckets);
	free(lock->hold.buckets);
}

static void recycle_lock(struct dlw_statistics *statistics, struct dlw_lock_statistics *lock)
{
	unlink_lock(statistics, lock);
	free_counts(lock);
	lock->next = statistics->spare;
	statistics->spare = lock;
}

/** move_waits() - what @from is remembered for is @to's now */
static void move_waits(struct dlw_statistics *statistics, const struct dlw_lock_statistics *from,
		       const struct dlw_lock_statistics *to)
{
	uint32_t at;

	for (at = 0; at < statistics->wait_count; at++)
		if (statistics->waits[at].lock == from)
			statistics->waits[at].lock = to;
}

void dlw_statistics_merge(struct dlw_statistics *statistics, struct dlw_lock_statistics *into,
			  struct dlw_lock_statistics *from)
{
	merge_lock(into, from);
	move_waits(statistics, from, into);
	recycle_lock(statistics, from);
}

/** fold() - the object is gone for good: its row becomes part of its class */
static void fold(void *context, struct dlw_replay_object *object)
{
	struct dlw_statistics *statistics = context;
	struct dlw_lock_statistics *lock = object->statistics;
	struct lock_class *class;
	struct class_key key;

	if (!lock)
		return;
	object->statistics = NULL;
	memset(&key, 0, sizeof(key));
	key.source = lock->source->number;
	key.kind = lock->kind;
	key.init_stack = lock->init_stack;
	key.first_stack = lock->init_stack ? 0 : lock->first_stack;
	HASH_FIND(hh, statistics->classes, &key, sizeof(key), class);
	if (class) {
		class->lock->address = lock->address;
		dlw_statistics_merge(statistics, class->lock, lock);
		return;
	}
	class = dlw_log_allocate(1, sizeof(*class));
	class->key = key;
	class->lock = lock;
	HASH_ADD(hh, statistics->classes, key, sizeof(key), class);
}

/* --------------------------------------------------------------------- observe */

/** note_wait() - keep it if it is among the longest */
static void note_wait(struct dlw_statistics *statistics, struct dlw_long_wait wait)
{
	uint32_t at = statistics->wait_count;

	if (at == DLW_LONG_WAITS && wait.ns <= statistics->waits[at - 1].ns)
		return;
	if (at < DLW_LONG_WAITS)
		statistics->wait_count++;
	else
		at--;
	for (; at && statistics->waits[at - 1].ns < wait.ns; at--)
		statistics->waits[at] = statistics->waits[at - 1];
	statistics->waits[at] = wait;
}

static struct dlw_lock_statistics *lock_of(struct dlw_statistics *statistics,
					   const struct dlw_cursor *cursor)
{
	struct dlw_replay_object *object = cursor->head.object;

	return object->statistics ? object->statistics :
				    new_lock(statistics, object, cursor->head.event.stack);
}

/** acquired() - also a completed wait for a condition or barrier */
static void acquired(struct dlw_statistics *statistics, const struct dlw_cursor *cursor)
{
	struct dlw_lock_statistics *lock = lock_of(statistics, cursor);
	const struct dlw_event *event = &cursor->head.event;
	bool waited = cursor->want.object == cursor->head.object;
	uint64_t wait_ns = waited ? span_ns(cursor, cursor->want.ticks) : 0;
	uint32_t stack = event->stack ? event->stack : waited ? cursor->want.stack : 0;

	lock->acquisitions++;
	if (event->contended || waited)
		lock->contended++;
	if (waited) {
		dlw_durations_add(&lock->wait, wait_ns);
		note_wait(statistics,
			  (struct dlw_long_wait){ .lock = lock,
						  .thread = cursor,
						  .since_ns = dlw_log_file_time(&cursor->source->file,
										cursor->want.ticks),
						  .ns = wait_ns,
						  .stack = cursor->want.stack,
						  .over = true });
	}
	if (!lock->first_stack)
		lock->first_stack = stack;
	add_tally(&lock->sites, (uint64_t)cursor->source->number << 32 | stack, 1, wait_ns);
	add_tally(&lock->threads, cursor->number, 1, wait_ns);
}

/** is_measured() - both ends of the hold have a time: it ends with the cursor's event */
static bool is_measured(const struct dlw_cursor *cursor, const struct dlw_log_hold *hold)
{
	return hold->ticks && !hold->untimed && !cursor->head.event.untimed;
}

static void released(struct dlw_statistics *statistics, const struct dlw_cursor *cursor)
{
	const struct dlw_log_hold *hold = cursor->head.hold;

	if (hold && hold->count == 1 && !hold->stale && is_measured(cursor, hold))
		dlw_durations_add(&lock_of(statistics, cursor)->hold, span_ns(cursor, hold->ticks));
}

static void waits_on_condition(struct dlw_statistics *statistics, const struct dlw_cursor *cursor)
{
	const struct dlw_log_hold *hold = cursor->head.hold;

	lock_of(statistics, cursor);
	if (hold && hold->object->statistics && is_measured(cursor, hold))
		dlw_durations_add(&hold->object->statistics->hold, span_ns(cursor, hold->ticks));
}

static void posted(struct dlw_statistics *statistics, struct dlw_cursor *cursor)
{
	struct dlw_lock_statistics *lock = lock_of(statistics, cursor);
	const struct dlw_permits *permits = dlw_cursor_permits(cursor, cursor->head.object);

	lock->posts++;
	if (permits && permits->count && permits->ticks && !permits->untimed &&
	    !cursor->head.event.untimed)
		dlw_durations_add(&lock->hold, span_ns(cursor, permits->ticks));
}

void dlw_statistics_observe(struct dlw_statistics *statistics)
{
	struct dlw_cursor *cursor = dlw_replay_peek(statistics->replay);

	switch (cursor->head.event.type) {
	case DLW_EVENT_ACQUIRED:
	case DLW_EVENT_WOKEN:
	case DLW_EVENT_LEFT:
		acquired(statistics, cursor);
		break;
	case DLW_EVENT_RELEASED_TOP:
	case DLW_EVENT_RELEASED:
		released(statistics, cursor);
		break;
	case DLW_EVENT_CONDITION_WAIT:
		waits_on_condition(statistics, cursor);
		break;
	case DLW_EVENT_POSTED:
		posted(statistics, cursor);
		break;
	case DLW_EVENT_SIGNALLED:
	case DLW_EVENT_BROADCAST:
		lock_of(statistics, cursor)->posts++;
		break;
	case DLW_EVENT_TRY_FAILED:
		lock_of(statistics, cursor)->failed_tries++;
		break;
	default:
		break;
	}
}

static void still_waits(struct dlw_statistics *statistics, const struct dlw_cursor *cursor,
			uint64_t now_ns)
{
	const struct dlw_log_want *want = &cursor->want;
	uint64_t since_ns = dlw_log_file_time(&cursor->source->file, want->ticks);
	uint64_t wait_ns = now_ns > since_ns ? now_ns - since_ns : 0;
	struct dlw_lock_statistics *lock = want->object->statistics;

	if (!lock)
		lock = new_lock(statistics, want->object, want->stack);
	lock->waiting++;
	lock->contended++;
	dlw_durations_add(&lock->wait, wait_ns);
	note_wait(statistics, (struct dlw_long_wait){ .lock = lock,
						      .thread = cursor,
						      .since_ns = since_ns,
						      .ns = wait_ns,
						      .stack = want->stack });
}

void dlw_statistics_finish(struct dlw_statistics *statistics)
{
	const struct dlw_replay *replay = statistics->replay;
	uint32_t at;

	for (at = 0; at < replay->cursor_count; at++)
		if (replay->cursors[at]->want.object)
			still_waits(statistics, replay->cursors[at],
				    replay->cursors[at]->source->last_ns);
}

/* ---------------------------------------------------------------- make and free */

struct dlw_statistics *dlw_statistics_new(struct dlw_replay *replay)
{
	struct dlw_statistics *statistics = dlw_log_allocate(1, sizeof(*statistics));

	statistics->replay = replay;
	replay->forget = fold;
	replay->forget_context = statistics;
	return statistics;
}

void dlw_statistics_grouped(struct dlw_statistics *statistics)
{
	statistics->by_class = true;
}

bool dlw_statistics_are_by_class(const struct dlw_statistics *statistics)
{
	return statistics->by_class;
}

const struct dlw_replay *dlw_statistics_replay(const struct dlw_statistics *statistics)
{
	return statistics->replay;
}

uint32_t dlw_statistics_waits(const struct dlw_statistics *statistics,
			      struct dlw_long_wait waits[DLW_LONG_WAITS])
{
	memcpy(waits, statistics->waits, statistics->wait_count * sizeof(*waits));
	return statistics->wait_count;
}

/* Longest total wait first, then most acquisitions; the rest only makes it the same every time. */
static int by_weight(const void *left, const void *right)
{
	const struct dlw_lock_statistics *a = *(struct dlw_lock_statistics *const *)left;
	const struct dlw_lock_statistics *b = *(struct dlw_lock_statistics *const *)right;

	if (a->wait.total_ns != b->wait.total_ns)
		return a->wait.total_ns > b->wait.total_ns ? -1 : 1;
	if (a->acquisitions != b->acquisitions)
		return a->acquisitions > b->acquisitions ? -1 : 1;
	if (a->source->number != b->source->number)
		return a->source->number < b->source->number ? -1 : 1;
	if (a->address != b->address)
		return a->address < b->address ? -1 : 1;
	return a->init_stack < b->init_stack ? -1 : a->init_stack > b->init_stack;
}

struct dlw_lock_statistics **dlw_statistics_rows(const struct dlw_statistics *statistics,
						 size_t *count)
{
	struct dlw_lock_statistics **rows = dlw_log_allocate(statistics->count, sizeof(*rows));
	struct dlw_lock_statistics *lock;

	*count = 0;
	for (lock = statistics->all; lock; lock = lock->next)
		rows[(*count)++] = lock;
	if (*count)
		qsort(rows, *count, sizeof(*rows), by_weight);
	return rows;
}

void dlw_statistics_free(struct dlw_statistics *statistics)
{
	struct dlw_lock_statistics *lock;
	struct lock_class *class, *next;

	HASH_ITER(hh, statistics->classes, class, next)
	{
		HASH_DEL(statistics->classes, class);
		free(class);
	}
	while (statistics->all)
		recycle_lock(statistics, statistics->all);
	while ((lock = statistics->spare)) {
		statistics->spare = lock->next;
		free(lock);
	}
	statistics->replay->forget = NULL;
	free(statistics);
}
