/*
 * core/finding.c - what there is to show of a core
 *
 * Its wait-for steps, its resources with their short names, and the phrases in
 * which evidence and advice speak of threads, resources and places.
 */
#include <string.h>

#include "core/finding.h"
#include "core/search.h"
#include "core/site.h"
#include "core/sort.h"

/* More steps than this from one thread over one resource are shown as one. */
#define MANY 16

struct assembly {
	struct dlw_finding *finding;
	const struct dlw_case *found;
	const struct dlw_index *index;
	const struct dlw_state *state;
	const struct dlw_graph *graph;
	struct dlw_arena *arena;
	struct dlw_finding_room *room;
	struct dlw_core_edge *edges;
	uint32_t edge_count, edge_room;
	uint32_t *resources;
	uint32_t resource_count;
};

/* ---- steps ------------------------------------------------------------------------- */

static bool add_edge(struct assembly *a, uint32_t thread, uint32_t resource, uint32_t next)
{
	struct dlw_core_edge *grown;

	if (a->edge_count == a->edge_room) {
		a->edge_room = a->edge_room ? 2 * a->edge_room : 8;
		grown = dlw_arena_array(a->arena, struct dlw_core_edge, a->edge_room);
		if (!grown)
			return false;
		if (a->edge_count)
			memcpy(grown, a->edges, sizeof(*grown) * a->edge_count);
		a->edges = grown;
	}
	a->edges[a->edge_count++] = (struct dlw_core_edge){ thread, resource, next };
	return true;
}

/*
 * Threads of the core behind @input, itself or through gates, left in the front
 * of the queue; Return: how many.
 */
static uint32_t reach(struct assembly *a, uint32_t input)
{
	const struct dlw_graph *graph = a->graph;
	uint32_t *queue = a->room->queue, from = 0, until = 0, threads = 0, i;
	uint8_t *seen = a->room->seen;

	queue[until++] = input;
	seen[input] = 1;
	for (; from < until; from++) {
		uint32_t node = queue[from];

		if (node < a->state->thread_count)
			continue;
		for (i = graph->first_input[node]; i < graph->first_input[node + 1]; i++) {
			if (seen[graph->inputs[i]])
				continue;
			seen[graph->inputs[i]] = 1;
			queue[until++] = graph->inputs[i];
		}
	}
	for (from = 0; from < until; from++)
		seen[queue[from]] = 0;
	for (from = 0; from < until; from++)
		if (queue[from] < a->state->thread_count && a->room->in_core[queue[from]])
			queue[threads++] = queue[from];
	return threads;
}

/* The steps of @thread that lead through one of its inputs. */
static bool add_steps(struct assembly *a, uint32_t thread, uint32_t place)
{
	uint32_t resource = a->graph->labels[place], rank = a->index->thread_rank[thread];
	uint32_t i, count;

	if (a->found->release->world[rank] && resource == a->state->threads[thread].want.resource)
		return add_edge(a, thread, resource, DLW_NONE);
	count = reach(a, a->graph->inputs[place]);
	if (count > MANY)
		return add_edge(a, thread, resource, DLW_NONE);
	for (i = 0; i < count; i++)
		if ((a->room->queue[i] != rank || count == 1) &&
		    !add_edge(a, thread, resource, a->index->thread_at[a->room->queue[i]]))
			return false;
	return true;
}

/* On a cycle every thread takes one step: the first of its inputs that leads to the next one. */
static bool add_cycle_step(struct assembly *a, uint32_t thread, uint32_t next)
{
	uint32_t rank = a->index->thread_rank[thread], wanted = a->index->thread_rank[next];
	uint32_t place, i, count;

	for (place = a->graph->first_input[rank]; place < a->graph->first_input[rank + 1];
	     place++) {
		count = reach(a, a->graph->inputs[place]);
		for (i = 0; i < count; i++)
			if (a->room->queue[i] == wanted)
				return add_edge(a, thread, a->graph->labels[place], next);
	}
	return true;
}

static bool list_edges(struct assembly *a)
{
	const struct dlw_case *found = a->found;
	uint32_t i, place, rank;

	for (i = 0; i < found->count; i++) {
		uint32_t thread = found->members[i];

		rank = a->index->thread_rank[thread];
		if (found->orphan) {
			if (!add_edge(a, thread, found->label, DLW_NONE))
				return false;
		} else if (found->cycle) {
			if (!add_cycle_step(a, thread, found->members[(i + 1) % found->count]))
				return false;
		} else {
			for (place = a->graph->first_input[rank];
			     place < a->graph->first_input[rank + 1]; place++)
				if (!add_steps(a, thread, place))
					return false;
		}
	}
	a->finding->edges = a->edges;
	a->finding->edge_count = a->edge_count;
	return true;
}

/* ---- resources ----------------------------------------------------------------------- */

static void list_resource(struct assembly *a, uint32_t resource)
{
	if (resource == DLW_NONE || a->room->listed[resource])
		return;
	a->room->listed[resource] = 1;
	a->resources[a->resource_count++] = resource;
}

static void list_threads_resources(struct assembly *a, const uint32_t *threads, uint32_t count)
{
	const struct dlw_lists *holds = &a->index->holds_of_thread;
	uint32_t i, j;

	for (i = 0; i < count; i++) {
		const struct dlw_want *want = &a->state->threads[threads[i]].want;

		list_resource(a, want->resource);
		if (a->state->resources[want->resource].kind == DLW_CONDITION)
			list_resource(a, want->mutex);
		for (j = holds->first[threads[i]]; j < holds->first[threads[i] + 1]; j++)
			list_resource(a, a->state->holds[holds->elements[j]].resource);
	}
}

/* An upper bound of what is listed, so that the list need not grow. */
static size_t most_resources(const struct assembly *a)
{
	const struct dlw_lists *holds = &a->index->holds_of_thread;
	size_t most = a->edge_count;
	uint32_t i, thread;

	for (i = 0; i < a->found->count + a->found->stuck_count; i++) {
		thread = i < a->found->count ? a->found->members[i]
					     : a->found->stuck[i - a->found->count];
		most += 2 + holds->first[thread + 1] - holds->first[thread];
	}
	return most;
}

static bool list_resources(struct assembly *a)
{
	uint32_t i;

	a->resources = dlw_arena_array(a->arena, uint32_t, most_resources(a));
	if (!a->resources)
		return false;
	for (i = 0; i < a->found->count; i++) {
		uint32_t thread = a->found->members[i];

		list_resource(a, a->state->threads[thread].want.resource);
	}
	for (i = 0; i < a->edge_count; i++)
		list_resource(a, a->edges[i].resource);
	a->finding->core_resource_count = a->resource_count;
	list_threads_resources(a, a->found->members, a->found->count);
	list_threads_resources(a, a->found->stuck, a->found->stuck_count);
	a->finding->resources = a->resources;
	a->finding->resource_count = a->resource_count;
	return dlw_finding_sort_resources(a->finding, a->arena);
}

/* ---- the whole ------------------------------------------------------------------------- */

bool dlw_finding_room_make(struct dlw_finding_room *room, const struct dlw_release *release,
			   const struct dlw_state *state, struct dlw_arena *arena)
{
	uint32_t nodes = release->graph.node_count;

	room->in_core = dlw_arena_array(arena, uint8_t, nodes);
	room->seen = dlw_arena_array(arena, uint8_t, nodes);
	room->queue = dlw_arena_array(arena, uint32_t, nodes);
	room->listed = dlw_arena_array(arena, uint8_t, state->resource_count);
	return room->in_core && room->seen && room->queue && room->listed;
}

static bool assemble(struct assembly *a)
{
	const struct dlw_case *found = a->found;
	uint32_t i;
	bool made;

	for (i = 0; i < found->count; i++)
		a->room->in_core[a->index->thread_rank[found->members[i]]] = 1;
	made = list_edges(a) && list_resources(a);
	for (i = 0; i < found->count; i++)
		a->room->in_core[a->index->thread_rank[found->members[i]]] = 0;
	for (i = 0; i < a->resource_count; i++)
		a->room->listed[a->resources[i]] = 0;
	return made;
}

bool dlw_finding_build(struct dlw_finding *finding, const struct dlw_case *found,
		       const struct dlw_index *index, struct dlw_finding_room *room,
		       struct dlw_arena *arena)
{
	struct assembly a = { .finding = finding,
			      .found = found,
			      .index = index,
			      .state = index->state,
			      .graph = &found->release->graph,
			      .arena = arena,
			      .room = room };

	finding->kind = found->orphan ? DLW_ORPHAN : DLW_DEADLOCK;
	finding->core = found->members;
	finding->core_count = found->count;
	finding->stuck = found->stuck;
	finding->stuck_count = found->stuck_count;
	finding->cycle = found->cycle;
	if (!assemble(&a))
		return false;
	return dlw_finding_sort_holds(finding, index, arena) &&
	       dlw_fingerprint(index->state, finding, arena) &&
	       dlw_finding_explain(finding, index, arena) &&
	       dlw_finding_advise(finding, index, arena);
}

static int compare_positions(const void *context, uint32_t left, uint32_t right)
{
	const uint32_t *resources = context;

	return dlw_order(resources[left], resources[right]);
}

bool dlw_finding_sort_resources(struct dlw_finding *finding, struct dlw_arena *arena)
{
	uint32_t *positions = dlw_arena_array(arena, uint32_t, finding->resource_count), i;

	if (!positions)
		return false;
	for (i = 0; i < finding->resource_count; i++)
		positions[i] = i;
	dlw_sort(positions, finding->resource_count, compare_positions, finding->resources);
	finding->by_resource = positions;
	return true;
}

uint32_t dlw_resource_position(const struct dlw_finding *finding, uint32_t resource)
{
	const uint32_t *sorted = finding->by_resource;
	uint32_t at;

	if (!sorted) {
		for (at = 0; at < finding->resource_count; at++)
			if (finding->resources[at] == resource)
				return at;
		return DLW_NONE;
	}
	at = dlw_first(i, 0, finding->resource_count, finding->resources[sorted[i]] >= resource);
	if (at == finding->resource_count || finding->resources[sorted[at]] != resource)
		return DLW_NONE;
	return sorted[at];
}

void dlw_resource_id(const struct dlw_state *state, const struct dlw_finding *finding,
		     uint32_t position, char id[16])
{
	static const char letters[DLW_KIND_COUNT] = "UMRPSCBOTXFIU";
	enum dlw_kind kind = state->resources[finding->resources[position]].kind;
	char digits[12];
	uint32_t number = position + 1, length = 0, at = 0;

	do
		digits[length++] = (char)('0' + number % 10);
	while (number /= 10);
	id[at++] = letters[kind];
	while (length)
		id[at++] = digits[--length];
	id[at] = '\0';
}

const struct dlw_stack *dlw_finding_site(const struct dlw_state *state,
					 const struct dlw_finding *finding, uint32_t position)
{
	const struct dlw_stack *stack = &state->threads[finding->core[position]].want.stack;

	if (finding->kind == DLW_MISUSE) {
		if (position > 0)
			return NULL;
		if (!stack->depth && state->hold_count)
			stack = &state->holds[0].stack;
	}
	return stack->depth ? stack : NULL;
}

/* ---- phrases ---------------------------------------------------------------------------- */

void dlw_say_thread(struct dlw_text *text, const struct dlw_state *state, uint32_t thread)
{
	const struct dlw_thread_state *who = &state->threads[thread];

	if (!state->processes[who->process].pid)
		dlw_text_add(text, "thread %d of %s", who->tid, who->name); /* of a summary */
	else if (who->name && *who->name)
		dlw_text_add(text, "'%s' (tid %d)", who->name, who->tid);
	else
		dlw_text_add(text, "thread %d", who->tid);
}

void dlw_say_resource(struct dlw_text *text, const struct dlw_state *state,
		      const struct dlw_finding *finding, uint32_t resource)
{
	uint32_t position = dlw_resource_position(finding, resource);
	char id[16];

	if (position == DLW_NONE) {
		dlw_text_add(text, "a %s", dlw_kind_word(state->resources[resource].kind));
		return;
	}
	dlw_resource_id(state, finding, position, id);
	dlw_text_add(text, "%s", id);
}

void dlw_say_site(struct dlw_text *text, const struct dlw_process_state *process,
		  const struct dlw_stack *stack)
{
	struct dlw_place place;

	if (!stack->depth) {
		dlw_text_add(text, "an unknown place");
		return;
	}
	place = dlw_place_of(process, stack->frames[0]);
	if (*place.module)
		dlw_text_add(text, "%s+0x%llx", dlw_base_name(place.module),
			     (unsigned long long)place.offset);
	else
		dlw_text_add(text, "0x%llx", (unsigned long long)place.offset);
}

void dlw_say_separator(struct dlw_text *text, uint32_t position, uint32_t count)
{
	if (position)
		dlw_text_add(text, position + 1 == count ? " and " : ", ");
}

static bool any_of(const struct dlw_state *state, const uint32_t *threads, uint32_t count,
		   uint32_t process)
{
	uint32_t i;

	for (i = 0; i < count; i++)
		if (state->threads[threads[i]].process == process)
			return true;
	return false;
}

bool dlw_finding_is_of_kernel(const struct dlw_state *state, const struct dlw_finding *finding)
{
	uint32_t i;

	for (i = 0; i < finding->core_resource_count; i++) {
		enum dlw_kind kind = state->resources[finding->resources[i]].kind;

		if (kind == DLW_PROCESS || kind == DLW_PIPE || kind == DLW_FILE_LOCK)
			return true;
	}
	return false;
}

bool dlw_finding_concerns(const struct dlw_state *state, const struct dlw_finding *finding,
			  uint32_t process)
{
	return any_of(state, finding->core, finding->core_count, process) ||
	       any_of(state, finding->stuck, finding->stuck_count, process);
}
