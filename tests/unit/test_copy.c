/*
 * test_copy.c - a sleeping process is copied and notices nothing
 *
 * The one that is copied is a child of the test, with a thread that sleeps for
 * good and one that is told to wake it. It says afterwards what it noticed.
 */
#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <setjmp.h>
#include <cmocka.h>

#include "analyzer/copy.h"
#include "core/watch/procfs.h"

enum { ENTRY_STACK = 64 * 1024, STATUS_NOTICED = 1, STATUS_FINE = 0 };

/** What parent and child share. */
struct world {
	volatile pid_t sleeper;
	sem_t never;
	volatile int timed; /* wait with a timeout of half a second, and let it pass */
	volatile int signals;
	volatile int busy;  /* the first thread runs */
};

static struct world *world;
static char entry_stack[ENTRY_STACK] __attribute__((aligned(64)));
static int go[2];
static volatile int changed_by_copy = 1;

/* ---- the program --------------------------------------------------------------------- */

static void count_signal(int number)
{
	(void)number;
	world->signals++;
}

static struct timespec in_half_a_second(void)
{
	struct timespec then;

	clock_gettime(CLOCK_MONOTONIC, &then);
	then.tv_nsec += 500000000;
	then.tv_sec += then.tv_nsec / 1000000000;
	then.tv_nsec %= 1000000000;
	return then;
}

/* Return: NULL if the wait ended as it ought to. */
static void *sleep_for_good(void *unused)
{
	struct timespec then = in_half_a_second(), now;
	sigset_t before, after;
	int result;

	(void)unused;
	memset(&before, 0, sizeof(before)); /* the C library fills in a part of it */
	after = before;
	pthread_sigmask(SIG_BLOCK, NULL, &before);
	errno = 1234;
	world->sleeper = (pid_t)syscall(SYS_gettid);
	result = world->timed ? sem_clockwait(&world->never, CLOCK_MONOTONIC, &then) :
				sem_wait(&world->never);
	clock_gettime(CLOCK_MONOTONIC, &now);
	pthread_sigmask(SIG_BLOCK, NULL, &after);
	if (memcmp(&before, &after, sizeof(before)) != 0)
		return "signal mask";
	if (!world->timed)
		return result == 0 && errno == 1234 ? NULL : "result of sem_wait";
	if (result != -1 || errno != ETIMEDOUT)
		return "result of sem_clockwait";
	return now.tv_sec > then.tv_sec ||
	       (now.tv_sec == then.tv_sec && now.tv_nsec >= then.tv_nsec) ? NULL : "too early";
}

static void be_watched(void)
{
	struct sigaction action = { .sa_handler = count_signal };
	pthread_t thread;
	void *noticed;
	char byte;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	sigaction(SIGCHLD, &action, NULL);
	sigaction(SIGTRAP, &action, NULL);
	pthread_create(&thread, NULL, sleep_for_good, NULL);
	while (world->busy)
		;
	if (read(go[0], &byte, 1) != 1)
		_exit(STATUS_NOTICED);
	if (!world->timed)
		sem_post(&world->never);
	pthread_join(thread, &noticed);
	if (noticed)
		fprintf(stderr, "noticed: %s\n", (char *)noticed);
	if (world->signals)
		fprintf(stderr, "noticed: %d signals\n", world->signals);
	if (waitpid(-1, NULL, WNOHANG | __WALL) != -1 || errno != ECHILD)
		fprintf(stderr, "noticed: a child\n");
	else if (!noticed && !world->signals && changed_by_copy == 1)
		_exit(STATUS_FINE);
	_exit(STATUS_NOTICED);
}

/* ---- what goes on in the copy ----------------------------------------------------------- */

static void say_where(int fd)
{
	char text[64];
	int length = snprintf(text, sizeof(text), "%d %d\n", (int)getpid(), (int)getppid());

	changed_by_copy = 2;
	if (write(fd, text, (size_t)length) != length)
		_exit(2);
	_exit(0);
}

static void say_and_stay(int fd)
{
	if (write(fd, "here\n", 5) != 5)
		_exit(2);
	for (;;)
		pause();
}

static void crash(int fd)
{
	(void)fd;
	__builtin_trap();
}

/* ---- tests -------------------------------------------------------------------------------- */

static pid_t start_program(int timed, int busy)
{
	struct dlw_system_call call;
	pid_t pid;

	world = mmap(NULL, sizeof(*world), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(world != MAP_FAILED);
	sem_init(&world->never, 1, 0);
	world->timed = timed;
	world->busy = busy;
	assert_int_equal(pipe(go), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		be_watched();
	while (!world->sleeper || dlw_task_look(pid, world->sleeper, &call) != DLW_TASK_ASLEEP ||
	       call.number != SYS_futex)
		usleep(1000);
	return pid;
}

static void ends_well(pid_t pid)
{
	int status;

	assert_int_equal(write(go[1], "", 1), 1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), STATUS_FINE);
	close(go[0]);
	close(go[1]);
	munmap(world, sizeof(*world));
}

/* What the copy wrote, once it has ended. */
static void ask(pid_t pid, void (*entry)(int), unsigned milliseconds, char text[64])
{
	const char *why = "";
	pid_t copy = dlw_copy_make(pid, world->sleeper, &why);
	ssize_t got;
	int fd;

	if (copy < 0 && strstr(why, "may not be traced")) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		skip();
	}
	assert_string_equal(copy > 0 ? "" : why, "");
	fd = dlw_copy_enter(copy, (uint64_t)(uintptr_t)entry,
			    (uint64_t)(uintptr_t)(entry_stack + ENTRY_STACK - 8), milliseconds);
	dlw_copy_bury(world->sleeper, copy);
	assert_true(fd >= 0);
	got = pread(fd, text, 63, 0);
	assert_true(got >= 0);
	text[got] = '\0';
	close(fd);
	assert_int_equal(kill(copy, 0), -1);
}

static void copies(int timed)
{
	pid_t pid = start_program(timed, 0);
	char text[64];
	int copy, parent;

	ask(pid, say_where, 2000, text);
	assert_int_equal(sscanf(text, "%d %d", &copy, &parent), 2);
	assert_int_not_equal(copy, pid);
	assert_int_equal(parent, pid);
	ends_well(pid);
}

static void a_wait_goes_on_and_ends_well(void **state)
{
	(void)state;
	copies(0);
}

static void a_timeout_comes_when_it_ought_to(void **state)
{
	(void)state;
	copies(1);
}

static void many_copies_leave_no_trace(void **state)
{
	pid_t pid = start_program(0, 0);
	char text[64];
	int i;

	(void)state;
	for (i = 0; i < 50; i++)
		ask(pid, say_where, 2000, text);
	ends_well(pid);
}

static void a_copy_that_stays_is_ended(void **state)
{
	pid_t pid = start_program(0, 0);
	char text[64];

	(void)state;
	ask(pid, say_and_stay, 100, text);
	assert_string_equal(text, "here\n");
	ends_well(pid);
}

static void a_copy_that_crashes_hurts_nobody(void **state)
{
	pid_t pid = start_program(0, 0);
	char text[64];

	(void)state;
	ask(pid, crash, 2000, text);
	assert_string_equal(text, "");
	ends_well(pid);
}

static void a_thread_that_runs_is_left_alone(void **state)
{
	pid_t pid = start_program(0, 1);
	const char *why = "";

	(void)state;
	assert_int_equal(dlw_copy_make(pid, pid, &why), -1);
	assert_string_not_equal(why, "");
	world->busy = 0;
	ends_well(pid);
}

/* The first thread reads an empty pipe, and is to read what comes. */
static void a_read_goes_on(void **state)
{
	pid_t pid = start_program(0, 0), sleeper = world->sleeper;
	struct dlw_system_call call;
	char text[64];

	(void)state;
	while (dlw_task_look(pid, pid, &call) != DLW_TASK_ASLEEP || call.number != SYS_read)
		usleep(1000);
	world->sleeper = pid;
	ask(pid, say_where, 2000, text);
	world->sleeper = sleeper;
	assert_int_equal(atoi(text) == pid, 0);
	ends_well(pid);
}

static void what_is_not_there_cannot_be_copied(void **state)
{
	const char *why = "";

	(void)state;
	assert_int_equal(dlw_copy_make(0x3fffff, 0x3fffff, &why), -1);
	assert_string_not_equal(why, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_wait_goes_on_and_ends_well),
		cmocka_unit_test(a_timeout_comes_when_it_ought_to),
		cmocka_unit_test(many_copies_leave_no_trace),
		cmocka_unit_test(a_copy_that_stays_is_ended),
		cmocka_unit_test(a_copy_that_crashes_hurts_nobody),
		cmocka_unit_test(a_thread_that_runs_is_left_alone),
		cmocka_unit_test(a_read_goes_on),
		cmocka_unit_test(what_is_not_there_cannot_be_copied),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
