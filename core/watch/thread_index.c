/*
 * core/watch/thread_index.c - open addressing, never more than half full
 */
#include "core/watch/thread_index.h"

#include "core/watch/picture.h"

uint64_t dlw_thread_tid(const struct dlw_picture *picture, uint32_t thread)
{
	return (uint32_t)picture->threads[thread].tid;
}

uint64_t dlw_thread_pthread(const struct dlw_picture *picture, uint32_t thread)
{
	return picture->sources[thread].record ? picture->sources[thread].record->pthread : 0;
}

static uint32_t slot_of(const struct dlw_thread_index *index, uint64_t number)
{
	return (uint32_t)(number * 0x9e3779b97f4a7c15u >> 32) & index->mask;
}

void dlw_thread_index_add(struct dlw_thread_index *index, const struct dlw_picture *picture,
			  uint32_t thread)
{
	uint32_t at = slot_of(index, index->number(picture, thread));

	while (index->slots[at])
		at = (at + 1) & index->mask;
	index->slots[at] = thread + 1;
}

bool dlw_thread_index_make(struct dlw_thread_index *index, const struct dlw_picture *picture,
			   uint32_t count, uint32_t room, struct dlw_arena *arena)
{
	uint32_t size = 16, i;

	while (size < room * 2)
		size *= 2;
	index->mask = size - 1;
	index->slots = dlw_arena_array(arena, uint32_t, size);
	if (!index->slots)
		return false;
	for (i = 0; i < count; i++)
		dlw_thread_index_add(index, picture, i);
	return true;
}

uint32_t dlw_thread_index_find(const struct dlw_thread_index *index,
			       const struct dlw_picture *picture, uint32_t process,
			       uint64_t number)
{
	uint32_t at = slot_of(index, number), found = DLW_NONE;

	for (; index->slots[at]; at = (at + 1) & index->mask) {
		uint32_t thread = index->slots[at] - 1;

		if (index->number(picture, thread) != number ||
		    (process != DLW_NONE && picture->threads[thread].process != process))
			continue;
		if (picture->threads[thread].life != DLW_GONE)
			return thread;
		found = thread;
	}
	return found;
}
