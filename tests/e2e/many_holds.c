/*
 * many_holds.c - AB-BA by a thread that holds 300 more locks
 */
#include "lock_pair.h"

#define MORE 300

static pthread_mutex_t shelf[MORE];

static void *take_with_many(void *unused)
{
	int i;

	for (i = 0; i < MORE; i++)
		pthread_mutex_lock(&shelf[i]);
	return take_a_then_b(unused);
}

int main(void)
{
	int i;

	for (i = 0; i < MORE; i++)
		pthread_mutex_init(&shelf[i], NULL);
	return join_pair(take_with_many);
}
