/*
 * fork_child.c - the child of a fork deadlocks; its parent, which has used the
 * same locks in one order, waits for it and passes its status on
 */
#include "lock_pair.h"
#include <sys/wait.h>

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
		return join_pair(take_a_then_b);
	dprintf(1, "child %d\n", (int)child);
	require(waitpid(child, &status, 0) == child, "waitpid");
	return WIFEXITED(status) ? WEXITSTATUS(status) : 98;
}
