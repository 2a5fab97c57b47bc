/*
 * two_locks.c - two threads, two locks, two orders: the smallest deadlock
 *
 * One clerk moves money from Alice to Bob, another one from Bob to Alice. Each
 * locks the account it takes from, then the account it pays into. If both have
 * their first lock, each waits for the lock that the other one holds, and
 * neither can give its own back before it has the other: nobody will ever run
 * again. It need not happen in every run; the barrier makes it happen in this
 * one.
 *
 * Run it:   dlwatch run build/samples/two_locks
 * Expect:   deadlock, proven; core of 2 threads: alice-to-bob, bob-to-alice.
 *           Stuck behind it: the main thread, which joins them.
 * Look at:  the cycle in the report's first lines, and for each thread the two
 *           places: where it took the lock it holds, where it wants the other.
 * Cure:     two_locks_ordered.c; and one cure for each of the four conditions
 *           of a deadlock: cure_mutual_exclusion.c, cure_hold_and_wait.c,
 *           cure_no_preemption.c, cure_circular_wait.c.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

static pthread_mutex_t alice_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t bob_lock = PTHREAD_MUTEX_INITIALIZER;
static long alice_balance = 100, bob_balance = 100;
static pthread_barrier_t meeting;

static void *alice_to_bob(void *unused)
{
	(void)unused;
	pthread_setname_np(pthread_self(), "alice-to-bob");
	pthread_mutex_lock(&alice_lock);
	pthread_barrier_wait(&meeting); /* now each clerk has one lock */
	pthread_mutex_lock(&bob_lock);
	alice_balance -= 10;
	bob_balance += 10;
	pthread_mutex_unlock(&bob_lock);
	pthread_mutex_unlock(&alice_lock);
	return NULL;
}

static void *bob_to_alice(void *unused)
{
	(void)unused;
	pthread_setname_np(pthread_self(), "bob-to-alice");
	pthread_mutex_lock(&bob_lock);
	pthread_barrier_wait(&meeting);
	pthread_mutex_lock(&alice_lock); /* the wrong way round */
	bob_balance -= 25;
	alice_balance += 25;
	pthread_mutex_unlock(&alice_lock);
	pthread_mutex_unlock(&bob_lock);
	return NULL;
}

static pthread_t start(void *(*clerk)(void *))
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, clerk, NULL) != 0) {
		fprintf(stderr, "two_locks: cannot create a thread\n");
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
