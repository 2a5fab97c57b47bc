/*
 * early_lock.c - a self-deadlock in a constructor, before main()
 */
#include "fixture.h"

static pthread_mutex_t early = PTHREAD_MUTEX_INITIALIZER;

static __attribute__((constructor)) void set_up(void)
{
	pthread_mutex_lock(&early);
	closing();
	pthread_mutex_lock(&early);
}

int main(void)
{
	return 0;
}
