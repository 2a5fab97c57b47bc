/*
 * join_while_holding_cured.c - the cure of join_while_holding.c: unlock, then
 * join
 *
 * Nothing is held while the main thread waits for the worker's end. A good
 * rule for every call that waits for another thread: join, a condition
 * variable of somebody else, a full queue.
 *
 * Run it:   dlwatch run build/samples/join_while_holding_cured
 * Expect:   no finding, exit status 0.
 * Look at:  the order of the last two calls.
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
		fprintf(stderr, "join_while_holding_cured: cannot create a thread\n");
		return 1;
	}
	pthread_mutex_unlock(&result_lock);
	pthread_join(worker, NULL);
	printf("the result is %ld\n", result);
	return 0;
}
