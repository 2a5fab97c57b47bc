/*
 * core/release.c - what has to happen before each waiting thread can go on
 */
#include <string.h>

#include "core/release_builder.h"

uint32_t dlw_never_node(struct builder *b)
{
	if (b->never == DLW_NONE)
		b->never = dlw_graph_add_node(b->graph, 1);
	return b->never;
}

/* ---- does the wait count as one? ------------------------------------------- */

bool dlw_has_waited(const struct builder *b, uint32_t thread, uint64_t times)
{
	const struct dlw_want *want = want_of(b, thread);
	uint64_t age = b->state->now_ns - want->since_ns;

	if (!want->since_ns || b->state->now_ns < want->since_ns)
		return false;
	return age / times >= b->state->stall_ns;
}

/* The wait can end although nobody releases anything: by its timeout or its cancellation. */
static bool ends_by_itself(const struct builder *b, const struct dlw_want *want)
{
	if (want->flags & DLW_WANT_CANCELLED)
		return true;
	if (want->flags & DLW_WANT_POLLING)
		return !is_likely_level(b);
	return want->flags & DLW_WANT_TIMED;
}

static bool is_firm(const struct builder *b, uint32_t thread)
{
	const struct dlw_want *want = want_of(b, thread);

	if (!dlw_is_waiting(b->state, thread) || b->state->threads[thread].exempt ||
	    (want->flags & DLW_WANT_TRY))
		return false;
	if (b->level == DLW_LEVEL_OWNED &&
	    (want->flags & (DLW_WANT_INTERRUPTIBLE | DLW_WANT_UNCONFIRMED)))
		return false;
	if (b->level == DLW_LEVEL_UNPOSTED && !dlw_has_waited(b, thread, 3))
		return false;
	if (b->level == DLW_LEVEL_OPEN && !dlw_has_waited(b, thread, 1))
		return false;
	/* A condition wait that has timed out or been cancelled still needs its mutex. */
	return b->state->resources[want->resource].kind == DLW_CONDITION ||
	       !ends_by_itself(b, want);
}

/* ---- gates over whole processes --------------------------------------------- */

/*
 * Some thread of @process goes on. A process of which we know no thread, or in
 * which somebody unseen may act, is one that goes on; only a 'likely' verdict
 * looks past the latter.
 */
uint32_t dlw_process_gate(struct builder *b, uint32_t process)
{
	const struct dlw_lists *members = &b->index->members;
	uint32_t gate = b->process_gates[process], i, known = 0;

	if (gate != DLW_NONE)
		return gate;
	gate = dlw_graph_add_node(b->graph, 1);
	b->process_gates[process] = gate;
	if (gate == DLW_NONE)
		return gate;
	for (i = members->first[process]; i < members->first[process + 1]; i++) {
		uint32_t thread = members->elements[i];

		if (dlw_is_gone(b->state, thread))
			continue;
		dlw_graph_add_input(b->graph, gate, node_of(b, thread), DLW_NONE);
		known++;
	}
	if (!known || (b->state->processes[process].open_reason && !is_likely_level(b)))
		b->graph->need[gate] = 0;
	return gate;
}

static uint32_t world_gate(struct builder *b)
{
	uint32_t i;

	if (b->world != DLW_NONE)
		return b->world;
	b->world = dlw_graph_add_node(b->graph, 1);
	for (i = 0; i < b->state->process_count; i++)
		if (!b->state->processes[i].ended)
			dlw_graph_add_input(b->graph, b->world, dlw_process_gate(b, i), DLW_NONE);
	return b->world;
}

/* Nobody in particular could end the wait: then anybody could who reaches the object. */
uint32_t dlw_open_term(struct builder *b, uint32_t thread, uint32_t resource)
{
	if (b->level != DLW_LEVEL_OPEN)
		return SATISFIED;
	b->opened[node_of(b, thread)] = 1;
	if (b->state->resources[resource].traits & DLW_TRAIT_SHARED)
		return world_gate(b);
	return dlw_process_gate(b, b->state->threads[thread].process);
}

/* ---- from a want to its terms ------------------------------------------------------- */

static void require(struct builder *b, uint32_t thread, uint32_t term, uint32_t resource)
{
	if (term == SATISFIED)
		return;
	dlw_graph_add_input(b->graph, node_of(b, thread), term, resource);
	if (!b->graph->failed)
		b->graph->need[node_of(b, thread)]++;
}

static void require_lock(struct builder *b, uint32_t thread, uint32_t resource, bool exclusive)
{
	if (b->state->resources[resource].traits & DLW_TRAIT_DISTRUSTED)
		require(b, thread, dlw_permit_term(b, thread, resource), resource);
	else
		require(b, thread, dlw_lock_term(b, thread, resource, exclusive), resource);
}

static void require_wake_up(struct builder *b, uint32_t thread)
{
	const struct dlw_want *want = want_of(b, thread);

	if (!ends_by_itself(b, want))
		require(b, thread, dlw_signal_term(b, thread, want->resource), want->resource);
	/* Without the mutex it cannot return. One that it still owns itself is no obstacle. */
	if (want->mutex != DLW_NONE && !dlw_owns(b, thread, want->mutex))
		require_lock(b, thread, want->mutex, true);
}

static void require_all(struct builder *b, uint32_t thread)
{
	const struct dlw_want *want = want_of(b, thread);
	const struct dlw_resource_state *resource = &b->state->resources[want->resource];
	bool exclusive = want->mode != DLW_SHARED;
	bool distrusted = resource->traits & DLW_TRAIT_DISTRUSTED;
	uint32_t term = SATISFIED;

	switch (resource->kind) {
	case DLW_RWLOCK:
		if (!exclusive && !distrusted)
			require(b, thread, dlw_queue_term(b, thread, want->resource),
				want->resource);
		require_lock(b, thread, want->resource, exclusive);
		return;
	case DLW_MUTEX:
	case DLW_SPINLOCK:
	case DLW_ONCE:
		require_lock(b, thread, want->resource, true);
		return;
	case DLW_CUSTOM:
		require_lock(b, thread, want->resource, exclusive);
		return;
	case DLW_CONDITION:
		require_wake_up(b, thread);
		return;
	case DLW_SEMAPHORE:
		term = dlw_permit_term(b, thread, want->resource);
		break;
	case DLW_BARRIER:
		term = dlw_arrival_term(b, thread, want->resource);
		break;
	case DLW_THREAD:
		term = dlw_join_term(b, thread, want->resource);
		break;
	case DLW_PROCESS:
		term = dlw_child_term(b, thread, want->resource);
		break;
	case DLW_FILE_LOCK:
		term = dlw_file_lock_term(b, thread, want->resource, exclusive);
		break;
	case DLW_PIPE:
		term = dlw_pipe_term(b, want->resource);
		break;
	case DLW_NO_KIND:
	case DLW_KIND_COUNT:
		break;
	}
	require(b, thread, term, want->resource);
}

static uint32_t *no_gates(struct dlw_arena *arena, uint32_t count)
{
	uint32_t *gates = dlw_arena_array(arena, uint32_t, count);

	if (gates && count)
		memset(gates, 0xff, sizeof(*gates) * count);
	return gates;
}

static bool start(struct builder *b, struct dlw_release *release, struct dlw_arena *arena)
{
	const struct dlw_state *state = b->state;

	dlw_graph_start(&release->graph, arena);
	release->thread_count = state->thread_count;
	release->world = dlw_arena_array(arena, uint8_t, state->thread_count);
	b->graph = &release->graph;
	b->opened = release->world;
	b->never = DLW_NONE;
	b->world = DLW_NONE;
	b->process_gates = no_gates(arena, state->process_count);
	b->writer_gates = no_gates(arena, state->resource_count);
	b->holder_gates = no_gates(arena, state->resource_count);
	b->producer_gates = no_gates(arena, state->resource_count);
	b->permits = dlw_arena_array(arena, struct permits, state->resource_count);
	return b->opened && b->process_gates && b->writer_gates && b->holder_gates &&
	       b->producer_gates && b->permits;
}

bool dlw_release_build(struct dlw_release *release, const struct dlw_index *index,
		       enum dlw_level level, const uint8_t *named, struct dlw_arena *arena)
{
	struct builder b = { .index = index, .state = index->state, .level = level };
	uint32_t rank, thread;

	if (!start(&b, release, arena))
		return false;
	for (rank = 0; rank < release->thread_count; rank++)
		dlw_graph_add_node(b.graph, 0);
	for (rank = 0; rank < release->thread_count; rank++) {
		thread = index->thread_at[rank];
		if (!named[rank] && is_firm(&b, thread))
			require_all(&b, thread);
	}
	return dlw_graph_close(b.graph);
}
