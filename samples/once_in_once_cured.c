/*
 * once_in_once_cured.c - the cure of once_in_once.c: dependencies in one direction
 *
 * The clock no longer reports to the journal while it is being set up: the
 * initialisers form a tree, and a tree has no circle. The barrier has moved out
 * of them, for now one runs inside the other.
 *
 * Run it:   dlwatch run build/samples/once_in_once_cured
 * Expect:   no finding, exit status 0. One of the two threads may wait for the
 *           other for a moment: that is what pthread_once() is for.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

static pthread_once_t journal_once = PTHREAD_ONCE_INIT, clock_once = PTHREAD_ONCE_INIT;
static pthread_barrier_t meeting;
static long journal_lines, clock_ticks;

static void set_up_clock(void)
{
	clock_ticks = 1;
}

static void set_up_journal(void)
{
	pthread_once(&clock_once, set_up_clock);
	journal_lines = clock_ticks;
}

static void *write_journal(void *unused)
{
	(void)unused;
	pthread_setname_np(pthread_self(), "writer");
	pthread_barrier_wait(&meeting);
	pthread_once(&journal_once, set_up_journal);
	return NULL;
}

static void *read_clock(void *unused)
{
	(void)unused;
	pthread_setname_np(pthread_self(), "timer");
	pthread_barrier_wait(&meeting);
	pthread_once(&clock_once, set_up_clock);
	return NULL;
}

static pthread_t start(void *(*routine)(void *))
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, routine, NULL) != 0) {
		fprintf(stderr, "once_in_once_cured: cannot create a thread\n");
		exit(1);
	}
	return thread;
}

int main(void)
{
	pthread_t first, second;

	pthread_barrier_init(&meeting, NULL, 2);
	first = start(write_journal);
	second = start(read_clock);
	pthread_join(first, NULL);
	pthread_join(second, NULL);
	printf("%ld lines at %ld\n", journal_lines, clock_ticks);
	return 0;
}
