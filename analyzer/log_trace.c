/*
 * analyzer/log_trace.c - a replay, told to the prediction event by event
 *
 * Objects and threads get their numbers when they first do something. A place
 * is the id of a stack in the log of the thread whose step it is.
 */
#include "analyzer/log_trace.h"

#include <errno.h>
#include <stdlib.h>

#include "analyzer/log_memory.h"
#include "analyzer/log_order.h"

struct dlw_log_trace *dlw_log_trace_new(struct dlw_replay *replay, struct dlw_arena *arena)
{
	struct dlw_log_trace *traced = dlw_log_allocate(1, sizeof(*traced));

	traced->replay = replay;
	traced->arena = arena;
	traced->trace = dlw_trace_new(arena);
	traced->threads = dlw_log_allocate(replay->cursor_count, sizeof(*traced->threads));
	if (!traced->trace)
		dlw_out_of_memory();
	return traced;
}

void dlw_log_trace_free(struct dlw_log_trace *traced)
{
	uint32_t at;

	for (at = 0; at < traced->replay->cursor_count; at++)
		free(traced->threads[at].order);
	free(traced->objects);
	free(traced->threads);
	free(traced->cursors);
	free(traced);
}

/* ---- numbers ---------------------------------------------------------------------- */

static void note_object(struct dlw_log_trace *traced, uint32_t number,
			struct dlw_traced_object object)
{
	if (number == DLW_NONE)
		dlw_out_of_memory();
	while (traced->object_count <= number) {
		dlw_reserve(traced->objects, traced->object_count, traced->object_room);
		traced->objects[traced->object_count++] = object;
	}
}

static uint32_t add_thread(struct dlw_log_trace *traced, struct dlw_cursor *cursor)
{
	uint32_t token = traced->object_count; /* the end of a thread is an object, made with it */
	uint32_t number = dlw_trace_thread(traced->trace);

	if (number == DLW_NONE)
		dlw_out_of_memory();
	dlw_trace_program(traced->trace, number, cursor->source->number);
	note_object(traced, token,
		    (struct dlw_traced_object){ cursor->source, cursor, DLW_NO_POSITION,
						DLW_THREAD });
	traced->threads[cursor->number].number = number + 1;
	dlw_reserve(traced->cursors, traced->cursor_count, traced->cursor_room);
	traced->cursors[traced->cursor_count++] = cursor;
	return number;
}

static inline uint32_t thread_number(struct dlw_log_trace *traced, struct dlw_cursor *cursor)
{
	uint32_t number = traced->threads[cursor->number].number;

	return number ? number - 1 : add_thread(traced, cursor);
}

/* Whether its beginning was seen, or it lies where nothing else ever does. */
static bool is_life_known(const struct dlw_replay_object *object)
{
	const struct dlw_log_object *defined = &object->defined;

	return !object->guessed && (defined->init_stack || object->shared || *defined->name ||
				    dlw_log_module(&object->source->defined, defined->address));
}

static uint32_t add_object(struct dlw_log_trace *traced, struct dlw_replay_object *object)
{
	const struct dlw_trace_object described = {
		.kind = object->defined.kind,
		.recursive = object->defined.type == DLW_TYPE_RECURSIVE,
		.initial = object->defined.initial,
		.initial_known = object->defined.initial_known,
		.life_known = is_life_known(object),
	};
	uint32_t number = dlw_trace_object(traced->trace, &described);

	note_object(traced, number,
		    (struct dlw_traced_object){ object->source, NULL, object->position,
						object->defined.kind });
	object->traced = number + 1;
	return number;
}

static inline uint32_t object_number(struct dlw_log_trace *traced, struct dlw_replay_object *object)
{
	return object->traced ? object->traced - 1 : add_object(traced, object);
}

/* ---- events ------------------------------------------------------------------------- */

static enum dlw_mode mode_of(const struct dlw_replay_object *object, uint8_t mode)
{
	if (object->defined.kind == DLW_SEMAPHORE)
		return DLW_PERMIT;
	return mode == 1 ? DLW_SHARED : DLW_EXCLUSIVE;
}

static bool has_orders_alone(const struct dlw_cursor *cursor)
{
	return cursor->source->defined.recording == DLW_RECORDING_ORDER;
}

static inline void add(struct dlw_log_trace *traced, const struct dlw_trace_event *event)
{
	dlw_trace_add(traced->trace, event); /* what it cannot take it counts */
}

/*
 * An order is a little run of its own: it must not be mixed with another
 * thread's, so it is told when it is complete.
 */
static void note_in_order(struct dlw_log_trace *traced, const struct dlw_cursor *cursor,
			  const struct dlw_trace_event *event)
{
	struct traced_thread *thread = &traced->threads[cursor->number];

	dlw_reserve(thread->order, thread->order_count, thread->order_room);
	thread->order[thread->order_count++] = *event;
}

/** end_order() - the last acquisition is what was asked for, the others make no order here */
static void end_order(struct dlw_log_trace *traced, const struct dlw_cursor *cursor)
{
	struct traced_thread *thread = &traced->threads[cursor->number];
	uint32_t at;

	for (at = 0; at < thread->order_count; at++) {
		struct dlw_trace_event *event = &thread->order[at];
		bool last = at + 1 == thread->order_count ||
			    thread->order[at + 1].op != DLW_TRACE_ACQUIRE;

		if (event->op == DLW_TRACE_ACQUIRE && last)
			event->times = thread->times;
		else
			event->form = DLW_FORM_TRY;
		add(traced, event);
	}
	thread->order_count = 0;
}

/** form_of() - an exempt thread counts as able to go on, whatever it waits for */
static enum dlw_form form_of(const struct dlw_cursor *cursor, uint8_t form)
{
	return cursor->exempt && form == DLW_FORM_BLOCKING ? DLW_FORM_TIMED : (enum dlw_form)form;
}

/** add_operation() - on @object, by the thread whose head it is */
static void add_operation(struct dlw_log_trace *traced, struct dlw_cursor *cursor,
			  enum dlw_trace_op op, struct dlw_replay_object *object)
{
	const struct dlw_event *event = &cursor->head.event;
	struct dlw_trace_event told = { .op = op };

	if (!object)
		return;
	told.thread = thread_number(traced, cursor);
	told.object = object_number(traced, object);
	told.mutex = cursor->head.mutex ? object_number(traced, cursor->head.mutex) : 0;
	told.mode = mode_of(object, event->mode);
	told.form = form_of(cursor, event->form);
	told.place = event->stack;
	if (has_orders_alone(cursor))
		note_in_order(traced, cursor, &told);
	else
		add(traced, &told);
}

static void add_to_thread(struct dlw_log_trace *traced, struct dlw_cursor *cursor,
			  enum dlw_trace_op op, struct dlw_cursor *other)
{
	if (!other || other == cursor)
		return;
	add(traced, &(struct dlw_trace_event){ .op = op,
					       .thread = thread_number(traced, cursor),
					       .object = thread_number(traced, other),
					       .place = cursor->head.event.stack });
}

static void add_own(struct dlw_log_trace *traced, struct dlw_cursor *cursor, enum dlw_trace_op op)
{
	add(traced, &(struct dlw_trace_event){ .op = op,
					       .thread = thread_number(traced, cursor),
					       .place = cursor->head.event.stack });
}

/* A wait that came to nothing: for a lock, somebody else had it all the time. */
static void add_giving_up(struct dlw_log_trace *traced, struct dlw_cursor *cursor)
{
	const struct dlw_log_want *want = &cursor->want;

	if (want->wait == DLW_WAIT_CONDITION)
		add_operation(traced, cursor, DLW_TRACE_GIVE_UP, want->object);
	else if (want->wait == DLW_WAIT_OBJECT && cursor->head.event.argument == ETIMEDOUT)
		add_operation(traced, cursor, DLW_TRACE_FAILED, want->object);
}

/* The child's one thread; pids may come again: of several logs the one that began last. */
static struct dlw_cursor *forked(const struct dlw_log_trace *traced, uint64_t pid)
{
	const struct dlw_replay *replay = traced->replay;
	struct dlw_cursor *child = NULL;
	uint32_t at;

	for (at = 0; at < replay->source_count; at++)
		if ((uint64_t)replay->sources[at]->file.header.pid == pid &&
		    replay->sources[at]->cursor_count)
			child = replay->sources[at]->cursors[0];
	return child;
}

/*
 * A child may be quicker than its parent's return from fork(): then the parent's
 * next event is the fork, and it happens now.
 */
static void fork_first(struct dlw_log_trace *traced, const struct dlw_cursor *child)
{
	const struct dlw_replay *replay = traced->replay;
	uint32_t at;

	if (traced->threads[child->number].number || child != child->source->cursors[0])
		return;
	for (at = 0; at < replay->cursor_count; at++) {
		struct dlw_cursor *cursor = replay->cursors[at];

		if (!cursor->finished && cursor->head.event.type == DLW_EVENT_FORKED &&
		    forked(traced, cursor->head.event.argument) == child)
			add_to_thread(traced, cursor, DLW_TRACE_FORK, child->source->cursors[0]);
	}
}

/** add_held() - log_mode=ring: a block begins with what the thread has */
static void add_held(struct dlw_log_trace *traced, struct dlw_cursor *cursor)
{
	if (!cursor->head.event.argument)
		return;
	/* asked for before the log begins: it wants nothing */
	cursor->head.event.form = DLW_FORM_TRY;
	add_operation(traced, cursor, DLW_TRACE_ACQUIRE, cursor->head.object);
}

/* Events that are one operation on one object. */
static const struct {
	bool known;
	enum dlw_trace_op op;
} operations[32] = {
	[DLW_EVENT_ACQUIRED] = { true, DLW_TRACE_ACQUIRE },
	[DLW_EVENT_RELEASED_TOP] = { true, DLW_TRACE_RELEASE },
	[DLW_EVENT_RELEASED] = { true, DLW_TRACE_RELEASE },
	[DLW_EVENT_FORGOTTEN] = { true, DLW_TRACE_RELEASE },
	[DLW_EVENT_POSTED] = { true, DLW_TRACE_RELEASE },
	[DLW_EVENT_SIGNALLED] = { true, DLW_TRACE_SIGNAL },
	[DLW_EVENT_BROADCAST] = { true, DLW_TRACE_BROADCAST },
	[DLW_EVENT_WOKEN] = { true, DLW_TRACE_WOKEN },
	[DLW_EVENT_TRY_FAILED] = { true, DLW_TRACE_FAILED },
	[DLW_EVENT_ARRIVED] = { true, DLW_TRACE_ARRIVE },
	[DLW_EVENT_LEFT] = { true, DLW_TRACE_LEAVE },
	[DLW_EVENT_CONDITION_WAIT] = { true, DLW_TRACE_WAIT },
};

static void add_event(struct dlw_log_trace *traced, struct dlw_cursor *cursor)
{
	const struct dlw_event *event = &cursor->head.event;
	struct dlw_cursor *other;

	if (operations[event->type].known) {
		add_operation(traced, cursor, operations[event->type].op, cursor->head.object);
		return;
	}
	end_order(traced, cursor);
	switch (event->type) {
	case DLW_EVENT_ORDER:
		traced->threads[cursor->number].times =
			dlw_log_order_times(&cursor->source->defined, event->argument);
		break;
	case DLW_EVENT_ACCESSED:
		/* what a program says through dlwatch.h is no access */
		if (event->mode != DLW_MODE_ANNOTATED)
			add_operation(traced, cursor,
				      event->mode ? DLW_TRACE_READ : DLW_TRACE_WRITE,
				      cursor->head.object);
		break;
	case DLW_EVENT_HELD:
		add_held(traced, cursor);
		break;
	case DLW_EVENT_GAVE_UP:
		add_giving_up(traced, cursor);
		break;
	case DLW_EVENT_CREATED:
		add_to_thread(traced, cursor, DLW_TRACE_CREATE,
			      dlw_order_thread(cursor->source, event->argument));
		break;
	case DLW_EVENT_JOINED:
		add_to_thread(traced, cursor, DLW_TRACE_JOIN,
			      dlw_order_thread(cursor->source, event->argument));
		break;
	case DLW_EVENT_FORKED:
		other = forked(traced, event->argument);
		if (other && !traced->threads[other->number].number)
			add_to_thread(traced, cursor, DLW_TRACE_FORK, other);
		break;
	case DLW_EVENT_STARTED:
		add_own(traced, cursor, DLW_TRACE_START);
		break;
	case DLW_EVENT_EXITED:
		add_own(traced, cursor, DLW_TRACE_EXIT);
		break;
	case DLW_EVENT_RELEASED_BY_STRANGER:
		if (!event->argument)
			add_operation(traced, cursor, DLW_TRACE_RELEASE, cursor->head.object);
		break;
	default:
		break;
	}
}

void dlw_log_trace_before(struct dlw_log_trace *traced)
{
	struct dlw_cursor *cursor = dlw_replay_peek(traced->replay);

	fork_first(traced, cursor);
	if (cursor->gaps != traced->threads[cursor->number].gaps) {
		traced->threads[cursor->number].gaps = cursor->gaps;
		end_order(traced, cursor);
		add_own(traced, cursor, DLW_TRACE_GAP);
	}
	/* the form of a condition wait is that of its wish */
	if (cursor->head.event.type == DLW_EVENT_WOKEN && cursor->want.wait == DLW_WAIT_CONDITION)
		cursor->head.event.form = cursor->want.form;
	add_event(traced, cursor);
}

void dlw_log_trace_after(struct dlw_log_trace *traced, const struct dlw_cursor *cursor)
{
	const struct dlw_event *event = &cursor->head.event;
	const struct dlw_replay_object *object = cursor->head.object;
	struct dlw_trace_event expected = { .op = DLW_TRACE_ACQUIRE };

	if (event->type != DLW_EVENT_ACQUIRED || !object || !object->traced ||
	    cursor == dlw_replay_peek(traced->replay) || has_orders_alone(cursor))
		return;
	expected.thread = traced->threads[cursor->number].number - 1;
	expected.object = object->traced - 1;
	expected.mode = mode_of(object, event->mode);
	expected.form = form_of(cursor, event->form);
	dlw_trace_expect(traced->trace, &expected);
}

static void add_last_want(struct dlw_log_trace *traced, struct dlw_cursor *cursor)
{
	const struct dlw_log_want *want = &cursor->want;
	struct dlw_trace_event event = {
		.op = DLW_TRACE_WANT,
		.form = form_of(cursor, want->form),
		.place = want->stack,
	};

	if (want->wait == DLW_WAIT_THREAD) {
		struct dlw_cursor *other = dlw_order_thread(cursor->source, want->joined);

		if (!other || other == cursor)
			return;
		event.op = DLW_TRACE_WANT_JOIN;
		event.object = thread_number(traced, other);
	} else if (want->object) {
		event.object = object_number(traced, want->object);
		event.mode = want->wait == DLW_WAIT_CONDITION ? DLW_SIGNAL
			     : want->wait == DLW_WAIT_BARRIER ? DLW_ARRIVE
							      : mode_of(want->object, want->mode);
	} else {
		return;
	}
	event.thread = thread_number(traced, cursor);
	add(traced, &event);
}

void dlw_log_trace_end(struct dlw_log_trace *traced)
{
	uint32_t at;

	for (at = 0; at < traced->replay->cursor_count; at++) {
		struct dlw_cursor *cursor = traced->replay->cursors[at];

		end_order(traced, cursor);
		if (!cursor->exited && cursor->want.wait != DLW_WAIT_NONE)
			add_last_want(traced, cursor);
	}
}
