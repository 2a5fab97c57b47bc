/*
 * mutex_types.c - AB-BA over mutexes of the type that is asked for:
 * recursive (lock_a held three times), robust, inherit, adaptive
 */
#include "fixture.h"

static pthread_mutex_t lock_a, lock_b;
static pthread_barrier_t meeting;
static int depth = 1;

static void *take_a_then_b(void *unused)
{
	int i;

	(void)unused;
	named("a-then-b");
	for (i = 0; i < depth; i++)
		require(pthread_mutex_lock(&lock_a) == 0, "pthread_mutex_lock");
	pthread_barrier_wait(&meeting);
	closing();
	pthread_mutex_lock(&lock_b);
	return NULL;
}

static void *take_b_then_a(void *unused)
{
	(void)unused;
	named("b-then-a");
	require(pthread_mutex_lock(&lock_b) == 0, "pthread_mutex_lock");
	pthread_barrier_wait(&meeting);
	closing();
	pthread_mutex_lock(&lock_a);
	return NULL;
}

static void choose(pthread_mutexattr_t *attribute, const char *type)
{
	int error = EINVAL;

	if (strcmp(type, "recursive") == 0) {
		depth = 3;
		error = pthread_mutexattr_settype(attribute, PTHREAD_MUTEX_RECURSIVE);
	} else if (strcmp(type, "adaptive") == 0) {
		error = pthread_mutexattr_settype(attribute, PTHREAD_MUTEX_ADAPTIVE_NP);
	} else if (strcmp(type, "robust") == 0) {
		error = pthread_mutexattr_setrobust(attribute, PTHREAD_MUTEX_ROBUST);
	} else if (strcmp(type, "inherit") == 0) {
		error = pthread_mutexattr_setprotocol(attribute, PTHREAD_PRIO_INHERIT);
	}
	require(error == 0, type);
}

int main(int argc, char **argv)
{
	pthread_mutexattr_t attribute;
	pthread_t one, two;

	require(argc == 2, "usage");
	pthread_mutexattr_init(&attribute);
	choose(&attribute, argv[1]);
	require(pthread_mutex_init(&lock_a, &attribute) == 0, "pthread_mutex_init");
	require(pthread_mutex_init(&lock_b, &attribute) == 0, "pthread_mutex_init");
	pthread_barrier_init(&meeting, NULL, 2);
	one = start(take_a_then_b, NULL);
	two = start(take_b_then_a, NULL);
	pthread_join(one, NULL);
	pthread_join(two, NULL);
	return 0;
}
