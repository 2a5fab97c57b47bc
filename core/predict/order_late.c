/*
 * core/predict/order_late.c - what had to come before what, once all is told
 *
 * Whether an object is a lock is not certain before the end. The order of the
 * operations on those that are none is kept as it was, and a thread holds, so
 * to speak, what others get from it until it has given it for the last time.
 */
#include "core/predict/store.h"
#include "core/sort.h"

/* ---- what turned out to be no lock ------------------------------------------------------ */

/** One operation on a loose object. */
struct operation {
	uint32_t object, order;
	uint32_t thread, at;
	bool gives;
};

struct operations {
	struct operation *all;
	uint32_t *by_order;
	uint32_t count;
};

/** loose_operation() - what @step does to a loose object, DLW_NONE: nothing */
static uint32_t loose_operation(const struct dlw_trace *trace, const struct dlw_step *step)
{
	enum dlw_trace_op op = dlw_step_op(step);
	uint32_t object;

	if (op == DLW_TRACE_ACQUIRE)
		object = dlw_dependency_at(trace, dlw_step_index(step))->object;
	else if (op == DLW_TRACE_RELEASE)
		object = dlw_step_index(step);
	else
		return DLW_NONE;
	return dlw_object_at(trace, object)->loose ? object : DLW_NONE;
}

/** list_operations() - count them, or with @all write them down as well */
static uint32_t list_operations(const struct dlw_trace *trace, struct operation *all)
{
	uint32_t number, at, object, count = 0;

	for (number = 0; number < trace->threads.count; number++) {
		const struct dlw_thread *thread = dlw_thread_at(trace, number);

		for (at = 0; at < thread->end; at++) {
			const struct dlw_step *step = dlw_step_at(thread, at);

			object = loose_operation(trace, step);
			if (object == DLW_NONE)
				continue;
			if (all)
				all[count] = (struct operation){ object, step->order, number, at,
								 dlw_step_op(step) ==
									 DLW_TRACE_RELEASE };
			count++;
		}
	}
	return count;
}

static int compare_operations(const void *context, uint32_t left, uint32_t right)
{
	const struct operation *all = context, *a = &all[left], *b = &all[right];

	return a->object != b->object ? dlw_order(a->object, b->object)
				      : dlw_order(a->order, b->order);
}

/** One more edge, to be put among those of its thread. */
struct late_edge {
	uint32_t thread;
	struct dlw_edge edge;
};

struct late_edges {
	struct late_edge *all;
	uint32_t count;
};

static void add_late(struct late_edges *late, const struct operation *to,
		     const struct operation *from)
{
	if (to->thread == from->thread)
		return;
	late->all[late->count++] =
		(struct late_edge){ to->thread, { to->at, from->thread, from->at + 1, false } };
}

/* A post reaches the first wait that has none; waits before that took what was there at first. */
static void match_posts(const struct operations *operations, uint32_t from, uint32_t until,
			uint32_t initial, struct late_edges *late)
{
	const struct operation *all = operations->all;
	uint32_t post = from, at;

	for (at = from; at < until; at++) {
		const struct operation *wait = &all[operations->by_order[at]];

		if (wait->gives)
			continue;
		if (initial) {
			initial--;
			continue;
		}
		while (post < at && !all[operations->by_order[post]].gives)
			post++;
		if (post < at)
			add_late(late, wait, &all[operations->by_order[post++]]);
	}
}

static void keep_order(const struct operations *operations, uint32_t from, uint32_t until,
		       struct late_edges *late)
{
	uint32_t at;

	for (at = from + 1; at < until; at++)
		add_late(late, &operations->all[operations->by_order[at]],
			 &operations->all[operations->by_order[at - 1]]);
}

static void order_operations(const struct dlw_trace *trace, const struct operations *operations,
			     struct late_edges *late)
{
	uint32_t from, until;

	for (from = 0; from < operations->count; from = until) {
		uint32_t number = operations->all[operations->by_order[from]].object;
		const struct dlw_object *object = dlw_object_at(trace, number);

		for (until = from; until < operations->count; until++)
			if (operations->all[operations->by_order[until]].object != number)
				break;
		if (object->kind == DLW_SEMAPHORE)
			match_posts(operations, from, until,
				    object->initial_known ? object->initial : 0, late);
		else
			keep_order(operations, from, until, late);
	}
}

static int compare_late(const void *context, uint32_t left, uint32_t right)
{
	const struct late_edge *all = context, *a = &all[left], *b = &all[right];

	if (a->thread != b->thread)
		return dlw_order(a->thread, b->thread);
	return a->edge.at != b->edge.at ? dlw_order(a->edge.at, b->edge.at)
					: dlw_order(left, right);
}

/** merge() - the late edges number @from up to @until of @by_thread, and the early ones */
static bool merge(struct dlw_trace *trace, struct dlw_thread *thread, const struct late_edges *late,
		  const uint32_t *by_thread, uint32_t from, uint32_t until)
{
	struct dlw_column early = thread->edges;
	uint32_t at = 0;

	thread->edges = (struct dlw_column)DLW_COLUMN(struct dlw_edge, 6);
	while (at < early.count || from < until) {
		const struct dlw_edge *old = at < early.count ? dlw_column_at(&early, at) : NULL;
		const struct dlw_edge *new = from < until ? &late->all[by_thread[from]].edge : NULL;
		struct dlw_edge *added = dlw_column_add(&thread->edges, trace->arena);

		if (!added)
			return false;
		if (!new || (old && old->at <= new->at)) {
			*added = *old;
			at++;
		} else {
			*added = *new;
			from++;
		}
	}
	return true;
}

static bool add_late_edges(struct dlw_trace *trace, const struct late_edges *late)
{
	uint32_t *by_thread = dlw_arena_array(trace->arena, uint32_t, late->count + 1);
	uint32_t from, until;

	if (!by_thread)
		return false;
	for (from = 0; from < late->count; from++)
		by_thread[from] = from;
	dlw_sort(by_thread, late->count, compare_late, late->all);
	for (from = 0; from < late->count; from = until) {
		uint32_t number = late->all[by_thread[from]].thread;

		for (until = from; until < late->count; until++)
			if (late->all[by_thread[until]].thread != number)
				break;
		if (!merge(trace, dlw_thread_at(trace, number), late, by_thread, from, until))
			return false;
	}
	return true;
}

static bool order_loose(struct dlw_trace *trace)
{
	struct operations operations = { 0 };
	struct late_edges late = { 0 };
	uint32_t at;

	if (trace->has_loose)
		operations.count = list_operations(trace, NULL);
	if (!operations.count)
		return true;
	operations.all = dlw_arena_array(trace->arena, struct operation, operations.count);
	operations.by_order = dlw_arena_array(trace->arena, uint32_t, operations.count);
	late.all = dlw_arena_array(trace->arena, struct late_edge, operations.count);
	if (!operations.all || !operations.by_order || !late.all)
		return false;
	list_operations(trace, operations.all);
	for (at = 0; at < operations.count; at++)
		operations.by_order[at] = at;
	dlw_sort(operations.by_order, operations.count, compare_operations, operations.all);
	order_operations(trace, &operations, &late);
	return add_late_edges(trace, &late);
}

/* ---- implicit holds ------------------------------------------------------------------------ */

static bool hold_until(struct dlw_trace *trace, struct dlw_thread *thread, uint32_t object,
		       uint32_t until)
{
	struct dlw_implicit *implicit;
	uint32_t at;

	for (at = 0; at < thread->implicits.count; at++) {
		implicit = dlw_column_at(&thread->implicits, at);
		if (implicit->object == object) {
			implicit->until = until;
			return true;
		}
	}
	implicit = dlw_column_add(&thread->implicits, trace->arena);
	if (!implicit)
		return false;
	*implicit = (struct dlw_implicit){ object, until };
	return true;
}

/* Whoever signals, posts or arrives holds that back until it has done so for the last time. */
static bool gives(const struct dlw_trace *trace, const struct dlw_step *step, uint32_t *object)
{
	*object = dlw_step_index(step);
	switch (dlw_step_op(step)) {
	case DLW_TRACE_SIGNAL:
	case DLW_TRACE_BROADCAST:
	case DLW_TRACE_ARRIVE:
		return true;
	case DLW_TRACE_RELEASE:
		return dlw_object_at(trace, *object)->loose &&
		       dlw_object_at(trace, *object)->kind == DLW_SEMAPHORE;
	default:
		return false;
	}
}

static bool find_implicits(struct dlw_trace *trace, struct dlw_thread *thread)
{
	uint32_t at, object;

	if (thread->joined && !hold_until(trace, thread, thread->token, UINT32_MAX))
		return false;
	if (!trace->has_loose && !trace->has_gifts)
		return true;
	for (at = 0; at < thread->end; at++)
		if (gives(trace, dlw_step_at(thread, at), &object) &&
		    !hold_until(trace, thread, object, at))
			return false;
	return true;
}

bool dlw_order_finish(struct dlw_trace *trace)
{
	uint32_t number;

	if (trace->finished)
		return true;
	if (!order_loose(trace))
		return false;
	for (number = 0; number < trace->threads.count; number++)
		if (!find_implicits(trace, dlw_thread_at(trace, number)))
			return false;
	trace->finished = true;
	return true;
}
