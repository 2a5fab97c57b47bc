/*
 * main_exited.c - AB-BA after the main thread has ended by pthread_exit: the
 * process lives on, and so does its deadlock
 */
#include "fixture.h"

static pthread_mutex_t lock_a = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t lock_b = PTHREAD_MUTEX_INITIALIZER;
static pthread_barrier_t meeting;
static pthread_t main_thread;

static void *take_a_then_b(void *unused)
{
	(void)unused;
	named("a-then-b");
	pthread_join(main_thread, NULL);
	pthread_mutex_lock(&lock_a);
	pthread_barrier_wait(&meeting);
	closing();
	pthread_mutex_lock(&lock_b);
	return NULL;
}

static void *take_b_then_a(void *unused)
{
	(void)unused;
	named("b-then-a");
	pthread_mutex_lock(&lock_b);
	pthread_barrier_wait(&meeting);
	closing();
	pthread_mutex_lock(&lock_a);
	return NULL;
}

int main(void)
{
	main_thread = pthread_self();
	pthread_barrier_init(&meeting, NULL, 2);
	start(take_a_then_b, NULL);
	start(take_b_then_a, NULL);
	pthread_exit(NULL);
}
