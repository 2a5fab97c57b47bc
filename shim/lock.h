/*
 * shim/lock.h - dlwatch's own locks, invisible to its own hooks
 *
 * A futex word: 0 free, 1 taken, 2 taken and somebody sleeps. They live in the
 * runtime page, which a fork wipes: a child finds them free. Each thread knows
 * which of them it has, for a signal handler that ends the process or forks it:
 * what the interrupted hook has taken is not to be waited for.
 *
 * Ranks: a thread takes them in rising order only. Debug builds
 * (-DDLW_CHECK_RANKS) trap where one does not. None is held while the
 * program's own code runs, none is ever waited for in a signal handler (a
 * handler that interrupts a hook passes through, see context.h).
 *
 *	rank      protects                         held across
 *	WATCH     the watch of a bare preload      everything below; rendering
 *	START     start records of new threads     mmap
 *	THREADS   list of thread records           LOG, SEGMENT
 *	OBJECTS   one stripe of the object table   TABLE
 *	STACKS    traces, stack store, unwinder    SEGMENT, LOG; all of fork()
 *	TABLE     the segment's list of objects    SEGMENT
 *	LOG       definitions slot, log file       SEGMENT, write(2)
 *	SEGMENT   growth of the segment            fallocate, mmap
 */
#ifndef DLW_SHIM_LOCK_H
#define DLW_SHIM_LOCK_H

#include <linux/futex.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

enum dlw_rank {
	DLW_RANK_WATCH = 1,
	DLW_RANK_START,
	DLW_RANK_THREADS,
	DLW_RANK_OBJECTS,
	DLW_RANK_STACKS,
	DLW_RANK_TABLE,
	DLW_RANK_LOG,
	DLW_RANK_SEGMENT,
};

struct dlw_lock {
	_Atomic uint32_t word;
};

/* A bit for each rank that the thread has, or is just taking or giving back. */
extern __thread uint32_t dlw_ranks_held __attribute__((tls_model("initial-exec")));

static inline void dlw_rank_take(enum dlw_rank rank)
{
#ifdef DLW_CHECK_RANKS
	if (dlw_ranks_held >> rank)
		__builtin_trap();
#endif
	dlw_ranks_held |= 1u << rank;
	atomic_signal_fence(memory_order_seq_cst);
}

static inline void dlw_rank_drop(enum dlw_rank rank)
{
	atomic_signal_fence(memory_order_seq_cst);
	dlw_ranks_held &= ~(1u << rank);
}

/**
 * dlw_is_amid_locks() - a hook of this very thread has some of them
 *
 * So we are in a signal handler that has interrupted it. Not asked of WATCH,
 * which is held while a finding ends the process, and never waited for at an end.
 */
static inline bool dlw_is_amid_locks(void)
{
	return dlw_ranks_held >> (DLW_RANK_WATCH + 1);
}

/** dlw_futex() - the system call, errno untouched; Return: as the kernel does */
long dlw_futex(_Atomic uint32_t *word, int operation, uint32_t value,
	       const struct timespec *timeout);

void dlw_lock_slow(struct dlw_lock *lock);

static inline void dlw_lock(struct dlw_lock *lock, enum dlw_rank rank)
{
	uint32_t zero = 0;

	dlw_rank_take(rank);
	if (!atomic_compare_exchange_strong_explicit(&lock->word, &zero, 1, memory_order_acquire,
						     memory_order_relaxed))
		dlw_lock_slow(lock);
}

/** dlw_try_lock() - Return: it is ours */
static inline bool dlw_try_lock(struct dlw_lock *lock, enum dlw_rank rank)
{
	uint32_t zero = 0;

	dlw_rank_take(rank);
	if (atomic_compare_exchange_strong_explicit(&lock->word, &zero, 1, memory_order_acquire,
						    memory_order_relaxed))
		return true;
	dlw_rank_drop(rank);
	return false;
}

static inline void dlw_unlock(struct dlw_lock *lock, enum dlw_rank rank)
{
	uint32_t was = atomic_exchange_explicit(&lock->word, 0, memory_order_release);

	dlw_rank_drop(rank);
	if (was == 2)
		dlw_futex(&lock->word, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 1, NULL);
}

#endif
