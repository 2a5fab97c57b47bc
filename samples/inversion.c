/*
 * inversion.c - a deadlock that did not happen, found all the same
 *
 * The two clerks of two_locks.c, who lock the accounts in two orders. This time
 * nothing makes them meet: the second one has a coffee first, so each is done
 * before the other begins, and the program ends as it should. It would in nearly
 * every run, and in every test. The orders are wrong nevertheless: let the second
 * clerk skip the coffee, and one day both have their first lock.
 *
 * Run it:   dlwatch run --log=/tmp/inversion build/samples/inversion
 *           dlwatch analyze /tmp/inversion
 * Expect:   from both, no deadlock, one inversion, feasible: alice-to-bob, bob-to-alice.
 * Look at:  the schedule, step by step, that nobody has seen yet; how often each
 *           order was seen: the rare one is the one to change.
 * Cure:     two_locks_ordered.c. `dlwatch analyze --all` shows cycles of orders
 *           that are no danger, and why: behind a common gate, or never at once.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define TRANSFERS 3

static pthread_mutex_t alice_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t bob_lock = PTHREAD_MUTEX_INITIALIZER;
static long alice_balance = 100, bob_balance = 100;

static void *alice_to_bob(void *unused)
{
	int i;

	(void)unused;
	pthread_setname_np(pthread_self(), "alice-to-bob");
	for (i = 0; i < TRANSFERS; i++) {
		pthread_mutex_lock(&alice_lock);
		pthread_mutex_lock(&bob_lock);
		alice_balance -= 10;
		bob_balance += 10;
		pthread_mutex_unlock(&bob_lock);
		pthread_mutex_unlock(&alice_lock);
	}
	return NULL;
}

static void *bob_to_alice(void *unused)
{
	const struct timespec coffee = { .tv_nsec = 200000000 };

	(void)unused;
	pthread_setname_np(pthread_self(), "bob-to-alice");
	nanosleep(&coffee, NULL); /* takes no lock, sends no signal: it orders nothing */
	pthread_mutex_lock(&bob_lock);
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
		fprintf(stderr, "inversion: cannot create a thread\n");
		exit(1);
	}
	return thread;
}

int main(void)
{
	pthread_t first = start(alice_to_bob), second = start(bob_to_alice);

	pthread_join(first, NULL);
	pthread_join(second, NULL);
	printf("alice %ld, bob %ld\n", alice_balance, bob_balance);
	return 0;
}
