/*
 * joined_helper.c - the same helper, and somebody who waits for it
 *
 * daemon_thread.c with one line more: the main thread joins the helper. Now the
 * helper waits for work, and the only one who could bring some waits for the
 * helper. Nobody holds a lock, and the whole program has stopped.
 *
 * Run it:   dlwatch run build/samples/joined_helper
 * Expect:   deadlock, stalled, after a second; core of 2 threads: the helper and
 *           the main thread.
 * Look at:  the verdict: who ought to signal the condition is not known, but
 *           everybody who could is waiting.
 * Cure:     tell the helper to stop (a flag, and a signal) before joining it; or
 *           do not join it: daemon_thread.c
 */
#include <pthread.h>
#include <stdio.h>

static pthread_mutex_t queue_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t work_came = PTHREAD_COND_INITIALIZER;
static pthread_barrier_t ready;
static long queued;

static void *help(void *unused)
{
	(void)unused;
	pthread_setname_np(pthread_self(), "helper");
	pthread_mutex_lock(&queue_lock);
	pthread_barrier_wait(&ready);
	for (;;) {
		while (!queued)
			pthread_cond_wait(&work_came, &queue_lock);
		queued--;
	}
	return NULL;
}

int main(void)
{
	pthread_t helper;

	pthread_barrier_init(&ready, NULL, 2);
	if (pthread_create(&helper, NULL, help, NULL) != 0) {
		fprintf(stderr, "joined_helper: cannot create a thread\n");
		return 1;
	}
	pthread_barrier_wait(&ready);
	pthread_mutex_lock(&queue_lock); /* had as soon as the helper waits */
	pthread_mutex_unlock(&queue_lock);
	pthread_join(helper, NULL); /* which nobody has told to stop */
	printf("done\n");
	return 0;
}
