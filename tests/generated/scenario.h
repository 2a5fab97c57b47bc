/*
 * scenario.h - what a scenario program is made of
 *
 * A scenario is a text: objects, and threads with a list of steps each. The
 * generator (cases.py) writes it, scenario.c reads and runs it.
 *
 *	object NUMBER KIND VARIANT PROCESS VALUE	PROCESS -1: shared by all
 *	thread NUMBER PROCESS NAME JOINED		JOINED 1: another thread joins it
 *							2: it is its process's only one
 *	parent PROCESS PARENT				if it is not process 0
 *	STEP [ARGUMENT...]				of the thread above
 *
 * Threads meet at *gates*, counters in shared memory on which they sleep by
 * bare futex calls: no lock that dlwatch could see. So every thread has what
 * it holds before anyone wants anything, and nothing depends on time.
 */
#ifndef DLW_SCENARIO_H
#define DLW_SCENARIO_H

#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stdint.h>
#include <threads.h>

enum { GATES = 4096, OBJECTS = 16384, THREADS = 16384, PROCESSES = 128, ARGUMENTS = 3 };

/** The memory of one object; shared ones lie in the mapping all processes have. */
struct object {
	union {
		pthread_mutex_t mutex;
		mtx_t c11;
		pthread_rwlock_t rwlock;
		pthread_spinlock_t spinlock;
		sem_t semaphore;
		pthread_cond_t condition;
		pthread_barrier_t barrier;
		pthread_once_t once;
		int counter;
		uint32_t custom; /* a lock of our own making: 1: taken */
	};
};

/** What the text says of an object. */
struct declaration {
	char kind[16], variant[32];
	int process; /* -1: shared */
	unsigned int value;
	sem_t *named; /* an open named semaphore, in this process */
	int ends[2];  /* pipe: to read, to write; file: everybody's, this process's own */
};

struct step {
	int (*run)(const long *arguments);
	int expected; /* what it must return */
	bool ends_once;
	long arguments[ARGUMENTS];
};

struct actor {
	char name[16];
	int process;
	bool joined; /* by a step of another thread */
	bool alone;  /* in its process, as main thread */
	struct step *steps;
	unsigned int count;
	pthread_t thread;
	volatile int tid;
};

/** What all processes of a scenario share. */
struct shared {
	uint32_t gates[GATES];
	uint32_t never; /* gate: of those who wait to be ended */
	struct object objects[OBJECTS];
};

/** One kind of step, by the word it has in the text. */
struct step_kind {
	const char *word;
	int (*run)(const long *arguments);
	int expected;
};

extern struct declaration declarations[OBJECTS];
extern struct actor actors[THREADS];
extern struct shared *shared;
extern int children[PROCESSES]; /* their pids, for their parents */

/** object_at() - where object @number is in this process */
struct object *object_at(long number);

/** find_step() - the kind of step called @word; NULL: there is none */
const struct step_kind *find_step(const char *word);

/** run_steps() - run the calling thread's steps on, up to its end or to `endonce` */
void run_steps(void);

/** pass_gate() - come to @gate and wait till @count came; 0: do not wait */
void pass_gate(uint32_t *gate, uint32_t count);

/** initialise() - bring object @number to life; complains and exits if it cannot */
void initialise(int number);

/** keep_own_ends() - close those ends of pipes that belong to other processes than @process */
void keep_own_ends(int number, int process);

/** give_up() - the scenario cannot be what it says: exit 99 */
void give_up(const char *what, long one, long two) __attribute__((noreturn));

#endif
