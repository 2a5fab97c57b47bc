/*
 * analyzer/log_cursor.h - one thread's stream: its next event, and what it
 * holds so far
 *
 * Both belong together: a RELEASED_TOP says only how deep the lock lies in the
 * list of holds; which lock and which ticket that is follows from the list.
 */
#ifndef DLW_ANALYZER_LOG_CURSOR_H
#define DLW_ANALYZER_LOG_CURSOR_H

#include "analyzer/log_replay.h"

/** dlw_cursor_load() - go to the next event; sets .head, or .finished */
void dlw_cursor_load(struct dlw_cursor *cursor);

/**
 * dlw_cursor_take() - the head happens: bring the list of holds up to date
 *
 * The head stays readable except for .hold.
 */
void dlw_cursor_take(struct dlw_cursor *cursor);

/** dlw_cursor_leave() - let go of what the head points to */
void dlw_cursor_leave(struct dlw_cursor *cursor);

/** dlw_cursor_give_back() - the thread holds @object no more, if it did */
void dlw_cursor_give_back(struct dlw_cursor *cursor, struct dlw_replay_object *object);

/** dlw_cursor_hold() - the newest hold of @object that is not stale, or NULL */
struct dlw_log_hold *dlw_cursor_hold(struct dlw_cursor *cursor,
				     const struct dlw_replay_object *object);

/** dlw_cursor_permits() - how many permits of @semaphore the thread has, or NULL */
struct dlw_permits *dlw_cursor_permits(struct dlw_cursor *cursor,
				       const struct dlw_replay_object *semaphore);

/** dlw_is_counted() - whether permits of @object are counted instead of holds listed */
static inline bool dlw_is_counted(const struct dlw_replay_object *object)
{
	return object->defined.kind == DLW_SEMAPHORE;
}

/**
 * dlw_cursor_is_past_copy() - whether the head may have happened after the moment
 * up to which a copy of running programs has everything
 */
bool dlw_cursor_is_past_copy(const struct dlw_cursor *cursor);

/** dlw_cursor_end() - leave out the head and all that follows on it */
void dlw_cursor_end(struct dlw_cursor *cursor);

void dlw_cursor_free(struct dlw_cursor *cursor);

#endif
