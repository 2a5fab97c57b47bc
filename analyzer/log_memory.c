/*
 * log_memory.c - arrays of the log tools: there, or the tool ends
 */
#include "analyzer/log_memory.h"

#include <stdlib.h>
#include <string.h>

static size_t product(size_t count, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(count, size, &bytes))
		dlw_out_of_memory();
	return bytes ? bytes : 1;
}

void *dlw_log_allocate(size_t count, size_t size)
{
	return dlw_allocate(product(count, size));
}

void *dlw_log_reallocate(void *memory, size_t count, size_t size)
{
	return dlw_grow(memory, product(count, size));
}

#define ARENA_STEP ((size_t)64 << 10)

static void *grow(void *context, size_t size, size_t *got)
{
	(void)context;
	*got = size < ARENA_STEP ? ARENA_STEP : size;
	return malloc(*got);
}

static void give_back(void *context, void *memory, size_t size)
{
	(void)context;
	(void)size;
	free(memory);
}

struct dlw_arena dlw_heap_arena(void)
{
	return (struct dlw_arena){ .grow = grow, .give_back = give_back };
}
