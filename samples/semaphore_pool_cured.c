/*
 * semaphore_pool_cured.c - the cure of semaphore_pool.c: collect both at once
 *
 * One copier at a time may collect buffers. If it finds the pool empty, the
 * others are not collecting: they have both their buffers, and give them back.
 *
 * The second barrier of the faulty program is gone: three copiers with one
 * buffer each cannot happen any more.
 *
 * Run it:   dlwatch run build/samples/semaphore_pool_cured
 * Expect:   no finding, exit status 0.
 * Look at:  `collecting`, held from the first permit to the second.
 */
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>

#define COPIERS 3

static sem_t pool;
static pthread_mutex_t collecting = PTHREAD_MUTEX_INITIALIZER;
static pthread_barrier_t meeting;

static void *copy(void *argument)
{
	char name[16];

	snprintf(name, sizeof(name), "copier-%ld", (long)argument);
	pthread_setname_np(pthread_self(), name);

	sem_wait(&pool); /* first round: one buffer is enough */
	sem_post(&pool);

	pthread_barrier_wait(&meeting);
	pthread_mutex_lock(&collecting);
	sem_wait(&pool);
	sem_wait(&pool);
	pthread_mutex_unlock(&collecting);
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
			fprintf(stderr, "semaphore_pool_cured: cannot create a thread\n");
			return 1;
		}
	}
	for (i = 0; i < COPIERS; i++)
		pthread_join(copiers[i], NULL);
	printf("%d copies made\n", COPIERS);
	return 0;
}
