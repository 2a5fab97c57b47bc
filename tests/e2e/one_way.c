/*
 * one_way.c - two locks, in the order that the argument says, and "under" a
 * third one or not: one run shows one order only. "each" takes locks of two
 * classes one by one
 */
#include "fixture.h"

static pthread_mutex_t lock_a = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t lock_b = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t row[3] = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER,
				  PTHREAD_MUTEX_INITIALIZER };
static pthread_mutex_t made[2];

/* Static ones of one variable, and others that are initialised at one place. */
static void take_each(void)
{
	int at;

	for (at = 0; at < 5; at++) {
		pthread_mutex_t *mutex = at < 3 ? &row[at] : &made[at - 3];

		if (at >= 3)
			pthread_mutex_init(mutex, NULL);
		pthread_mutex_lock(mutex);
		pthread_mutex_unlock(mutex);
	}
}

static void take_a_then_b(void)
{
	pthread_mutex_lock(&lock_a);
	pthread_mutex_lock(&lock_b);
	pthread_mutex_unlock(&lock_b);
	pthread_mutex_unlock(&lock_a);
}

static void take_b_then_a(void)
{
	pthread_mutex_lock(&lock_b);
	pthread_mutex_lock(&lock_a);
	pthread_mutex_unlock(&lock_a);
	pthread_mutex_unlock(&lock_b);
}

int main(int argc, char **argv)
{
	bool under = argc > 2;
	int round;

	if (under)
		pthread_mutex_lock(&gate);
	if (!strcmp(argv[1], "each"))
		take_each();
	else if (!strcmp(argv[1], "ab"))
		for (round = 0; round < 3; round++)
			take_a_then_b();
	else
		take_b_then_a();
	if (under)
		pthread_mutex_unlock(&gate);
	return 0;
}
