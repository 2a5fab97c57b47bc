/*
 * core/predict/keyed.c - a column whose elements are found by a number
 */
#include "core/predict/keyed.h"

static uint64_t key_at(const struct dlw_keyed *keyed, uint32_t number)
{
	return *(const uint64_t *)dlw_column_at(&keyed->all, number);
}

static uint32_t free_slot(const struct dlw_table *table, uint64_t key)
{
	uint32_t slot = (uint32_t)key & table->mask;

	while (table->slots[slot])
		slot = (slot + 1) & table->mask;
	return slot;
}

static bool make_room(struct dlw_keyed *keyed, struct dlw_arena *arena)
{
	struct dlw_table *table = &keyed->table;
	uint32_t mask = table->slots ? 2 * table->mask + 1 : 255, i;

	if (table->slots && 2 * (keyed->all.count + 1) <= table->mask)
		return true;
	table->slots = dlw_arena_array(arena, uint32_t, (size_t)mask + 1);
	if (!table->slots)
		return false;
	table->mask = mask;
	for (i = 0; i < keyed->all.count; i++)
		table->slots[free_slot(table, key_at(keyed, i))] = i + 1;
	return true;
}

void *dlw_keyed_find(const struct dlw_keyed *keyed, uint64_t key)
{
	const struct dlw_table *table = &keyed->table;
	uint32_t slot;

	if (!table->slots)
		return NULL;
	for (slot = (uint32_t)key & table->mask; table->slots[slot]; slot = (slot + 1) & table->mask)
		if (key_at(keyed, table->slots[slot] - 1) == key)
			return dlw_column_at(&keyed->all, table->slots[slot] - 1);
	return NULL;
}

void *dlw_keyed_add(struct dlw_keyed *keyed, uint64_t key, struct dlw_arena *arena)
{
	uint64_t *added;

	if (!make_room(keyed, arena))
		return NULL;
	added = dlw_column_add(&keyed->all, arena);
	if (!added)
		return NULL;
	*added = key;
	keyed->table.slots[free_slot(&keyed->table, key)] = keyed->all.count;
	return added;
}
