/*
 * bystander.c - AB-BA beside a thread that goes on working, with a lock of its
 * own: it is part of nothing
 */
#include "lock_pair.h"

static pthread_mutex_t lock_c = PTHREAD_MUTEX_INITIALIZER;

static void *work(void *unused)
{
	(void)unused;
	named("bystander");
	for (;;) {
		pthread_mutex_lock(&lock_c);
		pass_milliseconds(1);
		pthread_mutex_unlock(&lock_c);
	}
	return NULL;
}

int main(void)
{
	start(work, NULL);
	return join_pair(take_a_then_b);
}
