/*
 * again.c broken|killed - the same deadlock twice, with its end in between
 *
 * broken: two threads of one process, twice; somebody has to make one of them
 *         fail with EDEADLK, and it gives up.
 * killed: two processes with robust locks; for each byte of standard input the
 *         child is killed. The parent then has its lock, and starts another
 *         child, with which it deadlocks in the same way.
 */
#include "fixture.h"
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

enum { ROUNDS = 2 };

static struct shared {
	pthread_mutex_t first, second;
	pthread_barrier_t meeting;
} *shared;

static volatile pid_t child;

static void initialise(int robust)
{
	pthread_mutexattr_t mutex;
	pthread_barrierattr_t barrier;

	pthread_mutexattr_init(&mutex);
	pthread_mutexattr_setpshared(&mutex, PTHREAD_PROCESS_SHARED);
	pthread_mutexattr_setrobust(&mutex, robust);
	pthread_mutex_init(&shared->first, &mutex);
	pthread_mutex_init(&shared->second, &mutex);
	pthread_barrierattr_init(&barrier);
	pthread_barrierattr_setpshared(&barrier, PTHREAD_PROCESS_SHARED);
	pthread_barrier_init(&shared->meeting, &barrier, 2);
}

/* Return: what the second lock said; if it was had, both are given back. */
static int take_two(pthread_mutex_t *one, pthread_mutex_t *other)
{
	int error;

	require(pthread_mutex_lock(one) == 0, "first lock");
	pthread_barrier_wait(&shared->meeting);
	closing();
	error = pthread_mutex_lock(other);
	if (error == EOWNERDEAD)
		pthread_mutex_consistent(other);
	if (error != EDEADLK)
		pthread_mutex_unlock(other);
	pthread_mutex_unlock(one);
	return error;
}

static void *backwards(void *unused)
{
	(void)unused;
	named("backwards");
	take_two(&shared->second, &shared->first);
	return NULL;
}

static void broken(void)
{
	pthread_t thread = start(backwards, NULL);

	take_two(&shared->first, &shared->second);
	pthread_join(thread, NULL);
}

static void *kill_when_told(void *unused)
{
	char byte;

	(void)unused;
	named("killer");
	while (read(0, &byte, 1) == 1)
		kill(child, SIGKILL);
	return NULL;
}

static void killed(void)
{
	child = fork();
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		backwards(NULL);
		_exit(0);
	}
	require(take_two(&shared->first, &shared->second) == EOWNERDEAD, "recovery");
	waitpid(child, NULL, 0);
}

int main(int count, char **arguments)
{
	bool kills = count > 1 && strcmp(arguments[1], "killed") == 0;
	int round;

	named("forwards");
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		      -1, 0);
	require(shared != MAP_FAILED, "mmap");
	initialise(kills ? PTHREAD_MUTEX_ROBUST : PTHREAD_MUTEX_STALLED);
	if (kills)
		pthread_detach(start(kill_when_told, NULL));
	for (round = 0; round < ROUNDS; round++)
		kills ? killed() : broken();
	dprintf(1, "over\n");
	return 0;
}
