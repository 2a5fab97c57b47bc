/*
 * shim/hook_mutex.c - the pthread_mutex_* calls with everything that may be asked of them
 *
 * One shape for all of them: step aside if re-entered, publish the wish with
 * plain stores, let the C library do the locking, note the outcome.
 * Nothing here allocates, prints or looks at the graph; the thread record is
 * the only thing touched, and only its own thread writes it.
 *
 * With a log a lock is tried first, so that the log says of every acquisition
 * whether it had to wait. Without one a look at the lock word is enough: where
 * the lock looked free, the time and exact stack of the wish are spared.
 *
 * What is mostly asked for goes shorter ways, and comes here where they end:
 * hook_mutex_short.c, and with a log hook_mutex_logged.c.
 */
#include "shim/hook_mutex_ways.h"

#include "shim/break.h"
#include "shim/misuse.h"
#include "shim/real.h"
#include "shim/watcher.h"

#include "shim/banned.h"

/** is_relock() - the thread owns it and the type will let it wait for itself for ever */
static bool is_relock(const struct dlw_context *self, const pthread_mutex_t *mutex)
{
	int type = mutex->__data.__kind & DLW_KIND_TYPE;

	return mutex->__data.__owner == self->tid &&
	       (type == 0 || type == DLW_KIND_ADAPTIVE) &&
	       dlw_hold_find((struct dlw_context *)(uintptr_t)self, dlw_address(mutex)) >= 0;
}

int dlw_mutex_contended(struct dlw_context *self, pthread_mutex_t *mutex, enum dlw_form form,
			uint64_t caller, uint64_t frame)
{
	struct dlw_thread *record = self->record;
	/* a timed form is not tried: that would spare a nonsensical clock its EINVAL */
	bool tries = self->log && form != DLW_FORM_TIMED;

	if (!tries && mutex->__data.__owner == self->tid &&
	    (mutex->__data.__kind & DLW_KIND_TYPE) == DLW_KIND_RECURSIVE)
		return DLW_GO_ON; /* taken by ourselves: nothing to wait for */
	if (!tries && mutex->__data.__lock == 0)
		return DLW_GO_ON;
	if (tries) {
		int result = dlw_real(pthread_mutex_trylock)(mutex);

		if (result == 0 || result == EOWNERDEAD)
			return result;
	}
	if (mutex->__data.__kind & DLW_KIND_SHARED)
		dlw_shared_wait(dlw_address(mutex));
	else if (dlw_unlikely(dlw_runtime->left_behind))
		dlw_watcher_offer();
	record->want_stack = dlw_stack_exact(self, caller, frame);
	record->want_since_ns = dlw_nanoseconds();
	if (self->log)
		dlw_lock_log_want(self, DLW_MUTEX, mutex, form);
	if (form == DLW_FORM_BLOCKING && is_relock(self, mutex)) {
		record->want_relock = 1;
		if (dlw_options.on_deadlock == DLW_ON_DEADLOCK_BREAK) {
			dlw_watcher_relock(self);
			return EDEADLK;
		}
		dlw_watcher_relock(self);
	}
	return DLW_GO_ON;
}

void dlw_mutex_refused(struct dlw_context *self, const pthread_mutex_t *mutex, int error)
{
	if (error == EDEADLK)
		dlw_misuse_relock(self, DLW_MUTEX, dlw_address(mutex));
	dlw_nest_refused(self, dlw_address(mutex));
	if (dlw_logging(self))
		dlw_log_gave_up(self, dlw_lock_object(self, DLW_MUTEX, mutex), error);
}

bool dlw_mutex_recurse(struct dlw_context *self, const pthread_mutex_t *mutex)
{
	int64_t depth = dlw_hold_find(self, dlw_address(mutex));

	if (depth < 0)
		return false;
	dlw_hold_at(self, (uint32_t)depth)->again++;
	return true;
}

/**
 * dlw_mutex_release_unheld() - an unlock of what the thread is not known to hold
 *
 * Either it was locked before we looked (the C library says that it is ours),
 * or a stranger unlocks: only the types that do not mind let that happen.
 */
int64_t dlw_mutex_release_unheld(struct dlw_context *self, const pthread_mutex_t *mutex)
{
	int type = mutex->__data.__kind & DLW_KIND_TYPE;

	if (mutex->__data.__owner == self->tid)
		dlw_runtime_count(DLW_UNSEEN_HOLDERS, 1);
	else
		dlw_lock_distrust(self, DLW_MUTEX, mutex,
				  type == 0 || type == DLW_KIND_ADAPTIVE);
	return -1;
}

/** dlw_mutex_lock_at_length() - pthread_mutex_lock() with everything that may be asked of it */
int dlw_mutex_lock_at_length(pthread_mutex_t *mutex, uint64_t caller, uint64_t frame)
{
	struct dlw_context *self = dlw_enter();
	int result;

	if (!self)
		return dlw_real(pthread_mutex_lock)(mutex);
	result = dlw_mutex_begin(self, mutex, DLW_FORM_BLOCKING, caller, frame);
	if (dlw_likely(result == DLW_GO_ON)) {
		if (dlw_breaking())
			result = dlw_sliced_mutex_lock(self, mutex);
		else
			result = dlw_real(pthread_mutex_lock)(mutex);
	}
	return dlw_mutex_end(self, mutex, DLW_FORM_BLOCKING, result);
}

DLW_HOOK int pthread_mutex_timedlock(pthread_mutex_t *mutex, const struct timespec *until)
{
	struct dlw_context *self = dlw_enter();
	int result;

	if (!self)
		return dlw_real(pthread_mutex_timedlock)(mutex, until);
	result = dlw_mutex_begin(self, mutex, DLW_FORM_TIMED, DLW_CALLER, DLW_FRAME);
	if (result == DLW_GO_ON)
		result = dlw_real(pthread_mutex_timedlock)(mutex, until);
	return dlw_mutex_end(self, mutex, DLW_FORM_TIMED, result);
}

DLW_HOOK int pthread_mutex_clocklock(pthread_mutex_t *mutex, clockid_t clock,
				     const struct timespec *until)
{
	struct dlw_context *self = dlw_enter();
	int result;

	if (!self)
		return dlw_real(pthread_mutex_clocklock)(mutex, clock, until);
	result = dlw_mutex_begin(self, mutex, DLW_FORM_TIMED, DLW_CALLER, DLW_FRAME);
	if (result == DLW_GO_ON)
		result = dlw_real(pthread_mutex_clocklock)(mutex, clock, until);
	return dlw_mutex_end(self, mutex, DLW_FORM_TIMED, result);
}

int dlw_mutex_try_at_length(pthread_mutex_t *mutex, uint64_t caller, uint64_t frame)
{
	struct dlw_context *self = dlw_enter();
	uint32_t stack;
	int result;

	if (!self)
		return dlw_real(pthread_mutex_trylock)(mutex);
	stack = dlw_stack_here(self, caller, frame);
	result = dlw_real(pthread_mutex_trylock)(mutex);
	if (result == 0 || result == EOWNERDEAD)
		dlw_mutex_acquired(self, mutex, DLW_FORM_TRY, stack, false);
	else
		dlw_nest_refused(self, dlw_address(mutex));
	if (result == EBUSY && dlw_logging(self))
		dlw_lock_log_try_failed(self, DLW_MUTEX, DLW_EXCLUSIVE, mutex, stack);
	dlw_not_polling(self);
	dlw_leave(self);
	return result;
}

/** unlock_unheld() - what is wrong with it is seen before and told after */
static int unlock_unheld(struct dlw_context *self, pthread_mutex_t *mutex, uint64_t caller,
			 uint64_t frame)
{
	struct dlw_misuse note;
	bool misuse = dlw_misuse_unlock(self, &note, mutex);
	int result;

	dlw_mutex_release_unheld(self, mutex);
	result = dlw_real(pthread_mutex_unlock)(mutex);
	if (misuse)
		dlw_misuse_unlocked(self, &note, result, caller, frame);
	return result;
}

/** dlw_mutex_unlock_at_length() - pthread_mutex_unlock() with everything that may be asked of it */
int dlw_mutex_unlock_at_length(pthread_mutex_t *mutex, uint64_t caller, uint64_t frame)
{
	struct dlw_context *self = dlw_enter();
	int64_t depth;
	int result;

	if (!self)
		return dlw_real(pthread_mutex_unlock)(mutex);
	depth = dlw_hold_find(self, dlw_address(mutex));
	if (dlw_unlikely(depth < 0)) {
		result = unlock_unheld(self, mutex, caller, frame);
		dlw_leave(self);
		return result;
	}
	dlw_mutex_release(self, mutex);
	result = dlw_real(pthread_mutex_unlock)(mutex);
	if (dlw_unlikely(result != 0)) /* refused: it is still held */
		dlw_mutex_acquired(self, mutex, DLW_FORM_TRY, dlw_stack_here(self, caller, frame),
				   false);
	dlw_leave(self);
	return result;
}

/** pthread_mutex_consistent() - of no effect on who owns it; in the family for completeness */
DLW_HOOK int pthread_mutex_consistent(pthread_mutex_t *mutex)
{
	return dlw_real(pthread_mutex_consistent)(mutex);
}

/** pthread_mutex_setprioceiling() - locks and unlocks inside the C library, and is seen waiting */
DLW_HOOK int pthread_mutex_setprioceiling(pthread_mutex_t *mutex, int ceiling, int *old)
{
	struct dlw_context *self = dlw_enter();
	int result;

	if (!self)
		return dlw_real(pthread_mutex_setprioceiling)(mutex, ceiling, old);
	dlw_want(self, DLW_MUTEX, DLW_EXCLUSIVE, DLW_FORM_BLOCKING, dlw_address(mutex),
		 dlw_stack_here(self, DLW_CALLER, DLW_FRAME), DLW_FRAME);
	dlw_outside(self);
	result = dlw_real(pthread_mutex_setprioceiling)(mutex, ceiling, old);
	dlw_inside(self);
	dlw_want_end(self);
	dlw_leave(self);
	return result;
}
