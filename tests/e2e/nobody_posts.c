/*
 * nobody_posts.c - a semaphore that nobody ever posted, and everybody waits:
 * the whole program has stopped
 */
#include "fixture.h"

static sem_t start_signal;

static void *wait_for_start(void *unused)
{
	(void)unused;
	named("runner");
	closing();
	sem_wait(&start_signal);
	return NULL;
}

int main(void)
{
	pthread_t runner;

	sem_init(&start_signal, 0, 0);
	runner = start(wait_for_start, NULL);
	pthread_join(runner, NULL); /* the post was forgotten */
	return 0;
}
