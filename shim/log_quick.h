/*
 * shim/log_quick.h - the short way of an acquisition and its release into the log
 *
 * For exclusive locks in log modes full and ring: no clock, and four bytes for
 * both where the block has said this acquisition before, else twelve. Whatever
 * does not fit goes the way of every other event (log_write.h), which reads the
 * clock, and so does one hold in sixteen, so that there are times to make
 * statistics of.
 *
 * All of it between dlw_inside() and dlw_leave(): a handler must not log.
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

/** dlw_quick_ticket() - of the next operation on a lock that is ours */
static inline uint64_t dlw_quick_ticket(struct dlw_object *object)
{
	uint64_t ticket = atomic_load_explicit(&object->ticket, memory_order_relaxed) + 1;

	atomic_store_explicit(&object->ticket, ticket, memory_order_relaxed);
	return ticket;
}

/** dlw_quick_open() - the block ends with an acquisition, @bit of @unit says that it is released */
static inline void dlw_quick_open(struct dlw_slot *slot, struct dlw_object *object,
				  uint32_t *unit, uint32_t bit)
{
	/* a ring's blocks are copied as they grow, by snapshots: what is in them must stay as it is */
	slot->open_object = dlw_options.log_mode == DLW_LOG_FULL ? object : NULL;
	slot->open_unit = unit;
	slot->open_released = *unit ^ bit;
}

/** dlw_quick_in_full() - an acquisition that the block has not said before; false: at length */
static inline bool dlw_quick_in_full(struct dlw_slot *slot, struct dlw_object *object,
				     uint32_t stack, uint64_t ticket)
{
	struct dlw_event event = { .object = object->log_id, .stack = stack, .ticket = ticket };
	uint32_t *unit = dlw_slot_payload(slot) + slot->block->length / 4;

	/* in a ring the block has to define the object first */
	if (dlw_options.log_mode != DLW_LOG_FULL || stack > DLW_PLAIN_STACK_MAX ||
	    object->log_id > DLW_PLAIN_OBJECT_MAX)
		return false;
	dlw_recent_note(slot->recent, &event);
	dlw_event_put_plain(unit, DLW_EVENT_ACQUIRED, 0, 0, DLW_FORM_BLOCKING, DLW_UNTIMED, stack,
			    object->log_id, (uint32_t)ticket);
	dlw_slot_grow(slot, 12);
	dlw_quick_open(slot, object, unit, 1u << DLW_DELTA_SHIFT);
	return true;
}

/** dlw_log_quick_acquired() - the lock was free and is ours; false: say it at length */
static inline bool dlw_log_quick_acquired(struct dlw_context *self, struct dlw_object *object,
					  uint32_t stack)
{
	struct dlw_slot *slot = self->log;
	uint32_t place = (object->log_id + stack) % DLW_RECENT, *unit;
	struct dlw_recent *last = &slot->recent[place];
	uint64_t ticket = atomic_load_explicit(&object->ticket, memory_order_relaxed) + 1;

	if (dlw_unlikely(!slot->untimed_left || dlw_slot_room(slot) < DLW_QUICK_ROOM ||
			 !dlw_log_is_quick(object)))
		return false;
	if (dlw_unlikely(last->object != object->log_id || last->stack != stack ||
			 (last->mode | last->form) != 0 ||
			 (uint32_t)ticket - last->ticket > DLW_AGAIN_TICKET_MAX)) {
		if (!dlw_quick_in_full(slot, object, stack, ticket))
			return false;
	} else {
		unit = dlw_slot_payload(slot) + slot->block->length / 4;
		dlw_event_put_again(unit, last, place, (uint32_t)ticket, 0, DLW_AGAIN_UNTIMED);
		dlw_slot_grow(slot, 4);
		dlw_quick_open(slot, object, unit, 1u << DLW_AGAIN_DELTA_SHIFT);
	}
	slot->untimed_left--;
	atomic_store_explicit(&object->ticket, ticket, memory_order_relaxed);
	return true;
}

/**
 * dlw_log_quick_closed() - the lock at @address is about to be released, and
 * its acquisition was the last thing logged: that says both now
 *
 * Whoever reads the block finds the unit as it was or as it will be.
 */
static inline bool dlw_log_quick_closed(struct dlw_context *self, uint64_t address)
{
	struct dlw_slot *slot = self->log;
	struct dlw_object *object = slot->open_object;

	if (!object || object->address != address || !dlw_log_is_quick(object))
		return false;
	dlw_quick_ticket(object);
	atomic_store_explicit((_Atomic uint32_t *)slot->open_unit, slot->open_released,
			      memory_order_release);
	slot->open_object = NULL;
	return true;
}

/** dlw_log_quick_released() - about to release the newest hold; false: say it at length */
static inline bool dlw_log_quick_released(struct dlw_context *self, struct dlw_object *object)
{
	struct dlw_slot *slot = self->log;

	if (dlw_unlikely(dlw_slot_room(slot) < DLW_QUICK_ROOM || !dlw_log_is_quick(object)))
		return false;
	dlw_quick_ticket(object);
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
