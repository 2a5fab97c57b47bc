/*
 * core/predict/lock_graph.c - stage B: strongly connected components first
 *
 * Nodes are objects, threads and sets of holds. From a wanted object it goes to
 * every set that somebody held who wanted it, and to that somebody, for what he
 * holds implicitly; from a thread to what it holds implicitly; from a set to its
 * newest hold, and to the rest. A dependency can lie on a cycle only if what it
 * wants and its set, or its thread, are in one component (Tarjan's, with a stack
 * of its own). Of a million events that leaves hundreds.
 */
#include "core/predict/lock_graph.h"

/* Who holds what is written down for so many holds: a quarter of a gigabyte. */
#define HOLDS_MAX (1u << 26)

struct components {
	const struct dlw_trace *trace;
	uint32_t objects, threads, nodes;
	uint32_t *first, *wanting; /* dependencies by what they want */
	uint32_t *index, *low;     /* 0: not visited */
	uint32_t *component;       /* DLW_NONE: on the stack or not visited */
	uint32_t *stack, stack_count;
	uint32_t next_index, next_component;
};

/** How far a node's successors have been walked. */
struct walk {
	uint32_t node;
	uint32_t at; /* dependency of the list, implicit hold, or which end of a set */
	bool set_next; /* the dependency's thread has been gone to, its set comes next */
};

/* A try wants nothing; one that failed and one that never came to an end are wishes all the same. */
static bool wants(const struct dlw_dependency *dependency)
{
	return dependency->form != DLW_FORM_TRY;
}

static bool list_wanting(struct components *c, struct dlw_arena *arena)
{
	const struct dlw_trace *trace = c->trace;
	uint32_t i, object, count = trace->dependencies.count;

	c->first = dlw_arena_array(arena, uint32_t, c->objects + 2);
	c->wanting = dlw_arena_array(arena, uint32_t, count);
	if (!c->first || !c->wanting)
		return false;
	for (i = 1; i < count; i++)
		if (wants(dlw_dependency_at(trace, i)))
			c->first[dlw_dependency_at(trace, i)->object + 2]++;
	for (object = 2; object < c->objects + 2; object++)
		c->first[object] += c->first[object - 1];
	for (i = 1; i < count; i++)
		if (wants(dlw_dependency_at(trace, i)))
			c->wanting[c->first[dlw_dependency_at(trace, i)->object + 1]++] = i;
	return true;
}

static void enter(struct components *c, struct walk *walk, uint32_t node)
{
	c->index[node] = c->low[node] = ++c->next_index;
	c->stack[c->stack_count++] = node;
	*walk = (struct walk){ .node = node };
	if (node < c->objects)
		walk->at = c->first[node];
}

static uint32_t node_of_thread(const struct components *c, uint32_t thread)
{
	return c->objects + thread;
}

static uint32_t node_of_set(const struct components *c, uint32_t set)
{
	return c->objects + c->threads + set;
}

static uint32_t next_of_object(const struct components *c, struct walk *walk)
{
	while (walk->at < c->first[walk->node + 1]) {
		const struct dlw_dependency *dependency =
			dlw_dependency_at(c->trace, c->wanting[walk->at]);

		walk->set_next = !walk->set_next;
		if (walk->set_next)
			return node_of_thread(c, dependency->thread);
		walk->at++;
		if (dependency->held)
			return node_of_set(c, dependency->held);
	}
	return DLW_NONE;
}

static uint32_t next_of_thread(const struct components *c, struct walk *walk)
{
	const struct dlw_thread *thread = dlw_thread_at(c->trace, walk->node - c->objects);
	const struct dlw_implicit *implicit;

	if (walk->at == thread->implicits.count)
		return DLW_NONE;
	implicit = dlw_column_at(&thread->implicits, walk->at++);
	return implicit->object;
}

static uint32_t next_of_set(const struct components *c, struct walk *walk)
{
	const struct dlw_held held = dlw_held_at(c->trace, walk->node - node_of_set(c, 0));

	switch (walk->at++) {
	case 0:
		return held.object;
	case 1:
		return held.below ? node_of_set(c, held.below) : DLW_NONE;
	default:
		return DLW_NONE;
	}
}

/** next_successor() - DLW_NONE: there are no more */
static uint32_t next_successor(const struct components *c, struct walk *walk)
{
	return walk->node < c->objects	      ? next_of_object(c, walk) :
	       walk->node < node_of_set(c, 0) ? next_of_thread(c, walk) :
						next_of_set(c, walk);
}

static void leave(struct components *c, uint32_t node)
{
	uint32_t member;

	if (c->low[node] != c->index[node])
		return;
	do {
		member = c->stack[--c->stack_count];
		c->component[member] = c->next_component;
	} while (member != node);
	c->next_component++;
}

static void visit(struct components *c, struct walk *walks, uint32_t root)
{
	uint32_t depth = 0, node, next;

	enter(c, &walks[depth++], root);
	while (depth) {
		node = walks[depth - 1].node;
		next = next_successor(c, &walks[depth - 1]);
		if (next == DLW_NONE) {
			leave(c, node);
			depth--;
			if (depth && c->low[node] < c->low[walks[depth - 1].node])
				c->low[walks[depth - 1].node] = c->low[node];
		} else if (!c->index[next]) {
			enter(c, &walks[depth++], next);
		} else if (c->component[next] == DLW_NONE && c->index[next] < c->low[node]) {
			c->low[node] = c->index[next];
		}
	}
}

static bool find_components(struct components *c, struct dlw_arena *arena)
{
	struct walk *walks = dlw_arena_array(arena, struct walk, c->nodes);
	uint32_t node;

	c->index = dlw_arena_array(arena, uint32_t, c->nodes);
	c->low = dlw_arena_array(arena, uint32_t, c->nodes);
	c->component = dlw_arena_array(arena, uint32_t, c->nodes);
	c->stack = dlw_arena_array(arena, uint32_t, c->nodes);
	if (!walks || !c->index || !c->low || !c->component || !c->stack)
		return false;
	for (node = 0; node < c->nodes; node++)
		c->component[node] = DLW_NONE;
	/* what nobody wants is on no cycle */
	for (node = 0; node < c->objects; node++)
		if (!c->index[node] && c->first[node] < c->first[node + 1])
			visit(c, walks, node);
	return true;
}

/* ---- what is kept ------------------------------------------------------------------ */

static bool on_cycle(const struct components *c, const struct dlw_dependency *dependency)
{
	uint32_t component = c->component[dependency->object];

	if (!wants(dependency) || !dependency->count)
		return false;
	return c->component[node_of_thread(c, dependency->thread)] == component ||
	       (dependency->held && c->component[node_of_set(c, dependency->held)] == component);
}

/** is_room() - for who holds what @dependency holds; @count is how much there is already */
static bool is_room(const struct components *c, const struct dlw_dependency *dependency,
		    uint64_t *count)
{
	uint64_t more = dlw_thread_at(c->trace, dependency->thread)->implicits.count;
	uint32_t set;

	for (set = dependency->held; set; set = dlw_held_at(c->trace, set).below)
		more++;
	if (*count + more > HOLDS_MAX)
		return false;
	*count += more;
	return true;
}

static bool keep(struct components *c, struct dlw_arena *arena, struct dlw_kept *kept)
{
	uint32_t i, count = c->trace->dependencies.count;
	uint64_t holds = 0;

	kept->number = dlw_arena_array(arena, uint32_t, count);
	if (!kept->number)
		return false;
	for (i = 0; i < count; i++) {
		kept->number[i] = DLW_NONE;
		if (!i || !on_cycle(c, dlw_dependency_at(c->trace, i)))
			continue;
		if (is_room(c, dlw_dependency_at(c->trace, i), &holds))
			kept->number[i] = kept->count++;
		else
			kept->cut = true;
	}
	kept->dependencies = dlw_arena_array(arena, uint32_t, kept->count + 1);
	if (!kept->dependencies)
		return false;
	for (i = 1; i < count; i++)
		if (kept->number[i] != DLW_NONE) {
			kept->dependencies[kept->number[i]] = i;
			dlw_dependency_at(c->trace, i)->kept = true;
		}
	return true;
}

/** each_held() - count, or with @places write down, by object, who holds what somebody wants */
static void each_held(const struct components *c, const struct dlw_kept *kept, uint32_t *cursor,
		      uint32_t *places)
{
	uint32_t i, j, set;

	for (i = 0; i < kept->count; i++) {
		const struct dlw_dependency *dependency =
			dlw_dependency_at(c->trace, kept->dependencies[i]);
		const struct dlw_thread *thread = dlw_thread_at(c->trace, dependency->thread);
		uint32_t component = c->component[dependency->object];

		for (set = dependency->held; set; set = dlw_held_at(c->trace, set).below) {
			uint32_t object = dlw_held_at(c->trace, set).object;

			if (c->component[object] != component)
				continue;
			if (places)
				places[cursor[object]] = i;
			cursor[object]++;
		}
		for (j = 0; j < thread->implicits.count; j++) {
			const struct dlw_implicit *implicit = dlw_column_at(&thread->implicits, j);

			if (c->component[implicit->object] != component)
				continue;
			if (places)
				places[cursor[implicit->object]] = i;
			cursor[implicit->object]++;
		}
	}
}

static bool list_holders(const struct components *c, struct dlw_arena *arena, struct dlw_kept *kept)
{
	uint32_t object;

	kept->first = dlw_arena_array(arena, uint32_t, c->objects + 2);
	if (!kept->first)
		return false;
	each_held(c, kept, kept->first + 2, NULL);
	for (object = 2; object < c->objects + 2; object++)
		kept->first[object] += kept->first[object - 1];
	kept->places = dlw_arena_array(arena, uint32_t, kept->first[c->objects + 1] + 1);
	if (!kept->places)
		return false;
	each_held(c, kept, kept->first + 1, kept->places);
	return true;
}

static bool list_instances(const struct dlw_trace *trace, struct dlw_arena *arena,
			   struct dlw_kept *kept)
{
	uint32_t i, at, place, *cursor;

	kept->first_instance = dlw_arena_array(arena, uint32_t, kept->count + 1);
	cursor = dlw_arena_array(arena, uint32_t, kept->count + 1);
	if (!kept->first_instance || !cursor)
		return false;
	for (i = 0; i < kept->count; i++) {
		cursor[i] = kept->first_instance[i];
		kept->first_instance[i + 1] =
			cursor[i] + dlw_dependency_at(trace, kept->dependencies[i])->count;
	}
	kept->instances = dlw_arena_array(arena, uint32_t, kept->first_instance[kept->count] + 1);
	if (!kept->instances)
		return false;
	for (i = 0; i < trace->threads.count && kept->count; i++) {
		const struct dlw_thread *thread = dlw_thread_at(trace, i);

		for (at = 0; at < thread->steps.count; at++) {
			place = dlw_kept_place(kept, dlw_step_at(thread, at));
			if (place != DLW_NONE)
				kept->instances[cursor[place]++] = at;
		}
	}
	return true;
}

static bool make_marks(const struct components *c, struct dlw_arena *arena, struct dlw_kept *kept)
{
	if (!kept->count)
		return true;
	kept->marks = dlw_arena_array(arena, struct dlw_mark, c->objects);
	kept->on_way = dlw_arena_array(arena, uint32_t, c->threads);
	return kept->marks && kept->on_way;
}

bool dlw_lock_graph(struct dlw_trace *trace, struct dlw_arena *arena, struct dlw_kept *kept)
{
	struct components c = { .trace = trace,
				.objects = trace->objects.count,
				.threads = trace->threads.count,
				.nodes = trace->objects.count + trace->threads.count +
					 trace->sets.count };

	*kept = (struct dlw_kept){ 0 };
	return list_wanting(&c, arena) && find_components(&c, arena) && keep(&c, arena, kept) &&
	       list_holders(&c, arena, kept) && list_instances(trace, arena, kept) &&
	       make_marks(&c, arena, kept);
}
