/*
 * handed_over.c - a child takes the permit of a shared semaphore, and then its
 * parent, which has not used it before, gives it back
 */
#include <sys/mman.h>
#include <sys/wait.h>

#include "fixture.h"

static pthread_mutex_t own = PTHREAD_MUTEX_INITIALIZER;

static void use_own(void)
{
	pthread_mutex_lock(&own);
	pthread_mutex_unlock(&own);
}

static void say(const int *pipe_ends)
{
	require(write(pipe_ends[1], "x", 1) == 1, "write");
}

static void hear(const int *pipe_ends)
{
	char byte;

	require(read(pipe_ends[0], &byte, 1) == 1, "read");
}

int main(void)
{
	sem_t *semaphore = mmap(NULL, sizeof(*semaphore), PROT_READ | PROT_WRITE,
				MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int to_child[2], to_parent[2];
	pid_t child;

	require(semaphore != MAP_FAILED && sem_init(semaphore, 1, 1) == 0, "sem_init");
	require(pipe(to_child) == 0 && pipe(to_parent) == 0, "pipe");
	child = fork();
	if (child == 0) {
		hear(to_child);
		sem_wait(semaphore);
		say(to_parent);
		_exit(0);
	}
	use_own();
	say(to_child);
	hear(to_parent);
	sem_post(semaphore);
	require(child > 0 && waitpid(child, NULL, 0) == child, "fork, waitpid");
	return 0;
}
