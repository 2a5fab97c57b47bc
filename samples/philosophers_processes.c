/*
 * philosophers_processes.c - dining philosophers, each a process of its own
 *
 * philosophers.c with fork() in place of pthread_create(): the forks lie in
 * shared memory, and the philosophers share nothing else. A cycle through the
 * whole table goes through as many processes as there are guests.
 *
 * Run it:   dlwatch run build/samples/philosophers_processes [N]   (2…50, default 5)
 * Expect:   deadlock, proven; core of N threads of N processes.
 * Look at:  one report for all of them.
 * Cure:     philosophers_cured.c: one philosopher is left-handed
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define SEATS 50

static struct table {
	pthread_mutex_t forks[SEATS];
	pthread_barrier_t meeting;
} *table;
static long guests = 5;

static void dine(long seat)
{
	pthread_mutex_t *left = &table->forks[seat], *right = &table->forks[(seat + 1) % guests];
	char name[32];

	snprintf(name, sizeof(name), "philosopher-%ld", seat);
	prctl(PR_SET_NAME, name);
	pthread_mutex_lock(left);
	pthread_barrier_wait(&table->meeting); /* now everybody has a fork */
	pthread_mutex_lock(right);
	pthread_mutex_unlock(right);
	pthread_mutex_unlock(left);
	_exit(0);
}

static void lay_table(void)
{
	pthread_mutexattr_t shared_mutex;
	pthread_barrierattr_t shared_barrier;
	long seat;

	table = mmap(NULL, sizeof(*table), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		     0);
	if (table == MAP_FAILED) {
		perror("philosophers_processes: mmap");
		exit(1);
	}
	pthread_mutexattr_init(&shared_mutex);
	pthread_mutexattr_setpshared(&shared_mutex, PTHREAD_PROCESS_SHARED);
	for (seat = 0; seat < guests; seat++)
		pthread_mutex_init(&table->forks[seat], &shared_mutex);
	pthread_barrierattr_init(&shared_barrier);
	pthread_barrierattr_setpshared(&shared_barrier, PTHREAD_PROCESS_SHARED);
	pthread_barrier_init(&table->meeting, &shared_barrier, (unsigned)guests);
}

int main(int argc, char **argv)
{
	long seat;

	if (argc > 1)
		guests = strtol(argv[1], NULL, 10);
	if (argc > 2 || guests < 2 || guests > SEATS) {
		fprintf(stderr, "usage: philosophers_processes [N], N from 2 to %d\n", SEATS);
		return 1;
	}
	lay_table();
	for (seat = 0; seat < guests; seat++) {
		pid_t child = fork();

		if (child < 0) {
			perror("philosophers_processes: fork");
			return 1;
		}
		if (child == 0)
			dine(seat);
	}
	while (wait(NULL) > 0)
		;
	printf("%ld philosophers have eaten\n", guests);
	return 0;
}
