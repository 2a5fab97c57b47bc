/*
 * ring.c - reads from a pipe of its own, into which the kernel will write: by
 * an io_uring, after a second
 */
#include <linux/io_uring.h>
#include <sys/mman.h>

#include "fixture.h"

#define FLAGS (MAP_SHARED | MAP_POPULATE)

static struct __kernel_timespec second = { .tv_sec = 1 };

static void write_later(int ring, const struct io_uring_params *params, int fd)
{
	char *queue = mmap(NULL, params->sq_off.array + params->sq_entries * sizeof(unsigned),
			   PROT_READ | PROT_WRITE, FLAGS, ring, IORING_OFF_SQ_RING);
	struct io_uring_sqe *entries = mmap(NULL, params->sq_entries * sizeof(*entries),
					    PROT_READ | PROT_WRITE, FLAGS, ring, IORING_OFF_SQES);
	unsigned *order = (unsigned *)(queue + params->sq_off.array);

	require(queue != MAP_FAILED && (void *)entries != MAP_FAILED, "mmap");
	entries[0] = (struct io_uring_sqe){ .opcode = IORING_OP_TIMEOUT, .len = 1,
					    .flags = IOSQE_IO_HARDLINK,
					    .addr = (unsigned long)&second };
	entries[1] = (struct io_uring_sqe){ .opcode = IORING_OP_WRITE, .fd = fd, .len = 1,
					    .addr = (unsigned long)"x" };
	order[0] = 0;
	order[1] = 1;
	__atomic_store_n((unsigned *)(queue + params->sq_off.tail), 2, __ATOMIC_RELEASE);
	require(syscall(SYS_io_uring_enter, ring, 2, 0, 0, NULL, 0) == 2, "io_uring_enter");
}

int main(void)
{
	struct io_uring_params params = { 0 };
	int ring = (int)syscall(SYS_io_uring_setup, 4, &params), pipes[2];
	char byte = ' ';

	if (ring < 0) {
		puts("no rings here");
		return 0;
	}
	require(pipe(pipes) == 0, "pipe");
	write_later(ring, &params, pipes[1]);
	require(read(pipes[0], &byte, 1) == 1, "read");
	printf("%c\n", byte);
	return 0;
}
