/*
 * clean.c [ROUNDS] - a clean program with a few threads, locks and a semaphore;
 * writes to both streams and leaves with status 7
 */
#include "fixture.h"

static pthread_mutex_t lock_a = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t lock_b = PTHREAD_MUTEX_INITIALIZER;
static sem_t done;
static long total, rounds = 100;

static void *work(void *unused)
{
	long i;

	(void)unused;
	named("worker");
	for (i = 0; i < rounds; i++) {
		pthread_mutex_lock(&lock_a);
		pthread_mutex_lock(&lock_b);
		total++;
		pthread_mutex_unlock(&lock_b);
		pthread_mutex_unlock(&lock_a);
	}
	sem_post(&done);
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t workers[3];
	int i;

	if (argc > 1)
		rounds = strtol(argv[1], NULL, 10);
	sem_init(&done, 0, 0);
	for (i = 0; i < 3; i++)
		workers[i] = start(work, NULL);
	for (i = 0; i < 3; i++)
		sem_wait(&done);
	for (i = 0; i < 3; i++)
		pthread_join(workers[i], NULL);
	dprintf(1, "total %ld\n", total);
	dprintf(2, "to standard error\n");
	return 7;
}
