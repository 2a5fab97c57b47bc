/*
 * full_pipe.c - the parent waits for the child, the child for room in the pipe
 *
 * The parent starts a child whose output it wants, and waits until the child
 * has finished before it reads. A pipe has room for 64 KiB. The child has more
 * to say, so it waits for somebody to read; the one who would, waits for the
 * child to end. With a little less output the program works: such hangs come
 * with the first large file.
 *
 * No lock is involved. A process `holds' its own end until it exits, and the
 * only reader of a pipe `holds' the room in it.
 *
 * Run it:   dlwatch run build/samples/full_pipe
 * Expect:   deadlock, proven; core of 2 threads of 2 processes: the parent in
 *           waitpid(), the child in write().
 * Look at:  the kinds of the two waits: a process and a pipe. dlwatch learns of
 *           them from the kernel.
 * Cure:     full_pipe_cured.c
 */
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static void talk(int output)
{
	char line[1000];
	int i;

	prctl(PR_SET_NAME, "talker");
	memset(line, 'x', sizeof(line));
	for (i = 0; i < 1000; i++) /* a million bytes: more than a pipe holds */
		if (write(output, line, sizeof(line)) < 0)
			_exit(1);
	_exit(0);
}

static long read_all(int input)
{
	char text[4096];
	long total = 0;
	ssize_t got;

	while ((got = read(input, text, sizeof(text))) > 0)
		total += got;
	return total;
}

int main(void)
{
	int ends[2];
	long total;
	pid_t child;

	if (pipe(ends) != 0 || (child = fork()) < 0) {
		perror("full_pipe");
		return 1;
	}
	if (child == 0) {
		close(ends[0]);
		talk(ends[1]);
	}
	close(ends[1]);
	waitpid(child, NULL, 0); /* before anything has been read */
	total = read_all(ends[0]);
	printf("%ld bytes\n", total);
	return 0;
}
