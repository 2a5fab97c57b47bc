/*
 * two_processes.c - AB-BA between two processes over process-shared mutexes in
 * one anonymous shared mapping
 */
#include "fixture.h"
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

static struct shared {
	pthread_mutex_t lock_a, lock_b;
	pthread_barrier_t meeting;
} *shared;

static void take_a_then_b(void)
{
	named("a-then-b");
	pthread_mutex_lock(&shared->lock_a);
	pthread_barrier_wait(&shared->meeting);
	closing();
	pthread_mutex_lock(&shared->lock_b);
}

static void take_b_then_a(void)
{
	named("b-then-a");
	pthread_mutex_lock(&shared->lock_b);
	pthread_barrier_wait(&shared->meeting);
	closing();
	pthread_mutex_lock(&shared->lock_a);
}

int main(void)
{
	pthread_mutexattr_t mutex;
	pthread_barrierattr_t barrier;
	pid_t child;

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		      -1, 0);
	require(shared != MAP_FAILED, "mmap");
	pthread_mutexattr_init(&mutex);
	pthread_mutexattr_setpshared(&mutex, PTHREAD_PROCESS_SHARED);
	pthread_mutex_init(&shared->lock_a, &mutex);
	pthread_mutex_init(&shared->lock_b, &mutex);
	pthread_barrierattr_init(&barrier);
	pthread_barrierattr_setpshared(&barrier, PTHREAD_PROCESS_SHARED);
	pthread_barrier_init(&shared->meeting, &barrier, 2);
	child = fork();
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, 9);
		take_b_then_a();
		return 0;
	}
	dprintf(1, "child %d\n", (int)child);
	take_a_then_b();
	return 0;
}
