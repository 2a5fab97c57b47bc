/*
 * abba.c - two normal mutexes in two orders; a lock that fails is said, and
 * the program goes on (on_deadlock=break)
 */
#include "fixture.h"

static pthread_mutex_t lock_a = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t lock_b = PTHREAD_MUTEX_INITIALIZER;
static pthread_barrier_t meeting;

static void take_second(pthread_mutex_t *lock)
{
	int error = pthread_mutex_lock(lock);

	if (error == 0)
		pthread_mutex_unlock(lock);
	else
		dprintf(1, "broken: %s\n", strerror(error));
}

static void *take_a_then_b(void *unused)
{
	(void)unused;
	named("a-then-b");
	pthread_mutex_lock(&lock_a);
	pthread_barrier_wait(&meeting);
	closing();
	take_second(&lock_b);
	pthread_mutex_unlock(&lock_a);
	return NULL;
}

static void *take_b_then_a(void *unused)
{
	(void)unused;
	named("b-then-a");
	pthread_mutex_lock(&lock_b);
	pthread_barrier_wait(&meeting);
	closing();
	take_second(&lock_a);
	pthread_mutex_unlock(&lock_b);
	return NULL;
}

int main(void)
{
	pthread_t one, two;

	pthread_barrier_init(&meeting, NULL, 2);
	one = start(take_a_then_b, NULL);
	two = start(take_b_then_a, NULL);
	pthread_join(one, NULL);
	pthread_join(two, NULL);
	dprintf(1, "over\n");
	return 0;
}
