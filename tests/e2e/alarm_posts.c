/*
 * alarm_posts.c - all threads wait, but an alarm is armed whose handler posts,
 * after two seconds, the semaphore they wait for: no deadlock, the world is open
 */
#include "fixture.h"
#include <signal.h>

static sem_t wake;

static void post(int number)
{
	(void)number;
	sem_post(&wake);
}

static void *sleep_until_woken(void *unused)
{
	(void)unused;
	named("sleeper");
	while (sem_wait(&wake) != 0 && errno == EINTR)
		;
	dprintf(1, "woken\n");
	return NULL;
}

int main(void)
{
	struct sigaction action = { .sa_handler = post, .sa_flags = SA_RESTART };

	sem_init(&wake, 0, 0);
	sigaction(SIGALRM, &action, NULL);
	alarm(2);
	pthread_join(start(sleep_until_woken, NULL), NULL);
	return 0;
}
