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

/** taken() - a permit was had; .open is shut, for a handler may post it, and stays so */
static inline void taken(struct dlw_context *self, const sem_t *semaphore, uint32_t stack,
			 uint64_t caller, uint64_t frame)
{
	struct dlw_permit *permit = dlw_permit_of(self, dlw_address(semaphore), DLW_SEMAPHORE);

	dlw_not_polling(self);
	if (!permit)
		return;
	dlw_permit_taken(permit);
	dlw_permit_note_place(permit, stack, caller, frame);
}

/** wait_elsewhere() - there seems to be a permit, and it is the thread's next one at this place */
static __attribute__((noinline)) int wait_elsewhere(sem_t *semaphore, const struct dlw_site *site,
						    uint64_t frame)
{
	struct dlw_context *self = dlw_self;
	const struct dlw_trace *trace = site->trace;
	const uint32_t stack = site->stack;
	int error = *self->error;

	pthread_testcancel();
	if (dlw_unlikely(dlw_real(sem_trywait)(semaphore) != 0))
		return dlw_semaphore_wait_overtaken(semaphore, frame, error);
	dlw_inside_quickly(self);
	if (dlw_unlikely(!self->record)) /* the child of a handler's fork */
		return 0;
	dlw_edge_met(self);
	taken(self, semaphore, stack, dlw_caller_at(frame), frame);
	dlw_permit_used(DLW_LAST_WAITED, dlw_known_object(self, dlw_address(semaphore)));
	self->waited = trace;
	dlw_leave(self);
	return 0;
}

/** wait_otherwise() - not the semaphore, or not the place, of the thread's last wait */
static __attribute__((noinline)) int wait_otherwise(sem_t *semaphore, uint64_t frame)
{
	struct dlw_context *self = dlw_self;
	const uint64_t caller = dlw_caller_at(frame);
	const struct dlw_site *site = dlw_site_of(self, caller, frame);

	if (!dlw_permit_known(self, dlw_address(semaphore)) || dlw_semaphore_is_empty(semaphore) ||
	    !dlw_site_serves(self->open, site, caller, frame))
		return dlw_semaphore_wait_at_length(semaphore, frame);
	return wait_elsewhere(semaphore, site, frame);
}

/** taken_meanwhile() - a permit was had, and a handler has come in between; .open is shut */
static __attribute__((noinline)) int taken_meanwhile(const sem_t *semaphore, uint64_t frame)
{
	struct dlw_context *self = dlw_self;
	int error;

	if (!self->record) /* the child of a handler's fork */
		return 0;
	error = *self->error;
	dlw_edge_met(self);
	taken(self, semaphore, dlw_stack_here(self, dlw_caller_at(frame), frame), 0, 0);
	dlw_leave(self);
	*self->error = error;
	return 0;
}

/** leave_progressing() - after dlw_leave_progressing(); Return: 0 */
static __attribute__((noinline)) int leave_progressing(struct dlw_context *self)
{
	dlw_not_polling(self);
	dlw_leave(self);
	return 0;
}

/**
 * wait_there() - where the thread took its last permit, and of the same semaphore
 *
 * One that is not to be had is found so by the try.
 */
static inline __attribute__((always_inline)) int
wait_there(struct dlw_context *self, sem_t *semaphore, uint64_t frame)
{
	const int error = *dlw_here.error;

	pthread_testcancel();
	if (dlw_unlikely(dlw_real(sem_trywait)(semaphore) != 0))
		return dlw_semaphore_wait_overtaken(semaphore, frame, error);
	dlw_inside_quickly(self);
	if (dlw_unlikely(!self->record ||
			 dlw_here.last[DLW_LAST_WAITED].address != dlw_address(semaphore)))
		return taken_meanwhile(semaphore, frame);
	dlw_edge_met(self);
	dlw_permit_taken(dlw_here.last[DLW_LAST_WAITED].permit);
	return dlw_likely(dlw_leave_progressing(self)) ? 0 : leave_progressing(self);
}

/** is_there() - the thread's last permit was one of @semaphore, and taken by the same call */
static inline __attribute__((always_inline)) bool is_there(const sem_t *semaphore, uint64_t caller,
							   uint64_t frame)
{
	const struct dlw_permit *permit = dlw_here.last[DLW_LAST_WAITED].permit;

	return dlw_permit_is_last(DLW_LAST_WAITED, dlw_address(semaphore)) &&
	       dlw_likely(permit->caller == caller) && dlw_likely(permit->frame == frame);
}

/** wait_verified() - stacks=full */
static __attribute__((noinline)) int wait_verified(sem_t *semaphore, uint64_t frame)
{
	struct dlw_context *self = dlw_self;

	if (dlw_unlikely(self->open != DLW_WAY_VERIFIED ||
			 !is_there(semaphore, dlw_caller_at(frame), frame) ||
			 !dlw_trace_still(self->waited, frame)))
		return wait_otherwise(semaphore, frame);
	return wait_there(self, semaphore, frame);
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

	if (dlw_unlikely(self->open != DLW_WAY_SHORT)) {
		atomic_signal_fence(memory_order_seq_cst); /* read anew: a register less for the others */
		return self->open == DLW_WAY_LOGGED ?
			       dlw_semaphore_wait_logged(semaphore, DLW_FRAME) :
			       wait_verified(semaphore, DLW_FRAME);
	}
	if (dlw_unlikely(!is_there(semaphore, DLW_CALLER, DLW_FRAME_ONCE)))
		return wait_otherwise(semaphore, DLW_FRAME);
	return wait_there(self, semaphore, DLW_FRAME);
}

/** sem_trywait() - never waits, so wants nothing; that there is none tells something, too */
DLW_HOOK int sem_trywait(sem_t *semaphore)
{
	struct dlw_context *self = dlw_self;
	uint32_t stack;
	int result;

	if (dlw_unlikely(!dlw_permit_known(self, dlw_address(semaphore)) ||
			 !dlw_lock_quick(DLW_CALLER, DLW_FRAME, &stack) ||
			 self->way == DLW_WAY_LOGGED))
		return dlw_semaphore_try_at_length(semaphore, DLW_CALLER, DLW_FRAME);
	result = dlw_real(sem_trywait)(semaphore);
	self = dlw_self;
	dlw_inside_quickly(self);
	if (dlw_unlikely(!self->record)) /* the child of a handler's fork */
		return result;
	dlw_edge_met(self);
	if (result == 0)
		taken(self, semaphore, stack, 0, 0);
	dlw_leave(self);
	return result;
}

/** post_another() - not what the thread has last posted, or the first of its sort; .open is shut */
static __attribute__((noinline)) int post_another(sem_t *semaphore, uint64_t caller,
						  uint64_t frame)
{
	struct dlw_context *self = dlw_self;

	dlw_permit_used(DLW_LAST_POSTED, dlw_known_object(self, dlw_address(semaphore)));
	dlw_leave(self);
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

	if (dlw_unlikely(!(self->open & DLW_WAY_UNLOGGED) ||
			 dlw_semaphore_is_near_overflow(semaphore)))
		return dlw_semaphore_post_otherwise(semaphore, DLW_FRAME);
	dlw_inside_quickly(self); /* before the entry is looked for: a handler might move it */
	if (dlw_unlikely(!dlw_permit_is_last(DLW_LAST_POSTED, dlw_address(semaphore)) ||
			 !dlw_permit_quick_post(dlw_here.last[DLW_LAST_POSTED].permit)))
		return post_another(semaphore, DLW_CALLER, DLW_FRAME);
	/* dlw_edge_given(), by way of what is still there in the child of a handler's fork */
	self->edge_given = dlw_holds_added(dlw_here.record);
	if (dlw_unlikely(!dlw_leave_progressing(self)))
		return dlw_semaphore_post_and_drain(semaphore);
	return dlw_real(sem_post)(semaphore);
}
