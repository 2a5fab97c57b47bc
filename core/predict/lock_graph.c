/*
 * core/predict/lock_graph.c - stage B: strongly connected components first
 *
 * Nodes are objects and threads. From a wanted object it goes to everything
 * that somebody held who wanted it, and to that somebody, for what he holds
 * implicitly; from a thread to what it holds implicitly. A dependency can lie
 * on a cycle only if what it wants and something it holds are in one component
 * (Tarjan's, with a stack of its own). Of a million events that leaves hundreds.
 */
#include "core/predict/lock_graph.h"

struct components {
	const struct dlw_trace *trace;
	uint32_t objects, nodes;
	uint32_t *first, *wanting; /* dependencies by what they want */
	uint32_t *index, *low;     /* 0: not visited */
	uint32_t *component;       /* DLW_NONE: on the stack or not visited */
	uint32_t *stack, stack_count;
	uint32_t next_index, next_component;
};

/** How far a node's successors have been walked. */
struct walk {
	uint32_t node;
	uint32_t at;     /* dependency of the list, or implicit hold */
	uint32_t held;   /* rest of the chain */
	bool owner_next; /* the dependency's thread comes before its chain */
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
	if (node < c->objects) {
		walk->at = c->first[node];
		walk->owner_next = true;
		walk->held = walk->at < c->first[node + 1]
				     ? dlw_dependency_at(c->trace, c->wanting[walk->at])->held
				     : 0;
	}
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

/** next_successor() - DLW_NONE: there are no more */
static uint32_t next_successor(const struct components *c, struct walk *walk)
{
	struct dlw_held held;

	if (walk->node >= c->objects)
		return next_of_thread(c, walk);
	while (walk->at < c->first[walk->node + 1]) {
		if (walk->owner_next) {
			walk->owner_next = false;
			return c->objects +
			       dlw_dependency_at(c->trace, c->wanting[walk->at])->thread;
		}
		if (walk->held) {
			held = dlw_held_at(c->trace, walk->held);
			walk->held = held.below;
			return held.object;
		}
		if (++walk->at < c->first[walk->node + 1]) {
			walk->held = dlw_dependency_at(c->trace, c->wanting[walk->at])->held;
			walk->owner_next = true;
		}
	}
	return DLW_NONE;
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
	uint32_t component = c->component[dependency->object], set;

	if (!wants(dependency) || !dependency->count)
		return false;
	if (c->component[c->objects + dependency->thread] == component)
		return true;
	for (set = dependency->held; set; set = dlw_held_at(c->trace, set).below)
		if (c->component[dlw_held_at(c->trace, set).object] == component)
			return true;
	return false;
}

static bool keep(struct components *c, struct dlw_arena *arena, struct dlw_kept *kept)
{
	uint32_t i, count = c->trace->dependencies.count;

	kept->number = dlw_arena_array(arena, uint32_t, count);
	if (!kept->number)
		return false;
	for (i = 0; i < count; i++)
		kept->number[i] =
			i && on_cycle(c, dlw_dependency_at(c->trace, i)) ? kept->count++ : DLW_NONE;
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

/** kept_place() - of the dependency a step is an instance of; DLW_NONE: of none that is kept */
static uint32_t kept_place(const struct dlw_kept *kept, const struct dlw_step *step)
{
	switch (dlw_step_op(step)) {
	case DLW_TRACE_ACQUIRE:
	case DLW_TRACE_WANT:
	case DLW_TRACE_JOIN:
	case DLW_TRACE_WANT_JOIN:
	case DLW_TRACE_WOKEN:
	case DLW_TRACE_LEAVE:
		return kept->number[dlw_step_index(step)];
	default: /* FAILED: it did not wait */
		return DLW_NONE;
	}
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
			place = kept_place(kept, dlw_step_at(thread, at));
			if (place != DLW_NONE)
				kept->instances[cursor[place]++] = at;
		}
	}
	return true;
}

bool dlw_lock_graph(struct dlw_trace *trace, struct dlw_arena *arena, struct dlw_kept *kept)
{
	struct components c = { .trace = trace,
				.objects = trace->objects.count,
				.nodes = trace->objects.count + trace->threads.count };

	*kept = (struct dlw_kept){ 0 };
	return list_wanting(&c, arena) && find_components(&c, arena) && keep(&c, arena, kept) &&
	       list_holders(&c, arena, kept) && list_instances(trace, arena, kept);
}
