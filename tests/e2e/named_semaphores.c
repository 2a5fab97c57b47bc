/*
 * named_semaphores.c - AB-BA over two named semaphores that have been used like
 * locks before
 */
#include "fixture.h"
#include <fcntl.h>

static sem_t *sem_a, *sem_b;
static pthread_barrier_t meeting;

static void *take_a_then_b(void *unused)
{
	(void)unused;
	named("a-then-b");
	sem_wait(sem_a);
	sem_post(sem_a);
	pthread_barrier_wait(&meeting);
	sem_wait(sem_a);
	pthread_barrier_wait(&meeting);
	closing();
	sem_wait(sem_b);
	return NULL;
}

static void *take_b_then_a(void *unused)
{
	(void)unused;
	named("b-then-a");
	sem_wait(sem_b);
	sem_post(sem_b);
	pthread_barrier_wait(&meeting);
	sem_wait(sem_b);
	pthread_barrier_wait(&meeting);
	closing();
	sem_wait(sem_a);
	return NULL;
}

static sem_t *open_new(char letter)
{
	char name[64];
	sem_t *semaphore;

	snprintf(name, sizeof(name), "/dlwatch-%c-%d", letter, (int)getpid());
	semaphore = sem_open(name, O_CREAT | O_EXCL, 0600, 1);
	require(semaphore != SEM_FAILED, "sem_open");
	sem_unlink(name);
	return semaphore;
}

int main(void)
{
	pthread_t one, two;

	sem_a = open_new('a');
	sem_b = open_new('b');
	pthread_barrier_init(&meeting, NULL, 2);
	one = start(take_a_then_b, NULL);
	two = start(take_b_then_a, NULL);
	pthread_join(one, NULL);
	pthread_join(two, NULL);
	return 0;
}
