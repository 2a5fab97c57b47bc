/*
 * trylock.c - one thread waits for lock_a; its holder tries lock_b for 300 ms
 * and then lets go: no deadlock
 */
#include "fixture.h"

static pthread_mutex_t lock_a = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t lock_b = PTHREAD_MUTEX_INITIALIZER;
static pthread_barrier_t meeting;

static void *wait_for_a(void *unused)
{
	(void)unused;
	named("waiter");
	pthread_mutex_lock(&lock_b);
	pthread_barrier_wait(&meeting);
	pthread_mutex_lock(&lock_a);
	dprintf(1, "got it\n");
	pthread_mutex_unlock(&lock_a);
	pthread_mutex_unlock(&lock_b);
	return NULL;
}

static void *try_b(void *unused)
{
	int i, refused = 0;

	(void)unused;
	named("trier");
	pthread_mutex_lock(&lock_a);
	pthread_barrier_wait(&meeting);
	for (i = 0; i < 60; i++) {
		refused += pthread_mutex_trylock(&lock_b) == EBUSY;
		pass_milliseconds(5);
	}
	dprintf(1, "refused %d times\n", refused);
	pthread_mutex_unlock(&lock_a);
	return NULL;
}

int main(void)
{
	pthread_t one, two;

	pthread_barrier_init(&meeting, NULL, 2);
	one = start(wait_for_a, NULL);
	two = start(try_b, NULL);
	pthread_join(one, NULL);
	pthread_join(two, NULL);
	return 0;
}
