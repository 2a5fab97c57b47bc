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

/** dlw_hold_say_unit() - @advance of its ticket */
static inline __attribute__((always_inline)) uint32_t *
dlw_hold_say_unit(struct dlw_block *block, const struct dlw_said *said, uint32_t length,
		  uint32_t advance)
{
	uint32_t *unit = (uint32_t *)((char *)(block + 1) + length);

	*unit = said->unit | advance << DLW_AGAIN_TICKET_SHIFT;
	return unit;
}

/** dlw_hold_said_ends() - four bytes more are the block's */
static inline void dlw_hold_said_ends(struct dlw_block *block)
{
	atomic_thread_fence(memory_order_release);
	block->length += 4;
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
		said->key = 0; /* it gets another place */
		if (shared)
			dlw_quick_in_full(self, object, last->how, last->stack, ticket);
		return shared;
	}
	if (!shared)
		atomic_store_explicit(&object->ticket, ticket, memory_order_relaxed);
	last->ticket = (uint32_t)ticket;
	dlw_hold_say_unit(block, said, length, advance);
	*dlw_hold_said_at(slot, count) = said;
	slot->open_holding = holding;
	dlw_hold_said_ends(block);
	return true;
}

/** dlw_hold_say_again() - likewise, of the newest of @holding taken once more */
static inline __attribute__((always_inline)) bool
dlw_hold_say_again(struct dlw_slot *slot, uint64_t address, uint64_t key, uint64_t holding)
{
	struct dlw_said *said = dlw_quick_said(slot, address, key);
	struct dlw_block *block = slot->block;
	const uint32_t length = block->length;
	uint64_t ticket;
	uint32_t advance;

	if (dlw_unlikely(!said || length >= slot->quick_until))
		return false;
	ticket = atomic_load_explicit(&said->object->ticket, memory_order_relaxed) + 1;
	advance = (uint32_t)ticket - said->recent->ticket;
	if (dlw_unlikely(advance > DLW_AGAIN_TICKET_MAX))
		return false;
	atomic_store_explicit(&said->object->ticket, ticket, memory_order_relaxed);
	said->recent->ticket = (uint32_t)ticket;
	*dlw_hold_said_at(slot, (uint32_t)holding - 1) = said;
	slot->open_holding = DLW_OPEN_OTHERWISE;
	slot->open_object = said->object;
	slot->open_unit = dlw_hold_say_unit(block, said, length, advance);
	slot->open_released = *slot->open_unit & ~(1u << DLW_AGAIN_DELTA_SHIFT);
	dlw_hold_said_ends(block);
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

/** dlw_hold_object() - dlw_quick_known() of the newest of @holding */
static inline struct dlw_object *dlw_hold_object(struct dlw_context *self, uint64_t holding,
						 uint64_t address, enum dlw_kind kind)
{
	const struct dlw_said *said = *dlw_hold_said_at(self->log, (uint32_t)holding - 1);

	return dlw_likely(dlw_said_is(said, address)) ? said->object :
							dlw_quick_known(self, address, kind);
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
	object = dlw_hold_object(self, dlw_hold_now(self->record), dlw_address(lock), kind);
	if (dlw_unlikely(!object))
		object = dlw_quick_object(self, dlw_address(lock), kind);
	if (dlw_unlikely((newest->timed && !newest->again) || !object))
		dlw_lock_log_released(self, kind, mode, lock, 0);
	else if (mode == DLW_SHARED)
		dlw_quick_say(self, object, DLW_EVENT_RELEASED, 1, 0, 0,
			      dlw_quick_shared_ticket(object));
	else
		dlw_quick_short(self, object);
}

/* ------------------------------------------------- the short way of a thread with a log */

/** dlw_hold_key() - dlw_said_key() of the acquisition of a hold with @word */
static inline uint64_t dlw_hold_key(uint64_t word, enum dlw_form form)
{
	return word | (uint64_t)form << 56;
}

/* What it was made of. */

static inline enum dlw_kind dlw_key_kind(uint64_t key)
{
	return (enum dlw_kind)(key >> 32 & 255);
}

static inline enum dlw_mode dlw_key_mode(uint64_t key)
{
	return (enum dlw_mode)(key >> 40 & 255);
}

static inline enum dlw_form dlw_key_form(uint64_t key)
{
	return (enum dlw_form)(key >> 56);
}

static inline uint64_t dlw_key_word(uint64_t key)
{
	return key << 8 >> 8;
}

/*
 * dlw_hold_had() - tried at a site that serves, and had: it is entered, and said
 * @key: dlw_said_key() of it
 *
 * The most likely is done in its own place and calls nothing, so that no register
 * has to be saved; the rest is jumped to. Return: 0.
 */
int dlw_hold_had_otherwise(const void *lock, struct dlw_context *self, uint64_t key);

/** dlw_hold_say_otherwise() - it is entered, and the newest; .open is shut */
int dlw_hold_say_otherwise(struct dlw_context *self, enum dlw_form form);

/** dlw_hold_leave() - something has come up in between; Return: 0 */
int dlw_hold_leave(struct dlw_context *self);

static inline __attribute__((always_inline)) int
dlw_hold_had(const void *lock, struct dlw_context *self, enum dlw_kind kind, enum dlw_mode mode,
	     enum dlw_form form, uint32_t stack)
{
	const uint64_t word = dlw_hold_word(kind, mode, stack, 0);
	const uint64_t key = dlw_hold_key(word, form);
	struct dlw_thread *record;
	struct dlw_slot *slot;
	uint64_t holding;

	dlw_inside_quickly(self);
	record = self->record;
	slot = self->log;
	if (dlw_unlikely(!slot))
		return dlw_hold_had_otherwise(lock, self, key);
	holding = dlw_hold_now(record);
	if ((uint32_t)holding)
		return dlw_hold_had_otherwise(lock, self, key);
	dlw_hold_fill(self->holds, dlw_address(lock), word);
	holding += DLW_HOLD_ADDED;
	atomic_store_explicit(&record->holding, holding, memory_order_release);
	if (dlw_unlikely(!dlw_hold_say(self, slot, dlw_address(lock), key, mode == DLW_SHARED,
				       holding, 0)))
		return dlw_hold_say_otherwise(self, form);
	if (dlw_unlikely(!dlw_leave_quickly(self)))
		return dlw_hold_leave(self);
	return 0;
}

/**
 * dlw_hold_gives() - the newest hold goes, if it was said last; false: it is another's turn
 *
 * The caller leaves before he releases, if it was.
 */
static inline __attribute__((always_inline)) bool
dlw_hold_gives(struct dlw_context *self, const void *lock, bool maybe_shared)
{
	struct dlw_thread *record;
	struct dlw_slot *slot;
	uint64_t holding;

	if (dlw_unlikely(self->open != DLW_WAY_LOGGED))
		return false;
	dlw_inside_quickly(self);
	record = self->record;
	slot = self->log;
	if (dlw_likely(slot != NULL)) {
		holding = dlw_hold_now(record);
		if (dlw_hold_unsay(slot, dlw_address(lock), maybe_shared, holding)) {
			dlw_hold_pop(record, holding);
			return true;
		}
	}
	dlw_outside_quickly(self);
	return false;
}

#endif
