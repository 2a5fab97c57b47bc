/*
 * core/fingerprint.c - one number for one mistake in the program
 *
 * It must be the same in every run of one build, so it is made of code places
 * alone: where each core thread wants what kind of thing, and where it took
 * those that the core is about. A cycle has no first thread: of all rotations
 * the smallest counts. Other cores have no order at all: theirs is sorted.
 * Neither may the order in which one thread's holds were found matter.
 */
#include "core/judge.h"
#include "core/search.h"
#include "core/site.h"
#include "core/sort.h"

struct print {
	const struct dlw_state *state;
	const struct dlw_finding *finding;
	uint32_t *by_thread; /* positions in the core, sorted by thread */
	uint64_t *shape;     /* per position */
};

static int compare_members(const void *context, uint32_t left, uint32_t right)
{
	const uint32_t *core = context;

	return dlw_order(core[left], core[right]);
}

/* Where @thread stands in the core, or DLW_NONE. */
static uint32_t position_of(const struct print *print, uint32_t thread)
{
	const struct dlw_finding *finding = print->finding;
	uint32_t at = dlw_first(i, 0, finding->core_count,
				finding->core[print->by_thread[i]] >= thread);

	if (at == finding->core_count || finding->core[print->by_thread[at]] != thread)
		return DLW_NONE;
	return print->by_thread[at];
}

static uint64_t hash_use(const struct dlw_state *state, uint32_t thread, uint32_t resource,
			 enum dlw_mode mode, const struct dlw_stack *stack)
{
	uint64_t hash = dlw_hash_number(DLW_HASH_START, state->resources[resource].kind);

	hash = dlw_hash_number(hash, mode);
	return dlw_hash_site(hash, dlw_process_of(state, thread), stack);
}

static void add_wants(struct print *print)
{
	uint32_t i;

	for (i = 0; i < print->finding->core_count; i++) {
		uint32_t thread = print->finding->core[i];
		const struct dlw_want *want = &print->state->threads[thread].want;

		print->shape[i] = dlw_hash_number(hash_use(print->state, thread, want->resource,
							   want->mode, &want->stack),
						  1);
	}
}

/* Holds are summed up: a sum does not know in which order they came. */
static void add_holds(struct print *print)
{
	uint32_t i, member, place;

	for (i = 0; i < print->state->hold_count; i++) {
		const struct dlw_hold *hold = &print->state->holds[i];

		if (!hold->count)
			continue;
		member = position_of(print, hold->thread);
		place = dlw_resource_position(print->finding, hold->resource);
		if (member == DLW_NONE || place >= print->finding->core_resource_count)
			continue;
		print->shape[member] +=
			dlw_hash_number(hash_use(print->state, hold->thread, hold->resource,
						 hold->mode, &hold->stack),
					2);
	}
}

/* The start of the smallest rotation, in linear time: two candidates leapfrog each other. */
static uint32_t smallest_rotation(const uint64_t *shape, uint32_t count)
{
	uint64_t one = 0, other = 1, same = 0;

	while (one < count && other < count && same < count) {
		uint64_t a = shape[(one + same) % count], b = shape[(other + same) % count];

		if (a == b) {
			same++;
			continue;
		}
		if (a > b)
			one += same + 1;
		else
			other += same + 1;
		if (one == other)
			other++;
		same = 0;
	}
	return (uint32_t)(one < other ? one : other);
}

static int compare_shapes(const void *context, uint32_t left, uint32_t right)
{
	const uint64_t *shape = context;

	return dlw_order(shape[left], shape[right]);
}

static uint64_t combine(struct print *print)
{
	const struct dlw_finding *finding = print->finding;
	uint32_t count = finding->core_count, first = 0, i;
	uint64_t hash = dlw_hash_number(DLW_HASH_START, finding->kind);

	hash = dlw_hash_number(hash, finding->verdict);
	if (finding->cycle)
		first = smallest_rotation(print->shape, count);
	else
		dlw_sort(print->by_thread, count, compare_shapes, print->shape);
	for (i = 0; i < count; i++)
		hash = dlw_hash_number(hash, finding->cycle ? print->shape[(first + i) % count]
							    : print->shape[print->by_thread[i]]);
	return hash;
}

bool dlw_fingerprint(const struct dlw_state *state, struct dlw_finding *finding,
		     struct dlw_arena *arena)
{
	struct print print = { .state = state, .finding = finding };
	uint64_t hash;
	uint32_t i;

	print.by_thread = dlw_arena_array(arena, uint32_t, finding->core_count);
	print.shape = dlw_arena_array(arena, uint64_t, finding->core_count);
	if (!print.by_thread || !print.shape)
		return false;
	for (i = 0; i < finding->core_count; i++)
		print.by_thread[i] = i;
	dlw_sort(print.by_thread, finding->core_count, compare_members, finding->core);
	add_wants(&print);
	add_holds(&print);
	hash = combine(&print);
	for (i = 0; i < 16; i++, hash <<= 4)
		finding->fingerprint[i] = "0123456789abcdef"[hash >> 60];
	finding->fingerprint[16] = '\0';
	return true;
}
