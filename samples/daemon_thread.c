/*
 * daemon_thread.c - a helper left waiting when the program ends
 *
 * A helper thread waits for work on a condition variable. The main thread has
 * none left and returns from main(), which ends the process with every thread
 * in it, whatever they wait for. That is no deadlock: nobody waits for the
 * helper. (In Python: threading.Thread(daemon=True).)
 *
 * Run it:   dlwatch run build/samples/daemon_thread
 * Expect:   no finding, exit status 0.
 * Compare:  joined_helper.c, where the main thread joins the helper first.
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
		fprintf(stderr, "daemon_thread: cannot create a thread\n");
		return 1;
	}
	pthread_barrier_wait(&ready);
	pthread_mutex_lock(&queue_lock); /* had as soon as the helper waits */
	pthread_mutex_unlock(&queue_lock);
	printf("done\n");
	return 0;
}
