/*
 * many_holds.c - AB-BA by a thread that holds 300 more locks
 */
#include "fixture.h"

#define MORE 300

static pthread_mutex_t shelf[MORE];
static pthread_mutex_t lock_a = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t lock_b = PTHREAD_MUTEX_INITIALIZER;
static pthread_barrier_t meeting;

static void *take_a_then_b(void *unused)
{
	int i;

	(void)unused;
	named("a-then-b");
	for (i = 0; i < MORE; i++)
		pthread_mutex_lock(&shelf[i]);
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
	pthread_t one, two;
	int i;

	for (i = 0; i < MORE; i++)
		pthread_mutex_init(&shelf[i], NULL);
	pthread_barrier_init(&meeting, NULL, 2);
	one = start(take_a_then_b, NULL);
	two = start(take_b_then_a, NULL);
	pthread_join(one, NULL);
	pthread_join(two, NULL);
	return 0;
}
