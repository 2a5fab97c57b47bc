/*
 * shim/hook_semaphore_logged.c - the short ways through sem_wait() and sem_post() with a log
 *
 * As those without one, and what is had or given is said in four bytes where the
 * thread's block has said it before.
 */
#include "shim/hook_semaphore.h"

#include "shim/log_quick.h"
#include "shim/real.h"

#include "shim/banned.h"

/** taken_unsaid() - a permit was had, and the block has not said that before; .open is shut */
static __attribute__((noinline)) int taken_unsaid(struct dlw_context *self,
						  struct dlw_permit *permit)
{
	if (self->log)
		dlw_semaphore_log_acquired(self, permit, DLW_FORM_BLOCKING, permit->stack, false);
	dlw_leave(self);
	return 0;
}

/** taken_logged() - a permit was had; .open is shut meanwhile, for a handler may post it */
static inline __attribute__((always_inline)) int
taken_logged(const sem_t *semaphore, struct dlw_context *self, uint32_t stack)
{
	const uint32_t how = dlw_recent_how(DLW_EVENT_ACQUIRED, 2, DLW_FORM_BLOCKING);
	struct dlw_permit *permit;
	struct dlw_slot *slot;

	dlw_inside_quickly(self);
	if (dlw_unlikely(!self->record)) /* the child of a handler's fork */
		return 0;
	dlw_edge_met(self);
	dlw_not_polling(self);
	permit = dlw_permit_known(self, dlw_address(semaphore));
	if (dlw_unlikely(!permit))
		return dlw_semaphore_taken_at_length(semaphore, self, stack);
	dlw_permit_taken(permit);
	dlw_permit_note_place(permit, stack, 0, 0);
	slot = self->log;
	if (dlw_unlikely(!slot || !dlw_quick_begins(slot) ||
			 !dlw_quick_say_again(self, slot, dlw_address(semaphore),
					      dlw_said_key(DLW_SEMAPHORE, how, stack))))
		return taken_unsaid(self, permit);
	permit->timed = 0;
	dlw_leave(self);
	return 0;
}

/**
 * dlw_semaphore_wait_logged() - tried, if there seems to be a permit
 *
 * A permit that is there is had without a wish; a cancellation point it stays. What
 * is to outlast the try waits in memory, see hook_mutex_logged.c.
 */
int dlw_semaphore_wait_logged(sem_t *semaphore, uint64_t frame)
{
	struct dlw_context *self = dlw_self;
	const struct dlw_site *site = dlw_site_logged(self, frame);
	sem_t *volatile saved_semaphore;
	volatile uint64_t saved_frame;
	volatile uint32_t saved_stack;
	volatile int saved_error;

	if (dlw_unlikely(!site || dlw_semaphore_is_empty(semaphore) ||
			 dlw_semaphore_is_shared(semaphore)))
		return dlw_semaphore_wait_at_length(semaphore, frame);
	saved_semaphore = semaphore;
	saved_frame = frame;
	saved_stack = site->stack;
	saved_error = *self->error;
	pthread_testcancel();
	if (dlw_unlikely(dlw_real(sem_trywait)(saved_semaphore) != 0))
		return dlw_semaphore_wait_overtaken(saved_semaphore, saved_frame, saved_error);
	return taken_logged(saved_semaphore, dlw_self, saved_stack);
}

/** post_unsaid() - not what can be said shortly; .open is shut */
static __attribute__((noinline)) int post_unsaid(sem_t *semaphore, uint64_t frame)
{
	dlw_outside_quickly(dlw_self);
	return dlw_semaphore_post_at_length(semaphore, dlw_caller_at(frame), frame);
}

/** can_post_quickly() - dlw_permit_quick_post() will do, and no time is to be told */
static inline bool can_post_quickly(const struct dlw_permit *permit, const sem_t *semaphore)
{
	return (permit->held ? permit->posted_own : permit->posted_other) && !permit->timed &&
	       !dlw_semaphore_has_waiters(semaphore);
}

/** dlw_semaphore_post_otherwise() - with a log, mostly */
int dlw_semaphore_post_otherwise(sem_t *semaphore, uint64_t frame)
{
	const uint32_t how = dlw_recent_how(DLW_EVENT_POSTED, 2, DLW_FORM_BLOCKING);
	struct dlw_context *self = dlw_self;
	const struct dlw_site *site = dlw_site_logged(self, frame);
	struct dlw_permit *permit;
	struct dlw_slot *slot;

	if (dlw_unlikely(!site || dlw_semaphore_is_near_overflow(semaphore)))
		return dlw_semaphore_post_at_length(semaphore, dlw_caller_at(frame), frame);
	dlw_inside_quickly(self);
	slot = self->log;
	permit = dlw_permit_known(self, dlw_address(semaphore));
	if (dlw_unlikely(!slot || !permit || !can_post_quickly(permit, semaphore) ||
			 !dlw_quick_has_room(slot) ||
			 !dlw_quick_say_again(self, slot, dlw_address(semaphore),
					      dlw_said_key(DLW_SEMAPHORE, how, site->stack))))
		return post_unsaid(semaphore, frame);
	dlw_permit_quick_post(permit);
	dlw_not_polling(self);
	dlw_edge_given(self);
	if (dlw_unlikely(!dlw_leave_quickly(self)))
		return dlw_semaphore_post_and_drain(semaphore);
	return dlw_real(sem_post)(semaphore);
}
