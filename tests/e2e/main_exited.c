/*
 * main_exited.c - AB-BA after the main thread has ended by pthread_exit: the
 * process lives on, and so does its deadlock
 */
#include "lock_pair.h"

static pthread_t main_thread;

static void *take_once_alone(void *unused)
{
	pthread_join(main_thread, NULL);
	return take_a_then_b(unused);
}

int main(void)
{
	pthread_t threads[2];

	main_thread = pthread_self();
	start_pair(take_once_alone, threads);
	pthread_exit(NULL);
}
