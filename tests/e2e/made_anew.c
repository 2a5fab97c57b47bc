/*
 * made_anew.c - a thread uses a semaphore, and when it is gone the first thread
 * makes another one in its place
 */
#include "fixture.h"

#define OTHERS 16

static sem_t semaphore, others[OTHERS];
static pthread_mutex_t own = PTHREAD_MUTEX_INITIALIZER;

static void *use_it(void *unused)
{
	sem_wait(&semaphore);
	sem_post(&semaphore);
	return unused;
}

static void use_others(void)
{
	int i;

	for (i = 0; i < OTHERS; i++) {
		sem_init(&others[i], 0, 1);
		sem_wait(&others[i]);
		sem_post(&others[i]);
	}
}

int main(void)
{
	pthread_mutex_lock(&own); /* the first thread is recorded first */
	pthread_mutex_unlock(&own);
	sem_init(&semaphore, 0, 1);
	pthread_join(start(use_it, NULL), NULL);
	sem_init(&semaphore, 0, 2);
	use_it(NULL);
	use_others();
	use_it(NULL);
	return 0;
}
