/*
 * missing_party_cured.c - the cure of missing_party.c: arrive with empty hands
 *
 * A barrier is a wait for everybody, so nothing may be held there that anybody
 * needs on the way. The first worker unlocks before it arrives.
 *
 * Run it:   dlwatch run build/samples/missing_party_cured
 * Expect:   no finding, exit status 0.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

static pthread_barrier_t round_end;
static pthread_mutex_t sum_lock = PTHREAD_MUTEX_INITIALIZER;
static long sum;

static void *first_worker(void *unused)
{
	(void)unused;
	pthread_setname_np(pthread_self(), "worker-1");
	pthread_mutex_lock(&sum_lock);
	sum += 1;
	pthread_mutex_unlock(&sum_lock);
	pthread_barrier_wait(&round_end);
	pthread_barrier_wait(&round_end);
	return NULL;
}

static void *second_worker(void *unused)
{
	(void)unused;
	pthread_setname_np(pthread_self(), "worker-2");
	pthread_barrier_wait(&round_end);
	pthread_mutex_lock(&sum_lock); /* on the way to the second round */
	sum += 2;
	pthread_mutex_unlock(&sum_lock);
	pthread_barrier_wait(&round_end);
	return NULL;
}

static pthread_t start(void *(*worker)(void *))
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, worker, NULL) != 0) {
		fprintf(stderr, "missing_party_cured: cannot create a thread\n");
		exit(1);
	}
	return thread;
}

int main(void)
{
	pthread_t first, second;

	pthread_barrier_init(&round_end, NULL, 2);
	first = start(first_worker);
	second = start(second_worker);
	pthread_join(first, NULL);
	pthread_join(second, NULL);
	pthread_barrier_destroy(&round_end);
	printf("sum %ld\n", sum);
	return 0;
}
