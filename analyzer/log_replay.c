/*
 * log_replay.c - the logs of a session, played again in one order
 *
 * log_source.c opens them, log_cursor.c unpacks each thread's stream and keeps
 * what it holds, log_order.c says whose event goes next; here the event's meaning
 * for objects and waits is drawn: who owns, who waits, who has ever posted.
 */
#include "analyzer/log_replay.h"

#include <errno.h>

#include "analyzer/log_cursor.h"
#include "analyzer/log_objects.h"
#include "analyzer/log_order.h"

/* ---------------------------------------------------------------------- waits */

/** sleeper_left() - a wait on the condition is over, because of a signal or not */
static void sleeper_left(struct dlw_replay_object *condition, bool woken)
{
	condition->sleepers--;
	if ((woken && condition->signals) || condition->signals > condition->sleepers)
		condition->signals--;
}

static void drop_want(struct dlw_cursor *cursor, struct dlw_log_want *want)
{
	struct dlw_replay *replay = cursor->source->replay;

	dlw_object_drop(replay, want->object);
	dlw_object_drop(replay, want->mutex);
	*want = (struct dlw_log_want){ 0 };
}

static void end_want(struct dlw_cursor *cursor)
{
	if (cursor->want.wait == DLW_WAIT_CONDITION)
		sleeper_left(cursor->want.object, cursor->head.event.type == DLW_EVENT_WOKEN);
	drop_want(cursor, &cursor->want);
}

static void begin_want(struct dlw_cursor *cursor, enum dlw_wait wait, uint64_t since_ns)
{
	const struct dlw_head *head = &cursor->head;

	end_want(cursor);
	cursor->want = (struct dlw_log_want){
		.wait = wait,
		.object = dlw_object_use(head->object),
		.mode = head->event.mode,
		.form = head->event.form,
		.stack = head->event.stack,
		.since_ns = since_ns,
		.ticks = head->event.ticks,
		.order = cursor->source->replay->events + 1,
	};
}

static uint64_t time_of_head(const struct dlw_cursor *cursor)
{
	return dlw_log_file_time(&cursor->source->file, cursor->head.event.ticks);
}

static void wants(struct dlw_cursor *cursor)
{
	const struct dlw_log_want *before = &cursor->want;

	/* a condition's wish may be published once it waits: it stays that wait */
	if (before->wait == DLW_WAIT_CONDITION && before->object == cursor->head.object) {
		cursor->want.since_ns = cursor->head.event.argument;
		return;
	}
	begin_want(cursor, DLW_WAIT_OBJECT, cursor->head.event.argument);
}

static void waits_on_condition(struct dlw_cursor *cursor)
{
	uint64_t since = time_of_head(cursor);

	if (cursor->want.wait == DLW_WAIT_OBJECT && cursor->want.object == cursor->head.object)
		since = cursor->want.since_ns;
	begin_want(cursor, DLW_WAIT_CONDITION, since);
	cursor->want.object->sleepers++;
	cursor->want.mutex = dlw_object_use(cursor->head.mutex);
}

static void waits_for_thread(struct dlw_cursor *cursor)
{
	begin_want(cursor, DLW_WAIT_THREAD, time_of_head(cursor));
	cursor->want.joined = (uint32_t)cursor->head.event.argument;
}

/** note_poll() - the want has timed out: is it the one before again? */
static void note_poll(struct dlw_cursor *cursor)
{
	struct dlw_log_want want = cursor->want;

	dlw_object_use(want.object);
	dlw_object_use(want.mutex);
	if (!cursor->polled_times || cursor->polled.object != want.object ||
	    cursor->polled.stack != want.stack)
		cursor->polled_times = 0;
	else
		want.since_ns = cursor->polled.since_ns;
	cursor->polled_times++;
	drop_want(cursor, &cursor->polled);
	cursor->polled = want;
	cursor->polled_mutex_back = false;
}

static void gave_up(struct dlw_cursor *cursor)
{
	if (cursor->want.wait != DLW_WAIT_NONE && cursor->head.event.argument == ETIMEDOUT)
		note_poll(cursor);
	end_want(cursor);
}

/** is_mutex_back() - the end of a timed wait on a condition */
static bool is_mutex_back(const struct dlw_cursor *cursor)
{
	return cursor->polled.mutex && !cursor->polled_mutex_back &&
	       cursor->head.object == cursor->polled.mutex;
}

/** note_progress() - whoever takes or gives something has not just polled */
static void note_progress(struct dlw_cursor *cursor)
{
	switch (cursor->head.event.type) {
	case DLW_EVENT_WANT:
	case DLW_EVENT_CONDITION_WAIT:
	case DLW_EVENT_GAVE_UP:
		return;
	case DLW_EVENT_ACQUIRED:
		if (is_mutex_back(cursor)) {
			cursor->polled_mutex_back = true;
			return;
		}
		break;
	default:
		break;
	}
	if (!cursor->polled_times)
		return;
	cursor->polled_times = 0;
	drop_want(cursor, &cursor->polled);
}

/** resume_poll() - the thread was about to wait again, as it had */
static void resume_poll(struct dlw_cursor *cursor)
{
	struct dlw_log_want *want = &cursor->want;

	*want = cursor->polled;
	dlw_object_use(want->object);
	dlw_object_use(want->mutex);
	if (want->wait != DLW_WAIT_CONDITION)
		return;
	want->object->sleepers++;
	if (want->mutex && cursor->polled_mutex_back)
		dlw_cursor_give_back(cursor, want->mutex);
}

void dlw_replay_resume_polls(struct dlw_replay *replay)
{
	uint32_t at;

	for (at = 0; at < replay->cursor_count; at++) {
		struct dlw_cursor *cursor = replay->cursors[at];

		if (cursor->source->defined.look.found && cursor->finished && !cursor->exited &&
		    cursor->want.wait == DLW_WAIT_NONE &&
		    cursor->polled_times >= DLW_POLLING_TIMEOUTS && cursor->polled.object &&
		    !cursor->polled.object->dead)
			resume_poll(cursor);
	}
}

/* -------------------------------------------------------------------- objects */

/** make_stale() - @newcomer has the lock now (NULL: a stranger unlocked it): these have it no more */
static void make_stale(struct dlw_replay *replay, struct dlw_replay_object *object,
		       const struct dlw_cursor *newcomer, bool exclusive)
{
	uint32_t at, hold;

	for (at = 0; at < replay->cursor_count && object->holders; at++) {
		struct dlw_cursor *cursor = replay->cursors[at];

		for (hold = 0; hold < cursor->hold_count; hold++) {
			struct dlw_log_hold *held = &cursor->holds[hold];

			if (held->object != object || held->stale || cursor == newcomer ||
			    (!exclusive && held->mode != 0))
				continue;
			held->stale = true;
			object->holders--;
			if (newcomer)
				cursor->source->loss.stale_holds++;
		}
	}
	if (object->owner != newcomer)
		object->owner = NULL;
}

static void before_acquired(struct dlw_replay *replay, struct dlw_cursor *cursor)
{
	struct dlw_replay_object *object = cursor->head.object;
	bool exclusive = cursor->head.event.mode == 0;

	object->permits--;
	if (dlw_is_counted(object) || !object->holders)
		return;
	if (exclusive ? object->owner != cursor :
			object->owner && object->owner != cursor)
		make_stale(replay, object, cursor, exclusive);
}

static void note_post(struct dlw_cursor *cursor)
{
	struct dlw_replay_object *object = cursor->head.object;
	const struct dlw_permits *permits = dlw_cursor_permits(cursor, object);
	bool as_holder = permits && permits->count;

	if (as_holder) {
		if (object->history == DLW_NO_POST_YET)
			object->history = DLW_LOCK_LIKE;
	} else if (cursor->lost) {
		/* it may have taken a permit in the gap: say nothing for sure */
		object->poster_vanished = true;
	} else {
		object->history = DLW_SIGNAL_LIKE;
	}
	object->permits++;
	dlw_object_add_releaser(object, cursor, !as_holder);
}

static void note_signal(struct dlw_cursor *cursor)
{
	struct dlw_replay_object *object = cursor->head.object;

	if (cursor->head.event.type == DLW_EVENT_BROADCAST)
		object->signals = object->sleepers;
	else if (object->signals < object->sleepers)
		object->signals++;
	object->history = DLW_SIGNAL_LIKE;
	dlw_object_add_releaser(object, cursor, true);
}

static void note_arrival(struct dlw_cursor *cursor)
{
	struct dlw_replay_object *object = cursor->head.object;

	dlw_object_add_releaser(object, cursor, true);
	object->arrived++;
	if (object->defined.initial && object->arrived >= object->defined.initial)
		object->arrived = 0;
}

static void released_by_stranger(struct dlw_replay *replay, struct dlw_cursor *cursor)
{
	struct dlw_replay_object *object = cursor->head.object;

	if (cursor->head.event.argument)
		return; /* the C library refused */
	if (!cursor->lost) {
		object->distrusted = true;
		object->history = DLW_SIGNAL_LIKE;
		dlw_object_add_releaser(object, cursor, true);
	}
	make_stale(replay, object, NULL, true);
}

static void annotated(struct dlw_cursor *cursor)
{
	const struct dlw_head *head = &cursor->head;

	switch ((enum dlw_annotated)head->event.form) {
	case DLW_ANNOTATED_EXEMPT:
		cursor->exempt++;
		break;
	case DLW_ANNOTATED_EXEMPT_NO_MORE:
		cursor->exempt -= cursor->exempt > 0;
		break;
	case DLW_ANNOTATED_RELEASER:
		if (head->object)
			dlw_object_add_releaser(head->object, cursor, false)->announced = true;
		break;
	}
}

static void exited(struct dlw_cursor *cursor)
{
	end_want(cursor);
	cursor->exited = true;
}

/* ------------------------------------------------------------------ one event */

static void apply_to_thread(struct dlw_cursor *cursor)
{
	const struct dlw_head *head = &cursor->head;
	struct dlw_cursor *other;

	note_progress(cursor);
	switch (head->event.type) {
	case DLW_EVENT_WANT:
		wants(cursor);
		break;
	case DLW_EVENT_CONDITION_WAIT:
		waits_on_condition(cursor);
		break;
	case DLW_EVENT_ARRIVED:
		begin_want(cursor, DLW_WAIT_BARRIER, time_of_head(cursor));
		break;
	case DLW_EVENT_WANT_THREAD:
		waits_for_thread(cursor);
		break;
	case DLW_EVENT_ACQUIRED:
		if (cursor->want.object == head->object)
			end_want(cursor);
		break;
	case DLW_EVENT_WOKEN:
	case DLW_EVENT_LEFT:
		if (cursor->want.object == head->object)
			end_want(cursor);
		break;
	case DLW_EVENT_GAVE_UP:
		gave_up(cursor);
		break;
	case DLW_EVENT_JOINED:
		if (cursor->want.wait == DLW_WAIT_THREAD)
			end_want(cursor);
		break;
	case DLW_EVENT_ACCESSED:
		if (head->event.mode == DLW_MODE_ANNOTATED)
			annotated(cursor);
		break;
	case DLW_EVENT_STARTED:
		cursor->started = true;
		break;
	case DLW_EVENT_EXITED:
		exited(cursor);
		break;
	case DLW_EVENT_DETACHED:
		other = dlw_order_thread(cursor->source, head->event.argument);
		if (other)
			other->detached = true;
		break;
	default:
		break;
	}
}

/** is_open_elsewhere() - a named semaphore that one process has closed is there for the others */
static bool is_open_elsewhere(const struct dlw_replay_object *object)
{
	return object->shared && object->defined.type == DLW_TYPE_NAMED;
}

static void apply_to_object(struct dlw_replay *replay, struct dlw_cursor *cursor)
{
	switch (cursor->head.event.type) {
	case DLW_EVENT_ACQUIRED:
		before_acquired(replay, cursor);
		break;
	case DLW_EVENT_POSTED:
		note_post(cursor);
		break;
	case DLW_EVENT_SIGNALLED:
	case DLW_EVENT_BROADCAST:
		note_signal(cursor);
		break;
	case DLW_EVENT_ARRIVED:
		note_arrival(cursor);
		break;
	case DLW_EVENT_RELEASED_BY_STRANGER:
		released_by_stranger(replay, cursor);
		break;
	case DLW_EVENT_DESTROYED:
		cursor->head.object->dead = !is_open_elsewhere(cursor->head.object);
		break;
	default:
		break;
	}
}

void dlw_replay_apply(struct dlw_replay *replay)
{
	struct dlw_cursor *cursor = replay->current;

	if (cursor->head.object && !cursor->head.object->moved_in)
		dlw_object_move_in(cursor->head.object);
	apply_to_object(replay, cursor);
	dlw_cursor_take(cursor);
	apply_to_thread(cursor);
	dlw_order_happened(replay);
	if (cursor->head.event.type == DLW_EVENT_DESTROYED)
		dlw_object_renew_others(replay, cursor->head.object);
	if (cursor->head.event.type == DLW_EVENT_EXITED)
		dlw_order_exited(replay);
	dlw_cursor_leave(cursor);
	cursor->events++;
	replay->events++;
	dlw_cursor_load(cursor);
	dlw_order_next(replay);
}
