/*
 * micro_alone.c - workloads of one thread: every kind of lock, nobody in the way
 */
#include <errno.h>
#include <semaphore.h>
#include <stdlib.h>

#include "micro.h"

#define ORDERED 512

pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
pthread_mutex_t *many;
static pthread_mutex_t nest[8] = {
	PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER,
	PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER,
	PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER,
};
static pthread_mutex_t recursive_mutex = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static pthread_spinlock_t spinlock;
static sem_t semaphore;

void lock_unlock(uint64_t ops)
{
	while (ops--) {
		pthread_mutex_lock(&mutex);
		pthread_mutex_unlock(&mutex);
	}
}

/* One operation is one lock and its unlock, at whatever depth. */
static void nested(uint64_t ops, int depth)
{
	for (uint64_t done = 0; done < ops; done += (uint64_t)depth) {
		for (int i = 0; i < depth; i++)
			pthread_mutex_lock(&nest[i]);
		for (int i = depth; i-- > 0;)
			pthread_mutex_unlock(&nest[i]);
	}
}

static void nested2(uint64_t ops)
{
	nested(ops, 2);
}

static void nested4(uint64_t ops)
{
	nested(ops, 4);
}

static void nested8(uint64_t ops)
{
	nested(ops, 8);
}

/* The calls behind it keep each frame alive: none may become a jump. */
__attribute__((noinline)) static uint64_t at_depth(int depth, uint64_t ops)
{
	uint64_t frame = (uint64_t)depth;

	if (depth == 0)
		lock_unlock(ops);
	else
		frame += at_depth(depth - 1, ops);
	__asm__ volatile("" : "+r"(frame));
	return frame;
}

static void deep_stack(uint64_t ops)
{
	at_depth(50, ops);
}

void setup_many(void)
{
	start_bystander();
	many = calloc(size, sizeof(*many));
	if (!many)
		die("so many locks", errno);
	for (uint64_t i = 0; i < size; i++)
		check("pthread_mutex_init", pthread_mutex_init(&many[i], NULL));
}

void finish_many(void)
{
	for (uint64_t i = 0; i < size; i++)
		pthread_mutex_destroy(&many[i]);
	free(many);
	end_bystander();
}

static void round_robin(uint64_t ops)
{
	static size_t next;

	while (ops--) {
		pthread_mutex_lock(&many[next]);
		pthread_mutex_unlock(&many[next]);
		next = next + 1 < size ? next + 1 : 0;
	}
}

static void round_robin_inside(uint64_t ops)
{
	pthread_mutex_lock(&mutex);
	round_robin(ops);
	pthread_mutex_unlock(&mutex);
}

/* Pairs by address, so without any cycle; 130 816 different orders. */
static void random_pairs(uint64_t ops)
{
	static uint32_t seed = 12345;
	uint32_t locks = size < ORDERED ? (uint32_t)size : ORDERED;

	for (uint64_t done = 0; done < ops; done += 2) {
		uint32_t a, b;

		seed = seed * 1664525u + 1013904223u;
		a = (seed >> 8) % (locks - 1);
		b = a + 1 + (seed >> 20) % (locks - 1 - a);
		pthread_mutex_lock(&many[a]);
		pthread_mutex_lock(&many[b]);
		pthread_mutex_unlock(&many[b]);
		pthread_mutex_unlock(&many[a]);
	}
}

static void churn(uint64_t ops)
{
	pthread_mutex_t passing;

	while (ops--) {
		pthread_mutex_init(&passing, NULL);
		pthread_mutex_lock(&passing);
		pthread_mutex_unlock(&passing);
		pthread_mutex_destroy(&passing);
	}
}

/* The outer acquisition is made once for all: what is measured is re-entry. */
static void recursive(uint64_t ops)
{
	pthread_mutex_lock(&recursive_mutex);
	while (ops--) {
		pthread_mutex_lock(&recursive_mutex);
		pthread_mutex_unlock(&recursive_mutex);
	}
	pthread_mutex_unlock(&recursive_mutex);
}

static void trylock(uint64_t ops)
{
	while (ops--)
		if (pthread_mutex_trylock(&mutex) == 0)
			pthread_mutex_unlock(&mutex);
}

static void rwlock_read(uint64_t ops)
{
	while (ops--) {
		pthread_rwlock_rdlock(&rwlock);
		pthread_rwlock_unlock(&rwlock);
	}
}

static void rwlock_write(uint64_t ops)
{
	while (ops--) {
		pthread_rwlock_wrlock(&rwlock);
		pthread_rwlock_unlock(&rwlock);
	}
}

static void setup_spin(void)
{
	start_bystander();
	check("pthread_spin_init", pthread_spin_init(&spinlock, PTHREAD_PROCESS_PRIVATE));
}

static void spin(uint64_t ops)
{
	while (ops--) {
		pthread_spin_lock(&spinlock);
		pthread_spin_unlock(&spinlock);
	}
}

static void setup_semaphore(void)
{
	start_bystander();
	sem_init(&semaphore, 0, 1);
}

static void sem_wait_post(uint64_t ops)
{
	while (ops--) {
		sem_wait(&semaphore);
		sem_post(&semaphore);
	}
}

const struct workload alone_workloads[] = {
	{ "one_thread", ALONE, 16000000, NULL, lock_unlock, NULL, "mutex, process of one thread" },
	{ "uncontended", ALONE, 8000000, start_bystander, lock_unlock, end_bystander,
	  "mutex, uncontended" },
	{ "nested2", ALONE, 8000000, start_bystander, nested2, end_bystander, "mutex, 2 nested" },
	{ "nested4", ALONE, 8000000, start_bystander, nested4, end_bystander, "mutex, 4 nested" },
	{ "nested8", ALONE, 8000000, start_bystander, nested8, end_bystander, "mutex, 8 nested" },
	{ "deep_stack", ALONE, 8000000, start_bystander, deep_stack, end_bystander,
	  "mutex, 50 calls deep" },
	{ "many_locks", ALONE, 6000000, setup_many, round_robin, finish_many,
	  "100 000 mutexes in turn" },
	{ "many_inside", ALONE, 6000000, setup_many, round_robin_inside, finish_many,
	  "100 000 mutexes in turn, inside another" },
	{ "many_orders", ALONE, 6000000, setup_many, random_pairs, finish_many,
	  "130 000 lock orders at random" },
	{ "churn", ALONE, 6000000, start_bystander, churn, end_bystander,
	  "init, lock, unlock, destroy" },
	{ "recursive", ALONE, 10000000, start_bystander, recursive, end_bystander,
	  "recursive mutex, taken again" },
	{ "trylock", ALONE, 8000000, start_bystander, trylock, end_bystander,
	  "trylock and unlock" },
	{ "rwlock_read", ALONE, 6000000, start_bystander, rwlock_read, end_bystander,
	  "rwlock, read" },
	{ "rwlock_write", ALONE, 6000000, start_bystander, rwlock_write, end_bystander,
	  "rwlock, write" },
	{ "spinlock", ALONE, 10000000, setup_spin, spin, end_bystander, "spinlock" },
	{ "semaphore", ALONE, 6000000, setup_semaphore, sem_wait_post, end_bystander,
	  "semaphore, wait and post" },
	{ .name = NULL },
};
