/*
 * micro_meeting.c - workloads of several threads: in each other's way, or taking turns
 */
#include <semaphore.h>

#include "micro.h"

#define WORK 20

/* The second thread does the same as the caller, or its counterpart. */
static void with_partner(void *(*partner)(void *), void *(*own)(void *), uint64_t ops)
{
	pthread_t thread;

	check("pthread_create", pthread_create(&thread, NULL, partner, &ops));
	own(&ops);
	check("pthread_join", pthread_join(thread, NULL));
}
static volatile uint64_t shared_counter;

static void count(volatile uint64_t *counter)
{
	for (int i = 0; i < WORK; i++)
		++*counter;
}

/*
 * As much work with the lock as without: the two threads are in each other's way.
 * Not inlined, as those whose instructions are counted by name.
 */
__attribute__((noinline)) static void *count_under_lock(void *ops)
{
	volatile uint64_t own_counter = 0;

	for (uint64_t left = *(uint64_t *)ops / 2; left; left--) {
		pthread_mutex_lock(&mutex);
		count(&shared_counter);
		pthread_mutex_unlock(&mutex);
		count(&own_counter);
	}
	return NULL;
}

static void contended(uint64_t ops)
{
	with_partner(count_under_lock, count_under_lock, ops);
}

/* Eight threads, each with its share of the operations. */
static void *quarter_of_the_counting(void *ops)
{
	uint64_t share = *(uint64_t *)ops / 4;

	return count_under_lock(&share);
}

static void crowded(uint64_t ops)
{
	pthread_t thread[8];

	for (int i = 0; i < 8; i++)
		check("pthread_create",
		      pthread_create(&thread[i], NULL, quarter_of_the_counting, &ops));
	for (int i = 0; i < 8; i++)
		check("pthread_join", pthread_join(thread[i], NULL));
}

/* A mutex of each thread's own, far from the other's. */
__attribute__((noinline)) static void *lock_ones_own(void *ops)
{
	pthread_mutex_t own = PTHREAD_MUTEX_INITIALIZER;

	for (uint64_t left = *(uint64_t *)ops / 2; left; left--) {
		pthread_mutex_lock(&own);
		pthread_mutex_unlock(&own);
	}
	return NULL;
}

static void private_mutexes(uint64_t ops)
{
	with_partner(lock_ones_own, lock_ones_own, ops);
}

static sem_t ping, pong;

static void setup_ping_pong(void)
{
	sem_init(&ping, 0, 0);
	sem_init(&pong, 0, 0);
}

static void *send_pings(void *ops)
{
	for (uint64_t left = *(uint64_t *)ops; left; left--) {
		sem_post(&ping);
		while (sem_wait(&pong) != 0)
			;
	}
	return NULL;
}

static void *send_pongs(void *ops)
{
	for (uint64_t left = *(uint64_t *)ops; left; left--) {
		while (sem_wait(&ping) != 0)
			;
		sem_post(&pong);
	}
	return NULL;
}

static void sem_ping_pong(uint64_t ops)
{
	with_partner(send_pongs, send_pings, ops);
}

static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static int turn;

static void take_turns(uint64_t turns, int mine)
{
	while (turns--) {
		pthread_mutex_lock(&mutex);
		while (turn != mine)
			pthread_cond_wait(&condition, &mutex);
		turn = !mine;
		pthread_cond_signal(&condition);
		pthread_mutex_unlock(&mutex);
	}
}

static void *take_first_turns(void *ops)
{
	take_turns(*(uint64_t *)ops, 0);
	return NULL;
}

static void *take_second_turns(void *ops)
{
	take_turns(*(uint64_t *)ops, 1);
	return NULL;
}

static void cond_ping_pong(uint64_t ops)
{
	with_partner(take_second_turns, take_first_turns, ops);
}

static void *end_at_once(void *unused)
{
	return unused;
}

static void create_join(uint64_t ops)
{
	while (ops--) {
		pthread_t thread;

		check("pthread_create", pthread_create(&thread, NULL, end_at_once, NULL));
		check("pthread_join", pthread_join(thread, NULL));
	}
}

const struct workload meeting_workloads[] = {
	{ "contended", MEETING, 2000000, NULL, contended, NULL, "two threads, one mutex" },
	{ "crowded", MEETING, 2000000, NULL, crowded, NULL, "eight threads, one mutex" },
	{ "private", MEETING, 12000000, NULL, private_mutexes, NULL,
	  "two threads, a mutex of its own each" },
	{ "sem_ping_pong", HANDOVER, 40000, setup_ping_pong, sem_ping_pong, NULL,
	  "two threads hand over by semaphores" },
	{ "cond_ping_pong", HANDOVER, 40000, NULL, cond_ping_pong, NULL,
	  "two threads hand over by a condition" },
	{ "create_join", HANDOVER, 4000, NULL, create_join, NULL, "create and join a thread" },
	{ .name = NULL },
};
