/*
 * core/arena.h - memory that is given back all at once
 *
 *	struct dlw_arena arena = { .grow = take_from_mmap };
 *	struct dlw_hold *holds = dlw_arena_array(&arena, struct dlw_hold, count);
 *	...
 *	dlw_arena_reset(&arena);	// everything is free again, blocks are kept
 *
 * The engine runs inside programs whose malloc may be the very thing that
 * hangs, so it takes memory only from an arena, and the arena takes it only
 * from the caller's grow(). Nothing here locks; one arena, one thread.
 */
#ifndef DLW_CORE_ARENA_H
#define DLW_CORE_ARENA_H

#include <stddef.h>
#include <stdint.h>

struct dlw_arena_block;

struct dlw_arena {
	/**
	 * grow() - hand out at least @size bytes of zeroed or dirty memory,
	 * aligned to 16, and store in *@got how many
	 *
	 * Return: the memory, or NULL when there is none: the allocation that
	 *         asked for it then returns NULL.
	 */
	void *(*grow)(void *context, size_t size, size_t *got);
	/** give_back() - take a block back; NULL: blocks live for ever */
	void (*give_back)(void *context, void *memory, size_t size);
	void *context;
	struct dlw_arena_block *first, *current;
};

/** dlw_arena_take() - @size zeroed bytes aligned to 16, or NULL */
void *dlw_arena_take(struct dlw_arena *arena, size_t size);

/** dlw_arena_text() - printf into the arena (%s %d %u %zu %lld %llu %llx %c %% only), or NULL */
const char *dlw_arena_text(struct dlw_arena *arena, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/** dlw_arena_reset() - forget all that was taken, keep the blocks */
void dlw_arena_reset(struct dlw_arena *arena);

/** dlw_arena_size() - bytes in all its blocks */
size_t dlw_arena_size(const struct dlw_arena *arena);

/** dlw_arena_release() - give all blocks back */
void dlw_arena_release(struct dlw_arena *arena);

/** dlw_arena_array() - @count zeroed elements of @type, or NULL (also on overflow) */
#define dlw_arena_array(arena, type, count) \
	((type *)dlw_arena_take_array((arena), sizeof(type), (count)))
void *dlw_arena_take_array(struct dlw_arena *arena, size_t size, size_t count);

/**
 * dlw_arena_room() - room for one more element in an array that grows
 * @all: the array, @count elements of @size bytes; NULL while it has no room
 * @room: elements it has room for; becomes @first, then twice as many each time
 *
 * Return: the array, moved if it was full; NULL: no memory, and all is as it was.
 */
void *dlw_arena_room(struct dlw_arena *arena, void *all, size_t size, uint32_t count,
		     uint32_t *room, uint32_t first);

#endif
