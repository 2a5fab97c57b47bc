/*
 * core/graph.c - reduction of AND/OR/threshold graphs with counters
 *
 * Each node counts the live inputs it still lacks. A node that becomes live
 * lowers the counters of its dependents once, so every input is looked at once
 * however often parts of the graph are supposed live afterwards.
 */
#include <string.h>

#include "core/graph.h"

#define NONE UINT32_MAX

void dlw_graph_start(struct dlw_graph *graph, struct dlw_arena *arena)
{
	memset(graph, 0, sizeof(*graph));
	graph->arena = arena;
}

/* Twice the room, the old contents copied; NULL: failed. */
static void *grown(struct dlw_graph *graph, void *old, uint32_t count, uint32_t *room,
		   size_t size)
{
	void *memory = dlw_arena_room(graph->arena, old, size, count, room, 64);

	graph->failed |= !memory;
	return memory;
}

uint32_t dlw_graph_add_node(struct dlw_graph *graph, uint32_t need)
{
	if (graph->failed)
		return NONE;
	if (graph->node_count == graph->node_room) {
		uint32_t *memory = grown(graph, graph->need, graph->node_count, &graph->node_room,
					 sizeof(*memory));

		if (!memory)
			return NONE;
		graph->need = memory;
	}
	graph->need[graph->node_count] = need;
	return graph->node_count++;
}

void dlw_graph_add_input(struct dlw_graph *graph, uint32_t node, uint32_t input, uint32_t label)
{
	if (node >= graph->node_count || input >= graph->node_count)
		graph->failed = true;
	if (graph->failed)
		return;
	if (graph->input_count == graph->input_room) {
		struct dlw_graph_input *memory = grown(graph, graph->added, graph->input_count,
						       &graph->input_room, sizeof(*memory));

		if (!memory)
			return;
		graph->added = memory;
	}
	graph->added[graph->input_count++] = (struct dlw_graph_input){ node, input, label };
}

static bool take_arrays(struct dlw_graph *graph)
{
	size_t nodes = graph->node_count, inputs = graph->input_count;

	graph->first_input = dlw_arena_array(graph->arena, uint32_t, nodes + 1);
	graph->first_dependent = dlw_arena_array(graph->arena, uint32_t, nodes + 1);
	graph->missing = dlw_arena_array(graph->arena, uint32_t, nodes);
	graph->queue = dlw_arena_array(graph->arena, uint32_t, nodes);
	graph->live = dlw_arena_array(graph->arena, uint8_t, nodes);
	graph->inputs = dlw_arena_array(graph->arena, uint32_t, inputs);
	graph->labels = dlw_arena_array(graph->arena, uint32_t, inputs);
	graph->dependents = dlw_arena_array(graph->arena, uint32_t, inputs);
	return graph->first_input && graph->first_dependent && graph->missing && graph->queue &&
	       graph->live && graph->inputs && graph->labels && graph->dependents;
}

/* Turn counts into the place behind each one's last element. */
static void add_up(uint32_t *counts, uint32_t nodes)
{
	uint32_t i, sum = 0;

	for (i = 0; i < nodes; i++) {
		sum += counts[i];
		counts[i] = sum;
	}
	counts[nodes] = sum;
}

bool dlw_graph_close(struct dlw_graph *graph)
{
	uint32_t i;

	if (graph->failed || !take_arrays(graph)) {
		graph->failed = true;
		return false;
	}
	for (i = 0; i < graph->input_count; i++) {
		graph->first_input[graph->added[i].node]++;
		graph->first_dependent[graph->added[i].input]++;
	}
	add_up(graph->first_input, graph->node_count);
	add_up(graph->first_dependent, graph->node_count);
	/* Filled from the back, so inputs keep the order in which they were added. */
	for (i = graph->input_count; i-- > 0;) {
		const struct dlw_graph_input *added = &graph->added[i];
		uint32_t place = --graph->first_input[added->node];

		graph->inputs[place] = added->input;
		graph->labels[place] = added->label;
		graph->dependents[--graph->first_dependent[added->input]] = added->node;
	}
	if (graph->node_count)
		memcpy(graph->missing, graph->need, sizeof(*graph->need) * graph->node_count);
	return true;
}

/* Everything from queue[@from] on has just become live; tell who depends on it. */
static void propagate(struct dlw_graph *graph, uint32_t from, uint32_t until)
{
	while (from < until) {
		uint32_t node = graph->queue[from++], i;

		for (i = graph->first_dependent[node]; i < graph->first_dependent[node + 1]; i++) {
			uint32_t dependent = graph->dependents[i];

			if (graph->live[dependent] || --graph->missing[dependent])
				continue;
			graph->live[dependent] = 1;
			graph->queue[until++] = dependent;
		}
	}
}

void dlw_graph_reduce(struct dlw_graph *graph)
{
	uint32_t node, count = 0;

	for (node = 0; node < graph->node_count; node++) {
		if (graph->need[node] || graph->live[node])
			continue;
		graph->live[node] = 1;
		graph->queue[count++] = node;
	}
	propagate(graph, 0, count);
}

void dlw_graph_make_live(struct dlw_graph *graph, uint32_t node)
{
	if (graph->live[node])
		return;
	graph->live[node] = 1;
	graph->queue[0] = node;
	propagate(graph, 0, 1);
}
