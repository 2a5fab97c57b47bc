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

static uint32_t hash_of(const struct dlw_trace *trace, bool is_set, uint32_t number)
{
	return is_set ? hash_held(dlw_held_at(trace, number))
		      : hash_dependency(dlw_dependency_at(trace, number));
}

/** make_room() - at most half of the slots are used */
static bool make_room(struct dlw_trace *trace, struct dlw_table *table, bool is_set)
{
	uint32_t mask = table->slots ? 2 * table->mask + 1 : 1023, at, slot;
	uint32_t *slots;

	if (table->slots && 2 * (table->used + 1) <= table->mask)
		return true;
	slots = dlw_arena_array(trace->arena, uint32_t, (size_t)mask + 1);
	if (!slots)
		return false;
	for (at = 0; table->slots && at <= table->mask; at++) {
		if (!table->slots[at])
			continue;
		slot = hash_of(trace, is_set, table->slots[at]) & mask;
		while (slots[slot])
			slot = (slot + 1) & mask;
		slots[slot] = table->slots[at];
	}
	table->slots = slots;
	table->mask = mask;
	return true;
}

uint32_t dlw_intern_held(struct dlw_trace *trace, uint32_t below, uint32_t object, uint8_t mode)
{
	const struct dlw_held wanted = { below, object, mode };
	struct dlw_table *table = &trace->set_table;
	struct dlw_held *held;
	uint32_t slot;

	if (!make_room(trace, table, true))
		return DLW_NONE;
	slot = hash_held(&wanted) & table->mask;
	for (; table->slots[slot]; slot = (slot + 1) & table->mask) {
		held = dlw_column_at(&trace->sets, table->slots[slot]);
		if (held->below == below && held->object == object && held->mode == mode)
			return table->slots[slot];
	}
	held = dlw_column_add(&trace->sets, trace->arena);
	if (!held)
		return DLW_NONE;
	*held = wanted;
	table->used++;
	return table->slots[slot] = trace->sets.count - 1;
}

static bool alike(const struct dlw_dependency *a, const struct dlw_dependency *b)
{
	return a->thread == b->thread && a->held == b->held && a->object == b->object &&
	       a->mode == b->mode && a->form == b->form;
}

uint32_t dlw_intern_dependency(struct dlw_trace *trace, const struct dlw_dependency *dependency)
{
	struct dlw_table *table = &trace->dependency_table;
	struct dlw_dependency *added;
	uint32_t slot;

	if (!make_room(trace, table, false))
		return DLW_NONE;
	slot = hash_dependency(dependency) & table->mask;
	for (; table->slots[slot]; slot = (slot + 1) & table->mask)
		if (alike(dlw_dependency_at(trace, table->slots[slot]), dependency))
			return table->slots[slot];
	added = dlw_column_add(&trace->dependencies, trace->arena);
	if (!added)
		return DLW_NONE;
	*added = *dependency;
	table->used++;
	return table->slots[slot] = trace->dependencies.count - 1;
}
