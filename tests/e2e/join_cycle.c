/*
 * join_cycle.c - three threads join each other in a ring (of two, the C library
 * would notice); the main thread waits for a lock that one of them holds
 */
#include "fixture.h"

static pthread_mutex_t kept_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_barrier_t meeting;
static pthread_t ring[3];

static void *join_next(void *argument)
{
	long place = (long)argument;
	char name[16];

	snprintf(name, sizeof(name), "joiner-%ld", place);
	named(name);
	if (place == 0)
		pthread_mutex_lock(&kept_lock);
	pthread_barrier_wait(&meeting);
	closing();
	pthread_join(ring[(place + 1) % 3], NULL);
	return NULL;
}

int main(void)
{
	long i;

	pthread_barrier_init(&meeting, NULL, 4);
	for (i = 0; i < 3; i++)
		ring[i] = start(join_next, (void *)i);
	pthread_barrier_wait(&meeting);
	closing();
	pthread_mutex_lock(&kept_lock);
	return 0;
}
