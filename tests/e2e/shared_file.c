/*
 * shared_file.c - processes that have nothing in common but a file with two
 * process-shared mutexes
 *
 *	shared_file make FILE        initialise it
 *	shared_file a|b FILE         take a then b, or b then a, and hang
 *	shared_file killed FILE      a child dies of SIGKILL with lock_a; then want it
 *	shared_file exits FILE       a child exits with lock_a; then want it
 *	shared_file execs FILE       a child with lock_a becomes a program that never locks
 *	shared_file fails FILE       a child with lock_a fails to become another program
 *	shared_file robust FILE      like killed, but lock_a is robust
 *	shared_file spawn FILE       a and b by posix_spawn, from a process without locks
 */
#include "fixture.h"
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

static struct shared {
	pthread_mutex_t lock_a, lock_b;
	pthread_barrier_t meeting;
} *shared;

extern char **environ;

static void map_file(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT, 0600);

	require(fd >= 0 && ftruncate(fd, sizeof(*shared)) == 0, "open");
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	require(shared != MAP_FAILED, "mmap");
	close(fd);
}

static void initialise(bool robust)
{
	pthread_mutexattr_t mutex;
	pthread_barrierattr_t barrier;

	pthread_mutexattr_init(&mutex);
	pthread_mutexattr_setpshared(&mutex, PTHREAD_PROCESS_SHARED);
	pthread_mutex_init(&shared->lock_b, &mutex);
	if (robust)
		pthread_mutexattr_setrobust(&mutex, PTHREAD_MUTEX_ROBUST);
	pthread_mutex_init(&shared->lock_a, &mutex);
	pthread_barrierattr_init(&barrier);
	pthread_barrierattr_setpshared(&barrier, PTHREAD_PROCESS_SHARED);
	pthread_barrier_init(&shared->meeting, &barrier, 2);
}

static void take_a_then_b(void)
{
	named("a-then-b");
	pthread_mutex_lock(&shared->lock_a);
	pthread_barrier_wait(&shared->meeting);
	closing();
	pthread_mutex_lock(&shared->lock_b);
}

static void take_b_then_a(void)
{
	named("b-then-a");
	pthread_mutex_lock(&shared->lock_b);
	pthread_barrier_wait(&shared->meeting);
	closing();
	pthread_mutex_lock(&shared->lock_a);
}

static void leave_it_locked(const char *how)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	named("leaver");
	pthread_mutex_lock(&shared->lock_a);
	if (!strcmp(how, "exits"))
		exit(0);
	if (!strcmp(how, "execs"))
		execl("/bin/sleep", "sleep", "1000", (char *)NULL);
	if (!strcmp(how, "fails"))
		execl("/nowhere/at/all", "nothing", (char *)NULL);
	pthread_barrier_wait(&shared->meeting);
	for (;;)
		pause();
}

static int want_it(void)
{
	int error;

	named("heir");
	closing();
	error = pthread_mutex_lock(&shared->lock_a);
	printf("%s\n", error == EOWNERDEAD ? "EOWNERDEAD" : strerror(error));
	return 0;
}

/** await_exec() - the kernel calls a program by its name from its first moment on */
static bool await_exec(pid_t pid)
{
	char path[64], name[16] = "";

	snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	while (strcmp(name, "sleep\n")) {
		FILE *file = fopen(path, "r");
		bool read = file && fgets(name, sizeof(name), file);

		if (file)
			fclose(file);
		if (!read)
			return false;
	}
	return true;
}

static int outlive(const char *how)
{
	pid_t child;

	initialise(!strcmp(how, "robust"));
	child = fork();
	if (child == 0)
		leave_it_locked(how);
	if (!strcmp(how, "execs"))
		return await_exec(child) ? want_it() : 1;
	if (strcmp(how, "exits"))
		pthread_barrier_wait(&shared->meeting);
	if (!strcmp(how, "fails"))
		return want_it();
	if (!strcmp(how, "killed") || !strcmp(how, "robust"))
		kill(child, SIGKILL);
	require(waitpid(child, NULL, 0) == child, "waitpid");
	return want_it();
}

static int spawn(char *program, char *path)
{
	char *roles[] = { "a", "b" };
	pid_t child;
	int i;

	for (i = 0; i < 2; i++) {
		char *arguments[] = { program, roles[i], path, NULL };

		require(posix_spawn(&child, program, NULL, NULL, arguments, environ) == 0,
			"posix_spawn");
	}
	while (wait(NULL) > 0)
		;
	return 0;
}

int main(int argc, char **argv)
{
	require(argc == 3, "arguments");
	if (!strcmp(argv[1], "spawn"))
		return spawn(argv[0], argv[2]);
	map_file(argv[2]);
	if (!strcmp(argv[1], "make"))
		initialise(false);
	else if (!strcmp(argv[1], "a"))
		take_a_then_b();
	else if (!strcmp(argv[1], "b"))
		take_b_then_a();
	else
		return outlive(argv[1]);
	return 0;
}
