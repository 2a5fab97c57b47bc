/*
 * shim/thread.c - from a thread's first hook to the moment the kernel has
 * forgotten it
 *
 * A thread gets a context (private) and a record (in the segment) when it
 * starts, or at its first hook if nobody saw it start. It keeps them until the
 * kernel says that it is gone, for destructors and cleanup handlers still lock
 * after the start routine is over. Both are used again by later threads.
 */
#include "shim/context.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>

#include "core/watch/procfs.h"
#include "core/watch/system.h"
#include "shim/cancel.h"
#include "shim/fork.h"
#include "shim/hold.h"
#include "shim/hook_lock.h"
#include "shim/log_write.h"
#include "shim/object.h"
#include "shim/segment.h"
#include "shim/watcher.h"

#include "shim/banned.h"

extern void *__libc_stack_end __attribute__((weak));

static struct dlw_context nobody;
__thread struct dlw_here dlw_here __attribute__((tls_model("initial-exec"))) = { .self = &nobody };

/* The thread is being attached, or is our own: its hooks pass through. */
static __thread bool attaching __attribute__((tls_model("initial-exec")));

/* It may not call the kernel. */
static __thread bool confined __attribute__((tls_model("initial-exec")));

static int32_t own_tid(void)
{
	return (int32_t)dlw_system(SYS_gettid, 0, 0, 0, 0, 0, 0);
}

static bool task_is_gone(int32_t tid)
{
	return dlw_system(SYS_tgkill, dlw_runtime->pid, tid, 0, 0, 0, 0) == -ESRCH;
}

bool dlw_thread_is_over(int32_t tid)
{
	return dlw_task_is_leaving(dlw_runtime->pid, tid) || task_is_gone(tid);
}

/* ------------------------------------------------------------------- gone for good */

/** left_something() - it died with a lock that the C library says is still its */
static bool left_something(const struct dlw_context *context)
{
	uint32_t i;

	for (i = 0; i < dlw_hold_count(context); i++)
		if (dlw_hold_is_true(&context->holds[i], context->tid))
			return true;
	return false;
}

/** bury() - the task is gone; threads_lock is held; Return: the context may be used again */
static bool bury(struct dlw_context *context)
{
	struct dlw_segment *segment = dlw_runtime->segment;
	bool orphans = left_something(context);

	if (context->log) {
		dlw_log_thread_gone(context->log);
		context->log = NULL;
	}
	atomic_store_explicit(&context->record->life, orphans ? DLW_RECORD_DEAD : DLW_RECORD_FREE,
			      memory_order_release);
	atomic_fetch_add_explicit(&segment->thread_changes, 1, memory_order_release);
	return !orphans;
}

/** reap() - threads_lock is held; @reused: this tid is a new thread's now */
static void reap(int32_t reused)
{
	struct dlw_context **link = &dlw_runtime->exiting_contexts;

	while (*link) {
		struct dlw_context *context = *link;

		if (context->tid != reused && !task_is_gone(context->tid)) {
			link = &context->next;
			continue;
		}
		*link = context->next;
		if (bury(context)) {
			context->next = dlw_runtime->free_contexts;
			dlw_runtime->free_contexts = context;
		}
	}
}

void dlw_thread_reap(void)
{
	if (!dlw_runtime->exiting_contexts)
		return;
	dlw_lock(&dlw_runtime->threads_lock, DLW_RANK_THREADS);
	reap(0);
	dlw_unlock(&dlw_runtime->threads_lock, DLW_RANK_THREADS);
}

/* -------------------------------------------------------------------------- attaching */

/** make_context() - a new pair of @context and record; threads_lock is held; NULL: no memory */
static struct dlw_context *make_context(struct dlw_context *context)
{
	struct dlw_segment *segment = dlw_runtime->segment;
	uint64_t offset = context ? dlw_segment_take(sizeof(struct dlw_thread)) : 0;
	struct dlw_thread *record;

	if (!offset)
		return NULL;
	record = dlw_at(offset);
	record->holds = offset + offsetof(struct dlw_thread, inline_holds);
	record->hold_capacity = DLW_INLINE_HOLDS;
	record->permits = offset + offsetof(struct dlw_thread, inline_permits);
	record->permit_capacity = DLW_INLINE_PERMITS;
	record->next = segment->threads;
	atomic_store_explicit(&segment->threads, offset, memory_order_release);
	context->record = record;
	context->holds = dlw_at(record->holds);
	context->permits = dlw_at(record->permits);
	return context;
}

/** clean() - nothing of an earlier thread stays in the pair */
static void clean(struct dlw_context *context)
{
	struct dlw_thread *record = context->record;
	struct dlw_nest *nest = context->nest;

	if (record->wait & 1)
		record->wait++;
	record->holding = 0;
	memset(dlw_at(record->holds), 0, record->hold_capacity * sizeof(struct dlw_held));
	record->permit_count = 0;
	memset(dlw_at(record->permits), 0, record->permit_capacity * sizeof(struct dlw_permit));
	memset(&record->marks, 0, sizeof(record->marks));
	record->want_awaited = 0;
	record->exempt = 0;
	memset(record->name, 0, sizeof(record->name));
	memset(context, 0, sizeof(*context));
	context->nest = nest;
	if (nest)
		nest->serial = 0;
	context->record = record;
	context->holds = dlw_at(record->holds);
	context->permits = dlw_at(record->permits);
}

struct dlw_context *dlw_thread_vanished(int32_t tid)
{
	struct dlw_context *context;

	dlw_lock(&dlw_runtime->threads_lock, DLW_RANK_THREADS);
	context = make_context(dlw_map(sizeof(*context), true));
	dlw_unlock(&dlw_runtime->threads_lock, DLW_RANK_THREADS);
	if (!context)
		return NULL;
	context->tid = tid;
	context->hold_room = context->record->hold_capacity;
	context->record->tid = tid;
	context->record->serial = dlw_thread_next_serial();
	atomic_store_explicit(&context->record->life, DLW_RECORD_VANISHED, memory_order_release);
	return context;
}

/** room_for_context() - zeroed; NULL: no memory */
static struct dlw_context *room_for_context(void)
{
	struct dlw_context *context = dlw_home_take(sizeof(*context));

	return context ? context : dlw_map(sizeof(*context), true);
}

static struct dlw_context *take_context(int32_t tid)
{
	struct dlw_context *context;

	dlw_lock(&dlw_runtime->threads_lock, DLW_RANK_THREADS);
	if (dlw_runtime->exiting_contexts)
		reap(tid);
	context = dlw_runtime->free_contexts;
	if (context) {
		dlw_runtime->free_contexts = context->next;
		clean(context);
	} else {
		context = make_context(room_for_context());
	}
	dlw_unlock(&dlw_runtime->threads_lock, DLW_RANK_THREADS);
	return context;
}

/**
 * find_stack() - where the thread's stack lies, if that can be told cheaply
 *
 * The main thread's: the kernel's word and the usual limit. Another's: what its
 * creator asked for, set by the start routine (hook_thread.c). Unknown: 0, 0,
 * and stacks are unwound each time instead of recognised.
 */
static void find_stack(struct dlw_context *context)
{
	if (context->tid != dlw_runtime->pid || !&__libc_stack_end)
		return;
	context->stack_high = (uint64_t)(uintptr_t)__libc_stack_end;
	context->stack_low = context->stack_high - (8ull << 20);
}

static enum dlw_way way_of(const struct dlw_context *context)
{
	bool full = dlw_options.stacks == DLW_STACKS_FULL;

	if (dlw_options.on_deadlock == DLW_ON_DEADLOCK_BREAK ||
	    dlw_options.stacks == DLW_STACKS_OFF || dlw_runtime->ranked)
		return DLW_WAY_LONG;
	if (!context->log)
		return full ? DLW_WAY_VERIFIED : DLW_WAY_SHORT;
	return full || dlw_options.log_mode == DLW_LOG_ORDER ? DLW_WAY_LONG : DLW_WAY_LOGGED;
}

void dlw_thread_log_ends(struct dlw_context *self)
{
	self->log = NULL;
	dlw_way_becomes(self, way_of(self));
}

struct dlw_context *dlw_thread_attach(uint32_t serial, uint32_t creator, uint32_t created_stack,
				      bool detached)
{
	struct dlw_context *context;
	struct dlw_thread *record;

	if (attaching || !dlw_runtime_ready())
		return NULL;
	attaching = true;
	context = take_context(own_tid());
	if (!context) {
		/* not asked for again: .attaching stays, and its hooks pass through */
		dlw_runtime_count(DLW_LOST_THREADS, 1);
		return NULL;
	}
	context->tid = own_tid();
	context->error = &errno;
	context->edges = dlw_options.predict ? &dlw_runtime->segment->edges : NULL;
	find_stack(context);
	record = context->record;
	record->tid = context->tid;
	record->pthread = (uint64_t)pthread_self();
	record->serial = serial ? serial : dlw_thread_next_serial();
	record->creator = creator;
	record->created_stack = created_stack;
	record->detached = detached;
	atomic_store_explicit(&record->life, DLW_RECORD_ALIVE, memory_order_release);
	atomic_fetch_add_explicit(&dlw_runtime->segment->thread_changes, 1, memory_order_release);
	context->hold_room = record->hold_capacity;
	context->log = dlw_log_thread(record->serial, record->tid, creator, created_stack, detached);
	context->way = way_of(context);
	dlw_here = (struct dlw_here){ context, context->record, context->holds, context->error,
				      .last = { { 0 } } };
	dlw_edge_begin(context, 0);
	if (context->log) {
		struct dlw_event event = { .type = DLW_EVENT_STARTED, .argument = creator };

		dlw_thread_name_serial(context, record->pthread, record->serial);
		dlw_log_event(context, &event);
	}
	dlw_fork_inherit(context);
	context->open = context->way;
	attaching = false;
	return context;
}

bool dlw_thread_confine(void)
{
	struct dlw_context *self = dlw_self;

	if (dlw_runtime && dlw_runtime->pid &&
	    dlw_runtime->pid != (pid_t)dlw_system(SYS_getpid, 0, 0, 0, 0, 0, 0))
		return false;
	confined = attaching = true;
	if (!self->record)
		return true;
	dlw_runtime_count(DLW_LOST_THREADS, 1);
	self->asynchronous = false;
	self->open = DLW_WAY_SHUT;
	return true;
}

void dlw_thread_unconfine(void)
{
	confined = attaching = false;
	dlw_self->open = dlw_self->way;
}

bool dlw_thread_is_confined(void)
{
	return confined;
}

void dlw_thread_exempt(void)
{
	attaching = true;
}

/** attach_late() - a thread that nobody saw start */
static struct dlw_context *attach_late(void)
{
	bool deferred = dlw_cancel_defer();
	struct dlw_context *self = dlw_thread_attach(0, 0, 0, false);

	if (self)
		self->open = DLW_WAY_SHUT;
	if (self && deferred)
		dlw_cancel_attached(self);
	else if (deferred)
		dlw_cancel_restore();
	return self;
}

struct dlw_context *dlw_enter_slow(void)
{
	struct dlw_context *self = dlw_self;

	if (self->record && self->asynchronous && !self->deferred) {
		dlw_cancel_inside(self);
		return self;
	}
	if (self->record) /* in a hook already */
		return NULL;
	return attach_late();
}

void dlw_thread_name(char name[16])
{
	dlw_system(SYS_prctl, PR_GET_NAME, (long)name, 0, 0, 0, 0);
}

void dlw_thread_exiting(struct dlw_context *self)
{
	struct dlw_event event = { .type = DLW_EVENT_EXITED };

	if (self->record->life != DLW_RECORD_ALIVE)
		return;
	if (dlw_logging(self))
		dlw_log_event(self, &event);
	dlw_thread_name(self->record->name);
	atomic_store_explicit(&self->record->life, DLW_RECORD_EXITING, memory_order_release);
	atomic_fetch_add_explicit(&dlw_runtime->segment->thread_changes, 1, memory_order_release);
	dlw_lock(&dlw_runtime->threads_lock, DLW_RANK_THREADS);
	self->next = dlw_runtime->exiting_contexts;
	dlw_runtime->exiting_contexts = self;
	dlw_unlock(&dlw_runtime->threads_lock, DLW_RANK_THREADS);
	dlw_watcher_thread_ends();
}

uint32_t dlw_thread_next_serial(void)
{
	return atomic_fetch_add_explicit(&dlw_runtime->segment->serials, 1, memory_order_relaxed) +
	       1;
}

/* An object of kind thread keeps the serial where a semaphore keeps its value. */
void dlw_thread_name_serial(struct dlw_context *self, uint64_t pthread, uint32_t serial)
{
	struct dlw_object *object = dlw_object(self, pthread, DLW_THREAD);

	if (object && object->initial < serial)
		object->initial = serial;
}

uint32_t dlw_thread_serial(struct dlw_context *self, uint64_t pthread)
{
	const struct dlw_object *object = dlw_object_find(self, pthread);

	return object && object->kind == DLW_THREAD ? object->initial : 0;
}

/* ------------------------------------------------------- handlers that interrupt hooks */

/**
 * comes_between() - a handler's call at @frame, while the one that published the want goes on
 *
 * On one stack the inner call lies lower. A handler may have one of its own,
 * anywhere (SA_ONSTACK).
 */
static bool comes_between(const struct dlw_context *self, uint64_t frame)
{
	stack_t other = { 0 };
	bool inner, outer;

	dlw_system(SYS_sigaltstack, 0, (long)&other, 0, 0, 0, 0);
	inner = frame - (uint64_t)(uintptr_t)other.ss_sp < other.ss_size;
	outer = self->want_frame - (uint64_t)(uintptr_t)other.ss_sp < other.ss_size;
	return inner != outer ? inner : frame < self->want_frame;
}

void dlw_want_aside(struct dlw_context *self, uint64_t frame)
{
	struct dlw_thread *record = self->record;

	if (record->want_kind != DLW_CUSTOM && !comes_between(self, frame)) {
		self->saved_count = 0;
	} else if (self->saved_count < DLW_SAVED_WANTS) {
		self->saved[self->saved_count] = (struct dlw_saved_want){
			.address = record->want_address,
			.mutex = record->want_mutex,
			.since_ns = record->want_since_ns,
			.frame = self->want_frame,
			.stack = record->want_stack,
			.object = record->want_object,
			.kind = record->want_kind,
			.mode = record->want_mode,
			.form = record->want_form,
			.relock = record->want_relock,
		};
		self->saved_count++;
	} else {
		dlw_runtime_count(DLW_LOST_SIGNAL_OPS, 1);
	}
	record->wait++;
	dlw_want_left(record);
}

void dlw_want_tell(struct dlw_thread *record)
{
	record->want_awaited = 0;
	atomic_fetch_add_explicit(&dlw_runtime->segment->awaited_ends, 1, memory_order_release);
}

/** log_again() - what the handler wanted in between took its place in the log, too */
static void log_again(struct dlw_context *self, const struct dlw_saved_want *want)
{
	if (dlw_logging(self) && want->since_ns && want->kind != DLW_THREAD &&
	    want->kind != DLW_CONDITION && want->kind != DLW_BARRIER && want->kind != DLW_ONCE)
		dlw_lock_log_want(self, want->kind, (const void *)(uintptr_t)want->address,
				  want->form);
}

void dlw_want_back(struct dlw_context *self)
{
	const struct dlw_saved_want *saved = &self->saved[--self->saved_count];

	dlw_want(self, saved->kind, saved->mode, saved->form, saved->address, saved->stack,
		 saved->frame);
	self->record->want_mutex = saved->mutex;
	self->record->want_since_ns = saved->since_ns;
	self->record->want_object = saved->object;
	self->record->want_relock = saved->relock;
	log_again(self, saved);
}

/**
 * take_pending() - the last post that a handler has left, and no other; false: there is none
 *
 * Handlers that come in between only add.
 */
static bool take_pending(struct dlw_context *self, uint64_t *address)
{
	uint16_t count = __atomic_load_n(&self->pending_count, __ATOMIC_RELAXED);

	do {
		if (!count)
			return false;
		*address = __atomic_load_n(&self->pending_posts[count - 1], __ATOMIC_RELAXED);
	} while (!__atomic_compare_exchange_n(&self->pending_count, &count, (uint16_t)(count - 1),
					      false, __ATOMIC_RELAXED, __ATOMIC_RELAXED));
	return true;
}

static void drain(struct dlw_context *self)
{
	uint64_t address;

	while (take_pending(self, &address)) {
		struct dlw_permit *permit = dlw_permit_of(self, address, DLW_SEMAPHORE);

		if (permit)
			dlw_permit_post(permit);
	}
}

void dlw_leave_slow(struct dlw_context *self)
{
	drain(self);
	if (self->polling && self->poll_progress != dlw_progress(self->record))
		dlw_not_polling(self); /* it has done something else since */
	dlw_outside(self);
}
