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

/** dlw_hold_said_at() - how the acquisition of the hold behind @count others was said, perhaps */
static inline struct dlw_said **dlw_hold_said_at(struct dlw_slot *slot, uint32_t count)
{
	return &slot->held[count % DLW_SAID_DEPTH];
}

/**
 * dlw_hold_say() - the newest of @holding has just been had, if the block has said that before
 * @key: dlw_said_key() of the acquisition
 * @count: of the holds before it
 *
 * Return: false: nothing is done; dlw_hold_log().
 */
static inline __attribute__((always_inline)) bool
dlw_hold_say(struct dlw_context *self, struct dlw_slot *slot, uint64_t address, uint64_t key,
	     bool shared, uint64_t holding, uint32_t count)
{
	struct dlw_said *said = dlw_quick_said(slot, address, key);
	struct dlw_block *block = slot->block;
	const uint32_t length = block->length;
	struct dlw_object *object;
	struct dlw_recent *last;
	uint64_t ticket;
	uint32_t advance;

	if (dlw_unlikely(!said || length >= slot->quick_until))
		return false;
	object = said->object;
	last = said->recent;
	ticket = shared ? dlw_quick_shared_ticket(object) :
			  atomic_load_explicit(&object->ticket, memory_order_relaxed) + 1;
	advance = (uint32_t)ticket - last->ticket;
	if (dlw_unlikely(advance > DLW_AGAIN_TICKET_MAX)) {
		if (shared)
			dlw_quick_in_full(self, object, last->how, last->stack, ticket);
		return shared;
	}
	if (!shared)
		atomic_store_explicit(&object->ticket, ticket, memory_order_relaxed);
	last->ticket = (uint32_t)ticket;
	*(uint32_t *)((char *)(block + 1) + length) = said->unit | advance << DLW_AGAIN_TICKET_SHIFT;
	*dlw_hold_said_at(slot, count) = said;
	slot->open_holding = holding;
	atomic_thread_fence(memory_order_release);
	block->length += 4;
	return true;
}

/**
 * dlw_hold_unsay() - the newest of @holding is about to be given back, and its
 * acquisition was the last thing logged, by dlw_hold_say(): that says both now
 *
 * As dlw_quick_closed(), which see. It is one hold, not one taken again. .holding
 * will not be what it is now a second time.
 */
static inline __attribute__((always_inline)) bool
dlw_hold_unsay(struct dlw_slot *slot, uint64_t address, bool maybe_shared, uint64_t holding)
{
	const struct dlw_said *said = *dlw_hold_said_at(slot, (uint32_t)holding - 1);
	struct dlw_object *object = said->object;
	struct dlw_block *block = slot->block;

	if (dlw_unlikely(slot->open_holding != holding || !dlw_said_is(said, address)))
		return false;
	if (!maybe_shared || (said->recent->how >> 5 & 3) == 0)
		dlw_quick_count(object);
	else if (!dlw_quick_shared_next(object, said->recent->ticket))
		return false;
	((uint32_t *)((char *)(block + 1) + block->length))[-1] &= ~(1u << DLW_AGAIN_DELTA_SHIFT);
	return true;
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
