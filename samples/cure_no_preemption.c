/*
 * cure_no_preemption.c - two_locks.c cured by trying and backing off
 *
 * Condition 3 of a deadlock, no preemption: nobody can take a lock away from
 * its holder. Here the holder gives it back of its own accord: it *tries* the
 * second lock, and if somebody has it, lets go of the first and starts again.
 *
 * The barrier stays where it is in two_locks.c: the fatal moment, each clerk
 * holding one lock, does come, and is survived.
 *
 * The price: work is repeated, and clerks that always back off together would
 * never get on (livelock). sched_yield() lets the other one go first; real
 * programs wait for a random time.
 *
 * Run it:   dlwatch run build/samples/cure_no_preemption
 * Expect:   no finding, exit status 0. The cycle of orders is `yielding`: a
 *           failed try waits for nobody.
 * Look at:  collect(), the only thing that has changed.
 * Compare:  cure_mutual_exclusion.c, cure_hold_and_wait.c,
 *           cure_circular_wait.c.
 */
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

static pthread_mutex_t alice_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t bob_lock = PTHREAD_MUTEX_INITIALIZER;
static long alice_balance = 100, bob_balance = 100;
static pthread_barrier_t meeting;

static void collect(pthread_mutex_t *from, pthread_mutex_t *to)
{
	pthread_mutex_lock(from);
	pthread_barrier_wait(&meeting); /* now each clerk has one lock */
	while (pthread_mutex_trylock(to) != 0) {
		pthread_mutex_unlock(from);
		sched_yield();
		pthread_mutex_lock(from);
	}
}

static void *alice_to_bob(void *unused)
{
	(void)unused;
	pthread_setname_np(pthread_self(), "alice-to-bob");
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
		fprintf(stderr, "cure_no_preemption: cannot create a thread\n");
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
