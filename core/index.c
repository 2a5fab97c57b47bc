/*
 * core/index.c - a state put in order, for quick questions
 *
 * Threads are ranked by what they wait for and where in the code before their
 * numbers are looked at: of several equally good cores the search then picks
 * the same one in every run of a program, whatever ids the kernel gave out.
 */
#include <string.h>

#include "core/index.h"
#include "core/site.h"
#include "core/sort.h"

#define UNLESS_EQUAL(comparison)          \
	do {                              \
		int outcome = comparison; \
		if (outcome)              \
			return outcome;   \
	} while (0)

static int compare_names(const char *left, const char *right)
{
	return strcmp(left ? left : "", right ? right : "");
}

/* Signed ids in numerical order. */
static int compare_ids(int32_t left, int32_t right)
{
	return (left > right) - (left < right);
}

/* A program that called exec leaves an ended process of the same pid behind. */
static int compare_processes(const struct dlw_state *state, uint32_t left, uint32_t right)
{
	UNLESS_EQUAL(compare_ids(state->processes[left].pid, state->processes[right].pid));
	return dlw_order(state->processes[left].ended, state->processes[right].ended);
}

int dlw_compare_threads(const void *context, uint32_t left, uint32_t right)
{
	const struct dlw_state *state = context;
	const struct dlw_thread_state *a = &state->threads[left], *b = &state->threads[right];

	UNLESS_EQUAL(compare_processes(state, a->process, b->process));
	UNLESS_EQUAL(compare_ids(a->tid, b->tid));
	UNLESS_EQUAL(dlw_order(a->life, b->life));
	UNLESS_EQUAL(dlw_order(a->exempt, b->exempt));
	UNLESS_EQUAL(compare_names(a->name, b->name));
	if (a->life == DLW_WAITING) {
		UNLESS_EQUAL(dlw_order(a->want.since_ns, b->want.since_ns));
		UNLESS_EQUAL(dlw_order(a->want.order, b->want.order));
		UNLESS_EQUAL(dlw_order(a->want.flags, b->want.flags));
	}
	return dlw_order(left, right);
}

struct thread_order {
	const struct dlw_state *state;
	uint64_t *shape; /* per thread: what it waits for and where */
};

static uint64_t shape_of(const struct dlw_state *state, uint32_t thread)
{
	const struct dlw_want *want = &state->threads[thread].want;
	uint64_t hash = DLW_HASH_START;

	if (!dlw_is_waiting(state, thread))
		return UINT64_MAX;
	hash = dlw_hash_number(hash, state->resources[want->resource].kind);
	hash = dlw_hash_number(hash, want->mode);
	return dlw_hash_site(hash, dlw_process_of(state, thread), &want->stack);
}

static int compare_shapes(const void *context, uint32_t left, uint32_t right)
{
	const struct thread_order *order = context;

	UNLESS_EQUAL(dlw_order(order->shape[left], order->shape[right]));
	return dlw_compare_threads(order->state, left, right);
}

static int compare_subjects(const struct dlw_state *state, const struct dlw_resource_state *a,
			    const struct dlw_resource_state *b)
{
	if (a->kind == DLW_THREAD && a->subject != DLW_NONE && b->subject != DLW_NONE)
		return dlw_compare_threads(state, a->subject, b->subject);
	if (a->kind == DLW_PROCESS && a->subject != DLW_NONE && b->subject != DLW_NONE)
		return compare_processes(state, a->subject, b->subject);
	return 0;
}

static int compare_resources(const void *context, uint32_t left, uint32_t right)
{
	const struct dlw_state *state = context;
	const struct dlw_resource_state *a = &state->resources[left];
	const struct dlw_resource_state *b = &state->resources[right];

	UNLESS_EQUAL(dlw_order(a->kind, b->kind));
	if (a->process != DLW_NONE && b->process != DLW_NONE)
		UNLESS_EQUAL(compare_processes(state, a->process, b->process));
	else
		UNLESS_EQUAL(dlw_order(a->process == DLW_NONE, b->process == DLW_NONE));
	UNLESS_EQUAL(dlw_order(a->address, b->address));
	UNLESS_EQUAL(compare_names(a->name, b->name));
	UNLESS_EQUAL(dlw_order(a->type, b->type));
	UNLESS_EQUAL(dlw_order(a->traits, b->traits));
	if (a->kind == b->kind)
		UNLESS_EQUAL(compare_subjects(state, a, b));
	return dlw_order(left, right);
}

/* Sort 0..count-1 into *@at and note each one's place in *@rank. */
static bool rank_all(struct dlw_arena *arena, uint32_t count, dlw_compare *compare,
		     const void *context, uint32_t **rank, uint32_t **at)
{
	uint32_t i;

	*rank = dlw_arena_array(arena, uint32_t, count);
	*at = dlw_arena_array(arena, uint32_t, count);
	if (!*rank || !*at)
		return false;
	for (i = 0; i < count; i++)
		(*at)[i] = i;
	dlw_sort(*at, count, compare, context);
	for (i = 0; i < count; i++)
		(*rank)[(*at)[i]] = i;
	return true;
}

static bool rank_threads(struct dlw_index *index, struct dlw_arena *arena)
{
	const struct dlw_state *state = index->state;
	struct thread_order order = { state,
				      dlw_arena_array(arena, uint64_t, state->thread_count) };
	uint32_t i;

	if (!order.shape)
		return false;
	for (i = 0; i < state->thread_count; i++)
		order.shape[i] = shape_of(state, i);
	return rank_all(arena, state->thread_count, compare_shapes, &order, &index->thread_rank,
			&index->thread_at);
}

static int compare_holds(const void *context, uint32_t left, uint32_t right)
{
	const struct dlw_index *index = context;
	const struct dlw_hold *a = &index->state->holds[left], *b = &index->state->holds[right];

	/* Times come last: a log may not have them and is to say the same as a live look. */
	UNLESS_EQUAL(dlw_order(index->thread_rank[a->thread], index->thread_rank[b->thread]));
	UNLESS_EQUAL(
		dlw_order(index->resource_rank[a->resource], index->resource_rank[b->resource]));
	UNLESS_EQUAL(dlw_order(a->mode, b->mode));
	UNLESS_EQUAL(dlw_order(a->since_ns, b->since_ns));
	UNLESS_EQUAL(dlw_order(a->count, b->count));
	UNLESS_EQUAL(dlw_order(a->stack.depth ? a->stack.frames[0] : 0,
			       b->stack.depth ? b->stack.frames[0] : 0));
	return dlw_order(left, right);
}

static int compare_releasers(const void *context, uint32_t left, uint32_t right)
{
	const struct dlw_index *index = context;
	const struct dlw_releaser *a = &index->state->releasers[left];
	const struct dlw_releaser *b = &index->state->releasers[right];

	UNLESS_EQUAL(dlw_order(index->thread_rank[a->thread], index->thread_rank[b->thread]));
	UNLESS_EQUAL(dlw_order(a->provenance, b->provenance));
	return dlw_order(left, right);
}

typedef uint32_t key_of(const struct dlw_state *state, uint32_t element);

static uint32_t hold_resource(const struct dlw_state *state, uint32_t hold)
{
	return state->holds[hold].resource;
}

static uint32_t hold_thread(const struct dlw_state *state, uint32_t hold)
{
	return state->holds[hold].thread;
}

static uint32_t releaser_resource(const struct dlw_state *state, uint32_t releaser)
{
	return state->releasers[releaser].resource;
}

static uint32_t wanted_resource(const struct dlw_state *state, uint32_t thread)
{
	return dlw_is_waiting(state, thread) ? state->threads[thread].want.resource : DLW_NONE;
}

static uint32_t thread_process(const struct dlw_state *state, uint32_t thread)
{
	return state->threads[thread].process;
}

/* Deal the sorted elements out by key; the key DLW_NONE leaves an element out. */
static bool list_by(struct dlw_lists *lists, const struct dlw_state *state, uint32_t keys,
		    const uint32_t *sorted, uint32_t count, key_of *key, struct dlw_arena *arena)
{
	uint32_t i, sum = 0;

	lists->first = dlw_arena_array(arena, uint32_t, (size_t)keys + 1);
	lists->elements = dlw_arena_array(arena, uint32_t, count);
	if (!lists->first || !lists->elements)
		return false;
	for (i = 0; i < count; i++)
		if (key(state, sorted[i]) != DLW_NONE)
			lists->first[key(state, sorted[i])]++;
	for (i = 0; i < keys; i++) {
		sum += lists->first[i];
		lists->first[i] = sum;
	}
	lists->first[keys] = sum;
	for (i = count; i-- > 0;)
		if (key(state, sorted[i]) != DLW_NONE)
			lists->elements[--lists->first[key(state, sorted[i])]] = sorted[i];
	return true;
}

static bool list_holds(struct dlw_index *index, struct dlw_arena *arena)
{
	const struct dlw_state *state = index->state;
	uint32_t *unused, *sorted, count = state->hold_count;

	return rank_all(arena, count, compare_holds, index, &unused, &sorted) &&
	       list_by(&index->holds_of_resource, state, state->resource_count, sorted, count,
		       hold_resource, arena) &&
	       list_by(&index->holds_of_thread, state, state->thread_count, sorted, count,
		       hold_thread, arena);
}

static bool list_releasers(struct dlw_index *index, struct dlw_arena *arena)
{
	const struct dlw_state *state = index->state;
	uint32_t *unused, *sorted, count = state->releaser_count;

	return rank_all(arena, count, compare_releasers, index, &unused, &sorted) &&
	       list_by(&index->releasers, state, state->resource_count, sorted, count,
		       releaser_resource, arena);
}

bool dlw_index_build(struct dlw_index *index, const struct dlw_state *state,
		     struct dlw_arena *arena)
{
	memset(index, 0, sizeof(*index));
	index->state = state;
	return rank_threads(index, arena) &&
	       rank_all(arena, state->resource_count, compare_resources, state,
			&index->resource_rank, &index->resource_at) &&
	       list_holds(index, arena) && list_releasers(index, arena) &&
	       list_by(&index->waiters, state, state->resource_count, index->thread_at,
		       state->thread_count, wanted_resource, arena) &&
	       list_by(&index->members, state, state->process_count, index->thread_at,
		       state->thread_count, thread_process, arena);
}
