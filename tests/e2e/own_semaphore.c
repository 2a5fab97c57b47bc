/*
 * own_semaphore.c - threads that wait on a semaphore they hold themselves,
 * until another one posts it 400 ms later: no deadlock, whether or not its
 * holder has posted it before
 */
#include "fixture.h"

static sem_t fresh, used;

static void *wait_on_fresh(void *unused)
{
	(void)unused;
	named("fresh");
	sem_wait(&fresh);
	sem_wait(&fresh);
	dprintf(1, "woken\n");
	return NULL;
}

static void *wait_on_used(void *unused)
{
	(void)unused;
	named("used");
	sem_wait(&used);
	sem_post(&used);
	sem_wait(&used);
	sem_wait(&used);
	dprintf(1, "woken\n");
	return NULL;
}

static void *post_both(void *unused)
{
	(void)unused;
	named("poster");
	pass_milliseconds(400);
	sem_post(&fresh);
	sem_post(&used);
	return NULL;
}

int main(void)
{
	pthread_t one, two, three;

	sem_init(&fresh, 0, 1);
	sem_init(&used, 0, 1);
	one = start(wait_on_fresh, NULL);
	two = start(wait_on_used, NULL);
	three = start(post_both, NULL);
	pthread_join(one, NULL);
	pthread_join(two, NULL);
	pthread_join(three, NULL);
	return 0;
}
