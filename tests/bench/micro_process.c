/*
 * micro_process.c - workloads of whole processes, and what memory things take
 */
#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "micro.h"

extern char **environ;

static void fork_and_wait_for(uint64_t ops, uint64_t locks)
{
	while (ops--) {
		pid_t pid = fork();
		int status;

		if (pid < 0)
			die("fork", errno);
		if (pid == 0) {
			lock_unlock(locks);
			_exit(0);
		}
		if (waitpid(pid, &status, 0) != pid || status != 0)
			die("the child failed", errno);
	}
}

/* The child does nothing: what is measured is the fork, and the child's end. */
static void fork_and_wait(uint64_t ops)
{
	fork_and_wait_for(ops, 0);
}

/* The child is a program of its own to whoever watches it. */
static void fork_and_lock(uint64_t ops)
{
	fork_and_wait_for(ops, 1);
}

/*
 * Starts this program, to lock once and exit.  This one is not preloaded:
 * what the started one is to have comes in MICRO_PRELOAD.
 */
static void startup(uint64_t ops)
{
	const char *preload = getenv("MICRO_PRELOAD");
	char *const args[] = { (char *)self_path, (char *)"--lock-once", NULL };

	if (preload && *preload)
		setenv("LD_PRELOAD", preload, 1);
	while (ops--) {
		pid_t pid;
		int status;

		check("posix_spawn", posix_spawn(&pid, self_path, NULL, NULL, args, environ));
		if (waitpid(pid, &status, 0) != pid || status != 0)
			die("the started process failed", errno);
	}
	unsetenv("LD_PRELOAD");
}

/* ---- memory -------------------------------------------------------------------- */

/* Bytes of memory that are this process's, a shared page counted by its share. */
static uint64_t memory_in_use(void)
{
	FILE *file = fopen("/proc/self/smaps_rollup", "r");
	char line[128];
	unsigned long long kilobytes = 0;

	if (!file)
		die("/proc/self/smaps_rollup", errno);
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "Pss: %llu kB", &kilobytes) == 1)
			break;
	fclose(file);
	return kilobytes * 1024;
}

/* ---- a crowd of threads that have all locked, and sleep ----------------------------- */

static pthread_barrier_t all_started;
static pthread_t *crowd;

static void *lock_once_and_stay(void *unused)
{
	lock_unlock(1);
	pthread_barrier_wait(&all_started);
	return sleep_until_posted(unused);
}

static void start_crowd(uint64_t threads)
{
	pthread_attr_t small;

	crowd = calloc(threads, sizeof(*crowd));
	if (!crowd)
		die("so many threads", errno);
	pthread_barrier_init(&all_started, NULL, (unsigned)threads + 1);
	pthread_attr_init(&small);
	pthread_attr_setstacksize(&small, 64 * 1024);
	for (uint64_t i = 0; i < threads; i++)
		check("pthread_create",
		      pthread_create(&crowd[i], &small, lock_once_and_stay, NULL));
	pthread_barrier_wait(&all_started);
}

static void end_crowd(uint64_t threads)
{
	for (uint64_t i = 0; i < threads; i++)
		post_to_sleeper();
	end_bystander(); /* one more: all sleep on the same semaphore */
	for (uint64_t i = 0; i < threads; i++)
		check("pthread_join", pthread_join(crowd[i], NULL));
	free(crowd);
}

/* What @threads threads that have locked cost, stacks and all, per thread. */
static void thread_memory(uint64_t threads)
{
	uint64_t before, after;

	start_bystander(); /* what comes with the first thread is not counted */
	lock_unlock(1);
	before = memory_in_use();
	start_crowd(threads);
	after = memory_in_use();
	end_crowd(threads);
	bytes_each = (after - before) / threads;
}

/* What it costs to have taken each of @locks locks while another one is held. */
static void lock_memory(uint64_t locks)
{
	uint64_t before, after;

	size = locks;
	setup_many();
	lock_unlock(1);
	before = memory_in_use();
	pthread_mutex_lock(&mutex);
	for (uint64_t i = 0; i < locks; i++) {
		pthread_mutex_lock(&many[i]);
		pthread_mutex_unlock(&many[i]);
	}
	pthread_mutex_unlock(&mutex);
	after = memory_in_use();
	finish_many();
	bytes_each = (after - before) / locks;
}

/* ---- one thread beside many ---------------------------------------------------------- */

static void setup_threads(void)
{
	start_bystander();
	start_crowd(size);
}

static void finish_threads(void)
{
	end_crowd(size);
}

static int to_end[2];

/* @size children that have locked, and live until the writing end is closed. */
static void setup_processes(void)
{
	char nothing;

	if (pipe(to_end))
		die("pipe", errno);
	start_bystander();
	for (uint64_t i = 0; i < size; i++) {
		pid_t pid = fork();

		if (pid < 0)
			die("fork", errno);
		if (pid == 0) {
			close(to_end[1]);
			lock_unlock(1);
			_exit(read(to_end[0], &nothing, 1) != 0);
		}
	}
}

static void finish_processes(void)
{
	int status;

	close(to_end[1]);
	for (uint64_t i = 0; i < size; i++)
		if (wait(&status) < 0 || status != 0)
			die("a child failed", errno);
	end_bystander();
}

const struct workload process_workloads[] = {
	{ "fork", HANDOVER, 1000, NULL, fork_and_wait, NULL, "fork a child and wait for it" },
	{ "fork_lock", HANDOVER, 600, NULL, fork_and_lock, NULL, "fork a child that locks" },
	{ "startup", PROCESS, 80, NULL, startup, NULL, "a process that locks once" },
	{ "thread_memory", MEMORY, 200, NULL, thread_memory, NULL, "memory of a thread" },
	{ "lock_memory", MEMORY, 50000, NULL, lock_memory, NULL, "memory of a lock seen nested" },
	{ .name = NULL },
};

const struct workload beside_workloads[] = {
	{ "beside_threads", BESIDE, 4000000, setup_threads, lock_unlock, finish_threads,
	  "mutex, beside so many threads" },
	{ "beside_processes", BESIDE, 4000000, setup_processes, lock_unlock, finish_processes,
	  "mutex, beside so many processes" },
	{ .name = NULL },
};
