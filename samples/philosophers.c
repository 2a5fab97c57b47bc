/*
 * philosophers.c - dining philosophers, each with the left fork in hand
 *
 * N philosophers sit at a round table with N forks; eating takes the fork on
 * the left and the fork on the right. Everybody takes the left one first.
 * When all have it, every right fork is somebody else's left one: a cycle
 * through the whole table. The barrier lets everybody take a left fork before
 * anybody reaches for the right.
 *
 * Run it:   dlwatch run build/samples/philosophers [N]     (2…1000, default 5)
 * Expect:   deadlock, proven; core of N threads, N mutexes. Stuck behind it:
 *           the main thread.
 * Look at:  the cycle: it names every fork once as held and once as wanted.
 *           Try N = 2: it is two_locks.c again.
 * Cure:     philosophers_cured.c
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define SEATS 1000

static pthread_mutex_t forks[SEATS];
static pthread_barrier_t meeting;
static long guests = 5;

static void *dine(void *argument)
{
	long seat = (long)argument;
	pthread_mutex_t *left = &forks[seat], *right = &forks[(seat + 1) % guests];
	char name[16];

	snprintf(name, sizeof(name), "philosopher-%ld", seat);
	pthread_setname_np(pthread_self(), name);
	pthread_mutex_lock(left);
	pthread_barrier_wait(&meeting); /* now everybody has a fork */
	pthread_mutex_lock(right);
	pthread_mutex_unlock(right);
	pthread_mutex_unlock(left);
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t philosophers[SEATS];
	long seat;

	if (argc > 1)
		guests = strtol(argv[1], NULL, 10);
	if (argc > 2 || guests < 2 || guests > SEATS) {
		fprintf(stderr, "usage: philosophers [N], N from 2 to %d\n", SEATS);
		return 1;
	}
	pthread_barrier_init(&meeting, NULL, (unsigned)guests);
	for (seat = 0; seat < guests; seat++)
		pthread_mutex_init(&forks[seat], NULL);
	for (seat = 0; seat < guests; seat++) {
		if (pthread_create(&philosophers[seat], NULL, dine, (void *)seat) != 0) {
			fprintf(stderr, "philosophers: cannot create a thread\n");
			return 1;
		}
	}
	for (seat = 0; seat < guests; seat++)
		pthread_join(philosophers[seat], NULL);
	printf("%ld philosophers have eaten\n", guests);
	return 0;
}
