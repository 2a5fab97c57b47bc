/*
 * churn.c - AB-BA while other threads come and go all the time
 */
#include "fixture.h"

static pthread_mutex_t lock_a = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t lock_b = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t lock_c = PTHREAD_MUTEX_INITIALIZER;
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

static void *short_lived(void *unused)
{
	(void)unused;
	named("short-lived");
	pthread_mutex_lock(&lock_c);
	pthread_mutex_unlock(&lock_c);
	return NULL;
}

int main(void)
{
	pthread_barrier_init(&meeting, NULL, 2);
	start(take_a_then_b, NULL);
	start(take_b_then_a, NULL);
	for (;;) {
		pthread_t one = start(short_lived, NULL), two = start(short_lived, NULL);

		pthread_join(one, NULL);
		pthread_join(two, NULL);
	}
}
