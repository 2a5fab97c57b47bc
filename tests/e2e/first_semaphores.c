/*
 * first_semaphores.c - AB-BA over two semaphores that nobody has posted yet,
 * beside a thread that goes on: each has value 1 and was taken once by the
 * thread that keeps it
 */
#include "fixture.h"

static sem_t sem_a, sem_b;
static pthread_barrier_t meeting;

static void *take_a_then_b(void *unused)
{
	(void)unused;
	named("a-then-b");
	sem_wait(&sem_a);
	pthread_barrier_wait(&meeting);
	closing();
	sem_wait(&sem_b);
	return NULL;
}

static void *take_b_then_a(void *unused)
{
	(void)unused;
	named("b-then-a");
	sem_wait(&sem_b);
	pthread_barrier_wait(&meeting);
	closing();
	sem_wait(&sem_a);
	return NULL;
}

int main(void)
{
	pthread_barrier_init(&meeting, NULL, 2);
	sem_init(&sem_a, 0, 1);
	sem_init(&sem_b, 0, 1);
	start(take_a_then_b, NULL);
	start(take_b_then_a, NULL);
	for (;;)
		pass_milliseconds(10);
}
