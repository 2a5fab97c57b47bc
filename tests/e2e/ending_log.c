/*
 * ending_log.c - threads that lock all the time, and as much in a signal handler
 *
 * Where a log has an end, that comes to some of them in the handler, in the middle
 * of a call that has begun to log.
 */
#include "fixture.h"
#include <signal.h>
#include <stdatomic.h>

#define THREADS 400
#define EVERY_NS 200000
#define IN_HANDLER 800

static __thread pthread_mutex_t own = PTHREAD_MUTEX_INITIALIZER;
static __thread pthread_mutex_t handlers = PTHREAD_MUTEX_INITIALIZER;
static _Atomic bool enough;

static void lock_and_unlock(pthread_mutex_t *mutex)
{
	pthread_mutex_lock(mutex);
	pthread_mutex_unlock(mutex);
}

static void lock_often(int number)
{
	int i;

	(void)number;
	/* or on a slow machine the next signal is always there before this one is dealt with */
	for (i = 0; i < IN_HANDLER && !enough; i++)
		lock_and_unlock(&handlers);
}

static void *run(void *unused)
{
	struct itimerspec often = { { 0, EVERY_NS }, { 0, EVERY_NS } };
	struct sigevent event = { .sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGUSR1 };
	timer_t timer;

	event._sigev_un._tid = (pid_t)syscall(SYS_gettid);
	require(timer_create(CLOCK_THREAD_CPUTIME_ID, &event, &timer) == 0, "timer_create");
	require(timer_settime(timer, 0, &often, NULL) == 0, "timer_settime");
	while (!enough)
		lock_and_unlock(&own);
	timer_delete(timer);
	return unused;
}

int main(void)
{
	struct sigaction action = { .sa_handler = lock_often, .sa_flags = SA_RESTART };
	pthread_t threads[THREADS];
	int i;

	sigaction(SIGUSR1, &action, NULL);
	for (i = 0; i < THREADS; i++)
		threads[i] = start(run, NULL);
	pass_milliseconds(1000);
	enough = true;
	for (i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	puts("over");
	return 0;
}
