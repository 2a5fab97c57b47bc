/*
 * core/predict/witness.c - a schedule, and whether it really deadlocks
 *
 * Knows only what a step needs to happen (run.c). What the closure or the
 * search claim is believed when it was replayed here and stands still.
 */
#include "core/predict/examine.h"

/* ---- from a closure to a schedule ---------------------------------------------------- */

/** earliest() - of @active, the thread whose next step came first in the trace; DLW_NONE: none */
static uint32_t earliest(const struct dlw_closure *closure, const struct dlw_run *run,
			 const uint32_t *active, uint32_t count)
{
	uint32_t i, best = DLW_NONE, best_order = UINT32_MAX;

	for (i = 0; i < count; i++) {
		const struct dlw_thread *thread = dlw_thread_at(closure->trace, active[i]);
		uint32_t position = run->prefix[active[i]];

		if (position < closure->prefix[active[i]] &&
		    dlw_step_at(thread, position)->order < best_order) {
			best = active[i];
			best_order = dlw_step_at(thread, position)->order;
		}
	}
	return best;
}

bool dlw_schedule_of(const struct dlw_closure *closure, struct dlw_run *run, uint32_t order,
		     struct dlw_arena *arena, struct dlw_schedule *schedule)
{
	uint32_t threads = closure->trace->threads.count, count = 0, thread;
	uint32_t *active = dlw_arena_array(arena, uint32_t, threads + 1);

	if (!active)
		return false;
	*schedule = (struct dlw_schedule){ .order = order };
	dlw_run_begin(run, order);
	for (thread = 0; thread < threads; thread++)
		if (run->prefix[thread] < closure->prefix[thread])
			active[count++] = thread;
	while ((thread = earliest(closure, run, active, count)) != DLW_NONE) {
		dlw_run_step(run, thread);
		if (!dlw_schedule_add(schedule, thread, arena))
			return false;
	}
	return true;
}

/* ---- replaying it ------------------------------------------------------------------------ */

static const struct dlw_dependency *wanted_by(const struct dlw_trace *trace,
					      const struct dlw_target *target)
{
	const struct dlw_step *step =
		dlw_step_at(dlw_thread_at(trace, target->thread), target->position);

	return dlw_dependency_at(trace, dlw_step_index(step));
}

/** count_held() - how often @object is in @set so that it keeps out @mode */
static uint32_t count_held(const struct dlw_trace *trace, uint32_t set, uint32_t object,
			   uint8_t mode)
{
	uint32_t count = 0;

	for (; set; set = dlw_held_at(trace, set).below)
		count += dlw_held_at(trace, set).object == object &&
			 dlw_modes_conflict(dlw_held_at(trace, set).mode, mode);
	return count;
}

/** held_by_members() - the lock that member @i wants is kept by others of them, all of it */
static bool held_by_members(const struct dlw_trace *trace, const struct dlw_target *targets,
			    uint32_t count, uint32_t i)
{
	const struct dlw_dependency *wanted = wanted_by(trace, &targets[i]);
	uint32_t next = (i + 1) % count, all = 0, at;

	if (!count_held(trace, wanted_by(trace, &targets[next])->held, wanted->object,
			wanted->mode))
		return false;
	if (wanted->mode != DLW_PERMIT)
		return true;
	for (at = 0; at < count; at++)
		all += count_held(trace, wanted_by(trace, &targets[at])->held, wanted->object,
				  wanted->mode);
	return all >= dlw_capacity(dlw_object_at(trace, wanted->object));
}

/* ---- events: can nobody else bring them? ---------------------------------------------------- */

static bool is_member(const struct dlw_target *targets, uint32_t count, uint32_t thread)
{
	uint32_t i;

	for (i = 0; i < count; i++)
		if (targets[i].thread == thread)
			return true;
	return false;
}

/** gives_to_member() - the next step of @thread could be what a member waits for there already */
static bool gives_to_member(const struct dlw_run *run, const struct dlw_target *targets,
			    uint32_t count, uint32_t number)
{
	const struct dlw_step *step =
		dlw_step_at(dlw_thread_at(run->trace, number), run->prefix[number]);
	enum dlw_trace_op op = dlw_step_op(step);
	uint32_t i;

	if (op != DLW_TRACE_SIGNAL && op != DLW_TRACE_BROADCAST && op != DLW_TRACE_ARRIVE &&
	    op != DLW_TRACE_RELEASE)
		return false;
	for (i = 0; i < count; i++)
		if (wanted_by(run->trace, &targets[i])->object == dlw_step_index(step) &&
		    run->prefix[targets[i].thread] == targets[i].position)
			return true;
	return false;
}

/** permits_left() - of a semaphore that anybody may post; the steps so far tell */
static bool permits_left(const struct dlw_run *run, uint32_t number)
{
	const struct dlw_object *object = dlw_object_at(run->trace, number);
	int64_t left = object->initial;
	uint32_t thread, at;

	if (!object->initial_known)
		return true;
	for (thread = 0; thread < run->trace->threads.count; thread++)
		for (at = 0; at < run->prefix[thread]; at++) {
			const struct dlw_step *step =
				dlw_step_at(dlw_thread_at(run->trace, thread), at);
			uint32_t index = dlw_step_index(step);

			if (dlw_step_op(step) == DLW_TRACE_RELEASE)
				left += index == number;
			else if (dlw_step_op(step) == DLW_TRACE_ACQUIRE)
				left -= dlw_dependency_at(run->trace, index)->object == number;
		}
	return left > 0;
}

/** might_be_woken() - a signal that in the trace reached somebody else may reach @thread here */
static bool might_be_woken(const struct dlw_run *run, uint32_t number, uint32_t order)
{
	const struct dlw_thread *thread = dlw_thread_at(run->trace, number);
	uint32_t at = run->prefix[number], condition, other, since;

	condition = dlw_dependency_at(run->trace, dlw_step_index(dlw_step_at(thread, at)))->object;
	while (at && dlw_step_op(dlw_step_at(thread, at)) != DLW_TRACE_WAIT)
		at--;
	since = dlw_step_at(thread, at)->order;
	for (other = 0; other < run->trace->threads.count; other++)
		for (at = 0; at < run->prefix[other]; at++) {
			const struct dlw_step *step =
				dlw_step_at(dlw_thread_at(run->trace, other), at);
			enum dlw_trace_op op = dlw_step_op(step);

			if ((op == DLW_TRACE_SIGNAL || op == DLW_TRACE_BROADCAST) &&
			    dlw_step_index(step) == condition &&
			    (step->order > since || step->order >= order))
				return true;
		}
	return false;
}

/** blocks() - what @dependency wants is not to be had, by other means than in the trace either */
static bool blocks(const struct dlw_run *run, uint32_t thread,
		   const struct dlw_dependency *dependency, uint32_t order)
{
	const struct dlw_object *object = dlw_object_at(run->trace, dependency->object);

	if (dependency->form != DLW_FORM_BLOCKING)
		return false;
	if (object->kind == DLW_CONDITION)
		return !might_be_woken(run, thread, order);
	if (object->kind == DLW_SEMAPHORE && object->loose)
		return !permits_left(run, dependency->object);
	return dlw_is_lock(object) || object->kind == DLW_THREAD || object->kind == DLW_BARRIER;
}

/** is_stuck() - @thread has come to its end or blocks; else what it would do is not known */
static bool is_stuck(const struct dlw_run *run, uint32_t number, uint32_t order)
{
	const struct dlw_thread *thread = dlw_thread_at(run->trace, number);
	uint32_t position = run->prefix[number];
	const struct dlw_step *step;

	if (position >= thread->steps.count)
		return position && dlw_step_op(dlw_step_at(thread, position - 1)) == DLW_TRACE_EXIT;
	step = dlw_step_at(thread, position);
	switch (dlw_step_op(step)) {
	case DLW_TRACE_ACQUIRE:
	case DLW_TRACE_JOIN:
	case DLW_TRACE_WOKEN:
	case DLW_TRACE_LEAVE:
	case DLW_TRACE_WANT:
	case DLW_TRACE_WANT_JOIN:
		return blocks(run, number, dlw_dependency_at(run->trace, dlw_step_index(step)),
			      order);
	default:
		return !position; /* it has not begun, and nobody is left to create it */
	}
}

/** all_others_stop() - let the others run as far as they get: no member is helped */
static bool all_others_stop(struct dlw_run *run, const struct dlw_target *targets, uint32_t count,
			    uint32_t order)
{
	uint32_t thread, threads = run->trace->threads.count;
	bool moved = true;

	while (moved)
		for (moved = false, thread = 0; thread < threads; thread++) {
			if (is_member(targets, count, thread))
				continue;
			while (dlw_run_can(run, thread)) {
				if (gives_to_member(run, targets, count, thread))
					return false;
				dlw_run_step(run, thread);
				moved = true;
			}
		}
	for (thread = 0; thread < threads; thread++)
		if (!is_member(targets, count, thread) && !is_stuck(run, thread, order))
			return false;
	return true;
}

/* ---- the verdict --------------------------------------------------------------------------------- */

static bool replay(struct dlw_run *run, const struct dlw_schedule *schedule)
{
	uint32_t at;

	dlw_run_begin(run, schedule->order);
	for (at = 0; at < schedule->count; at++) {
		if (!dlw_run_can(run, schedule->threads[at]))
			return false;
		dlw_run_step(run, schedule->threads[at]);
	}
	return true;
}

/** was_helped() - in the schedule itself somebody gave a member what it waits for: which object? */
static uint32_t was_helped(struct dlw_run *run, const struct dlw_schedule *schedule,
			   const struct dlw_target *targets, uint32_t count)
{
	uint32_t at, i, object, helped = DLW_NONE;

	dlw_run_begin(run, schedule->order);
	for (at = 0; at < schedule->count; at++) {
		uint32_t thread = schedule->threads[at];

		if (gives_to_member(run, targets, count, thread))
			helped = dlw_step_index(dlw_step_at(dlw_thread_at(run->trace, thread),
							    run->prefix[thread]));
		dlw_run_step(run, thread);
	}
	for (i = 0; i < count && helped == DLW_NONE; i++) {
		object = wanted_by(run->trace, &targets[i])->object;
		if (dlw_object_at(run->trace, object)->kind == DLW_SEMAPHORE &&
		    dlw_object_at(run->trace, object)->loose && permits_left(run, object))
			helped = object;
	}
	return helped;
}

bool dlw_schedule_deadlocks(struct dlw_run *run, const struct dlw_schedule *schedule,
			    const struct dlw_target *targets, uint32_t count, uint32_t *helpers)
{
	const struct dlw_trace *trace = run->trace;
	uint32_t i, awaited = DLW_NONE;

	if (!replay(run, schedule))
		return false;
	for (i = 0; i < count; i++) {
		const struct dlw_object *object;
		uint32_t wanted = wanted_by(trace, &targets[i])->object;

		if (run->prefix[targets[i].thread] != targets[i].position)
			return false;
		object = dlw_object_at(trace, wanted);
		if (dlw_is_lock(object)) {
			if (!held_by_members(trace, targets, count, i)) {
				*helpers = wanted;
				return false;
			}
			continue;
		}
		if (!dlw_run_waits(run, targets[i].thread))
			return false;
		if (object->kind != DLW_THREAD)
			awaited = wanted;
	}
	if (awaited == DLW_NONE)
		return true;
	*helpers = was_helped(run, schedule, targets, count);
	if (*helpers != DLW_NONE)
		return false;
	if (all_others_stop(run, targets, count, schedule->order))
		return true;
	*helpers = awaited;
	return false;
}
