/*
 * rwlocks_clean.c - reader-writer locks that look like trouble and are none
 *
 * Readers in two orders; a recursive reader with a writer in between (a kind
 * that lets it pass); a lock given back by another thread; a write lock wanted
 * again, which is refused; timed waits that run out; a lock held for reading
 * and waited for until the reader is done.
 */
#include "fixture.h"

static pthread_rwlock_t lock_a = PTHREAD_RWLOCK_INITIALIZER;
static pthread_rwlock_t lock_b = PTHREAD_RWLOCK_INITIALIZER;
static pthread_rwlock_t passed_on = PTHREAD_RWLOCK_INITIALIZER;
static pthread_barrier_t meeting;
static int writers_task;

static void *read_b_then_a(void *unused)
{
	(void)unused;
	pthread_rwlock_rdlock(&lock_b);
	pthread_barrier_wait(&meeting);
	pthread_rwlock_rdlock(&lock_a);
	pthread_barrier_wait(&meeting);
	pthread_rwlock_unlock(&lock_a);
	pthread_rwlock_unlock(&lock_b);
	return NULL;
}

static void readers_in_two_orders(void)
{
	pthread_t other = start(read_b_then_a, NULL);

	pthread_rwlock_rdlock(&lock_a);
	pthread_barrier_wait(&meeting);
	pthread_rwlock_rdlock(&lock_b);
	pthread_barrier_wait(&meeting);
	pthread_rwlock_unlock(&lock_b);
	pthread_rwlock_unlock(&lock_a);
	pthread_join(other, NULL);
}

static void *write_a(void *unused)
{
	(void)unused;
	__atomic_store_n(&writers_task, gettid(), __ATOMIC_RELEASE);
	pthread_rwlock_wrlock(&lock_a);
	pthread_rwlock_unlock(&lock_a);
	return NULL;
}

static void read_again_past_a_writer(void)
{
	pthread_t writer;

	pthread_rwlock_rdlock(&lock_a);
	writer = start(write_a, NULL);
	wait_until_asleep_in(&writers_task, &lock_a, sizeof(lock_a));
	pthread_rwlock_rdlock(&lock_a);
	pass_milliseconds(200);
	pthread_rwlock_unlock(&lock_a);
	pthread_rwlock_unlock(&lock_a);
	pthread_join(writer, NULL);
}

static void *give_back(void *unused)
{
	(void)unused;
	pass_milliseconds(200);
	pthread_rwlock_unlock(&passed_on);
	return NULL;
}

static void wait_for_a_stranger(void)
{
	pthread_t stranger;

	pthread_rwlock_rdlock(&passed_on);
	stranger = start(give_back, NULL);
	pthread_join(stranger, NULL);
	dprintf(1, "write %d\n", pthread_rwlock_wrlock(&passed_on));
	dprintf(1, "again %d\n", pthread_rwlock_wrlock(&passed_on) == EDEADLK);
	pthread_rwlock_unlock(&passed_on);
}

static void *wait_a_while(void *unused)
{
	struct timespec until = milliseconds_from_now(300);

	(void)unused;
	dprintf(1, "timed %d\n", pthread_rwlock_timedwrlock(&lock_a, &until) == ETIMEDOUT);
	return NULL;
}

static void wait_in_vain(void)
{
	pthread_rwlock_rdlock(&lock_a);
	pthread_join(start(wait_a_while, NULL), NULL);
	pthread_rwlock_unlock(&lock_a);
}

int main(void)
{
	pthread_barrier_init(&meeting, NULL, 2);
	readers_in_two_orders();
	read_again_past_a_writer();
	wait_for_a_stranger();
	wait_in_vain();
	dprintf(1, "over\n");
	return 0;
}
