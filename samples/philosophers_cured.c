/*
 * philosophers_cured.c - the cure of philosophers.c: one of them is left-handed
 *
 * Everybody takes the fork with the lower number first. For all but the last
 * philosopher that is the left one; the last one reaches right first, so the
 * chain of "has this one, wants the next" cannot close to a circle.
 *
 * The barrier had to move to before the first fork: that everybody holds one
 * fork is the moment that cannot happen any more.
 *
 * Run it:   dlwatch run build/samples/philosophers_cured [N]
 * Expect:   no finding, exit status 0.
 * Look at:  the two lines that choose `first` and `second`.
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
	pthread_mutex_t *first = left < right ? left : right;
	pthread_mutex_t *second = left < right ? right : left;
	char name[16];

	snprintf(name, sizeof(name), "philosopher-%ld", seat);
	pthread_setname_np(pthread_self(), name);
	pthread_barrier_wait(&meeting);
	pthread_mutex_lock(first);
	pthread_mutex_lock(second);
	pthread_mutex_unlock(second);
	pthread_mutex_unlock(first);
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t philosophers[SEATS];
	long seat;

	if (argc > 1)
		guests = strtol(argv[1], NULL, 10);
	if (argc > 2 || guests < 2 || guests > SEATS) {
		fprintf(stderr, "usage: philosophers_cured [N], N from 2 to %d\n", SEATS);
		return 1;
	}
	pthread_barrier_init(&meeting, NULL, (unsigned)guests);
	for (seat = 0; seat < guests; seat++)
		pthread_mutex_init(&forks[seat], NULL);
	for (seat = 0; seat < guests; seat++) {
		if (pthread_create(&philosophers[seat], NULL, dine, (void *)seat) != 0) {
			fprintf(stderr, "philosophers_cured: cannot create a thread\n");
			return 1;
		}
	}
	for (seat = 0; seat < guests; seat++)
		pthread_join(philosophers[seat], NULL);
	printf("%ld philosophers have eaten\n", guests);
	return 0;
}
