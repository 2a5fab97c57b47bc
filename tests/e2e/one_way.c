/*
 * one_way.c - two locks, in the order that the argument says, and "under" a
 * third one or not: one run shows one order only
 */
#include "fixture.h"

static pthread_mutex_t lock_a = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t lock_b = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;

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
	if (!strcmp(argv[1], "ab"))
		for (round = 0; round < 3; round++)
			take_a_then_b();
	else
		take_b_then_a();
	if (under)
		pthread_mutex_unlock(&gate);
	return 0;
}
