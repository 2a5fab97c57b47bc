/*
 * self_relock_cured.c - the cure of self_relock.c: a recursive mutex
 *
 * A recursive mutex knows its owner and counts: the owner may lock it again,
 * and it is free when it has been unlocked as often.
 *
 * Often the better cure is a second function, charge_fee_unlocked(), for
 * callers that hold the lock already: a recursive mutex hides that withdraw()
 * and charge_fee() see the till at different moments of one change.
 *
 * Run it:   dlwatch run build/samples/self_relock_cured
 * Expect:   no finding, exit status 0.
 * Look at:  main(), where the mutex gets its type.
 */
#include <pthread.h>
#include <stdio.h>

static pthread_mutex_t till_lock;
static long till = 100;

/* Kept apart, so that the stacks show the call. */
static __attribute__((noinline)) void charge_fee(void)
{
	pthread_mutex_lock(&till_lock);
	till -= 1;
	pthread_mutex_unlock(&till_lock);
}

static __attribute__((noinline)) void withdraw(long amount)
{
	pthread_mutex_lock(&till_lock);
	till -= amount;
	charge_fee();
	pthread_mutex_unlock(&till_lock);
}

int main(void)
{
	pthread_mutexattr_t recursive;

	pthread_mutexattr_init(&recursive);
	pthread_mutexattr_settype(&recursive, PTHREAD_MUTEX_RECURSIVE);
	pthread_mutex_init(&till_lock, &recursive);
	pthread_mutexattr_destroy(&recursive);
	withdraw(20);
	pthread_mutex_destroy(&till_lock);
	printf("%ld left in the till\n", till);
	return 0;
}
