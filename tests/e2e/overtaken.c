/*
 * overtaken.c - a ring of three, where two found their second lock free when
 * the shim looked, and taken when the C library did
 */
#include "fixture.h"
#include "libgate.h"

static pthread_mutex_t lock_a = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t lock_b = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t lock_c = PTHREAD_MUTEX_INITIALIZER;
static int first_at_gate, second_at_gate;

static void wait_for(const int *arrived)
{
	while (!__atomic_load_n(arrived, __ATOMIC_ACQUIRE))
		sched_yield();
}

static __attribute__((noinline)) void nest(pthread_mutex_t *outer, pthread_mutex_t *inner,
					   int *arrived)
{
	pthread_mutex_lock(outer);
	if (arrived)
		gate_arm(inner, arrived);
	closing();
	pthread_mutex_lock(inner);
	pthread_mutex_unlock(inner);
	pthread_mutex_unlock(outer);
}

/*
 * The shim takes its short way at sites that it has seen: the first round, with
 * locks that nobody else has.
 */
static void twice(pthread_mutex_t *outer, pthread_mutex_t *inner, int *arrived)
{
	pthread_mutex_t locks[2] = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER };
	volatile int round; /* one call, not one a round */

	for (round = 0; round < 2; round++)
		nest(round ? outer : &locks[0], round ? inner : &locks[1], round ? arrived : NULL);
}

static void *take_a_then_b(void *unused)
{
	(void)unused;
	named("a-then-b");
	twice(&lock_a, &lock_b, &first_at_gate);
	return NULL;
}

static void *take_b_then_c(void *unused)
{
	(void)unused;
	named("b-then-c");
	wait_for(&first_at_gate);
	twice(&lock_b, &lock_c, &second_at_gate);
	return NULL;
}

static void *take_c_then_a(void *unused)
{
	(void)unused;
	named("c-then-a");
	wait_for(&second_at_gate);
	pthread_mutex_lock(&lock_c);
	gate_open();
	closing();
	pthread_mutex_lock(&lock_a);
	return NULL;
}

int main(void)
{
	pthread_t threads[3];
	int i;

	threads[0] = start(take_a_then_b, NULL);
	threads[1] = start(take_b_then_c, NULL);
	threads[2] = start(take_c_then_a, NULL);
	for (i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	return 0;
}
