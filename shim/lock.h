/*
 * shim/lock.h - dlwatch's own locks, invisible to its own hooks
 *
 * A futex word: 0 free, 1 taken, 2 taken and somebody sleeps. They live in the
 * runtime page, which a fork wipes: a child finds them free.
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

#ifdef DLW_CHECK_RANKS
extern __thread uint32_t dlw_ranks_held __attribute__((tls_model("initial-exec")));
#define DLW_RANK_TAKE(rank) \
	do { \
		if (dlw_ranks_held >> (rank)) \
			__builtin_trap(); \
		dlw_ranks_held |= 1u << (rank); \
	} while (0)
#define DLW_RANK_DROP(rank) (dlw_ranks_held &= ~(1u << (rank)))
#else
#define DLW_RANK_TAKE(rank) ((void)(rank))
#define DLW_RANK_DROP(rank) ((void)(rank))
#endif

/** dlw_futex() - the system call, errno untouched; Return: as the kernel does */
long dlw_futex(_Atomic uint32_t *word, int operation, uint32_t value,
	       const struct timespec *timeout);

void dlw_lock_slow(struct dlw_lock *lock);

static inline void dlw_lock(struct dlw_lock *lock, enum dlw_rank rank)
{
	uint32_t zero = 0;

	DLW_RANK_TAKE(rank);
	if (!atomic_compare_exchange_strong_explicit(&lock->word, &zero, 1, memory_order_acquire,
						     memory_order_relaxed))
		dlw_lock_slow(lock);
}

/** dlw_try_lock() - Return: it is ours */
static inline bool dlw_try_lock(struct dlw_lock *lock, enum dlw_rank rank)
{
	uint32_t zero = 0;

	if (!atomic_compare_exchange_strong_explicit(&lock->word, &zero, 1, memory_order_acquire,
						     memory_order_relaxed))
		return false;
	DLW_RANK_TAKE(rank);
	return true;
}

static inline void dlw_unlock(struct dlw_lock *lock, enum dlw_rank rank)
{
	DLW_RANK_DROP(rank);
	if (atomic_exchange_explicit(&lock->word, 0, memory_order_release) == 2)
		dlw_futex(&lock->word, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 1, NULL);
}

#endif
