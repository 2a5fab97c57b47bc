/*
 * detached.c - AB-BA between detached threads; nobody is stuck behind them, and
 * the main thread sleeps in a call that dlwatch does not watch
 */
#include "fixture.h"

static pthread_mutex_t lock_a = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t lock_b = PTHREAD_MUTEX_INITIALIZER;
static pthread_barrier_t meeting;

static void *take_a_then_b(void *unused)
{
	(void)unused;
	named("a-then-b");
	pthread_mutex_lock(&lock_a);
	pthread_barrier_wait(&meeting);
	closing();
	pthread_mutex_lock(&lock_b);
	return NULL;
}

static void *take_b_then_a(void *unused)
{
	(void)unused;
	named("b-then-a");
	pthread_mutex_lock(&lock_b);
	pthread_barrier_wait(&meeting);
	closing();
	pthread_mutex_lock(&lock_a);
	return NULL;
}

int main(void)
{
	pthread_barrier_init(&meeting, NULL, 2);
	pthread_detach(start(take_a_then_b, NULL));
	pthread_detach(start(take_b_then_a, NULL));
	for (;;)
		pause();
}
