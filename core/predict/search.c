/*
 * core/predict/search.c - stage F: look for a run that ends in the cycle
 *
 * Depth first over who takes the next step; a state is the vector of the
 * prefixes of the threads that move, and no state is entered twice. Which
 * threads have to move, and how far, is found first: the others would only
 * take more locks.
 */
#include <string.h>

#include "core/predict/search.h"

bool dlw_schedule_add(struct dlw_schedule *schedule, uint32_t thread, struct dlw_arena *arena)
{
	if (schedule->count == schedule->room) {
		uint32_t room = schedule->room ? 2 * schedule->room : 64;
		uint32_t *grown = dlw_arena_array(arena, uint32_t, room);

		if (!grown)
			return false;
		if (schedule->count)
			memcpy(grown, schedule->threads, 4 * (size_t)schedule->count);
		schedule->threads = grown;
		schedule->room = room;
	}
	schedule->threads[schedule->count++] = thread;
	return true;
}

bool dlw_search_make(struct dlw_search *search, struct dlw_run *run, struct dlw_arena *arena)
{
	*search = (struct dlw_search){
		.trace = run->trace,
		.run = run,
		.arena = arena,
		.limit = dlw_arena_array(arena, uint32_t, run->trace->threads.count + 1),
		.active = dlw_arena_array(arena, uint32_t, run->trace->threads.count + 1),
	};
	return search->limit && search->active;
}

/* ---- who has to move, and how far ------------------------------------------------------ */

static bool is_target(const struct dlw_target *targets, uint32_t count, uint32_t thread)
{
	uint32_t i;

	for (i = 0; i < count; i++)
		if (targets[i].thread == thread)
			return true;
	return false;
}

/** at_rest() - the first prefix of @thread, not below @prefix, with which it holds nothing */
static uint32_t at_rest(const struct dlw_trace *trace, uint32_t number, uint32_t prefix)
{
	uint32_t end = dlw_thread_at(trace, number)->end;

	while (prefix < end && dlw_held_set(trace, number, prefix))
		prefix++;
	return prefix;
}

static bool holds(const struct dlw_trace *trace, uint32_t set, uint32_t object)
{
	for (; set; set = dlw_held_at(trace, set).below)
		if (dlw_held_at(trace, set).object == object)
			return true;
	return false;
}

/** let_move() - @thread may go on until its first @prefix steps are done, and to where it rests */
static bool let_move(struct dlw_search *search, uint32_t thread, uint32_t prefix)
{
	if (search->limit[thread] >= prefix)
		return false;
	search->limit[thread] = at_rest(search->trace, thread, prefix);
	return true;
}

#define HOLDER_WINDOW 64 /* steps in which another holder is looked for */

/** let_hold() - a try has to fail: whoever takes its @object soon may be the reason */
static bool let_hold(struct dlw_search *search, const struct dlw_target *targets, uint32_t count,
		     uint32_t object)
{
	const struct dlw_trace *trace = search->trace;
	uint32_t other, at, last;
	bool more = false;

	for (other = 0; other < trace->threads.count; other++) {
		const struct dlw_thread *thread = dlw_thread_at(trace, other);
		uint32_t from = search->run->prefix[other];

		if (is_target(targets, count, other))
			continue;
		for (last = from, at = from; at < thread->end && at - from < HOLDER_WINDOW; at++) {
			const struct dlw_step *step = dlw_step_at(thread, at);

			if (dlw_step_op(step) == DLW_TRACE_ACQUIRE &&
			    dlw_dependency_at(trace, dlw_step_index(step))->object == object)
				last = at + 1;
		}
		more |= let_move(search, other, last);
	}
	return more;
}

/** need() - what the steps of @thread from @from on depend on. Return: something new moves */
static bool need(struct dlw_search *search, const struct dlw_target *targets, uint32_t count,
		 uint32_t number)
{
	const struct dlw_trace *trace = search->trace;
	const struct dlw_thread *thread = dlw_thread_at(trace, number);
	uint32_t at, other;
	bool more = false;

	at = dlw_edges_before(thread, search->run->prefix[number]);
	for (; at < thread->edges.count; at++) {
		const struct dlw_edge *edge = dlw_column_at(&thread->edges, at);

		if (edge->at >= search->limit[number])
			break;
		if (!is_target(targets, count, edge->thread))
			more |= let_move(search, edge->thread, edge->prefix);
	}
	for (at = search->run->prefix[number]; at < search->limit[number]; at++) {
		const struct dlw_step *step = dlw_step_at(thread, at);
		uint32_t object;

		if (dlw_step_op(step) != DLW_TRACE_ACQUIRE && dlw_step_op(step) != DLW_TRACE_FAILED)
			continue;
		object = dlw_dependency_at(trace, dlw_step_index(step))->object;
		if (dlw_step_op(step) == DLW_TRACE_FAILED)
			more |= let_hold(search, targets, count, object);
		if (!search->run->exclusive[object] && !search->run->shared[object])
			continue;
		for (other = 0; other < trace->threads.count; other++) {
			uint32_t prefix = search->run->prefix[other];

			if (!is_target(targets, count, other) &&
			    holds(trace, dlw_held_set(trace, other, prefix), object))
				more |= let_move(search, other, prefix + 1);
		}
	}
	return more;
}

/** find_active() - false: a target cannot be reached any more */
static bool find_active(struct dlw_search *search, const struct dlw_target *targets, uint32_t count)
{
	uint32_t i;
	bool more = true;

	memcpy(search->limit, search->run->prefix, 4 * (size_t)search->trace->threads.count);
	for (i = 0; i < count; i++) {
		if (search->limit[targets[i].thread] > targets[i].position)
			return false;
		search->limit[targets[i].thread] = targets[i].position;
	}
	while (more)
		for (more = false, i = 0; i < search->trace->threads.count; i++)
			if (search->limit[i] > search->run->prefix[i])
				more |= need(search, targets, count, i);
	search->active_count = 0;
	for (i = 0; i < search->trace->threads.count; i++)
		if (search->limit[i] > search->run->prefix[i])
			search->active[search->active_count++] = i;
	return true;
}

/* ---- states ------------------------------------------------------------------------------- */

static uint64_t mix(uint64_t hash)
{
	hash = (hash ^ hash >> 31) * 0x9fb21c651e98df25u;
	hash = (hash ^ hash >> 29) * 0xd6e8feb86659fd93u;
	return hash ^ hash >> 32;
}

static uint64_t state_of(const struct dlw_search *search)
{
	uint64_t hash = 0;
	uint32_t i;

	for (i = 0; i < search->active_count; i++)
		hash += mix(((uint64_t)i << 32) + search->run->prefix[search->active[i]] + 1);
	return hash ? hash : 1;
}

static bool more_room(struct dlw_search *search)
{
	uint32_t mask = search->visited ? 2 * search->visited_mask + 1 : 1023, at, slot;
	uint64_t *slots;

	if (search->visited && 2 * (search->visited_count + 1) <= search->visited_mask)
		return true;
	slots = dlw_arena_array(search->arena, uint64_t, (size_t)mask + 1);
	if (!slots)
		return false;
	for (at = 0; search->visited && at <= search->visited_mask; at++) {
		if (!search->visited[at])
			continue;
		for (slot = (uint32_t)search->visited[at] & mask; slots[slot];)
			slot = (slot + 1) & mask;
		slots[slot] = search->visited[at];
	}
	search->visited = slots;
	search->visited_mask = mask;
	return true;
}

/** is_new() - this state was never entered; from now on it was */
static bool is_new(struct dlw_search *search)
{
	uint64_t state = state_of(search);
	uint32_t slot;

	if (!more_room(search)) {
		search->states = 0;
		return false;
	}
	slot = (uint32_t)state & search->visited_mask;
	for (; search->visited[slot]; slot = (slot + 1) & search->visited_mask)
		if (search->visited[slot] == state)
			return false;
	search->visited[slot] = state;
	search->visited_count++;
	return true;
}

/* ---- the search ------------------------------------------------------------------------------ */

static bool is_reached(const struct dlw_search *search, const struct dlw_target *targets,
		       uint32_t count)
{
	uint32_t i;

	for (i = 0; i < count; i++)
		if (search->run->prefix[targets[i].thread] != targets[i].position)
			return false;
	/* an event may have come before its wait was there: then nobody waits */
	for (i = 0; i < count; i++) {
		const struct dlw_thread *thread = dlw_thread_at(search->trace, targets[i].thread);
		const struct dlw_step *step = dlw_step_at(thread, targets[i].position);
		const struct dlw_dependency *wanted =
			dlw_dependency_at(search->trace, dlw_step_index(step));

		if (!dlw_is_lock(dlw_object_at(search->trace, wanted->object)) &&
		    !dlw_run_waits(search->run, targets[i].thread))
			return false;
	}
	return true;
}

static bool enter(struct dlw_search *search, uint32_t depth)
{
	if (depth == search->cursor_room) {
		uint32_t room = depth ? 2 * depth : 64;
		uint32_t *grown = dlw_arena_array(search->arena, uint32_t, room);

		if (!grown)
			return false;
		if (depth)
			memcpy(grown, search->cursor, 4 * (size_t)depth);
		search->cursor = grown;
		search->cursor_room = room;
	}
	search->cursor[depth] = 0;
	return true;
}

/** go_on() - the next thread of this depth that can move to a new state has done so */
static bool go_on(struct dlw_search *search, struct dlw_schedule *schedule)
{
	while (search->cursor[schedule->count] < search->active_count && search->states) {
		uint32_t thread = search->active[search->cursor[schedule->count]++];

		if (search->run->prefix[thread] >= search->limit[thread] ||
		    !dlw_run_can(search->run, thread))
			continue;
		dlw_run_step(search->run, thread);
		if (is_new(search)) {
			search->states--;
			if (dlw_schedule_add(schedule, thread, search->arena) &&
			    enter(search, schedule->count))
				return true;
			search->states = 0;
		}
		dlw_run_back(search->run, thread);
	}
	return false;
}

/** walk() - depth first, the threads in the order of .active */
static enum dlw_search_result walk(struct dlw_search *search, const struct dlw_target *targets,
				   uint32_t count, struct dlw_schedule *schedule)
{
	search->visited = NULL;
	search->visited_count = 0;
	search->cursor_room = 0;
	schedule->count = schedule->room = 0;
	dlw_run_begin(search->run, schedule->order);
	if (!enter(search, 0) || !search->states)
		return DLW_SEARCH_CUT;
	is_new(search);
	for (;;) {
		if (is_reached(search, targets, count))
			return DLW_SEARCH_FOUND;
		if (go_on(search, schedule))
			continue;
		if (!search->states)
			return DLW_SEARCH_CUT;
		if (!schedule->count)
			return DLW_SEARCH_NONE;
		dlw_run_back(search->run, schedule->threads[--schedule->count]);
	}
}

/** prefer() - who is not in the cycle goes first, then member number @first, then the others */
static void prefer(struct dlw_search *search, const struct dlw_target *targets, uint32_t count,
		   uint32_t first)
{
	uint32_t place = 0, from, i;

	for (from = 0; from < search->active_count; from++)
		if (!is_target(targets, count, search->active[from])) {
			i = search->active[place];
			search->active[place++] = search->active[from];
			search->active[from] = i;
		}
	for (i = 0; i < count; i++)
		for (from = place; from < search->active_count; from++)
			if (search->active[from] == targets[(first + i) % count].thread) {
				search->active[from] = search->active[place];
				search->active[place++] = targets[(first + i) % count].thread;
				break;
			}
}

/*
 * Most often it is enough that one member goes first, all the way. That is tried
 * for each of them in little more than its length; then everything.
 */
enum dlw_search_result dlw_search(struct dlw_search *search, const struct dlw_target *targets,
				  uint32_t count, struct dlw_schedule *schedule)
{
	enum dlw_search_result result;
	uint64_t steps = 64, saved;
	uint32_t i;

	dlw_run_begin(search->run, schedule->order);
	if (!find_active(search, targets, count))
		return DLW_SEARCH_NONE;
	for (i = 0; i < search->active_count; i++)
		steps += search->limit[search->active[i]] - search->run->prefix[search->active[i]];
	for (i = 0; i < count; i++) {
		saved = search->states;
		search->states = saved < 2 * steps ? saved : 2 * steps;
		saved -= search->states;
		prefer(search, targets, count, i);
		result = walk(search, targets, count, schedule);
		search->states += saved;
		if (result != DLW_SEARCH_CUT)
			return result;
	}
	return walk(search, targets, count, schedule);
}
