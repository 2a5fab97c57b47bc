/*
 * forgotten_post_cured.c - the cure of forgotten_post.c: give the signal
 *
 * One post for each runner, before the main thread begins to wait for them.
 *
 * Run it:   dlwatch run build/samples/forgotten_post_cured
 * Expect:   no finding, exit status 0.
 * Look at:  the two new lines in main().
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
			fprintf(stderr, "forgotten_post_cured: cannot create a thread\n");
			return 1;
		}
	}
	for (i = 0; i < RUNNERS; i++)
		sem_post(&start_signal);
	for (i = 0; i < RUNNERS; i++)
		pthread_join(runners[i], NULL);
	printf("%d runners have arrived\n", RUNNERS);
	return 0;
}
