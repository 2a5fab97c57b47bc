/*
 * shim/hook_semaphore_short.c - the short ways through sem_wait(), sem_trywait() and sem_post()
 *
 * With nothing asked for but the live graph, of a semaphore that the thread has
 * used before: what is to be had is tried for and noted; until it is noted, it
 * is a permit that nobody is known to have.
 */
#include "shim/hook_semaphore.h"

#include "shim/real.h"

#include "shim/banned.h"

/** taken_quickly() - a permit was had; .open is shut meanwhile, for a handler may post it */
static inline __attribute__((always_inline)) void taken_quickly(struct dlw_context *self,
								struct dlw_permit *permit)
{
	dlw_inside_quickly(self);
	dlw_edge_met(self);
	dlw_permit_taken(permit);
	dlw_not_polling(self);
	dlw_leave(self);
}

/** wait_elsewhere() - there seems to be a permit, and it is the thread's next one at this place */
static __attribute__((noinline)) int wait_elsewhere(sem_t *semaphore, struct dlw_permit *permit,
						    uint32_t stack, uint64_t frame)
{
	struct dlw_context *self = dlw_self;
	int error = *self->error;

	dlw_permit_used(DLW_LAST_WAITED, dlw_known_object(self, dlw_address(semaphore)));
	pthread_testcancel();
	if (dlw_unlikely(dlw_real(sem_trywait)(semaphore) != 0))
		return dlw_semaphore_wait_overtaken(semaphore, frame, error);
	taken_quickly(self, permit);
	dlw_permit_note_place(permit, stack, dlw_caller_at(frame), frame);
	return 0;
}

/** wait_otherwise() - not the semaphore, or not the place, of the thread's last wait */
static __attribute__((noinline)) int wait_otherwise(sem_t *semaphore, uint64_t frame)
{
	struct dlw_context *self = dlw_self;
	struct dlw_permit *permit = dlw_permit_known(self, dlw_address(semaphore));
	uint32_t stack;

	if (!permit || dlw_semaphore_is_empty(semaphore) ||
	    !dlw_lock_quick(dlw_caller_at(frame), frame, &stack))
		return dlw_semaphore_wait_at_length(semaphore, frame);
	return wait_elsewhere(semaphore, permit, stack, frame);
}

/** is_still_there() - stacks=full, and the stack is the one of the thread's last wait */
static __attribute__((noinline)) bool is_still_there(struct dlw_context *self, uint64_t frame)
{
	const struct dlw_permit *permit = dlw_last[DLW_LAST_WAITED].permit;
	const uint64_t caller = dlw_caller_at(frame);
	const struct dlw_site *site = dlw_site_of(self, caller, frame);

	return self->open == DLW_WAY_VERIFIED && permit && dlw_site_is(site, caller, frame) &&
	       permit->stack == site->stack && dlw_trace_still(site->trace, frame);
}

/**
 * sem_wait() - take a permit
 *
 * Context: a cancellation point. Return: as the C library; with
 *          on_deadlock=break -1 and EDEADLK, too.
 */
DLW_HOOK int sem_wait(sem_t *semaphore)
{
	struct dlw_context *self = dlw_self;
	struct dlw_permit *permit;
	int error;

	if (dlw_unlikely(self->open != DLW_WAY_SHORT)) {
		/* read anew: kept in a register it would cost the others a tenth of their time */
		__asm__ volatile("" : : : "memory");
		if (self->open == DLW_WAY_LOGGED)
			return dlw_semaphore_wait_logged(semaphore, DLW_FRAME);
		if (!is_still_there(self, DLW_FRAME_ONCE))
			return wait_otherwise(semaphore, DLW_FRAME);
	}
	if (dlw_unlikely(dlw_semaphore_is_empty(semaphore)))
		return wait_otherwise(semaphore, DLW_FRAME);
	permit = dlw_permit_last(DLW_LAST_WAITED, dlw_address(semaphore));
	if (dlw_unlikely(!permit || permit->caller != DLW_CALLER ||
			 permit->frame != DLW_FRAME_ONCE))
		return wait_otherwise(semaphore, DLW_FRAME);
	error = *self->error;
	pthread_testcancel();
	if (dlw_unlikely(dlw_real(sem_trywait)(semaphore) != 0))
		return dlw_semaphore_wait_overtaken(semaphore, DLW_FRAME, error);
	taken_quickly(self, permit);
	return 0;
}

/** sem_trywait() - never waits, so wants nothing; that there is none tells something, too */
DLW_HOOK int sem_trywait(sem_t *semaphore)
{
	struct dlw_permit *permit = dlw_permit_known(dlw_self, dlw_address(semaphore));
	uint32_t stack;
	int result;

	if (dlw_unlikely(!permit || !dlw_lock_quick(DLW_CALLER, DLW_FRAME, &stack) ||
			 dlw_self->way == DLW_WAY_LOGGED))
		return dlw_semaphore_try_at_length(semaphore, DLW_CALLER, DLW_FRAME);
	result = dlw_real(sem_trywait)(semaphore);
	if (result == 0) {
		taken_quickly(dlw_self, permit);
		dlw_permit_note_place(permit, stack, 0, 0);
	} else {
		dlw_edge_met(dlw_self);
	}
	return result;
}

/** post_another() - not what the thread has last posted, or the first of its sort; .open is shut */
static __attribute__((noinline)) int post_another(sem_t *semaphore, uint64_t caller,
						  uint64_t frame)
{
	dlw_permit_used(DLW_LAST_POSTED, dlw_known_object(dlw_self, dlw_address(semaphore)));
	dlw_leave(dlw_self);
	return dlw_semaphore_post_at_length(semaphore, caller, frame);
}

/**
 * sem_post() - give a permit, one's own or a new one
 *
 * Context: async-signal-safe. What is known is changed before the post, so
 *          that whoever it wakes finds it true. Once posted it may be gone.
 */
DLW_HOOK int sem_post(sem_t *semaphore)
{
	struct dlw_context *self = dlw_self;
	struct dlw_permit *permit;

	if (dlw_unlikely(!(self->open & DLW_WAY_UNLOGGED) ||
			 dlw_semaphore_is_near_overflow(semaphore)))
		return dlw_semaphore_post_otherwise(semaphore, DLW_FRAME);
	dlw_inside_quickly(self); /* before the entry is looked for: a handler might move it */
	permit = dlw_permit_last(DLW_LAST_POSTED, dlw_address(semaphore));
	if (dlw_unlikely(!permit || !dlw_permit_quick_post(permit)))
		return post_another(semaphore, DLW_CALLER, DLW_FRAME);
	dlw_not_polling(self);
	dlw_edge_given(self);
	if (dlw_unlikely(!dlw_leave_quickly(self)))
		return dlw_semaphore_post_and_drain(semaphore);
	return dlw_real(sem_post)(semaphore);
}
