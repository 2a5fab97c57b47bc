/*
 * core/finding_holds.c - what a thread holds, in the order in which it is shown
 *
 * Sorted once for all threads of a finding: a report of ten thousand stuck holders
 * asks ten thousand times.
 */
#include "core/finding.h"
#include "core/search.h"
#include "core/sort.h"

/** The threads of a finding, rising, and what each of them holds. */
struct dlw_shown_holds {
	uint32_t *threads, thread_count;
	uint32_t *first; /* by place in .threads: where its holds begin; and one more */
	uint32_t *holds;
};

struct order {
	const struct dlw_state *state;
	const struct dlw_finding *finding;
};

static uint64_t site_of(const struct dlw_hold *hold)
{
	return hold->stack.depth ? hold->stack.frames[0] : 0;
}

/* By short id, so that a log and a live look say the same; then what tells two holds apart. */
static int compare_holds(const void *context, uint32_t left, uint32_t right)
{
	const struct order *order = context;
	const struct dlw_hold *a = &order->state->holds[left], *b = &order->state->holds[right];
	uint32_t place_a = dlw_resource_position(order->finding, a->resource);
	uint32_t place_b = dlw_resource_position(order->finding, b->resource);

	if (place_a != place_b)
		return dlw_order(place_a, place_b);
	if (a->mode != b->mode)
		return dlw_order(a->mode, b->mode);
	if (a->since_ns != b->since_ns)
		return dlw_order(a->since_ns, b->since_ns);
	if (site_of(a) != site_of(b))
		return dlw_order(site_of(a), site_of(b));
	return dlw_order(left, right);
}

static int compare_numbers(const void *context, uint32_t left, uint32_t right)
{
	(void)context;
	return dlw_order(left, right);
}

/* ---- sorting them ---------------------------------------------------------------------- */

static void list_threads(struct dlw_shown_holds *shown, const struct dlw_finding *finding)
{
	uint32_t i;

	for (i = 0; i < finding->core_count; i++)
		shown->threads[shown->thread_count++] = finding->core[i];
	for (i = 0; i < finding->stuck_count; i++)
		shown->threads[shown->thread_count++] = finding->stuck[i];
	dlw_sort(shown->threads, shown->thread_count, compare_numbers, NULL);
}

/** list_holds() - of number @at of the threads, from place @from on; Return: where they end */
static uint32_t list_holds(struct dlw_shown_holds *shown, const struct dlw_index *index,
			   const struct order *order, uint32_t at, uint32_t from)
{
	const struct dlw_lists *lists = &index->holds_of_thread;
	uint32_t thread = shown->threads[at], until = from, i;

	for (i = lists->first[thread]; i < lists->first[thread + 1]; i++)
		if (order->state->holds[lists->elements[i]].count)
			shown->holds[until++] = lists->elements[i];
	dlw_sort(shown->holds + from, until - from, compare_holds, order);
	return until;
}

static uint32_t count_holds(const struct dlw_shown_holds *shown, const struct dlw_index *index)
{
	const struct dlw_lists *lists = &index->holds_of_thread;
	uint32_t count = 0, i;

	for (i = 0; i < shown->thread_count; i++)
		count += lists->first[shown->threads[i] + 1] - lists->first[shown->threads[i]];
	return count;
}

bool dlw_finding_sort_holds(struct dlw_finding *finding, const struct dlw_index *index,
			    struct dlw_arena *arena)
{
	struct order order = { index->state, finding };
	struct dlw_shown_holds *shown = dlw_arena_take(arena, sizeof(*shown));
	uint32_t threads = finding->core_count + finding->stuck_count, i;

	if (!shown)
		return false;
	shown->threads = dlw_arena_array(arena, uint32_t, threads);
	shown->first = dlw_arena_array(arena, uint32_t, (size_t)threads + 1);
	if (!shown->threads || !shown->first)
		return false;
	list_threads(shown, finding);
	shown->holds = dlw_arena_array(arena, uint32_t, (size_t)count_holds(shown, index) + 1);
	if (!shown->holds)
		return false;
	for (i = 0; i < threads; i++)
		shown->first[i + 1] = list_holds(shown, index, &order, i, shown->first[i]);
	finding->holds = shown;
	return true;
}

/* ---- going through them ---------------------------------------------------------------- */

/** search_all() - of a thread or a finding whose holds are not sorted */
static uint32_t search_all(const struct order *order, uint32_t thread, uint32_t last)
{
	uint32_t i, next = DLW_NONE;

	for (i = 0; i < order->state->hold_count; i++) {
		const struct dlw_hold *hold = &order->state->holds[i];

		if (hold->thread != thread || !hold->count || i == last ||
		    (last != DLW_NONE && compare_holds(order, last, i) > 0))
			continue;
		if (next == DLW_NONE || compare_holds(order, i, next) < 0)
			next = i;
	}
	return next;
}

/** place_of() - of @thread in .threads; DLW_NONE: it is none of them */
static uint32_t place_of(const struct dlw_shown_holds *shown, uint32_t thread)
{
	uint32_t at = dlw_first(i, 0, shown->thread_count, shown->threads[i] >= thread);

	return at < shown->thread_count && shown->threads[at] == thread ? at : DLW_NONE;
}

uint32_t dlw_next_hold(const struct dlw_state *state, const struct dlw_finding *finding,
		       uint32_t thread, uint32_t last)
{
	const struct dlw_shown_holds *shown = finding->holds;
	struct order order = { state, finding };
	uint32_t at = shown ? place_of(shown, thread) : DLW_NONE;
	uint32_t next, end;

	if (at == DLW_NONE)
		return search_all(&order, thread, last);
	next = shown->first[at];
	end = shown->first[at + 1];
	if (last != DLW_NONE)
		next = dlw_first(i, next, end, compare_holds(&order, last, shown->holds[i]) < 0);
	return next < end ? shown->holds[next] : DLW_NONE;
}
