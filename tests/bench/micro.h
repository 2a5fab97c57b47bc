/*
 * micro.h - what the files of the micro program share
 *
 * micro.c has the ways to run a workload; each micro_*.c has workloads of one
 * sort and a table of them.
 */
#ifndef MICRO_H
#define MICRO_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

enum how {
	ALONE,    /* one thread works */
	MEETING,  /* several at the same time, wherever the scheduler puts them */
	HANDOVER, /* two in turn: on one processor, or where they run would decide */
	PROCESS,
	MEMORY, /* what it prints are bytes */
	BESIDE, /* one thread works beside a number of others: a point of a curve */
};

struct workload {
	const char *name;
	enum how how;
	uint64_t ops; /* for about a tenth of a second, native */
	void (*setup)(void);
	void (*run)(uint64_t ops);
	void (*finish)(void);
	const char *what;
};

/* Each ends with a workload without a name. */
extern const struct workload alone_workloads[], meeting_workloads[], process_workloads[],
	beside_workloads[];

extern const char *self_path;
extern uint64_t size;       /* how many locks, threads or processes, where that may be chosen */
extern uint64_t bytes_each; /* result of a MEMORY workload */

void die(const char *what, int err) __attribute__((noreturn));
void check(const char *what, int err);

/* A second thread, asleep: glibc then locks with atomic instructions. */
void start_bystander(void);
void end_bystander(void);
/* What the bystander does; more threads may do it, and each takes one post to end. */
void *sleep_until_posted(void *unused);
void post_to_sleeper(void);

/* One mutex of everybody, @ops times. */
void lock_unlock(uint64_t ops);
extern pthread_mutex_t mutex;

/* An array of @size mutexes, and a bystander. */
extern pthread_mutex_t *many;
void setup_many(void);
void finish_many(void);

#endif
