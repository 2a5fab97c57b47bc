/*
 * hang.c - two threads deadlock at a known moment, in a crowd: `hang THREADS PROCESSES DELAY_MS`
 *
 * THREADS threads, spread over PROCESSES processes, wait for a lock of their
 * process's first thread, which lives. Once all do, "ready PID..." is printed;
 * DELAY_MS later the last of two threads closes a cycle, between the first and
 * the last process if there are several, and "closed NANOSECONDS" says when
 * (CLOCK_MONOTONIC). Nothing ends by itself; all end when the first process does.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PROCESSES_AT_MOST 1000

/* What all processes see. */
static struct {
	pthread_mutex_t lock[2]; /* of the cycle */
	pthread_barrier_t both;  /* each has its first one */
	atomic_uint waiting;     /* threads that ask for their lock next */
	int go[2];               /* a pipe: a byte for each */
	atomic_ulong asked[2];   /* when */
	pid_t pid[PROCESSES_AT_MOST];
} * shared;

static pthread_mutex_t busy = PTHREAD_MUTEX_INITIALIZER;
static unsigned threads, processes, delay_ms;

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void sleep_ms(unsigned ms)
{
	struct timespec t = { ms / 1000, ms % 1000 * 1000000 };

	nanosleep(&t, NULL);
}

/* ---- threads ----------------------------------------------------------------- */

static void *wait_for_busy(void *unused)
{
	atomic_fetch_add(&shared->waiting, 1);
	pthread_mutex_lock(&busy);
	pthread_mutex_unlock(&busy);
	return unused;
}

static void *close_cycle(void *number)
{
	int mine = number != NULL;
	char byte;

	pthread_mutex_lock(&shared->lock[mine]);
	pthread_barrier_wait(&shared->both);
	atomic_fetch_add(&shared->waiting, 1);
	if (read(shared->go[0], &byte, 1) != 1)
		die("hang: read");
	atomic_store(&shared->asked[mine], now_ns());
	pthread_mutex_lock(&shared->lock[!mine]);
	return NULL;
}

static void start(void *(*what)(void *), void *argument)
{
	pthread_attr_t small;
	pthread_t thread;

	pthread_attr_init(&small);
	pthread_attr_setstacksize(&small, 64 * 1024);
	if (pthread_create(&thread, &small, what, argument))
		die("hang: pthread_create");
}

/* ---- processes --------------------------------------------------------------- */

static void share_memory(void)
{
	pthread_mutexattr_t attributes;
	pthread_barrierattr_t together;

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	if (shared == MAP_FAILED)
		die("hang: mmap");
	pthread_mutexattr_init(&attributes);
	pthread_barrierattr_init(&together);
	if (processes > 1) {
		pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
		pthread_barrierattr_setpshared(&together, PTHREAD_PROCESS_SHARED);
	}
	pthread_mutex_init(&shared->lock[0], &attributes);
	pthread_mutex_init(&shared->lock[1], &attributes);
	pthread_barrier_init(&shared->both, &together, 2);
}

/* Its share of the crowd, and what it has of the cycle. */
static void populate(unsigned process)
{
	unsigned own = threads / processes + (process < threads % processes);

	shared->pid[process] = getpid();
	pthread_mutex_lock(&busy);
	while (own--)
		start(wait_for_busy, NULL);
	if (process == 0)
		start(close_cycle, NULL);
	if (process == processes - 1)
		start(close_cycle, shared);
}

static void become_child(unsigned process, const int *parent)
{
	char nothing;

	close(parent[1]);
	populate(process);
	_exit(read(parent[0], &nothing, 1) != 0);
}

/* All that wait have published so by the time a look at them is worth anything. */
static void wait_for_all(void)
{
	while (atomic_load(&shared->waiting) < threads + 2)
		sleep_ms(1);
	printf("ready");
	for (unsigned i = 0; i < processes; i++)
		printf(" %d", shared->pid[i]);
	puts("");
	fflush(stdout);
}

static void tell_when_closed(void)
{
	unsigned long first, second;

	sleep_ms(delay_ms);
	if (write(shared->go[1], "go", 2) != 2)
		die("hang: write");
	while (!(first = atomic_load(&shared->asked[0])) ||
	       !(second = atomic_load(&shared->asked[1])))
		sleep_ms(1);
	printf("closed %lu\n", first > second ? first : second);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	int parent[2];

	threads = argc == 4 ? (unsigned)strtoul(argv[1], NULL, 10) : 0;
	processes = argc == 4 ? (unsigned)strtoul(argv[2], NULL, 10) : 0;
	delay_ms = argc == 4 ? (unsigned)strtoul(argv[3], NULL, 10) : 0;
	if (!processes || processes > PROCESSES_AT_MOST) {
		fputs("usage: hang THREADS PROCESSES DELAY_MS\n", stderr);
		return 2;
	}
	share_memory();
	if (pipe(parent) || pipe(shared->go))
		die("hang: pipe");
	for (unsigned i = 1; i < processes; i++) {
		pid_t pid = fork();

		if (pid < 0)
			die("hang: fork");
		if (pid == 0)
			become_child(i, parent);
	}
	populate(0);
	wait_for_all();
	tell_when_closed();
	while (true)
		sleep_ms(1000);
}
