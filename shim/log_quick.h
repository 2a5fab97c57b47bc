/*
 * shim/log_quick.h - the short way of an operation into the log
 *
 * For what every program does all the time, in log modes full and ring: take a
 * free lock or a permit, and give it back. No clock, and four bytes for both
 * where the block has said this acquisition before, or four for each. Whatever
 * does not fit goes the way of every other event (log_write.h), which reads the
 * clock, and so do some holds chosen at random, so that there are times to make
 * statistics of.
 *
 *	object = dlw_quick_object(self, address, kind);
 *	if (!object || !dlw_quick_begins(self->log))
 *		… at length …
 *	dlw_quick_say(self, object, type, mode, form, stack, ticket);
 *
 * All of it between dlw_inside() and dlw_leave(): a handler must not log.
 */
#ifndef DLW_SHIM_LOG_QUICK_H
#define DLW_SHIM_LOG_QUICK_H

#include "shim/log_slot.h"
#include "shim/object.h"
#include "shim/object_table.h"

/** dlw_quick_is() - the object is in the log, and its operations are counted here */
static inline bool dlw_quick_is(const struct dlw_object *object)
{
	return object->log_id && !object->shared_ticket;
}

/** dlw_quick_known() - dlw_quick_object() if the thread has used it not long ago; NULL */
static inline struct dlw_object *dlw_quick_known(struct dlw_context *self, uint64_t address,
						 enum dlw_kind kind)
{
	const struct dlw_known_object *known = dlw_known_object(self, address);
	struct dlw_object *object = known->object;

	/* one that is gone is in another life than the log knows */
	return dlw_likely(known->address == address && object->kind == kind &&
			  dlw_quick_is(object)) ? object : NULL;
}

/** dlw_quick_object() - the object at @address if its events can be said shortly; NULL */
static inline struct dlw_object *dlw_quick_object(struct dlw_context *self, uint64_t address,
						  enum dlw_kind kind)
{
	struct dlw_object *object = dlw_quick_known(self, address, kind);

	if (dlw_likely(object != NULL))
		return object;
	object = dlw_object_get(self, address, kind);
	return object && dlw_quick_is(object) ? object : NULL;
}

/** dlw_quick_met() - likewise, of one that the thread has not used lately, but somebody has; NULL */
static inline struct dlw_object *dlw_quick_met(struct dlw_context *self, uint64_t address,
					       enum dlw_kind kind)
{
	struct dlw_object *object = dlw_object_met(address);
	struct dlw_known_object *known;

	if (dlw_unlikely(!object || object->kind != kind || !dlw_quick_is(object)))
		return NULL;
	known = dlw_known_object(self, address);
	known->address = address;
	known->object = object;
	known->permit = NULL;
	return object;
}

/** dlw_quick_begins() - an acquisition that shall have no time, and there is room for it */
static inline bool dlw_quick_begins(const struct dlw_slot *slot)
{
	return dlw_likely(slot->block->length < slot->quick_until);
}

/** dlw_quick_is_timed() - the next acquisition shall have a time */
static inline bool dlw_quick_is_timed(const struct dlw_slot *slot)
{
	return slot->block->length >= slot->timed_at;
}

/** dlw_quick_ticket() - of the next operation on a lock that is ours alone */
static inline uint64_t dlw_quick_ticket(struct dlw_object *object)
{
	uint64_t ticket = atomic_load_explicit(&object->ticket, memory_order_relaxed) + 1;

	atomic_store_explicit(&object->ticket, ticket, memory_order_relaxed);
	return ticket;
}

/** dlw_quick_count() - dlw_quick_ticket() whose number nobody asks for: one instruction */
static inline void dlw_quick_count(struct dlw_object *object)
{
	++*(uint64_t *)&object->ticket;
}

/** dlw_quick_shared_ticket() - of one that others have, too */
static inline uint64_t dlw_quick_shared_ticket(struct dlw_object *object)
{
	return atomic_fetch_add_explicit(&object->ticket, 1, memory_order_relaxed) + 1;
}

/**
 * dlw_quick_in_full() - what the block has not said before, or has no room for
 * @how: dlw_recent_how()
 *
 * The thread's log may end here.
 */
void dlw_quick_in_full(struct dlw_context *self, struct dlw_object *object, uint32_t how,
		       uint32_t stack, uint64_t ticket);

/**
 * dlw_quick_opens() - an event of this type may be told of its release, later and in its place
 *
 * Whoever copies the block meanwhile has one event more than it had when he
 * looked how far it was: a release, which needs none but what he has.
 */
static inline bool dlw_quick_opens(uint32_t how)
{
	return (how & 0x5f) == DLW_EVENT_ACQUIRED;
}

/**
 * dlw_quick_open() - the block ends with an untimed acquisition, @unit
 * @released: what is to become of it
 */
static inline void dlw_quick_open(struct dlw_slot *slot, struct dlw_object *object,
				  uint32_t *unit, uint32_t released, uint32_t how, uint64_t ticket)
{
	slot->open_holding = DLW_OPEN_OTHERWISE;
	slot->open_object = object;
	slot->open_unit = unit;
	slot->open_released = released;
	if (how >> 5 & 3) /* of an exclusive one the next ticket is nobody else's */
		slot->open_ticket = (uint32_t)ticket;
}

/** dlw_quick_has_room() - for the next event */
static inline bool dlw_quick_has_room(const struct dlw_slot *slot)
{
	return slot->block->length <= DLW_BLOCK_ROOM - DLW_QUICK_ROOM;
}

/** dlw_quick_unit() - what comes next in the block */
static inline uint32_t *dlw_quick_unit(const struct dlw_slot *slot)
{
	return (uint32_t *)((char *)(slot->block + 1) + slot->block->length);
}

/** dlw_quick_can_say() - of the object; what does not last is defined in each block of a ring */
static inline bool dlw_quick_can_say(const struct dlw_object *object, uint32_t stack)
{
	return (dlw_options.log_mode == DLW_LOG_FULL || dlw_is_lasting(object)) &&
	       stack <= DLW_PLAIN_STACK_MAX && object->log_id <= DLW_PLAIN_OBJECT_MAX;
}

/** dlw_quick_put_plain() - what the block has not said before, and can, and has room for */
static inline __attribute__((always_inline)) void
dlw_quick_put_plain(struct dlw_slot *slot, struct dlw_object *object, uint32_t how, uint32_t stack,
		    uint64_t ticket)
{
	uint32_t id = object->log_id, length = slot->block->length, *unit = dlw_quick_unit(slot);
	const struct dlw_recent recent = {
		.object = id, .stack = stack, .ticket = (uint32_t)ticket, .how = how
	};

	dlw_slot_unsay(slot, dlw_recent_put(&slot->recents, recent));
	dlw_event_put_plain(unit, (enum dlw_event_type)how, 0, 0, 0,
			    DLW_UNTIMED, stack, id, (uint32_t)ticket);
	if (dlw_quick_opens(how))
		dlw_quick_open(slot, object, unit,
			       how | (DLW_UNTIMED - 1) << DLW_DELTA_SHIFT | stack << 22, how,
			       ticket);
	else
		slot->open_holding = 0;
	dlw_slot_publish(slot, length + 12);
}

/** dlw_quick_has_said() - the block has, of this object; with which ticket is another question */
static inline bool dlw_quick_has_said(struct dlw_slot *slot, const struct dlw_object *object,
				      uint32_t how, uint32_t stack)
{
	return dlw_recent_find(&slot->recents, how, object->log_id, stack) != NULL;
}

/** dlw_said_key() - of an event: the hold that it begins, if any, and how that was asked for */
static inline uint64_t dlw_said_key(enum dlw_kind kind, uint32_t how, uint32_t stack)
{
	return stack | (uint64_t)kind << 32 | (uint64_t)((how >> 5 & 3) + DLW_EXCLUSIVE) << 40 |
	       (uint64_t)(how >> 8 & 3) << 56 |
	       ((how & 31) == DLW_EVENT_ACQUIRED ? 0 : 1ull << 63);
}

/** dlw_said_place() - where it is, if it has been said */
static inline struct dlw_said *dlw_said_place(struct dlw_slot *slot, uint64_t address, uint64_t key)
{
	uint32_t hash = ((uint32_t)address + (uint32_t)key) * 0x9e3779b1u;
	struct dlw_said *said = &slot->said[hash >> 24 & (DLW_SAID - 1)];

	__asm__("" : "+r"(said)); /* one register, not its parts again for each field */
	return said;
}

/** dlw_quick_remember() - it has just been said AGAIN, by way of @recent */
void dlw_quick_remember(struct dlw_slot *slot, struct dlw_object *object, uint64_t key,
			struct dlw_recent *recent);

/**
 * dlw_said_is() - of what is at @address, in the life that it has now
 *
 * Read as if nobody wrote it, which spares a register: an address stays, and a life
 * that ends meanwhile might as well have ended before.
 */
static inline bool dlw_said_is(const struct dlw_said *said, uint64_t address)
{
	const struct dlw_object *object = said->object;

	return dlw_likely(*(const uint64_t *)&object->address == address) &&
	       dlw_likely(*(const uint32_t *)&object->log_id == said->id);
}

/** dlw_quick_said() - the event with @key of what is at @address; NULL: to be looked for */
static inline struct dlw_said *dlw_quick_said(struct dlw_slot *slot, uint64_t address, uint64_t key)
{
	struct dlw_said *said = dlw_said_place(slot, address, key);

	return dlw_likely(said->key == key) && dlw_said_is(said, address) ? said : NULL;
}

/**
 * dlw_quick_say_again() - an event without a time, that others may have as well, if the
 * block has said it before and has room
 * @key: dlw_said_key()
 *
 * Return: false: nothing is done.
 */
static inline __attribute__((always_inline)) bool
dlw_quick_say_again(struct dlw_context *self, struct dlw_slot *slot, uint64_t address, uint64_t key)
{
	struct dlw_said *said = dlw_quick_said(slot, address, key);
	struct dlw_block *block = slot->block;
	struct dlw_recent *last;
	uint64_t ticket;
	uint32_t advance;

	if (dlw_unlikely(!said))
		return false;
	last = said->recent;
	ticket = dlw_quick_shared_ticket(said->object);
	advance = (uint32_t)ticket - last->ticket;
	if (dlw_unlikely(advance > DLW_AGAIN_TICKET_MAX)) {
		said->key = 0; /* it gets another place */
		dlw_quick_in_full(self, said->object, last->how, last->stack, ticket);
		return true;
	}
	last->ticket = (uint32_t)ticket;
	*dlw_quick_unit(slot) = said->unit | advance << DLW_AGAIN_TICKET_SHIFT;
	slot->open_holding = 0;
	atomic_thread_fence(memory_order_release);
	block->length += 4;
	return true;
}

/** dlw_quick_put() - an event without a time; @has_room: there is room for it */
static inline __attribute__((always_inline)) void
dlw_quick_put(struct dlw_context *self, struct dlw_object *object, enum dlw_event_type type,
	      uint32_t mode, uint32_t form, uint32_t stack, uint64_t ticket, bool has_room)
{
	struct dlw_slot *slot = self->log;
	uint32_t how = dlw_recent_how(type, mode, form), length = slot->block->length, *unit;
	struct dlw_recent *last = dlw_recent_find(&slot->recents, how, object->log_id, stack);
	uint32_t said;

	if (dlw_unlikely(!has_room || !last ||
			 (uint32_t)ticket - last->ticket > DLW_AGAIN_TICKET_MAX)) {
		dlw_quick_in_full(self, object, how, stack, ticket);
		return;
	}
	unit = dlw_quick_unit(slot);
	dlw_event_put_again(&said, last, (uint32_t)(last - slot->recents.at), (uint32_t)ticket, 0,
			    DLW_AGAIN_UNTIMED);
	*unit = said;
	if (dlw_quick_opens(how))
		dlw_quick_open(slot, object, unit, said ^ 1u << DLW_AGAIN_DELTA_SHIFT, how, ticket);
	else
		slot->open_holding = 0;
	dlw_slot_publish(slot, length + 4);
	if (type == DLW_EVENT_ACQUIRED || type == DLW_EVENT_POSTED)
		dlw_quick_remember(slot, object, dlw_said_key(object->kind, how, stack), last);
}

/** dlw_quick_say() - an event without a time */
static inline __attribute__((always_inline)) void
dlw_quick_say(struct dlw_context *self, struct dlw_object *object, enum dlw_event_type type,
	      uint32_t mode, uint32_t form, uint32_t stack, uint64_t ticket)
{
	dlw_quick_put(self, object, type, mode, form, stack, ticket, dlw_quick_has_room(self->log));
}

/** dlw_quick_shared_next() - take the ticket behind @ticket; false: somebody has */
static inline bool dlw_quick_shared_next(struct dlw_object *object, uint32_t ticket)
{
	uint64_t last = atomic_load_explicit(&object->ticket, memory_order_relaxed);

	return (uint32_t)last == ticket &&
	       atomic_compare_exchange_strong_explicit(&object->ticket, &last, last + 1,
						       memory_order_relaxed,
						       memory_order_relaxed);
}

/**
 * dlw_quick_closed() - the lock at @address is about to be released, and its
 * acquisition was the last thing logged: that says both now
 * @shared: others may have it, too; what is not said is the ticket, and it has
 *          to be the next one
 *
 * Whoever reads the block finds the unit as it was or as it will be.
 */
static inline bool dlw_quick_closed(struct dlw_slot *slot, uint64_t address, bool shared)
{
	struct dlw_object *object = slot->open_object;

	if (slot->open_holding != DLW_OPEN_OTHERWISE || object->address != address ||
	    !object->log_id)
		return false;
	if (!shared)
		dlw_quick_ticket(object);
	else if (!dlw_quick_shared_next(object, slot->open_ticket))
		return false;
	slot->open_holding = 0;
	atomic_store_explicit((_Atomic uint32_t *)slot->open_unit, slot->open_released,
			      memory_order_release);
	return true;
}

/** dlw_quick_put_short() - the newest hold, an exclusive one, goes; there is room */
static inline void dlw_quick_put_short(struct dlw_slot *slot)
{
	dlw_event_put_short(dlw_quick_unit(slot), 0, DLW_SHORT_UNTIMED);
	dlw_slot_grow(slot, 4);
}

/** dlw_quick_short() - the newest hold, an exclusive one, is about to be released */
static inline void dlw_quick_short(struct dlw_context *self, struct dlw_object *object)
{
	uint64_t ticket = dlw_quick_ticket(object);

	if (dlw_likely(dlw_quick_has_room(self->log)))
		dlw_quick_put_short(self->log);
	else
		dlw_quick_in_full(self, object, DLW_EVENT_RELEASED_TOP, 0, ticket);
}

/**
 * dlw_log_timed() - the clock was read for an acquisition: when to do so again, about
 *
 * Counted in bytes of the log, of which a hold takes four to eight, mostly.
 */
static inline void dlw_log_timed(struct dlw_slot *slot)
{
	slot->chance = slot->chance * 1664525u + 1013904223u;
	slot->timed_at = slot->block->length;
	if (slot->timed < DLW_TIMED_OFTEN) {
		slot->timed++;
		slot->timed_at += 48 + (slot->chance >> 26);
	} else {
		slot->timed_at += 192 + (slot->chance >> 24);
	}
	dlw_slot_until(slot);
}

#endif
