/*
 * correct.c SEED ROUNDS - a program with nothing wrong in it (see correct.h)
 *
 * Prints one sum, which SEED and ROUNDS alone decide.
 */
#include "correct.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MOST_THREADS = 8, MOST_PROCESSES = 4 };

struct works *shared_works, *own_works;

static uint64_t seed;
static unsigned int rounds;

uint32_t any(struct chance *chance, uint32_t below)
{
	uint64_t value = chance->state += 0x9e3779b97f4a7c15u;

	value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9u;
	value = (value ^ value >> 27) * 0x94d049bb133111ebu;
	return (uint32_t)((value >> 32) * below >> 32);
}

void must(bool good, const char *what)
{
	if (good)
		return;
	dprintf(2, "correct: %s: %s\n", what, strerror(errno));
	abort();
}

/* ---- objects ------------------------------------------------------------------------- */

static void mutex_init(pthread_mutex_t *mutex, bool shared, bool inherit, struct chance *chance)
{
	static const int types[] = { PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_RECURSIVE,
				     PTHREAD_MUTEX_ERRORCHECK, PTHREAD_MUTEX_ADAPTIVE_NP };
	pthread_mutexattr_t attributes;

	pthread_mutexattr_init(&attributes);
	pthread_mutexattr_setpshared(&attributes, shared);
	pthread_mutexattr_settype(&attributes, types[any(chance, 4)]);
	if (any(chance, 5) == 0)
		pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
	if (any(chance, 5) == 0 && inherit)
		pthread_mutexattr_setprotocol(&attributes, PTHREAD_PRIO_INHERIT);
	must(pthread_mutex_init(mutex, &attributes) == 0, "mutex");
}

static void rwlock_init(pthread_rwlock_t *rwlock, bool shared, struct chance *chance)
{
	pthread_rwlockattr_t attributes;

	pthread_rwlockattr_init(&attributes);
	pthread_rwlockattr_setpshared(&attributes, shared);
	/* readers come back for more: the one kind that would not let them is left out */
	pthread_rwlockattr_setkind_np(&attributes, (int)any(chance, 2));
	must(pthread_rwlock_init(rwlock, &attributes) == 0, "rwlock");
}

static void ordered_init(struct ordered *ordered, bool shared, struct chance *chance)
{
	int i;

	for (i = 0; i < LOCKS; i++) {
		mutex_init(&ordered->mutexes[i], shared, true, chance);
		rwlock_init(&ordered->rwlocks[i], shared, chance);
		sem_init(&ordered->permits[i], shared, 1);
		pthread_spin_init(&ordered->spinlocks[i], shared);
	}
}

static void buffers_init(struct buffers *buffers, bool shared)
{
	pthread_mutexattr_t mutex;
	pthread_condattr_t condition;

	pthread_mutexattr_init(&mutex);
	pthread_mutexattr_setpshared(&mutex, shared);
	pthread_condattr_init(&condition);
	pthread_condattr_setpshared(&condition, shared);
	sem_init(&buffers->empty, shared, SLOTS);
	sem_init(&buffers->full, shared, 0);
	pthread_mutex_init(&buffers->mutex, &mutex);
	pthread_cond_init(&buffers->not_full, &condition);
	pthread_cond_init(&buffers->not_empty, &condition);
}

void works_init(struct works *works, bool shared, unsigned int parties, struct chance *chance)
{
	pthread_barrierattr_t attributes;
	int i;

	ordered_init(&works->ordered, shared, chance);
	buffers_init(&works->buffers, shared);
	mutex_init(&works->gate, shared, true, chance);
	for (i = 0; i < GATED; i++)
		mutex_init(&works->gated[i], shared, true, chance);
	/* where PI mutexes close a cycle the kernel says EDEADLK even to a timed wait */
	for (i = 0; i < LOOSE; i++)
		mutex_init(&works->loose[i], shared, false, chance);
	pthread_barrierattr_init(&attributes);
	pthread_barrierattr_setpshared(&attributes, shared);
	pthread_barrier_init(&works->barrier, &attributes, parties);
}

static uint64_t total(const uint64_t *sums, size_t count)
{
	uint64_t sum = 0;

	while (count--)
		sum = sum * 31 + sums[count];
	return sum;
}

uint64_t works_sum(const struct works *works)
{
	return total(&works->ordered.sums[0][0], 4 * LOCKS) ^ total(works->gated_sums, GATED) ^
	       total(works->loose_sums, LOOSE) << 1 ^ works->buffers.sum << 2 ^
	       works->barrier_sum << 40;
}

static struct works *works_memory(bool shared)
{
	struct works *works = mmap(NULL, sizeof(*works), PROT_READ | PROT_WRITE,
				   MAP_ANONYMOUS | (shared ? MAP_SHARED : MAP_PRIVATE), -1, 0);

	must(works != MAP_FAILED, "memory");
	return works;
}

/* ---- threads and processes --------------------------------------------------------------- */

struct worker {
	pthread_t thread;
	struct chance chance;
	unsigned int number;
};

static void *work_for_a_while(void *argument)
{
	struct worker *self = argument;
	unsigned int i;

	for (i = 0; i < rounds; i++)
		work(&self->chance, false);
	return NULL;
}

/* Two who put and two who get, in each process, into one pair of buffers. */
static void *play_a_role(void *argument)
{
	struct worker *self = argument;
	struct works *works = self->number & 4 ? shared_works : own_works;

	if (self->number & 1)
		produce(works, rounds / 16, self->number);
	else
		consume(works, rounds / 16);
	meet(own_works, rounds / 64);
	return NULL;
}

enum { ROLES = 8 };

static void start(struct worker *worker, unsigned int number, int process, void *(*body)(void *))
{
	worker->number = number;
	worker->chance.state = seed * 1000003 + (uint64_t)process * 101 + number;
	must(pthread_create(&worker->thread, NULL, body, worker) == 0, "thread");
}

static uint64_t run_process(int process, struct chance chance)
{
	struct worker workers[MOST_THREADS + ROLES] = { 0 };
	unsigned int count = 2 + any(&chance, MOST_THREADS - 1), i;

	own_works = works_memory(false);
	works_init(own_works, false, ROLES, &chance);
	for (i = 0; i < count; i++)
		start(&workers[ROLES + i], ROLES + i, process, work_for_a_while);
	for (i = 0; i < ROLES; i++)
		start(&workers[i], i, process, play_a_role);
	for (i = 0; i < ROLES + count; i++)
		must(pthread_join(workers[i].thread, NULL) == 0, "join");
	return works_sum(own_works);
}

int main(int count, char **arguments)
{
	struct chance chance;
	int processes, process, status;
	uint64_t *sums, sum = 0;

	must(count == 3, "usage: correct SEED ROUNDS");
	seed = strtoull(arguments[1], NULL, 10);
	rounds = (unsigned int)strtoul(arguments[2], NULL, 10) & ~63u;
	chance.state = seed;
	processes = 1 + (int)any(&chance, MOST_PROCESSES);
	shared_works = works_memory(true);
	works_init(shared_works, true, 1, &chance);
	sums = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_ANONYMOUS | MAP_SHARED, -1, 0);
	for (process = 1; process < processes; process++) {
		if (fork() != 0)
			continue;
		sums[process] = run_process(process, (struct chance){ seed + (uint64_t)process });
		return 0;
	}
	sums[0] = run_process(0, (struct chance){ seed });
	while (wait(&status) > 0)
		must(status == 0, "a process ended badly");
	for (process = 0; process < processes; process++)
		sum = sum * 31 + sums[process];
	printf("%d processes, sum %016" PRIx64 "\n", processes, sum ^ works_sum(shared_works));
	return 0;
}
