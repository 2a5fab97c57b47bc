/*
 * shim/hold.h - what the calling thread holds
 *
 * Two lists in the thread's record: lock-like resources, newest last, and
 * semaphores with their permits. Written by their thread only; both grow.
 */
#ifndef DLW_SHIM_HOLD_H
#define DLW_SHIM_HOLD_H

#include <string.h>

#include "shim/nesting.h"
#include "shim/object.h"

/** dlw_hold_grow() - drop stale holds or double the list; false: no memory */
bool dlw_hold_grow(struct dlw_context *self);

/** dlw_hold_find_slow() - look below the newest; Return: depth below the newest, -1: not held */
int64_t dlw_hold_find_slow(struct dlw_context *self, uint64_t address);

/** dlw_hold_remove() - take out the hold at @depth below the newest */
void dlw_hold_remove(struct dlw_context *self, uint32_t depth);

/** dlw_hold_forget() - the same of one that turns out to be no more, and say so in the log */
void dlw_hold_forget(struct dlw_context *self, uint32_t depth);

/** dlw_hold_is_true() - as far as the C library knows, thread @tid still has it */
bool dlw_hold_is_true(const struct dlw_held *held, int32_t tid);

/** dlw_holds_are_true() - all of the first @count holds of the calling thread, @tid */
bool dlw_holds_are_true(const struct dlw_held *holds, uint32_t count, int32_t tid);

static inline uint64_t dlw_hold_now(const struct dlw_thread *record)
{
	return atomic_load_explicit(&record->holding, memory_order_relaxed);
}

static inline uint32_t dlw_hold_count(const struct dlw_context *self)
{
	return dlw_holding(self->record);
}

/** dlw_hold_at() - the hold at @depth below the newest */
static inline struct dlw_held *dlw_hold_at(struct dlw_context *self, uint32_t depth)
{
	return &self->holds[dlw_hold_count(self) - 1 - depth];
}

/** dlw_hold_find() - depth of @address below the newest hold, -1: not held */
static inline int64_t dlw_hold_find(struct dlw_context *self, uint64_t address)
{
	uint32_t count = dlw_hold_count(self);

	if (dlw_likely(count && self->holds[count - 1].address == address))
		return 0;
	return count ? dlw_hold_find_slow(self, address) : -1;
}

/** dlw_hold_word() - all of a hold but its address and how often; .timed is 0 */
static inline uint64_t dlw_hold_word(enum dlw_kind kind, enum dlw_mode mode, uint32_t stack,
				     uint8_t tacit)
{
	return stack | (uint64_t)kind << 32 | (uint64_t)mode << 40 | (uint64_t)tacit << 48;
}

/** dlw_hold_fill() - in two stores; .again is 0 already */
static inline void dlw_hold_fill(struct dlw_held *held, uint64_t address, uint64_t word)
{
	held->address = address;
	atomic_signal_fence(memory_order_seq_cst); /* or both are put together first, to be one store */
	memcpy(&held->stack, &word, sizeof(word));
}

/**
 * dlw_hold_fill_apart() - likewise, of what is about to be tried: in three stores and no register
 *
 * Whoever reads the word in one piece would wait for that, were there no atomic
 * operation in between.
 */
static inline void dlw_hold_fill_apart(struct dlw_held *held, uint64_t address, enum dlw_kind kind,
				       enum dlw_mode mode, uint32_t stack, uint8_t tacit)
{
	const uint32_t half = (uint32_t)(dlw_hold_word(kind, mode, 0, tacit) >> 32);

	held->address = address;
	held->stack = stack;
	memcpy(&held->kind, &half, sizeof(half));
}

/** dlw_hold_is() - of the mutex at @address, entered as @tacit says */
static inline bool dlw_hold_is(const struct dlw_held *held, uint64_t address, uint8_t tacit)
{
	uint32_t half; /* of the word: .kind to .timed */

	memcpy(&half, &held->kind, sizeof(half));
	return dlw_likely(held->address == address) &&
	       dlw_likely(half == dlw_hold_word(DLW_MUTEX, DLW_EXCLUSIVE, 0, tacit) >> 32);
}

/**
 * dlw_hold_counts() - one more than @holding, which is what it was
 *
 * In one instruction, so that a handler which takes and gives locks comes before
 * or after it. Return: false if one came after @holding was read: it has used
 * the same place of the list, and perhaps not given back what it took.
 */
static inline bool dlw_hold_counts(struct dlw_thread *record, uint64_t holding)
{
#if defined(__x86_64__)
	__asm__ volatile("addq %1, %0"
			 : "+m"(*(uint64_t *)&record->holding)
			 : "r"(DLW_HOLD_ADDED)
			 : "cc", "memory");
#else
	atomic_fetch_add_explicit(&record->holding, DLW_HOLD_ADDED, memory_order_release);
#endif
	/* nobody else writes it: a plain load, which is part of the comparison */
	return dlw_likely(*(const uint64_t *)&record->holding == holding + DLW_HOLD_ADDED);
}

/** dlw_hold_put_right() - the newest hold is to be this one; of a thread that is open to handlers */
void dlw_hold_put_right(struct dlw_context *self, uint64_t address, uint64_t word);

/** dlw_hold_append() - @word of @address behind @holding, where there is room; false: put it right */
static inline bool dlw_hold_append(struct dlw_context *self, struct dlw_thread *record,
				   uint64_t holding, uint64_t address, uint64_t word)
{
	dlw_hold_fill(&self->holds[(uint32_t)holding], address, word);
	return dlw_hold_counts(record, holding);
}

/**
 * dlw_hold_add() - dlw_hold_append() of what is had, and a note if others are held
 * @form: how it was asked for
 */
static inline void dlw_hold_add(struct dlw_context *self, enum dlw_kind kind, enum dlw_mode mode,
				uint64_t address, uint32_t stack, enum dlw_form form)
{
	struct dlw_thread *record = self->record;
	uint64_t holding = dlw_hold_now(record), word = dlw_hold_word(kind, mode, stack, 0);

	if (dlw_unlikely(!dlw_hold_append(self, record, holding, address, word)))
		dlw_hold_put_right(self, address, word);
	if (dlw_nests(holding))
		dlw_nest(self, holding, form == DLW_FORM_BLOCKING);
}

/** dlw_hold_push() - a lock was acquired */
static inline void dlw_hold_push(struct dlw_context *self, enum dlw_kind kind, enum dlw_mode mode,
				 uint64_t address, uint32_t stack, enum dlw_form form)
{
	if (dlw_likely(dlw_hold_count(self) < self->hold_room) || dlw_hold_grow(self))
		dlw_hold_add(self, kind, mode, address, stack, form);
}

/** dlw_hold_pop() - the newest hold goes; @holding: as read before it was looked at */
static inline void dlw_hold_pop(struct dlw_thread *record, uint64_t holding)
{
	atomic_store_explicit(&record->holding, holding - 1, memory_order_release);
}

/** dlw_hold_drop() - give one acquisition back at @depth */
static inline void dlw_hold_drop(struct dlw_context *self, uint32_t depth)
{
	struct dlw_held *held = dlw_hold_at(self, depth);

	if (dlw_unlikely(held->again))
		held->again--;
	else if (dlw_likely(depth == 0))
		dlw_hold_pop(self->record, dlw_hold_now(self->record));
	else
		dlw_hold_remove(self, depth);
}

/**
 * dlw_permit_find() - the thread's entry for a semaphore or condition, made if there is none
 *
 * Return: NULL if there is no memory or the table is being rebuilt (in a
 *         handler); counted.
 */
struct dlw_permit *dlw_permit_find(struct dlw_context *self, uint64_t address,
				   enum dlw_kind kind);

/** dlw_permit_in() - that @known leads to; NULL: none that is still true */
static inline struct dlw_permit *dlw_permit_in(const struct dlw_known_object *known,
					       uint64_t address)
{
	if (dlw_likely(known->address == address && known->permit &&
		       known->permit->life ==
			       atomic_load_explicit(&known->object->life, memory_order_relaxed)))
		return known->permit;
	return NULL;
}

/** dlw_permit_known() - the entry, if the thread's cache of objects has it; NULL */
static inline struct dlw_permit *dlw_permit_known(struct dlw_context *self, uint64_t address)
{
	return dlw_permit_in(dlw_known_object(self, address), address);
}

/** dlw_permit_is_last() - @address is what the thread last used so, in the same life: its entry is there */
static inline bool dlw_permit_is_last(enum dlw_last use, uint64_t address)
{
	/* nothing is at address 0 */
	return dlw_likely(dlw_here.lives ==
			  atomic_load_explicit(&dlw_permit_lives, memory_order_relaxed)) &&
	       dlw_likely(dlw_here.last[use].address == address);
}

/** dlw_permit_used() - @known is what the thread has now used so, if it has a true entry; .open is shut */
void dlw_permit_used(enum dlw_last use, const struct dlw_known_object *known);

/** dlw_permit_of() - the same, with the thread's cache of objects in front */
static inline struct dlw_permit *dlw_permit_of(struct dlw_context *self, uint64_t address,
					       enum dlw_kind kind)
{
	struct dlw_permit *permit = dlw_permit_known(self, address);

	return dlw_likely(permit != NULL) ? permit : dlw_permit_find(self, address, kind);
}

/** dlw_permit_taken() - one more, at once for a handler that posts meanwhile */
static inline void dlw_permit_taken(struct dlw_permit *permit)
{
#if defined(__x86_64__)
	__asm__ volatile("addl $1, %0" : "+m"(permit->held) : : "cc");
#else
	__atomic_fetch_add(&permit->held, 1, __ATOMIC_RELAXED);
#endif
}

/** dlw_permit_first_post() - the first of its sort in this life: the object has to know */
void dlw_permit_first_post(struct dlw_permit *permit, bool as_holder);

/** dlw_permit_quick_post() - the thread is about to post; false: it is the first post of its sort */
static inline bool dlw_permit_quick_post(struct dlw_permit *permit)
{
	const uint32_t held = permit->held;
	uint32_t left;

	/* its own thread alone writes these */
	if (dlw_unlikely(__builtin_sub_overflow(held, 1, &left)))
		return *(const uint8_t *)&permit->posted_other;
	if (dlw_unlikely(!*(const uint8_t *)&permit->posted_own))
		return false;
	permit->held = left;
	return true;
}

/** dlw_permit_post() - the same, also of the first: with a permit of its own, or as a stranger */
static inline void dlw_permit_post(struct dlw_permit *permit)
{
	bool as_holder = permit->held > 0;

	if (dlw_likely(dlw_permit_quick_post(permit)))
		return;
	if (as_holder)
		permit->held--;
	dlw_permit_first_post(permit, as_holder);
}

#endif
