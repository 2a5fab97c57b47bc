/*
 * timed_cycle.c - a cycle that stands for 400 ms, eight looks of the watcher,
 * until the timed wait in it gives up: no deadlock
 */
#include "fixture.h"

static pthread_mutex_t lock_a = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t lock_b = PTHREAD_MUTEX_INITIALIZER;
static pthread_barrier_t meeting;

static void *patient(void *unused)
{
	(void)unused;
	named("patient");
	pthread_mutex_lock(&lock_a);
	pthread_barrier_wait(&meeting);
	dprintf(1, "patient: %s\n", strerror(pthread_mutex_lock(&lock_b)));
	pthread_mutex_unlock(&lock_b);
	pthread_mutex_unlock(&lock_a);
	return NULL;
}

static void *impatient(void *unused)
{
	struct timespec until;

	(void)unused;
	named("impatient");
	pthread_mutex_lock(&lock_b);
	pthread_barrier_wait(&meeting);
	until = milliseconds_from_now(400);
	dprintf(1, "impatient: %s\n", strerror(pthread_mutex_timedlock(&lock_a, &until)));
	pthread_mutex_unlock(&lock_b);
	return NULL;
}

int main(void)
{
	pthread_t one, two;

	pthread_barrier_init(&meeting, NULL, 2);
	one = start(patient, NULL);
	two = start(impatient, NULL);
	pthread_join(one, NULL);
	pthread_join(two, NULL);
	return 0;
}
