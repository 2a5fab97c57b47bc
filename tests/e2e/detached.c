/*
 * detached.c - AB-BA between detached threads; nobody is stuck behind them, and
 * the main thread sleeps in a call that dlwatch does not watch
 */
#include "lock_pair.h"

int main(void)
{
	pthread_t threads[2];

	start_pair(take_a_then_b, threads);
	pthread_detach(threads[0]);
	pthread_detach(threads[1]);
	for (;;)
		pause();
}
