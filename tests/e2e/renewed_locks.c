/*
 * renewed_locks.c CASE ROUNDS - two locks that come and go, and are taken in both orders
 *
 * In each round one thread takes x and in it y, and makes both anew before the other
 * takes y and in it x: those are other locks. Whose turn it is a variable says,
 * which orders nothing.
 *
 *	apart     that is all
 *	together  once more at the end, without making them anew in between
 *	deadlock  the same, both at once
 */
#include <stdatomic.h>

#include "fixture.h"

static pthread_mutex_t x, y;
static _Atomic int turn;
static int rounds;
static const char *which;

static void wait_for_turn(int number)
{
	while (atomic_load(&turn) != number)
		sched_yield();
}

static void both(pthread_mutex_t *outer, pthread_mutex_t *inner)
{
	pthread_mutex_lock(outer);
	pthread_mutex_lock(inner);
	pthread_mutex_unlock(inner);
	pthread_mutex_unlock(outer);
}

static void both_at_once(pthread_mutex_t *outer, pthread_mutex_t *inner)
{
	pthread_mutex_lock(outer);
	atomic_fetch_add(&turn, 1);
	while (atomic_load(&turn) < 2 * rounds + 2)
		sched_yield();
	pass_milliseconds(20);
	closing();
	pthread_mutex_lock(inner);
}

static void renew(int round)
{
	if (round) {
		pthread_mutex_destroy(&x);
		pthread_mutex_destroy(&y);
	}
	pthread_mutex_init(&x, NULL);
	pthread_mutex_init(&y, NULL);
}

static void *x_y(void *unused)
{
	int round;

	named("x-then-y");
	for (round = 0; round < rounds; round++) {
		renew(2 * round);
		both(&x, &y);
		renew(2 * round + 1);
		atomic_store(&turn, 2 * round + 1);
		wait_for_turn(2 * round + 2);
	}
	if (!strcmp(which, "apart"))
		return unused;
	renew(round);
	if (!strcmp(which, "deadlock"))
		both_at_once(&x, &y);
	both(&x, &y);
	atomic_store(&turn, 2 * rounds + 1);
	return unused;
}

static void *y_x(void *unused)
{
	int round;

	named("y-then-x");
	for (round = 0; round < rounds; round++) {
		wait_for_turn(2 * round + 1);
		both(&y, &x);
		atomic_store(&turn, 2 * round + 2);
	}
	if (!strcmp(which, "apart"))
		return unused;
	wait_for_turn(2 * rounds + 1);
	if (!strcmp(which, "deadlock"))
		both_at_once(&y, &x);
	both(&y, &x);
	return unused;
}

int main(int argc, char **argv)
{
	pthread_t threads[2];

	require(argc == 3, "arguments");
	which = argv[1];
	rounds = atoi(argv[2]);
	threads[0] = start(x_y, NULL);
	threads[1] = start(y_x, NULL);
	pthread_join(threads[0], NULL);
	pthread_join(threads[1], NULL);
	return 0;
}
