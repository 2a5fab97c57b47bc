/*
 * core/judge.c - from a moment to its deadlocks
 *
 * Level after level, believing a little more each time: build the release
 * conditions, reduce, take the cores out of what stays dead, and say for every
 * other dead thread which core it is stuck behind. Threads that one level has
 * explained run for all weaker ones, so a weaker finding never rests on a
 * stronger one: whoever waits for a deadlocked thread on weaker grounds than
 * the deadlock itself has is no news.
 */
#include <string.h>

#include "core/finding.h"
#include "core/knot.h"
#include "core/release.h"
#include "core/sort.h"

static const enum dlw_verdict verdict_of[DLW_LEVEL_COUNT] = {
	[DLW_LEVEL_OWNED] = DLW_PROVEN,
	[DLW_LEVEL_INFERRED] = DLW_LIKELY,
	[DLW_LEVEL_UNPOSTED] = DLW_LIKELY,
	[DLW_LEVEL_OPEN] = DLW_STALLED,
};

struct judge {
	const struct dlw_state *state;
	struct dlw_index index;
	struct dlw_arena *arena;
	uint8_t *named; /* per rank: a finding has explained it */
	struct dlw_finding *all;
	uint32_t count, room;
};

/* ---- one core ---------------------------------------------------------------------- */

/* Threads instead of ranks; a cycle starts with its smallest thread, a set is sorted. */
static void name_members(const struct judge *judge, struct dlw_case *found, struct dlw_knot *knot)
{
	const struct dlw_state *state = judge->state;
	uint32_t i, smallest = 0, *turned = found->members;

	for (i = 0; i < knot->count; i++) {
		knot->members[i] = judge->index.thread_at[knot->members[i]];
		if (dlw_compare_threads(state, knot->members[i], knot->members[smallest]) < 0)
			smallest = i;
	}
	for (i = 0; i < knot->count; i++)
		turned[i] = knot->members[(smallest + i) % knot->count];
	if (!knot->cycle)
		dlw_sort(turned, knot->count, dlw_compare_threads, state);
	found->count = knot->count;
	found->cycle = knot->cycle;
	found->orphan = knot->helpless;
	found->label = knot->label;
}

static int compare_labels(const void *context, uint32_t left, uint32_t right)
{
	const struct dlw_knots *knots = context;

	if (knots->all[left].label != knots->all[right].label)
		return dlw_order(knots->all[left].label, knots->all[right].label);
	return dlw_order(left, right);
}

/* All who wait in vain for the same resource are one finding. */
static bool join_helpless(struct judge *judge, struct dlw_knots *knots)
{
	uint32_t *order = dlw_arena_array(judge->arena, uint32_t, knots->count);
	uint32_t i, first, helpless = 0, kept = 0;
	struct dlw_knot *joined = dlw_arena_array(judge->arena, struct dlw_knot, knots->count);

	if (!order || !joined)
		return false;
	while (helpless < knots->count && knots->all[helpless].helpless) {
		order[helpless] = helpless;
		helpless++;
	}
	dlw_sort(order, helpless, compare_labels, knots);
	for (i = 0; i < helpless; i += joined[kept++].count) {
		joined[kept] = knots->all[order[i]];
		first = i;
		while (i < helpless && knots->all[order[i]].label == knots->all[order[first]].label)
			i++;
		joined[kept].count = i - first;
		i = first;
		joined[kept].members = dlw_arena_array(judge->arena, uint32_t, joined[kept].count);
		if (!joined[kept].members)
			return false;
		for (first = 0; first < joined[kept].count; first++)
			joined[kept].members[first] = knots->all[order[i + first]].members[0];
	}
	for (i = helpless; i < knots->count; i++)
		joined[kept++] = knots->all[i];
	knots->all = joined;
	knots->count = kept;
	return true;
}

/* ---- all cores of one level ----------------------------------------------------------- */

struct cases {
	struct dlw_case *all;
	uint32_t count;
	const struct dlw_state *state;
};

static int compare_cases(const void *context, uint32_t left, uint32_t right)
{
	const struct cases *cases = context;
	const struct dlw_case *a = &cases->all[left], *b = &cases->all[right];
	uint32_t first_a = a->members[0], first_b = b->members[0];

	/* Members of different cores differ. */
	return dlw_compare_threads(cases->state, first_a, first_b);
}

static bool make_cases(struct judge *judge, struct dlw_knots *knots, struct cases *cases)
{
	uint32_t i, *order;
	struct dlw_case *unsorted;

	if (!join_helpless(judge, knots))
		return false;
	order = dlw_arena_array(judge->arena, uint32_t, knots->count);
	unsorted = dlw_arena_array(judge->arena, struct dlw_case, knots->count);
	cases->all = dlw_arena_array(judge->arena, struct dlw_case, knots->count);
	cases->count = knots->count;
	cases->state = judge->state;
	if (!order || !unsorted || !cases->all)
		return false;
	for (i = 0; i < knots->count; i++) {
		order[i] = i;
		cases->all[i].members =
			dlw_arena_array(judge->arena, uint32_t, knots->all[i].count);
		if (!cases->all[i].members)
			return false;
		name_members(judge, &cases->all[i], &knots->all[i]);
	}
	memcpy(unsorted, cases->all, sizeof(*unsorted) * cases->count);
	dlw_sort(order, cases->count, compare_cases, cases);
	for (i = 0; i < cases->count; i++)
		cases->all[i] = unsorted[order[i]];
	return true;
}

/* ---- who is stuck behind which core ------------------------------------------------------ */

struct blame {
	const struct dlw_graph *graph;
	const uint8_t *live; /* before any core was supposed live */
	uint32_t *core_of;   /* per node: number of its case + 1, 0 if in no core */
	uint32_t *behind;    /* per node: number of its case + 1, 0 if not stuck */
	uint32_t *queue;
};

/* Everything dead that depends on case @number and is not claimed yet; stops at other cores. */
static uint32_t claim(struct blame *blame, const struct judge *judge, const struct dlw_case *found,
		      uint32_t number)
{
	const struct dlw_graph *graph = blame->graph;
	uint32_t from = 0, until = 0, threads = 0, i;

	for (i = 0; i < found->count; i++)
		blame->queue[until++] = judge->index.thread_rank[found->members[i]];
	while (from < until) {
		uint32_t node = blame->queue[from++];

		for (i = graph->first_dependent[node]; i < graph->first_dependent[node + 1]; i++) {
			uint32_t dependent = graph->dependents[i];

			if (blame->live[dependent] || blame->core_of[dependent] ||
			    blame->behind[dependent])
				continue;
			blame->behind[dependent] = number + 1;
			blame->queue[until++] = dependent;
			threads += dependent < judge->state->thread_count;
		}
	}
	return threads;
}

static bool list_stuck(struct blame *blame, const struct judge *judge, struct dlw_case *found,
		       uint32_t number)
{
	uint32_t i, node, threads = claim(blame, judge, found, number);

	found->stuck = dlw_arena_array(judge->arena, uint32_t, threads);
	if (!found->stuck)
		return false;
	/* What was just claimed still stands in the queue, behind the core. */
	for (i = found->count; found->stuck_count < threads; i++) {
		node = blame->queue[i];
		if (node < judge->state->thread_count)
			found->stuck[found->stuck_count++] = judge->index.thread_at[node];
	}
	dlw_sort(found->stuck, threads, dlw_compare_threads, judge->state);
	return true;
}

static bool find_stuck(const struct judge *judge, struct cases *cases,
		       const struct dlw_graph *graph, const uint8_t *live)
{
	struct blame blame = { .graph = graph, .live = live };
	uint32_t i, j;

	blame.core_of = dlw_arena_array(judge->arena, uint32_t, graph->node_count);
	blame.behind = dlw_arena_array(judge->arena, uint32_t, graph->node_count);
	blame.queue = dlw_arena_array(judge->arena, uint32_t, graph->node_count);
	if (!blame.core_of || !blame.behind || !blame.queue)
		return false;
	for (i = 0; i < cases->count; i++)
		for (j = 0; j < cases->all[i].count; j++)
			blame.core_of[judge->index.thread_rank[cases->all[i].members[j]]] = i + 1;
	for (i = 0; i < cases->count; i++)
		if (!list_stuck(&blame, judge, &cases->all[i], i))
			return false;
	return true;
}

/* ---- one level ------------------------------------------------------------------------------ */

static void name_explained(struct judge *judge, const struct dlw_case *found)
{
	uint32_t i;

	for (i = 0; i < found->count; i++)
		judge->named[judge->index.thread_rank[found->members[i]]] = 1;
	for (i = 0; i < found->stuck_count; i++)
		judge->named[judge->index.thread_rank[found->stuck[i]]] = 1;
}

static bool add_findings(struct judge *judge, struct cases *cases, enum dlw_level level,
			 const struct dlw_release *release)
{
	struct dlw_finding *grown;
	struct dlw_finding_room room;
	uint32_t i;

	grown = dlw_arena_array(judge->arena, struct dlw_finding, judge->count + cases->count);
	if (!grown || !dlw_finding_room_make(&room, release, judge->state, judge->arena))
		return false;
	if (judge->count)
		memcpy(grown, judge->all, sizeof(*grown) * judge->count);
	judge->all = grown;
	for (i = 0; i < cases->count; i++) {
		struct dlw_finding *finding = &judge->all[judge->count++];

		cases->all[i].release = release;
		finding->verdict = verdict_of[level];
		if (!dlw_finding_build(finding, &cases->all[i], &judge->index, &room, judge->arena))
			return false;
		name_explained(judge, &cases->all[i]);
	}
	return true;
}

static bool any_dead(const struct dlw_graph *graph, uint32_t thread_count)
{
	return thread_count && memchr(graph->live, 0, thread_count);
}

static bool judge_level(struct judge *judge, enum dlw_level level)
{
	struct dlw_release release;
	struct dlw_knots knots;
	struct cases cases;
	uint8_t *live;

	if (!dlw_release_build(&release, &judge->index, level, judge->named, judge->arena))
		return false;
	dlw_graph_reduce(&release.graph);
	if (!any_dead(&release.graph, release.thread_count))
		return true;
	live = dlw_arena_array(judge->arena, uint8_t, release.graph.node_count);
	if (!live)
		return false;
	memcpy(live, release.graph.live, release.graph.node_count);
	return dlw_knots_find(&release.graph, release.thread_count, judge->arena, &knots) &&
	       make_cases(judge, &knots, &cases) &&
	       find_stuck(judge, &cases, &release.graph, live) &&
	       add_findings(judge, &cases, level, &release);
}

int dlw_judge(const struct dlw_state *state, struct dlw_arena *arena, struct dlw_findings *found)
{
	struct judge judge = { .state = state, .arena = arena };
	int level;

	found->all = NULL;
	found->count = 0;
	if (!dlw_state_is_valid(state) || !dlw_index_build(&judge.index, state, arena))
		return -1;
	judge.named = dlw_arena_array(arena, uint8_t, state->thread_count);
	if (!judge.named)
		return -1;
	for (level = 0; level < DLW_LEVEL_COUNT; level++)
		if (!judge_level(&judge, level))
			return -1;
	found->all = judge.all;
	found->count = judge.count;
	return 0;
}
