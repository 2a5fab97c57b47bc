/*
 * shim/log_hold.h - a lock that was free is had, or given back: the short way into the log
 *
 * The same for every kind. Both between dlw_inside() and dlw_leave(); the hold is
 * noted before and taken away after. The thread's log may have ended: in a signal
 * handler, after the hook has looked which way to go.
 */
#ifndef DLW_SHIM_LOG_HOLD_H
#define DLW_SHIM_LOG_HOLD_H

#include "shim/hook_lock.h"
#include "shim/log_quick.h"

/** dlw_hold_log_at_length() - it has to have a time, or is not what was logged just now */
void dlw_hold_log_at_length(struct dlw_context *self, enum dlw_kind kind, enum dlw_mode mode,
			    const void *lock, enum dlw_form form, uint32_t stack);

/** dlw_hold_ticket() - of an acquisition in @mode */
static inline uint64_t dlw_hold_ticket(struct dlw_object *object, enum dlw_mode mode)
{
	return mode == DLW_SHARED ? dlw_quick_shared_ticket(object) : dlw_quick_ticket(object);
}

/** dlw_hold_log_object() - an acquisition that has no time */
static inline __attribute__((always_inline)) void
dlw_hold_log_object(struct dlw_context *self, struct dlw_object *object, enum dlw_mode mode,
		    enum dlw_form form, uint32_t stack, bool has_room)
{
	dlw_quick_put(self, object, DLW_EVENT_ACQUIRED, mode == DLW_SHARED, form, stack,
		      dlw_hold_ticket(object, mode), has_room);
}

/** dlw_hold_log() - the thread's newest hold has just been had, or had once more */
static inline __attribute__((always_inline)) void
dlw_hold_log(struct dlw_context *self, enum dlw_kind kind, enum dlw_mode mode, const void *lock,
	     enum dlw_form form, uint32_t stack)
{
	struct dlw_object *object = dlw_quick_known(self, dlw_address(lock), kind);

	if (dlw_unlikely(!self->log))
		return;
	if (dlw_likely(object && dlw_quick_begins(self->log)))
		dlw_hold_log_object(self, object, mode, form, stack, true);
	else
		dlw_hold_log_at_length(self, kind, mode, lock, form, stack);
}

/** dlw_hold_unlog() - the thread's newest hold is about to be given back, once */
static inline __attribute__((always_inline)) void
dlw_hold_unlog(struct dlw_context *self, enum dlw_kind kind, enum dlw_mode mode, const void *lock)
{
	const struct dlw_held *newest = dlw_hold_at(self, 0);
	struct dlw_object *object;

	if (dlw_unlikely(!self->log) ||
	    dlw_likely(dlw_quick_closed(self->log, dlw_address(lock), mode == DLW_SHARED)))
		return;
	object = dlw_quick_object(self, dlw_address(lock), kind);
	if (dlw_unlikely((newest->timed && !newest->again) || !object))
		dlw_lock_log_released(self, kind, mode, lock, 0);
	else if (mode == DLW_SHARED)
		dlw_quick_say(self, object, DLW_EVENT_RELEASED, 1, 0, 0,
			      dlw_quick_shared_ticket(object));
	else
		dlw_quick_short(self, object);
}

#endif
