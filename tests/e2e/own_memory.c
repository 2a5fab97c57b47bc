/*
 * own_memory.c - nobody in the process is left to post, but another process
 * with the same memory does, after two seconds: the world is open
 */
#include "fixture.h"
#include <linux/futex.h>
#include <signal.h>

static sem_t wake;
static char stack[65536] __attribute__((aligned(16)));

/* With system calls alone: the C library takes it for the thread that made it. */
static int post_late(void *unused)
{
	struct timespec late = { 2, 0 };

	(void)unused;
	syscall(SYS_nanosleep, &late, NULL);
	__atomic_fetch_add((unsigned long *)&wake, 1, __ATOMIC_SEQ_CST);
	syscall(SYS_futex, &wake, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
	syscall(SYS_exit, 0);
	return 0;
}

static void *wait_for_post(void *unused)
{
	sem_wait(&wake);
	dprintf(1, "woken\n");
	return unused;
}

int main(void)
{
	sem_init(&wake, 0, 0);
	require(clone(post_late, stack + sizeof(stack), CLONE_VM | SIGCHLD, NULL) > 0, "clone");
	pthread_join(start(wait_for_post, NULL), NULL);
	return 0;
}
