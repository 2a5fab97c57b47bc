/*
 * shim/hook_mutex_logged.c - the short ways through lock, try and unlock with a log
 *
 * A lock is tried, so that the log says of each acquisition whether it had to
 * wait; what is had is said in four bytes where the block has said it before, and
 * so is its release if nothing was said in between (log_hold.h).
 */
#include "shim/hook_mutex_ways.h"

#include "shim/log_hold.h"
#include "shim/real.h"

#include "shim/banned.h"

/** relocked() - once more; .open is shut */
static __attribute__((noinline)) int relocked(pthread_mutex_t *mutex, struct dlw_context *self,
					      uint32_t stack)
{
	dlw_hold_log(self, DLW_MUTEX, DLW_EXCLUSIVE, mutex, DLW_FORM_BLOCKING, stack);
	return dlw_hold_leave(self);
}

/** had_again() - a recursive one that is the newest hold, tried, and had */
static inline __attribute__((always_inline)) int
had_again(pthread_mutex_t *mutex, struct dlw_context *self, uint32_t stack)
{
	struct dlw_thread *record;
	struct dlw_slot *slot;
	uint64_t holding;

	dlw_inside_quickly(self);
	record = self->record;
	slot = self->log;
	if (dlw_unlikely(!record)) /* the child of a handler's fork */
		return 0;
	holding = dlw_hold_now(record);
	self->holds[(uint32_t)holding - 1].again++;
	if (dlw_unlikely(!slot) ||
	    !dlw_hold_say_again(slot, dlw_address(mutex),
				dlw_hold_word(DLW_MUTEX, DLW_EXCLUSIVE, stack, 0), holding))
		return relocked(mutex, self, stack);
	if (dlw_unlikely(!dlw_leave_quickly(self)))
		return dlw_hold_leave(self);
	return 0;
}

/** is_newest_again() - ours, the newest hold, and may be taken once more */
static inline bool is_newest_again(const struct dlw_context *self, const pthread_mutex_t *mutex)
{
	uint32_t count = dlw_hold_count(self);

	return dlw_mutex_is_own_recursive(self, mutex) && dlw_mutex_is_newest(self, count, mutex) &&
	       self->holds[count - 1].again <= UINT32_MAX / 2;
}

/** relock_logged() - a recursive one: perhaps one hold more, else as a plain one */
static __attribute__((noinline)) int relock_logged(pthread_mutex_t *mutex,
						   struct dlw_context *self, uint32_t stack,
						   uint64_t frame)
{
	pthread_mutex_t *volatile saved_mutex;
	volatile uint64_t saved_frame;
	volatile uint32_t saved_stack;
	volatile bool again = mutex->__data.__lock != 0;

	if (mutex->__data.__kind != DLW_KIND_RECURSIVE ||
	    (again && !is_newest_again(self, mutex)))
		return dlw_mutex_lock_at_length(mutex, dlw_caller_at(frame), frame);
	saved_mutex = mutex;
	saved_frame = frame;
	saved_stack = stack;
	if (dlw_unlikely(dlw_real(pthread_mutex_trylock)(mutex) != 0))
		return dlw_mutex_lock_at_length(saved_mutex, dlw_caller_at(saved_frame),
						saved_frame);
	if (again)
		return had_again(saved_mutex, dlw_self, saved_stack);
	return dlw_hold_had(saved_mutex, dlw_self, DLW_MUTEX, DLW_EXCLUSIVE, DLW_FORM_BLOCKING,
			    saved_stack);
}

/**
 * dlw_mutex_lock_logged() - tried, so that the log says of each acquisition whether it had to wait
 *
 * What is to outlast the try waits in memory: to save a register and bring it
 * back takes twice as much.
 */
int dlw_mutex_lock_logged(pthread_mutex_t *mutex, uint32_t stack, uint64_t frame)
{
	pthread_mutex_t *volatile saved_mutex;
	volatile uint64_t saved_frame;
	volatile uint32_t saved_stack;

	saved_mutex = mutex;
	saved_frame = frame;
	saved_stack = stack;
	if (dlw_unlikely(dlw_real(pthread_mutex_trylock)(mutex) != 0))
		return dlw_mutex_lock_at_length(saved_mutex, dlw_caller_at(saved_frame),
						saved_frame);
	return dlw_hold_had(saved_mutex, dlw_self, DLW_MUTEX, DLW_EXCLUSIVE, DLW_FORM_BLOCKING,
			    saved_stack);
}

int dlw_mutex_lock_special_logged(pthread_mutex_t *mutex, struct dlw_context *self,
				  uint64_t frame)
{
	const uint64_t caller = dlw_caller_at(frame);
	const struct dlw_site *site = dlw_site_of(self, caller, frame);

	if (self->open == DLW_WAY_LOGGED && mutex->__data.__kind &&
	    dlw_site_is(site, caller, frame))
		return relock_logged(mutex, self, site->stack, frame);
	return dlw_mutex_lock_at_length(mutex, caller, frame);
}

/** try_logged_refused() - it was not to be had */
static __attribute__((noinline)) int try_logged_refused(const pthread_mutex_t *mutex,
							uint32_t stack, int result)
{
	dlw_lock_quick_refused(DLW_MUTEX, DLW_EXCLUSIVE, mutex, stack);
	return result;
}

/** dlw_mutex_try_logged() - what is to outlast the try waits in memory here, too */
int dlw_mutex_try_logged(pthread_mutex_t *mutex, uint64_t frame)
{
	struct dlw_context *self = dlw_self;
	const struct dlw_site *site = dlw_site_logged(self, frame);
	pthread_mutex_t *volatile saved_mutex;
	volatile uint32_t saved_stack;
	int result;

	if (dlw_unlikely(!site || mutex->__data.__kind))
		return dlw_mutex_try_otherwise(mutex, frame);
	saved_mutex = mutex;
	saved_stack = site->stack;
	dlw_not_polling(self);
	result = dlw_real(pthread_mutex_trylock)(mutex);
	if (dlw_unlikely(result != 0))
		return try_logged_refused(saved_mutex, saved_stack, result);
	return dlw_hold_had(saved_mutex, dlw_self, DLW_MUTEX, DLW_EXCLUSIVE, DLW_FORM_TRY,
			    saved_stack);
}

/** unlock_logged() - in the log before it is done */
static __attribute__((noinline)) int unlock_logged(pthread_mutex_t *mutex, uint64_t caller,
						   uint64_t frame)
{
	struct dlw_context *self = dlw_self;
	uint32_t count = self->open ? dlw_hold_count(self) : 0;

	if (self->open != DLW_WAY_LOGGED || !dlw_mutex_is_newest(self, count, mutex) ||
	    (mutex->__data.__kind & DLW_KIND_TYPE && !dlw_mutex_is_own_recursive(self, mutex)))
		return dlw_mutex_unlock_at_length(mutex, caller, frame);
	dlw_inside(self);
	dlw_hold_unlog(self, DLW_MUTEX, DLW_EXCLUSIVE, mutex);
	dlw_hold_drop(self, 0);
	dlw_leave(self);
	return dlw_real(pthread_mutex_unlock)(mutex);
}

/** leave_and_unlock() - something has come up in between */
static __attribute__((noinline)) int leave_and_unlock(pthread_mutex_t *mutex,
						      struct dlw_context *self)
{
	dlw_leave(self);
	return dlw_real(pthread_mutex_unlock)(mutex);
}

/** unlock_left() - the hold is gone: leave, and unlock */
static inline __attribute__((always_inline)) int unlock_left(pthread_mutex_t *mutex,
							     struct dlw_context *self)
{
	if (dlw_unlikely(!dlw_leave_quickly(self)))
		return leave_and_unlock(mutex, self);
	return dlw_real(pthread_mutex_unlock)(mutex);
}

/** unlock_unclosed() - it has a time, or is not the newest hold, or there is no log of all */
static __attribute__((noinline)) int unlock_unclosed(pthread_mutex_t *mutex,
						     struct dlw_context *self, uint64_t frame)
{
	dlw_outside(self);
	return unlock_logged(mutex, dlw_caller_at(frame), frame);
}

/**
 * unlog() - the newest hold, with four bytes or none; false: at length
 *
 * If its acquisition was the last thing logged, that tells of its release. It
 * was one of the short way then, so the type is one that this is right for.
 */
static inline bool unlog(struct dlw_context *self, uint64_t holding,
			 const struct dlw_held *newest, const pthread_mutex_t *mutex)
{
	struct dlw_slot *slot = self->log;
	struct dlw_object *object;

	if (dlw_quick_closed(slot, dlw_address(mutex), false))
		return true;
	object = dlw_hold_object(self, holding, dlw_address(mutex), DLW_MUTEX);
	if (dlw_unlikely(!object || newest->timed || mutex->__data.__kind ||
			 !dlw_quick_has_room(slot)))
		return false;
	dlw_quick_ticket(object);
	dlw_quick_put_short(slot);
	return true;
}

/** unlock_unsaid() - its acquisition was said otherwise, or not last; .open is shut */
static __attribute__((noinline)) int unlock_unsaid(pthread_mutex_t *mutex,
						   struct dlw_context *self, uint64_t frame)
{
	struct dlw_thread *record = self->record;
	uint64_t holding = dlw_hold_now(record);
	struct dlw_held *newest = &self->holds[(uint32_t)holding - 1];

	if (dlw_unlikely(self->way != DLW_WAY_LOGGED) ||
	    !dlw_mutex_is_newest(self, (uint32_t)holding, mutex) ||
	    !unlog(self, holding, newest, mutex))
		return unlock_unclosed(mutex, self, frame);
	if (dlw_unlikely(newest->again))
		newest->again--;
	else
		dlw_hold_pop(record, holding);
	return unlock_left(mutex, self);
}

/** is_said() - the hold's acquisition, or another of the same lock, is what the slot remembers of it */
static inline bool is_said(struct dlw_slot *slot, uint64_t holding, const pthread_mutex_t *mutex,
			   struct dlw_object **object)
{
	const struct dlw_said *said = *dlw_hold_said_at(slot, (uint32_t)holding - 1);

	*object = said->object;
	return dlw_said_is(said, dlw_address(mutex));
}

/**
 * unlock_plain() - of a plain one: said in full just now, or others have been taken and given
 * back since; .open is shut
 *
 * Short enough to need no register, as what jumps here.
 */
static __attribute__((noinline)) int unlock_plain(pthread_mutex_t *mutex,
						  struct dlw_context *self, uint64_t frame)
{
	struct dlw_thread *record = self->record;
	struct dlw_slot *slot = self->log;
	const uint64_t holding = dlw_hold_now(record);
	struct dlw_object *object;

	if (dlw_unlikely(!(uint32_t)holding || mutex->__data.__kind ||
			 !dlw_hold_is(&self->holds[(uint32_t)holding - 1], dlw_address(mutex), 0)))
		return unlock_unsaid(mutex, self, frame);
	if (!dlw_quick_closed(slot, dlw_address(mutex), false)) {
		if (dlw_unlikely(!is_said(slot, holding, mutex, &object) ||
				 !dlw_quick_has_room(slot)))
			return unlock_unsaid(mutex, self, frame);
		dlw_quick_count(object);
		dlw_quick_put_short(slot);
	}
	dlw_hold_pop(record, holding);
	return unlock_left(mutex, self);
}

/**
 * dlw_mutex_unlock_otherwise() - said last, mostly
 *
 * Calls nothing but in its own place: no register has to be saved.
 */
int dlw_mutex_unlock_otherwise(pthread_mutex_t *mutex, struct dlw_context *self, uint64_t frame)
{
	struct dlw_thread *record;
	struct dlw_slot *slot;
	uint64_t holding;

	dlw_inside_quickly(self);
	record = self->record;
	slot = self->log;
	if (dlw_unlikely(!slot))
		return unlock_unclosed(mutex, self, frame);
	holding = dlw_hold_now(record);
	if (!dlw_hold_unsay(slot, dlw_address(mutex), false, holding))
		return unlock_plain(mutex, self, frame);
	dlw_hold_pop(record, holding);
	return unlock_left(mutex, self);
}
