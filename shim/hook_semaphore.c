/*
 * shim/hook_semaphore.c - sem_wait(), sem_post() and kin, with everything that may be asked of them
 *
 * A semaphore has no owner that the C library knows of. We count the permits
 * that each thread has taken and not posted, and remember whether anybody ever
 * posted without having one: that tells a semaphore used as a lock from one
 * used as a signal.
 *
 * sem_post() is async-signal-safe and stays so: a handler that interrupts a
 * hook of its own thread leaves a note, which the hook takes up when it ends.
 *
 * What is mostly asked for goes shorter ways, and comes here where they end:
 * hook_semaphore_short.c, and with a log hook_semaphore_logged.c.
 */
#include <errno.h>
#include <string.h>

#include "shim/hook_semaphore.h"

#include "shim/break.h"
#include "shim/log_quick.h"
#include "shim/misuse.h"
#include "shim/real.h"
#include "shim/watcher.h"

#include "shim/banned.h"

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

void dlw_semaphore_log_acquired(struct dlw_context *self, struct dlw_permit *permit,
				enum dlw_form form, uint32_t stack, bool waited)
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

	if (dlw_unlikely(dlw_semaphore_is_shared(call->semaphore))) {
		dlw_shared_note(dlw_address(call->semaphore));
		if (dlw_semaphore_is_empty(call->semaphore))
			dlw_watcher_offer();
	}
	dlw_want(self, DLW_SEMAPHORE, DLW_PERMIT, call->form, dlw_address(call->semaphore),
		 dlw_stack_here(self, caller, frame), frame);
	record->want_object = call->permit ? call->permit->object : 0;
	if (dlw_unlikely(self->log != NULL)) {
		had = dlw_real(sem_trywait)(call->semaphore) == 0;
		if (!had)
			contended(self, call->permit, call->form, caller, frame);
	} else if (dlw_semaphore_is_empty(call->semaphore)) {
		contended(self, call->permit, call->form, caller, frame);
	}
	dlw_outside(self);
	return had;
}

static void acquired(struct dlw_context *self, struct dlw_permit *permit, enum dlw_form form,
		     uint32_t stack, bool waited)
{
	if (!permit)
		return;
	dlw_permit_taken(permit);
	dlw_permit_note_place(permit, stack, 0, 0);
	if (dlw_logging(self))
		dlw_semaphore_log_acquired(self, permit, form, stack, waited);
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

__attribute__((noinline)) int dlw_semaphore_wait_at_length(sem_t *semaphore, uint64_t frame)
{
	struct call call = { .self = dlw_enter(), .semaphore = semaphore };

	if (!call.self)
		return dlw_real(sem_wait)(semaphore);
	return wait_for(&call, dlw_caller_at(frame), frame);
}

int dlw_semaphore_wait_overtaken(sem_t *semaphore, uint64_t frame, int error)
{
	errno = error;
	return dlw_semaphore_wait_at_length(semaphore, frame);
}

int dlw_semaphore_taken_at_length(const sem_t *semaphore, struct dlw_context *self, uint32_t stack)
{
	acquired(self, dlw_permit_of(self, dlw_address(semaphore), DLW_SEMAPHORE),
		 DLW_FORM_BLOCKING, stack, false);
	dlw_leave(self);
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

int dlw_semaphore_try_at_length(sem_t *semaphore, uint64_t caller, uint64_t frame)
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

/** dlw_semaphore_post_at_length() - sem_post() with everything that may be asked of it */
int dlw_semaphore_post_at_length(sem_t *semaphore, uint64_t caller, uint64_t frame)
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
			log_posted(self, permit, dlw_semaphore_has_waiters(semaphore),
				   dlw_stack_here(self, caller, frame));
		dlw_permit_post(permit);
	}
	result = dlw_real(sem_post)(semaphore);
	if (dlw_unlikely(result != 0))
		post_refused(self, semaphore, caller, frame);
	dlw_leave(self);
	return result;
}

int dlw_semaphore_post_and_drain(sem_t *semaphore)
{
	dlw_not_polling(dlw_self);
	dlw_leave(dlw_self);
	return dlw_real(sem_post)(semaphore);
}
