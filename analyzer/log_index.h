/*
 * analyzer/log_index.h - from the numbers a log uses to positions in an array
 *
 * Threads, objects and stacks are numbered from 1 by the writer, nearly
 * without holes; then a lookup is one array access. Numbers far beyond what
 * was defined (damage, or a writer with other habits) are searched for, so
 * memory follows the number of definitions, never the largest number.
 */
#ifndef DLW_ANALYZER_LOG_INDEX_H
#define DLW_ANALYZER_LOG_INDEX_H

#include <stddef.h>
#include <stdint.h>

#define DLW_NO_POSITION UINT32_MAX

struct dlw_log_index_entry {
	uint32_t id, position;
};

struct dlw_log_index {
	uint32_t *dense; /* by id, position or DLW_NO_POSITION */
	uint32_t dense_count;
	struct dlw_log_index_entry *far; /* sorted by id */
	uint32_t far_count;
};

/**
 * dlw_log_index_build() - from @ids[0 … count-1]; of equal ids the last one wins
 */
void dlw_log_index_build(struct dlw_log_index *index, const uint32_t *ids, uint32_t count);
void dlw_log_index_free(struct dlw_log_index *index);

/** dlw_log_index_sort() - sort @ids and keep one of each. Return: how many are left */
uint32_t dlw_log_index_sort(uint32_t *ids, uint32_t count);

uint32_t dlw_log_index_find_far(const struct dlw_log_index *index, uint32_t id);

/** dlw_log_index_find() - position of @id, or DLW_NO_POSITION */
static inline uint32_t dlw_log_index_find(const struct dlw_log_index *index, uint32_t id)
{
	if (id < index->dense_count)
		return index->dense[id];
	return index->far_count ? dlw_log_index_find_far(index, id) : DLW_NO_POSITION;
}

#endif
