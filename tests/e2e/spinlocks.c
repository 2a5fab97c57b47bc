/*
 * spinlocks.c - two spinlocks, one deadlock a word
 *
 *	pair   in two orders: both threads burn a processor
 *	self   taken again by its holder
 *	left   as pair, but one thread leaves the wait by siglongjmp() when an alarm
 *	       tells it to, computes on without a call, and lets the other go
 */
#include <setjmp.h>
#include <signal.h>

#include "fixture.h"

static pthread_spinlock_t lock_a, lock_b;
static pthread_barrier_t meeting;
static sigjmp_buf way_out;
static bool leaves;

static void leave(int number)
{
	(void)number;
	siglongjmp(way_out, 1);
}

static void *take_a_then_b(void *unused)
{
	(void)unused;
	named("a-then-b");
	pthread_spin_lock(&lock_a);
	pthread_barrier_wait(&meeting);
	closing();
	pthread_spin_lock(&lock_b);
	pthread_spin_unlock(&lock_b);
	pthread_spin_unlock(&lock_a);
	return NULL;
}

/* Between two looks of the watcher, most likely: the thread is in the wait by then. */
static void alarm_in_milliseconds(long milliseconds)
{
	struct sigevent event = { .sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGUSR1 };
	struct itimerspec when = { .it_value.tv_nsec = milliseconds * 1000000 };
	timer_t timer;

	event._sigev_un._tid = gettid();
	signal(SIGUSR1, leave);
	require(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0, "timer_create");
	timer_settime(timer, 0, &when, NULL);
}

static void compute(void)
{
	struct timespec from, now;

	clock_gettime(CLOCK_MONOTONIC, &from);
	do
		clock_gettime(CLOCK_MONOTONIC, &now);
	while (now.tv_sec - from.tv_sec < 1);
}

static void *take_b_then_a(void *unused)
{
	(void)unused;
	named("b-then-a");
	pthread_spin_lock(&lock_b);
	pthread_barrier_wait(&meeting);
	closing();
	if (sigsetjmp(way_out, 1)) {
		compute();
	} else {
		if (leaves)
			alarm_in_milliseconds(30);
		pthread_spin_lock(&lock_a);
		pthread_spin_unlock(&lock_a);
	}
	pthread_spin_unlock(&lock_b);
	return NULL;
}

static void meet(void)
{
	pthread_t one, two;

	pthread_barrier_init(&meeting, NULL, 2);
	one = start(take_a_then_b, NULL);
	two = start(take_b_then_a, NULL);
	pthread_join(one, NULL);
	pthread_join(two, NULL);
}

static void take_again(void)
{
	pthread_spin_lock(&lock_a);
	closing();
	pthread_spin_lock(&lock_a);
}

int main(int count, char **arguments)
{
	const char *word = count > 1 ? arguments[1] : "";

	pthread_spin_init(&lock_a, PTHREAD_PROCESS_PRIVATE);
	pthread_spin_init(&lock_b, PTHREAD_PROCESS_PRIVATE);
	leaves = strcmp(word, "left") == 0;
	if (strcmp(word, "self") == 0)
		take_again();
	else
		meet();
	dprintf(1, "over\n");
	return 0;
}
