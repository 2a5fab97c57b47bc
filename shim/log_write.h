/*
 * shim/log_write.h - the log of this process, written
 *
 * Events go into the calling thread's slot of the tail, definitions into slot
 * 1, which all threads share. Full slots are appended to the log, a few with
 * one write(2). What cannot be written is counted, never waited for.
 *
 * With log_mode=ring full blocks stay in the tail until newer ones need their
 * place; with log_mode=order few events are let through. Hooks need not know:
 * they note a hold before they log its ACQUIRED and take it away after they
 * logged its release.
 */
#ifndef DLW_SHIM_LOG_WRITE_H
#define DLW_SHIM_LOG_WRITE_H

#include <dlwatch/log.h>

#include "shim/context.h"

/** dlw_log_open() - begin the log if options ask for one */
void dlw_log_open(void);

/** dlw_log_close() - last words of the process: flush, END record, remove an empty tail */
void dlw_log_close(enum dlw_end_reason reason, int status);

/** dlw_log_flush() - append what this thread's slot and the definitions have */
void dlw_log_flush(struct dlw_context *self);

/** dlw_log_thread() - define a thread and give it a slot (NULL: not logging) */
struct dlw_slot *dlw_log_thread(uint32_t serial, int32_t tid, uint32_t creator,
				uint32_t created_stack, bool detached);

/** dlw_log_thread_gone() - flush and free a dead thread's slot */
void dlw_log_thread_gone(struct dlw_slot *slot);

/** dlw_log_stack() - a new stack, and the modules it lies in; stacks_lock is held */
void dlw_log_stack(const struct dlw_stack_record *record);
void dlw_log_thread_name(uint32_t serial, const char *name);

/** dlw_log_object_slow() - the same, defining this life of it if need be */
uint32_t dlw_log_object_slow(struct dlw_object *object);

/** dlw_log_object() - the object's id in the log, for the calling thread's next event */
static inline uint32_t dlw_log_object(struct dlw_object *object)
{
	if (dlw_likely(object->log_id && dlw_options.log_mode == DLW_LOG_FULL))
		return object->log_id;
	return dlw_log_object_slow(object);
}

/** dlw_log_object_name(), dlw_log_object_class() - annotated, if the log knows this life of it already */
void dlw_log_object_name(const struct dlw_object *object);
void dlw_log_object_class(const struct dlw_object *object);

/** dlw_log_destroyed() - the life of an object that the log knows is over */
void dlw_log_destroyed(struct dlw_context *self, struct dlw_object *object);

/** dlw_log_misuse() - a lock was used wrongly */
void dlw_log_misuse(const struct dlw_misuse *note);

/** dlw_log_look() - what the watcher saw */
void dlw_log_look(uint32_t found, const char *open_reason);

/** dlw_log_python() - what an interpreter here was doing; @text ends with a NUL */
void dlw_log_python(const char *text, size_t length);

/** dlw_log_event() - append one; event->ticks is filled in here */
void dlw_log_event(struct dlw_context *self, struct dlw_event *event);

static inline bool dlw_logging(const struct dlw_context *self)
{
	return dlw_unlikely(self->log != NULL);
}

/** dlw_log_disown() - in the child of a fork: the log is the parent's */
void dlw_log_disown(void);

#endif
