/*
 * cond_mutex.c - a nested monitor: the waiter sleeps on a condition with an
 * outer lock in hand, and the only thread that ever signalled it needs that
 * lock
 */
#include "fixture.h"

static pthread_mutex_t outer_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t inner_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static pthread_barrier_t meeting;
static int rounds;

static void wait_for_round(int round)
{
	pthread_mutex_lock(&inner_lock);
	while (rounds < round)
		pthread_cond_wait(&changed, &inner_lock);
	pthread_mutex_unlock(&inner_lock);
}

static void *wait_nested(void *unused)
{
	(void)unused;
	named("waiter");
	wait_for_round(1);
	pthread_mutex_lock(&outer_lock);
	pthread_barrier_wait(&meeting);
	closing();
	wait_for_round(2);
	pthread_mutex_unlock(&outer_lock);
	return NULL;
}

static void next_round(void)
{
	pthread_mutex_lock(&inner_lock);
	rounds++;
	pthread_cond_signal(&changed);
	pthread_mutex_unlock(&inner_lock);
}

static void *signal_nested(void *unused)
{
	(void)unused;
	named("signaller");
	next_round();
	pthread_barrier_wait(&meeting);
	closing();
	pthread_mutex_lock(&outer_lock);
	next_round();
	pthread_mutex_unlock(&outer_lock);
	return NULL;
}

int main(void)
{
	pthread_t one, two;

	pthread_barrier_init(&meeting, NULL, 2);
	one = start(wait_nested, NULL);
	two = start(signal_nested, NULL);
	pthread_join(one, NULL);
	pthread_join(two, NULL);
	return 0;
}
