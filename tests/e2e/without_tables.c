/*
 * without_tables.c - two mutexes in two orders, by code that is built without
 * unwind tables, but with frame pointers; between its functions stands one of
 * the C library's, where it is the other way round
 */
#include "fixture.h"
#include <search.h>

static pthread_mutex_t lock_a = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t lock_b = PTHREAD_MUTEX_INITIALIZER;
static pthread_barrier_t meeting;

static int take_second(const void *lock, const void *unused)
{
	pthread_mutex_lock((pthread_mutex_t *)lock);
	return unused == NULL;
}

static __attribute__((noinline)) void take_by_way_of_libc(const pthread_mutex_t *lock)
{
	size_t count = 1;

	lfind(lock, "", &count, 1, take_second);
	require(count == 1, "count");
}

static void *take_a_then_b(void *unused)
{
	named("a-then-b");
	pthread_mutex_lock(&lock_a);
	pthread_barrier_wait(&meeting);
	closing();
	take_by_way_of_libc(&lock_b);
	return unused;
}

static void *take_b_then_a(void *unused)
{
	named("b-then-a");
	pthread_mutex_lock(&lock_b);
	pthread_barrier_wait(&meeting);
	closing();
	take_by_way_of_libc(&lock_a);
	return unused;
}

int main(void)
{
	pthread_t one, two;

	pthread_barrier_init(&meeting, NULL, 2);
	one = start(take_a_then_b, NULL);
	two = start(take_b_then_a, NULL);
	pthread_join(one, NULL);
	pthread_join(two, NULL);
	return 0;
}
