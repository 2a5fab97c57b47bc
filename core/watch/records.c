/*
 * core/watch/records.c - bounds before belief
 */
#include "core/watch/records.h"

#include <time.h>

const void *dlw_record_at(const struct dlw_watched *watched, uint64_t offset, uint64_t size)
{
	if (!offset || (watched->mapped && (offset > watched->mapped ||
					    size > watched->mapped - offset)))
		return NULL;
	return (const char *)watched->segment + offset;
}

struct dlw_thread *dlw_record_first(const struct dlw_watched *watched)
{
	uint64_t offset = atomic_load_explicit(&watched->segment->threads, memory_order_acquire);

	return (struct dlw_thread *)(uintptr_t)dlw_record_at(watched, offset,
							     sizeof(struct dlw_thread));
}

struct dlw_thread *dlw_record_next(const struct dlw_watched *watched,
				   const struct dlw_thread *record)
{
	return (struct dlw_thread *)(uintptr_t)dlw_record_at(watched, record->next,
							     sizeof(struct dlw_thread));
}

const void *dlw_record_element(const struct dlw_watched *watched, const struct dlw_table *table,
			       uint32_t position)
{
	const char *element = position < table->count
				      ? dlw_table_at(watched->segment, table, position)
				      : NULL;

	if (!element)
		return NULL;
	return dlw_record_at(watched, (uint64_t)(element - (const char *)watched->segment),
			     table->element_size);
}

const struct dlw_object *dlw_record_object(const struct dlw_watched *watched, uint32_t index)
{
	return index ? dlw_record_element(watched, &watched->segment->objects, index - 1) : NULL;
}

struct dlw_stack dlw_record_stack(const struct dlw_watched *watched, uint32_t id)
{
	const struct dlw_table *table = &watched->segment->stacks;
	const struct dlw_stack_record *record;
	const uint64_t *offset = id ? dlw_record_element(watched, table, id - 1) : NULL;

	record = offset ? dlw_record_at(watched, *offset, sizeof(*record)) : NULL;
	if (!record || !dlw_record_at(watched, *offset, sizeof(*record) + record->depth * 8ull))
		return (struct dlw_stack){ 0 };
	return (struct dlw_stack){ record->frames, record->depth };
}

uint64_t dlw_record_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}
