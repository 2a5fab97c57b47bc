/*
 * core/predict/trace.h - one run, told event by event, for the prediction
 *
 *	struct dlw_trace *trace = dlw_trace_new(&arena);
 *	uint32_t worker = dlw_trace_thread(trace);
 *	uint32_t lock = dlw_trace_object(trace, &(struct dlw_trace_object){ .kind = DLW_MUTEX });
 *
 *	dlw_trace_add(trace, &(struct dlw_trace_event){
 *		.op = DLW_TRACE_ACQUIRE, .thread = worker, .object = lock,
 *		.mode = DLW_EXCLUSIVE, .place = stack });
 *	...
 *	dlw_predict(trace, &options, &prediction);		// predict.h
 *
 * Events come in an order that is a possible run: program order of every
 * thread, every acquisition when the lock is to be had, a start after its
 * creation, a join after the exit, a wake-up after its signal. Threads and
 * objects are known by the numbers given out here; the *place* of an event is
 * the caller's own number (a stack, a line), handed back and never looked at.
 *
 * An object is one life of one thing: destroyed and initialised again it is
 * another. A process-shared one is one object for all processes, locks of
 * different processes are different otherwise: who feeds, decides.
 *
 * The engine keeps twelve bytes an event, in the arena, and nothing is lost
 * silently: what could not be kept is counted in dlw_trace_losses().
 */
#ifndef DLW_CORE_PREDICT_TRACE_H
#define DLW_CORE_PREDICT_TRACE_H

#include <stdbool.h>
#include <stdint.h>

#include <dlwatch/log.h> /* enum dlw_form */

#include "core/arena.h"
#include "core/state.h"

struct dlw_trace;

enum dlw_trace_op {
	/* threads; .object is the other thread's number */
	DLW_TRACE_CREATE = 0, /* before the child's first event */
	DLW_TRACE_START = 1,  /* first event of a thread; may be left out */
	DLW_TRACE_EXIT = 2,
	DLW_TRACE_JOIN = 3,      /* returned: after the other's exit */
	DLW_TRACE_WANT_JOIN = 4, /* last event of a thread that joins for ever */
	/* locks: mutex, spinlock, rwlock, custom, semaphore; .mode exclusive, shared or permit */
	DLW_TRACE_ACQUIRE = 5, /* also each permit; a recursive mutex each time */
	DLW_TRACE_RELEASE = 6, /* one ACQUIRE back; also sem_post. By a stranger, too */
	DLW_TRACE_FAILED = 7,  /* a try or timed form did not get it: somebody else had it */
	DLW_TRACE_WANT = 8,    /* last event of a thread that asked and never got it */
	/* condition variables */
	DLW_TRACE_WAIT = 9,   /* begins to wait; gives .mutex back, however often it was taken */
	DLW_TRACE_WOKEN = 10, /* the wait ends by a signal; the mutex follows as ACQUIRE */
	DLW_TRACE_SIGNAL = 11,
	DLW_TRACE_BROADCAST = 12,
	/* barriers */
	DLW_TRACE_ARRIVE = 13,
	DLW_TRACE_LEAVE = 14,
	/* memory: order only, known to some formats. A read sees the last write before it */
	DLW_TRACE_READ = 15,
	DLW_TRACE_WRITE = 16,
	/* another process begins: .object is its first thread; like CREATE, but never joined */
	DLW_TRACE_FORK = 17,
	/* events of this thread are missing here: it holds nothing that is known any more */
	DLW_TRACE_GAP = 18,
	/* a wait for a condition ends without a signal: timeout, cancellation */
	DLW_TRACE_GIVE_UP = 19,
	DLW_TRACE_OP_COUNT
};

struct dlw_trace_event {
	enum dlw_trace_op op;
	uint32_t thread;
	uint32_t object; /* object or other thread, by op */
	uint32_t mutex;  /* WAIT: the mutex given back */
	enum dlw_mode mode;
	enum dlw_form form; /* how an acquisition or a wait was asked for */
	uint32_t place;
	uint64_t times; /* how often this was seen, of which it is one; 0: once */
};

struct dlw_trace_object {
	enum dlw_kind kind; /* DLW_NO_KIND: a variable */
	bool recursive;     /* a mutex that its owner may take again */
	uint32_t initial;   /* semaphore: permits at first; barrier: parties */
	bool initial_known;
	/*
	 * Whether the beginning or the end of this life would have been seen:
	 * initialised, or in module data, or memory whose freeing is watched.
	 * If not, the address may have been another lock's in between, and no
	 * cycle over it is called feasible.
	 */
	bool life_known;
};

/** What the trace could not take; all zero: complete. */
struct dlw_trace_losses {
	uint64_t dropped; /* events: the arena ran out, or a number is out of range */
	uint64_t odd;     /* contradict what came before (an acquisition of what somebody has) */
	uint64_t gaps;
};

/** dlw_trace_new() - an empty one in @arena, which must outlive it; NULL: memory ran out */
struct dlw_trace *dlw_trace_new(struct dlw_arena *arena);

/** dlw_trace_thread(), dlw_trace_object() - the number of a new one; DLW_NONE: memory ran out */
uint32_t dlw_trace_thread(struct dlw_trace *trace);
uint32_t dlw_trace_object(struct dlw_trace *trace, const struct dlw_trace_object *object);

/**
 * dlw_trace_program() - what @thread runs: a place means the same only in threads of one program
 *
 * Without it all are of one, number 0.
 */
void dlw_trace_program(struct dlw_trace *trace, uint32_t thread, uint32_t program);

/** dlw_trace_add() - the next event; false: it is counted in the losses and forgotten */
bool dlw_trace_add(struct dlw_trace *trace, const struct dlw_trace_event *event);

/**
 * dlw_trace_expect() - @event, an acquisition, will be the next one of its thread
 *
 * Changes nothing but the time that dlw_trace_add() will take: what it has to
 * look up comes from memory while other threads' events are told.
 */
void dlw_trace_expect(struct dlw_trace *trace, const struct dlw_trace_event *event);

struct dlw_trace_losses dlw_trace_losses(const struct dlw_trace *trace);

#endif
