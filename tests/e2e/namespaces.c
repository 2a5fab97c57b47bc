/*
 * namespaces.c - a child in a pid namespace of its own
 *
 *	namespaces holds  it has a shared mutex that its parent wants; and it lives
 *	namespaces pair   two of its threads lock each other out
 *
 * Ends with status 77 where the kernel does not let us.
 */
#include "lock_pair.h"
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>

static pthread_mutex_t *shared_lock;

static void share(void)
{
	pthread_mutexattr_t mutex;

	shared_lock = mmap(NULL, sizeof(*shared_lock), PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	require(shared_lock != MAP_FAILED, "mmap");
	pthread_mutexattr_init(&mutex);
	pthread_mutexattr_setpshared(&mutex, PTHREAD_PROCESS_SHARED);
	pthread_mutex_init(shared_lock, &mutex);
}

/** stand_by() - so that somebody looks who sees the child from outside */
static void *stand_by(void *unused)
{
	for (;;)
		pause();
	return unused;
}

/** free_pid() - one that nobody has: looked up, it is a process that is gone */
static pid_t free_pid(void)
{
	pid_t child = fork();

	if (child == 0)
		_exit(0);
	require(child > 0 && waitpid(child, NULL, 0) == child, "fork");
	return child;
}

/** call_next() - the pid of the next process in our namespace; false: we may not */
static bool call_next(pid_t pid)
{
	FILE *file = fopen("/proc/sys/kernel/ns_last_pid", "w");
	bool said = file && fprintf(file, "%d", (int)pid - 1) > 0;

	return file && fclose(file) == 0 && said;
}

static void be_child(bool holds, int in_place, pid_t pid)
{
	int status;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
	    mount("proc", "/proc", "proc", 0, NULL) != 0 || !call_next(pid))
		_exit(77);
	pid = fork();
	require(pid >= 0, "fork");
	if (pid > 0) {
		close(in_place);
		waitpid(pid, &status, 0);
		_exit(1);
	}
	if (holds)
		pthread_mutex_lock(shared_lock);
	require(write(in_place, "", 1) == 1, "write");
	if (holds)
		stand_by(NULL);
	lock_each_other_out();
}

int main(int argc, char **argv)
{
	int status, in_place[2];
	bool holds;
	char byte;
	pid_t child, pid = free_pid();

	require(argc == 2, "arguments");
	holds = !strcmp(argv[1], "holds");
	share();
	start(stand_by, NULL);
	if (pipe(in_place) != 0 || unshare(CLONE_NEWPID) != 0)
		return 77;
	child = fork();
	require(child >= 0, "fork");
	if (child == 0)
		be_child(holds, in_place[1], pid);
	close(in_place[1]);
	if (holds && read(in_place[0], &byte, 1) == 1) {
		closing();
		pthread_mutex_lock(shared_lock);
	}
	require(waitpid(child, &status, 0) == child, "waitpid");
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
