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
