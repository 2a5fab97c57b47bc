/*
 * core/release_builder.h - between the files that build release conditions
 *
 * Every condition is an AND of terms, one for each thing the wait needs (a
 * condition variable needs a signal and its mutex). A term is a node of the
 * graph: a thread, or a gate over several. Gates are shared between all who
 * wait for the same thing wherever they can be, so the graph stays about as
 * large as the state.
 *
 * The rule for every doubt: leave the term out. A term left out makes threads
 * run that may not, which hides a deadlock at this level; a term put in by
 * mistake would make one up.
 */
#ifndef DLW_CORE_RELEASE_BUILDER_H
#define DLW_CORE_RELEASE_BUILDER_H

#include "core/release.h"

/* A term that is no obstacle. */
#define SATISFIED DLW_NONE

/* The permits of a semaphore that are out, as far as our records know. */
struct permits {
	uint64_t out;
	uint32_t takers; /* different threads that have some */
	uint32_t gone;   /* of them, those that will never act again */
	bool counted;
};

struct builder {
	const struct dlw_index *index;
	const struct dlw_state *state;
	enum dlw_level level;
	struct dlw_graph *graph;
	uint32_t never;           /* a gate that nothing opens; DLW_NONE until needed */
	uint32_t world;           /* some thread of any process; likewise */
	uint32_t *process_gates;  /* some thread of that process */
	uint32_t *writer_gates;   /* per resource: all who hold it */
	uint32_t *holder_gates;   /* per resource: some holder, where it is holders who post */
	uint32_t *producer_gates; /* per resource: some who are known to post or signal */
	struct permits *permits;  /* per resource */
	uint8_t *opened;          /* per rank: see struct dlw_release */
};

static inline const struct dlw_want *want_of(const struct builder *b, uint32_t thread)
{
	return &b->state->threads[thread].want;
}

static inline uint32_t node_of(const struct builder *b, uint32_t thread)
{
	return b->index->thread_rank[thread];
}

static inline bool is_likely_level(const struct builder *b)
{
	return b->level == DLW_LEVEL_INFERRED || b->level == DLW_LEVEL_UNPOSTED;
}

/* release.c */
uint32_t dlw_never_node(struct builder *b);
uint32_t dlw_process_gate(struct builder *b, uint32_t process);
uint32_t dlw_open_term(struct builder *b, uint32_t thread, uint32_t resource);
bool dlw_has_waited(const struct builder *b, uint32_t thread, uint64_t times);

/* release_lock.c: what is held and given back */
bool dlw_owns(const struct builder *b, uint32_t thread, uint32_t resource);
uint32_t dlw_lock_term(struct builder *b, uint32_t self, uint32_t resource, bool exclusive);
uint32_t dlw_queue_term(struct builder *b, uint32_t self, uint32_t resource);
uint32_t dlw_file_lock_term(struct builder *b, uint32_t self, uint32_t resource, bool exclusive);

/* release_event.c: what somebody has to produce */
uint32_t dlw_permit_term(struct builder *b, uint32_t self, uint32_t resource);
uint32_t dlw_signal_term(struct builder *b, uint32_t self, uint32_t resource);
uint32_t dlw_arrival_term(struct builder *b, uint32_t self, uint32_t resource);
uint32_t dlw_join_term(struct builder *b, uint32_t self, uint32_t resource);
uint32_t dlw_child_term(struct builder *b, uint32_t self, uint32_t resource);
uint32_t dlw_pipe_term(struct builder *b, uint32_t resource);

#endif
