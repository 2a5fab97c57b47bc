/*
 * stranger_unlock.c - a normal mutex used as a signal: locked by one thread,
 * unlocked by another. After that, waiting on a mutex that one has locked
 * oneself is no self-deadlock: the stranger unlocks it 400 ms later
 */
#include "fixture.h"

static pthread_mutex_t signal_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_barrier_t meeting;

static void *unlock_it(void *unused)
{
	(void)unused;
	named("stranger");
	pthread_barrier_wait(&meeting);
	pthread_mutex_unlock(&signal_lock);
	pthread_barrier_wait(&meeting);
	pass_milliseconds(400);
	pthread_mutex_unlock(&signal_lock);
	return NULL;
}

int main(void)
{
	pthread_t stranger;

	pthread_barrier_init(&meeting, NULL, 2);
	stranger = start(unlock_it, NULL);
	pthread_mutex_lock(&signal_lock);
	pthread_barrier_wait(&meeting);
	pthread_barrier_wait(&meeting); /* unlocked by the stranger */
	pthread_mutex_lock(&signal_lock);
	pthread_mutex_lock(&signal_lock); /* waits for the stranger */
	dprintf(1, "signalled\n");
	pthread_join(stranger, NULL);
	return 0;
}
