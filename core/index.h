/*
 * core/index.h - a state put in order, for quick questions
 *
 * The arrays of a state come in whatever order the watcher found things. Here
 * threads and resources get a rank that depends on what they are and not on
 * where they stood, and holds, releasers and waiters are listed by resource, by
 * thread and by process in the order of those ranks. Whatever walks the state
 * through the index therefore comes to the same result for every permutation
 * of it.
 */
#ifndef DLW_CORE_INDEX_H
#define DLW_CORE_INDEX_H

#include "core/arena.h"
#include "core/state.h"

/** Elements by key: elements[first[k]] up to elements[first[k + 1]] belong to key k. */
struct dlw_lists {
	uint32_t *first;
	uint32_t *elements;
};

struct dlw_index {
	const struct dlw_state *state;
	uint32_t *thread_rank, *thread_at; /* thread -> rank, rank -> thread */
	uint32_t *resource_rank, *resource_at;
	struct dlw_lists holds_of_resource, holds_of_thread;
	struct dlw_lists releasers; /* by resource */
	struct dlw_lists waiters;   /* threads by the resource they wait for */
	struct dlw_lists members;   /* threads by process */
};

/** dlw_index_build() - false: memory ran out. @state must be valid and outlive the index */
bool dlw_index_build(struct dlw_index *index, const struct dlw_state *state,
		     struct dlw_arena *arena);

/** dlw_is_gone() - the thread, or its whole process, will never act again */
static inline bool dlw_is_gone(const struct dlw_state *state, uint32_t thread)
{
	return state->threads[thread].life == DLW_GONE ||
	       state->processes[state->threads[thread].process].ended;
}

/** dlw_is_waiting() - the thread exists and is blocked in its want */
static inline bool dlw_is_waiting(const struct dlw_state *state, uint32_t thread)
{
	return state->threads[thread].life == DLW_WAITING && !dlw_is_gone(state, thread);
}

/** dlw_compare_threads() - by pid, tid and what else tells two threads apart */
int dlw_compare_threads(const void *state, uint32_t left, uint32_t right);

#endif
