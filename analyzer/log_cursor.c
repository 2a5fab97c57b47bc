/*
 * log_cursor.c - one thread's stream: its next event, and what it holds so far
 *
 * A gap in the stream makes the list of holds worthless: locks may have been
 * released in it and others taken. The thread then holds nothing as far as we
 * know, which can hide a deadlock but never invent one; releases that refer to
 * what was forgotten are passed over.
 */
#include "analyzer/log_cursor.h"

#include <stdlib.h>
#include <string.h>

#include "analyzer/log_memory.h"
#include "analyzer/log_objects.h"

/* ---------------------------------------------------------------------- holds */

struct dlw_log_hold *dlw_cursor_hold(struct dlw_cursor *cursor,
				     const struct dlw_replay_object *object)
{
	uint32_t at = cursor->hold_count;

	while (at-- > 0)
		if (cursor->holds[at].object == object && !cursor->holds[at].stale)
			return &cursor->holds[at];
	return NULL;
}

struct dlw_permits *dlw_cursor_permits(struct dlw_cursor *cursor,
				       const struct dlw_replay_object *semaphore)
{
	uint32_t at = cursor->permit_count;

	while (at-- > 0)
		if (cursor->permits[at].object == semaphore)
			return &cursor->permits[at];
	return NULL;
}

/** no_longer_holds() - the object's side of the end of a hold */
static void no_longer_holds(struct dlw_cursor *cursor, struct dlw_log_hold *hold)
{
	if (hold->stale)
		return;
	hold->object->holders--;
	if (hold->object->owner == cursor)
		hold->object->owner = NULL;
}

static void remove_hold(struct dlw_cursor *cursor, struct dlw_log_hold *hold)
{
	struct dlw_replay_object *object = hold->object;
	size_t after = (size_t)(cursor->holds + cursor->hold_count - (hold + 1));

	no_longer_holds(cursor, hold);
	if (after)
		memmove(hold, hold + 1, after * sizeof(*hold));
	cursor->hold_count--;
	dlw_object_drop(cursor->source->replay, object);
}

static void add_hold(struct dlw_cursor *cursor)
{
	const struct dlw_event *event = &cursor->head.event;
	struct dlw_replay_object *object = cursor->head.object;

	dlw_reserve(cursor->holds, cursor->hold_count, cursor->hold_room);
	cursor->holds[cursor->hold_count++] = (struct dlw_log_hold){
		.object = dlw_object_use(object),
		.mode = event->mode,
		.count = 1,
		.stack = event->stack,
		.ticket = event->ticket,
		.ticks = event->ticks,
		.untimed = event->untimed,
	};
	object->holders++;
	object->owner = event->mode == 0 ? cursor : NULL;
}

static void drop_dead_permits(struct dlw_cursor *cursor)
{
	uint32_t from, kept = 0;

	for (from = 0; from < cursor->permit_count; from++) {
		if (cursor->permits[from].object->dead || !cursor->permits[from].count)
			dlw_object_drop(cursor->source->replay, cursor->permits[from].object);
		else
			cursor->permits[kept++] = cursor->permits[from];
	}
	cursor->permit_count = kept;
}

static void add_permit(struct dlw_cursor *cursor)
{
	struct dlw_permits *permits = dlw_cursor_permits(cursor, cursor->head.object);

	if (!permits) {
		if (cursor->permit_count == cursor->permit_room)
			drop_dead_permits(cursor);
		dlw_reserve(cursor->permits, cursor->permit_count, cursor->permit_room);
		permits = &cursor->permits[cursor->permit_count++];
		*permits = (struct dlw_permits){ .object = dlw_object_use(cursor->head.object) };
	}
	permits->count++;
	permits->stack = cursor->head.event.stack;
	permits->ticks = cursor->head.event.ticks;
	permits->untimed = cursor->head.event.untimed;
}

static void acquired(struct dlw_cursor *cursor)
{
	struct dlw_replay_object *object = cursor->head.object;
	struct dlw_log_hold *hold;

	if (dlw_is_counted(object)) {
		add_permit(cursor);
		return;
	}
	if (object->defined.kind == DLW_MUTEX && object->defined.type == DLW_TYPE_RECURSIVE) {
		hold = dlw_cursor_hold(cursor, object);
		if (hold) {
			hold->count++;
			hold->ticket = cursor->head.event.ticket;
			return;
		}
	}
	add_hold(cursor);
}

/** held() - a block that begins anew says what the thread has */
static void held(struct dlw_cursor *cursor)
{
	struct dlw_head *head = &cursor->head;
	uint32_t count = (uint32_t)head->event.argument;

	if (!count)
		return;
	if (dlw_is_counted(head->object)) {
		add_permit(cursor);
		dlw_cursor_permits(cursor, head->object)->count += count - 1;
		dlw_cursor_permits(cursor, head->object)->ticks = 0;
	} else {
		add_hold(cursor);
		cursor->holds[cursor->hold_count - 1].count = count;
		cursor->holds[cursor->hold_count - 1].ticks = 0;
	}
}

static void lower_hold(struct dlw_cursor *cursor, struct dlw_log_hold *hold)
{
	if (!hold)
		return;
	if (--hold->count)
		hold->ticket = cursor->head.event.ticket;
	else
		remove_hold(cursor, hold);
}

void dlw_cursor_give_back(struct dlw_cursor *cursor, struct dlw_replay_object *object)
{
	struct dlw_log_hold *hold = dlw_cursor_hold(cursor, object);

	if (hold)
		remove_hold(cursor, hold);
}

static void posted(struct dlw_cursor *cursor)
{
	struct dlw_permits *permits = dlw_cursor_permits(cursor, cursor->head.object);

	if (permits && permits->count)
		permits->count--;
}

void dlw_cursor_take(struct dlw_cursor *cursor)
{
	switch (cursor->head.event.type) {
	case DLW_EVENT_ACQUIRED:
		acquired(cursor);
		break;
	case DLW_EVENT_RELEASED_TOP:
	case DLW_EVENT_RELEASED:
		lower_hold(cursor, cursor->head.hold);
		break;
	case DLW_EVENT_POSTED:
		posted(cursor);
		break;
	case DLW_EVENT_HELD:
		held(cursor);
		break;
	case DLW_EVENT_CONDITION_WAIT:
	case DLW_EVENT_FORGOTTEN:
		if (cursor->head.hold)
			remove_hold(cursor, cursor->head.hold);
		break;
	default:
		break;
	}
	cursor->head.hold = NULL;
}

/** begin_anew() - blocks are missing: nothing is known of what the thread has */
static void begin_anew(struct dlw_cursor *cursor)
{
	struct dlw_replay *replay = cursor->source->replay;

	while (cursor->hold_count)
		remove_hold(cursor, &cursor->holds[cursor->hold_count - 1]);
	while (cursor->permit_count) {
		struct dlw_permits *permits = &cursor->permits[--cursor->permit_count];

		/* it may have been posted meanwhile, by this thread or for it */
		permits->object->poster_vanished = true;
		dlw_object_drop(replay, permits->object);
	}
	dlw_object_drop(replay, cursor->want.object);
	dlw_object_drop(replay, cursor->want.mutex);
	cursor->want = (struct dlw_log_want){ 0 };
	cursor->polled_times = 0;
	cursor->gaps++;
}

/** forget() - … and nothing will be */
static void forget(struct dlw_cursor *cursor)
{
	cursor->lost = true;
	cursor->source->replay->unheard = true;
	begin_anew(cursor);
}

/* --------------------------------------------------------------------- blocks */

static void align_units(struct dlw_cursor *cursor, const struct dlw_log_block *block)
{
	if (((uintptr_t)block->payload & 3) == 0) {
		cursor->units = (const uint32_t *)(const void *)block->payload;
		return;
	}
	if (cursor->aligned_room < block->length / 4) {
		cursor->aligned_room = block->length / 4;
		cursor->aligned = dlw_log_reallocate(cursor->aligned, cursor->aligned_room, 4);
	}
	if (block->length)
		memcpy(cursor->aligned, block->payload, block->length);
	cursor->units = cursor->aligned;
}

/** says_anew() - a block's state has what the thread said through dlwatch.h: since 4.2 */
static bool says_anew(const struct dlw_log_header *header)
{
	return header->major > 4 || header->minor >= 2;
}

/** skip_to() - @block does not follow on the last one */
static void skip_to(struct dlw_cursor *cursor, const struct dlw_log_block *block)
{
	if (!(block->flags & DLW_BLOCK_STATE)) {
		forget(cursor);
		return;
	}
	cursor->late = cursor->takes_state = true;
	cursor->exempt = 0;
	if (!says_anew(&cursor->source->file.header))
		cursor->source->replay->unheard = true;
	begin_anew(cursor);
}

/** next_block() - begin the thread's next block of events; false: there is none */
static bool next_block(struct dlw_cursor *cursor)
{
	const struct dlw_log_block *block;

	while (cursor->block < cursor->block_end) {
		block = cursor->block++;
		cursor->takes_state = false;
		if (block->sequence != cursor->expected_sequence || dlw_log_block_is_cut_off(block))
			skip_to(cursor, block);
		cursor->expected_sequence = block->sequence + 1;
		cursor->source->replay->done_bytes += block->length;
		if (block->type != DLW_BLOCK_EVENTS)
			continue;
		align_units(cursor, block);
		cursor->unit_count = block->length / 4;
		cursor->at = 0;
		cursor->ticks = block->ticks;
		dlw_recents_begin(&cursor->recents, cursor->source->file.header.major);
		return true;
	}
	return false;
}

static bool says_no_event(enum dlw_event_type type)
{
	return type == DLW_EVENT_PAD || type == DLW_EVENT_TIME || type == DLW_EVENT_LATER ||
	       type == DLW_EVENT_DEFINITION;
}

/** release_at_once() - the event of which the acquisition before it has told */
static void release_at_once(struct dlw_event *event)
{
	*event = (struct dlw_event){ .type = DLW_EVENT_RELEASED_TOP,
				     .ticks = event->ticks,
				     .untimed = true };
}

/** next_event() - unpack into .head; false: the stream ends */
static bool next_event(struct dlw_cursor *cursor)
{
	struct dlw_event *event = &cursor->head.event;
	unsigned used;

	if (event->released) {
		release_at_once(event);
		return true;
	}
	for (;;) {
		if (cursor->at >= cursor->unit_count && !next_block(cursor))
			return false;
		if (cursor->at >= cursor->unit_count)
			continue;
		used = dlw_event_get(cursor->units + cursor->at, cursor->unit_count - cursor->at,
				     &cursor->ticks, event, &cursor->recents);
		if (!used) {
			/* the rest of the block is unreadable: a gap like any other */
			cursor->source->loss.cut_blocks++;
			cursor->at = cursor->unit_count;
			forget(cursor);
			continue;
		}
		cursor->at += used;
		if (!says_no_event(event->type))
			return true;
	}
}

/* ----------------------------------------------------------------------- head */

/** complete_ticket() - the object's operations are counted in 64 bits, plain events carry 32 */
static uint64_t complete_ticket(const struct dlw_event *event,
				const struct dlw_replay_object *object)
{
	uint64_t last = object->next_ticket - 1;
	uint32_t ahead = (uint32_t)event->ticket - (uint32_t)last;

	if (event->wide || (!event->ticket && last < UINT32_MAX / 2))
		return event->ticket;
	if (ahead > INT32_MAX && UINT32_MAX - ahead < last)
		return last - (UINT32_MAX - ahead) - 1; /* a little behind: it comes late */
	return last + ahead;
}

static struct dlw_log_hold *hold_at_depth(struct dlw_cursor *cursor, uint64_t depth)
{
	if (depth >= cursor->hold_count)
		return NULL;
	return &cursor->holds[cursor->hold_count - 1 - depth];
}

static void odd(struct dlw_cursor *cursor)
{
	if (!cursor->lost)
		cursor->source->loss.odd_events++;
}

/** resolve_top() - RELEASED_TOP and FORGOTTEN: the list says which lock; false: nothing there */
static bool resolve_top(struct dlw_cursor *cursor, struct dlw_head *head)
{
	head->hold = hold_at_depth(cursor, head->event.argument);
	if (!head->hold) {
		odd(cursor);
		return false;
	}
	head->object = head->hold->object;
	if (head->event.type == DLW_EVENT_FORGOTTEN || head->hold->stale)
		head->event.ticket = 0;
	else if (!head->event.wide || !head->event.ticket)
		head->event.ticket = head->hold->ticket ? head->hold->ticket + 1 : 0;
	return true;
}

static void resolve_condition_wait(struct dlw_cursor *cursor, struct dlw_head *head)
{
	static const struct dlw_event as_mutex = { .type = DLW_EVENT_ACQUIRED };

	if (head->event.argument > UINT32_MAX) {
		odd(cursor);
		return;
	}
	head->mutex = dlw_source_object(cursor->source, (uint32_t)head->event.argument, &as_mutex);
	if (!head->mutex)
		return;
	head->hold = dlw_cursor_hold(cursor, head->mutex);
	if (head->hold && head->hold->ticket)
		head->mutex_ticket = head->hold->ticket + 1;
}

static bool needs_object(const struct dlw_event *event)
{
	switch (event->type) {
	case DLW_EVENT_ACQUIRED:
	case DLW_EVENT_RELEASED:
	case DLW_EVENT_POSTED:
	case DLW_EVENT_SIGNALLED:
	case DLW_EVENT_BROADCAST:
	case DLW_EVENT_WOKEN:
	case DLW_EVENT_TRY_FAILED:
	case DLW_EVENT_DESTROYED:
	case DLW_EVENT_ARRIVED:
	case DLW_EVENT_LEFT:
	case DLW_EVENT_WANT:
	case DLW_EVENT_CONDITION_WAIT:
	case DLW_EVENT_RELEASED_BY_STRANGER:
	case DLW_EVENT_HELD:
		return true;
	case DLW_EVENT_ACCESSED:
		return event->mode != DLW_MODE_ANNOTATED;
	default:
		return false;
	}
}

static bool is_known(enum dlw_event_type type)
{
	return (type >= DLW_EVENT_ACQUIRED && type <= DLW_EVENT_LEFT) ||
	       type == DLW_EVENT_ACCESSED ||
	       (type >= DLW_EVENT_WANT && type <= DLW_EVENT_HELD);
}

/** said() - what the thread has told through dlwatch.h before its block began */
static void said(struct dlw_cursor *cursor, const struct dlw_head *head)
{
	if (head->event.form == DLW_ANNOTATED_EXEMPT)
		cursor->exempt = (uint32_t)head->event.argument;
	else if (head->event.form == DLW_ANNOTATED_RELEASER && head->object)
		dlw_object_add_releaser(head->object, cursor, false)->announced = true;
}

/** resolve_held() - false: known already, no event of its own, or not said in full */
static bool resolve_held(struct dlw_cursor *cursor, struct dlw_head *head)
{
	if (!cursor->takes_state)
		return false;
	if (head->event.mode == DLW_MODE_ANNOTATED) {
		said(cursor, head);
		return false;
	}
	if (!head->object) {
		/* it has, or has said, more than the block had room for */
		cursor->lost = cursor->source->replay->unheard = true;
		return false;
	}
	/* it stands for the last operation, which was this thread's: it waits for those before */
	head->event.ticket = complete_ticket(&head->event, head->object);
	return true;
}

/** resolve() - fill in what the event leaves unsaid; false: pass over it */
static bool resolve(struct dlw_cursor *cursor, struct dlw_head *head)
{
	struct dlw_event *event = &head->event;

	head->object = head->mutex = NULL;
	head->hold = NULL;
	head->mutex_ticket = 0;
	if (!is_known(event->type)) {
		cursor->source->loss.unknown_events++;
		return false;
	}
	if (event->type == DLW_EVENT_RELEASED_TOP || event->type == DLW_EVENT_FORGOTTEN)
		return resolve_top(cursor, head);
	head->object = dlw_source_object(cursor->source, event->object, event);
	if (event->type == DLW_EVENT_HELD)
		return resolve_held(cursor, head);
	if (!head->object) {
		event->ticket = 0;
		event->released = false; /* of a hold that there is not */
		if (needs_object(event))
			odd(cursor);
		return !needs_object(event);
	}
	event->ticket = complete_ticket(event, head->object);
	if (event->type == DLW_EVENT_RELEASED)
		head->hold = dlw_cursor_hold(cursor, head->object);
	else if (event->type == DLW_EVENT_CONDITION_WAIT)
		resolve_condition_wait(cursor, head);
	return true;
}

void dlw_cursor_load(struct dlw_cursor *cursor)
{
	do {
		if (!next_event(cursor)) {
			cursor->head.object = cursor->head.mutex = NULL;
			cursor->finished = true;
			return;
		}
	} while (!resolve(cursor, &cursor->head));
	dlw_object_use(cursor->head.object);
	dlw_object_use(cursor->head.mutex);
}

void dlw_cursor_leave(struct dlw_cursor *cursor)
{
	dlw_object_drop(cursor->source->replay, cursor->head.object);
	dlw_object_drop(cursor->source->replay, cursor->head.mutex);
	cursor->head.object = cursor->head.mutex = NULL;
}

/** has_time_before() - whether the rest of the head's block has an event that was, surely */
static bool has_time_before(const struct dlw_cursor *cursor, uint64_t moment)
{
	struct dlw_recents recents = cursor->recents;
	uint64_t ticks = cursor->ticks;
	uint32_t at = cursor->at;
	struct dlw_event event;
	unsigned used;

	for (; at < cursor->unit_count; at += used) {
		used = dlw_event_get(cursor->units + at, cursor->unit_count - at, &ticks, &event,
				     &recents);
		if (!used)
			return false;
		if (!event.untimed && !says_no_event(event.type))
			return ticks <= moment;
	}
	return false;
}

bool dlw_cursor_is_past_copy(const struct dlw_cursor *cursor)
{
	uint64_t moment = cursor->source->copied_at;
	const struct dlw_event *event = &cursor->head.event;

	if (!moment || event->ticks > moment)
		return moment != 0;
	if (!event->untimed || (cursor->block < cursor->block_end && cursor->block->ticks <= moment))
		return false;
	return !has_time_before(cursor, moment);
}

void dlw_cursor_end(struct dlw_cursor *cursor)
{
	dlw_cursor_leave(cursor);
	cursor->block = cursor->block_end;
	cursor->at = cursor->unit_count;
	cursor->head.event.released = false;
	cursor->finished = true;
}

void dlw_cursor_free(struct dlw_cursor *cursor)
{
	free(cursor->holds);
	free(cursor->permits);
	free(cursor->aligned);
	free(cursor);
}
