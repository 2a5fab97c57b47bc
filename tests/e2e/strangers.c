/*
 * strangers.c - a process and its child, which is another user's by then
 *
 *	strangers parent  the parent's threads lock each other out, once the child has
 *	                  had the time to be the first to look at the session
 *	strangers child   the child's threads do, while the parent looks
 *	strangers alone   no child: it becomes another user before its first lock
 *
 * Ends with status 77 where it may not become another user.
 */
#include "lock_pair.h"
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#define NOBODY 65534

static void *stand_by(void *unused)
{
	for (;;)
		pause();
	return unused;
}

/** enter() - be in the session from now on */
static void enter(void)
{
	pthread_mutex_lock(&lock_a);
	pthread_mutex_unlock(&lock_a);
}

static void become_nobody(void)
{
	if (setresgid(NOBODY, NOBODY, NOBODY) != 0 || setresuid(NOBODY, NOBODY, NOBODY) != 0)
		_exit(77);
}

static void be_child(bool deadlocks)
{
	enter();
	become_nobody();
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (deadlocks)
		lock_each_other_out();
	start(stand_by, NULL);
	stand_by(NULL);
}

int main(int argc, char **argv)
{
	struct timespec pause_for = { 0, 400000000 };
	bool in_child;
	int status;
	pid_t child;

	require(argc == 2, "arguments");
	if (!strcmp(argv[1], "alone")) {
		become_nobody();
		lock_each_other_out();
	}
	in_child = !strcmp(argv[1], "child");
	enter();
	if (in_child)
		start(stand_by, NULL);
	child = fork();
	require(child >= 0, "fork");
	if (child == 0)
		be_child(in_child);
	nanosleep(&pause_for, NULL);
	if (waitpid(child, &status, WNOHANG) == child)
		return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
	if (!in_child)
		lock_each_other_out();
	stand_by(NULL);
	return 0;
}
