/*
 * shim/hook_mutex.h - the steps that pthread, C11 and condition hooks share
 */
#ifndef DLW_SHIM_HOOK_MUTEX_H
#define DLW_SHIM_HOOK_MUTEX_H

#include <errno.h>
#include <pthread.h>

#include "core/watch/glibc.h"
#include "shim/hook_lock.h"

/** dlw_mutex_contended() - it looked taken, or there is a log; Return: DLW_GO_ON or the result */
int dlw_mutex_contended(struct dlw_context *self, pthread_mutex_t *mutex, enum dlw_form form,
			uint64_t caller, uint64_t frame);

/** dlw_mutex_begin() - publish the wish; Return: DLW_GO_ON, or the result that is already there */
static inline __attribute__((always_inline)) int
dlw_mutex_begin(struct dlw_context *self, pthread_mutex_t *mutex, enum dlw_form form,
		uint64_t caller, uint64_t frame)
{
	uint32_t stack = dlw_stack_here(self, caller, frame);
	int result = DLW_GO_ON;

	if (dlw_unlikely(mutex->__data.__kind & DLW_KIND_SHARED))
		dlw_shared_note(dlw_address(mutex));
	dlw_want(self, DLW_MUTEX, DLW_EXCLUSIVE, form, dlw_address(mutex), stack, frame);
	if (dlw_unlikely(mutex->__data.__lock != 0 || self->log))
		result = dlw_mutex_contended(self, mutex, form, caller, frame);
	dlw_outside(self);
	return result;
}

/** dlw_mutex_recurse() - the thread holds it already: count; false: it does not */
bool dlw_mutex_recurse(struct dlw_context *self, const pthread_mutex_t *mutex);

/** dlw_mutex_acquired() - it is ours now */
static inline __attribute__((always_inline)) void
dlw_mutex_acquired(struct dlw_context *self, const pthread_mutex_t *mutex, enum dlw_form form,
		   uint32_t stack, bool contended)
{
	if (dlw_likely((mutex->__data.__kind & DLW_KIND_TYPE) != DLW_KIND_RECURSIVE) ||
	    !dlw_mutex_recurse(self, mutex))
		dlw_hold_push(self, DLW_MUTEX, DLW_EXCLUSIVE, dlw_address(mutex), stack, form);
	dlw_rank_check(self, DLW_MUTEX, dlw_address(mutex), form, stack);
	if (dlw_logging(self))
		dlw_lock_log_acquired(self, DLW_MUTEX, DLW_EXCLUSIVE, mutex, form, stack,
				      contended);
}

/** dlw_mutex_refused() - the call failed, with a timeout or EDEADLK for instance */
void dlw_mutex_refused(struct dlw_context *self, const pthread_mutex_t *mutex, int error);

/** dlw_mutex_looks_used() - locked, or somebody is on the way */
static inline bool dlw_mutex_looks_used(const pthread_mutex_t *mutex)
{
	return mutex->__data.__lock != 0 || mutex->__data.__nusers != 0;
}

/** dlw_mutex_end() - note how the call came out and leave; Return: @result */
static inline __attribute__((always_inline)) int
dlw_mutex_end(struct dlw_context *self, const pthread_mutex_t *mutex, enum dlw_form form, int result)
{
	const struct dlw_thread *record = self->record;

	dlw_inside(self);
	if (dlw_likely(result == 0 || result == EOWNERDEAD))
		dlw_mutex_acquired(self, mutex, form, record->want_stack,
				   record->want_since_ns != 0);
	else
		dlw_mutex_refused(self, mutex, result);
	dlw_want_end(self);
	if (form == DLW_FORM_TIMED)
		dlw_poll_end(self, result == ETIMEDOUT);
	dlw_leave(self);
	return result;
}

/** dlw_mutex_release_unheld() - before the unlock of what is not known to be held; Return: -1 */
int64_t dlw_mutex_release_unheld(struct dlw_context *self, const pthread_mutex_t *mutex);

/** dlw_mutex_release() - before the unlock; Return: depth it was held at, -1: it was not */
static inline __attribute__((always_inline)) int64_t dlw_mutex_release(struct dlw_context *self,
								       const pthread_mutex_t *mutex)
{
	int64_t depth = dlw_hold_find(self, dlw_address(mutex));

	if (dlw_unlikely(depth < 0))
		return dlw_mutex_release_unheld(self, mutex);
	if (dlw_logging(self))
		dlw_lock_log_released(self, DLW_MUTEX, DLW_EXCLUSIVE, mutex, (uint32_t)depth);
	dlw_hold_drop(self, (uint32_t)depth);
	return depth;
}

/** dlw_sliced_mutex_lock() - on_deadlock=break: lock in slices, EDEADLK once the watcher says so */
int dlw_sliced_mutex_lock(struct dlw_context *self, pthread_mutex_t *mutex);

#endif
