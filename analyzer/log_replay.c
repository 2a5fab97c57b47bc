/*
 * log_replay.c - the logs of a session, played again in one order
 *
 * log_cursor.c unpacks each thread's stream and keeps what it holds,
 * log_order.c says whose event goes next; here the event's meaning for objects
 * and waits is drawn: who owns, who waits, who has ever posted.
 */
#include "analyzer/log_replay.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/log_cursor.h"
#include "analyzer/log_memory.h"
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

/* ---------------------------------------------------------------- start and end */

static struct dlw_cursor *add_cursor(struct dlw_source *source, uint32_t serial)
{
	struct dlw_replay *replay = source->replay;
	struct dlw_cursor *cursor = dlw_log_allocate(1, sizeof(*cursor));

	cursor->source = source;
	cursor->serial = serial;
	cursor->number = replay->cursor_count;
	cursor->defined = dlw_log_defined_thread(&source->defined, serial);
	cursor->detached = cursor->defined && cursor->defined->detached;
	dlw_reserve(replay->cursors, replay->cursor_count, replay->cursor_room);
	replay->cursors[replay->cursor_count++] = cursor;
	return cursor;
}

/** serials_of() - all threads that are defined or have blocks, sorted, each once */
static uint32_t *serials_of(const struct dlw_source *source, uint32_t *count)
{
	const struct dlw_log_file *file = &source->file;
	uint32_t *serials, room, kept = 0, at;

	room = source->defined.thread_count + (uint32_t)file->block_count;
	serials = dlw_log_allocate(room, sizeof(*serials));
	for (at = 0; at < source->defined.thread_count; at++)
		serials[kept++] = source->defined.threads[at].serial;
	for (at = 0; at < file->block_count; at++)
		if (file->blocks[at].type == DLW_BLOCK_EVENTS &&
		    (!at || file->blocks[at].thread != file->blocks[at - 1].thread ||
		     file->blocks[at - 1].type != DLW_BLOCK_EVENTS))
			serials[kept++] = file->blocks[at].thread;
	*count = dlw_log_index_sort(serials, kept);
	return serials;
}

static void find_stream(struct dlw_cursor *cursor)
{
	const struct dlw_log_file *file = &cursor->source->file;
	size_t low = 0, high = file->block_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (file->blocks[middle].thread < cursor->serial)
			low = middle + 1;
		else
			high = middle;
	}
	cursor->block = file->blocks + low;
	while (low < file->block_count && file->blocks[low].thread == cursor->serial) {
		cursor->source->replay->total_bytes += file->blocks[low].length;
		low++;
	}
	cursor->block_end = file->blocks + low;
}

static void add_cursors(struct dlw_source *source)
{
	uint32_t count, at, *serials = serials_of(source, &count);

	source->cursors = dlw_log_allocate(count, sizeof(*source->cursors));
	source->cursor_count = count;
	for (at = 0; at < count; at++) {
		source->cursors[at] = add_cursor(source, serials[at]);
		find_stream(source->cursors[at]);
	}
	dlw_log_index_build(&source->cursor_index, serials, count);
	free(serials);
}

static void note_last_time(struct dlw_source *source)
{
	size_t at;

	source->last_ns = source->file.header.monotonic_ns;
	if (source->defined.look.present && source->defined.look.monotonic_ns > source->last_ns)
		source->last_ns = source->defined.look.monotonic_ns;
	if (source->defined.end_known && source->defined.end_ns > source->last_ns)
		source->last_ns = source->defined.end_ns;
	for (at = 0; at < source->file.block_count; at++)
		if (source->file.blocks[at].monotonic_ns > source->last_ns)
			source->last_ns = source->file.blocks[at].monotonic_ns;
}

static struct dlw_source *added(struct dlw_replay *replay, struct dlw_source *source, int opened,
				char **error)
{
	if (opened < 0) {
		*error = dlw_copy(source->file.error);
		dlw_log_file_close(&source->file);
		free(source);
		return NULL;
	}
	source->replay = replay;
	source->number = replay->source_count;
	dlw_log_definitions_read(&source->defined, &source->file);
	source->objects = dlw_log_allocate(source->defined.object_count, sizeof(*source->objects));
	add_cursors(source);
	note_last_time(source);
	dlw_reserve(replay->sources, replay->source_count, replay->source_room);
	replay->sources[replay->source_count++] = source;
	return source;
}

struct dlw_replay *dlw_replay_new(void)
{
	return dlw_log_allocate(1, sizeof(struct dlw_replay));
}

/** refuse_twice() - Return: 0, or -1 if @file is one of the logs already */
static int refuse_twice(const struct dlw_replay *replay, struct dlw_log_file *file)
{
	uint32_t at;

	for (at = 0; at < replay->source_count; at++) {
		const struct dlw_log_file *other = &replay->sources[at]->file;

		if (memcmp(&other->header, &file->header, sizeof(file->header)))
			continue;
		file->error = dlw_print("%s: not read: the same log as %s", file->path, other->path);
		return -1;
	}
	return 0;
}

struct dlw_source *dlw_replay_add(struct dlw_replay *replay, const char *path, char **error)
{
	struct dlw_source *source = dlw_log_allocate(1, sizeof(*source));
	int opened = dlw_log_file_open(&source->file, path);

	if (!opened)
		opened = refuse_twice(replay, &source->file);
	return added(replay, source, opened, error);
}

struct dlw_source *dlw_replay_add_memory(struct dlw_replay *replay, const char *path,
					 const void *bytes, size_t size, const void *tail,
					 size_t tail_size, char **error)
{
	struct dlw_source *source = dlw_log_allocate(1, sizeof(*source));

	return added(replay, source,
		     dlw_log_file_open_memory(&source->file, path, bytes, size, tail, tail_size),
		     error);
}

/** find_moment() - the earliest at which a process of the source's machine was copied */
static void find_moment(const struct dlw_replay *replay, struct dlw_source *source)
{
	uint32_t at;

	source->copied_at = 0;
	for (at = 0; at < replay->source_count; at++) {
		const struct dlw_log_file *file = &replay->sources[at]->file;

		if (!memcmp(file->header.boot_id, source->file.header.boot_id,
			    sizeof(file->header.boot_id)) &&
		    file->copied_at && (!source->copied_at || file->copied_at < source->copied_at))
			source->copied_at = file->copied_at;
	}
}

void dlw_replay_start(struct dlw_replay *replay)
{
	uint32_t at;

	for (at = 0; at < replay->source_count; at++) {
		const struct dlw_log_header *header = &replay->sources[at]->file.header;

		if (!at || header->monotonic_ns < replay->base_ns)
			replay->base_ns = header->monotonic_ns;
		find_moment(replay, replay->sources[at]);
	}
	for (at = 0; at < replay->cursor_count; at++)
		dlw_cursor_load(replay->cursors[at]);
	dlw_order_start(replay);
}

static void free_cursors(struct dlw_replay *replay)
{
	uint32_t at;

	dlw_objects_free(replay);
	for (at = 0; at < replay->cursor_count; at++)
		dlw_cursor_free(replay->cursors[at]);
	for (at = 0; at < replay->source_count; at++) {
		free(replay->sources[at]->cursors);
		dlw_log_index_free(&replay->sources[at]->cursor_index);
	}
	replay->cursor_count = 0;
}

void dlw_replay_rewind(struct dlw_replay *replay)
{
	uint32_t at;

	free_cursors(replay);
	replay->heap_count = replay->blocked_count = replay->object_numbers = 0;
	replay->events = replay->total_bytes = replay->done_bytes = 0;
	replay->stalls = replay->missing_tickets = replay->late_tickets = 0;
	replay->overwritten_tickets = 0;
	replay->threads_cut = 0;
	replay->unheard = false;
	for (at = 0; at < replay->source_count; at++) {
		struct dlw_source *source = replay->sources[at];

		source->loss = (struct dlw_log_loss){ 0 };
		free(source->next_tickets);
		source->next_tickets = NULL;
		if (source->defined.object_count)
			memset(source->objects, 0,
			       source->defined.object_count * sizeof(*source->objects));
		add_cursors(source);
	}
	free(replay->heap);
	dlw_replay_start(replay);
}

struct dlw_process_state dlw_source_process(const struct dlw_source *source)
{
	const struct dlw_log_definitions *defined = &source->defined;

	return (struct dlw_process_state){
		.pid = source->file.header.pid,
		.exe = defined->exe,
		.args = (const char *const *)defined->args,
		.arg_count = defined->arg_count,
		.modules = defined->modules,
		.module_count = defined->module_count,
	};
}

uint64_t dlw_source_lost_blocks(const struct dlw_source *source)
{
	uint64_t blocks = 0;
	size_t at;

	for (at = 0; at < source->file.gap_count; at++)
		blocks += source->file.gaps[at].blocks;
	return blocks;
}

bool dlw_source_is_cut(const struct dlw_source *source)
{
	if (source->defined.end_known)
		return source->defined.end_reason == DLW_END_LOG_MAX;
	return !source->file.tail_read || source->file.damaged_slots;
}

void dlw_replay_free(struct dlw_replay *replay)
{
	uint32_t at;

	free_cursors(replay);
	for (at = 0; at < replay->source_count; at++) {
		struct dlw_source *source = replay->sources[at];

		dlw_log_definitions_free(&source->defined);
		dlw_log_file_close(&source->file);
		free(source->made);
		free(source->objects);
		free(source->next_tickets);
		free(source);
	}
	free(replay->sources);
	free(replay->cursors);
	free(replay->heap);
	free(replay);
}
