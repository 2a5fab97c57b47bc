/*
 * join_while_holding.c - waiting for a thread that waits for your lock
 *
 * The main thread locks the result, starts a worker and joins it. The worker
 * needs the lock to store what it has found, and cannot end before. Joining is
 * waiting, too: a thread "holds" its own end until it returns.
 *
 * Run it:   dlwatch run build/samples/join_while_holding
 * Expect:   deadlock, proven; core of 2 threads: the main thread and worker.
 * Look at:  one edge of the cycle is a lock, the other one a thread.
 * Cure:     join_while_holding_cured.c
 */
#include <pthread.h>
#include <stdio.h>

static pthread_mutex_t result_lock = PTHREAD_MUTEX_INITIALIZER;
static long result;

static void *work(void *unused)
{
	(void)unused;
	pthread_setname_np(pthread_self(), "worker");
	pthread_mutex_lock(&result_lock);
	result += 42;
	pthread_mutex_unlock(&result_lock);
	return NULL;
}

int main(void)
{
	pthread_t worker;

	pthread_mutex_lock(&result_lock);
	result = 0;
	if (pthread_create(&worker, NULL, work, NULL) != 0) {
		fprintf(stderr, "join_while_holding: cannot create a thread\n");
		return 1;
	}
	pthread_join(worker, NULL); /* with the lock in hand */
	pthread_mutex_unlock(&result_lock);
	printf("the result is %ld\n", result);
	return 0;
}
