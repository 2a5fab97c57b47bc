/*
 * overflow.c - a thread runs out of stack; its handler, on a stack of its own,
 * locks a mutex and goes on elsewhere: where the thread was, no stack is left
 */
#include "fixture.h"
#include <setjmp.h>
#include <signal.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char handlers_stack[65536] __attribute__((aligned(64)));
static sigjmp_buf before;

static void use_lock(int number)
{
	(void)number;
	pthread_mutex_lock(&lock);
	pthread_mutex_unlock(&lock);
	siglongjmp(before, 1);
}

static __attribute__((noinline)) int go_deeper(int depth)
{
	volatile char room[64];

	room[0] = (char)depth;
	return depth < 0 ? 0 : go_deeper(depth + 1) + room[0];
}

static void *run_out(void *unused)
{
	stack_t stack = { .ss_sp = handlers_stack, .ss_size = sizeof(handlers_stack) };

	sigaltstack(&stack, NULL);
	if (!sigsetjmp(before, 1))
		go_deeper(0);
	puts("over");
	return unused;
}

int main(void)
{
	struct sigaction action = { .sa_handler = use_lock, .sa_flags = SA_ONSTACK };

	sigaction(SIGSEGV, &action, NULL);
	pthread_join(start(run_out, NULL), NULL);
	return 0;
}
