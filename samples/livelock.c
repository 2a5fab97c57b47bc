/*
 * livelock.c - everybody is busy, and nobody gets anywhere
 *
 * Both clerks follow the rule of cure_no_preemption.c: try the second lock, and
 * if it is taken, give the first one back and start again. But they do it in
 * step, as two people who meet in a corridor and both step aside to the same
 * side. The barriers keep them in step here; in real programs equal delays do.
 *
 * This is no deadlock, and dlwatch reports none: no thread waits for ever, and
 * what is held is given back. The condition `no preemption' is broken. What the
 * log shows is work without progress: a thousand failed tries to one success.
 *
 * Run it:   dlwatch run --log=DIR build/samples/livelock
 *           dlwatch analyze DIR
 * Expect:   no finding, exit status 0.
 * Look at:  the locks' statistics: how often they were taken, for 2 transfers.
 * Cure:     wait for a random time before the next try, or keep to one order
 *           (two_locks_ordered.c)
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define ROUNDS 1000

static pthread_mutex_t alice_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t bob_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_barrier_t step;
static long transfers, failures;

static void transfer(pthread_mutex_t *from, pthread_mutex_t *to)
{
	int round, refused;

	for (round = 0; round < ROUNDS; round++) {
		pthread_mutex_lock(from);
		pthread_barrier_wait(&step); /* both have one lock */
		refused = pthread_mutex_trylock(to);
		pthread_barrier_wait(&step); /* both have tried */
		pthread_mutex_unlock(from);
		pthread_barrier_wait(&step); /* both have backed off, and begin again */
		if (refused)
			__atomic_fetch_add(&failures, 1, __ATOMIC_RELAXED);
	}
	/* the cure: one order, from here on */
	pthread_mutex_lock(&alice_lock);
	pthread_mutex_lock(&bob_lock);
	transfers++;
	pthread_mutex_unlock(&bob_lock);
	pthread_mutex_unlock(&alice_lock);
}

static void *alice_to_bob(void *unused)
{
	(void)unused;
	pthread_setname_np(pthread_self(), "alice-to-bob");
	transfer(&alice_lock, &bob_lock);
	return NULL;
}

static void *bob_to_alice(void *unused)
{
	(void)unused;
	pthread_setname_np(pthread_self(), "bob-to-alice");
	transfer(&bob_lock, &alice_lock);
	return NULL;
}

static pthread_t start(void *(*clerk)(void *))
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, clerk, NULL) != 0) {
		fprintf(stderr, "livelock: cannot create a thread\n");
		exit(1);
	}
	return thread;
}

int main(void)
{
	pthread_t first, second;

	pthread_barrier_init(&step, NULL, 2);
	first = start(alice_to_bob);
	second = start(bob_to_alice);
	pthread_join(first, NULL);
	pthread_join(second, NULL);
	printf("%ld transfers, %ld failed tries\n", transfers, failures);
	return 0;
}
