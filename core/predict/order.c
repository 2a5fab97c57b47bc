/*
 * core/predict/order.c - what had to come before what, locks aside
 *
 * Creation, exit, signals, posts, arrivals and memory order threads; a lock
 * that was given back and taken again does not: the next run may see it the
 * other way round. Of two signals each wakes the thread that has waited
 * longest since; any matching in which every wake-up has a signal of its own
 * is a possible run, and this one is kept.
 */
#include <string.h>

#include "core/predict/store.h"
#include "core/sort.h"

/* A signal, post, arrival or access on its way to whoever sees it. */
struct passing {
	uint32_t thread, prefix;
	uint32_t order;
	uint32_t left; /* how many it can still reach */
};

/** What an object has to hand over; the oldest is at .first. */
struct dlw_awaited {
	struct passing *passing;
	uint32_t first, count, room;
	/* condition: who waits, oldest first; barrier: arrivals of this round */
	struct passing *waiting;
	uint32_t waiting_count, waiting_room;
};

bool dlw_order_edge(struct dlw_trace *trace, uint32_t thread, struct dlw_edge edge)
{
	struct dlw_edge *added;

	if (edge.thread == thread)
		return true;
	added = dlw_column_add(&dlw_thread_at(trace, thread)->edges, trace->arena);
	if (!added)
		return false;
	*added = edge;
	return true;
}

/** follow() - the next step of @thread comes after what is @passing */
static bool follow(struct dlw_trace *trace, uint32_t thread, const struct passing *passing)
{
	return dlw_order_edge(trace, thread,
			      (struct dlw_edge){ dlw_thread_at(trace, thread)->steps.count,
						 passing->thread, passing->prefix, false });
}

static struct dlw_awaited *awaited_of(struct dlw_trace *trace, uint32_t number)
{
	struct dlw_object *object = dlw_object_at(trace, number);

	if (!object->awaited)
		object->awaited = dlw_arena_take(trace->arena, sizeof(*object->awaited));
	return object->awaited;
}

static bool append(struct dlw_trace *trace, struct passing **list, uint32_t *count, uint32_t *room,
		   struct passing element)
{
	if (*count == *room) {
		uint32_t more = *room ? 2 * *room : 4;
		struct passing *grown = dlw_arena_array(trace->arena, struct passing, more);

		if (!grown)
			return false;
		if (*count)
			memcpy(grown, *list, sizeof(*grown) * *count);
		*list = grown;
		*room = more;
	}
	(*list)[(*count)++] = element;
	return true;
}

/** now() - the step about to be appended to @thread */
static struct passing now(const struct dlw_trace *trace, uint32_t thread, uint32_t left)
{
	return (struct passing){ thread, dlw_thread_at(trace, thread)->steps.count + 1,
				 trace->order, left };
}

static bool pass(struct dlw_trace *trace, struct dlw_awaited *awaited, struct passing element)
{
	if (awaited->first == awaited->count)
		awaited->first = awaited->count = 0;
	return append(trace, &awaited->passing, &awaited->count, &awaited->room, element);
}

/** stop_waiting() - @thread waits no longer. Return: since when it did */
static uint32_t stop_waiting(struct dlw_awaited *awaited, uint32_t thread)
{
	uint32_t at, since;

	for (at = 0; at < awaited->waiting_count; at++)
		if (awaited->waiting[at].thread == thread)
			break;
	if (at == awaited->waiting_count)
		return 0;
	since = awaited->waiting[at].order;
	memmove(awaited->waiting + at, awaited->waiting + at + 1,
		sizeof(*awaited->waiting) * (awaited->waiting_count - at - 1));
	awaited->waiting_count--;
	return since;
}

/* ---- conditions -------------------------------------------------------------------- */

bool dlw_order_wait(struct dlw_trace *trace, const struct dlw_trace_event *event)
{
	struct dlw_awaited *awaited = awaited_of(trace, event->object);

	return awaited && append(trace, &awaited->waiting, &awaited->waiting_count,
				 &awaited->waiting_room, now(trace, event->thread, 0));
}

bool dlw_order_signal(struct dlw_trace *trace, const struct dlw_trace_event *event)
{
	struct dlw_awaited *awaited = awaited_of(trace, event->object);

	if (!awaited)
		return false;
	trace->has_gifts = true;
	if (!awaited->waiting_count)
		return true; /* nobody hears it */
	return pass(trace, awaited,
		    now(trace, event->thread,
			event->op == DLW_TRACE_BROADCAST ? awaited->waiting_count : 1));
}

bool dlw_order_woken(struct dlw_trace *trace, const struct dlw_trace_event *event)
{
	struct dlw_awaited *awaited = awaited_of(trace, event->object);
	uint32_t since, at;
	bool done = true;

	if (!awaited)
		return false;
	since = stop_waiting(awaited, event->thread);
	for (at = awaited->first; at < awaited->count; at++)
		if (awaited->passing[at].left && awaited->passing[at].order > since)
			break;
	if (at < awaited->count) {
		awaited->passing[at].left--;
		done = follow(trace, event->thread, &awaited->passing[at]);
	}
	while (awaited->first < awaited->count && !awaited->passing[awaited->first].left)
		awaited->first++;
	if (!awaited->waiting_count)
		awaited->first = awaited->count = 0;
	return done;
}

bool dlw_order_give_up(struct dlw_trace *trace, const struct dlw_trace_event *event)
{
	struct dlw_awaited *awaited = awaited_of(trace, event->object);

	if (awaited)
		stop_waiting(awaited, event->thread);
	return awaited;
}

/* ---- barriers ------------------------------------------------------------------------ */

/* The passing ones are the arrivals of the round before, the waiting ones those of this round. */
static bool is_full(const struct dlw_object *object, const struct dlw_awaited *awaited)
{
	return object->initial_known && awaited->waiting_count >= object->initial;
}

static void next_round(struct dlw_awaited *awaited)
{
	struct passing *spare = awaited->passing;
	uint32_t room = awaited->room;

	awaited->passing = awaited->waiting;
	awaited->count = awaited->waiting_count;
	awaited->room = awaited->waiting_room;
	awaited->waiting = spare;
	awaited->waiting_count = 0;
	awaited->waiting_room = room;
}

static bool follow_all(struct dlw_trace *trace, uint32_t thread, const struct passing *all,
		       uint32_t count)
{
	uint32_t at;

	for (at = 0; at < count; at++)
		if (!follow(trace, thread, &all[at]))
			return false;
	return true;
}

static bool is_among(const struct passing *all, uint32_t count, uint32_t thread)
{
	uint32_t at;

	for (at = 0; at < count; at++)
		if (all[at].thread == thread)
			return true;
	return false;
}

/* Rounds keep their order: who arrives in the next one comes after all of this one. */
bool dlw_order_arrive(struct dlw_trace *trace, const struct dlw_trace_event *event)
{
	struct dlw_awaited *awaited = awaited_of(trace, event->object);

	if (!awaited)
		return false;
	trace->has_gifts = true;
	if (is_full(dlw_object_at(trace, event->object), awaited))
		next_round(awaited);
	/* who was in it has left it, and with that comes after all of it */
	if (!is_among(awaited->passing, awaited->count, event->thread) &&
	    !follow_all(trace, event->thread, awaited->passing, awaited->count))
		return false;
	return append(trace, &awaited->waiting, &awaited->waiting_count, &awaited->waiting_room,
		      now(trace, event->thread, 0));
}

bool dlw_order_leave(struct dlw_trace *trace, const struct dlw_trace_event *event)
{
	struct dlw_awaited *awaited = awaited_of(trace, event->object);

	if (!awaited)
		return false;
	/* where the number of parties is not known, the first to leave shows that all are there */
	if (is_among(awaited->waiting, awaited->waiting_count, event->thread))
		next_round(awaited);
	return follow_all(trace, event->thread, awaited->passing, awaited->count);
}

/* ---- tries that failed ------------------------------------------------------------------ */

/* What a try found taken must be taken again, or the program would go another way. */
bool dlw_order_failed(struct dlw_trace *trace, const struct dlw_trace_event *event)
{
	struct dlw_thread *thread = dlw_thread_at(trace, event->thread);
	uint32_t other, at;

	for (other = 0; other < trace->threads.count; other++) {
		const struct dlw_thread *holder = dlw_thread_at(trace, other);

		for (at = 0; at < holder->hold_count; at++)
			if (holder->holds[at].object == event->object &&
			    !dlw_order_edge(trace, event->thread,
					    (struct dlw_edge){ thread->steps.count, other,
							       holder->holds[at].prefix, true }))
				return false;
	}
	return true;
}

/* ---- memory --------------------------------------------------------------------------- */

bool dlw_order_access(struct dlw_trace *trace, const struct dlw_trace_event *event)
{
	struct dlw_awaited *awaited = awaited_of(trace, event->object);

	if (!awaited)
		return false;
	trace->has_memory = true;
	if (event->op == DLW_TRACE_READ)
		return !awaited->count || follow(trace, event->thread, &awaited->passing[0]);
	awaited->count = 0;
	return append(trace, &awaited->passing, &awaited->count, &awaited->room,
		      now(trace, event->thread, 1));
}

/* ---- when all is told: what turned out to be no lock ------------------------------------ */

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

/* ---- places in the trace ---------------------------------------------------------------------- */

uint32_t dlw_held_set(const struct dlw_trace *trace, uint32_t number, uint32_t prefix)
{
	const struct dlw_thread *thread = dlw_thread_at(trace, number);

	while (prefix-- > 0) {
		const struct dlw_step *step = dlw_step_at(thread, prefix);
		const struct dlw_dependency *wanted;

		switch (dlw_step_op(step)) {
		case DLW_TRACE_RELEASE:
			return step->extra;
		case DLW_TRACE_ACQUIRE:
			wanted = dlw_dependency_at(trace, dlw_step_index(step));
			return wanted->after	    ? wanted->after
			       : wanted->held_after ? DLW_HELD_AFTER | dlw_step_index(step)
						    : wanted->held;
		case DLW_TRACE_FAILED:
		case DLW_TRACE_JOIN:
		case DLW_TRACE_WOKEN:
		case DLW_TRACE_LEAVE:
			return dlw_dependency_at(trace, dlw_step_index(step))->held;
		default:
			break;
		}
	}
	return 0;
}

uint32_t dlw_prefix_at(const struct dlw_thread *thread, uint32_t order)
{
	uint32_t low = 0, high = thread->end, middle;

	while (low < high) {
		middle = low + (high - low) / 2;
		if (dlw_step_at(thread, middle)->order < order)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

uint32_t dlw_edges_before(const struct dlw_thread *thread, uint32_t prefix)
{
	uint32_t low = 0, high = thread->edges.count, middle;

	while (low < high) {
		middle = low + (high - low) / 2;
		if (((struct dlw_edge *)dlw_column_at(&thread->edges, middle))->at < prefix)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}
