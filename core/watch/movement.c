/*
 * core/watch/movement.c - the numbers of waits, held against the last ones
 */
#include "core/watch/movement.h"

#include <string.h>

#include "core/watch/look.h"
#include "core/watch/records.h"

#define AHEAD 16 /* records: time enough to come from memory */
#define STEADY 6 /* looks until a thread that waits is asked to tell when it no longer does */
#define TURNS 16 /* looks in which all that are awaited are looked at */

/** count_new() - from @record on; 0 also if not all of them are mapped yet: the next look will see them */
static uint32_t count_new(const struct dlw_watched *watched, const struct dlw_thread *record)
{
	uint32_t count = 0;

	while (record && dlw_record_offset(watched, record) != watched->seen.newest) {
		const struct dlw_thread *next = dlw_record_next(watched, record);

		if (!next && record->next)
			return 0;
		record = next;
		count++;
	}
	return count;
}

static bool make_room(struct dlw_watch *watch, struct dlw_seen_records *seen, uint32_t more)
{
	uint32_t capacity = seen->capacity ? seen->capacity : 64;
	struct dlw_seen_record *all;

	while (capacity < seen->count + more)
		capacity *= 2;
	if (capacity == seen->capacity)
		return true;
	all = dlw_arena_array(&watch->memory, struct dlw_seen_record, capacity);
	if (!all)
		return false;
	if (seen->count)
		memcpy(all, seen->all, seen->count * sizeof(*all));
	seen->all = all;
	seen->capacity = capacity;
	return true;
}

/** see() - for the first time; another process may have seen it before */
static struct dlw_seen_record see(const struct dlw_watched *watched, struct dlw_thread *record)
{
	record->marks.spins = false;
	return (struct dlw_seen_record){
		.offset = dlw_record_offset(watched, record),
		.number = record->marks.seen_progress,
		.since_ns = record->marks.seen_since_ns,
		.turns = atomic_load_explicit(&record->want_turns, memory_order_relaxed),
	};
}

/** add() - to those that are looked at: in front of the awaited */
static void add(struct dlw_seen_records *seen, struct dlw_seen_record record)
{
	uint32_t at = seen->count - seen->awaited;

	seen->all[seen->count++] = seen->all[at];
	seen->all[at] = record;
}

/** take_new() - Return: records have come, also if there is no memory to keep them in */
static bool take_new(struct dlw_watch *watch, struct dlw_watched *watched)
{
	struct dlw_seen_records *seen = &watched->seen;
	struct dlw_thread *newest = dlw_record_first(watched), *record = newest;
	uint32_t more = count_new(watched, newest);

	if (!more)
		return false;
	if (!make_room(watch, seen, more))
		return true;
	for (; more; more--, record = dlw_record_next(watched, record))
		add(seen, see(watched, record));
	seen->newest = dlw_record_offset(watched, newest);
	return true;
}

/** mark_spins() - is a spinning thread still at it? */
static void mark_spins(struct dlw_thread *record, struct dlw_seen_record *seen, bool same_wait)
{
	uint32_t turns = atomic_load_explicit(&record->want_turns, memory_order_relaxed);
	bool spins = same_wait && turns != seen->turns;

	seen->turns = turns;
	if (spins == seen->spins)
		return;
	seen->spins = spins;
	record->marks.spins = spins;
}

static void mark_number(struct dlw_thread *record, struct dlw_seen_record *seen, uint64_t number,
			uint64_t now)
{
	seen->number = record->marks.seen_progress = number;
	seen->since_ns = record->marks.seen_since_ns = now;
	seen->steady = 0;
}

static struct dlw_thread *record_at(const struct dlw_watched *watched, uint32_t at)
{
	return (struct dlw_thread *)((char *)watched->segment + watched->seen.all[at].offset);
}

static void fetch(const struct dlw_watched *watched, uint32_t at)
{
	if (at < watched->seen.count)
		__builtin_prefetch(record_at(watched, at));
}

/**
 * look_at() - one record; Return: it has moved
 *
 * If it has not, nothing is read but the want's own line.
 */
static bool look_at(struct dlw_watched *watched, uint32_t at, uint64_t now)
{
	struct dlw_seen_record *seen = &watched->seen.all[at];
	struct dlw_thread *record = record_at(watched, at);
	uint64_t number = dlw_record_lasting(record);
	bool moved = seen->number != number;

	fetch(watched, at + AHEAD);
	mark_spins(record, seen, !moved);
	if (moved)
		mark_number(record, seen, number, now);
	else if (record->wait & 1 && seen->since_ns > watched->lasting_since_ns)
		watched->lasting_since_ns = seen->since_ns;
	return moved;
}

/* -------------------------------------------------------------------------- the awaited */

static bool will_tell(const struct dlw_thread *record)
{
	return record->wait & 1 && record->want_form == DLW_FORM_BLOCKING &&
	       record->want_kind != DLW_SPINLOCK;
}

/**
 * has_settled() - Return: from now on it is awaited
 *
 * It is asked to tell, and believed to have heard a look later: what it had
 * stored by then, the end of its wait, is to be seen by now.
 */
static bool has_settled(struct dlw_thread *record, struct dlw_seen_record *seen)
{
	if (seen->steady < STEADY) {
		seen->steady++;
		return false;
	}
	if (!will_tell(record)) {
		seen->steady = 0;
		return false;
	}
	if (seen->steady == STEADY) {
		seen->steady++;
		record->want_awaited = 1;
		return false;
	}
	return record->want_awaited;
}

static void swap(struct dlw_seen_records *seen, uint32_t one, uint32_t other)
{
	struct dlw_seen_record record = seen->all[one];

	seen->all[one] = seen->all[other];
	seen->all[other] = record;
}

/** look_at_others() - those that are not awaited; Return: any has moved */
static bool look_at_others(struct dlw_watched *watched, uint64_t now)
{
	struct dlw_seen_records *seen = &watched->seen;
	bool moved = false;
	uint32_t i = 0;

	while (i < seen->count - seen->awaited) {
		if (look_at(watched, i, now)) {
			moved = true;
		} else if (has_settled(record_at(watched, i), &seen->all[i])) {
			seen->awaited++;
			swap(seen, i, seen->count - seen->awaited);
			continue; /* with the one that has come in its place */
		}
		i++;
	}
	return moved;
}

/** look_at_awaited() - at @count of them, from number @from on; Return: any has moved */
static bool look_at_awaited(struct dlw_watched *watched, uint32_t from, uint32_t count,
			    uint64_t now)
{
	struct dlw_seen_records *seen = &watched->seen;
	bool moved = false;
	uint32_t i;

	/* one that moves changes places with the first of them, which has been looked at */
	for (i = from; i < from + count; i++) {
		uint32_t first = seen->count - seen->awaited;

		if (!look_at(watched, i, now))
			continue;
		moved = true;
		swap(seen, i, first);
		seen->awaited--;
	}
	return moved;
}

/** look_at_some() - of the awaited, in turn */
static bool look_at_some(struct dlw_watched *watched, uint64_t now)
{
	struct dlw_seen_records *seen = &watched->seen;
	uint32_t first = seen->count - seen->awaited, count = (seen->awaited + TURNS - 1) / TURNS;

	if (seen->turn < first || seen->turn >= seen->count)
		seen->turn = first;
	if (count > seen->count - seen->turn)
		count = seen->count - seen->turn;
	first = seen->turn;
	seen->turn += count;
	return look_at_awaited(watched, first, count, now);
}

/** has_moved() - any thread of a process */
static bool has_moved(struct dlw_watched *watched, uint64_t now)
{
	struct dlw_seen_records *seen = &watched->seen;
	uint32_t ends = atomic_load_explicit(&watched->segment->awaited_ends, memory_order_acquire);
	uint32_t changes =
		atomic_load_explicit(&watched->segment->thread_changes, memory_order_acquire);
	bool all = ends != seen->ends || changes != seen->changes;
	bool moved = changes != seen->changes;

	seen->ends = ends;
	seen->changes = changes;
	moved |= look_at_others(watched, now);
	if (all)
		moved |= look_at_awaited(watched, seen->count - seen->awaited, seen->awaited, now);
	else
		moved |= look_at_some(watched, now);
	return moved;
}

bool dlw_anything_moved(struct dlw_watch *watch, uint64_t now)
{
	bool any = false;
	uint32_t i;

	for (i = 0; i < watch->process_count; i++) {
		struct dlw_watched *watched = &watch->processes[i];
		bool moved;

		if (watched->replaced || watched->ended || watched->foreign)
			continue;
		moved = take_new(watch, watched);
		moved |= has_moved(watched, now);
		watched->movements += moved;
		any |= moved;
	}
	return any;
}
