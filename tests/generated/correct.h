/*
 * correct.h - a program with nothing wrong in it, at full speed
 *
 * Its work is chosen at random from a seed: threads and processes that come
 * and go, and everything they can lock, wait for and hand over, by one of the
 * disciplines that keep a program free of deadlocks: one order, one gate, back
 * off, hand over. What is computed does not depend on who came first, so the
 * sum printed at the end is the same in every run of a seed.
 */
#ifndef DLW_CORRECT_H
#define DLW_CORRECT_H

#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stdint.h>

enum { LOCKS = 24, GATED = 6, LOOSE = 6, ONCES = 16, SLOTS = 8 };

/** Taken in one order: by kind as listed here, then by number. Shared or not, all the same. */
struct ordered {
	pthread_mutex_t mutexes[LOCKS];
	pthread_rwlock_t rwlocks[LOCKS];
	sem_t permits[LOCKS]; /* value 1: locks */
	pthread_spinlock_t spinlocks[LOCKS];
	uint64_t sums[4][LOCKS];
};

/** A bounded buffer by semaphores, and one by conditions. */
struct buffers {
	sem_t empty, full;
	pthread_mutex_t mutex;
	pthread_cond_t not_full, not_empty;
	unsigned int used, first;
	uint64_t by_semaphore[SLOTS], by_condition[SLOTS];
	unsigned int put, got;
	uint64_t sum;
};

/** Everything that several threads, and maybe processes, work on. */
struct works {
	struct ordered ordered;
	struct buffers buffers;
	pthread_mutex_t gate, gated[GATED]; /* gated: in any order, behind the gate */
	pthread_mutex_t loose[LOOSE];       /* in any order, but never waited for with one held */
	uint64_t gated_sums[GATED], loose_sums[LOOSE];
	pthread_barrier_t barrier;
	uint64_t barrier_sum;
};

struct chance {
	uint64_t state;
};

extern struct works *shared_works; /* by all processes */
extern struct works *own_works;    /* by the threads of this one */

uint32_t any(struct chance *chance, uint32_t below);
void must(bool good, const char *what);

/** works_init() - bring @works to life; @parties meet at its barrier */
void works_init(struct works *works, bool shared, unsigned int parties, struct chance *chance);

/** works_sum() - over everything that was computed in it */
uint64_t works_sum(const struct works *works);

/** work() - one piece of work, chosen by @chance; the child of a fork may use shared works only */
void work(struct chance *chance, bool shared_only);

/** pieces for threads with one role: @rounds each */
void produce(struct works *works, unsigned int rounds, uint64_t value);
void consume(struct works *works, unsigned int rounds);
void meet(struct works *works, unsigned int rounds);

#endif
