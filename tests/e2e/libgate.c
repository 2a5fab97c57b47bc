/*
 * libgate.c - a pthread_mutex_lock() behind the shim's: it can hold a thread
 * that the shim has let pass, before the C library locks
 *
 * For an instant that lasts a few machine instructions otherwise: the lock
 * looked free, and is taken before the thread gets it.
 */
#include <dlfcn.h>

#include "fixture.h"
#include "libgate.h"

static __thread const pthread_mutex_t *guarded;
static __thread int *raised; /* once the thread stands at the gate */
static int open;

void gate_arm(const pthread_mutex_t *mutex, int *arrived)
{
	guarded = mutex;
	raised = arrived;
}

void gate_open(void)
{
	__atomic_store_n(&open, 1, __ATOMIC_RELEASE);
}

static void pass(const pthread_mutex_t *mutex)
{
	if (guarded != mutex)
		return;
	guarded = NULL;
	__atomic_store_n(raised, 1, __ATOMIC_RELEASE);
	while (!__atomic_load_n(&open, __ATOMIC_ACQUIRE))
		sched_yield();
}

static void *behind(const char *name)
{
	void *function = dlsym(RTLD_NEXT, name);

	require(function != NULL, name);
	return function;
}

int pthread_mutex_lock(pthread_mutex_t *mutex)
{
	static int (*real)(pthread_mutex_t *);

	if (!real)
		*(void **)&real = behind("pthread_mutex_lock");
	pass(mutex);
	return real(mutex);
}

/* With a log the shim tries first. */
int pthread_mutex_trylock(pthread_mutex_t *mutex)
{
	static int (*real)(pthread_mutex_t *);

	if (!real)
		*(void **)&real = behind("pthread_mutex_trylock");
	pass(mutex);
	return real(mutex);
}
