/*
 * core/graph.h - who can still run: AND, OR and threshold conditions
 *
 * Every node needs a number of its inputs to be live before it is live itself:
 * all of them (AND), one of them (OR), or k of n. A node that needs none is
 * live from the start; one that needs more than it has never will be. Nodes
 * stand for threads and for the gates that their release conditions are made
 * of; the graph does not care which.
 *
 * A thread A that waits for B, and B for either A or C, where C runs:
 *
 *	struct dlw_graph graph;
 *	uint32_t a, b, c;
 *
 *	dlw_graph_start(&graph, arena);
 *	a = dlw_graph_add_node(&graph, 1);
 *	b = dlw_graph_add_node(&graph, 1);
 *	c = dlw_graph_add_node(&graph, 0);
 *	dlw_graph_add_input(&graph, a, b, 0);
 *	dlw_graph_add_input(&graph, b, a, 0);
 *	dlw_graph_add_input(&graph, b, c, 0);
 *	if (!dlw_graph_close(&graph))
 *		return -1;			// out of memory
 *	dlw_graph_reduce(&graph);
 *	deadlocked = !graph.live[a];		// false: C can release B, B then A
 *
 * The inputs of a node are meant to be distinct. Reduction is linear in nodes
 * and inputs. Pure: no I/O, memory only from the arena; one thread at a time.
 */
#ifndef DLW_CORE_GRAPH_H
#define DLW_CORE_GRAPH_H

#include <stdbool.h>
#include <stdint.h>

#include "core/arena.h"

struct dlw_graph_input {
	uint32_t node;  /* who needs it */
	uint32_t input; /* what it needs */
	uint32_t label; /* of the caller: why */
};

struct dlw_graph {
	struct dlw_arena *arena;
	bool failed; /* out of memory, or a node that is not there */
	uint32_t node_count, node_room;
	uint32_t input_count, input_room;
	uint32_t *need;                /* per node: inputs that have to be live */
	struct dlw_graph_input *added; /* in the order they came */
	/* from here on filled by dlw_graph_close() */
	uint32_t *first_input; /* node's inputs: inputs[first_input[n]] up to first_input[n + 1] */
	uint32_t *inputs, *labels;
	uint32_t *first_dependent;
	uint32_t *dependents; /* who has this node as an input */
	uint32_t *missing;    /* live inputs that the node still lacks */
	uint8_t *live;
	uint32_t *queue;
};

void dlw_graph_start(struct dlw_graph *graph, struct dlw_arena *arena);

/** dlw_graph_add_node() - a node that needs @need live inputs; Return: its number, from 0 */
uint32_t dlw_graph_add_node(struct dlw_graph *graph, uint32_t need);

/** dlw_graph_add_input() - let @node have @input, for the reason @label */
void dlw_graph_add_input(struct dlw_graph *graph, uint32_t node, uint32_t input, uint32_t label);

/** dlw_graph_close() - no more nodes or inputs; false: memory ran out on the way */
bool dlw_graph_close(struct dlw_graph *graph);

/** dlw_graph_reduce() - make everything live that can be; call once, after closing */
void dlw_graph_reduce(struct dlw_graph *graph);

/** dlw_graph_make_live() - suppose @node were live, and make live what follows from it */
void dlw_graph_make_live(struct dlw_graph *graph, uint32_t node);

/** dlw_graph_inputs_of() - number of inputs of @node */
static inline uint32_t dlw_graph_inputs_of(const struct dlw_graph *graph, uint32_t node)
{
	return graph->first_input[node + 1] - graph->first_input[node];
}

#endif
