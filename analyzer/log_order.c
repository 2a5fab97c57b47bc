/*
 * log_order.c - which thread's event goes next
 *
 * A head may go when its ticket is the next of its object, a start when the
 * creation was seen, a join when the thread has exited. (The mutex that a
 * condition wait gives back was held until then: its ticket is the next one
 * anyway.) Of those that may, the earliest does: any choice would be a possible
 * run, but people should see one that looks like theirs.
 *
 * Threads that may not go hang on what they wait for, sorted by ticket, so an
 * operation looks at one waiter only.
 */
#include "analyzer/log_order.h"

#include <stdlib.h>

#include "analyzer/log_cursor.h"
#include "analyzer/log_index.h"
#include "analyzer/log_memory.h"
#include "analyzer/log_objects.h"

/* ----------------------------------------------------------------------- heap */

static void sift_down(struct dlw_replay *replay, uint32_t at)
{
	struct dlw_heap_entry *heap = replay->heap, moving = heap[at];
	uint32_t child;

	while ((child = 2 * at + 1) < replay->heap_count) {
		/* which child is chance: no branch on it */
		if (child + 1 < replay->heap_count)
			child += heap[child + 1].ticks < heap[child].ticks;
		if (moving.ticks <= heap[child].ticks)
			break;
		heap[at] = heap[child];
		at = child;
	}
	heap[at] = moving;
}

static void push(struct dlw_replay *replay, struct dlw_cursor *cursor)
{
	uint64_t ticks = cursor->head.event.ticks;
	uint32_t at = replay->heap_count++;

	while (at && replay->heap[(at - 1) / 2].ticks > ticks) {
		replay->heap[at] = replay->heap[(at - 1) / 2];
		at = (at - 1) / 2;
	}
	replay->heap[at] = (struct dlw_heap_entry){ ticks, cursor };
}

static struct dlw_cursor *pop(struct dlw_replay *replay)
{
	struct dlw_cursor *cursor = replay->heap[0].cursor;

	replay->heap[0] = replay->heap[--replay->heap_count];
	if (replay->heap_count)
		sift_down(replay, 0);
	return cursor;
}

/* ------------------------------------------------------------------- blocking */

struct dlw_cursor *dlw_order_thread(const struct dlw_source *source, uint64_t serial)
{
	uint32_t position;

	if (serial > UINT32_MAX)
		return NULL;
	position = dlw_log_index_find(&source->cursor_index, (uint32_t)serial);
	return position == DLW_NO_POSITION ? NULL : source->cursors[position];
}

static void block_on_object(struct dlw_replay *replay, struct dlw_cursor *cursor,
			    struct dlw_replay_object *object, uint64_t ticket)
{
	struct dlw_cursor **place = &object->blocked;

	while (*place && (*place)->blocked_ticket <= ticket)
		place = &(*place)->next_blocked;
	cursor->next_blocked = *place;
	*place = cursor;
	cursor->blocked_on = object;
	cursor->blocked_ticket = ticket;
	replay->blocked_count++;
}

static void block_on_thread(struct dlw_replay *replay, struct dlw_cursor *cursor,
			    struct dlw_cursor *other)
{
	cursor->next_blocked = other->thread_waiters;
	other->thread_waiters = cursor;
	cursor->blocked_on_thread = other;
	replay->blocked_count++;
}

/** unblock() - take it out of the list whose first element is *@place … and into the heap */
static void unblock(struct dlw_replay *replay, struct dlw_cursor **place)
{
	struct dlw_cursor *cursor = *place;

	*place = cursor->next_blocked;
	cursor->next_blocked = NULL;
	cursor->blocked_on = NULL;
	cursor->blocked_on_thread = NULL;
	replay->blocked_count--;
	push(replay, cursor);
}

/** awaited_thread() - the thread that has to create, or to exit, before the head may go */
static struct dlw_cursor *awaited_thread(const struct dlw_cursor *cursor)
{
	const struct dlw_event *event = &cursor->head.event;
	struct dlw_cursor *other;

	if (cursor->released)
		return NULL;
	if (event->type != DLW_EVENT_STARTED && event->type != DLW_EVENT_JOINED)
		return NULL;
	other = dlw_order_thread(cursor->source, event->argument);
	if (!other || other == cursor || other->finished)
		return NULL;
	if (event->type == DLW_EVENT_STARTED) /* it may have been created in what was overwritten */
		return cursor->created || other->late ? NULL : other;
	return other->exited ? NULL : other;
}

/** may_go() - or else the head hangs on what it waits for */
static bool may_go(struct dlw_replay *replay, struct dlw_cursor *cursor)
{
	const struct dlw_head *head = &cursor->head;
	struct dlw_cursor *other;

	if (head->object && head->event.ticket > head->object->next_ticket) {
		block_on_object(replay, cursor, head->object, head->event.ticket);
		return false;
	}
	other = awaited_thread(cursor);
	if (other) {
		block_on_thread(replay, cursor, other);
		return false;
	}
	return true;
}

/* ------------------------------------------------------------------ happening */

/** let_go() - the heads whose ticket it is now */
static void let_go(struct dlw_replay *replay, struct dlw_replay_object *object)
{
	while (object->blocked && object->blocked->blocked_ticket <= object->next_ticket)
		unblock(replay, &object->blocked);
}

static void use_ticket(struct dlw_replay *replay, struct dlw_replay_object *object,
		       uint64_t ticket)
{
	if (!ticket)
		return;
	if (ticket < object->next_ticket) {
		replay->late_tickets++;
		return;
	}
	object->next_ticket = ticket + 1;
	let_go(replay, object);
}

/** wake() - let the threads that wait for @from go: all, or only @only */
static void wake(struct dlw_replay *replay, struct dlw_cursor *from, const struct dlw_cursor *only)
{
	struct dlw_cursor **place = &from->thread_waiters;

	while (*place) {
		if (!only || *place == only)
			unblock(replay, place);
		else
			place = &(*place)->next_blocked;
	}
}

void dlw_order_happened(struct dlw_replay *replay)
{
	struct dlw_cursor *cursor = replay->current, *child;
	const struct dlw_head *head = &cursor->head;

	/* what is HELD may be known to be later than the object's first operation here */
	if (head->object && !(head->event.type == DLW_EVENT_HELD &&
			      head->event.ticket < head->object->next_ticket))
		use_ticket(replay, head->object, head->event.ticket);
	if (head->mutex)
		use_ticket(replay, head->mutex, head->mutex_ticket);
	if (head->event.type == DLW_EVENT_CREATED) {
		child = dlw_order_thread(cursor->source, head->event.argument);
		if (child) {
			child->created = true;
			wake(replay, cursor, child);
		}
	}
}

void dlw_order_exited(struct dlw_replay *replay)
{
	wake(replay, replay->current, NULL);
}

/* --------------------------------------------------------------------- stalls */

/** skip_to() - the operations before @ticket never come */
static void skip_to(struct dlw_replay *replay, struct dlw_replay_object *object, uint64_t ticket)
{
	object = dlw_object_after_gap(replay, object);
	if (dlw_source_overwrote(object->source)) {
		replay->overwritten_tickets += ticket - object->next_ticket;
	} else {
		replay->missing_tickets += ticket - object->next_ticket;
		object->holes = true;
	}
	object->next_ticket = ticket;
	let_go(replay, object);
}

/** end_all() - of a copy: what is left has no place before its moment */
static void end_all(struct dlw_replay *replay)
{
	uint32_t at;

	for (at = 0; at < replay->cursor_count; at++) {
		struct dlw_cursor *cursor = replay->cursors[at];

		cursor->thread_waiters = cursor->next_blocked = NULL;
		cursor->blocked_on_thread = NULL;
		if (cursor->blocked_on)
			cursor->blocked_on->blocked = NULL;
	}
	for (at = 0; at < replay->cursor_count; at++) {
		if (replay->cursors[at]->finished)
			continue;
		replay->cursors[at]->blocked_on = NULL;
		dlw_cursor_end(replay->cursors[at]);
		replay->threads_cut++;
	}
	replay->blocked_count = 0;
}

/** is_sooner() - of two heads that wait for a ticket: @one was before @other, it seems */
static bool is_sooner(const struct dlw_cursor *one, const struct dlw_cursor *other)
{
	if (!one->head.event.untimed && !other->head.event.untimed)
		return one->head.event.ticks < other->head.event.ticks;
	/* a time that was not taken is a little, or much, too early: who misses less? */
	return one->blocked_ticket - one->blocked_on->next_ticket <
	       other->blocked_ticket - other->blocked_on->next_ticket;
}

/*
 * Nobody may go. Of the threads that wait for a ticket, those with the
 * smallest outstanding one of their object can be first; the one whose event
 * really was first is among them, and its time is the earliest. But of what came
 * after the moment of a copy, only that has happened which led nobody to wait.
 */
static void skip_missing_tickets(struct dlw_replay *replay)
{
	struct dlw_cursor *best = NULL, *cursor;
	struct dlw_replay_object *object;
	bool past_copy = false;
	uint32_t at;

	for (at = 0; at < replay->cursor_count; at++) {
		cursor = replay->cursors[at];
		if (!cursor->blocked_on || cursor->blocked_on->blocked != cursor)
			continue;
		if (dlw_cursor_is_past_copy(cursor)) {
			past_copy = true;
			continue;
		}
		if (!best || is_sooner(cursor, best))
			best = cursor;
	}
	if (best) {
		object = best->blocked_on;
		replay->stalls++;
		skip_to(replay, object, best->blocked_ticket);
		return;
	}
	if (past_copy) {
		end_all(replay);
		return;
	}
	/* they wait for each other's creation and exit: a log that nobody wrote */
	for (at = 0; at < replay->cursor_count; at++) {
		cursor = replay->cursors[at];
		if (cursor->blocked_on_thread) {
			cursor->released = true;
			wake(replay, cursor->blocked_on_thread, cursor);
		}
	}
}

/* -------------------------------------------------------------------- choosing */

/** take_earliest() - make the earliest thread that may go the current one, if any */
static void take_earliest(struct dlw_replay *replay)
{
	struct dlw_cursor *cursor;

	replay->current = NULL;
	for (;;) {
		while (replay->heap_count) {
			cursor = pop(replay);
			/* it waited for one thing only: it may have to for the other */
			if (may_go(replay, cursor)) {
				replay->current = cursor;
				return;
			}
		}
		if (!replay->blocked_count)
			return;
		skip_missing_tickets(replay);
	}
}

void dlw_order_next(struct dlw_replay *replay)
{
	struct dlw_cursor *cursor = replay->current;

	if (cursor->finished) {
		wake(replay, cursor, NULL);
		take_earliest(replay);
		return;
	}
	if (replay->heap_count && replay->heap[0].ticks < cursor->head.event.ticks) {
		struct dlw_cursor *earliest = replay->heap[0].cursor;

		replay->heap[0] = (struct dlw_heap_entry){ cursor->head.event.ticks, cursor };
		sift_down(replay, 0);
		if (may_go(replay, earliest)) {
			replay->current = earliest;
			return;
		}
		take_earliest(replay);
		return;
	}
	if (!may_go(replay, cursor))
		take_earliest(replay);
}

void dlw_order_start(struct dlw_replay *replay)
{
	uint32_t at;

	replay->heap = dlw_log_allocate(replay->cursor_count, sizeof(*replay->heap));
	for (at = 0; at < replay->cursor_count; at++)
		if (!replay->cursors[at]->finished)
			push(replay, replay->cursors[at]);
	take_earliest(replay);
}
