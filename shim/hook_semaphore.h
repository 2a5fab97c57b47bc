/*
 * shim/hook_semaphore.h - what the hooks of semaphores share: glibc's words, permits, the ways
 *
 * Each way does the whole call, the C library's part too, and returns its result.
 * @frame: of the hook that the program called (DLW_FRAME); its caller is found by it.
 */
#ifndef DLW_SHIM_HOOK_SEMAPHORE_H
#define DLW_SHIM_HOOK_SEMAPHORE_H

#include <limits.h>
#include <semaphore.h>

#include "shim/hook_lock.h"

/** dlw_semaphore_is_empty() - glibc's count: the low half of the first word */
static inline bool dlw_semaphore_is_empty(const sem_t *semaphore)
{
	return __atomic_load_n((const uint32_t *)semaphore, __ATOMIC_RELAXED) == 0;
}

/** dlw_semaphore_is_near_overflow() - one more might be refused, which is looked into */
static inline bool dlw_semaphore_is_near_overflow(const sem_t *semaphore)
{
	return __atomic_load_n((const uint32_t *)semaphore, __ATOMIC_RELAXED) > SEM_VALUE_MAX / 2;
}

/** dlw_semaphore_has_waiters() - glibc's: the high half */
static inline bool dlw_semaphore_has_waiters(const sem_t *semaphore)
{
	return __atomic_load_n((const uint32_t *)semaphore + 1, __ATOMIC_RELAXED) != 0;
}

/** dlw_semaphore_is_shared() - what sem_init() was told, in glibc's third word; if named always */
static inline bool dlw_semaphore_is_shared(const sem_t *semaphore)
{
	return ((const uint32_t *)semaphore)[2] != 0;
}

/** dlw_permit_note_place() - where the newest permit was taken */
static inline void dlw_permit_note_place(struct dlw_permit *permit, uint32_t stack, uint64_t caller,
					 uint64_t frame)
{
	permit->stack = stack;
	permit->caller = caller;
	permit->frame = frame;
}

/** dlw_semaphore_log_acquired() - @permit was there, or has been @waited for; with a log */
void dlw_semaphore_log_acquired(struct dlw_context *self, struct dlw_permit *permit,
				enum dlw_form form, uint32_t stack, bool waited);

/* with everything that may be asked of them: hook_semaphore.c */

int dlw_semaphore_wait_at_length(sem_t *semaphore, uint64_t frame);
int dlw_semaphore_try_at_length(sem_t *semaphore, uint64_t caller, uint64_t frame);
int dlw_semaphore_post_at_length(sem_t *semaphore, uint64_t caller, uint64_t frame);

/** dlw_semaphore_wait_overtaken() - it looked as if there was one; @error: errno before the try */
int dlw_semaphore_wait_overtaken(sem_t *semaphore, uint64_t frame, int error);

/** dlw_semaphore_taken_at_length() - had, and not used before by the thread, or not lately */
int dlw_semaphore_taken_at_length(const sem_t *semaphore, struct dlw_context *self, uint32_t stack);

/** dlw_semaphore_post_and_drain() - a handler has come in between; .open is shut */
int dlw_semaphore_post_and_drain(sem_t *semaphore);

/* with a log, else at length: hook_semaphore_logged.c */

int dlw_semaphore_wait_logged(sem_t *semaphore, uint64_t frame);

/** dlw_semaphore_post_otherwise() - .open is no way without a log, or the count is very high */
int dlw_semaphore_post_otherwise(sem_t *semaphore, uint64_t frame);

#endif
