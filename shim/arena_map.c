/*
 * shim/arena_map.c - blocks of at least 64 KB, straight from the kernel
 */
#include "shim/arena_map.h"

#include "shim/segment.h"

#include "shim/banned.h"

#define BLOCK (64u * 1024)

static void *grow(void *context, size_t size, size_t *got)
{
	(void)context;
	*got = (size + BLOCK - 1) / BLOCK * BLOCK;
	return dlw_map(*got, false);
}

static void give_back(void *context, void *memory, size_t size)
{
	(void)context;
	dlw_unmap(memory, size);
}

struct dlw_arena dlw_arena_from_maps(void)
{
	return (struct dlw_arena){ .grow = grow, .give_back = give_back };
}
