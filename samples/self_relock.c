/*
 * self_relock.c - a thread that waits for itself
 *
 * withdraw() locks the till and calls charge_fee(), which locks the till. A
 * normal mutex does not ask who has it: the thread waits until the holder, it
 * itself, unlocks, and the holder waits.
 *
 * This is the everyday form of the fault: two functions that are right each by
 * itself, and a call between them that somebody added later.
 *
 * Run it:   dlwatch run build/samples/self_relock
 * Expect:   deadlock, proven; core of 1 thread: the main thread, the only one.
 * Look at:  the two stacks of the same thread: taken in withdraw(), wanted in
 *           charge_fee(), called from withdraw().
 * Cure:     self_relock_cured.c
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
	pthread_mutex_init(&till_lock, NULL);
	withdraw(20);
	pthread_mutex_destroy(&till_lock);
	printf("%ld left in the till\n", till);
	return 0;
}
