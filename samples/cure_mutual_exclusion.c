/*
 * cure_mutual_exclusion.c - two_locks.c cured by having nothing to lock
 *
 * Condition 1 of a deadlock, mutual exclusion: a resource that only one thread
 * can have at a time. Take it away, and there is nothing to wait for. Here the
 * balances are atomic: each change is one indivisible step of the processor.
 *
 * The price: the two steps of a transfer are no longer one. Somebody who adds
 * up both balances in between sees money in flight. Where that matters, choose
 * another cure (a reader-writer lock shares among readers only).
 *
 * Run it:   dlwatch run build/samples/cure_mutual_exclusion
 * Expect:   no finding, exit status 0.
 * Look at:  the report of two_locks.c, line "mutual exclusion": this is what
 *           does not hold any more.
 * Compare:  cure_hold_and_wait.c, cure_no_preemption.c, cure_circular_wait.c.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

static _Atomic long alice_balance = 100, bob_balance = 100;
static pthread_barrier_t meeting;

static void *alice_to_bob(void *unused)
{
	(void)unused;
	pthread_setname_np(pthread_self(), "alice-to-bob");
	pthread_barrier_wait(&meeting);
	atomic_fetch_sub(&alice_balance, 10);
	atomic_fetch_add(&bob_balance, 10);
	return NULL;
}

static void *bob_to_alice(void *unused)
{
	(void)unused;
	pthread_setname_np(pthread_self(), "bob-to-alice");
	pthread_barrier_wait(&meeting);
	atomic_fetch_sub(&bob_balance, 25);
	atomic_fetch_add(&alice_balance, 25);
	return NULL;
}

static pthread_t start(void *(*clerk)(void *))
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, clerk, NULL) != 0) {
		fprintf(stderr, "cure_mutual_exclusion: cannot create a thread\n");
		exit(1);
	}
	return thread;
}

int main(void)
{
	pthread_t first, second;

	pthread_barrier_init(&meeting, NULL, 2);
	first = start(alice_to_bob);
	second = start(bob_to_alice);
	pthread_join(first, NULL);
	pthread_join(second, NULL);
	pthread_barrier_destroy(&meeting);
	printf("alice %ld, bob %ld\n", alice_balance, bob_balance);
	return 0;
}
