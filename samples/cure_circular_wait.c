/*
 * cure_circular_wait.c - two_locks.c cured by an order that the code computes
 *
 * Condition 4 of a deadlock, circular wait: A waits for B, B waits for A. Give
 * all locks an order and take them in that order only: who waits always waits
 * for somebody further up, and the last in the chain waits for nobody.
 *
 * two_locks_ordered.c wrote the order down by hand. A function that is handed
 * any two accounts cannot know it in advance; their addresses are an order
 * that is always there.
 *
 * Run it:   dlwatch run build/samples/cure_circular_wait
 * Expect:   no finding, exit status 0.
 * Look at:  collect(), the only thing that has changed.
 * Compare:  cure_mutual_exclusion.c, cure_hold_and_wait.c,
 *           cure_no_preemption.c.
 */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static pthread_mutex_t alice_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t bob_lock = PTHREAD_MUTEX_INITIALIZER;
static long alice_balance = 100, bob_balance = 100;
static pthread_barrier_t meeting;

static void collect(pthread_mutex_t *from, pthread_mutex_t *to)
{
	int from_first = (uintptr_t)from < (uintptr_t)to;

	pthread_mutex_lock(from_first ? from : to);
	pthread_mutex_lock(from_first ? to : from);
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
		fprintf(stderr, "cure_circular_wait: cannot create a thread\n");
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
