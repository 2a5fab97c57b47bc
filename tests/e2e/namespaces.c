/*
 * namespaces.c - a child in a pid namespace of its own
 *
 *	namespaces holds  it has a shared mutex that its parent wants; and it lives
 *	namespaces pair   two of its threads lock each other out
 *
 * Ends with status 77 where the kernel does not let us.
 */
#include "fixture.h"
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>

static pthread_mutex_t lock_a = PTHREAD_MUTEX_INITIALIZER, lock_b = PTHREAD_MUTEX_INITIALIZER;
static pthread_barrier_t meeting;
static struct shared {
	pthread_mutex_t lock;
	pthread_barrier_t meeting;
} *shared;

static void share(void)
{
	pthread_mutexattr_t mutex;
	pthread_barrierattr_t barrier;

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		      -1, 0);
	require(shared != MAP_FAILED, "mmap");
	pthread_mutexattr_init(&mutex);
	pthread_mutexattr_setpshared(&mutex, PTHREAD_PROCESS_SHARED);
	pthread_mutex_init(&shared->lock, &mutex);
	pthread_barrierattr_init(&barrier);
	pthread_barrierattr_setpshared(&barrier, PTHREAD_PROCESS_SHARED);
	pthread_barrier_init(&shared->meeting, &barrier, 2);
}

static void *take_a_then_b(void *unused)
{
	named("a-then-b");
	pthread_mutex_lock(&lock_a);
	pthread_barrier_wait(&meeting);
	pthread_mutex_lock(&lock_b);
	return unused;
}

static void *take_b_then_a(void *unused)
{
	named("b-then-a");
	pthread_mutex_lock(&lock_b);
	pthread_barrier_wait(&meeting);
	closing();
	pthread_mutex_lock(&lock_a);
	return unused;
}

static void lock_each_other_out(void)
{
	pthread_t one;

	pthread_barrier_init(&meeting, NULL, 2);
	one = start(take_a_then_b, NULL);
	take_b_then_a(NULL);
	pthread_join(one, NULL);
}

static void hold(void)
{
	pthread_mutex_lock(&shared->lock);
	pthread_barrier_wait(&shared->meeting);
	for (;;)
		pause();
}

static void be_child(bool holds, int in_place)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
	    mount("proc", "/proc", "proc", 0, NULL) != 0) {
		_exit(77);
	}
	require(write(in_place, "", 1) == 1, "write");
	if (holds)
		hold();
	lock_each_other_out();
}

int main(int argc, char **argv)
{
	int status, in_place[2];
	bool holds;
	char byte;
	pid_t child;

	require(argc == 2, "arguments");
	holds = !strcmp(argv[1], "holds");
	share();
	if (pipe(in_place) != 0 || unshare(CLONE_NEWNS | CLONE_NEWPID) != 0)
		return 77;
	child = fork();
	require(child >= 0, "fork");
	if (child == 0)
		be_child(holds, in_place[1]);
	close(in_place[1]);
	if (holds && read(in_place[0], &byte, 1) == 1) {
		pthread_barrier_wait(&shared->meeting);
		closing();
		pthread_mutex_lock(&shared->lock);
	}
	require(waitpid(child, &status, 0) == child, "waitpid");
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
