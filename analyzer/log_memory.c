/*
 * log_memory.c - memory of the log tools: there, or the tool ends
 */
#include "analyzer/log_memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *must(void *memory)
{
	if (!memory) {
		fputs("dlwatch: out of memory\n", stderr);
		exit(2);
	}
	return memory;
}

void *dlw_allocate(size_t count, size_t size)
{
	return must(calloc(count ? count : 1, size));
}

void *dlw_reallocate(void *memory, size_t count, size_t size)
{
	return must(reallocarray(memory, count ? count : 1, size));
}

char *dlw_copy_text(const char *text)
{
	return must(strdup(text));
}

char *dlw_format(const char *format, ...)
{
	char *text = NULL;
	va_list args;

	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		text = NULL;
	va_end(args);
	return must(text);
}

#define ARENA_STEP ((size_t)1 << 20)

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
