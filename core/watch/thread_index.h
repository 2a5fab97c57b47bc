/*
 * core/watch/thread_index.h - the threads of a picture by a number of theirs
 *
 *	struct dlw_thread_index tids = { .number = dlw_thread_tid };
 *
 *	if (!dlw_thread_index_make(&tids, picture, count, count, arena))
 *		return false;
 *	thread = dlw_thread_index_find(&tids, picture, process, tid);
 */
#ifndef DLW_CORE_WATCH_THREAD_INDEX_H
#define DLW_CORE_WATCH_THREAD_INDEX_H

#include <stdbool.h>
#include <stdint.h>

#include "core/arena.h"

struct dlw_picture;

struct dlw_thread_index {
	uint32_t *slots; /* thread + 1, 0: free */
	uint32_t mask;
	/** number() - of a thread of the picture; several may have one number */
	uint64_t (*number)(const struct dlw_picture *picture, uint32_t thread);
};

uint64_t dlw_thread_tid(const struct dlw_picture *picture, uint32_t thread);

/** dlw_thread_pthread() - its pthread_t, 0: not known */
uint64_t dlw_thread_pthread(const struct dlw_picture *picture, uint32_t thread);

/**
 * dlw_thread_index_make() - the first @count threads are in it
 * @room: how many it can hold, at least @count
 *
 * Return: false: no memory.
 */
bool dlw_thread_index_make(struct dlw_thread_index *index, const struct dlw_picture *picture,
			   uint32_t count, uint32_t room, struct dlw_arena *arena);

/** dlw_thread_index_add() - one more, for which it has room */
void dlw_thread_index_add(struct dlw_thread_index *index, const struct dlw_picture *picture,
			  uint32_t thread);

/**
 * dlw_thread_index_find() - by its number, a living one before one that is gone
 * @process: DLW_NONE: of any process
 *
 * Return: DLW_NONE: there is none.
 */
uint32_t dlw_thread_index_find(const struct dlw_thread_index *index,
			       const struct dlw_picture *picture, uint32_t process,
			       uint64_t number);

#endif
