/*
 * barriers.c - threads that wait for each other at a barrier
 *
 *	locked   one waits at the barrier with a lock that the other needs on its
 *	         way there; both have been there before
 *	missing  three are expected, two exist
 *	rounds   nothing: many rounds, at barriers destroyed and made again
 */
#include "fixture.h"

static pthread_mutex_t lock_a = PTHREAD_MUTEX_INITIALIZER;
static pthread_barrier_t meeting, other;

static void *wait_with_lock(void *unused)
{
	(void)unused;
	named("waiter");
	pthread_barrier_wait(&meeting);
	pthread_mutex_lock(&lock_a);
	pthread_barrier_wait(&other);
	closing();
	pthread_barrier_wait(&meeting);
	pthread_mutex_unlock(&lock_a);
	return NULL;
}

static void *lock_and_wait(void *unused)
{
	(void)unused;
	named("locker");
	pthread_barrier_wait(&meeting);
	pthread_barrier_wait(&other);
	closing();
	pthread_mutex_lock(&lock_a);
	pthread_barrier_wait(&meeting);
	pthread_mutex_unlock(&lock_a);
	return NULL;
}

static void locked(void)
{
	pthread_t one, two;

	pthread_barrier_init(&meeting, NULL, 2);
	pthread_barrier_init(&other, NULL, 2);
	one = start(wait_with_lock, NULL);
	two = start(lock_and_wait, NULL);
	pthread_join(one, NULL);
	pthread_join(two, NULL);
}

static void *come(void *name)
{
	named(name);
	closing();
	pthread_barrier_wait(&meeting);
	return NULL;
}

static void missing(void)
{
	pthread_t one, two;

	pthread_barrier_init(&meeting, NULL, 3);
	one = start(come, "first");
	two = start(come, "second");
	pthread_join(one, NULL);
	pthread_join(two, NULL);
}

static int served;

static void *go_round(void *unused)
{
	int i;

	for (i = 0; i < 2000; i++)
		if (pthread_barrier_wait(&meeting) == PTHREAD_BARRIER_SERIAL_THREAD)
			__atomic_fetch_add(&served, 1, __ATOMIC_RELAXED);
	return unused;
}

static void rounds(void)
{
	pthread_t threads[4];
	int i, k;

	for (k = 0; k < 3; k++) {
		pthread_barrier_init(&meeting, NULL, 4);
		for (i = 0; i < 4; i++)
			threads[i] = start(go_round, NULL);
		for (i = 0; i < 4; i++)
			pthread_join(threads[i], NULL);
		pthread_barrier_destroy(&meeting);
	}
	dprintf(1, "served %d\n", served);
}

int main(int count, char **arguments)
{
	const char *word = count > 1 ? arguments[1] : "";

	if (strcmp(word, "locked") == 0)
		locked();
	else if (strcmp(word, "missing") == 0)
		missing();
	else
		rounds();
	return 0;
}
