/*
 * core/predict/closure.c - everything that has to happen for something to happen
 *
 * Stages D and E. A set of steps, a prefix of every thread, is closed under
 * edges; and, with locks, under this: if of two acquisitions of one lock that
 * exclude each other both are in, the one that came first in the trace must
 * have its release in. Then the steps that are in, in the order of the trace,
 * are a run of their own: no lock is taken that somebody still has.
 *
 * Per lock it is enough to know the latest acquisition that is in and those
 * whose release is not: an open one that is older than the latest must close.
 */
#include <string.h>

#include "core/predict/closure.h"

struct open {
	uint32_t thread, position, order;
	uint32_t release; /* position, DLW_NONE: not looked for */
	uint32_t next;    /* + 1 */
	uint8_t mode;
};

bool dlw_closure_make(struct dlw_closure *closure, const struct dlw_trace *trace,
		      struct dlw_arena *arena)
{
	uint32_t threads = trace->threads.count, objects = trace->objects.count + 1;

	*closure = (struct dlw_closure){
		.trace = trace,
		.arena = arena,
		.prefix = dlw_arena_array(arena, uint32_t, threads + 1),
		.done = dlw_arena_array(arena, uint32_t, threads + 1),
		.edge = dlw_arena_array(arena, uint32_t, threads + 1),
		.queue = dlw_arena_array(arena, uint32_t, threads + 1),
		.queued = dlw_arena_array(arena, bool, threads + 1),
		.open = dlw_arena_array(arena, uint32_t, objects),
		.newest = dlw_arena_array(arena, uint32_t, objects),
		.newest_exclusive = dlw_arena_array(arena, uint32_t, objects),
		.opens = DLW_COLUMN(struct open, 6),
	};
	return closure->prefix && closure->done && closure->edge && closure->queue &&
	       closure->queued && closure->open && closure->newest && closure->newest_exclusive;
}

void dlw_closure_require(struct dlw_closure *closure, uint32_t thread, uint32_t prefix)
{
	if (prefix <= closure->prefix[thread])
		return;
	if (prefix > dlw_thread_at(closure->trace, thread)->end) {
		closure->impossible = true;
		return;
	}
	closure->prefix[thread] = prefix;
	if (!closure->queued[thread]) {
		closure->queued[thread] = true;
		closure->queue[closure->queue_count++] = thread;
	}
}

/* ---- open acquisitions --------------------------------------------------------------- */

static struct open *open_at(const struct dlw_closure *closure, uint32_t number)
{
	return dlw_column_at(&closure->opens, number - 1);
}

static uint32_t take_open(struct dlw_closure *closure)
{
	uint32_t number = closure->free_open;

	if (number) {
		closure->free_open = open_at(closure, number)->next;
		return number;
	}
	return dlw_column_add(&closure->opens, closure->arena) ? closure->opens.count : 0;
}

static bool touch(struct dlw_closure *closure, uint32_t object)
{
	if (closure->newest[object])
		return true;
	if (closure->touched_count == closure->touched_room) {
		uint32_t room = closure->touched_room ? 2 * closure->touched_room : 64;
		uint32_t *grown = dlw_arena_array(closure->arena, uint32_t, room);

		if (!grown)
			return false;
		if (closure->touched_count)
			memcpy(grown, closure->touched, 4 * (size_t)closure->touched_count);
		closure->touched = grown;
		closure->touched_room = room;
	}
	closure->touched[closure->touched_count++] = object;
	return true;
}

/** find_release() - position of the step that gives back what was taken at @position, or DLW_NONE */
static uint32_t find_release(struct dlw_closure *closure, const struct open *open, uint32_t object)
{
	const struct dlw_thread *thread = dlw_thread_at(closure->trace, open->thread);
	uint32_t at, depth = 0;

	for (at = open->position; at < thread->end; at++) {
		const struct dlw_step *step = dlw_step_at(thread, at);
		uint32_t index = dlw_step_index(step);

		closure->work++;
		if (dlw_step_op(step) == DLW_TRACE_ACQUIRE)
			depth += dlw_dependency_at(closure->trace, index)->object == object;
		else if (dlw_step_op(step) == DLW_TRACE_RELEASE && index == object && !--depth)
			return at;
	}
	return DLW_NONE;
}

/** must_close() - a later acquisition is in that excludes @open */
static bool must_close(struct dlw_closure *closure, struct open *open, uint32_t object)
{
	uint32_t newest = open->mode == DLW_SHARED ? closure->newest_exclusive[object]
						   : closure->newest[object];

	if (newest <= open->order + 1)
		return false;
	if (open->release == DLW_NONE)
		open->release = find_release(closure, open, object);
	if (open->mode != DLW_PERMIT)
		return true;
	/* of several permits the later one may have been another */
	return open->release != DLW_NONE &&
	       dlw_step_at(dlw_thread_at(closure->trace, open->thread), open->release)->order <
		       newest - 1;
}

static void close_older(struct dlw_closure *closure, uint32_t object)
{
	uint32_t number;

	for (number = closure->open[object]; number; number = open_at(closure, number)->next) {
		struct open *open = open_at(closure, number);

		closure->work++;
		if (!must_close(closure, open, object))
			continue;
		if (open->release == DLW_NONE)
			closure->impossible = true;
		else
			dlw_closure_require(closure, open->thread, open->release + 1);
	}
}

static bool add_open(struct dlw_closure *closure, uint32_t object, uint8_t mode, uint32_t thread,
		     uint32_t position)
{
	const struct dlw_step *step = dlw_step_at(dlw_thread_at(closure->trace, thread), position);
	uint32_t number = take_open(closure);

	if (!number || !touch(closure, object))
		return false;
	*open_at(closure, number) = (struct open){
		thread, position, step->order, DLW_NONE, closure->open[object], mode
	};
	closure->open[object] = number;
	if (closure->newest[object] < step->order + 1)
		closure->newest[object] = step->order + 1;
	if (mode != DLW_SHARED && closure->newest_exclusive[object] < step->order + 1)
		closure->newest_exclusive[object] = step->order + 1;
	return true;
}

static void remove_open(struct dlw_closure *closure, uint32_t object, uint32_t thread)
{
	uint32_t *place = &closure->open[object], number;

	/* the newest of the thread stands first */
	while (*place && open_at(closure, *place)->thread != thread) {
		place = &open_at(closure, *place)->next;
		closure->work++;
	}
	number = *place;
	if (!number)
		return;
	*place = open_at(closure, number)->next;
	open_at(closure, number)->next = closure->free_open;
	closure->free_open = number;
}

/* ---- beginning -------------------------------------------------------------------------- */

static void forget(struct dlw_closure *closure)
{
	while (closure->touched_count) {
		uint32_t object = closure->touched[--closure->touched_count];

		closure->open[object] = 0;
		closure->newest[object] = closure->newest_exclusive[object] = 0;
	}
	while (closure->queue_count)
		closure->queued[closure->queue[--closure->queue_count]] = false;
	closure->opens.count = 0;
	closure->free_open = 0;
	closure->impossible = false;
}

/** acquisition_of() - where @thread took @held, last before @prefix */
static uint32_t acquisition_of(struct dlw_closure *closure, uint32_t thread, uint32_t prefix,
			       const struct dlw_held *held)
{
	const struct dlw_trace *trace = closure->trace;

	while (prefix-- > 0) {
		const struct dlw_step *step = dlw_step_at(dlw_thread_at(trace, thread), prefix);

		closure->work++;
		if (dlw_step_op(step) == DLW_TRACE_ACQUIRE &&
		    dlw_dependency_at(trace, dlw_step_index(step))->object == held->object)
			return prefix;
	}
	return DLW_NONE;
}

/** add_held() - what @thread holds after its prefix is open */
static bool add_held(struct dlw_closure *closure, uint32_t thread)
{
	const struct dlw_trace *trace = closure->trace;
	uint32_t prefix = closure->prefix[thread];
	uint32_t set = dlw_held_set(trace, thread, prefix), position;

	for (; set; set = dlw_held_at(trace, set).below) {
		const struct dlw_held held = dlw_held_at(trace, set);

		if (!dlw_is_lock(dlw_object_at(trace, held.object)))
			continue;
		position = acquisition_of(closure, thread, prefix, &held);
		if (position != DLW_NONE &&
		    !add_open(closure, held.object, held.mode, thread, position))
			return false;
	}
	return true;
}

bool dlw_closure_begin(struct dlw_closure *closure, uint32_t order, bool locks)
{
	uint32_t number;

	forget(closure);
	closure->locks = locks;
	for (number = 0; number < closure->trace->threads.count; number++) {
		const struct dlw_thread *thread = dlw_thread_at(closure->trace, number);
		uint32_t prefix = order ? dlw_prefix_at(thread, order) : 0;

		closure->prefix[number] = closure->done[number] = prefix;
		closure->edge[number] = prefix ? dlw_edges_before(thread, prefix) : 0;
		if (locks && prefix && !add_held(closure, number))
			return false;
	}
	return true;
}

/* ---- closing ------------------------------------------------------------------------------- */

static bool look_at(struct dlw_closure *closure, uint32_t thread, uint32_t position)
{
	const struct dlw_trace *trace = closure->trace;
	const struct dlw_step *step = dlw_step_at(dlw_thread_at(trace, thread), position);
	const struct dlw_dependency *wanted;

	switch (dlw_step_op(step)) {
	case DLW_TRACE_ACQUIRE:
		wanted = dlw_dependency_at(trace, dlw_step_index(step));
		if (!dlw_is_lock(dlw_object_at(trace, wanted->object)))
			return true;
		if (!add_open(closure, wanted->object, wanted->mode, thread, position))
			return false;
		close_older(closure, wanted->object);
		return true;
	case DLW_TRACE_RELEASE:
		if (closure->open[dlw_step_index(step)])
			remove_open(closure, dlw_step_index(step), thread);
		return true;
	default:
		return true;
	}
}

static void follow_edges(struct dlw_closure *closure, uint32_t number)
{
	const struct dlw_thread *thread = dlw_thread_at(closure->trace, number);

	while (closure->edge[number] < thread->edges.count) {
		const struct dlw_edge *edge = dlw_column_at(&thread->edges, closure->edge[number]);

		if (edge->at >= closure->prefix[number])
			return;
		closure->edge[number]++;
		closure->work++;
		if (closure->locks || !edge->replaceable)
			dlw_closure_require(closure, edge->thread, edge->prefix);
	}
}

bool dlw_closure_close(struct dlw_closure *closure)
{
	while (closure->queue_count && !closure->impossible) {
		uint32_t thread = closure->queue[--closure->queue_count];

		closure->queued[thread] = false;
		follow_edges(closure, thread);
		for (; closure->locks && closure->done[thread] < closure->prefix[thread];
		     closure->done[thread]++) {
			closure->work++;
			if (!look_at(closure, thread, closure->done[thread]))
				return false;
		}
	}
	return !closure->impossible;
}
