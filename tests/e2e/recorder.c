/*
 * recorder.c - much history, then an AB-BA: what a flight recorder has
 * forgotten must not matter. ROUNDS of unrelated locking, by default enough to
 * wrap a small ring many times. As second argument "cured" ends well, "deep" is many holds.
 *
 * The worker holds its first lock, a recursive one twice, a permit and a lock
 * below them all from before the history to the end; the quiet thread takes
 * its lock at the very beginning and does nothing else.
 */
#include "lock_history.h"

static pthread_mutex_t lock_a = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t lock_b = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t below = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t twice;
static sem_t permit;
static pthread_barrier_t ready, meeting;
static long rounds = 100000;
static pthread_mutex_t many[60];
static bool cured, deep;

static void take_many(void)
{
	size_t at;

	for (at = 0; at < sizeof(many) / sizeof(many[0]); at++)
		pthread_mutex_lock(&many[at]);
}

static void *take_a_then_b(void *unused)
{
	(void)unused;
	named("a-then-b");
	if (deep)
		take_many();
	pthread_mutex_lock(&below);
	pthread_mutex_lock(&twice);
	sem_wait(&permit);
	pthread_mutex_lock(&lock_a);
	pthread_mutex_lock(&twice);
	pthread_barrier_wait(&ready);
	make_history(rounds);
	pthread_mutex_unlock(&twice);
	pthread_mutex_unlock(&below);
	pthread_barrier_wait(&meeting);
	closing();
	if (!cured)
		pthread_mutex_lock(&lock_b);
	pthread_mutex_unlock(&lock_a);
	sem_post(&permit);
	pthread_mutex_unlock(&twice);
	return NULL;
}

static void *take_b_then_a(void *unused)
{
	(void)unused;
	named("b-then-a");
	pthread_mutex_lock(&lock_b);
	pthread_barrier_wait(&ready);
	pthread_barrier_wait(&meeting);
	closing();
	if (!cured)
		pthread_mutex_lock(&lock_a);
	pthread_mutex_unlock(&lock_b);
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_mutexattr_t attributes;
	pthread_t one, two;

	if (argc > 1)
		rounds = atol(argv[1]);
	deep = argc > 2 && !strcmp(argv[2], "deep");
	cured = argc > 2 && !deep;
	pthread_mutexattr_init(&attributes);
	pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE);
	pthread_mutex_init(&twice, &attributes);
	sem_init(&permit, 0, 1);
	pthread_barrier_init(&ready, NULL, 2);
	pthread_barrier_init(&meeting, NULL, 2);
	one = start(take_a_then_b, NULL);
	two = start(take_b_then_a, NULL);
	pthread_join(one, NULL);
	pthread_join(two, NULL);
	dprintf(1, "over\n");
	return 0;
}
