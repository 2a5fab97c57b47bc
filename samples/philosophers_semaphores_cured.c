/*
 * philosophers_semaphores_cured.c - the cure of philosophers_semaphores.c: one
 * chair fewer than philosophers
 *
 * A counting semaphore with N - 1 permits stands at the door. At most N - 1
 * philosophers sit at the table, so that at least one of them finds both forks
 * free, eats, and gives back its forks and its chair.
 *
 * The second barrier of the faulty program is gone: there is no room for
 * everybody to hold a fork at the same time.
 *
 * Run it:   dlwatch run build/samples/philosophers_semaphores_cured [N]
 * Expect:   no finding, exit status 0.
 * Look at:  `chairs`: a semaphore may have more than one permit.
 */
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>

#define SEATS 1000

static sem_t forks[SEATS];
static sem_t chairs;
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
	sem_wait(&chairs);
	sem_wait(left);
	sem_wait(right);
	sem_post(right);
	sem_post(left);
	sem_post(&chairs);
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t philosophers[SEATS];
	long seat;

	if (argc > 1)
		guests = strtol(argv[1], NULL, 10);
	if (argc > 2 || guests < 2 || guests > SEATS) {
		fprintf(stderr, "usage: philosophers_semaphores_cured [N], N from 2 to %d\n",
			SEATS);
		return 1;
	}
	pthread_barrier_init(&meeting, NULL, (unsigned)guests);
	sem_init(&chairs, 0, (unsigned)guests - 1);
	for (seat = 0; seat < guests; seat++)
		sem_init(&forks[seat], 0, 1);
	for (seat = 0; seat < guests; seat++) {
		if (pthread_create(&philosophers[seat], NULL, dine, (void *)seat) != 0) {
			fprintf(stderr, "philosophers_semaphores_cured: cannot create a thread\n");
			return 1;
		}
	}
	for (seat = 0; seat < guests; seat++)
		pthread_join(philosophers[seat], NULL);
	printf("%ld philosophers have eaten\n", guests);
	return 0;
}
