/*
 * shim/hook_lock.h - the steps that hooks of all lock-like kinds share
 *
 * A lock is named by its kind and address. What is written in the log, what is
 * known of its type, what an unlock by a stranger means: one place for all.
 */
#ifndef DLW_SHIM_HOOK_LOCK_H
#define DLW_SHIM_HOOK_LOCK_H

#include "shim/hold.h"
#include "shim/log_write.h"
#include "shim/object.h"
#include "shim/rank.h"
#include "shim/shared.h"
#include "shim/trace.h"

#define DLW_GO_ON (-1) /* of a step: there is no result yet, now let the C library do it */

static inline uint64_t dlw_address(const void *object)
{
	return (uint64_t)(uintptr_t)object;
}

/** dlw_lock_object() - its object with type and traits filled in; NULL: none to be had */
struct dlw_object *dlw_lock_object(struct dlw_context *self, enum dlw_kind kind, const void *lock);

/** dlw_lock_numbered() - the same, known to the log; NULL, too, if its operations are not counted here */
struct dlw_object *dlw_lock_numbered(struct dlw_context *self, enum dlw_kind kind,
				     const void *lock);

void dlw_lock_log_acquired(struct dlw_context *self, enum dlw_kind kind, enum dlw_mode mode,
			   const void *lock, enum dlw_form form, uint32_t stack, bool contended);

/** dlw_lock_log_released() - @depth of the hold below the thread's newest */
void dlw_lock_log_released(struct dlw_context *self, enum dlw_kind kind, enum dlw_mode mode,
			   const void *lock, uint32_t depth);

/** dlw_lock_log_want() - the want that the record shows */
void dlw_lock_log_want(struct dlw_context *self, enum dlw_kind kind, const void *lock,
		       enum dlw_form form);
void dlw_lock_log_try_failed(struct dlw_context *self, enum dlw_kind kind, enum dlw_mode mode,
			     const void *lock, uint32_t stack);
void dlw_log_gave_up(struct dlw_context *self, struct dlw_object *object, int error);

/**
 * dlw_lock_distrust() - before an unlock by a thread that is not known to hold the lock
 * @obeys: the lock is released all the same: from then on its holders prove nothing
 */
void dlw_lock_distrust(struct dlw_context *self, enum dlw_kind kind, const void *lock, bool obeys);

/**
 * dlw_lock_begin() - publish the wish
 * @looks_taken: worth an exact stack and a time
 */
static inline __attribute__((always_inline)) void
dlw_lock_begin(struct dlw_context *self, enum dlw_kind kind, enum dlw_mode mode,
	       enum dlw_form form, const void *lock, bool looks_taken, uint64_t caller,
	       uint64_t frame)
{
	struct dlw_thread *record = self->record;

	dlw_want(self, kind, mode, form, dlw_address(lock), dlw_stack_here(self, caller, frame),
		 frame);
	if (!looks_taken)
		return;
	record->want_stack = dlw_stack_exact(self, caller, frame);
	record->want_since_ns = dlw_nanoseconds();
	if (dlw_logging(self))
		dlw_lock_log_want(self, kind, lock, form);
}

/** dlw_lock_acquired() - it is ours now; a second hold of the same lock is one more hold */
static inline void dlw_lock_acquired(struct dlw_context *self, enum dlw_kind kind,
				     enum dlw_mode mode, const void *lock, enum dlw_form form,
				     uint32_t stack, bool contended)
{
	dlw_hold_push(self, kind, mode, dlw_address(lock), stack, form);
	dlw_rank_check(self, kind, dlw_address(lock), form, stack);
	if (dlw_logging(self))
		dlw_lock_log_acquired(self, kind, mode, lock, form, stack, contended);
}

/** dlw_lock_end() - note how the call came out and leave; Return: @result */
int dlw_lock_end(struct dlw_context *self, enum dlw_kind kind, enum dlw_mode mode,
		 enum dlw_form form, const void *lock, int result);

/** dlw_lock_tried() - likewise, of a call that never waits */
int dlw_lock_tried(struct dlw_context *self, enum dlw_kind kind, enum dlw_mode mode,
		   const void *lock, uint32_t stack, int result);

/** dlw_lock_release() - before the unlock; Return: false if it was not held */
bool dlw_lock_release(struct dlw_context *self, enum dlw_kind kind, const void *lock);

/* ---------------------------------------------------------------------- the short way */

/*
 * A lock that is to be had needs no wish: it is tried, and noted if the try
 * succeeds, at a site seen before and with nothing asked for but the live
 * graph, and a log. Until it is noted it looks like a lock whose holder nobody
 * knows. .open stays as it is but while the log is written, and a handler that
 * comes in between records what it does.
 *
 *	if (!dlw_lock_quick(caller, frame, &stack) || dlw_real(…try…)(lock) != 0)
 *		return at_length(…);
 *	dlw_lock_quick_had(kind, mode, lock, form, stack);
 *	return 0;
 */
static inline __attribute__((always_inline)) bool dlw_lock_quick(uint64_t caller, uint64_t frame,
								 uint32_t *stack)
{
	struct dlw_context *self = dlw_self;
	const struct dlw_site *site = dlw_site_of(self, caller, frame);

	if (dlw_unlikely(!dlw_site_serves(self->open, site, caller, frame)))
		return false;
	*stack = site->stack;
	return true;
}

/** dlw_lock_quick_logged() - the list of holds is full, or there is a log */
void dlw_lock_quick_logged(enum dlw_kind kind, enum dlw_mode mode, const void *lock,
			   enum dlw_form form, uint32_t stack);

static inline __attribute__((always_inline)) void
dlw_lock_quick_had(enum dlw_kind kind, enum dlw_mode mode, const void *lock, enum dlw_form form,
		   uint32_t stack)
{
	struct dlw_context *self = dlw_self;

	if (dlw_unlikely(!self->record)) /* the child of a handler's fork */
		return;
	if (dlw_likely(dlw_hold_count(self) < self->hold_room && self->way != DLW_WAY_LOGGED))
		dlw_hold_add(self, kind, mode, dlw_address(lock), stack, form);
	else
		dlw_lock_quick_logged(kind, mode, lock, form, stack);
}

/** dlw_lock_quick_refused() - it was not to be had, and the call has not waited for it */
void dlw_lock_quick_refused(enum dlw_kind kind, enum dlw_mode mode, const void *lock,
			    uint32_t stack);

/** dlw_lock_quick_tried() - what a try has come to; Return: @result */
static inline __attribute__((always_inline)) int
dlw_lock_quick_tried(enum dlw_kind kind, enum dlw_mode mode, const void *lock, uint32_t stack,
		     int result)
{
	if (result == 0)
		dlw_lock_quick_had(kind, mode, lock, DLW_FORM_TRY, stack);
	else
		dlw_lock_quick_refused(kind, mode, lock, stack);
	dlw_not_polling(dlw_self);
	return result;
}

/** dlw_lock_quick_unlogged() - before the release of the newest hold; false: at length */
bool dlw_lock_quick_unlogged(enum dlw_kind kind, const void *lock);

/** dlw_lock_quick_release() - the newest hold goes with one store; false: it is another's turn */
static inline __attribute__((always_inline)) bool dlw_lock_quick_release(enum dlw_kind kind,
									  const void *lock)
{
	struct dlw_context *self = dlw_self;
	struct dlw_thread *record = self->record;
	const struct dlw_held *newest;
	uint64_t holding;

	if (dlw_unlikely(!(self->open & DLW_WAY_UNLOGGED)))
		return self->open && dlw_lock_quick_unlogged(kind, lock);
	holding = dlw_hold_now(record);
	newest = &self->holds[(uint32_t)holding - 1];
	if (dlw_unlikely(!(uint32_t)holding || newest->address != dlw_address(lock) ||
			 newest->kind != kind))
		return false;
	dlw_hold_pop(record, holding);
	return true;
}

/* ----------------------------------------------------------------- the shortest way */

/*
 * Of a thread that holds nothing, with nothing asked for but the live graph, and
 * perhaps exact stacks. What is about to be tried is written where the list
 * begins, and counts when it is had, if no handler has used the list meanwhile:
 *
 *	struct dlw_context *self = dlw_self;
 *	uint64_t holding;
 *
 *	if (!dlw_lock_alone(self, kind, mode, lock, caller, frame, &holding))
 *		return otherwise(…);
 *	if (dlw_real(…try…)(lock) != 0)
 *		return at_length(…);
 *	if (!dlw_lock_alone_had(self, holding))
 *		return dlw_lock_overtaken(…);
 *	return 0;
 *
 * Each register that outlives the try is a store before it. So whatever is not
 * likely is jumped to, and finds the caller by the frame.
 */
static inline __attribute__((always_inline)) bool
dlw_lock_alone(struct dlw_context *self, enum dlw_kind kind, enum dlw_mode mode,
	       const void *lock, uint64_t caller, uint64_t frame, uint64_t *holding)
{
	const struct dlw_site *site = dlw_site_of(self, caller, frame);

	if (dlw_unlikely(!dlw_site_serves_unlogged(self, site, caller, frame)))
		return false;
	*holding = dlw_hold_now(dlw_here.record);
	if (dlw_unlikely((uint32_t)*holding))
		return false;
	dlw_hold_fill_apart(dlw_here.holds, dlw_address(lock), kind, mode, site->stack, 0);
	return true;
}

/** dlw_lock_alone_had() - false: a handler has come in between */
static inline __attribute__((always_inline)) bool dlw_lock_alone_had(struct dlw_context *self,
								      uint64_t holding)
{
	struct dlw_thread *record = self->record;

	if (dlw_unlikely(!record)) /* the child of a handler's fork */
		return true;
	return dlw_hold_counts(record, holding);
}

/** dlw_lock_overtaken() - what has been counted is put right; Return: 0 */
int dlw_lock_overtaken(enum dlw_kind kind, enum dlw_mode mode, const void *lock,
		       enum dlw_form form, uint64_t caller, uint64_t frame);

/** dlw_lock_alone_release() - the only hold goes; false: it is another's turn */
static inline __attribute__((always_inline)) bool dlw_lock_alone_release(enum dlw_kind kind,
									  const void *lock)
{
	struct dlw_context *self = dlw_self;
	struct dlw_thread *record = dlw_here.record;
	const struct dlw_held *holds = dlw_here.holds;
	uint64_t holding;

	if (dlw_unlikely(!(self->open & DLW_WAY_UNLOGGED)))
		return false;
	holding = dlw_hold_now(record);
	if (dlw_unlikely((uint32_t)holding != 1 || holds->address != dlw_address(lock) ||
			 holds->kind != kind))
		return false;
	dlw_hold_pop(record, holding);
	return true;
}

#endif
