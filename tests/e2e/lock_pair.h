/*
 * lock_pair.h - the deadlock of two threads that take two mutexes in two
 * orders, for fixtures that show it in various surroundings
 */
#ifndef DLW_E2E_LOCK_PAIR_H
#define DLW_E2E_LOCK_PAIR_H

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

/* Two threads: @first comes to take_a_then_b(), the other one takes b, then a. */
static inline void start_pair(void *(*first)(void *), pthread_t threads[2])
{
	pthread_barrier_init(&meeting, NULL, 2);
	threads[0] = start(first, NULL);
	threads[1] = start(take_b_then_a, NULL);
}

/* The main thread waits for both; never returns. */
static inline int join_pair(void *(*first)(void *))
{
	pthread_t threads[2];

	start_pair(first, threads);
	pthread_join(threads[0], NULL);
	pthread_join(threads[1], NULL);
	return 0;
}

/* The caller is the one that takes b, then a; never returns. */
static inline void lock_each_other_out(void)
{
	pthread_t other;

	pthread_barrier_init(&meeting, NULL, 2);
	other = start(take_a_then_b, NULL);
	take_b_then_a(NULL);
	pthread_join(other, NULL);
}

#endif
