/*
 * stack_end.c - a coroutine asks for a lock with nothing on its stack but the
 * return address: behind that, the stack ends and no memory follows
 */
#include "fixture.h"
#include <sys/mman.h>

#define PAGE 4096
#define STACK (64 * PAGE)

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/** timedlock_on() - pthread_mutex_timedlock() on the stack that ends at @end */
int timedlock_on(void *end, pthread_mutex_t *mutex, const struct timespec *until);

__asm__(".text\n"
	".globl timedlock_on\n"
	"timedlock_on:\n"
	"	push %rbx\n"
	"	mov %rsp, %rbx\n"
	"	mov %rdi, %rsp\n"
	"	mov %rsi, %rdi\n"
	"	mov %rdx, %rsi\n"
	"	call pthread_mutex_timedlock@PLT\n"
	"	mov %rbx, %rsp\n"
	"	pop %rbx\n"
	"	ret\n");

int main(void)
{
	char *stack = mmap(NULL, STACK + PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	const struct timespec long_ago = { 0 };

	require(stack != MAP_FAILED && mprotect(stack, STACK, PROT_READ | PROT_WRITE) == 0, "mmap");
	pthread_mutex_lock(&lock);
	require(timedlock_on(stack + STACK, &lock, &long_ago) == ETIMEDOUT, "timedlock");
	pthread_mutex_unlock(&lock);
	puts("over");
	return 0;
}
