/*
 * analyzer/log_memory.h - arrays of the log tools: there, or the tool ends
 */
#ifndef DLW_ANALYZER_LOG_MEMORY_H
#define DLW_ANALYZER_LOG_MEMORY_H

#include <stddef.h>
#include <stdint.h>

#include "analyzer/memory.h"
#include "core/arena.h"

/** dlw_log_allocate() - @count zeroed elements of @size bytes */
void *dlw_log_allocate(size_t count, size_t size);

/** dlw_log_reallocate() - like realloc, for @count elements of @size bytes */
void *dlw_log_reallocate(void *memory, size_t count, size_t size);

/**
 * dlw_reserve() - make room for one element more behind *@count
 *
 * Doubles, so that n appends cost O(n).
 */
#define dlw_reserve(array, count, room)                                                   \
	do {                                                                              \
		if ((count) >= (room)) {                                                  \
			(room) = (room) ? (room) * 2 : 8;                                 \
			(array) = dlw_log_reallocate((array), (room), sizeof(*(array)));  \
		}                                                                         \
	} while (0)

/** dlw_heap_arena() - an arena for the engine that grows by malloc and gives back by free */
struct dlw_arena dlw_heap_arena(void);

#endif
