/*
 * fork_exec.c - the child of a fork executes this program anew, and that one
 * deadlocks
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

int main(int argc, char **argv)
{
	int status;
	pid_t child;

	if (argc == 2 && strcmp(argv[1], "child") == 0)
		return deadlock();
	pthread_mutex_lock(&lock_a); /* must not outlive the exec */
	child = fork();
	if (child == 0) {
		execl(argv[0], argv[0], "child", (char *)NULL);
		_exit(97);
	}
	dprintf(1, "child %d\n", (int)child);
	require(waitpid(child, &status, 0) == child, "waitpid");
	return WIFEXITED(status) ? WEXITSTATUS(status) : 98;
}
