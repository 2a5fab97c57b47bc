/*
 * planted.c - writes a log of a program that never ran, with deadlocks hidden in it
 *
 *	planted FILE.dlw EVENTS
 *
 * Sixteen threads take and give back 256 locks, nested up to three deep and in
 * one order, all at the same time. In between, far from each other, are the
 * halves of cycles over locks of their own:
 *
 *	20 of two to four threads that deadlock in another interleaving,
 *	 5 that do so only if critical sections come in another order,
 *	80 that never do: behind a gate, before and after a creation, before and
 *	   after a join, in one thread.
 *
 * Whatever finds other than 25 of them is wrong. Every cycle has sites of its own.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../unit/log_writer.h"

enum { THREADS = 16, LOCKS = 256, PATTERNS = 105, HELPERS = 40, QUEUE = 64, SITES = 16 };

/* Lock @j of pattern @p: the first, second, … of its cycle; 4 is the gate. */
#define LOCK(p, j) (LOCKS + 1 + (p) * 5 + (j))

enum shape { REAL, REORDERED, GATED, CREATED, JOINED, SAME_THREAD };

struct op {
	uint32_t lock, stack; /* stack 0: give it back */
};

struct worker {
	struct op ops[QUEUE];
	uint32_t next, count;
};

static struct log_writer *w;
static struct worker workers[THREADS + 1];
static uint32_t owner[LOCK(PATTERNS, 0)];
static uint64_t done, random_state = 42;
static uint32_t helpers;

static uint32_t random_below(uint32_t limit)
{
	random_state = random_state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)((random_state >> 33) % limit);
}

static void spill(FILE *file)
{
	if (w->out.size < (8u << 20))
		return;
	if (fwrite(w->out.bytes, 1, w->out.size, file) != w->out.size) {
		perror("planted: cannot write");
		exit(1);
	}
	w->out.size = 0;
}

/* ---- what a thread does --------------------------------------------------------- */

static void push(uint32_t serial, uint32_t lock, uint32_t stack)
{
	struct worker *worker = &workers[serial];

	if (worker->next == worker->count)
		worker->next = worker->count = 0;
	if (worker->count == QUEUE) {
		fputs("planted: too much for one thread\n", stderr);
		exit(1);
	}
	worker->ops[worker->count++] = (struct op){ lock, stack };
}

/* Up to three locks, in one order for everybody. */
static void push_section(uint32_t serial)
{
	uint32_t depth = 1 + random_below(3), at, lock = 0, taken[3];

	for (at = 0; at < depth && lock < LOCKS; at++) {
		lock += 1 + random_below((LOCKS - lock + 2) / 3);
		push(serial, lock, 1 + at);
		taken[at] = lock;
	}
	while (at-- > 0)
		push(serial, taken[at], 0);
}

static uint32_t stack_of(uint32_t pattern, uint32_t site)
{
	return 100 + pattern * SITES + site;
}

static void push_pair(uint32_t pattern, uint32_t serial, uint32_t first, uint32_t second,
		      uint32_t site)
{
	push(serial, LOCK(pattern, first), stack_of(pattern, site));
	push(serial, LOCK(pattern, second), stack_of(pattern, site + 1));
	push(serial, LOCK(pattern, second), 0);
	push(serial, LOCK(pattern, first), 0);
}

static void take(uint32_t serial, uint32_t lock, uint32_t stack)
{
	log_acquired(w, serial, lock, stack);
	owner[lock] = serial;
	done++;
}

static void give(uint32_t serial, uint32_t lock)
{
	log_released_top(w, serial, 0, lock);
	owner[lock] = 0;
	done++;
}

/* The next thing that thread @serial does; nothing, if somebody has the lock. */
static void step(uint32_t serial)
{
	struct worker *worker = &workers[serial];
	struct op op;

	if (worker->next == worker->count)
		push_section(serial);
	op = worker->ops[worker->next];
	if (op.stack && owner[op.lock])
		return;
	worker->next++;
	if (op.stack)
		take(serial, op.lock, op.stack);
	else
		give(serial, op.lock);
}

/* All locks are taken in one order: whoever is asked often enough gets on. */
static void finish(uint32_t serial)
{
	while (workers[serial].next < workers[serial].count) {
		step(serial);
		step(1 + random_below(THREADS));
	}
}

/* ---- the patterns ------------------------------------------------------------------ */

static enum shape shape_of(uint32_t pattern)
{
	return pattern < 20 ? REAL :
	       pattern < 25 ? REORDERED :
	       pattern < 45 ? GATED :
	       pattern < 65 ? CREATED :
	       pattern < 85 ? JOINED :
			      SAME_THREAD;
}

static uint32_t length_of(uint32_t pattern)
{
	return shape_of(pattern) == REAL ? 2 + pattern % 3 : 2;
}

static uint32_t thread_of(uint32_t pattern, uint32_t member)
{
	return 1 + (pattern * 5 + member * 3) % THREADS;
}

static void do_pair(uint32_t pattern, uint32_t serial, uint32_t first, uint32_t second,
		    uint32_t site)
{
	take(serial, LOCK(pattern, first), stack_of(pattern, site));
	take(serial, LOCK(pattern, second), stack_of(pattern, site + 1));
	give(serial, LOCK(pattern, second));
	give(serial, LOCK(pattern, first));
}

static void with_helper(uint32_t pattern, uint32_t serial, bool joins)
{
	uint32_t helper = THREADS + 1 + helpers++;

	finish(serial);
	if (!joins)
		do_pair(pattern, serial, 0, 1, 0);
	log_with(w, serial, DLW_EVENT_CREATED, helper);
	log_with(w, helper, DLW_EVENT_STARTED, serial);
	do_pair(pattern, helper, !joins, joins, 4);
	log_with(w, helper, DLW_EVENT_EXITED, 0);
	if (joins) {
		log_with(w, serial, DLW_EVENT_JOINED, helper);
		do_pair(pattern, serial, 1, 0, 8);
	}
	done += 3 + joins;
}

static void plant(uint32_t pattern, uint32_t member)
{
	uint32_t serial = thread_of(pattern, member), next = (member + 1) % length_of(pattern);
	uint32_t gate = LOCK(pattern, 4);

	switch (shape_of(pattern)) {
	case REAL:
		push_pair(pattern, serial, member, next, member * 4);
		break;
	case REORDERED:
		/* the second has to be through the gate before the first one enters it for good */
		push(serial, gate, stack_of(pattern, member * 8));
		if (member)
			push(serial, gate, 0);
		push_pair(pattern, serial, !member, member, member * 8 + 1);
		if (!member)
			push(serial, gate, 0);
		break;
	case GATED:
		push(serial, gate, stack_of(pattern, member * 8));
		push_pair(pattern, serial, member, next, member * 8 + 1);
		push(serial, gate, 0);
		break;
	case CREATED:
	case JOINED:
		if (!member)
			with_helper(pattern, serial, shape_of(pattern) == JOINED);
		break;
	case SAME_THREAD:
		push_pair(pattern, thread_of(pattern, 0), member, next, member * 4);
		break;
	}
}

/* ---- the log --------------------------------------------------------------------------- */

static void define(void)
{
	uint32_t at;

	log_process(w, "/bin/made-up", "--slow");
	log_module(w, 0x400000, 0x500000, 0x400000, "/bin/made-up");
	for (at = 1; at <= THREADS + HELPERS; at++)
		log_thread(w, at, 100 + (int32_t)at, at <= THREADS ? "worker" : "helper");
	for (at = 1; at < LOCK(PATTERNS, 0); at++)
		log_object(w, at, DLW_MUTEX, DLW_TYPE_NORMAL, 0x480000 + at * 64u);
	for (at = 1; at <= 3; at++)
		log_stack(w, at, 0x401000 + at * 16, 0x402000);
	for (at = 0; at < PATTERNS * SITES; at++)
		log_stack(w, 100 + at, 0x410000 + at * 16, 0x403000);
}

/** when() - after how many events @member of @pattern has its turn */
static uint64_t when(uint64_t events, uint32_t pattern, uint32_t member)
{
	uint64_t gap = events / 100;

	return events / 50 + events * 9 / 10 * pattern / PATTERNS + gap * member;
}

int main(int argc, char **argv)
{
	uint8_t planted[PATTERNS][4] = { { 0 } };
	uint64_t events;
	uint32_t pattern, member;
	FILE *file;

	if (argc != 3 || (events = strtoull(argv[2], NULL, 0)) < 20000) {
		fputs("usage: planted FILE.dlw EVENTS (at least 20000)\n", stderr);
		return 2;
	}
	file = fopen(argv[1], "wb");
	if (!file) {
		perror(argv[1]);
		return 1;
	}
	w = log_writer_new(1);
	define();
	while (done < events) {
		step(1 + random_below(THREADS));
		spill(file);
		if (done % 16)
			continue;
		for (pattern = 0; pattern < PATTERNS; pattern++)
			for (member = 0; member < length_of(pattern); member++)
				if (!planted[pattern][member] &&
				    done >= when(events, pattern, member)) {
					planted[pattern][member] = 1;
					plant(pattern, member);
				}
	}
	for (member = 1; member <= THREADS; member++)
		finish(member);
	log_end(w, DLW_END_EXIT);
	log_writer_close(w);
	if (fwrite(w->log, 1, w->log_size, file) != w->log_size || fclose(file)) {
		perror("planted: cannot write");
		exit(1);
	}
	printf("%llu events\n", (unsigned long long)done);
	log_writer_free(w);
	return 0;
}
