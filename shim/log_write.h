/*
 * shim/log_write.h - the log of this process, written
 *
 * Events go into the calling thread's slot of the tail, definitions into slot
 * 1, which all threads share. A full slot is appended to the log with one
 * write(2). What cannot be written is counted, never waited for.
 */
#ifndef DLW_SHIM_LOG_WRITE_H
#define DLW_SHIM_LOG_WRITE_H

#include <dlwatch/log.h>

#include "shim/context.h"

/** One slot of the tail, while a thread (or slot 1, the process) owns it. */
struct dlw_slot {
	struct dlw_block *block; /* in the tail; the payload follows */
	uint64_t ticks; /* of the last event */
	uint32_t serial;
	uint32_t index;
	struct dlw_slot *next_free;
	struct dlw_recent recent[DLW_RECENT]; /* of the block */
};

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

void dlw_log_stack(const struct dlw_stack_record *record);
void dlw_log_thread_name(uint32_t serial, const char *name);

/** dlw_log_object() - the object's id in the log, defining this life of it if need be; 0 */
uint32_t dlw_log_object(struct dlw_object *object);

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
