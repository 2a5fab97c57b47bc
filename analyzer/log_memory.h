/*
 * analyzer/log_memory.h - memory of the log tools: there, or the tool ends
 *
 * A tool that cannot get memory has nothing useful left to do, so nobody who
 * calls these has to check. Not for the shim, not for core/.
 */
#ifndef DLW_ANALYZER_LOG_MEMORY_H
#define DLW_ANALYZER_LOG_MEMORY_H

#include <stddef.h>
#include <stdint.h>

#include "core/arena.h"

/** dlw_allocate() - @count zeroed elements of @size bytes; exits with status 2 if there is none */
void *dlw_allocate(size_t count, size_t size);

/** dlw_reallocate() - like realloc for @count elements of @size bytes; likewise */
void *dlw_reallocate(void *memory, size_t count, size_t size);

/** dlw_copy_text() - strdup; likewise */
char *dlw_copy_text(const char *text);

/** dlw_format() - asprintf; likewise. For the caller to free() */
char *dlw_format(const char *format, ...) __attribute__((format(printf, 1, 2)));

/**
 * dlw_reserve() - make room for one element more behind *@count
 *
 * Doubles, so that n appends cost O(n).
 */
#define dlw_reserve(array, count, room)                                                   \
	do {                                                                              \
		if ((count) >= (room)) {                                                  \
			(room) = (room) ? (room) * 2 : 8;                                 \
			(array) = dlw_reallocate((array), (room), sizeof(*(array)));      \
		}                                                                         \
	} while (0)

/** dlw_heap_arena() - an arena for the engine that grows by malloc and gives back by free */
struct dlw_arena dlw_heap_arena(void);

#endif
