/*
 * leavers.c - eighty children end with a permit of a shared semaphore each, one
 * more with a shared mutex locked, which its parent wants; `unseen`: meanwhile the
 * parent's own parent is stopped
 */
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "fixture.h"

#define CHILDREN 80

static struct shared {
	sem_t permits;
	pthread_mutex_t mutex;
} *shared;

static void take_permit(void)
{
	sem_wait(&shared->permits);
}

static void leave_it_locked(void)
{
	pthread_mutex_lock(&shared->mutex);
}

static void leave_behind(void (*what)(void))
{
	pid_t child = fork();

	if (child == 0) {
		what();
		_exit(0);
	}
	require(child > 0 && waitpid(child, NULL, 0) == child, "fork, waitpid");
}

static void make_shared(void)
{
	pthread_mutexattr_t attributes;

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		      -1, 0);
	require(shared != MAP_FAILED, "mmap");
	pthread_mutexattr_init(&attributes);
	pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
	pthread_mutex_init(&shared->mutex, &attributes);
	sem_init(&shared->permits, 1, CHILDREN);
}

static void stop_supervisor(void)
{
	char path[64], state = 0;

	snprintf(path, sizeof(path), "/proc/%d/stat", getppid());
	kill(getppid(), SIGSTOP);
	while (state != 'T') {
		FILE *file = fopen(path, "r");

		require(file && fscanf(file, "%*d (dlwatch) %c", &state) == 1, path);
		fclose(file);
	}
}

int main(int argc, char **argv)
{
	bool unseen = argc == 2 && strcmp(argv[1], "unseen") == 0;
	int i;

	make_shared();
	if (unseen)
		stop_supervisor();
	for (i = 0; i < CHILDREN; i++)
		leave_behind(take_permit);
	leave_behind(leave_it_locked);
	if (unseen)
		kill(getppid(), SIGCONT);
	named("heir");
	closing();
	pthread_mutex_lock(&shared->mutex);
	return 0;
}
