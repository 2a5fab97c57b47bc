/*
 * shim/log_quick.h - the short way of an acquisition and its release into the log
 *
 * For exclusive locks in log modes full and ring, where the block has said this
 * acquisition before: four bytes, no clock. Whatever does not fit goes the way
 * of every other event (log_write.h), which reads the clock, and so does one
 * hold in sixteen, so that there are times to make statistics of.
 */
#ifndef DLW_SHIM_LOG_QUICK_H
#define DLW_SHIM_LOG_QUICK_H

#include "shim/log_slot.h"

#define DLW_QUICK_ROOM 64u

/** dlw_log_is_quick() - the object is in the log, and its operations are counted here */
static inline bool dlw_log_is_quick(const struct dlw_object *object)
{
	return object->log_life == object->life && !object->shared_ticket;
}

/** dlw_log_quick_acquired() - the lock was free and is ours; false: say it at length */
static inline bool dlw_log_quick_acquired(struct dlw_context *self, struct dlw_object *object,
					  uint32_t stack)
{
	struct dlw_slot *slot = self->log;
	uint32_t place = (object->log_id + stack) % DLW_RECENT;
	struct dlw_recent *last = &slot->recent[place];
	uint64_t ticket = atomic_load_explicit(&object->ticket, memory_order_relaxed) + 1;

	if (dlw_unlikely(last->object != object->log_id || last->stack != stack ||
			 last->mode != 0 || last->form != DLW_FORM_BLOCKING ||
			 (uint32_t)ticket - last->ticket > DLW_AGAIN_TICKET_MAX ||
			 !slot->untimed_left || dlw_slot_room(slot) < DLW_QUICK_ROOM ||
			 !dlw_log_is_quick(object)))
		return false;
	slot->untimed_left--;
	atomic_store_explicit(&object->ticket, ticket, memory_order_relaxed);
	dlw_event_put_again(dlw_slot_payload(slot) + slot->block->length / 4, last, place,
			    (uint32_t)ticket, 0, DLW_AGAIN_UNTIMED);
	dlw_slot_grow(slot, 4);
	return true;
}

/** dlw_log_quick_released() - about to release the newest hold; false: say it at length */
static inline bool dlw_log_quick_released(struct dlw_context *self, struct dlw_object *object)
{
	struct dlw_slot *slot = self->log;

	if (dlw_unlikely(dlw_slot_room(slot) < DLW_QUICK_ROOM || !dlw_log_is_quick(object)))
		return false;
	atomic_store_explicit(&object->ticket,
			      atomic_load_explicit(&object->ticket, memory_order_relaxed) + 1,
			      memory_order_relaxed);
	dlw_event_put_short(dlw_slot_payload(slot) + slot->block->length / 4, 0,
			    DLW_SHORT_UNTIMED);
	dlw_slot_grow(slot, 4);
	return true;
}

/** dlw_log_timed() - the clock was read for an acquisition: when to do so again, about */
static inline void dlw_log_timed(struct dlw_slot *slot)
{
	slot->chance = slot->chance * 1664525u + 1013904223u;
	slot->untimed_left = 8 + (slot->chance >> 28);
}

#endif
