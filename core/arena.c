/*
 * core/arena.c - memory that is given back all at once
 *
 * A chain of blocks, filled front to back. Reset goes back to the first block
 * and keeps the chain, so a watcher that judges every few milliseconds soon
 * stops asking its grow() for anything.
 */
#include <stdalign.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include "core/arena.h"
#include "core/format.h"

#define ALIGNMENT 16u
#define BLOCK_SIZE (64u * 1024u)

struct dlw_arena_block {
	alignas(ALIGNMENT) struct dlw_arena_block *next;
	size_t size; /* of the whole block */
	size_t used; /* this header included */
};

static size_t rounded(size_t size)
{
	return (size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
}

static void *take_from(struct dlw_arena_block *block, size_t size)
{
	void *memory;

	if (block->size - block->used < size)
		return NULL;
	memory = (char *)block + block->used;
	block->used += size;
	return memset(memory, 0, size);
}

static struct dlw_arena_block *new_block(struct dlw_arena *arena, size_t size)
{
	size_t wanted = size + sizeof(struct dlw_arena_block), got = 0;
	struct dlw_arena_block *block;

	if (wanted < BLOCK_SIZE)
		wanted = BLOCK_SIZE;
	block = arena->grow(arena->context, wanted, &got);
	if (!block)
		return NULL;
	block->next = NULL;
	block->size = got;
	block->used = sizeof(*block);
	return block;
}

/* The block goes behind the current one, before any that a reset left empty. */
static void link_block(struct dlw_arena *arena, struct dlw_arena_block *block)
{
	if (arena->current) {
		block->next = arena->current->next;
		arena->current->next = block;
	} else {
		arena->first = block;
	}
	arena->current = block;
}

void *dlw_arena_take(struct dlw_arena *arena, size_t size)
{
	struct dlw_arena_block *block;
	void *memory;

	if (size > SIZE_MAX / 2)
		return NULL;
	size = rounded(size ? size : 1);
	for (block = arena->current; block; block = block->next) {
		memory = take_from(block, size);
		if (memory) {
			arena->current = block;
			return memory;
		}
	}
	block = new_block(arena, size);
	if (!block)
		return NULL;
	link_block(arena, block);
	return take_from(block, size);
}

void *dlw_arena_take_array(struct dlw_arena *arena, size_t size, size_t count)
{
	if (size && count > SIZE_MAX / size)
		return NULL;
	return dlw_arena_take(arena, size * count);
}

void *dlw_arena_room(struct dlw_arena *arena, void *all, size_t size, uint32_t count,
		     uint32_t *room, uint32_t first)
{
	uint32_t wanted = *room ? *room * 2 : first;
	void *larger;

	if (count < *room)
		return all;
	larger = wanted > *room ? dlw_arena_take_array(arena, size, wanted) : NULL;
	if (!larger)
		return NULL;
	if (count)
		memcpy(larger, all, count * size);
	*room = wanted;
	return larger;
}

static void count_text(void *context, const char *text, size_t length)
{
	(void)text;
	*(size_t *)context += length;
}

static void copy_text(void *context, const char *text, size_t length)
{
	char **end = context;

	memcpy(*end, text, length);
	*end += length;
}

const char *dlw_arena_text(struct dlw_arena *arena, const char *format, ...)
{
	size_t length = 0;
	va_list arguments;
	char *text, *end;

	va_start(arguments, format);
	dlw_format(count_text, &length, format, arguments);
	text = dlw_arena_take(arena, length + 1);
	if (text) {
		end = text;
		dlw_format(copy_text, &end, format, arguments);
	}
	va_end(arguments);
	return text;
}

void dlw_arena_reset(struct dlw_arena *arena)
{
	struct dlw_arena_block *block;

	for (block = arena->first; block; block = block->next)
		block->used = sizeof(*block);
	arena->current = arena->first;
}

size_t dlw_arena_size(const struct dlw_arena *arena)
{
	const struct dlw_arena_block *block;
	size_t size = 0;

	for (block = arena->first; block; block = block->next)
		size += block->size;
	return size;
}

void dlw_arena_release(struct dlw_arena *arena)
{
	struct dlw_arena_block *block = arena->first, *next;

	for (; block && arena->give_back; block = next) {
		next = block->next;
		arena->give_back(arena->context, block, block->size);
	}
	arena->first = NULL;
	arena->current = NULL;
}
