/*
 * handlers.c SCENE - a signal that comes at any moment, also in the middle of a
 * locking call, and a handler that ends the process, replaces it or forks:
 * all of that is allowed there
 *
 * Each of many children works with locks until its alarm.
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CHILDREN 60
#define ENDED 3
#define PATIENCE_S 10

static void end(int number)
{
	(void)number;
	_exit(ENDED);
}

static void execute(int number)
{
	(void)number;
	execl("/bin/sh", "sh", "-c", "exit 3", NULL);
	_exit(99);
}

static void fork_and_end(int number)
{
	pid_t child = fork();
	int status = 0;

	(void)number;
	if (child == 0)
		_exit(ENDED);
	waitpid(child, &status, 0);
	_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 98);
}

static void *take_new_ones(void *unused)
{
	for (;;) {
		pthread_mutex_t lock;

		pthread_mutex_init(&lock, NULL);
		pthread_mutex_lock(&lock);
		pthread_mutex_unlock(&lock);
		pthread_mutex_destroy(&lock);
	}
	return unused;
}

static void *leave(void *unused)
{
	return unused;
}

/* Another set of four every time, nested in one order. */
static __attribute__((noinline)) void take_four(unsigned round)
{
	static pthread_mutex_t locks[4][16];
	unsigned i;

	for (i = 0; i < 4; i++)
		pthread_mutex_lock(&locks[i][(round * 5 >> i) % 16]);
	while (i--)
		pthread_mutex_unlock(&locks[i][(round * 5 >> i) % 16]);
}

static __attribute__((noinline)) void take_from_below(unsigned round, unsigned depth)
{
	volatile char frame[32];

	frame[0] = (char)depth;
	if (depth)
		take_from_below(round, depth - 1);
	else
		take_four(round);
	frame[1] = frame[0];
}

static void work(void (*handler)(int), unsigned microseconds)
{
	struct itimerval alarm_at = { .it_value.tv_usec = microseconds };
	pthread_t thread;
	unsigned round;

	signal(SIGALRM, handler);
	pthread_create(&thread, NULL, take_new_ones, NULL);
	setitimer(ITIMER_REAL, &alarm_at, NULL);
	for (round = 0;; round++) {
		take_from_below(round, round % 40);
		/* the C library's own fork waits for malloc, which a new thread needs */
		if (round % 64 || handler == fork_and_end)
			continue;
		pthread_create(&thread, NULL, leave, NULL);
		pthread_join(thread, NULL);
	}
}

/* Return: its status; -1: it had to be killed. */
static int end_of(pid_t child)
{
	struct timespec pause = { 0, 1000000 };
	time_t deadline = time(NULL) + PATIENCE_S;
	int status;

	while (waitpid(child, &status, WNOHANG) == 0) {
		if (time(NULL) < deadline) {
			nanosleep(&pause, NULL);
			continue;
		}
		kill(child, SIGKILL);
		waitpid(child, &status, 0);
		return -1;
	}
	return status;
}

int main(int argc, char **argv)
{
	void (*handler)(int) = argc < 2 || !strcmp(argv[1], "end") ? end
			       : !strcmp(argv[1], "execute")	   ? execute
								   : fork_and_end;
	unsigned seed = (unsigned)getpid(), good = 0, hung = 0, i;

	for (i = 0; i < CHILDREN && !hung; i++) {
		unsigned microseconds = 1 + (unsigned)rand_r(&seed) % 4000;
		pid_t child = fork();
		int status;

		if (child == 0)
			work(handler, microseconds);
		status = end_of(child);
		hung += status < 0;
		good += status >= 0 && WIFEXITED(status) && WEXITSTATUS(status) == ENDED;
	}
	printf("%u of %d ended as they should, %u had to be killed\n", good, CHILDREN, hung);
	return good != CHILDREN;
}
