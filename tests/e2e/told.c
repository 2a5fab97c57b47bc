/*
 * told.c - does at random what locks are for, and tells on standard output
 *
 * Three threads share locks of every kind and have some of their own; a signal
 * handler that locks interrupts them all the time. The first lines of standard
 * output are "lock ADDRESS NAME", the others "THREAD OPERATION NAME", what each
 * thread did, in its order; but for what handlers did with the handler-locks.
 *
 * arguments: operations of each thread, a seed
 */
#include "fixture.h"

#include <signal.h>
#include <stdint.h>
#include <sys/time.h>

enum { THREADS = 3, OWN = 3, HOLDS = 12 };
enum kind { NORMAL, RECURSIVE, RWLOCK, SEMAPHORE, SPINLOCK };

struct lock {
	enum kind kind;
	bool own, used; /* used: the log knows this life of it */
	char name[16];
	union {
		pthread_mutex_t mutex;
		pthread_rwlock_t rwlock;
		pthread_spinlock_t spinlock;
		sem_t semaphore;
	};
};

struct operation {
	char what; /* A, S, P: acquired, shared, a permit; R, V: released, posted; F: try failed; D: destroyed */
	uint8_t lock;
};

struct worker {
	uint32_t seed;
	int number, held_count;
	struct {
		struct lock *lock;
		bool shared;
	} held[HOLDS];
	struct operation *done;
	long count;
};

/* In the order in which threads wait for them. */
#define SHARED(k) { .kind = (k) }
#define OWN_ONES { .own = true }, { .own = true }, { .own = true }
static struct lock locks[] = {
	SHARED(NORMAL), SHARED(NORMAL), SHARED(NORMAL), SHARED(RECURSIVE), SHARED(RWLOCK),
	SHARED(SEMAPHORE), OWN_ONES, OWN_ONES, OWN_ONES, SHARED(RECURSIVE), SHARED(RWLOCK),
	SHARED(SEMAPHORE), SHARED(SPINLOCK), SHARED(SPINLOCK),
};
enum { LOCKS = sizeof(locks) / sizeof(locks[0]), FIRST_OWN = 6 };

static struct worker workers[THREADS];
static pthread_mutex_t of_handlers[THREADS] = {
	PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER,
};
static __thread pthread_mutex_t *of_handler;
static long operations;

static void interrupt(int number)
{
	(void)number;
	if (!of_handler)
		return;
	pthread_mutex_lock(of_handler);
	pthread_mutex_unlock(of_handler);
}

static uint32_t choose(struct worker *worker, uint32_t among)
{
	worker->seed = worker->seed * 1664525u + 1013904223u;
	return (worker->seed >> 12) % among;
}

static void set_up(struct lock *lock)
{
	pthread_mutexattr_t attributes;

	switch (lock->kind) {
	case NORMAL:
		pthread_mutex_init(&lock->mutex, NULL);
		break;
	case RECURSIVE:
		pthread_mutexattr_init(&attributes);
		pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE);
		pthread_mutex_init(&lock->mutex, &attributes);
		break;
	case RWLOCK:
		pthread_rwlock_init(&lock->rwlock, NULL);
		break;
	case SEMAPHORE:
		sem_init(&lock->semaphore, 0, 1);
		break;
	case SPINLOCK:
		pthread_spin_init(&lock->spinlock, 0);
	}
}

static void tell(struct worker *worker, char what, const struct lock *lock)
{
	worker->done[worker->count++] = (struct operation){ what, (uint8_t)(lock - locks) };
}

static bool take(struct lock *lock, bool shared, bool tries)
{
	switch (lock->kind) {
	case NORMAL:
	case RECURSIVE:
		return (tries ? pthread_mutex_trylock(&lock->mutex) :
				pthread_mutex_lock(&lock->mutex)) == 0;
	case RWLOCK:
		if (shared)
			return (tries ? pthread_rwlock_tryrdlock(&lock->rwlock) :
					pthread_rwlock_rdlock(&lock->rwlock)) == 0;
		return (tries ? pthread_rwlock_trywrlock(&lock->rwlock) :
				pthread_rwlock_wrlock(&lock->rwlock)) == 0;
	case SEMAPHORE:
		while (!tries && sem_wait(&lock->semaphore) != 0)
			;
		return !tries || sem_trywait(&lock->semaphore) == 0;
	case SPINLOCK:
		return (tries ? pthread_spin_trylock(&lock->spinlock) :
				pthread_spin_lock(&lock->spinlock)) == 0;
	}
	return false;
}

static int position(const struct worker *worker, const struct lock *lock)
{
	int at = worker->held_count;

	while (at-- > 0 && worker->held[at].lock != lock)
		;
	return at;
}

static bool may_wait(const struct worker *worker, const struct lock *lock)
{
	int at;

	for (at = 0; at < worker->held_count; at++)
		if (worker->held[at].lock >= lock)
			return lock->kind == RECURSIVE && position(worker, lock) >= 0;
	return true;
}

static void acquire(struct worker *worker, struct lock *lock)
{
	bool shared = lock->kind == RWLOCK && choose(worker, 2);
	bool tries = !may_wait(worker, lock) || choose(worker, 4) == 0;

	if (worker->held_count == HOLDS || (lock->kind != RECURSIVE && position(worker, lock) >= 0))
		return;
	if (!take(lock, shared, tries)) {
		if (lock->kind != SEMAPHORE)
			tell(worker, 'F', lock);
		return;
	}
	tell(worker, lock->kind == SEMAPHORE ? 'P' : shared ? 'S' : 'A', lock);
	if (lock->own)
		lock->used = true;
	worker->held[worker->held_count].lock = lock;
	worker->held[worker->held_count++].shared = shared;
}

static void release(struct worker *worker, int at)
{
	struct lock *lock = worker->held[at].lock;

	tell(worker, lock->kind == SEMAPHORE ? 'V' : 'R', lock);
	worker->held_count--;
	memmove(&worker->held[at], &worker->held[at + 1],
		(size_t)(worker->held_count - at) * sizeof(worker->held[0]));
	if (lock->kind == RWLOCK)
		pthread_rwlock_unlock(&lock->rwlock);
	else if (lock->kind == SEMAPHORE)
		sem_post(&lock->semaphore);
	else if (lock->kind == SPINLOCK)
		pthread_spin_unlock(&lock->spinlock);
	else
		pthread_mutex_unlock(&lock->mutex);
}

/* Some locks are used more than others, and most are given back at once. */
static void operate(struct worker *worker)
{
	uint32_t spread = 1 + choose(worker, LOCKS);
	uint32_t at = choose(worker, spread);
	struct lock *lock = &locks[at];

	if (lock->own) /* one of ours */
		lock = &locks[FIRST_OWN + worker->number * OWN + (int)(at % OWN)];
	if (lock->own && lock->used && position(worker, lock) < 0 && choose(worker, 50) == 0) {
		pthread_mutex_destroy(&lock->mutex);
		tell(worker, 'D', lock);
		lock->used = false;
		set_up(lock);
	}
	acquire(worker, lock);
	/* nobody is to spin for one that is kept */
	while (worker->held_count && (lock->kind == SPINLOCK || choose(worker, 5)))
		release(worker, choose(worker, 4) ? worker->held_count - 1 :
						    (int)choose(worker, (uint32_t)worker->held_count));
}

static void *work(void *argument)
{
	struct worker *worker = argument;
	long left;

	of_handler = &of_handlers[worker->number];
	for (left = operations; left > 0; left--)
		operate(worker);
	while (worker->held_count)
		release(worker, worker->held_count - 1);
	of_handler = NULL;
	return NULL;
}

static void name_locks(void)
{
	int at;

	for (at = 0; at < LOCKS; at++) {
		snprintf(locks[at].name, sizeof(locks[at].name), "lock-%d", at);
		set_up(&locks[at]);
		printf("lock %#lx %s\n", (unsigned long)&locks[at].mutex, locks[at].name);
	}
	for (at = 0; at < THREADS; at++)
		printf("lock %#lx handler-%d\n", (unsigned long)&of_handlers[at], at);
}

static void print_done(const struct worker *worker)
{
	long at;

	for (at = 0; at < worker->count; at++)
		printf("%d %c %s\n", worker->number, worker->done[at].what,
		       locks[worker->done[at].lock].name);
}

int main(int argc, char **argv)
{
	struct sigaction action = { .sa_handler = interrupt, .sa_flags = SA_RESTART };
	struct itimerval often = { { 0, 400 }, { 0, 400 } }, never = { { 0, 0 }, { 0, 0 } };
	pthread_t threads[THREADS];
	int at;

	require(argc == 3, "two arguments");
	operations = strtol(argv[1], NULL, 0);
	name_locks();
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &often, NULL);
	for (at = 0; at < THREADS; at++) {
		workers[at].number = at;
		workers[at].seed = (uint32_t)strtoul(argv[2], NULL, 0) * 7919u + (uint32_t)at;
		workers[at].done = calloc((size_t)operations * 4 + 64, sizeof(struct operation));
		require(workers[at].done != NULL, "calloc");
		threads[at] = start(work, &workers[at]);
	}
	for (at = 0; at < THREADS; at++)
		pthread_join(threads[at], NULL);
	setitimer(ITIMER_REAL, &never, NULL);
	for (at = 0; at < THREADS; at++)
		print_done(&workers[at]);
	return 0;
}
