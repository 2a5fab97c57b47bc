/*
 * two_files.c - two processes lock two files in two orders
 *
 * flock() locks a whole file for whoever has it open. A process that copies
 * accounts from one file to another locks the source, then the target. Parent
 * and child do it in opposite directions: the two locks of two_locks.c, kept by
 * the kernel, and no thread in sight.
 *
 * Run it:   dlwatch run build/samples/two_files
 * Expect:   deadlock, proven; core of 2 threads of 2 processes.
 * Look at:  the names of the resources: they are files.
 * Cure:     two_files_cured.c
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

static int step[2][2]; /* two pipes: each process tells the other one that it has its file */

static void fail(const char *what)
{
	perror(what);
	_exit(1);
}

static int open_file(const char *directory, const char *name)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600); /* each process its own description */
	if (fd < 0)
		fail(path);
	return fd;
}

static void meet(int tell, int hear)
{
	char token = 0;

	if (write(tell, &token, 1) != 1 || read(hear, &token, 1) != 1)
		fail("two_files: meeting");
}

/* Open files stay, whatever their names do: nothing is left behind, also by a hang. */
static void clean_up(const char *directory)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/alice", directory);
	unlink(path);
	snprintf(path, sizeof(path), "%s/bob", directory);
	unlink(path);
	rmdir(directory);
}

static void copy(const char *directory, const char *source, const char *target, int side)
{
	int from = open_file(directory, source), to = open_file(directory, target);

	flock(from, LOCK_EX);
	meet(step[side][1], step[!side][0]); /* now each process has one file */
	if (side == 0)
		clean_up(directory);
	flock(to, LOCK_EX);
	flock(to, LOCK_UN);
	flock(from, LOCK_UN);
}

int main(void)
{
	char directory[] = "/tmp/two_files.XXXXXX";
	pid_t child;

	if (!mkdtemp(directory) || pipe(step[0]) != 0 || pipe(step[1]) != 0)
		fail("two_files");
	child = fork();
	if (child < 0)
		fail("two_files: fork");
	if (child == 0) {
		copy(directory, "bob", "alice", 1);
		_exit(0);
	}
	copy(directory, "alice", "bob", 0);
	waitpid(child, NULL, 0);
	printf("copied\n");
	return 0;
}
