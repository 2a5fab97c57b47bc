/*
 * core/watch/movement.c - the numbers of all waits, held against the last ones
 */
#include "core/watch/movement.h"

#include <string.h>

#include "core/watch/look.h"
#include "core/watch/records.h"

#define AHEAD 16 /* records: time enough to come from memory */

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

/** take_new() - records that have come; false: no memory to keep them in */
static bool take_new(struct dlw_watch *watch, struct dlw_watched *watched)
{
	struct dlw_seen_records *seen = &watched->seen;
	struct dlw_thread *newest = dlw_record_first(watched), *record = newest;
	uint32_t more = count_new(watched, newest);

	if (!more)
		return true;
	if (!make_room(watch, seen, more))
		return false;
	for (; more; more--, record = dlw_record_next(watched, record))
		seen->all[seen->count++] = see(watched, record);
	seen->newest = dlw_record_offset(watched, newest);
	return true;
}

/** mark_spins() - is a spinning thread still at it? */
static void mark_spins(struct dlw_thread *record, struct dlw_seen_record *seen, bool same_wait)
{
	uint32_t turns = atomic_load_explicit(&record->want_turns, memory_order_relaxed);
	uint32_t spins = same_wait && turns != seen->turns;

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
 * mark() - note each wait's number; Return: a sum that changes when any of them does
 *
 * Of a record whose number is the same nothing is read but the want's own line.
 */
static uint64_t mark(struct dlw_watched *watched, uint64_t now)
{
	uint64_t sum = watched->segment->thread_changes;
	uint32_t i;

	for (i = 0; i < watched->seen.count; i++) {
		struct dlw_seen_record *seen = &watched->seen.all[i];
		struct dlw_thread *record = record_at(watched, i);
		uint64_t number = dlw_record_lasting(record);

		fetch(watched, i + AHEAD);
		mark_spins(record, seen, seen->number == number);
		if (seen->number != number)
			mark_number(record, seen, number, now);
		else if (record->wait & 1 && seen->since_ns > watched->lasting_since_ns)
			watched->lasting_since_ns = seen->since_ns;
		sum = (sum + number) * 0x9e3779b97f4a7c15u + seen->offset;
	}
	return sum;
}

bool dlw_anything_moved(struct dlw_watch *watch, uint64_t now)
{
	bool moved = false;
	uint32_t i;

	for (i = 0; i < watch->process_count; i++) {
		struct dlw_watched *watched = &watch->processes[i];
		uint64_t sum;

		if (watched->replaced || watched->ended || watched->foreign)
			continue;
		moved |= !take_new(watch, watched);
		sum = mark(watched, now);
		moved |= sum != watched->last_waits;
		watched->last_waits = sum;
	}
	return moved;
}
