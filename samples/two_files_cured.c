/*
 * two_files_cured.c - the cure of two_files.c: files are locked in the order of their names
 *
 * Any order will do that every process computes in the same way: names, or
 * device and inode numbers where a file may have several names.
 *
 * Run it:   dlwatch run build/samples/two_files_cured
 * Expect:   no finding, exit status 0.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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
		fail("two_files_cured: meeting");
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
	bool in_order = strcmp(source, target) < 0;

	meet(step[side][1], step[!side][0]);
	if (side == 0)
		clean_up(directory);
	flock(in_order ? from : to, LOCK_EX);
	flock(in_order ? to : from, LOCK_EX);
	flock(to, LOCK_UN);
	flock(from, LOCK_UN);
}

int main(void)
{
	char directory[] = "/tmp/two_files_cured.XXXXXX";
	pid_t child;

	if (!mkdtemp(directory) || pipe(step[0]) != 0 || pipe(step[1]) != 0)
		fail("two_files_cured");
	child = fork();
	if (child < 0)
		fail("two_files_cured: fork");
	if (child == 0) {
		copy(directory, "bob", "alice", 1);
		_exit(0);
	}
	copy(directory, "alice", "bob", 0);
	waitpid(child, NULL, 0);
	printf("copied\n");
	return 0;
}
