/*
 * core/knot.c - the smallest sets that keep themselves from running
 *
 * First those threads that nothing can help: what they need is dead though all
 * threads ran. They are supposed live from then on. Every dead node that is
 * left depends on dead nodes in a cycle somewhere below it, so the strongly
 * connected components are taken one after the other, those first that depend
 * on no other. Out of each a core is taken and supposed live; what then is
 * still dead in the component is split up again. A component is looked at only
 * when everything below it is live: it is dead because of itself alone.
 *
 * Nodes of the component being worked on are those of one number in scope[].
 */
#include <string.h>

#include "core/knot_search.h"

#define NONE UINT32_MAX

/* Steps of refinement for one search: a fraction of a second. */
#define BUDGET (30ull * 1000 * 1000)

/* A piece of the array of dead nodes. */
struct piece {
	uint32_t begin, end;
	bool connected; /* a strongly connected component when it was cut */
};

struct pieces {
	struct piece *all;
	uint32_t count;
	uint32_t *nodes;
};

static bool start(struct dlw_knot_search *search)
{
	uint32_t nodes = search->graph->node_count;
	struct dlw_arena *arena = search->arena;

	search->never = dlw_arena_array(arena, uint8_t, nodes);
	search->scope = dlw_arena_array(arena, uint32_t, nodes);
	search->number = dlw_arena_array(arena, uint32_t, nodes);
	search->low = dlw_arena_array(arena, uint32_t, nodes);
	search->stack = dlw_arena_array(arena, uint32_t, nodes);
	search->path = dlw_arena_array(arena, uint32_t, nodes);
	search->place = dlw_arena_array(arena, uint32_t, nodes);
	search->found = dlw_arena_array(arena, uint32_t, nodes);
	search->budget = BUDGET;
	return search->never && search->scope && search->number && search->low && search->stack &&
	       search->path && search->place && search->found;
}

/* ---- threads that nothing can help ------------------------------------------- */

/* Let all threads run and see which gates open: the others never do. */
static void find_never(struct dlw_knot_search *search)
{
	const struct dlw_graph *graph = search->graph;
	uint32_t *lacking = search->number, *queue = search->stack, node, i, from = 0, until = 0;

	for (node = 0; node < graph->node_count; node++) {
		lacking[node] = graph->need[node];
		search->never[node] = 1;
		if (dlw_knot_is_thread(search, node) || !lacking[node]) {
			search->never[node] = 0;
			queue[until++] = node;
		}
	}
	while (from < until) {
		node = queue[from++];
		for (i = graph->first_dependent[node]; i < graph->first_dependent[node + 1]; i++) {
			uint32_t dependent = graph->dependents[i];

			if (!search->never[dependent] || --lacking[dependent])
				continue;
			search->never[dependent] = 0;
			queue[until++] = dependent;
		}
	}
}

/* The label of the input that cannot come true; NONE: enough of them can. */
static bool is_helpless(const struct dlw_knot_search *search, uint32_t thread, uint32_t *label)
{
	const struct dlw_graph *graph = search->graph;
	uint32_t i, able = 0;

	*label = NONE;
	for (i = graph->first_input[thread]; i < graph->first_input[thread + 1]; i++) {
		if (!search->never[graph->inputs[i]])
			able++;
		else if (*label == NONE)
			*label = graph->labels[i];
	}
	return able < graph->need[thread];
}

static bool take_helpless(struct dlw_knot_search *search, struct dlw_knots *knots)
{
	struct dlw_graph *graph = search->graph;
	uint32_t thread, i, label;

	find_never(search);
	for (thread = 0; thread < search->thread_count; thread++) {
		struct dlw_knot *knot = &knots->all[knots->count];

		if (graph->live[thread] || !is_helpless(search, thread, &label))
			continue;
		knot->members = dlw_arena_array(search->arena, uint32_t, 1);
		if (!knot->members)
			return false;
		knot->members[0] = thread;
		knot->count = 1;
		knot->helpless = true;
		knot->label = label;
		knots->count++;
	}
	for (i = 0; i < knots->count; i++)
		dlw_graph_make_live(graph, knots->all[i].members[0]);
	return true;
}

/* ---- strongly connected components ------------------------------------------- */

/* One depth-first walk of Tarjan's algorithm, its recursion in arrays. */
struct walk {
	struct dlw_knot_search *search;
	uint32_t scope;
	uint32_t numbers; /* given out so far */
	uint32_t on_stack, depth;
	uint32_t *out; /* components, one after the other */
	uint32_t out_count;
};

static void enter(struct walk *walk, uint32_t node)
{
	struct dlw_knot_search *search = walk->search;

	search->number[node] = search->low[node] = ++walk->numbers;
	search->place[node] = search->graph->first_input[node];
	search->stack[walk->on_stack++] = node;
	search->path[walk->depth++] = node;
}

/* The next input of @node to descend into, or NONE when all have been seen. */
static uint32_t next_below(struct walk *walk, uint32_t node)
{
	struct dlw_knot_search *search = walk->search;
	const struct dlw_graph *graph = search->graph;

	while (search->place[node] < graph->first_input[node + 1]) {
		uint32_t input = graph->inputs[search->place[node]++];

		if (search->scope[input] != walk->scope)
			continue;
		if (!search->number[input])
			return input;
		if (search->number[input] < search->low[node])
			search->low[node] = search->number[input];
	}
	return NONE;
}

/* Everything above @node on the stack is its component; it leaves the scope. */
static void cut(struct walk *walk, struct pieces *pieces, uint32_t base, uint32_t node)
{
	struct dlw_knot_search *search = walk->search;
	struct piece *piece = &pieces->all[pieces->count++];
	uint32_t member;

	piece->begin = base + walk->out_count;
	do {
		member = search->stack[--walk->on_stack];
		search->scope[member] = 0;
		walk->out[walk->out_count++] = member;
	} while (member != node);
	piece->end = base + walk->out_count;
	piece->connected = true;
}

static void leave(struct walk *walk, struct pieces *pieces, uint32_t base, uint32_t node)
{
	uint32_t *low = walk->search->low, parent;

	walk->depth--;
	if (walk->depth) {
		parent = walk->search->path[walk->depth - 1];
		if (low[node] < low[parent])
			low[parent] = low[node];
	}
	if (low[node] == walk->search->number[node])
		cut(walk, pieces, base, node);
}

static void reverse_pieces(struct piece *pieces, uint32_t count)
{
	uint32_t i;

	for (i = 0; i < count / 2; i++) {
		struct piece piece = pieces[i];

		pieces[i] = pieces[count - 1 - i];
		pieces[count - 1 - i] = piece;
	}
}

/* Cut the dead nodes of a piece into components; the lowest ends up on top. */
static void split(struct dlw_knot_search *search, struct pieces *pieces, struct piece piece)
{
	struct walk walk = { .search = search, .scope = ++search->scopes, .out = search->found };
	uint32_t *nodes = pieces->nodes + piece.begin, before = pieces->count, i, node, below;

	for (i = 0; i < piece.end - piece.begin; i++) {
		search->scope[nodes[i]] = walk.scope;
		search->number[nodes[i]] = 0;
	}
	for (i = 0; i < piece.end - piece.begin; i++) {
		if (search->number[nodes[i]])
			continue;
		enter(&walk, nodes[i]);
		while (walk.depth) {
			node = search->path[walk.depth - 1];
			below = next_below(&walk, node);
			if (below == NONE)
				leave(&walk, pieces, piece.begin, node);
			else
				enter(&walk, below);
		}
	}
	memcpy(nodes, walk.out, sizeof(*nodes) * walk.out_count);
	reverse_pieces(pieces->all + before, pieces->count - before);
}

/* ---- one component after the other --------------------------------------------- */

/* Drop what has become live; whatever is left may no longer be connected. */
static void drop_live(struct dlw_knot_search *search, struct pieces *pieces, struct piece *piece)
{
	uint32_t i, kept = piece->begin;

	for (i = piece->begin; i < piece->end; i++)
		if (!search->graph->live[pieces->nodes[i]])
			pieces->nodes[kept++] = pieces->nodes[i];
	if (kept != piece->end)
		piece->connected = false;
	piece->end = kept;
}

/* A single node keeps itself dead only if it is among its own inputs. */
static bool has_cycle(const struct dlw_knot_search *search, const uint32_t *nodes, uint32_t count)
{
	const struct dlw_graph *graph = search->graph;
	uint32_t i;

	for (i = graph->first_input[nodes[0]]; i < graph->first_input[nodes[0] + 1]; i++)
		if (count > 1 || graph->inputs[i] == nodes[0])
			return true;
	return false;
}

static bool take_core(struct dlw_knot_search *search, struct pieces *pieces, struct piece piece,
		      struct dlw_knots *knots)
{
	const uint32_t *nodes = pieces->nodes + piece.begin;
	struct dlw_knot *knot = &knots->all[knots->count];
	uint32_t i;

	if (!has_cycle(search, nodes, piece.end - piece.begin))
		return true;
	if (!dlw_knot_extract(search, nodes, piece.end - piece.begin, knot))
		return false;
	if (!knot->count)
		return true;
	for (i = 0; i < knot->count; i++)
		dlw_graph_make_live(search->graph, knot->members[i]);
	knots->count++;
	piece.connected = false;
	pieces->all[pieces->count++] = piece;
	return true;
}

static bool take_cores(struct dlw_knot_search *search, struct dlw_knots *knots)
{
	struct dlw_graph *graph = search->graph;
	struct pieces pieces = { 0 };
	uint32_t node, count = 0;

	pieces.all = dlw_arena_array(search->arena, struct piece, (size_t)graph->node_count + 1);
	pieces.nodes = dlw_arena_array(search->arena, uint32_t, graph->node_count);
	if (!pieces.all || !pieces.nodes)
		return false;
	for (node = 0; node < graph->node_count; node++)
		if (!graph->live[node] && !search->never[node])
			pieces.nodes[count++] = node;
	pieces.all[pieces.count++] = (struct piece){ 0, count, false };
	while (pieces.count) {
		struct piece piece = pieces.all[--pieces.count];

		drop_live(search, &pieces, &piece);
		if (piece.begin == piece.end)
			continue;
		if (!piece.connected)
			split(search, &pieces, piece);
		else if (!take_core(search, &pieces, piece, knots))
			return false;
	}
	return true;
}

bool dlw_knots_find(struct dlw_graph *graph, uint32_t thread_count, struct dlw_arena *arena,
		    struct dlw_knots *knots)
{
	struct dlw_knot_search search = { .graph = graph,
					  .thread_count = thread_count,
					  .arena = arena };

	knots->count = 0;
	knots->all = dlw_arena_array(arena, struct dlw_knot, (size_t)thread_count + 1);
	return knots->all && start(&search) && take_helpless(&search, knots) &&
	       take_cores(&search, knots);
}
