/*
 * scenario_objects.c - bringing a scenario's objects to life
 */
#include "scenario.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static bool is(const struct declaration *declared, const char *kind)
{
	return strcmp(declared->kind, kind) == 0;
}

static bool variant(const struct declaration *declared, const char *word)
{
	return strstr(declared->variant, word) != NULL;
}

static int sharing(const struct declaration *declared)
{
	return declared->process < 0 ? PTHREAD_PROCESS_SHARED : PTHREAD_PROCESS_PRIVATE;
}

static int mutex_type(const struct declaration *declared)
{
	return variant(declared, "recursive")    ? PTHREAD_MUTEX_RECURSIVE
	       : variant(declared, "errorcheck") ? PTHREAD_MUTEX_ERRORCHECK
	       : variant(declared, "adaptive")   ? PTHREAD_MUTEX_ADAPTIVE_NP
						 : PTHREAD_MUTEX_NORMAL;
}

static int make_mutex(const struct declaration *declared, pthread_mutex_t *mutex)
{
	pthread_mutexattr_t attributes;

	pthread_mutexattr_init(&attributes);
	pthread_mutexattr_settype(&attributes, mutex_type(declared));
	pthread_mutexattr_setpshared(&attributes, sharing(declared));
	if (variant(declared, "robust"))
		pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
	if (variant(declared, "inherit"))
		pthread_mutexattr_setprotocol(&attributes, PTHREAD_PRIO_INHERIT);
	return pthread_mutex_init(mutex, &attributes);
}

static int make_rwlock(const struct declaration *declared, pthread_rwlock_t *rwlock)
{
	pthread_rwlockattr_t attributes;

	pthread_rwlockattr_init(&attributes);
	pthread_rwlockattr_setpshared(&attributes, sharing(declared));
	pthread_rwlockattr_setkind_np(
		&attributes, variant(declared, "writers")
				     ? PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP
			     : variant(declared, "recursive") ? PTHREAD_RWLOCK_PREFER_WRITER_NP
							      : PTHREAD_RWLOCK_PREFER_READER_NP);
	return pthread_rwlock_init(rwlock, &attributes);
}

static int make_condition(const struct declaration *declared, pthread_cond_t *condition)
{
	pthread_condattr_t attributes;

	pthread_condattr_init(&attributes);
	pthread_condattr_setpshared(&attributes, sharing(declared));
	return pthread_cond_init(condition, &attributes);
}

static int make_barrier(const struct declaration *declared, pthread_barrier_t *barrier)
{
	pthread_barrierattr_t attributes;

	pthread_barrierattr_init(&attributes);
	pthread_barrierattr_setpshared(&attributes, sharing(declared));
	return pthread_barrier_init(barrier, &attributes, declared->value);
}

static int open_semaphore(struct declaration *declared, int number)
{
	char name[64];

	snprintf(name, sizeof(name), "/dlw-scenario-%d-%d", (int)getpid(), number);
	declared->named = sem_open(name, O_CREAT | O_EXCL, 0600, declared->value);
	sem_unlink(name);
	return declared->named == SEM_FAILED;
}

/* What reports call it is printed here: these have no address. */
static int make_pipe(struct declaration *declared, int number)
{
	char link[64], name[64] = "";

	if (pipe2(declared->ends, O_CLOEXEC) != 0)
		return -1;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", declared->ends[0]);
	if (readlink(link, name, sizeof(name) - 1) < 0)
		return -1;
	printf("named %d %s\n", number, name);
	return 0;
}

static int make_file(struct declaration *declared, int number)
{
	char name[32];

	snprintf(name, sizeof(name), "file-%d", number);
	declared->ends[0] = memfd_create(name, MFD_CLOEXEC);
	printf("named %d /memfd:%s (deleted)\n", number, name);
	return declared->ends[0] < 0;
}

void keep_own_ends(int number, int process)
{
	const struct declaration *declared = &declarations[number];

	if (!is(declared, "pipe"))
		return;
	if ((int)declared->value / PROCESSES != process)
		close(declared->ends[0]);
	if ((int)declared->value % PROCESSES != process)
		close(declared->ends[1]);
}

void initialise(int number)
{
	struct declaration *declared = &declarations[number];
	struct object *object = object_at(number);
	int error = 0;

	if (is(declared, "mutex") && variant(declared, "c11"))
		error = mtx_init(&object->c11, mtx_timed) != thrd_success;
	else if (is(declared, "mutex"))
		error = make_mutex(declared, &object->mutex);
	else if (is(declared, "rwlock"))
		error = make_rwlock(declared, &object->rwlock);
	else if (is(declared, "spinlock"))
		error = pthread_spin_init(&object->spinlock, sharing(declared));
	else if (is(declared, "semaphore") && variant(declared, "named"))
		error = open_semaphore(declared, number);
	else if (is(declared, "semaphore"))
		error = sem_init(&object->semaphore, declared->process < 0, declared->value);
	else if (is(declared, "condition"))
		error = make_condition(declared, &object->condition);
	else if (is(declared, "barrier"))
		error = make_barrier(declared, &object->barrier);
	else if (is(declared, "once"))
		object->once = (pthread_once_t)PTHREAD_ONCE_INIT;
	else if (is(declared, "pipe"))
		error = make_pipe(declared, number);
	else if (is(declared, "file"))
		error = make_file(declared, number);
	else if (!is(declared, "counter") && !is(declared, "custom"))
		give_up("no such kind of object", number, 0);
	if (error)
		give_up("object cannot be made", number, error);
}
