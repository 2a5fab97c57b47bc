/*
 * c11_threads.c - AB-BA with <threads.h>, whose functions do not go through the
 * pthread names inside the C library
 */
#include "fixture.h"
#include <threads.h>

static mtx_t lock_a, lock_b;
static pthread_barrier_t meeting;

static int take_a_then_b(void *unused)
{
	(void)unused;
	named("a-then-b");
	mtx_lock(&lock_a);
	pthread_barrier_wait(&meeting);
	closing();
	mtx_lock(&lock_b);
	return 0;
}

static int take_b_then_a(void *unused)
{
	(void)unused;
	named("b-then-a");
	mtx_lock(&lock_b);
	pthread_barrier_wait(&meeting);
	closing();
	mtx_lock(&lock_a);
	return 0;
}

int main(void)
{
	thrd_t one, two;

	mtx_init(&lock_a, mtx_plain);
	mtx_init(&lock_b, mtx_plain);
	pthread_barrier_init(&meeting, NULL, 2);
	require(thrd_create(&one, take_a_then_b, NULL) == thrd_success, "thrd_create");
	require(thrd_create(&two, take_b_then_a, NULL) == thrd_success, "thrd_create");
	thrd_join(one, NULL);
	thrd_join(two, NULL);
	return 0;
}
