/*
 * orphan.c - a thread ends with a lock in hand; the one that wants it waits for
 * ever, for nobody
 */
#include "fixture.h"

static pthread_mutex_t lost_lock = PTHREAD_MUTEX_INITIALIZER;

static void *leave_it_locked(void *unused)
{
	(void)unused;
	named("leaver");
	pthread_mutex_lock(&lost_lock);
	return NULL;
}

static void *want_it(void *unused)
{
	(void)unused;
	named("waiter");
	closing();
	pthread_mutex_lock(&lost_lock);
	return NULL;
}

int main(void)
{
	pthread_join(start(leave_it_locked, NULL), NULL);
	pthread_join(start(want_it, NULL), NULL);
	return 0;
}
