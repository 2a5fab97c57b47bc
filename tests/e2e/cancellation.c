/*
 * cancellation.c - waits that end by cancellation: a sem_wait and a join, each
 * with a lock in hand that a cleanup handler gives back; the others go on
 */
#include "fixture.h"

static pthread_mutex_t lock_a = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t lock_b = PTHREAD_MUTEX_INITIALIZER;
static pthread_barrier_t meeting;
static sem_t never_posted;
static pthread_t sleeper;

static void unlock(void *lock)
{
	pthread_mutex_unlock(lock);
}

static void *wait_for_semaphore(void *unused)
{
	(void)unused;
	named("sleeper");
	pthread_mutex_lock(&lock_a);
	pthread_cleanup_push(unlock, &lock_a);
	pthread_barrier_wait(&meeting);
	sem_wait(&never_posted);
	pthread_cleanup_pop(1);
	return NULL;
}

static void *wait_for_thread(void *unused)
{
	(void)unused;
	named("joiner");
	pthread_mutex_lock(&lock_b);
	pthread_cleanup_push(unlock, &lock_b);
	pthread_barrier_wait(&meeting);
	pthread_join(sleeper, NULL);
	pthread_cleanup_pop(1);
	return NULL;
}

static void *cancel(void *victim)
{
	named("canceller");
	pass_milliseconds(300);
	pthread_cancel(*(pthread_t *)victim);
	return NULL;
}

static void expect_cancelled(pthread_t thread, const char *who)
{
	void *result = NULL;

	pthread_join(thread, &result);
	dprintf(1, "%s: %s\n", who, result == PTHREAD_CANCELED ? "cancelled" : "returned");
}

int main(void)
{
	pthread_t joiner, canceller;

	sem_init(&never_posted, 0, 0);
	pthread_barrier_init(&meeting, NULL, 3);
	sleeper = start(wait_for_semaphore, NULL);
	joiner = start(wait_for_thread, NULL);
	pthread_barrier_wait(&meeting);
	canceller = start(cancel, &joiner);
	pthread_mutex_lock(&lock_b); /* until the joiner has been cancelled */
	expect_cancelled(joiner, "joiner");
	pthread_join(canceller, NULL);
	canceller = start(cancel, &sleeper);
	pthread_mutex_lock(&lock_a);
	expect_cancelled(sleeper, "sleeper");
	pthread_join(canceller, NULL);
	return 0;
}
