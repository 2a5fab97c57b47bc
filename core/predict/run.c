/*
 * core/predict/run.c - a run of the same steps in another order
 */
#include <string.h>

#include "core/predict/run.h"

bool dlw_run_make(struct dlw_run *run, const struct dlw_trace *trace, struct dlw_arena *arena)
{
	*run = (struct dlw_run){
		.trace = trace,
		.prefix = dlw_arena_array(arena, uint32_t, trace->threads.count + 1),
		.exclusive = dlw_arena_array(arena, uint32_t, trace->objects.count + 1),
		.shared = dlw_arena_array(arena, uint32_t, trace->objects.count + 1),
	};
	return run->prefix && run->exclusive && run->shared;
}

/** count_holds() - add @by to what is held of everything in @set */
static void count_holds(struct dlw_run *run, uint32_t set, uint32_t by)
{
	for (; set; set = dlw_held_at(run->trace, set).below) {
		const struct dlw_held held = dlw_held_at(run->trace, set);

		if (!dlw_is_lock(dlw_object_at(run->trace, held.object)))
			continue;
		if (held.mode == DLW_SHARED)
			run->shared[held.object] += by;
		else
			run->exclusive[held.object] += by;
	}
}

void dlw_run_begin(struct dlw_run *run, uint32_t order)
{
	const struct dlw_trace *trace = run->trace;
	uint32_t thread;

	for (thread = 0; thread < trace->threads.count; thread++)
		if (run->prefix[thread])
			count_holds(run, dlw_held_set(trace, thread, run->prefix[thread]), -1u);
	for (thread = 0; thread < trace->threads.count; thread++) {
		run->prefix[thread] =
			order ? dlw_prefix_at(dlw_thread_at(trace, thread), order) : 0;
		if (run->prefix[thread])
			count_holds(run, dlw_held_set(trace, thread, run->prefix[thread]), 1);
	}
}

/* ---- what can happen ------------------------------------------------------------------ */

/** edges_met() - all that must come before the step at @position of @thread has come */
static bool edges_met(const struct dlw_run *run, const struct dlw_thread *thread, uint32_t position)
{
	uint32_t at;

	for (at = dlw_edges_before(thread, position); at < thread->edges.count; at++) {
		const struct dlw_edge *edge = dlw_column_at(&thread->edges, at);

		if (edge->at != position)
			return true;
		if (!edge->replaceable && run->prefix[edge->thread] < edge->prefix)
			return false;
	}
	return true;
}

static bool is_free(const struct dlw_run *run, const struct dlw_dependency *wanted)
{
	const struct dlw_object *object = dlw_object_at(run->trace, wanted->object);

	if (!dlw_is_lock(object))
		return true;
	if (wanted->mode == DLW_SHARED)
		return !run->exclusive[wanted->object];
	return run->exclusive[wanted->object] < dlw_capacity(object) &&
	       !run->shared[wanted->object];
}

/*
 * A wait that was woken saw that what it waits for was not yet so. Once its
 * signal has been sent it is so: the program would not begin to wait.
 */
static bool may_begin_to_wait(const struct dlw_run *run, const struct dlw_thread *thread,
			      uint32_t position)
{
	uint32_t condition = dlw_step_index(dlw_step_at(thread, position)), at;

	for (at = position + 1; at < thread->steps.count; at++) {
		const struct dlw_step *step = dlw_step_at(thread, at);
		enum dlw_trace_op op = dlw_step_op(step);

		if (op == DLW_TRACE_WOKEN &&
		    dlw_dependency_at(run->trace, dlw_step_index(step))->object == condition)
			return dlw_edges_before(thread, at) == dlw_edges_before(thread, at + 1) ||
			       !edges_met(run, thread, at);
		if (op != DLW_TRACE_RELEASE)
			break;
	}
	return true;
}

bool dlw_run_can(const struct dlw_run *run, uint32_t number)
{
	const struct dlw_thread *thread = dlw_thread_at(run->trace, number);
	uint32_t position = run->prefix[number];
	const struct dlw_step *step;

	if (position >= thread->end || !edges_met(run, thread, position))
		return false;
	step = dlw_step_at(thread, position);
	switch (dlw_step_op(step)) {
	case DLW_TRACE_ACQUIRE:
		return is_free(run, dlw_dependency_at(run->trace, dlw_step_index(step)));
	case DLW_TRACE_FAILED:
		return !is_free(run, dlw_dependency_at(run->trace, dlw_step_index(step)));
	case DLW_TRACE_WAIT:
		return may_begin_to_wait(run, thread, position);
	default:
		return true;
	}
}

bool dlw_run_waits(const struct dlw_run *run, uint32_t number)
{
	const struct dlw_thread *thread = dlw_thread_at(run->trace, number);
	uint32_t position = run->prefix[number];

	if (position >= thread->end)
		return position < thread->steps.count; /* it never got what it wants */
	return !edges_met(run, thread, position);
}

/* ---- what happens ------------------------------------------------------------------------ */

static bool holds_exclusively(const struct dlw_trace *trace, uint32_t set, uint32_t object)
{
	for (; set; set = dlw_held_at(trace, set).below)
		if (dlw_held_at(trace, set).object == object)
			return dlw_held_at(trace, set).mode != DLW_SHARED;
	return true;
}

/** change() - what the step before the thread's prefix has done to locks, @by times */
static void change(struct dlw_run *run, uint32_t number, uint32_t by)
{
	uint32_t position = run->prefix[number] - 1, object;
	const struct dlw_step *step = dlw_step_at(dlw_thread_at(run->trace, number), position);
	const struct dlw_dependency *taken;
	bool exclusive;

	switch (dlw_step_op(step)) {
	case DLW_TRACE_ACQUIRE:
		taken = dlw_dependency_at(run->trace, dlw_step_index(step));
		object = taken->object;
		exclusive = taken->mode != DLW_SHARED;
		break;
	case DLW_TRACE_RELEASE:
		object = dlw_step_index(step);
		exclusive = holds_exclusively(run->trace,
					      dlw_held_set(run->trace, number, position), object);
		by = -by;
		break;
	default:
		return;
	}
	if (!dlw_is_lock(dlw_object_at(run->trace, object)))
		return;
	if (exclusive)
		run->exclusive[object] += by;
	else
		run->shared[object] += by;
}

void dlw_run_step(struct dlw_run *run, uint32_t thread)
{
	run->prefix[thread]++;
	change(run, thread, 1);
}

void dlw_run_back(struct dlw_run *run, uint32_t thread)
{
	change(run, thread, -1u);
	run->prefix[thread]--;
}
