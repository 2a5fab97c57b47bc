/*
 * shim/hook_condition.h - the steps that pthread and C11 condition hooks share
 */
#ifndef DLW_SHIM_HOOK_CONDITION_H
#define DLW_SHIM_HOOK_CONDITION_H

#include <pthread.h>

#include "shim/context.h"

/** A wait under way; .self is NULL unless a cancellation must put things right. */
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

void dlw_condition_cancelled(struct dlw_condition_wait *wait);

/** dlw_condition_signal() - before the call */
void dlw_condition_signal(struct dlw_context *self, const void *condition, bool all,
			  uint64_t caller, uint64_t frame);

#endif
