/*
 * once_in_once.c - two initialisers that need each other
 *
 * pthread_once() runs an initialiser once, and makes everybody else wait until
 * it has finished. The initialiser of the journal needs the clock, that of the
 * clock writes to the journal. One thread asks for the journal first, another
 * one for the clock: each runs one initialiser and waits for the other. No lock
 * is named in this program, and it deadlocks like two_locks.c.
 *
 * Run it:   dlwatch run build/samples/once_in_once
 * Expect:   deadlock, proven; core of 2 threads: writer and timer, each of which
 *           holds a `once' (it runs the initialiser) and wants the other.
 * Look at:  the stacks: what is held was taken by pthread_once().
 * Cure:     once_in_once_cured.c
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

static pthread_once_t journal_once = PTHREAD_ONCE_INIT, clock_once = PTHREAD_ONCE_INIT;
static pthread_barrier_t meeting;
static long journal_lines, clock_ticks;

static void set_up_clock(void);

static void set_up_journal(void)
{
	pthread_barrier_wait(&meeting); /* now both initialisers are running */
	pthread_once(&clock_once, set_up_clock);
	journal_lines = clock_ticks;
}

static void set_up_clock(void)
{
	pthread_barrier_wait(&meeting);
	pthread_once(&journal_once, set_up_journal); /* to report that it has begun */
	clock_ticks = 1;
}

static void *write_journal(void *unused)
{
	(void)unused;
	pthread_setname_np(pthread_self(), "writer");
	pthread_once(&journal_once, set_up_journal);
	return NULL;
}

static void *read_clock(void *unused)
{
	(void)unused;
	pthread_setname_np(pthread_self(), "timer");
	pthread_once(&clock_once, set_up_clock);
	return NULL;
}

static pthread_t start(void *(*routine)(void *))
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, routine, NULL) != 0) {
		fprintf(stderr, "once_in_once: cannot create a thread\n");
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
