/*
 * core/predict/intern.c - one number for all that are alike
 *
 * Sets of holds and dependencies are looked up with every acquisition, so both
 * tables are open-addressed and hold numbers alone; what a number stands for
 * lies in a column and never moves.
 */
#include <string.h>

#include "core/predict/store.h"

bool dlw_column_grow(struct dlw_column *column, struct dlw_arena *arena)
{
	uint32_t page = column->count >> column->shift;

	if (page >= DLW_STEP_INDEX_MAX >> column->shift)
		return false;
	if (page == column->page_room) {
		uint32_t room = column->page_room ? 2 * column->page_room : 4;
		void **pages = dlw_arena_array(arena, void *, room);

		if (!pages)
			return false;
		if (column->page_room)
			memcpy(pages, column->pages, sizeof(*pages) * column->page_room);
		column->pages = pages;
		column->page_room = room;
	}
	if (!column->pages[page])
		column->pages[page] =
			dlw_arena_take_array(arena, column->size, (size_t)1 << column->shift);
	return column->pages[page];
}

static uint32_t mix(uint64_t hash)
{
	hash = (hash ^ hash >> 32) * 0xd6e8feb86659fd93u;
	hash = (hash ^ hash >> 32) * 0xd6e8feb86659fd93u;
	return (uint32_t)(hash ^ hash >> 32);
}

static uint32_t hash_held(const struct dlw_held *held)
{
	return mix(((uint64_t)held->below << 32 | held->object) + ((uint64_t)held->mode << 61));
}

static uint32_t hash_dependency(const struct dlw_dependency *dependency)
{
	uint64_t hash = (uint64_t)dependency->held << 32 | dependency->object;

	hash += (uint64_t)dependency->thread * 0x9e3779b97f4a7c15u;
	return mix(hash + ((uint64_t)dependency->mode << 60) + ((uint64_t)dependency->form << 57));
}

/* ---- tables ------------------------------------------------------------------------ */

/*
 * A number leaves a few bits of its slot free. With bits of the hash in them
 * nearly all that is met on the way to a free slot need not be looked at.
 */
#define TAG (~DLW_STEP_INDEX_MAX)

/** put() - where nothing like it is */
static void put(uint32_t *slots, uint32_t mask, uint32_t hash, uint32_t number)
{
	uint32_t slot = hash & mask;

	while (slots[slot])
		slot = (slot + 1) & mask;
	slots[slot] = number | (hash & TAG);
}

/** grown() - at most three in four slots are used; the new slots, NULL: memory ran out */
static uint32_t *grown(struct dlw_trace *trace, struct dlw_table *table)
{
	uint32_t mask = table->slots ? 2 * table->mask + 1 : 1023;
	uint32_t *slots = dlw_arena_array(trace->arena, uint32_t, (size_t)mask + 1);

	if (slots) {
		table->slots = slots;
		table->mask = mask;
	}
	return slots;
}

static bool is_full(const struct dlw_table *table, uint32_t count)
{
	return !table->slots || count > table->mask - table->mask / 4;
}

static bool make_room_for_set(struct dlw_trace *trace)
{
	struct dlw_table *table = &trace->set_table;
	uint32_t number;

	if (!is_full(table, trace->sets.count))
		return true;
	if (!grown(trace, table))
		return false;
	for (number = 1; number < trace->sets.count; number++) {
		struct dlw_held held = dlw_held_at(trace, number);

		put(table->slots, table->mask, hash_held(&held), number);
	}
	return true;
}

static bool make_room_for_dependency(struct dlw_trace *trace)
{
	struct dlw_table *table = &trace->dependency_table;
	uint32_t number;

	if (!is_full(table, trace->dependencies.count))
		return true;
	if (!grown(trace, table))
		return false;
	for (number = 1; number < trace->dependencies.count; number++)
		put(table->slots, table->mask, hash_dependency(dlw_dependency_at(trace, number)),
		    number);
	return true;
}

uint32_t dlw_intern_held(struct dlw_trace *trace, uint32_t below, uint32_t object, uint8_t mode)
{
	const struct dlw_held wanted = { below, object, mode };
	const uint32_t hash = hash_held(&wanted);
	struct dlw_table *table = &trace->set_table;
	struct dlw_held *added;
	uint32_t slot, number;

	if (!make_room_for_set(trace))
		return DLW_NONE;
	for (slot = hash & table->mask; (number = table->slots[slot]);
	     slot = (slot + 1) & table->mask) {
		struct dlw_held held;

		if ((number ^ hash) & TAG)
			continue;
		held = dlw_held_at(trace, number & ~TAG);
		if (held.below == below && held.object == object && held.mode == mode)
			return number & ~TAG;
	}
	added = dlw_column_add(&trace->sets, trace->arena);
	if (!added)
		return DLW_NONE;
	*added = wanted;
	number = trace->sets.count - 1;
	table->slots[slot] = number | (hash & TAG);
	return number;
}

static bool alike(const struct dlw_dependency *a, const struct dlw_dependency *b)
{
	return a->thread == b->thread && a->held == b->held && a->object == b->object &&
	       a->mode == b->mode && a->form == b->form;
}

uint32_t dlw_intern_dependency(struct dlw_trace *trace, const struct dlw_dependency *dependency)
{
	const uint32_t hash = hash_dependency(dependency);
	struct dlw_table *table = &trace->dependency_table;
	struct dlw_dependency *added;
	uint32_t slot, number;

	if (!make_room_for_dependency(trace))
		return DLW_NONE;
	for (slot = hash & table->mask; (number = table->slots[slot]);
	     slot = (slot + 1) & table->mask)
		if (!((number ^ hash) & TAG) &&
		    alike(dlw_dependency_at(trace, number & ~TAG), dependency))
			return number & ~TAG;
	added = dlw_column_add(&trace->dependencies, trace->arena);
	if (!added)
		return DLW_NONE;
	*added = *dependency;
	number = trace->dependencies.count - 1;
	table->slots[slot] = number | (hash & TAG);
	return number;
}

/*
 * Two waits for memory, one after the other: for the slot, and for what its
 * number stands for. The first begins at once, the second a few calls later,
 * when the slot should have come.
 */
void dlw_intern_expect(struct dlw_trace *trace, const struct dlw_dependency *dependency)
{
	const struct dlw_table *table = &trace->dependency_table;
	uint32_t *expected = &trace->expected[trace->expected_next++ % DLW_EXPECTED];
	uint32_t before = *expected, number;

	if (!table->slots)
		return;
	*expected = hash_dependency(dependency);
	__builtin_prefetch(&table->slots[*expected & table->mask], 1);
	number = table->slots[before & table->mask];
	if (number && !((number ^ before) & TAG))
		__builtin_prefetch(dlw_dependency_at(trace, number & ~TAG), 1);
}
