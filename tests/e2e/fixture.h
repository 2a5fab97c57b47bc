/*
 * fixture.h - what the fixture programs share
 *
 * Every fixture forces its one interleaving with barriers, names its threads
 * and locks, and writes "closing NANOSECONDS" (CLOCK_MONOTONIC) to standard
 * error right before each call that may close the cycle: the harness takes the
 * last one as the moment of the deadlock.
 */
#ifndef DLW_E2E_FIXTURE_H
#define DLW_E2E_FIXTURE_H

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static inline void closing(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	dprintf(2, "closing %lld\n", now.tv_sec * 1000000000LL + now.tv_nsec);
}

static inline void named(const char *name)
{
	pthread_setname_np(pthread_self(), name);
}

/* Gives up on the whole test: a fixture that cannot be set up proves nothing. */
static inline void require(bool good, const char *what)
{
	if (good)
		return;
	dprintf(2, "fixture: %s failed\n", what);
	_exit(99);
}

static inline pthread_t start(void *(*body)(void *), void *argument)
{
	pthread_t thread;

	require(pthread_create(&thread, NULL, body, argument) == 0, "pthread_create");
	return thread;
}

static inline void pass_milliseconds(long milliseconds)
{
	struct timespec time = { milliseconds / 1000, milliseconds % 1000 * 1000000 };

	while (nanosleep(&time, &time) != 0)
		;
}

/* Until the kernel shows task *@tid asleep in a futex within @lock. */
static inline void wait_until_asleep_in(const int *tid, const void *lock, size_t size)
{
	unsigned long number, address;
	char path[64], line[256];
	FILE *file;

	for (;;) {
		snprintf(path, sizeof(path), "/proc/self/task/%d/syscall",
			 __atomic_load_n(tid, __ATOMIC_ACQUIRE));
		file = fopen(path, "r");
		if (file && fgets(line, sizeof(line), file) &&
		    sscanf(line, "%lu %lx", &number, &address) == 2 && number == SYS_futex &&
		    address - (unsigned long)lock < size) {
			fclose(file);
			return;
		}
		if (file)
			fclose(file);
		sched_yield();
	}
}

static inline struct timespec milliseconds_from_now(long milliseconds)
{
	struct timespec time;

	clock_gettime(CLOCK_REALTIME, &time);
	time.tv_sec += milliseconds / 1000;
	time.tv_nsec += milliseconds % 1000 * 1000000;
	if (time.tv_nsec >= 1000000000) {
		time.tv_sec++;
		time.tv_nsec -= 1000000000;
	}
	return time;
}

#endif
