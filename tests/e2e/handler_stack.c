/*
 * handler_stack.c - while a thread waits, a handler of it waits for another
 * lock and gets it, on a stack of its own that lies higher than the thread's
 */
#include "fixture.h"
#include <signal.h>
#include <sys/mman.h>

#define SIZE 65536

static pthread_mutex_t lock_a = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t lock_b = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t handlers_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_barrier_t meeting;
static pthread_t interrupted;
static int interrupted_tid;
static char *memory; /* the thread's stack, and above it its handler's */

static void use_lock(int number)
{
	(void)number;
	pthread_mutex_lock(&handlers_lock);
	pthread_mutex_unlock(&handlers_lock);
	pthread_barrier_wait(&meeting);
}

static void *take_a_then_b(void *unused)
{
	stack_t stack = { .ss_sp = memory + 4 * SIZE, .ss_size = SIZE };

	(void)unused;
	named("a-then-b");
	interrupted_tid = (int)syscall(SYS_gettid);
	sigaltstack(&stack, NULL);
	pthread_mutex_lock(&lock_a);
	pthread_barrier_wait(&meeting);
	pthread_mutex_lock(&lock_b);
	return NULL;
}

static void *take_b_then_a(void *unused)
{
	(void)unused;
	named("b-then-a");
	pthread_mutex_lock(&lock_b);
	pthread_barrier_wait(&meeting);
	wait_until_asleep_in(&interrupted_tid, &lock_b, sizeof(lock_b));
	pthread_mutex_lock(&handlers_lock);
	pthread_kill(interrupted, SIGUSR1);
	wait_until_asleep_in(&interrupted_tid, &handlers_lock, sizeof(handlers_lock));
	pthread_mutex_unlock(&handlers_lock);
	pthread_barrier_wait(&meeting);
	closing();
	pthread_mutex_lock(&lock_a);
	return NULL;
}

int main(void)
{
	struct sigaction action = { .sa_handler = use_lock, .sa_flags = SA_ONSTACK | SA_RESTART };
	pthread_attr_t low;

	memory = mmap(NULL, 5 * SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	require(memory != MAP_FAILED, "mmap");
	pthread_attr_init(&low);
	pthread_attr_setstack(&low, memory, 4 * SIZE);
	sigaction(SIGUSR1, &action, NULL);
	pthread_barrier_init(&meeting, NULL, 2);
	require(pthread_create(&interrupted, &low, take_a_then_b, NULL) == 0, "pthread_create");
	pthread_join(start(take_b_then_a, NULL), NULL);
	return 0;
}
