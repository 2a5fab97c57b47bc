/*
 * missing_party.c - a barrier that waits for somebody who cannot come
 *
 * Two workers go through their rounds together: a barrier lets nobody go on
 * before both have arrived. In the second round one of them arrives with the
 * lock in hand that the other one needs on its way. The barrier waits for the
 * second worker, the second worker for the lock, and who has it stands at the
 * barrier.
 *
 * Run it:   dlwatch run build/samples/missing_party
 * Expect:   deadlock, likely; core of 2 threads: worker-1 at the barrier,
 *           worker-2 at the mutex. Likely, not proven: who comes to a barrier is
 *           known only from who came before.
 * Look at:  the wait at the barrier, and the number of those still missing.
 * Cure:     missing_party_cured.c
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
	pthread_barrier_wait(&round_end);
	pthread_barrier_wait(&round_end); /* the lock is still in hand */
	pthread_mutex_unlock(&sum_lock);
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
		fprintf(stderr, "missing_party: cannot create a thread\n");
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
