/*
 * reopened_semaphore.c - a named semaphore is closed and another one opened at
 * the same address: whoever took permits of the first one holds none of the
 * second. For half a second two threads wait, and a third one, which has never
 * posted before, ends it: no deadlock
 */
#include "fixture.h"
#include <fcntl.h>

static sem_t ready;
static sem_t *wake;

static sem_t *open_new(char letter, unsigned value)
{
	char name[64];
	sem_t *semaphore;

	snprintf(name, sizeof(name), "/dlwatch-%c-%d", letter, (int)getpid());
	semaphore = sem_open(name, O_CREAT | O_EXCL, 0600, value);
	require(semaphore != SEM_FAILED, "sem_open");
	sem_unlink(name);
	return semaphore;
}

/* The first one is used up by the main thread, and posted back by it once. */
static void use_and_close(sem_t *semaphore)
{
	sem_wait(semaphore);
	sem_post(semaphore);
	sem_wait(semaphore);
	sem_wait(semaphore);
	sem_close(semaphore);
}

static void *report_and_sleep(void *unused)
{
	(void)unused;
	named("sleeper");
	sem_post(&ready);
	sem_wait(wake);
	dprintf(1, "woken\n");
	return NULL;
}

static void *come_late(void *unused)
{
	(void)unused;
	named("latecomer");
	pass_milliseconds(500);
	sem_post(&ready);
	return NULL;
}

int main(void)
{
	sem_t *before = open_new('a', 2);
	pthread_t sleeper, latecomer;

	use_and_close(before);
	wake = open_new('b', 0);
	require(wake == before, "opening at the same address");
	sem_init(&ready, 0, 0);
	sleeper = start(report_and_sleep, NULL);
	latecomer = start(come_late, NULL);
	sem_wait(&ready);
	sem_wait(&ready); /* the sleeper was the only one to post so far */
	sem_post(wake);
	pthread_join(sleeper, NULL);
	pthread_join(latecomer, NULL);
	return 0;
}
