/*
 * shim/hook_semaphore.c - sem_*
 *
 * A semaphore has no owner that the C library knows of. We count the permits
 * that each thread has taken and not posted, and remember whether anybody ever
 * posted without having one: that tells a semaphore used as a lock from one
 * used as a signal.
 *
 * sem_post() is async-signal-safe and stays so: a handler that interrupts a
 * hook of its own thread leaves a note, which the hook takes up when it ends.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdarg.h>
#include <string.h>

#include "shim/break.h"
#include "shim/hold.h"
#include "shim/hook_mutex.h"
#include "shim/log_quick.h"
#include "shim/misuse.h"
#include "shim/object.h"
#include "shim/real.h"
#include "shim/segment.h"
#include "shim/shared.h"
#include "shim/trace.h"
#include "shim/watcher.h"

#include "shim/banned.h"

/** is_empty() - glibc's count: the low half of the first word */
static bool is_empty(const sem_t *semaphore)
{
	return __atomic_load_n((const uint32_t *)semaphore, __ATOMIC_RELAXED) == 0;
}

/** is_near_overflow() - one more might be refused, which is looked into */
static bool is_near_overflow(const sem_t *semaphore)
{
	return __atomic_load_n((const uint32_t *)semaphore, __ATOMIC_RELAXED) > SEM_VALUE_MAX / 2;
}

/** has_waiters() - glibc's: the high half */
static bool has_waiters(const sem_t *semaphore)
{
	return __atomic_load_n((const uint32_t *)semaphore + 1, __ATOMIC_RELAXED) != 0;
}

/** is_shared() - what sem_init() was told, in glibc's third word; always so where it has a name */
static bool is_shared(const sem_t *semaphore)
{
	return ((const uint32_t *)semaphore)[2] != 0;
}

static void log_operation(struct dlw_context *self, struct dlw_permit *permit,
			  enum dlw_event_type type, enum dlw_form form, uint32_t stack,
			  bool contended)
{
	struct dlw_object *object = dlw_object(self, permit->address, DLW_SEMAPHORE);
	struct dlw_event event = {
		.type = type,
		.mode = 2,
		.form = (uint8_t)form,
		.contended = contended,
		.stack = stack,
		.argument = self->record->want_since_ns,
	};

	if (!object)
		return;
	event.object = dlw_log_object(object);
	if (type != DLW_EVENT_WANT)
		event.ticket = atomic_fetch_add(dlw_ticket(object), 1) + 1;
	dlw_log_event(self, &event);
}

/** log_acquired() - a permit was there, or has been waited for */
static void log_acquired(struct dlw_context *self, struct dlw_permit *permit, enum dlw_form form,
			 uint32_t stack, bool waited)
{
	struct dlw_object *object = dlw_quick_object(self, permit->address, DLW_SEMAPHORE);

	permit->timed = waited || self->way != DLW_WAY_LOGGED || !object ||
			dlw_quick_is_timed(self->log);
	if (!permit->timed) {
		dlw_quick_say(self, object, DLW_EVENT_ACQUIRED, 2, form, stack,
			      dlw_quick_shared_ticket(object));
		return;
	}
	log_operation(self, permit, DLW_EVENT_ACQUIRED, form, stack, waited);
	if (self->log)
		dlw_log_timed(self->log);
}

/** log_posted() - it is about to be given: at a time, if that is worth knowing */
static void log_posted(struct dlw_context *self, struct dlw_permit *permit, bool timed,
		       uint32_t stack)
{
	struct dlw_object *object = dlw_quick_object(self, permit->address, DLW_SEMAPHORE);

	if (timed || permit->timed || self->way != DLW_WAY_LOGGED || !object)
		log_operation(self, permit, DLW_EVENT_POSTED, DLW_FORM_BLOCKING, stack, false);
	else
		dlw_quick_say(self, object, DLW_EVENT_POSTED, 2, DLW_FORM_BLOCKING, stack,
			      dlw_quick_shared_ticket(object));
	permit->timed = 0;
}

/** How the C library is to be asked for a permit. */
struct call {
	struct dlw_context *self;
	struct dlw_permit *permit;
	sem_t *semaphore;
	enum dlw_form form;
	const struct timespec *until; /* NULL: for ever */
	bool has_clock;
	clockid_t clock;
};

/** cancelled() - the thread ends in the wait: let go of the wish */
static void cancelled(void *context)
{
	const struct call *call = context;
	struct dlw_context *self = call->self;

	dlw_inside(self);
	dlw_edge_met(self);
	if (dlw_logging(self))
		dlw_log_gave_up(self,
				call->permit ? dlw_object(self, call->permit->address,
							  DLW_SEMAPHORE)
					     : NULL,
				0);
	dlw_want_end(self);
	dlw_leave(self);
}

/** contended() - it looked empty, or there is a log */
static void contended(struct dlw_context *self, struct dlw_permit *permit, enum dlw_form form,
		      uint64_t caller, uint64_t frame)
{
	struct dlw_thread *record = self->record;

	record->want_stack = dlw_stack_exact(self, caller, frame);
	record->want_since_ns = dlw_nanoseconds();
	if (dlw_logging(self) && permit)
		log_operation(self, permit, DLW_EVENT_WANT, form, record->want_stack, false);
}

/**
 * begin() - publish the wish
 *
 * Return: true if a permit was had already: with a log it is tried for first.
 */
static bool begin(const struct call *call, uint64_t caller, uint64_t frame)
{
	struct dlw_context *self = call->self;
	struct dlw_thread *record = self->record;
	bool had = false;

	if (dlw_unlikely(is_shared(call->semaphore))) {
		dlw_shared_note(dlw_address(call->semaphore));
		if (is_empty(call->semaphore))
			dlw_watcher_offer();
	}
	dlw_want(self, DLW_SEMAPHORE, DLW_PERMIT, call->form, dlw_address(call->semaphore),
		 dlw_stack_here(self, caller, frame), frame);
	record->want_object = call->permit ? call->permit->object : 0;
	if (dlw_unlikely(self->log != NULL)) {
		had = dlw_real(sem_trywait)(call->semaphore) == 0;
		if (!had)
			contended(self, call->permit, call->form, caller, frame);
	} else if (is_empty(call->semaphore)) {
		contended(self, call->permit, call->form, caller, frame);
	}
	dlw_outside(self);
	return had;
}

/** note_place() - where the newest permit was taken */
static void note_place(struct dlw_permit *permit, uint32_t stack, uint64_t caller, uint64_t frame)
{
	permit->stack = stack;
	permit->caller = caller;
	permit->frame = frame;
}

static void acquired(struct dlw_context *self, struct dlw_permit *permit, enum dlw_form form,
		     uint32_t stack, bool waited)
{
	if (!permit)
		return;
	dlw_permit_taken(permit);
	note_place(permit, stack, 0, 0);
	if (dlw_logging(self))
		log_acquired(self, permit, form, stack, waited);
}

static int end(const struct call *call, int result)
{
	struct dlw_context *self = call->self;
	const struct dlw_thread *record = self->record;
	int saved = errno;

	dlw_inside(self);
	dlw_edge_met(self);
	if (result == 0) /* found anew: a handler that came meanwhile may have moved it */
		acquired(self, dlw_permit_of(self, dlw_address(call->semaphore), DLW_SEMAPHORE),
			 call->form, record->want_stack, record->want_since_ns != 0);
	else if (dlw_logging(self))
		dlw_log_gave_up(self,
				call->permit ? dlw_object(self, call->permit->address,
							  DLW_SEMAPHORE)
					     : NULL,
				saved);
	dlw_want_end(self);
	if (call->form == DLW_FORM_TIMED)
		dlw_poll_end(self, result != 0 && saved == ETIMEDOUT);
	dlw_leave(self);
	errno = saved;
	return result;
}

/** sliced_wait() - on_deadlock=break; EINTR is returned as ever */
static int sliced_wait(const struct call *call)
{
	int result;

	do {
		struct timespec until = dlw_slice_end();

		result = dlw_real(sem_timedwait)(call->semaphore, &until);
		if (result != 0 && errno == ETIMEDOUT && dlw_is_victim(call->self)) {
			errno = EDEADLK;
			return result;
		}
	} while (result != 0 && errno == ETIMEDOUT);
	return result;
}

/** perform() - what the program asked for, of the C library */
static inline int perform(const struct call *call)
{
	if (call->has_clock)
		return dlw_real(sem_clockwait)(call->semaphore, call->clock, call->until);
	if (call->until)
		return dlw_real(sem_timedwait)(call->semaphore, call->until);
	if (dlw_breaking())
		return sliced_wait(call);
	return dlw_real(sem_wait)(call->semaphore);
}

/** perform_guarded() - the same where the thread is likely to sleep, and to be cancelled there */
static int perform_guarded(struct call *call)
{
	int result;

	pthread_cleanup_push(cancelled, call);
	result = perform(call);
	pthread_cleanup_pop(0);
	return result;
}

/**
 * wait_for() - take a permit
 *
 * A cancellation point, with and without us: trying first (with a log) would
 * take that away, so a pending request is acted on before. A thread that is
 * cancelled without having slept leaves its wish behind, which the next call
 * of its cleanup handlers finds stale by its frame.
 */
static inline __attribute__((always_inline)) int wait_for(struct call *call, uint64_t caller,
							  uint64_t frame)
{
	struct dlw_context *self = call->self;
	int result = 0;

	if (dlw_unlikely(self->log != NULL)) {
		dlw_outside(self);
		pthread_testcancel();
		dlw_inside(self);
	}
	call->permit = dlw_permit_of(self, dlw_address(call->semaphore), DLW_SEMAPHORE);
	if (!begin(call, caller, frame))
		result = self->record->want_since_ns ? perform_guarded(call) : perform(call);
	return end(call, result);
}

static __attribute__((noinline)) int wait_at_length(sem_t *semaphore, uint64_t frame)
{
	struct call call = { .self = dlw_enter(), .semaphore = semaphore };

	if (!call.self)
		return dlw_real(sem_wait)(semaphore);
	return wait_for(&call, dlw_caller_at(frame), frame);
}

/* ---------------------------------------------------------------------- the short ways */

/*
 * With nothing asked for but the live graph, of a semaphore that the thread has
 * used before: what is to be had is tried for and noted; until it is noted, it
 * is a permit that nobody is known to have.
 */

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

/** wait_overtaken() - it looked as if there was one; @error: errno before the try */
static __attribute__((noinline)) int wait_overtaken(sem_t *semaphore, uint64_t frame, int error)
{
	errno = error;
	return wait_at_length(semaphore, frame);
}

/** taken_unsaid() - likewise, and the block has not said that before */
static __attribute__((noinline)) int taken_unsaid(struct dlw_context *self,
						  struct dlw_permit *permit)
{
	if (self->log)
		log_acquired(self, permit, DLW_FORM_BLOCKING, permit->stack, false);
	dlw_leave(self);
	return 0;
}

/** taken_at_length() - likewise, and the thread has not used it before, or not lately */
static __attribute__((noinline)) int taken_at_length(const sem_t *semaphore,
						     struct dlw_context *self, uint32_t stack)
{
	acquired(self, dlw_permit_of(self, dlw_address(semaphore), DLW_SEMAPHORE),
		 DLW_FORM_BLOCKING, stack, false);
	dlw_leave(self);
	return 0;
}

/** taken_logged() - taken_quickly() with a log */
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
		return taken_at_length(semaphore, self, stack);
	dlw_permit_taken(permit);
	note_place(permit, stack, 0, 0);
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
 * wait_logged() - likewise, with a log
 *
 * A permit that is there is had without a wish; a cancellation point it stays. What
 * is to outlast the try waits in memory, see hook_mutex.c.
 */
static __attribute__((noinline)) int wait_logged(sem_t *semaphore, uint64_t frame)
{
	struct dlw_context *self = dlw_self;
	const struct dlw_site *site = dlw_site_logged(self, frame);
	sem_t *volatile saved_semaphore;
	volatile uint64_t saved_frame;
	volatile uint32_t saved_stack;
	volatile int saved_error;

	if (dlw_unlikely(!site || is_empty(semaphore) || is_shared(semaphore)))
		return wait_at_length(semaphore, frame);
	saved_semaphore = semaphore;
	saved_frame = frame;
	saved_stack = site->stack;
	saved_error = *self->error;
	pthread_testcancel();
	if (dlw_unlikely(dlw_real(sem_trywait)(saved_semaphore) != 0))
		return wait_overtaken(saved_semaphore, saved_frame, saved_error);
	return taken_logged(saved_semaphore, dlw_self, saved_stack);
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
		return wait_overtaken(semaphore, frame, error);
	taken_quickly(self, permit);
	note_place(permit, stack, dlw_caller_at(frame), frame);
	return 0;
}

/** wait_otherwise() - not the semaphore, or not the place, of the thread's last wait */
static __attribute__((noinline)) int wait_otherwise(sem_t *semaphore, uint64_t frame)
{
	struct dlw_context *self = dlw_self;
	struct dlw_permit *permit = dlw_permit_known(self, dlw_address(semaphore));
	uint32_t stack;

	if (!permit || is_empty(semaphore) ||
	    !dlw_lock_quick(dlw_caller_at(frame), frame, &stack))
		return wait_at_length(semaphore, frame);
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
			return wait_logged(semaphore, DLW_FRAME);
		if (!is_still_there(self, DLW_FRAME_ONCE))
			return wait_otherwise(semaphore, DLW_FRAME);
	}
	if (dlw_unlikely(is_empty(semaphore)))
		return wait_otherwise(semaphore, DLW_FRAME);
	permit = dlw_permit_last(DLW_LAST_WAITED, dlw_address(semaphore));
	if (dlw_unlikely(!permit || permit->caller != DLW_CALLER ||
			 permit->frame != DLW_FRAME_ONCE))
		return wait_otherwise(semaphore, DLW_FRAME);
	error = *self->error;
	pthread_testcancel();
	if (dlw_unlikely(dlw_real(sem_trywait)(semaphore) != 0))
		return wait_overtaken(semaphore, DLW_FRAME, error);
	taken_quickly(self, permit);
	return 0;
}

DLW_HOOK int sem_timedwait(sem_t *semaphore, const struct timespec *until)
{
	struct call call = { .self = dlw_enter(),
			     .semaphore = semaphore,
			     .form = DLW_FORM_TIMED,
			     .until = until };

	if (!call.self)
		return dlw_real(sem_timedwait)(semaphore, until);
	return wait_for(&call, DLW_CALLER, DLW_FRAME);
}

DLW_HOOK int sem_clockwait(sem_t *semaphore, clockid_t clock, const struct timespec *until)
{
	struct call call = { .self = dlw_enter(),
			     .semaphore = semaphore,
			     .form = DLW_FORM_TIMED,
			     .until = until,
			     .has_clock = true,
			     .clock = clock };

	if (!call.self)
		return dlw_real(sem_clockwait)(semaphore, clock, until);
	return wait_for(&call, DLW_CALLER, DLW_FRAME);
}

static __attribute__((noinline)) int try_at_length(sem_t *semaphore, uint64_t caller,
						   uint64_t frame)
{
	struct dlw_context *self = dlw_enter();
	struct dlw_permit *permit;
	uint32_t stack;
	int result, saved;

	if (!self)
		return dlw_real(sem_trywait)(semaphore);
	permit = dlw_permit_of(self, dlw_address(semaphore), DLW_SEMAPHORE);
	stack = dlw_stack_here(self, caller, frame);
	result = dlw_real(sem_trywait)(semaphore);
	saved = errno;
	dlw_edge_met(self);
	if (result == 0)
		acquired(self, permit, DLW_FORM_TRY, stack, false);
	dlw_leave(self);
	errno = saved;
	return result;
}

/** sem_trywait() - never waits, so wants nothing; that there is none tells something, too */
DLW_HOOK int sem_trywait(sem_t *semaphore)
{
	struct dlw_permit *permit = dlw_permit_known(dlw_self, dlw_address(semaphore));
	uint32_t stack;
	int result;

	if (dlw_unlikely(!permit || !dlw_lock_quick(DLW_CALLER, DLW_FRAME, &stack) ||
			 dlw_self->way == DLW_WAY_LOGGED))
		return try_at_length(semaphore, DLW_CALLER, DLW_FRAME);
	result = dlw_real(sem_trywait)(semaphore);
	if (result == 0) {
		taken_quickly(dlw_self, permit);
		note_place(permit, stack, 0, 0);
	} else {
		dlw_edge_met(dlw_self);
	}
	return result;
}

static void post_refused(struct dlw_context *self, const sem_t *semaphore, uint64_t caller,
			 uint64_t frame)
{
	struct dlw_misuse note;
	int saved = errno;

	if (saved == EOVERFLOW && dlw_misuse_about(self, &note, DLW_SEMAPHORE_OVERFLOW,
						   DLW_SEMAPHORE, dlw_address(semaphore))) {
		note.error = saved;
		dlw_misuse_tell(self, &note, dlw_stack_exact(self, caller, frame));
	}
	errno = saved;
}

/** post_at_length() - sem_post() with everything that may be asked of it */
static __attribute__((noinline)) int post_at_length(sem_t *semaphore, uint64_t caller,
						    uint64_t frame)
{
	struct dlw_context *self = dlw_enter();
	struct dlw_permit *permit;
	int result;

	if (!self) {
		self = dlw_self;
		if (self->record)
			dlw_edge_given(self);
		if (self->record && self->pending_count < DLW_PENDING_POSTS)
			self->pending_posts[self->pending_count++] = dlw_address(semaphore);
		else if (self->record)
			dlw_runtime_count(DLW_LOST_SIGNAL_OPS, 1);
		return dlw_real(sem_post)(semaphore);
	}
	dlw_not_polling(self);
	dlw_edge_given(self);
	permit = dlw_permit_of(self, dlw_address(semaphore), DLW_SEMAPHORE);
	if (permit) {
		if (dlw_logging(self))
			log_posted(self, permit, has_waiters(semaphore),
				   dlw_stack_here(self, caller, frame));
		dlw_permit_post(permit);
	}
	result = dlw_real(sem_post)(semaphore);
	if (dlw_unlikely(result != 0))
		post_refused(self, semaphore, caller, frame);
	dlw_leave(self);
	return result;
}

/** post_another() - not what the thread has last posted, or the first of its sort; .open is shut */
static __attribute__((noinline)) int post_another(sem_t *semaphore, uint64_t caller,
						  uint64_t frame)
{
	dlw_permit_used(DLW_LAST_POSTED, dlw_known_object(dlw_self, dlw_address(semaphore)));
	dlw_leave(dlw_self);
	return post_at_length(semaphore, caller, frame);
}

/** post_and_drain() - a handler has come in between */
static __attribute__((noinline)) int post_and_drain(sem_t *semaphore)
{
	dlw_leave(dlw_self);
	return dlw_real(sem_post)(semaphore);
}

/** post_unsaid() - not what can be said shortly; .open is shut */
static __attribute__((noinline)) int post_unsaid(sem_t *semaphore, uint64_t frame)
{
	dlw_outside_quickly(dlw_self);
	return post_at_length(semaphore, dlw_caller_at(frame), frame);
}

/** can_post_quickly() - dlw_permit_quick_post() will do, and no time is to be told */
static inline bool can_post_quickly(const struct dlw_permit *permit, const sem_t *semaphore)
{
	return (permit->held ? permit->posted_own : permit->posted_other) && !permit->timed &&
	       !has_waiters(semaphore);
}

/** post_otherwise() - with a log, mostly */
static __attribute__((noinline)) int post_otherwise(sem_t *semaphore, uint64_t frame)
{
	const uint32_t how = dlw_recent_how(DLW_EVENT_POSTED, 2, DLW_FORM_BLOCKING);
	struct dlw_context *self = dlw_self;
	const struct dlw_site *site = dlw_site_logged(self, frame);
	struct dlw_permit *permit;
	struct dlw_slot *slot;

	if (dlw_unlikely(!site || is_near_overflow(semaphore)))
		return post_at_length(semaphore, dlw_caller_at(frame), frame);
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
		return post_and_drain(semaphore);
	return dlw_real(sem_post)(semaphore);
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

	if (dlw_unlikely(!(self->open & DLW_WAY_UNLOGGED) || is_near_overflow(semaphore)))
		return post_otherwise(semaphore, DLW_FRAME);
	dlw_inside_quickly(self); /* before the entry is looked for: a handler might move it */
	permit = dlw_permit_last(DLW_LAST_POSTED, dlw_address(semaphore));
	if (dlw_unlikely(!permit || !dlw_permit_quick_post(permit)))
		return post_another(semaphore, DLW_CALLER, DLW_FRAME);
	dlw_not_polling(self);
	dlw_edge_given(self);
	if (dlw_unlikely(!dlw_leave_quickly(self)))
		return post_and_drain(semaphore);
	return dlw_real(sem_post)(semaphore);
}

DLW_HOOK int sem_init(sem_t *semaphore, int shared, unsigned int value)
{
	struct dlw_context *self = dlw_enter();
	int result = dlw_real(sem_init)(semaphore, shared, value);
	struct dlw_object *object;

	if (!self)
		return result;
	if (result == 0) {
		object = dlw_object_begin(self, dlw_address(semaphore), DLW_SEMAPHORE,
					  DLW_TYPE_UNNAMED, shared ? DLW_TRAIT_SHARED : 0,
					  dlw_stack_here(self, DLW_CALLER, DLW_FRAME));
		if (object) {
			object->initial = value;
			object->initial_known = 1;
		}
		if (shared)
			dlw_shared_begin(dlw_address(semaphore));
	}
	dlw_leave(self);
	return result;
}

DLW_HOOK int sem_destroy(sem_t *semaphore)
{
	struct dlw_context *self = dlw_enter();
	int result;

	if (!self)
		return dlw_real(sem_destroy)(semaphore);
	if (dlw_unlikely(has_waiters(semaphore)))
		dlw_misuse_destroy(self, DLW_SEMAPHORE, semaphore, sizeof(*semaphore), DLW_CALLER,
				   DLW_FRAME);
	result = dlw_real(sem_destroy)(semaphore);
	if (result == 0)
		dlw_object_end(self, dlw_address(semaphore));
	dlw_leave(self);
	return result;
}

/** sem_close() - opened several times it has one address; the last close ends its life here */
DLW_HOOK int sem_close(sem_t *semaphore)
{
	struct dlw_context *self = dlw_enter();
	struct dlw_object *object;
	int result;

	if (!self)
		return dlw_real(sem_close)(semaphore);
	object = dlw_object_find(self, dlw_address(semaphore));
	if (object && object->opens && --object->opens == 0)
		dlw_object_end(self, dlw_address(semaphore));
	result = dlw_real(sem_close)(semaphore);
	dlw_leave(self);
	return result;
}

DLW_HOOK int sem_unlink(const char *name)
{
	return dlw_real(sem_unlink)(name);
}

/** name_object() - remember what sem_open was called with */
static void name_object(struct dlw_object *object, const char *name)
{
	size_t length = strlen(name) + 1;
	uint64_t offset = object->name ? 0 : dlw_segment_take(length);

	if (!offset || offset > UINT32_MAX)
		return;
	memcpy(dlw_at(offset), name, length);
	object->name = (uint32_t)offset;
}

/** opened() - @made: it did not exist before, so its value is what we asked for */
static void opened(struct dlw_context *self, sem_t *semaphore, const char *name, bool made,
		   unsigned int value, uint32_t stack)
{
	struct dlw_object *object = dlw_object_find(self, dlw_address(semaphore));

	dlw_shared_note(dlw_address(semaphore));
	if (!object || object->kind != DLW_SEMAPHORE || !object->opens) {
		object = dlw_object_begin(self, dlw_address(semaphore), DLW_SEMAPHORE,
					  DLW_TYPE_NAMED, DLW_TRAIT_SHARED, stack);
		if (!object)
			return;
		object->opens = 0;
		object->initial = value;
		object->initial_known = made;
		name_object(object, name);
	}
	object->opens++;
}

/** sem_open() - a named semaphore; its value is ours to know only if we made it */
DLW_HOOK sem_t *sem_open(const char *name, int flags, ...)
{
	static sem_t *(*_Atomic real)(const char *, int, ...);
	struct dlw_context *self = dlw_enter();
	unsigned int value = 0;
	mode_t mode = 0;
	sem_t *semaphore;
	int saved;

	if (flags & O_CREAT) {
		va_list list;

		va_start(list, flags);
		mode = va_arg(list, mode_t);
		value = va_arg(list, unsigned int);
		va_end(list);
	}
	if (!real) {
		sem_t *(*found)(const char *, int, ...);

		*(void **)&found = dlw_real_find("sem_open", "", (void *)sem_open);
		real = found;
	}
	semaphore = real(name, flags, mode, value);
	saved = errno;
	if (!self)
		return semaphore;
	if (semaphore != SEM_FAILED)
		opened(self, semaphore, name, (flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL),
		       value, dlw_stack_here(self, DLW_CALLER, DLW_FRAME));
	dlw_leave(self);
	errno = saved;
	return semaphore;
}
