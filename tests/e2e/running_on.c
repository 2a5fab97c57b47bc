/*
 * running_on.c - threads that take, make and destroy locks as fast as they can,
 * and a main thread that ends the process under them
 */
#include "fixture.h"

#define THREADS 3

static pthread_mutex_t locks[THREADS];

static void *never_end(void *number)
{
	pthread_mutex_t *own = &locks[(intptr_t)number];

	for (;;) {
		pthread_mutex_t other;

		pthread_mutex_init(&other, NULL);
		pthread_mutex_lock(&other);
		pthread_mutex_lock(own);
		pthread_mutex_unlock(own);
		pthread_mutex_unlock(&other);
		pthread_mutex_destroy(&other);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	intptr_t i;

	for (i = 0; i < THREADS; i++)
		start(never_end, (void *)i);
	pass_milliseconds(argc > 1 ? atol(argv[1]) : 10);
	return 0;
}
