/*
 * errorcheck.c - an errorcheck mutex refuses the second lock by its owner, and
 * the unlock by a stranger: errors, no deadlock
 */
#include "fixture.h"

static pthread_mutex_t lock_a;

static void *unlock_it(void *unused)
{
	(void)unused;
	named("stranger");
	dprintf(1, "unlock by a stranger: %s\n", strerror(pthread_mutex_unlock(&lock_a)));
	return NULL;
}

int main(void)
{
	pthread_mutexattr_t attribute;

	pthread_mutexattr_init(&attribute);
	pthread_mutexattr_settype(&attribute, PTHREAD_MUTEX_ERRORCHECK);
	pthread_mutex_init(&lock_a, &attribute);
	dprintf(1, "lock: %s\n", strerror(pthread_mutex_lock(&lock_a)));
	dprintf(1, "again: %s\n", strerror(pthread_mutex_lock(&lock_a)));
	pthread_join(start(unlock_it, NULL), NULL);
	dprintf(1, "unlock: %s\n", strerror(pthread_mutex_unlock(&lock_a)));
	dprintf(1, "too often: %s\n", strerror(pthread_mutex_unlock(&lock_a)));
	return 0;
}
