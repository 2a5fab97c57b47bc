/*
 * all_kinds.c - two threads take every kind of lock, in every way that does not
 * wait for long, ROUNDS times each: a log has to count exactly so many
 */
#include <semaphore.h>

#include "fixture.h"

static pthread_mutex_t outer = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t inner = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t taken = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t again = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
static pthread_mutex_t tried[2];
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static pthread_spinlock_t spinlock;
static sem_t permits;
static unsigned long rounds;

static void take_mutexes(int number)
{
	pthread_mutex_lock(&outer);
	pthread_mutex_lock(&inner);
	pthread_mutex_unlock(&inner);
	pthread_mutex_unlock(&outer);
	pthread_mutex_lock(&again);
	pthread_mutex_lock(&again);
	pthread_mutex_unlock(&again);
	pthread_mutex_unlock(&again);
	if (pthread_mutex_trylock(&tried[number]) == 0)
		pthread_mutex_unlock(&tried[number]);
	if (pthread_mutex_trylock(&taken) == 0)
		abort();
}

static void take_others(void)
{
	pthread_rwlock_rdlock(&rwlock);
	pthread_rwlock_rdlock(&rwlock);
	pthread_rwlock_unlock(&rwlock);
	pthread_rwlock_unlock(&rwlock);
	pthread_rwlock_wrlock(&rwlock);
	pthread_rwlock_unlock(&rwlock);
	pthread_spin_lock(&spinlock);
	pthread_spin_unlock(&spinlock);
	sem_wait(&permits);
	sem_post(&permits);
}

static void *work(void *argument)
{
	int number = (int)(intptr_t)argument;

	for (unsigned long round = 0; round < rounds; round++) {
		take_mutexes(number);
		take_others();
	}
	return NULL;
}

int main(int count, char **arguments)
{
	pthread_t threads[2];

	rounds = count > 1 ? strtoul(arguments[1], NULL, 10) : 1000;
	pthread_spin_init(&spinlock, PTHREAD_PROCESS_PRIVATE);
	sem_init(&permits, 0, 2);
	pthread_mutex_lock(&taken);
	for (int i = 0; i < 2; i++) {
		pthread_mutex_init(&tried[i], NULL);
		pthread_create(&threads[i], NULL, work, (void *)(intptr_t)i);
	}
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	pthread_mutex_unlock(&taken);
	return 0;
}
