/*
 * measured.c FILE COMMAND... - how long a command takes, and how much memory
 *
 * Writes to FILE its wait status, its nanoseconds and the most kilobytes it had
 * resident. The kernel counts for that what the process was before exec, too: of
 * a child of a large interpreter it would be the interpreter.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void require(int good, const char *what)
{
	if (good)
		return;
	perror(what);
	exit(125);
}

static long long now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000LL + now.tv_nsec;
}

int main(int argc, char **argv)
{
	struct rusage usage;
	long long begun;
	int status;
	pid_t child;
	FILE *out;

	if (argc < 3) {
		fputs("usage: measured FILE COMMAND...\n", stderr);
		return 2;
	}
	out = fopen(argv[1], "we");
	require(out != NULL, argv[1]);
	begun = now_ns();
	child = fork();
	require(child >= 0, "fork");
	if (child == 0) {
		execv(argv[2], argv + 2);
		perror(argv[2]);
		_exit(127);
	}
	require(wait4(child, &status, 0, &usage) == child, "wait4");
	fprintf(out, "%d %lld %ld\n", status, now_ns() - begun, usage.ru_maxrss);
	require(fclose(out) == 0, argv[1]);
	return 0;
}
