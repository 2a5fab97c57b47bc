/*
 * log_index.c - from the numbers a log uses to positions in an array
 */
#include "analyzer/log_index.h"

#include <stdlib.h>
#include <string.h>

#include "analyzer/log_memory.h"
#include "core/search.h"

static int by_id_then_position(const void *left, const void *right)
{
	const struct dlw_log_index_entry *a = left, *b = right;

	if (a->id != b->id)
		return a->id < b->id ? -1 : 1;
	return a->position < b->position ? -1 : a->position > b->position;
}

static void keep_last_of_equals(struct dlw_log_index *index)
{
	uint32_t from, kept = 0;

	for (from = 0; from < index->far_count; from++) {
		if (kept && index->far[kept - 1].id == index->far[from].id)
			kept--;
		index->far[kept++] = index->far[from];
	}
	index->far_count = kept;
}

void dlw_log_index_build(struct dlw_log_index *index, const uint32_t *ids, uint32_t count)
{
	uint64_t limit = (uint64_t)count * 4 + 64;
	uint32_t at, far = 0, top = 0;

	for (at = 0; at < count; at++) {
		if (ids[at] >= limit)
			far++;
		else if (ids[at] >= top)
			top = ids[at] + 1;
	}
	*index = (struct dlw_log_index){ .dense_count = top };
	index->dense = dlw_log_allocate(top, sizeof(*index->dense));
	memset(index->dense, 0xff, (size_t)top * sizeof(*index->dense));
	index->far = dlw_log_allocate(far, sizeof(*index->far));
	for (at = 0; at < count; at++) {
		if (ids[at] < limit)
			index->dense[ids[at]] = at;
		else
			index->far[index->far_count++] = (struct dlw_log_index_entry){ ids[at], at };
	}
	if (far) {
		qsort(index->far, far, sizeof(*index->far), by_id_then_position);
		keep_last_of_equals(index);
	}
}

void dlw_log_index_free(struct dlw_log_index *index)
{
	free(index->dense);
	free(index->far);
	*index = (struct dlw_log_index){ 0 };
}

uint32_t dlw_log_index_find_far(const struct dlw_log_index *index, uint32_t id)
{
	uint32_t at = dlw_first(i, 0, index->far_count, index->far[i].id >= id);

	if (at < index->far_count && index->far[at].id == id)
		return index->far[at].position;
	return DLW_NO_POSITION;
}

static int by_number(const void *left, const void *right)
{
	uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;

	return a < b ? -1 : a > b;
}

uint32_t dlw_log_index_sort(uint32_t *ids, uint32_t count)
{
	uint32_t from, kept = 0;

	if (count)
		qsort(ids, count, sizeof(*ids), by_number);
	for (from = 0; from < count; from++)
		if (!kept || ids[kept - 1] != ids[from])
			ids[kept++] = ids[from];
	return kept;
}
