/*
 * rwlocks.c - reader-writer locks, one deadlock a word
 *
 *	write      two locks, both for writing, in two orders
 *	read       two locks held for reading, each wanted for writing by the other
 *	upgrade    a reader that wants to write waits for itself
 *	queue      a reader comes back while a writer stands in between
 *	           (PREFER_WRITER_NONRECURSIVE)
 *	bystander  as read, while a third thread reads on and on
 */
#include "fixture.h"

static pthread_rwlock_t lock_a = PTHREAD_RWLOCK_INITIALIZER;
static pthread_rwlock_t lock_b = PTHREAD_RWLOCK_INITIALIZER;
static pthread_rwlock_t queued = PTHREAD_RWLOCK_WRITER_NONRECURSIVE_INITIALIZER_NP;
static pthread_barrier_t meeting;
static int (*first)(pthread_rwlock_t *lock);

static void *take_a_then_b(void *unused)
{
	(void)unused;
	named("a-then-b");
	first(&lock_a);
	pthread_barrier_wait(&meeting);
	closing();
	pthread_rwlock_wrlock(&lock_b);
	return NULL;
}

static void *take_b_then_a(void *unused)
{
	(void)unused;
	named("b-then-a");
	first(&lock_b);
	pthread_barrier_wait(&meeting);
	closing();
	pthread_rwlock_wrlock(&lock_a);
	return NULL;
}

static void *read_on(void *unused)
{
	for (;;) {
		pthread_rwlock_rdlock(&lock_a);
		pass_milliseconds(1);
		pthread_rwlock_unlock(&lock_a);
	}
	return unused;
}

static void two_orders(int (*how)(pthread_rwlock_t *lock))
{
	pthread_t one, two;

	first = how;
	pthread_barrier_init(&meeting, NULL, 2);
	one = start(take_a_then_b, NULL);
	two = start(take_b_then_a, NULL);
	pthread_join(one, NULL);
	pthread_join(two, NULL);
}

static void upgrade(void)
{
	pthread_rwlock_rdlock(&lock_a);
	closing();
	pthread_rwlock_wrlock(&lock_a);
}

/* The kernel shows when the writer stands in the queue: it sleeps. */
static int writers_task;

static void *write_between(void *unused)
{
	(void)unused;
	named("writer");
	__atomic_store_n(&writers_task, gettid(), __ATOMIC_RELEASE);
	pthread_rwlock_wrlock(&queued);
	return NULL;
}

static void *read_twice(void *unused)
{
	(void)unused;
	named("reader");
	pthread_rwlock_rdlock(&queued);
	start(write_between, NULL);
	wait_until_asleep_in(&writers_task, &queued, sizeof(queued));
	closing();
	pthread_rwlock_rdlock(&queued);
	return NULL;
}

int main(int count, char **arguments)
{
	const char *word = count > 1 ? arguments[1] : "";

	if (strcmp(word, "write") == 0)
		two_orders(pthread_rwlock_wrlock);
	else if (strcmp(word, "read") == 0)
		two_orders(pthread_rwlock_rdlock);
	else if (strcmp(word, "upgrade") == 0)
		upgrade();
	else if (strcmp(word, "queue") == 0)
		pthread_join(start(read_twice, NULL), NULL);
	else if (strcmp(word, "bystander") == 0)
		start(read_on, NULL), two_orders(pthread_rwlock_rdlock);
	return 0;
}
