/*
 * fork_orphan.c - a process forks while another of its threads holds a lock: in
 * the child the holder does not exist, and the lock is never released
 */
#include "fixture.h"
#include <sys/wait.h>

static pthread_mutex_t lost_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_barrier_t meeting;

static void *hold_it(void *unused)
{
	(void)unused;
	named("holder");
	pthread_mutex_lock(&lost_lock);
	pthread_barrier_wait(&meeting);
	for (;;)
		pause();
	return NULL;
}

int main(void)
{
	int status;
	pid_t child;

	pthread_barrier_init(&meeting, NULL, 2);
	start(hold_it, NULL);
	pthread_barrier_wait(&meeting);
	child = fork();
	if (child == 0) {
		closing();
		pthread_mutex_lock(&lost_lock);
		_exit(0);
	}
	dprintf(1, "child %d\n", (int)child);
	require(waitpid(child, &status, 0) == child, "waitpid");
	return WIFEXITED(status) ? WEXITSTATUS(status) : 98;
}
