/*
 * cure_hold_and_wait.c - two_locks.c cured by taking all locks at once
 *
 * Condition 2 of a deadlock, hold and wait: a thread keeps what it has while it
 * waits for more. Here a clerk collects its two locks behind a gate that lets
 * one clerk through at a time. Whoever waits for an account's lock now waits
 * for a clerk that has everything it needs, and will finish.
 *
 * The price: clerks with nothing in common queue at the same gate.
 *
 * Run it:   dlwatch run build/samples/cure_hold_and_wait
 * Expect:   no finding, exit status 0. The two orders are still there, and
 *           dlwatch calls their cycle `guarded`: a common lock, the gate, is
 *           held around both.
 * Look at:  collect(), the only thing that has changed.
 * Compare:  cure_mutual_exclusion.c, cure_no_preemption.c,
 *           cure_circular_wait.c.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

static pthread_mutex_t gate_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t alice_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t bob_lock = PTHREAD_MUTEX_INITIALIZER;
static long alice_balance = 100, bob_balance = 100;
static pthread_barrier_t meeting;

static void collect(pthread_mutex_t *from, pthread_mutex_t *to)
{
	pthread_mutex_lock(&gate_lock);
	pthread_mutex_lock(from);
	pthread_mutex_lock(to);
	pthread_mutex_unlock(&gate_lock);
}

static void *alice_to_bob(void *unused)
{
	(void)unused;
	pthread_setname_np(pthread_self(), "alice-to-bob");
	pthread_barrier_wait(&meeting);
	collect(&alice_lock, &bob_lock);
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
	pthread_barrier_wait(&meeting);
	collect(&bob_lock, &alice_lock);
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
		fprintf(stderr, "cure_hold_and_wait: cannot create a thread\n");
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
