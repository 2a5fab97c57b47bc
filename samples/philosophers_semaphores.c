/*
 * philosophers_semaphores.c - dining philosophers with semaphores for forks
 *
 * The table of philosophers.c, but a fork is a semaphore with one permit. A
 * semaphore has no owner: any thread may post it, so that a waiting thread
 * proves nothing by itself. dlwatch learns from behaviour: in the first course
 * every philosopher eats alone and puts back the forks it took, and so the
 * semaphores have been used like locks. In the second course everybody takes
 * the left fork and waits for the right one.
 *
 * Run it:   dlwatch run build/samples/philosophers_semaphores [N]
 *           (2…1000, default 5)
 * Expect:   deadlock, likely (not proven: the edges are inferred); core of N
 *           threads, N semaphores. Stuck behind it: the main thread.
 * Look at:  "no preemption" and "mutual exclusion" in the table of conditions:
 *           the evidence speaks of permits, and of who posted them before.
 * Cure:     philosophers_semaphores_cured.c
 */
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>

#define SEATS 1000

static sem_t forks[SEATS];
static pthread_mutex_t first_course = PTHREAD_MUTEX_INITIALIZER;
static pthread_barrier_t meeting;
static long guests = 5;

static void *dine(void *argument)
{
	long seat = (long)argument;
	sem_t *left = &forks[seat], *right = &forks[(seat + 1) % guests];
	char name[16];

	snprintf(name, sizeof(name), "philosopher-%ld", seat);
	pthread_setname_np(pthread_self(), name);

	pthread_mutex_lock(&first_course); /* one at a time */
	sem_wait(left);
	sem_wait(right);
	sem_post(right);
	sem_post(left);
	pthread_mutex_unlock(&first_course);

	pthread_barrier_wait(&meeting);
	sem_wait(left);
	pthread_barrier_wait(&meeting); /* now everybody has a fork */
	sem_wait(right);
	sem_post(right);
	sem_post(left);
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t philosophers[SEATS];
	long seat;

	if (argc > 1)
		guests = strtol(argv[1], NULL, 10);
	if (argc > 2 || guests < 2 || guests > SEATS) {
		fprintf(stderr, "usage: philosophers_semaphores [N], N from 2 to %d\n", SEATS);
		return 1;
	}
	pthread_barrier_init(&meeting, NULL, (unsigned)guests);
	for (seat = 0; seat < guests; seat++)
		sem_init(&forks[seat], 0, 1);
	for (seat = 0; seat < guests; seat++) {
		if (pthread_create(&philosophers[seat], NULL, dine, (void *)seat) != 0) {
			fprintf(stderr, "philosophers_semaphores: cannot create a thread\n");
			return 1;
		}
	}
	for (seat = 0; seat < guests; seat++)
		pthread_join(philosophers[seat], NULL);
	printf("%ld philosophers have eaten\n", guests);
	return 0;
}
