/*
 * onces.c - routines that run once
 *
 *	self    a routine that asks for itself
 *	locked  a routine that needs a lock whose holder waits for the routine
 *	clean   a routine left by cancellation and run again by another thread, one
 *	        that others wait for, one inside another
 */
#include <threads.h>

#include "fixture.h"

static pthread_mutex_t lock_a = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once_a = PTHREAD_ONCE_INIT, once_b = PTHREAD_ONCE_INIT;
static once_flag once_c = ONCE_FLAG_INIT;
static pthread_barrier_t meeting;
static int runs;

static void ask_again(void)
{
	closing();
	pthread_once(&once_a, ask_again);
}

static void set_up(void)
{
	pthread_barrier_wait(&meeting);
	closing();
	pthread_mutex_lock(&lock_a);
	pthread_mutex_unlock(&lock_a);
}

static void *run_it(void *unused)
{
	(void)unused;
	named("runner");
	pthread_once(&once_a, set_up);
	return NULL;
}

static void *wait_for_it(void *unused)
{
	(void)unused;
	named("waiter");
	pthread_mutex_lock(&lock_a);
	pthread_barrier_wait(&meeting);
	closing();
	pthread_once(&once_a, set_up);
	pthread_mutex_unlock(&lock_a);
	return NULL;
}

static void locked(void)
{
	pthread_t one, two;

	pthread_barrier_init(&meeting, NULL, 2);
	one = start(run_it, NULL);
	two = start(wait_for_it, NULL);
	pthread_join(one, NULL);
	pthread_join(two, NULL);
}

static void inner(void)
{
	runs++;
}

static void take_long(void)
{
	runs++;
	if (runs == 1) {
		pthread_barrier_wait(&meeting);
		for (;;)
			pass_milliseconds(1000); /* until cancelled */
	}
	pthread_barrier_wait(&meeting);
	pass_milliseconds(200);
	pthread_once(&once_b, inner);
	call_once(&once_c, inner);
}

static void *begin_it(void *unused)
{
	pthread_once(&once_a, take_long);
	return unused;
}

static void clean(void)
{
	pthread_t first, others[3];
	int i;

	pthread_barrier_init(&meeting, NULL, 2);
	first = start(begin_it, NULL);
	pthread_barrier_wait(&meeting);
	for (i = 0; i < 3; i++)
		others[i] = start(begin_it, NULL);
	pass_milliseconds(200);
	pthread_cancel(first);
	pthread_join(first, NULL);
	pthread_barrier_wait(&meeting);
	for (i = 0; i < 3; i++)
		pthread_join(others[i], NULL);
	for (i = 0; i < 1000; i++)
		pthread_once(&once_a, take_long);
	dprintf(1, "runs %d\n", runs);
}

int main(int count, char **arguments)
{
	const char *word = count > 1 ? arguments[1] : "";

	if (strcmp(word, "self") == 0)
		pthread_once(&once_a, ask_again);
	else if (strcmp(word, "locked") == 0)
		locked();
	else
		clean();
	return 0;
}
