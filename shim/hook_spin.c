/*
 * shim/hook_spin.c - pthread_spin_*
 *
 * A spinlock has no owner that anybody but us knows of, and who waits for one
 * does not sleep: the kernel cannot tell a wait from work. So a thread spins
 * here, not in the C library, and counts as it turns: a number that grows
 * while the wait's own number stays is a thread that waits, and one that left
 * the wait by siglongjmp() is seen to be gone.
 */
#include <errno.h>
#include <pthread.h>

#include "core/watch/glibc.h"
#include "shim/break.h"
#include "shim/hook_lock.h"
#include "shim/log_hold.h"
#include "shim/real.h"
#include "shim/watcher.h"

#include "shim/banned.h"

#define TURNS_A_COUNT 1024 /* some microseconds */

static bool is_taken(const pthread_spinlock_t *lock)
{
	return dlw_spin_is_taken(__atomic_load_n(lock, __ATOMIC_RELAXED));
}

/** plain() - the lock as others know it: an address */
static const void *plain(const pthread_spinlock_t *lock)
{
	return (const void *)(uintptr_t)lock;
}

/** spin() - until it is ours; the thread is open to handlers all the while */
static int spin(struct dlw_context *self, pthread_spinlock_t *lock)
{
	_Atomic uint32_t *turns = &self->record->want_turns;
	uint32_t i;

	while (dlw_real(pthread_spin_trylock)(lock) != 0) {
		for (i = 0; i < TURNS_A_COUNT && is_taken(lock); i++)
			__builtin_ia32_pause();
		atomic_store_explicit(turns, *turns + 1, memory_order_relaxed);
		if (dlw_breaking() && dlw_is_victim(self))
			return EDEADLK;
	}
	return 0;
}

/** is_relock() - the thread has it and will wait for itself for ever */
static bool is_relock(struct dlw_context *self, const pthread_spinlock_t *lock)
{
	return is_taken(lock) && dlw_hold_find(self, dlw_address(plain(lock))) >= 0;
}

static __attribute__((noinline)) int lock_at_length(pthread_spinlock_t *lock, uint64_t frame)
{
	struct dlw_context *self = dlw_enter();
	bool taken;
	int result;

	if (!self)
		return dlw_real(pthread_spin_lock)(lock);
	taken = dlw_real(pthread_spin_trylock)(lock) != 0;
	dlw_lock_begin(self, DLW_SPINLOCK, DLW_EXCLUSIVE, DLW_FORM_BLOCKING, plain(lock), taken,
		       dlw_caller_at(frame), frame);
	if (taken && is_relock(self, lock)) {
		self->record->want_relock = 1;
		dlw_watcher_relock(self);
	}
	dlw_outside(self);
	result = taken ? spin(self, lock) : 0;
	return dlw_lock_end(self, DLW_SPINLOCK, DLW_EXCLUSIVE, DLW_FORM_BLOCKING, plain(lock),
			    result);
}

static __attribute__((noinline)) int lock_overtaken(const pthread_spinlock_t *lock, uint64_t frame)
{
	return dlw_lock_overtaken(DLW_SPINLOCK, DLW_EXCLUSIVE, plain(lock), DLW_FORM_BLOCKING,
				  dlw_caller_at(frame), frame);
}

/** lock_quickly() - the short way */
static __attribute__((noinline)) int lock_quickly(pthread_spinlock_t *lock, uint64_t frame)
{
	uint32_t stack;

	if (dlw_unlikely(!dlw_lock_quick(dlw_caller_at(frame), frame, &stack) ||
			 dlw_real(pthread_spin_trylock)(lock) != 0))
		return lock_at_length(lock, frame);
	dlw_lock_quick_had(DLW_SPINLOCK, DLW_EXCLUSIVE, plain(lock), DLW_FORM_BLOCKING, stack);
	return 0;
}

/** lock_otherwise() - with a log; what is to outlast the try waits in memory (hook_mutex_logged.c) */
static __attribute__((noinline)) int lock_otherwise(pthread_spinlock_t *lock, uint64_t frame)
{
	pthread_spinlock_t *volatile saved_lock;
	volatile uint64_t saved_frame;
	volatile uint32_t saved_stack;
	const struct dlw_site *site = dlw_site_logged(dlw_self, frame);

	if (!site)
		return lock_quickly(lock, frame);
	saved_lock = lock;
	saved_frame = frame;
	saved_stack = site->stack;
	if (dlw_unlikely(dlw_real(pthread_spin_trylock)(lock) != 0))
		return lock_at_length(saved_lock, saved_frame);
	return dlw_hold_had(plain(saved_lock), dlw_self, DLW_SPINLOCK, DLW_EXCLUSIVE,
			    DLW_FORM_BLOCKING, saved_stack);
}

/**
 * pthread_spin_lock() - acquire, burning a processor until it can be had
 *
 * Return: as the C library, that is 0; with on_deadlock=break EDEADLK, too.
 */
DLW_HOOK int pthread_spin_lock(pthread_spinlock_t *lock)
{
	struct dlw_context *self = dlw_self;
	uint64_t holding;

	if (dlw_unlikely(!dlw_lock_alone(self, DLW_SPINLOCK, DLW_EXCLUSIVE, plain(lock),
					 DLW_CALLER, DLW_FRAME_ONCE, &holding)))
		return lock_otherwise(lock, DLW_FRAME);
	if (dlw_unlikely(dlw_real(pthread_spin_trylock)(lock) != 0))
		return lock_at_length(lock, DLW_FRAME);
	if (dlw_unlikely(!dlw_lock_alone_had(self, holding)))
		return lock_overtaken(lock, DLW_FRAME);
	return 0;
}

DLW_HOOK int pthread_spin_trylock(pthread_spinlock_t *lock)
{
	struct dlw_context *self;
	uint32_t stack;

	if (dlw_likely(dlw_lock_quick(DLW_CALLER, DLW_FRAME, &stack)))
		return dlw_lock_quick_tried(DLW_SPINLOCK, DLW_EXCLUSIVE, plain(lock), stack,
					    dlw_real(pthread_spin_trylock)(lock));
	self = dlw_enter();
	if (!self)
		return dlw_real(pthread_spin_trylock)(lock);
	stack = dlw_stack_here(self, DLW_CALLER, DLW_FRAME);
	return dlw_lock_tried(self, DLW_SPINLOCK, DLW_EXCLUSIVE, plain(lock), stack,
			      dlw_real(pthread_spin_trylock)(lock));
}

static __attribute__((noinline)) int unlock_at_length(pthread_spinlock_t *lock)
{
	struct dlw_context *self = dlw_enter();
	int result;

	if (!self)
		return dlw_real(pthread_spin_unlock)(lock);
	if (!dlw_lock_release(self, DLW_SPINLOCK, plain(lock)))
		dlw_lock_distrust(self, DLW_SPINLOCK, plain(lock), true);
	result = dlw_real(pthread_spin_unlock)(lock);
	dlw_leave(self);
	return result;
}

static __attribute__((noinline)) int unlock_quickly(pthread_spinlock_t *lock)
{
	if (dlw_unlikely(!dlw_lock_quick_release(DLW_SPINLOCK, plain(lock))))
		return unlock_at_length(lock);
	return dlw_real(pthread_spin_unlock)(lock);
}

/** leave_and_unlock() - something has come up in between */
static __attribute__((noinline)) int leave_and_unlock(pthread_spinlock_t *lock)
{
	dlw_leave(dlw_self);
	return dlw_real(pthread_spin_unlock)(lock);
}

/** unlock_otherwise() - with a log */
static __attribute__((noinline)) int unlock_otherwise(pthread_spinlock_t *lock)
{
	struct dlw_context *self = dlw_self;

	if (!dlw_hold_gives(self, plain(lock), false))
		return unlock_quickly(lock);
	if (dlw_unlikely(!dlw_leave_quickly(self)))
		return leave_and_unlock(lock);
	return dlw_real(pthread_spin_unlock)(lock);
}

/** pthread_spin_unlock() - whoever calls it; a stranger costs the lock its good name */
DLW_HOOK int pthread_spin_unlock(pthread_spinlock_t *lock)
{
	if (dlw_unlikely(!dlw_lock_alone_release(DLW_SPINLOCK, plain(lock))))
		return unlock_otherwise(lock);
	return dlw_real(pthread_spin_unlock)(lock);
}

DLW_HOOK int pthread_spin_init(pthread_spinlock_t *lock, int shared)
{
	struct dlw_context *self = dlw_enter();
	int result = dlw_real(pthread_spin_init)(lock, shared);

	if (!self)
		return result;
	if (result == 0)
		dlw_object_begin(self, dlw_address(plain(lock)), DLW_SPINLOCK,
				 DLW_TYPE_UNKNOWN,
				 shared == PTHREAD_PROCESS_SHARED ? DLW_TRAIT_SHARED : 0,
				 dlw_stack_here(self, DLW_CALLER, DLW_FRAME));
	dlw_leave(self);
	return result;
}

DLW_HOOK int pthread_spin_destroy(pthread_spinlock_t *lock)
{
	struct dlw_context *self = dlw_enter();
	int result = dlw_real(pthread_spin_destroy)(lock);

	if (!self)
		return result;
	if (result == 0)
		dlw_object_end(self, dlw_address(plain(lock)));
	dlw_leave(self);
	return result;
}
