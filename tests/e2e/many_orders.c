/*
 * many_orders.c - takes N locks inside another, one after the other, twice; every
 * second one of them by a try
 */
#include "fixture.h"

static pthread_mutex_t outer = PTHREAD_MUTEX_INITIALIZER;

static void take(pthread_mutex_t *lock, bool try)
{
	if (try ? pthread_mutex_trylock(lock) : pthread_mutex_lock(lock))
		abort();
	pthread_mutex_unlock(lock);
}

int main(int argc, char **argv)
{
	size_t count = argc > 1 ? strtoul(argv[1], NULL, 10) : 1000, turn, i;
	pthread_mutex_t *locks = calloc(count, sizeof(*locks));

	if (!locks)
		return 1;
	for (turn = 0; turn < 2; turn++) {
		pthread_mutex_lock(&outer);
		for (i = 0; i < count; i++)
			take(&locks[i], i % 2);
		pthread_mutex_unlock(&outer);
	}
	dprintf(1, "all taken\n");
	free(locks);
	return 0;
}
