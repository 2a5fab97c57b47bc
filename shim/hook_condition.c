/*
 * shim/hook_condition.c - pthread_cond_*
 *
 * The C library gives the mutex back and has it again inside the wait, without
 * calling our hooks: the wrapper does in the record what happens inside, also
 * when the wait times out, fails or is cancelled.
 */
#include <errno.h>

#include "shim/hold.h"
#include "shim/hook_condition.h"
#include "shim/hook_mutex.h"
#include "shim/misuse.h"
#include "shim/real.h"

#include "shim/banned.h"

static struct dlw_object *condition_object(struct dlw_context *self, const void *condition)
{
	return dlw_object(self, dlw_address(condition), DLW_CONDITION);
}

static void log_wait(struct dlw_context *self, const void *condition, pthread_mutex_t *mutex,
		     enum dlw_form form)
{
	struct dlw_object *object = condition_object(self, condition);
	struct dlw_object *given_back = dlw_lock_object(self, DLW_MUTEX, mutex);
	struct dlw_event event = {
		.type = DLW_EVENT_CONDITION_WAIT,
		.mode = 3,
		.form = (uint8_t)form,
		.stack = self->record->want_stack,
	};

	if (!object || !given_back)
		return;
	event.object = dlw_log_object(object);
	event.argument = dlw_log_object(given_back);
	atomic_fetch_add_explicit(dlw_ticket(given_back), 1, memory_order_relaxed);
	dlw_log_event(self, &event);
}

/** is_shared() - glibc's flag in the count of references */
static bool is_shared(const void *condition)
{
	return ((const pthread_cond_t *)condition)->__data.__wrefs & 1;
}

void dlw_condition_begin(struct dlw_context *self, const void *condition, pthread_mutex_t *mutex,
			 enum dlw_form form, uint64_t caller, uint64_t frame)
{
	uint32_t stack = dlw_stack_exact(self, caller, frame);
	struct dlw_object *object = condition_object(self, condition);
	struct dlw_thread *record = self->record;
	int64_t depth;

	if (object)
		dlw_misuse_two_mutexes(self, object, mutex, stack);
	if (is_shared(condition))
		dlw_shared_wait(dlw_address(condition));
	record->want_mutex = dlw_address(mutex);
	dlw_want(self, DLW_CONDITION, DLW_SIGNAL, form, dlw_address(condition), stack, frame);
	record->want_object = object ? object->index : 0;
	record->want_since_ns = dlw_nanoseconds();
	if (dlw_logging(self))
		log_wait(self, condition, mutex, form);
	depth = dlw_hold_find(self, dlw_address(mutex));
	if (depth >= 0)
		dlw_hold_remove(self, (uint32_t)depth);
	dlw_outside(self);
}

void dlw_condition_end(struct dlw_context *self, const void *condition, pthread_mutex_t *mutex,
		       int result)
{
	uint32_t stack = self->record->want_stack;

	dlw_inside(self);
	dlw_edge_met(self);
	if (dlw_logging(self)) {
		struct dlw_object *object = condition_object(self, condition);
		struct dlw_event event = { .type = DLW_EVENT_WOKEN, .mode = 3 };

		if (object && result == 0) {
			event.object = dlw_log_object(object);
			event.ticket = atomic_fetch_add(dlw_ticket(object), 1) + 1;
			dlw_log_event(self, &event);
		} else {
			dlw_log_gave_up(self, object, result < 0 ? 0 : result);
		}
	}
	dlw_mutex_acquired(self, mutex, DLW_FORM_BLOCKING, stack, false);
	dlw_want_end(self);
	if (self->record->want_form == DLW_FORM_TIMED)
		dlw_poll_end(self, result == ETIMEDOUT);
	dlw_leave(self);
}

void dlw_condition_cancelled(void *context)
{
	const struct dlw_condition_wait *wait = context;

	dlw_condition_end(wait->self, wait->condition, wait->mutex, -1);
}

void dlw_condition_signal(struct dlw_context *self, const void *condition, bool all,
			  uint64_t caller, uint64_t frame)
{
	struct dlw_permit *permit;
	struct dlw_object *object;
	struct dlw_event event = {
		.type = all ? DLW_EVENT_BROADCAST : DLW_EVENT_SIGNALLED,
		.mode = 3,
	};

	dlw_not_polling(self);
	dlw_edge_given(self);
	/* who signals is a known releaser; a condition has no permits to hold */
	permit = dlw_permit_of(self, dlw_address(condition), DLW_CONDITION);
	if (permit)
		dlw_permit_post(permit);
	if (!dlw_logging(self))
		return;
	object = condition_object(self, condition);
	if (!object)
		return;
	event.stack = dlw_stack_here(self, caller, frame);
	event.object = dlw_log_object(object);
	event.ticket = atomic_fetch_add(dlw_ticket(object), 1) + 1;
	dlw_log_event(self, &event);
}

DLW_HOOK int pthread_cond_wait(pthread_cond_t *condition, pthread_mutex_t *mutex)
{
	DLW_CONDITION_WAIT(DLW_FORM_BLOCKING, , , dlw_real(pthread_cond_wait)(condition, mutex));
}

DLW_HOOK int pthread_cond_timedwait(pthread_cond_t *condition, pthread_mutex_t *mutex,
				    const struct timespec *until)
{
	DLW_CONDITION_WAIT(DLW_FORM_TIMED, , , dlw_real(pthread_cond_timedwait)(condition, mutex, until));
}

DLW_HOOK int pthread_cond_clockwait(pthread_cond_t *condition, pthread_mutex_t *mutex,
				    clockid_t clock, const struct timespec *until)
{
	DLW_CONDITION_WAIT(DLW_FORM_TIMED, , , dlw_real(pthread_cond_clockwait)(condition, mutex, clock, until));
}

DLW_HOOK int pthread_cond_signal(pthread_cond_t *condition)
{
	struct dlw_context *self = dlw_enter();

	if (self) {
		dlw_condition_signal(self, condition, false, DLW_CALLER, DLW_FRAME);
		dlw_leave(self);
	}
	return dlw_real(pthread_cond_signal)(condition);
}

DLW_HOOK int pthread_cond_broadcast(pthread_cond_t *condition)
{
	struct dlw_context *self = dlw_enter();

	if (self) {
		dlw_condition_signal(self, condition, true, DLW_CALLER, DLW_FRAME);
		dlw_leave(self);
	}
	return dlw_real(pthread_cond_broadcast)(condition);
}

DLW_HOOK int pthread_cond_init(pthread_cond_t *condition, const pthread_condattr_t *attributes)
{
	struct dlw_context *self = dlw_enter();
	int result = dlw_real(pthread_cond_init)(condition, attributes);

	if (!self)
		return result;
	if (result == 0 && is_shared(condition))
		dlw_shared_begin(dlw_address(condition));
	if (result == 0)
		dlw_object_begin(self, dlw_address(condition), DLW_CONDITION, DLW_TYPE_UNKNOWN,
				 is_shared(condition) ? DLW_TRAIT_SHARED : 0,
				 dlw_stack_here(self, DLW_CALLER, DLW_FRAME));
	dlw_leave(self);
	return result;
}

DLW_HOOK int pthread_cond_destroy(pthread_cond_t *condition)
{
	struct dlw_context *self = dlw_enter();
	int result;

	if (!self)
		return dlw_real(pthread_cond_destroy)(condition);
	if (dlw_unlikely(dlw_condition_looks_used(condition)))
		dlw_misuse_destroy(self, DLW_CONDITION, condition, sizeof(*condition), DLW_CALLER,
				   DLW_FRAME);
	result = dlw_real(pthread_cond_destroy)(condition);
	if (result == 0)
		dlw_object_end(self, dlw_address(condition));
	dlw_leave(self);
	return result;
}
