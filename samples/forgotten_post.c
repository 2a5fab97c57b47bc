/*
 * forgotten_post.c - everybody waits for a signal that nobody will give
 *
 * Two runners wait for the start signal, a semaphore. The main thread should
 * give it and then wait for the runners to arrive; the two lines that post it
 * are missing. No lock is held by anybody: this is a lost signal, not two
 * locks in two orders.
 *
 * Who could post a semaphore that nobody has posted yet? Any thread of the
 * program that can still run. dlwatch looks whether there is one, and says
 * after a second (stall_ms) that there is none.
 *
 * Run it:   dlwatch run build/samples/forgotten_post
 * Expect:   deadlock, stalled (the whole program has stopped); core of 3
 *           threads: both runners and the main thread.
 * Look at:  the verdict, and the circular wait: the runners wait for the main
 *           thread, which waits for them.
 * Cure:     forgotten_post_cured.c
 */
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>

#define RUNNERS 2

static sem_t start_signal;

static void *run(void *argument)
{
	char name[16];

	snprintf(name, sizeof(name), "runner-%ld", (long)argument);
	pthread_setname_np(pthread_self(), name);
	sem_wait(&start_signal);
	return NULL;
}

int main(void)
{
	pthread_t runners[RUNNERS];
	long i;

	sem_init(&start_signal, 0, 0);
	for (i = 0; i < RUNNERS; i++) {
		if (pthread_create(&runners[i], NULL, run, (void *)i) != 0) {
			fprintf(stderr, "forgotten_post: cannot create a thread\n");
			return 1;
		}
	}
	for (i = 0; i < RUNNERS; i++)
		pthread_join(runners[i], NULL);
	printf("%d runners have arrived\n", RUNNERS);
	return 0;
}
