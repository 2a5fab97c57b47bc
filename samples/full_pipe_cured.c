/*
 * full_pipe_cured.c - the cure of full_pipe.c: read to the end, then wait
 *
 * The end of the output comes when the child closes its end of the pipe, at the
 * latest when it exits. After that, waiting for it takes no time. (In Python:
 * Popen.communicate() instead of wait().)
 *
 * Run it:   dlwatch run build/samples/full_pipe_cured
 * Expect:   no finding, exit status 0.
 * Look at:  two lines that have changed places.
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
		perror("full_pipe_cured");
		return 1;
	}
	if (child == 0) {
		close(ends[0]);
		talk(ends[1]);
	}
	close(ends[1]);
	total = read_all(ends[0]);
	waitpid(child, NULL, 0);
	printf("%ld bytes\n", total);
	return 0;
}
