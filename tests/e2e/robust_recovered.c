/*
 * robust_recovered.c - the owner of a robust mutex ends; the next one is told,
 * repairs it and goes on: no deadlock
 */
#include "fixture.h"

static pthread_mutex_t lock_a;

static void *leave_it_locked(void *unused)
{
	(void)unused;
	named("leaver");
	pthread_mutex_lock(&lock_a);
	return NULL;
}

static void *take_over(void *unused)
{
	int error;

	(void)unused;
	named("heir");
	error = pthread_mutex_lock(&lock_a);
	dprintf(1, "%s\n", error == EOWNERDEAD ? "EOWNERDEAD" : "not told");
	dprintf(1, "consistent %d\n", pthread_mutex_consistent(&lock_a));
	dprintf(1, "unlock %d\n", pthread_mutex_unlock(&lock_a));
	return NULL;
}

int main(void)
{
	pthread_mutexattr_t attribute;

	pthread_mutexattr_init(&attribute);
	pthread_mutexattr_setrobust(&attribute, PTHREAD_MUTEX_ROBUST);
	pthread_mutex_init(&lock_a, &attribute);
	pthread_join(start(leave_it_locked, NULL), NULL);
	pthread_join(start(take_over, NULL), NULL);
	dprintf(1, "lock again %d\n", pthread_mutex_lock(&lock_a));
	return 0;
}
