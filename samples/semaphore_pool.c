/*
 * semaphore_pool.c - a pool used up by threads that each need one more
 *
 * Three buffers, three copiers; a copier needs two buffers. If each takes one
 * and then asks for the second, the pool is empty and everybody keeps what
 * everybody needs. There is one semaphore only, and still a deadlock: what
 * counts is permits, not objects.
 *
 * A semaphore has no owner. In the first round each copier gives back the
 * permit that it took; from that dlwatch knows who will post.
 *
 * Run it:   dlwatch run build/samples/semaphore_pool
 * Expect:   deadlock, likely; core of 3 threads: copier-0, copier-1, copier-2.
 *           Stuck behind it: the main thread.
 * Look at:  every thread of the core holds one permit of `pool` and wants one.
 * Cure:     semaphore_pool_cured.c
 */
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>

#define COPIERS 3

static sem_t pool;
static pthread_barrier_t meeting;

static void *copy(void *argument)
{
	char name[16];

	snprintf(name, sizeof(name), "copier-%ld", (long)argument);
	pthread_setname_np(pthread_self(), name);

	sem_wait(&pool); /* first round: one buffer is enough */
	sem_post(&pool);

	pthread_barrier_wait(&meeting);
	sem_wait(&pool);
	pthread_barrier_wait(&meeting); /* now the pool is empty */
	sem_wait(&pool);
	sem_post(&pool);
	sem_post(&pool);
	return NULL;
}

int main(void)
{
	pthread_t copiers[COPIERS];
	long i;

	sem_init(&pool, 0, COPIERS);
	pthread_barrier_init(&meeting, NULL, COPIERS);
	for (i = 0; i < COPIERS; i++) {
		if (pthread_create(&copiers[i], NULL, copy, (void *)i) != 0) {
			fprintf(stderr, "semaphore_pool: cannot create a thread\n");
			return 1;
		}
	}
	for (i = 0; i < COPIERS; i++)
		pthread_join(copiers[i], NULL);
	printf("%d copies made\n", COPIERS);
	return 0;
}
