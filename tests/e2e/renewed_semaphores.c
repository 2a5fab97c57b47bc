/*
 * renewed_semaphores.c - AB-BA over two semaphores that were used as locks, then
 * destroyed and initialised anew: all that counts was done in their second life
 */
#include "fixture.h"

#define TURNS_A_LIFE 4

static sem_t sem_a, sem_b;
static pthread_barrier_t renewal, meeting;

/* Once a life is over the main thread begins the next one. */
static void give_back(sem_t *semaphore, int turn)
{
	sem_post(semaphore);
	if (turn != TURNS_A_LIFE)
		return;
	pthread_barrier_wait(&renewal);
	pthread_barrier_wait(&renewal);
}

static void *take_a_then_b(void *unused)
{
	int turn = 0;

	(void)unused;
	named("a-then-b");
	while (sem_wait(&sem_a) == 0 && ++turn < 2 * TURNS_A_LIFE)
		give_back(&sem_a, turn);
	pthread_barrier_wait(&meeting);
	closing();
	sem_wait(&sem_b);
	return NULL;
}

static void *take_b_then_a(void *unused)
{
	int turn = 0;

	(void)unused;
	named("b-then-a");
	while (sem_wait(&sem_b) == 0 && ++turn < 2 * TURNS_A_LIFE)
		give_back(&sem_b, turn);
	pthread_barrier_wait(&meeting);
	closing();
	sem_wait(&sem_a);
	return NULL;
}

int main(void)
{
	pthread_barrier_init(&meeting, NULL, 2);
	pthread_barrier_init(&renewal, NULL, 3);
	sem_init(&sem_a, 0, 1);
	sem_init(&sem_b, 0, 1);
	start(take_a_then_b, NULL);
	start(take_b_then_a, NULL);
	pthread_barrier_wait(&renewal);
	sem_destroy(&sem_a);
	sem_destroy(&sem_b);
	sem_init(&sem_a, 0, 1);
	sem_init(&sem_b, 0, 1);
	pthread_barrier_wait(&renewal);
	for (;;)
		pass_milliseconds(10);
}
