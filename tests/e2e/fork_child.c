/*
 * fork_child.c - the child of a fork deadlocks; its parent, which has used the
 * same locks in one order, waits for it and passes its status on
 */
#include "fixture.h"
#include <sys/wait.h>

static pthread_mutex_t lock_a = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t lock_b = PTHREAD_MUTEX_INITIALIZER;
static pthread_barrier_t meeting;

static void *take_a_then_b(void *unused)
{
	(void)unused;
	named("a-then-b");
	pthread_mutex_lock(&lock_a);
	pthread_barrier_wait(&meeting);
	closing();
	pthread_mutex_lock(&lock_b);
	return NULL;
}

static void *take_b_then_a(void *unused)
{
	(void)unused;
	named("b-then-a");
	pthread_mutex_lock(&lock_b);
	pthread_barrier_wait(&meeting);
	closing();
	pthread_mutex_lock(&lock_a);
	return NULL;
}

static int deadlock(void)
{
	pthread_t one, two;

	pthread_barrier_init(&meeting, NULL, 2);
	one = start(take_a_then_b, NULL);
	two = start(take_b_then_a, NULL);
	pthread_join(one, NULL);
	pthread_join(two, NULL);
	return 0;
}

int main(void)
{
	int status;
	pid_t child;

	pthread_mutex_lock(&lock_a);
	pthread_mutex_lock(&lock_b);
	pthread_mutex_unlock(&lock_b);
	pthread_mutex_unlock(&lock_a);
	child = fork();
	if (child == 0)
		return deadlock();
	dprintf(1, "child %d\n", (int)child);
	require(waitpid(child, &status, 0) == child, "waitpid");
	return WIFEXITED(status) ? WEXITSTATUS(status) : 98;
}
