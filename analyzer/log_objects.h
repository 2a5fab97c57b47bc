/*
 * analyzer/log_objects.h - what a replay knows about each object, for as long
 * as it is in use
 *
 * An object comes into being at the first event that speaks of it and goes
 * when it was destroyed and nothing points to it any more, so programs that
 * create and destroy millions of locks replay in little memory. Process-shared
 * objects are one object for all logs of the session.
 */
#ifndef DLW_ANALYZER_LOG_OBJECTS_H
#define DLW_ANALYZER_LOG_OBJECTS_H

#include "analyzer/log_replay.h"

/**
 * dlw_source_object() - the object that @event of @source speaks of by number @id
 *
 * Never NULL for an id other than 0: an undefined one is guessed from the event.
 */
struct dlw_replay_object *dlw_source_object(struct dlw_source *source, uint32_t id,
					    const struct dlw_event *event);

/** dlw_object_use() - point to it; dlw_object_drop() - no longer; NULL is fine for both */
static inline struct dlw_replay_object *dlw_object_use(struct dlw_replay_object *object)
{
	if (object)
		object->references++;
	return object;
}

void dlw_object_forget(struct dlw_replay *replay, struct dlw_replay_object *object);

static inline void dlw_object_drop(struct dlw_replay *replay, struct dlw_replay_object *object)
{
	if (object && !--object->references && object->dead)
		dlw_object_forget(replay, object);
}

/**
 * dlw_object_renew_others() - @object was destroyed, by the current event, if by any
 *
 * What else points to it speaks of the life that follows, if it is one of several.
 */
void dlw_object_renew_others(struct dlw_replay *replay, struct dlw_replay_object *object);

/**
 * dlw_object_after_gap() - tickets of @object are missing: perhaps it was destroyed meanwhile
 *
 * Return: the life that goes on.
 */
struct dlw_replay_object *dlw_object_after_gap(struct dlw_replay *replay,
					       struct dlw_replay_object *object);

/** dlw_object_move_in() - the first event of @object happens: it lies at its address from now on */
void dlw_object_move_in(struct dlw_replay_object *object);

/** dlw_object_add_releaser() - @thread posted, signalled or arrived; a holder's own post is no stranger's */
struct dlw_past_releaser *dlw_object_add_releaser(struct dlw_replay_object *object,
						  struct dlw_cursor *thread, bool as_stranger);

/** dlw_objects_start() - before the first event is read: what logs say of an object together */
void dlw_objects_start(struct dlw_replay *replay);
void dlw_objects_free(struct dlw_replay *replay);

#endif
