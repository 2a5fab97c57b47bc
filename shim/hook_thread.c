/*
 * shim/hook_thread.c - pthread_create and its kin, C11 threads
 *
 * A new thread starts in a routine of ours, which gives it its record before
 * the program's own routine runs, and notes its end however it comes: return,
 * pthread_exit or cancellation.
 */
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <threads.h>

#include "shim/break.h"
#include "shim/cancel.h"
#include "shim/hook_mutex.h"
#include "shim/log_write.h"
#include "shim/real.h"
#include "shim/runtime.h"
#include "shim/segment.h"
#include "shim/trace.h"
#include "shim/watcher.h"

#include "shim/banned.h"

/** What a new thread needs to know; a page-sized pool of them is reused. */
struct dlw_start {
	union {
		void *(*pthread)(void *);
		thrd_start_t c11;
	} routine;
	void *argument;
	uint32_t serial, creator, stack;
	bool detached, is_c11;
	uint64_t stack_size;
	uint64_t known; /* edges the creator had met */
	struct dlw_start *next;
};

#define STARTS_AT_ONCE 64

static struct dlw_start *take_start(void)
{
	struct dlw_start *start;
	unsigned i;

	dlw_lock(&dlw_runtime->starts_lock, DLW_RANK_START);
	if (!dlw_runtime->free_starts) {
		start = dlw_map(STARTS_AT_ONCE * sizeof(*start), false);
		for (i = 0; start && i < STARTS_AT_ONCE; i++) {
			start[i].next = dlw_runtime->free_starts;
			dlw_runtime->free_starts = &start[i];
		}
	}
	start = dlw_runtime->free_starts;
	if (start)
		dlw_runtime->free_starts = start->next;
	dlw_unlock(&dlw_runtime->starts_lock, DLW_RANK_START);
	return start;
}

static void give_start(struct dlw_start *start)
{
	dlw_lock(&dlw_runtime->starts_lock, DLW_RANK_START);
	start->next = dlw_runtime->free_starts;
	dlw_runtime->free_starts = start;
	dlw_unlock(&dlw_runtime->starts_lock, DLW_RANK_START);
}

/* ------------------------------------------------------------------- inside the thread */

static void ended(void *unused)
{
	struct dlw_context *self;

	(void)unused;
	dlw_cancel_unwound(dlw_self);
	self = dlw_enter();
	if (!self)
		return;
	dlw_thread_exiting(self);
	dlw_leave(self);
}

/** begin_thread() - the record, before the program's routine sees the light */
static void begin_thread(struct dlw_start *start, const void *outermost)
{
	struct dlw_context *self =
		dlw_thread_attach(start->serial, start->creator, start->stack, start->detached);

	if (self) {
		dlw_edge_begin(self, start->known);
		self->stack_high = dlw_address(outermost);
		self->stack_low = self->stack_high - start->stack_size;
	}
	give_start(start);
}

/* The program's routine is called from here, and never as a tail call: what the
 * unwinder finds beyond this frame is not looked at (stack_high). */
static void *run_pthread(void *argument)
{
	struct dlw_start start = *(struct dlw_start *)argument;
	void *value;

	begin_thread(argument, __builtin_frame_address(0));
	pthread_cleanup_push(ended, NULL);
	value = start.routine.pthread(start.argument);
	pthread_cleanup_pop(1);
	return value;
}

static int run_c11(void *argument)
{
	struct dlw_start start = *(struct dlw_start *)argument;
	int value;

	begin_thread(argument, __builtin_frame_address(0));
	pthread_cleanup_push(ended, NULL);
	value = start.routine.c11(start.argument);
	pthread_cleanup_pop(1);
	return value;
}

/* ------------------------------------------------------------------------- creating one */

/** default_stack_size() - what a thread gets that asks for nothing */
static uint64_t default_stack_size(void)
{
	static _Atomic uint64_t known;
	pthread_attr_t attributes;
	size_t size;

	if (!known && pthread_getattr_default_np(&attributes) == 0) {
		if (pthread_attr_getstacksize(&attributes, &size) == 0)
			known = size;
		pthread_attr_destroy(&attributes);
	}
	return known;
}

static void describe(struct dlw_start *start, const pthread_attr_t *attributes)
{
	int state = PTHREAD_CREATE_JOINABLE;
	size_t size = 0;

	if (attributes) {
		pthread_attr_getdetachstate(attributes, &state);
		pthread_attr_getstacksize(attributes, &size);
	}
	start->detached = state == PTHREAD_CREATE_DETACHED;
	start->stack_size = size ? size : default_stack_size();
}

/** prepare() - fill in a start record and tell the log; NULL: the thread starts unseen */
static struct dlw_start *prepare(struct dlw_context *self, uint64_t caller, uint64_t frame)
{
	struct dlw_start *start = take_start();
	struct dlw_event event = { .type = DLW_EVENT_CREATED };

	if (!start)
		return NULL;
	start->known = dlw_edge_handed_on(self);
	start->serial = dlw_thread_next_serial();
	start->creator = self->record->serial;
	start->stack = dlw_stack_here(self, caller, frame);
	if (dlw_logging(self)) {
		event.argument = start->serial;
		event.stack = start->stack;
		dlw_log_event(self, &event);
	}
	dlw_runtime->multithreaded = 1;
	dlw_watcher_start();
	return start;
}

/** created() - the C library is back; a join may come before the thread has run */
static void created(struct dlw_context *self, uint32_t serial, uint64_t pthread, bool success)
{
	dlw_inside(self);
	if (success && serial && dlw_logging(self))
		dlw_thread_name_serial(self, pthread, serial);
	dlw_leave(self);
}

DLW_HOOK int pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
			    void *(*routine)(void *), void *argument)
{
	struct dlw_context *self = dlw_enter();
	struct dlw_start *start;
	uint32_t serial = 0;
	int result;

	if (!self)
		return dlw_real(pthread_create)(thread, attributes, routine, argument);
	start = prepare(self, DLW_CALLER, DLW_FRAME);
	dlw_outside(self);
	if (!start) {
		result = dlw_real(pthread_create)(thread, attributes, routine, argument);
	} else {
		serial = start->serial; /* the thread gives @start back */
		describe(start, attributes);
		start->routine.pthread = routine;
		start->argument = argument;
		result = dlw_real(pthread_create)(thread, attributes, run_pthread, start);
		if (result != 0)
			give_start(start);
	}
	created(self, serial, (uint64_t)*thread, result == 0);
	return result;
}

DLW_HOOK int thrd_create(thrd_t *thread, thrd_start_t routine, void *argument)
{
	struct dlw_context *self = dlw_enter();
	struct dlw_start *start;
	uint32_t serial = 0;
	int result;

	if (!self)
		return dlw_real(thrd_create)(thread, routine, argument);
	start = prepare(self, DLW_CALLER, DLW_FRAME);
	dlw_outside(self);
	if (!start) {
		result = dlw_real(thrd_create)(thread, routine, argument);
	} else {
		serial = start->serial; /* the thread gives @start back */
		describe(start, NULL);
		start->routine.c11 = routine;
		start->argument = argument;
		result = dlw_real(thrd_create)(thread, run_c11, start);
		if (result != thrd_success)
			give_start(start);
	}
	created(self, serial, (uint64_t)*thread, result == thrd_success);
	return result;
}

/* ------------------------------------------------------------------------------ joining */

/** A join under way, for a cancellation that must put things right. */
struct join {
	struct dlw_context *self;
	uint32_t serial; /* of the joined thread, for the log */
};

static void begin_join(struct dlw_context *self, pthread_t thread, enum dlw_form form,
		       uint64_t caller, uint64_t frame)
{
	struct dlw_thread *record = self->record;
	struct dlw_event event = { .type = DLW_EVENT_WANT_THREAD, .form = (uint8_t)form };

	dlw_want(self, DLW_THREAD, DLW_EXIT, form, (uint64_t)thread,
		 dlw_stack_exact(self, caller, frame), frame);
	record->want_since_ns = dlw_nanoseconds();
	if (dlw_logging(self)) {
		event.stack = record->want_stack;
		event.argument = dlw_thread_serial(self, (uint64_t)thread);
		dlw_log_event(self, &event);
	}
	dlw_outside(self);
}

static void end_join(const struct join *join, int result)
{
	struct dlw_context *self = join->self;
	struct dlw_event event = { .type = DLW_EVENT_JOINED, .argument = join->serial };

	dlw_inside(self);
	dlw_edge_met(self);
	if (dlw_logging(self)) {
		if (result == 0)
			dlw_log_event(self, &event);
		else
			dlw_log_gave_up(self, NULL, result);
	}
	dlw_want_end(self);
	if (result == 0)
		dlw_thread_reap();
	dlw_leave(self);
}

static void join_cancelled(void *join)
{
	end_join(join, ECANCELED);
}

/** sliced_join() - on_deadlock=break */
static int sliced_join(struct dlw_context *self, pthread_t thread, void **value)
{
	int result;

	do {
		struct timespec until = dlw_slice_end();

		result = dlw_real(pthread_timedjoin_np)(thread, value, &until);
		if (result == ETIMEDOUT && dlw_is_victim(self))
			return EDEADLK;
	} while (result == ETIMEDOUT);
	return result;
}

/* One shape for every join: @CALL is what the C library does. */
#define JOIN(form, success, CALL) \
	struct join join = { dlw_enter(), 0 }; \
	int result; \
\
	if (!join.self) \
		return CALL; \
	join.serial = dlw_logging(join.self) \
			      ? dlw_thread_serial(join.self, (uint64_t)thread) \
			      : 0; \
	begin_join(join.self, thread, form, DLW_CALLER, DLW_FRAME); \
	pthread_cleanup_push(join_cancelled, &join); \
	result = CALL; \
	pthread_cleanup_pop(0); \
	end_join(&join, result == (success) ? 0 : result ? result : EINVAL); \
	return result

DLW_HOOK int pthread_join(pthread_t thread, void **value)
{
	JOIN(DLW_FORM_BLOCKING, 0,
	     dlw_breaking() && join.self ? sliced_join(join.self, thread, value)
				    : dlw_real(pthread_join)(thread, value));
}

DLW_HOOK int pthread_timedjoin_np(pthread_t thread, void **value, const struct timespec *until)
{
	JOIN(DLW_FORM_TIMED, 0, dlw_real(pthread_timedjoin_np)(thread, value, until));
}

DLW_HOOK int pthread_clockjoin_np(pthread_t thread, void **value, clockid_t clock,
				  const struct timespec *until)
{
	JOIN(DLW_FORM_TIMED, 0, dlw_real(pthread_clockjoin_np)(thread, value, clock, until));
}

DLW_HOOK int thrd_join(thrd_t thread, int *value)
{
	JOIN(DLW_FORM_BLOCKING, thrd_success, dlw_real(thrd_join)(thread, value));
}

/** pthread_tryjoin_np() - never waits, so wants nothing */
DLW_HOOK int pthread_tryjoin_np(pthread_t thread, void **value)
{
	struct dlw_context *self = dlw_enter();
	struct dlw_event event = { .type = DLW_EVENT_JOINED };
	int result;

	if (!self)
		return dlw_real(pthread_tryjoin_np)(thread, value);
	event.argument = dlw_logging(self) ? dlw_thread_serial(self, (uint64_t)thread) : 0;
	result = dlw_real(pthread_tryjoin_np)(thread, value);
	dlw_edge_met(self);
	if (result == 0) {
		if (dlw_logging(self))
			dlw_log_event(self, &event);
		dlw_thread_reap();
	}
	dlw_leave(self);
	return result;
}

static void detached(pthread_t thread)
{
	struct dlw_context *self = dlw_enter();
	struct dlw_event event = { .type = DLW_EVENT_DETACHED };

	if (!self)
		return;
	if (dlw_logging(self)) {
		event.argument = dlw_thread_serial(self, (uint64_t)thread);
		dlw_log_event(self, &event);
	}
	dlw_leave(self);
}

DLW_HOOK int pthread_detach(pthread_t thread)
{
	detached(thread);
	return dlw_real(pthread_detach)(thread);
}

DLW_HOOK int thrd_detach(thrd_t thread)
{
	detached(thread);
	return dlw_real(thrd_detach)(thread);
}

DLW_HOOK int pthread_setname_np(pthread_t thread, const char *name)
{
	struct dlw_context *self = dlw_enter();
	int result = dlw_real(pthread_setname_np)(thread, name);

	if (!self)
		return result;
	if (result == 0 && dlw_logging(self))
		dlw_log_thread_name(dlw_thread_serial(self, (uint64_t)thread), name);
	dlw_leave(self);
	return result;
}

/* ---------------------------------------------------------------------------- the end */

/* The main thread ends by these without coming back through a routine of ours. */
DLW_HOOK __attribute__((noreturn)) void pthread_exit(void *value)
{
	ended(NULL);
	dlw_real(pthread_exit)(value);
	__builtin_unreachable();
}

DLW_HOOK __attribute__((noreturn)) void thrd_exit(int value)
{
	ended(NULL);
	dlw_real(thrd_exit)(value);
	__builtin_unreachable();
}
