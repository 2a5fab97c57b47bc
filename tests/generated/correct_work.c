/*
 * correct_work.c - pieces of work, each of which is free of deadlocks in its
 * own way
 */
#include "correct.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static struct works *some_works(struct chance *chance, bool shared_only)
{
	return shared_only || any(chance, 4) == 0 ? shared_works : own_works;
}

/* ---- one order -------------------------------------------------------------------- */

enum { MUTEX, READER, WRITER, PERMIT, SPIN, WAYS };

struct taken {
	int way;
	uint32_t number;
};

static void take(struct ordered *ordered, const struct taken *one)
{
	switch (one->way) {
	case MUTEX:
		must(pthread_mutex_lock(&ordered->mutexes[one->number]) == 0, "mutex");
		break;
	case READER:
		must(pthread_rwlock_rdlock(&ordered->rwlocks[one->number]) == 0, "reader");
		break;
	case WRITER:
		must(pthread_rwlock_wrlock(&ordered->rwlocks[one->number]) == 0, "writer");
		break;
	case PERMIT:
		while (sem_wait(&ordered->permits[one->number]) != 0)
			must(errno == EINTR, "permit");
		break;
	default:
		must(pthread_spin_lock(&ordered->spinlocks[one->number]) == 0, "spinlock");
	}
}

static void give(struct ordered *ordered, const struct taken *one)
{
	switch (one->way) {
	case MUTEX:
		must(pthread_mutex_unlock(&ordered->mutexes[one->number]) == 0, "unlock");
		break;
	case READER:
	case WRITER:
		must(pthread_rwlock_unlock(&ordered->rwlocks[one->number]) == 0, "unlock");
		break;
	case PERMIT:
		must(sem_post(&ordered->permits[one->number]) == 0, "post");
		break;
	default:
		must(pthread_spin_unlock(&ordered->spinlocks[one->number]) == 0, "unlock");
	}
}

/* Plain arithmetic where the lock makes it safe: a lock that is none would show. */
static void use(struct ordered *ordered, const struct taken *one, uint64_t value)
{
	static const int row[] = { [MUTEX] = 0, [WRITER] = 1, [PERMIT] = 2, [SPIN] = 3 };

	if (one->way != READER)
		ordered->sums[row[one->way]][one->number] += value;
}

static void in_order(struct works *works, struct chance *chance)
{
	struct taken taken[8];
	uint32_t count = 0, number = any(chance, 8), way = any(chance, WAYS), i;

	while (count < 8 && way < WAYS) {
		if (number >= LOCKS) {
			way += way == READER ? 2 : 1; /* one order over readers and writers */
			number = any(chance, 8);
			continue;
		}
		taken[count++] = (struct taken){ (int)way, number };
		number += 1 + any(chance, LOCKS);
		if (way == SPIN)
			break;
	}
	for (i = 0; i < count; i++)
		take(&works->ordered, &taken[i]);
	for (i = 0; i < count; i++)
		use(&works->ordered, &taken[i], any(chance, 1000));
	while (count) {
		i = any(chance, count);
		give(&works->ordered, &taken[i]);
		taken[i] = taken[--count];
	}
}

static void read_again(struct works *works, struct chance *chance)
{
	pthread_rwlock_t *lock = &works->ordered.rwlocks[any(chance, LOCKS / 2)];
	uint32_t times = 1 + any(chance, 3), i;

	for (i = 0; i < times; i++)
		must(pthread_rwlock_rdlock(lock) == 0, "read again");
	for (i = 0; i < times; i++)
		must(pthread_rwlock_unlock(lock) == 0, "unlock");
}

/* ---- a gate; backing off ------------------------------------------------------------- */

static void two_of(struct chance *chance, uint32_t count, uint32_t *first, uint32_t *second)
{
	*first = any(chance, count);
	*second = (*first + 1 + any(chance, count - 1)) % count;
}

static void behind_the_gate(struct works *works, struct chance *chance)
{
	uint32_t first, second;

	two_of(chance, GATED, &first, &second);
	pthread_mutex_lock(&works->gate);
	pthread_mutex_lock(&works->gated[first]);
	pthread_mutex_lock(&works->gated[second]);
	pthread_mutex_unlock(&works->gate);
	works->gated_sums[first]++;
	works->gated_sums[second] += 2;
	pthread_mutex_unlock(&works->gated[first]);
	pthread_mutex_unlock(&works->gated[second]);
}

static bool lock_for_a_while(pthread_mutex_t *mutex, bool timed)
{
	struct timespec time;
	int error;

	if (!timed)
		return pthread_mutex_trylock(mutex) == 0;
	clock_gettime(CLOCK_REALTIME, &time);
	time.tv_nsec += 100000;
	if (time.tv_nsec >= 1000000000) {
		time.tv_sec++;
		time.tv_nsec -= 1000000000;
	}
	error = pthread_mutex_timedlock(mutex, &time);
	must(error == 0 || error == ETIMEDOUT, "timedlock");
	return error == 0;
}

static void backing_off(struct works *works, struct chance *chance)
{
	bool timed = any(chance, 2);
	uint32_t first, second;

	two_of(chance, LOOSE, &first, &second);
	for (;;) {
		must(pthread_mutex_lock(&works->loose[first]) == 0, "loose");
		if (lock_for_a_while(&works->loose[second], timed))
			break;
		pthread_mutex_unlock(&works->loose[first]);
		sched_yield();
	}
	works->loose_sums[first] += 3;
	works->loose_sums[second]++;
	pthread_mutex_unlock(&works->loose[first]);
	pthread_mutex_unlock(&works->loose[second]);
}

/* ---- locks, threads and processes that come and go ------------------------------------- */

static void locks_come_and_go(struct chance *chance)
{
	uint32_t count = 2 + any(chance, 6), i;
	pthread_mutex_t *mutexes = malloc(count * sizeof(*mutexes));
	sem_t signal;

	for (i = 0; i < count; i++)
		pthread_mutex_init(&mutexes[i], NULL);
	for (i = 0; i < count; i++)
		pthread_mutex_lock(&mutexes[i]);
	for (i = 0; i < count; i++)
		pthread_mutex_unlock(&mutexes[i]);
	for (i = 0; i < count; i++)
		must(pthread_mutex_destroy(&mutexes[i]) == 0, "destroy");
	free(mutexes);
	sem_init(&signal, 0, 0);
	sem_post(&signal);
	sem_wait(&signal);
	sem_destroy(&signal);
}

/* Two locks of this moment in an order that the next ones at these addresses will not have. */
static void reused_memory(struct chance *chance)
{
	pthread_mutex_t pair[2];
	uint32_t first = any(chance, 2);

	pthread_mutex_init(&pair[0], NULL);
	pthread_mutex_init(&pair[1], NULL);
	pthread_mutex_lock(&pair[first]);
	pthread_mutex_lock(&pair[!first]);
	pthread_mutex_unlock(&pair[first]);
	pthread_mutex_unlock(&pair[!first]);
	pthread_mutex_destroy(&pair[0]);
	pthread_mutex_destroy(&pair[1]);
}

static void *short_life(void *argument)
{
	struct chance *chance = argument;

	in_order(own_works, chance);
	behind_the_gate(own_works, chance);
	return NULL;
}

static void thread_comes_and_goes(struct chance *chance)
{
	struct chance its = { chance->state ^ 0x5bd1e995 };
	pthread_t thread;

	must(pthread_create(&thread, NULL, short_life, &its) == 0, "thread");
	in_order(own_works, chance);
	must(pthread_join(thread, NULL) == 0, "join");
}

static void put_back(void *mutex)
{
	pthread_mutex_unlock(mutex);
}

struct patience {
	pthread_mutex_t mutex;
	pthread_cond_t never;
};

static void *wait_in_vain(void *argument)
{
	struct patience *patience = argument;

	pthread_mutex_lock(&patience->mutex);
	pthread_cleanup_push(put_back, &patience->mutex);
	for (;;)
		pthread_cond_wait(&patience->never, &patience->mutex);
	pthread_cleanup_pop(1);
	return NULL;
}

static void cancelled(void)
{
	struct patience patience = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER };
	pthread_t thread;

	must(pthread_create(&thread, NULL, wait_in_vain, &patience) == 0, "thread");
	must(pthread_cancel(thread) == 0 && pthread_join(thread, NULL) == 0, "cancel");
	must(pthread_mutex_trylock(&patience.mutex) == 0, "left locked");
	pthread_mutex_unlock(&patience.mutex);
}

static void process_comes_and_goes(struct chance *chance)
{
	struct chance its = { chance->state ^ 0xc2b2ae35 };
	pid_t child;
	int status;

	child = fork();
	must(child >= 0, "fork");
	if (child == 0) {
		work(&its, true);
		_exit(0);
	}
	must(waitpid(child, &status, 0) == child && status == 0, "child");
}

static void initialise(void)
{
	sched_yield();
}

static void once(struct chance *chance)
{
	static pthread_once_t controls[ONCES];

	pthread_once(&controls[any(chance, ONCES)], initialise);
}

void work(struct chance *chance, bool shared_only)
{
	struct works *works = some_works(chance, shared_only);
	uint32_t choice = any(chance, 1000);

	if (choice < 500)
		in_order(works, chance);
	else if (choice < 600)
		behind_the_gate(works, chance);
	else if (choice < 700)
		backing_off(works, chance);
	else if (choice < 800)
		read_again(works, chance);
	else if (choice < 880)
		locks_come_and_go(chance);
	else if (choice < 940)
		reused_memory(chance);
	else if (choice < 985 || shared_only)
		once(chance);
	else if (choice < 994)
		thread_comes_and_goes(chance);
	else if (choice < 998)
		cancelled();
	else
		process_comes_and_goes(chance);
}

/* ---- roles ------------------------------------------------------------------------------- */

static void put(struct buffers *buffers, uint64_t value)
{
	while (sem_wait(&buffers->empty) != 0)
		;
	pthread_mutex_lock(&buffers->mutex);
	buffers->by_semaphore[buffers->put++ % SLOTS] = value;
	pthread_mutex_unlock(&buffers->mutex);
	sem_post(&buffers->full);
	pthread_mutex_lock(&buffers->mutex);
	while (buffers->used == SLOTS)
		pthread_cond_wait(&buffers->not_full, &buffers->mutex);
	buffers->by_condition[(buffers->first + buffers->used++) % SLOTS] = value;
	pthread_cond_signal(&buffers->not_empty);
	pthread_mutex_unlock(&buffers->mutex);
}

static void get(struct buffers *buffers)
{
	while (sem_wait(&buffers->full) != 0)
		;
	pthread_mutex_lock(&buffers->mutex);
	buffers->sum += buffers->by_semaphore[buffers->got++ % SLOTS];
	pthread_mutex_unlock(&buffers->mutex);
	sem_post(&buffers->empty);
	pthread_mutex_lock(&buffers->mutex);
	while (buffers->used == 0)
		pthread_cond_wait(&buffers->not_empty, &buffers->mutex);
	buffers->sum += buffers->by_condition[buffers->first++ % SLOTS];
	buffers->used--;
	pthread_mutex_unlock(&buffers->mutex);
	pthread_cond_signal(&buffers->not_full);
}

void produce(struct works *works, unsigned int rounds, uint64_t value)
{
	while (rounds--)
		put(&works->buffers, value++);
}

void consume(struct works *works, unsigned int rounds)
{
	while (rounds--)
		get(&works->buffers);
}

void meet(struct works *works, unsigned int rounds)
{
	while (rounds--)
		if (pthread_barrier_wait(&works->barrier) == PTHREAD_BARRIER_SERIAL_THREAD)
			works->barrier_sum++;
}
