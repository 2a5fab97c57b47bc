/*
 * core/sort.h - put indexes in order, without the C library's allocating sort
 */
#ifndef DLW_CORE_SORT_H
#define DLW_CORE_SORT_H

#include <stdint.h>

/** Three-way comparison of two elements, like strcmp(). */
typedef int dlw_compare(const void *context, uint32_t left, uint32_t right);

/** dlw_sort() - heap sort, in place; not stable, so let @compare tell all apart that differ */
void dlw_sort(uint32_t *elements, uint32_t count, dlw_compare *compare, const void *context);

/** dlw_order() - -1, 0 or 1 for two numbers */
static inline int dlw_order(uint64_t left, uint64_t right)
{
	return (left > right) - (left < right);
}

#endif
