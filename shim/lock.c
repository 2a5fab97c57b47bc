/*
 * shim/lock.c - the slow half of lock.h
 */
#include "shim/lock.h"

#include "core/watch/system.h"

#include "shim/banned.h"

__thread uint32_t dlw_ranks_held __attribute__((tls_model("initial-exec")));

long dlw_futex(_Atomic uint32_t *word, int operation, uint32_t value,
	       const struct timespec *timeout)
{
	return dlw_system(SYS_futex, (long)word, operation, (long)value, (long)timeout, 0, 0);
}

void dlw_lock_slow(struct dlw_lock *lock)
{
	while (atomic_exchange_explicit(&lock->word, 2, memory_order_acquire) != 0)
		dlw_futex(&lock->word, FUTEX_WAIT | FUTEX_PRIVATE_FLAG, 2, NULL);
}
