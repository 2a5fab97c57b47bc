/*
 * core/knot_core.c - the core within one strongly connected component
 *
 * A component is dead because of itself alone. If one dead input is enough to
 * keep each of its nodes dead, any cycle in it is a core: the shortest one,
 * counted in threads, has no shortcut and so no smaller part that holds. If
 * some nodes need several dead inputs, threads are supposed live one after the
 * other: if something stays dead without it, that alone is looked at further.
 */
#include <string.h>

#include "core/knot_search.h"

#define NONE UINT32_MAX

/* The component under the knife. */
struct part {
	struct dlw_knot_search *search;
	const uint32_t *nodes;
	uint32_t count;
	uint32_t scope;
};

static bool is_inside(const struct part *part, uint32_t node)
{
	return part->search->scope[node] == part->scope;
}

static uint32_t inputs_inside(const struct part *part, uint32_t node)
{
	const struct dlw_graph *graph = part->search->graph;
	uint32_t i, inside = 0;

	for (i = graph->first_input[node]; i < graph->first_input[node + 1]; i++)
		inside += is_inside(part, graph->inputs[i]);
	return inside;
}

/* One dead input inside keeps every node dead: they lack all that they have inside. */
static bool is_all_and(const struct part *part, bool *single_cycle)
{
	uint64_t inputs = 0;
	uint32_t i;

	for (i = 0; i < part->count; i++) {
		uint32_t inside = inputs_inside(part, part->nodes[i]);

		if (part->search->graph->missing[part->nodes[i]] != inside)
			return false;
		inputs += inside;
	}
	*single_cycle = inputs == part->count;
	return true;
}

/* ---- the shortest cycle ---------------------------------------------------------- */

/*
 * A breadth-first search from one thread along the inputs. Gates belong to the
 * distance of the thread before them: only threads make a cycle longer.
 */
struct search_wave {
	struct part *part;
	uint32_t start;
	uint32_t seen;    /* number in .low of nodes that this wave has reached */
	uint32_t longest; /* give up when no cycle shorter than this is possible */
	uint32_t *now, now_count, *next, next_count;
};

static uint32_t *seen_of(const struct search_wave *wave)
{
	return wave->part->search->low;
}

static uint32_t *parent_of(const struct search_wave *wave)
{
	return wave->part->search->number;
}

/* Reach all inputs of @node; true: the start is one of them. */
static bool spread(struct search_wave *wave, uint32_t node)
{
	struct dlw_knot_search *search = wave->part->search;
	const struct dlw_graph *graph = search->graph;
	uint32_t i;

	for (i = graph->first_input[node]; i < graph->first_input[node + 1]; i++) {
		uint32_t input = graph->inputs[i];

		if (search->budget)
			search->budget--;
		if (input == wave->start)
			return true;
		if (!is_inside(wave->part, input) || seen_of(wave)[input] == wave->seen)
			continue;
		seen_of(wave)[input] = wave->seen;
		parent_of(wave)[input] = node;
		if (dlw_knot_is_thread(search, input))
			wave->next[wave->next_count++] = input;
		else
			wave->now[wave->now_count++] = input;
	}
	return false;
}

/* The last node of the shortest cycle through the start, or NONE. */
static uint32_t last_of_cycle(struct search_wave *wave)
{
	uint32_t distance, i, *swap;

	wave->now[0] = wave->start;
	wave->now_count = 1;
	seen_of(wave)[wave->start] = wave->seen;
	for (distance = 1; wave->now_count && distance < wave->longest; distance++) {
		wave->next_count = 0;
		for (i = 0; i < wave->now_count; i++)
			if (spread(wave, wave->now[i]))
				return wave->now[i];
		swap = wave->now;
		wave->now = wave->next;
		wave->next = swap;
		wave->now_count = wave->next_count;
	}
	return NONE;
}

/* Walk back from the last node to the start and keep the threads, in waiting order. */
static void note_cycle(const struct search_wave *wave, uint32_t last, struct dlw_knot *knot)
{
	uint32_t node, count = 0, i;

	for (node = last;; node = parent_of(wave)[node]) {
		if (dlw_knot_is_thread(wave->part->search, node))
			knot->members[count++] = node;
		if (node == wave->start)
			break;
	}
	for (i = 0; i < count / 2; i++) {
		uint32_t member = knot->members[i];

		knot->members[i] = knot->members[count - 1 - i];
		knot->members[count - 1 - i] = member;
	}
	knot->count = count;
}

static void shortest_cycle(struct part *part, bool single, struct dlw_knot *knot)
{
	struct dlw_knot_search *search = part->search;
	struct search_wave wave = { .part = part, .longest = NONE };
	uint32_t i, last;

	for (i = 0; i < part->count; i++)
		search->low[part->nodes[i]] = 0;
	for (i = 0; i < part->count; i++) {
		if (!dlw_knot_is_thread(search, part->nodes[i]))
			continue;
		wave.start = part->nodes[i];
		wave.seen++;
		wave.now = search->stack;
		wave.next = search->path;
		last = last_of_cycle(&wave);
		if (last != NONE) {
			note_cycle(&wave, last, knot);
			wave.longest = knot->count;
		}
		if (knot->count && (single || knot->count == 1 || !search->budget))
			break;
	}
	knot->cycle = true;
}

/* ---- leaving threads out ----------------------------------------------------------- */

/* Tell the dependents of everything in the queue; what then lacks nothing joins it. */
static uint32_t suppose_live(struct part *part, uint32_t node, uint32_t *lacking, uint32_t *queue)
{
	struct dlw_knot_search *search = part->search;
	const struct dlw_graph *graph = search->graph;
	uint32_t from = 0, until = 0, i;

	queue[until++] = node;
	search->place[node] = 1;
	while (from < until) {
		node = queue[from++];
		for (i = graph->first_dependent[node]; i < graph->first_dependent[node + 1]; i++) {
			uint32_t dependent = graph->dependents[i];

			if (search->budget)
				search->budget--;
			if (!is_inside(part, dependent))
				continue;
			if (--lacking[dependent] || search->place[dependent])
				continue;
			search->place[dependent] = 1;
			queue[until++] = dependent;
		}
	}
	return until;
}

/* Undo it: counters passed through zero once at most, so adding up again is exact. */
static void take_back(struct part *part, uint32_t *lacking, const uint32_t *queue, uint32_t count)
{
	const struct dlw_graph *graph = part->search->graph;
	uint32_t i, j;

	for (i = 0; i < count; i++) {
		part->search->place[queue[i]] = 0;
		for (j = graph->first_dependent[queue[i]]; j < graph->first_dependent[queue[i] + 1];
		     j++)
			if (is_inside(part, graph->dependents[j]))
				lacking[graph->dependents[j]]++;
	}
}

static void leave_out_threads(struct part *part)
{
	struct dlw_knot_search *search = part->search;
	uint32_t *lacking = search->low, *queue = search->stack, i, j, live, dead = part->count;

	for (i = 0; i < part->count; i++) {
		lacking[part->nodes[i]] = search->graph->missing[part->nodes[i]];
		search->place[part->nodes[i]] = 0;
	}
	for (i = part->count; i-- > 0 && search->budget;) {
		uint32_t node = part->nodes[i];

		if (!dlw_knot_is_thread(search, node) || !is_inside(part, node))
			continue;
		live = suppose_live(part, node, lacking, queue);
		if (live == dead) {
			take_back(part, lacking, queue, live);
			continue;
		}
		for (j = 0; j < live; j++)
			search->scope[queue[j]] = 0;
		dead -= live;
	}
}

/* The one thread of the part that @thread waits for, through gates; NONE: several. */
static uint32_t only_next(struct part *part, uint32_t thread, uint32_t seen)
{
	struct dlw_knot_search *search = part->search;
	const struct dlw_graph *graph = search->graph;
	uint32_t *queue = search->path, from = 0, until = 0, i, next = NONE;

	queue[until++] = thread;
	while (from < until) {
		uint32_t node = queue[from++];

		for (i = graph->first_input[node]; i < graph->first_input[node + 1]; i++) {
			uint32_t input = graph->inputs[i];

			if (!is_inside(part, input))
				continue;
			if (dlw_knot_is_thread(search, input)) {
				if (next != NONE && next != input)
					return NONE;
				next = input;
			} else if (search->number[input] != seen) {
				search->number[input] = seen;
				queue[until++] = input;
			}
		}
	}
	return next;
}

/* If each thread waits for one other and these links close one ring, put them in its order. */
static void order_if_cycle(struct part *part, struct dlw_knot *knot)
{
	struct dlw_knot_search *search = part->search;
	uint32_t *ring = search->stack, i, node = knot->members[0];

	for (i = 0; i < part->count; i++)
		search->number[part->nodes[i]] = 0;
	for (i = 0; i < knot->count; i++) {
		ring[i] = node;
		node = only_next(part, node, i + 1);
		if (node == NONE || (node == knot->members[0]) != (i + 1 == knot->count))
			return;
	}
	memcpy(knot->members, ring, sizeof(*ring) * knot->count);
	knot->cycle = true;
}

static void smallest_support(struct part *part, struct dlw_knot *knot)
{
	uint32_t i;

	leave_out_threads(part);
	for (i = 0; i < part->count; i++)
		if (is_inside(part, part->nodes[i]) &&
		    dlw_knot_is_thread(part->search, part->nodes[i]))
			knot->members[knot->count++] = part->nodes[i];
	if (knot->count)
		order_if_cycle(part, knot);
}

bool dlw_knot_extract(struct dlw_knot_search *search, const uint32_t *nodes, uint32_t count,
		      struct dlw_knot *knot)
{
	struct part part = { search, nodes, count, ++search->scopes };
	bool single = false;
	uint32_t i, *members;

	memset(knot, 0, sizeof(*knot));
	knot->members = search->found;
	for (i = 0; i < count; i++)
		search->scope[nodes[i]] = part.scope;
	if (is_all_and(&part, &single))
		shortest_cycle(&part, single, knot);
	else
		smallest_support(&part, knot);
	members = dlw_arena_array(search->arena, uint32_t, knot->count);
	if (!members)
		return false;
	memcpy(members, knot->members, sizeof(*members) * knot->count);
	knot->members = members;
	return true;
}
