/*
 * shared_file.c - processes that have nothing in common but a file with two
 * process-shared mutexes
 *
 *	shared_file make FILE        initialise it
 *	shared_file a|b FILE         take a then b, or b then a, and hang
 *	shared_file idle FILE        with a thread, so that somebody looks; says so, and stays
 *	shared_file ring FILE        three processes, each with one lock, want the next one's
 *	shared_file memfd FILE       a, and b in a child, in other memory, elsewhere in each
 *	shared_file sysv FILE        the same in a System V segment
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
#include <sys/shm.h>
#include <sys/wait.h>

static struct shared {
	pthread_mutex_t lock_a, lock_b, lock_c;
	pthread_barrier_t meeting, ring_meeting;
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
	pthread_mutex_init(&shared->lock_c, &mutex);
	if (robust)
		pthread_mutexattr_setrobust(&mutex, PTHREAD_MUTEX_ROBUST);
	pthread_mutex_init(&shared->lock_a, &mutex);
	pthread_barrierattr_init(&barrier);
	pthread_barrierattr_setpshared(&barrier, PTHREAD_PROCESS_SHARED);
	pthread_barrier_init(&shared->meeting, &barrier, 2);
	pthread_barrier_init(&shared->ring_meeting, &barrier, 3);
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

static void take_pair(pthread_mutex_t *first, pthread_mutex_t *second)
{
	pthread_mutex_lock(first);
	pthread_barrier_wait(&shared->ring_meeting);
	closing();
	pthread_mutex_lock(second);
}

static int ring(void)
{
	pthread_mutex_t *locks[] = { &shared->lock_a, &shared->lock_b, &shared->lock_c };
	char name[] = "ring-0";
	int i;

	initialise(false);
	for (i = 0; i < 3; i++) {
		name[5] = (char)('0' + i);
		if (fork() > 0)
			continue;
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		named(name);
		take_pair(locks[i], locks[(i + 1) % 3]);
		return 0;
	}
	while (wait(NULL) > 0)
		;
	return 0;
}

static void *stay(void *unused)
{
	for (;;)
		pause();
	return unused;
}

static void idle(void)
{
	pthread_mutex_lock(&shared->lock_c);
	pthread_mutex_unlock(&shared->lock_c);
	start(stay, NULL);
	printf("idle\n");
	fflush(stdout);
	stay(NULL);
}

/** map_again() - at another address, and no more at the old one; @fd or else @segment */
static void map_again(int fd, int segment)
{
	void *old = shared, *again;

	if (fd >= 0)
		again = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	else
		again = shmat(segment, NULL, 0);
	require(again != MAP_FAILED && again != old, "map again");
	if (old && fd >= 0)
		munmap(old, sizeof(*shared));
	else if (old)
		shmdt(old);
	shared = again;
}

static int elsewhere(bool sysv)
{
	int fd = sysv ? -1 : memfd_create("shared", MFD_CLOEXEC);
	int segment = sysv ? shmget(IPC_PRIVATE, sizeof(*shared), IPC_CREAT | 0600) : -1;

	require(fd >= 0 || segment >= 0, "shared memory");
	require(sysv || ftruncate(fd, sizeof(*shared)) == 0, "ftruncate");
	shared = NULL;
	map_again(fd, segment);
	initialise(false);
	if (fork() == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		map_again(fd, segment);
		take_b_then_a();
		return 0;
	}
	if (sysv) /* it stays while it is attached; Linux lets a child attach it still */
		shmctl(segment, IPC_RMID, NULL);
	take_a_then_b();
	return 0;
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
	else if (!strcmp(argv[1], "memfd") || !strcmp(argv[1], "sysv"))
		return elsewhere(!strcmp(argv[1], "sysv"));
	else if (!strcmp(argv[1], "ring"))
		return ring();
	else if (!strcmp(argv[1], "idle"))
		idle();
	else if (!strcmp(argv[1], "a"))
		take_a_then_b();
	else if (!strcmp(argv[1], "b"))
		take_b_then_a();
	else
		return outlive(argv[1]);
	return 0;
}
