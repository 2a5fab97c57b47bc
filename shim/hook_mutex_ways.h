/*
 * shim/hook_mutex_ways.h - the ways through lock, try and unlock, from one file to the next
 *
 * Each does the whole call, the C library's part too, and returns its result.
 * @frame: of the hook that the program called (DLW_FRAME); its caller is found by it.
 */
#ifndef DLW_SHIM_HOOK_MUTEX_WAYS_H
#define DLW_SHIM_HOOK_MUTEX_WAYS_H

#include "shim/hook_mutex.h"

/** dlw_mutex_is_newest() - the thread's newest hold is of @mutex; @count: of its holds */
static inline bool dlw_mutex_is_newest(const struct dlw_context *self, uint32_t count,
				       const pthread_mutex_t *mutex)
{
	const struct dlw_held *newest = &self->holds[count - 1];

	return count && newest->address == dlw_address(mutex) && newest->kind == DLW_MUTEX;
}

/** dlw_mutex_is_own_recursive() - ours, also by the C library's word, and not made before a fork */
static inline bool dlw_mutex_is_own_recursive(const struct dlw_context *self,
					      const pthread_mutex_t *mutex)
{
	return mutex->__data.__kind == DLW_KIND_RECURSIVE && mutex->__data.__owner == self->tid;
}

/* with everything that may be asked of them: hook_mutex.c */

int dlw_mutex_lock_at_length(pthread_mutex_t *mutex, uint64_t caller, uint64_t frame);
int dlw_mutex_try_at_length(pthread_mutex_t *mutex, uint64_t caller, uint64_t frame);
int dlw_mutex_unlock_at_length(pthread_mutex_t *mutex, uint64_t caller, uint64_t frame);

/** dlw_mutex_try_otherwise() - the short way of any thread, with or without a log, or at length */
int dlw_mutex_try_otherwise(pthread_mutex_t *mutex, uint64_t frame);

/** dlw_mutex_lock_nested() - the hold just entered is nested, in @holding; now the call itself */
int dlw_mutex_lock_nested(pthread_mutex_t *mutex, struct dlw_context *self, uint64_t holding,
			  const struct dlw_thread *record, struct dlw_site *site);

/* with a log: hook_mutex_logged.c */

/** dlw_mutex_lock_logged() - a plain one that looks free, at the site of @stack */
int dlw_mutex_lock_logged(pthread_mutex_t *mutex, uint32_t stack, uint64_t frame);

/** dlw_mutex_lock_special_logged() - it looks taken, or is no plain mutex */
int dlw_mutex_lock_special_logged(pthread_mutex_t *mutex, struct dlw_context *self,
				  uint64_t frame);
int dlw_mutex_try_logged(pthread_mutex_t *mutex, uint64_t frame);

/** dlw_mutex_unlock_otherwise() - .open is neither shut nor a way without a log */
int dlw_mutex_unlock_otherwise(pthread_mutex_t *mutex, struct dlw_context *self, uint64_t frame);

#endif
