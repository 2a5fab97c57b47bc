/*
 * churn.c - AB-BA while other threads come and go all the time
 */
#include "lock_pair.h"

static pthread_mutex_t lock_c = PTHREAD_MUTEX_INITIALIZER;

static void *short_lived(void *unused)
{
	(void)unused;
	named("short-lived");
	pthread_mutex_lock(&lock_c);
	pthread_mutex_unlock(&lock_c);
	return NULL;
}

int main(void)
{
	pthread_t threads[2];

	start_pair(take_a_then_b, threads);
	for (;;) {
		pthread_t one = start(short_lived, NULL), two = start(short_lived, NULL);

		pthread_join(one, NULL);
		pthread_join(two, NULL);
	}
}
