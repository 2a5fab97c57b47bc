/*
 * two_locks_ordered.c - the cure of two_locks.c: one order for everybody
 *
 * Both clerks lock Alice's account first, whatever the direction of the money.
 * A cycle needs somebody who holds Bob's lock and waits for Alice's; there is
 * nobody left who does.
 *
 * The barrier had to move to before the first lock: the moment it forced in
 * two_locks.c, each clerk holding one lock, does not exist any more.
 *
 * Run it:   dlwatch run build/samples/two_locks_ordered
 * Expect:   no finding, exit status 0.
 * Look at:  the difference from two_locks.c: bob_to_alice() alone has changed.
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
	pthread_barrier_wait(&meeting);
	pthread_mutex_lock(&alice_lock);
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
	pthread_barrier_wait(&meeting);
	pthread_mutex_lock(&alice_lock); /* first here, too */
	pthread_mutex_lock(&bob_lock);
	bob_balance -= 25;
	alice_balance += 25;
	pthread_mutex_unlock(&bob_lock);
	pthread_mutex_unlock(&alice_lock);
	return NULL;
}

static pthread_t start(void *(*clerk)(void *))
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, clerk, NULL) != 0) {
		fprintf(stderr, "two_locks_ordered: cannot create a thread\n");
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
