/*
 * odd_frame.c - code without unwind tables and without frame pointers locks a
 * mutex: what is in the frame pointer there is an address as good as any, and
 * nothing is at it, be it beyond all stacks or, on that of a signal handler,
 * between two of them
 */
#include "fixture.h"
#include <signal.h>
#include <sys/mman.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/** lock_with() - lock and unlock with @frame_pointer where a frame pointer would be */
void lock_with(void *frame_pointer, pthread_mutex_t *mutex);

__asm__(".text\n"
	".globl lock_with\n"
	"lock_with:\n"
	"	push %rbp\n"
	"	push %rbx\n"
	"	sub $8, %rsp\n"
	"	mov %rdi, %rbp\n"
	"	mov %rsi, %rbx\n"
	"	mov %rbx, %rdi\n"
	"	call pthread_mutex_lock@PLT\n"
	"	mov %rbx, %rdi\n"
	"	call pthread_mutex_unlock@PLT\n"
	"	add $8, %rsp\n"
	"	pop %rbx\n"
	"	pop %rbp\n"
	"	ret\n");

static char handlers_stack[65536] __attribute__((aligned(64)));
static char *nowhere;

static void use_lock(int number)
{
	(void)number;
	lock_with(nowhere, &lock);
}

int main(void)
{
	struct sigaction action = { .sa_handler = use_lock, .sa_flags = SA_ONSTACK };
	stack_t stack = { .ss_sp = handlers_stack, .ss_size = sizeof(handlers_stack) };

	/* between that stack and ours */
	nowhere = mmap(NULL, 1 << 20, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	require(nowhere != MAP_FAILED, "mmap");
	sigaltstack(&stack, NULL);
	sigaction(SIGUSR1, &action, NULL);
	raise(SIGUSR1);
	lock_with((void *)-8, &lock);
	lock_with((void *)-16, &lock);
	puts("over");
	return 0;
}
