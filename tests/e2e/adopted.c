/*
 * adopted.c - the only child waits for its parent, and the parent for a child;
 * but it adopts what its descendants leave behind, and one of those ends
 */
#include "fixture.h"
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>

static int ends[2];

static void end_after(long milliseconds)
{
	pass_milliseconds(milliseconds);
	_exit(7);
}

static void leave_behind(void)
{
	if (fork() == 0)
		end_after(2000);
	pass_milliseconds(1500);
	_exit(0);
}

static void wait_for_parent(void)
{
	char byte;

	if (fork() == 0)
		leave_behind();
	close(ends[1]);
	_exit(read(ends[0], &byte, 1) == 1 ? 0 : 1);
}

int main(void)
{
	pid_t child, ended;
	int status;

	require(prctl(PR_SET_CHILD_SUBREAPER, 1) == 0, "prctl");
	require(pipe2(ends, O_CLOEXEC) == 0, "pipe2");
	child = fork();
	if (child == 0)
		wait_for_parent();
	ended = waitpid(-1, &status, 0);
	dprintf(1, "%s ended with %d\n", ended == child ? "the child" : "one left behind",
		WEXITSTATUS(status));
	require(write(ends[1], "", 1) == 1, "write");
	require(waitpid(child, &status, 0) == child, "waitpid");
	return WEXITSTATUS(status);
}
