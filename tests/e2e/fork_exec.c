/*
 * fork_exec.c - the child of a fork executes this program anew, and that one
 * deadlocks
 */
#include "lock_pair.h"
#include <sys/wait.h>

int main(int argc, char **argv)
{
	int status;
	pid_t child;

	if (argc == 2 && strcmp(argv[1], "child") == 0)
		return join_pair(take_a_then_b);
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
