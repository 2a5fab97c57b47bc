/*
 * shim/hook_condition.h - the steps that pthread and C11 condition hooks share
 */
#ifndef DLW_SHIM_HOOK_CONDITION_H
#define DLW_SHIM_HOOK_CONDITION_H

#include <pthread.h>

#include "shim/context.h"

/** A wait under way, for a cancellation that must put things right. */
struct dlw_condition_wait {
	struct dlw_context *self;
	const void *condition;
	pthread_mutex_t *mutex;
};

/** dlw_condition_begin() - the mutex is given back, the thread waits for a signal */
void dlw_condition_begin(struct dlw_context *self, const void *condition, pthread_mutex_t *mutex,
			 enum dlw_form form, uint64_t caller, uint64_t frame);

/** dlw_condition_end() - the mutex is had again, whatever the result; -1: cancelled. Leaves. */
void dlw_condition_end(struct dlw_context *self, const void *condition, pthread_mutex_t *mutex,
		       int result);

/** dlw_condition_cancelled() - pthread_cleanup_push handler; @wait: struct dlw_condition_wait */
void dlw_condition_cancelled(void *wait);

/** dlw_condition_signal() - before the call */
void dlw_condition_signal(struct dlw_context *self, const void *condition, bool all,
			  uint64_t caller, uint64_t frame);

/** dlw_condition_looks_used() - somebody is in a wait: glibc counts them above three flags */
static inline bool dlw_condition_looks_used(const pthread_cond_t *condition)
{
	return condition->__data.__wrefs >> 3 != 0;
}

/* One shape for every wait: @CALL is what the C library does, @error maps its result to errno's. */
#define DLW_CONDITION_WAIT(form, mutex_of, error, CALL) \
	struct dlw_condition_wait wait = { dlw_enter(), condition, mutex_of(mutex) }; \
	int result; \
\
	if (!wait.self) \
		return CALL; \
	dlw_condition_begin(wait.self, condition, wait.mutex, form, DLW_CALLER, DLW_FRAME); \
	pthread_cleanup_push(dlw_condition_cancelled, &wait); \
	result = CALL; \
	pthread_cleanup_pop(0); \
	dlw_condition_end(wait.self, wait.condition, wait.mutex, error(result)); \
	return result

#endif
