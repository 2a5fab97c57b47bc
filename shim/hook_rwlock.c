/*
 * shim/hook_rwlock.c - pthread_rwlock_*
 *
 * As mutexes, but for two things. Each read lock is a hold of its own, also
 * the second one of a thread: so many unlocks has it coming. And a thread that
 * reads and wants to write waits for itself for ever, which the C library does
 * not see; for one that writes it returns EDEADLK.
 */
#include <errno.h>
#include <pthread.h>

#include "core/watch/glibc.h"
#include "shim/break.h"
#include "shim/hook_lock.h"
#include "shim/log_hold.h"
#include "shim/misuse.h"
#include "shim/real.h"
#include "shim/watcher.h"

#include "shim/banned.h"

/** How the C library is to be asked. */
struct call {
	struct dlw_context *self;
	pthread_rwlock_t *lock;
	enum dlw_mode mode;
	enum dlw_form form;
	const struct timespec *until; /* of a timed form */
	bool has_clock;
	clockid_t clock;
};

/** looks_taken() - for this mode; a queued writer counts, for it may come first */
static inline bool looks_taken(const pthread_rwlock_t *lock, enum dlw_mode mode)
{
	uint32_t readers = __atomic_load_n(&lock->__data.__readers, __ATOMIC_RELAXED);

	if (readers & DLW_RWLOCK_WRITE_LOCKED)
		return true;
	return mode == DLW_EXCLUSIVE && readers >> DLW_RWLOCK_READER_SHIFT;
}

static inline int try(pthread_rwlock_t *lock, enum dlw_mode mode)
{
	return mode == DLW_SHARED ? dlw_real(pthread_rwlock_tryrdlock)(lock)
				  : dlw_real(pthread_rwlock_trywrlock)(lock);
}

static int timed(pthread_rwlock_t *lock, enum dlw_mode mode, const struct timespec *until)
{
	return mode == DLW_SHARED ? dlw_real(pthread_rwlock_timedrdlock)(lock, until)
				  : dlw_real(pthread_rwlock_timedwrlock)(lock, until);
}

/** sliced() - on_deadlock=break */
static int sliced(const struct call *call)
{
	int result;

	do {
		struct timespec end = dlw_slice_end();

		result = timed(call->lock, call->mode, &end);
		if (result == ETIMEDOUT && dlw_is_victim(call->self))
			return EDEADLK;
	} while (result == ETIMEDOUT);
	return result;
}

/** perform() - what the program asked for, of the C library */
static int perform(const struct call *call)
{
	bool shared = call->mode == DLW_SHARED;

	if (call->has_clock)
		return shared ? dlw_real(pthread_rwlock_clockrdlock)(call->lock, call->clock,
								     call->until)
			      : dlw_real(pthread_rwlock_clockwrlock)(call->lock, call->clock,
								     call->until);
	if (call->form == DLW_FORM_TIMED)
		return timed(call->lock, call->mode, call->until);
	if (dlw_breaking() && call->self)
		return sliced(call);
	return shared ? dlw_real(pthread_rwlock_rdlock)(call->lock)
		      : dlw_real(pthread_rwlock_wrlock)(call->lock);
}

/** is_upgrade() - the thread has it for reading and will wait for itself to let go */
static bool is_upgrade(const struct call *call)
{
	return call->mode == DLW_EXCLUSIVE && call->form == DLW_FORM_BLOCKING &&
	       dlw_rwlock_read_holds(call->lock) &&
	       dlw_hold_find(call->self, dlw_address(call->lock)) >= 0;
}

/**
 * begin() - publish the wish; Return: DLW_GO_ON, or the result that is already there
 *
 * With a log a lock is tried first, but not in a timed form: that would spare
 * a nonsensical time its EINVAL.
 */
static int begin(const struct call *call, uint64_t caller, uint64_t frame)
{
	struct dlw_context *self = call->self;
	bool taken = looks_taken(call->lock, call->mode);
	int result = DLW_GO_ON;

	if (self->log && call->form == DLW_FORM_BLOCKING) {
		result = try(call->lock, call->mode);
		taken = result == EBUSY;
	}
	dlw_lock_begin(self, DLW_RWLOCK, call->mode, call->form, call->lock, taken, caller, frame);
	if (!taken)
		return result;
	if (is_upgrade(call)) {
		self->record->want_relock = 1;
		dlw_watcher_relock(self);
		if (dlw_breaking())
			return EDEADLK;
	}
	return DLW_GO_ON;
}

/** lock_at_length() - any of the waiting calls, with everything that may be asked of it */
static __attribute__((noinline)) int lock_at_length(struct call call, uint64_t caller,
						    uint64_t frame)
{
	int result;

	call.self = dlw_enter();
	if (!call.self)
		return perform(&call);
	result = begin(&call, caller, frame);
	dlw_outside(call.self);
	if (result == DLW_GO_ON)
		result = perform(&call);
	return dlw_lock_end(call.self, DLW_RWLOCK, call.mode, call.form, call.lock, result);
}

/** lock_plainly() - rdlock or wrlock the long way; apart, so that the short ways need no frame */
static __attribute__((noinline)) int lock_plainly(pthread_rwlock_t *lock, enum dlw_mode mode,
						  uint64_t frame)
{
	return lock_at_length((struct call){ .lock = lock, .mode = mode }, dlw_caller_at(frame),
			      frame);
}

static __attribute__((noinline)) int lock_overtaken(pthread_rwlock_t *lock, enum dlw_mode mode,
						    uint64_t frame)
{
	return dlw_lock_overtaken(DLW_RWLOCK, mode, lock, DLW_FORM_BLOCKING, dlw_caller_at(frame),
				  frame);
}

/** lock_quickly() - the short way */
static __attribute__((noinline)) int lock_quickly(pthread_rwlock_t *lock, enum dlw_mode mode,
						  uint64_t frame)
{
	uint32_t stack;

	if (dlw_unlikely(!dlw_lock_quick(dlw_caller_at(frame), frame, &stack) ||
			 try(lock, mode) != 0))
		return lock_plainly(lock, mode, frame);
	dlw_lock_quick_had(DLW_RWLOCK, mode, lock, DLW_FORM_BLOCKING, stack);
	return 0;
}

/** lock_otherwise() - with a log; what is to outlast the try waits in memory (hook_mutex_logged.c) */
static inline __attribute__((always_inline)) int lock_otherwise(pthread_rwlock_t *lock,
								enum dlw_mode mode, uint64_t frame)
{
	pthread_rwlock_t *volatile saved_lock;
	volatile uint64_t saved_frame;
	volatile uint32_t saved_stack;
	const struct dlw_site *site = dlw_site_logged(dlw_self, frame);

	if (!site)
		return lock_quickly(lock, mode, frame);
	saved_lock = lock;
	saved_frame = frame;
	saved_stack = site->stack;
	if (dlw_unlikely(try(lock, mode) != 0))
		return lock_plainly(saved_lock, mode, saved_frame);
	return dlw_hold_had(saved_lock, dlw_self, DLW_RWLOCK, mode, DLW_FORM_BLOCKING,
			    saved_stack);
}

static __attribute__((noinline)) int rdlock_otherwise(pthread_rwlock_t *lock, uint64_t frame)
{
	return lock_otherwise(lock, DLW_SHARED, frame);
}

static __attribute__((noinline)) int wrlock_otherwise(pthread_rwlock_t *lock, uint64_t frame)
{
	return lock_otherwise(lock, DLW_EXCLUSIVE, frame);
}

/** lock_alone() - the shortest way; one with the hook, whose caller and frame are its own */
static inline __attribute__((always_inline)) int lock_alone(pthread_rwlock_t *lock,
							    enum dlw_mode mode)
{
	struct dlw_context *self = dlw_self;
	uint64_t holding;

	if (dlw_unlikely(!dlw_lock_alone(self, DLW_RWLOCK, mode, lock, DLW_CALLER, DLW_FRAME_ONCE,
					 &holding)))
		return mode == DLW_SHARED ? rdlock_otherwise(lock, DLW_FRAME) :
					    wrlock_otherwise(lock, DLW_FRAME);
	if (dlw_unlikely(try(lock, mode) != 0))
		return lock_plainly(lock, mode, DLW_FRAME);
	if (dlw_unlikely(!dlw_lock_alone_had(self, holding)))
		return lock_overtaken(lock, mode, DLW_FRAME);
	return 0;
}

/**
 * pthread_rwlock_rdlock() - acquire for reading; the short ways first
 *
 * Return: as the C library; with on_deadlock=break EDEADLK, too.
 */
DLW_HOOK int pthread_rwlock_rdlock(pthread_rwlock_t *lock)
{
	return lock_alone(lock, DLW_SHARED);
}

/** pthread_rwlock_wrlock() - acquire for writing; likewise */
DLW_HOOK int pthread_rwlock_wrlock(pthread_rwlock_t *lock)
{
	return lock_alone(lock, DLW_EXCLUSIVE);
}

DLW_HOOK int pthread_rwlock_timedrdlock(pthread_rwlock_t *lock, const struct timespec *until)
{
	return lock_at_length((struct call){ .lock = lock,
					     .mode = DLW_SHARED,
					     .form = DLW_FORM_TIMED,
					     .until = until },
			      DLW_CALLER, DLW_FRAME);
}

DLW_HOOK int pthread_rwlock_timedwrlock(pthread_rwlock_t *lock, const struct timespec *until)
{
	return lock_at_length((struct call){ .lock = lock,
					     .mode = DLW_EXCLUSIVE,
					     .form = DLW_FORM_TIMED,
					     .until = until },
			      DLW_CALLER, DLW_FRAME);
}

DLW_HOOK int pthread_rwlock_clockrdlock(pthread_rwlock_t *lock, clockid_t clock,
					const struct timespec *until)
{
	return lock_at_length((struct call){ .lock = lock,
					     .mode = DLW_SHARED,
					     .form = DLW_FORM_TIMED,
					     .until = until,
					     .has_clock = true,
					     .clock = clock },
			      DLW_CALLER, DLW_FRAME);
}

DLW_HOOK int pthread_rwlock_clockwrlock(pthread_rwlock_t *lock, clockid_t clock,
					const struct timespec *until)
{
	return lock_at_length((struct call){ .lock = lock,
					     .mode = DLW_EXCLUSIVE,
					     .form = DLW_FORM_TIMED,
					     .until = until,
					     .has_clock = true,
					     .clock = clock },
			      DLW_CALLER, DLW_FRAME);
}

/** try_lock() - never waits, so wants nothing; what it gets is held */
static int try_lock(pthread_rwlock_t *lock, enum dlw_mode mode, uint64_t caller, uint64_t frame)
{
	struct dlw_context *self;
	uint32_t stack;

	if (dlw_likely(dlw_lock_quick(caller, frame, &stack)))
		return dlw_lock_quick_tried(DLW_RWLOCK, mode, lock, stack, try(lock, mode));
	self = dlw_enter();
	if (!self)
		return try(lock, mode);
	stack = dlw_stack_here(self, caller, frame);
	return dlw_lock_tried(self, DLW_RWLOCK, mode, lock, stack, try(lock, mode));
}

DLW_HOOK int pthread_rwlock_tryrdlock(pthread_rwlock_t *lock)
{
	return try_lock(lock, DLW_SHARED, DLW_CALLER, DLW_FRAME);
}

DLW_HOOK int pthread_rwlock_trywrlock(pthread_rwlock_t *lock)
{
	return try_lock(lock, DLW_EXCLUSIVE, DLW_CALLER, DLW_FRAME);
}

/**
 * release_unheld() - locked before we looked, or by another thread
 *
 * The C library knows its writer, but no readers: a read lock taken before we
 * looked is a stranger's to us, and the lock's holders prove nothing then.
 */
static void release_unheld(struct dlw_context *self, const pthread_rwlock_t *lock)
{
	if (lock->__data.__cur_writer == self->tid)
		dlw_runtime_count(DLW_UNSEEN_HOLDERS, 1);
	else
		dlw_lock_distrust(self, DLW_RWLOCK, lock, true);
}

/** is_free() - nobody has it in any mode, whoever looks */
static bool is_free(const pthread_rwlock_t *lock)
{
	uint32_t readers = __atomic_load_n(&lock->__data.__readers, __ATOMIC_RELAXED);

	return !(readers & DLW_RWLOCK_WRITE_LOCKED) && !(readers >> DLW_RWLOCK_READER_SHIFT) &&
	       !lock->__data.__cur_writer;
}

static __attribute__((noinline)) int unlock_at_length(pthread_rwlock_t *lock, uint64_t caller,
						      uint64_t frame)
{
	struct dlw_context *self = dlw_enter();
	struct dlw_misuse note;
	int result;

	if (!self)
		return dlw_real(pthread_rwlock_unlock)(lock);
	if (!dlw_lock_release(self, DLW_RWLOCK, lock)) {
		if (is_free(lock) && dlw_misuse_about(self, &note, DLW_UNLOCK_UNLOCKED, DLW_RWLOCK,
						      dlw_address(lock)))
			dlw_misuse_tell(self, &note, dlw_stack_exact(self, caller, frame));
		release_unheld(self, lock);
	}
	result = dlw_real(pthread_rwlock_unlock)(lock);
	dlw_leave(self);
	return result;
}

static __attribute__((noinline)) int unlock_quickly(pthread_rwlock_t *lock, uint64_t frame)
{
	if (dlw_unlikely(!dlw_lock_quick_release(DLW_RWLOCK, lock)))
		return unlock_at_length(lock, dlw_caller_at(frame), frame);
	return dlw_real(pthread_rwlock_unlock)(lock);
}

/** leave_and_unlock() - something has come up in between */
static __attribute__((noinline)) int leave_and_unlock(pthread_rwlock_t *lock)
{
	dlw_leave(dlw_self);
	return dlw_real(pthread_rwlock_unlock)(lock);
}

/** unlock_otherwise() - with a log */
static __attribute__((noinline)) int unlock_otherwise(pthread_rwlock_t *lock, uint64_t frame)
{
	struct dlw_context *self = dlw_self;

	if (!dlw_hold_gives(self, lock, true))
		return unlock_quickly(lock, frame);
	if (dlw_unlikely(!dlw_leave_quickly(self)))
		return leave_and_unlock(lock);
	return dlw_real(pthread_rwlock_unlock)(lock);
}

/** pthread_rwlock_unlock() - the newest of the thread's holds goes, before the lock does */
DLW_HOOK int pthread_rwlock_unlock(pthread_rwlock_t *lock)
{
	if (dlw_unlikely(!dlw_lock_alone_release(DLW_RWLOCK, lock)))
		return unlock_otherwise(lock, DLW_FRAME);
	return dlw_real(pthread_rwlock_unlock)(lock);
}

DLW_HOOK int pthread_rwlock_init(pthread_rwlock_t *lock, const pthread_rwlockattr_t *attributes)
{
	struct dlw_context *self = dlw_enter();
	int result = dlw_real(pthread_rwlock_init)(lock, attributes);

	if (!self)
		return result;
	if (result == 0)
		dlw_object_begin(self, dlw_address(lock), DLW_RWLOCK, dlw_rwlock_type(lock),
				 dlw_rwlock_traits(lock),
				 dlw_stack_here(self, DLW_CALLER, DLW_FRAME));
	dlw_leave(self);
	return result;
}

DLW_HOOK int pthread_rwlock_destroy(pthread_rwlock_t *lock)
{
	struct dlw_context *self = dlw_enter();
	int result;

	if (!self)
		return dlw_real(pthread_rwlock_destroy)(lock);
	if (dlw_unlikely(!is_free(lock)))
		dlw_misuse_destroy(self, DLW_RWLOCK, lock, sizeof(*lock), DLW_CALLER, DLW_FRAME);
	result = dlw_real(pthread_rwlock_destroy)(lock);
	if (result == 0)
		dlw_object_end(self, dlw_address(lock));
	dlw_leave(self);
	return result;
}
