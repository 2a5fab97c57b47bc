/*
 * core/state.h - one moment of the watched world, in plain data
 *
 * The watcher fills it from the records of running processes, the analyzer
 * from a log; the engine (judge.h) only reads it. Everything refers to
 * everything else by index into the arrays of struct dlw_state.
 *
 * Words: a thread that waits has a *want*; what it took and has not given back
 * are its *holds*; a *releaser* is a thread whose progress could end a wait
 * that no holder explains (a poster, a signaller).
 */
#ifndef DLW_CORE_STATE_H
#define DLW_CORE_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include <dlwatch/words.h>

#define DLW_NONE UINT32_MAX /* no such index */

/** Return addresses, innermost first; addresses are those of the process. */
struct dlw_stack {
	const uint64_t *frames;
	uint32_t depth; /* 0: nothing known. 1: the site alone */
};

/** A file mapped executable. An address minus @bias is its ELF virtual address. */
struct dlw_module {
	uint64_t start, end; /* [start, end) of all its segments */
	uint64_t bias;
	const char *path;
	const char *build_id; /* lower-case hex, or NULL */
};

struct dlw_process_state {
	int32_t pid;
	const char *exe;          /* absolute path, or "" */
	const char *const *args;  /* @arg_count strings */
	uint32_t arg_count;
	const struct dlw_module *modules; /* sorted by start */
	uint32_t module_count;
	bool ended; /* exited, killed or replaced by exec: none of its threads goes on */
	/*
	 * Why somebody unseen could still end a wait in this process (a timer
	 * is armed, a signal handler could post, a thread was never seen
	 * starting, …); NULL: the world is closed, 'stalled' may be said.
	 */
	const char *open_reason;
};

enum dlw_life {
	DLW_LIVE,    /* running, or in a call that ends without our threads */
	DLW_WAITING, /* blocked in .want */
	DLW_GONE,    /* exited, died, or vanished in a fork: will never act again */
};

/** Properties of a wait, or-ed. Each one breaks 'no preemption' or weakens what may be said. */
enum dlw_want_flag {
	DLW_WANT_TIMED = 1 << 0,         /* ends by itself: the thread counts as live */
	DLW_WANT_TRY = 1 << 1,           /* does not wait at all: live */
	DLW_WANT_POLLING = 1 << 2,       /* same timed wait again and again: blocked for 'likely' at most */
	DLW_WANT_INTERRUPTIBLE = 1 << 3, /* may return EINTR to an existing handler: not 'proven' */
	DLW_WANT_CANCELLED = 1 << 4,     /* cancellation requested in a cancellation point: live */
	DLW_WANT_SPINNING = 1 << 5,      /* burns a CPU instead of sleeping */
	DLW_WANT_UNCONFIRMED = 1 << 6,   /* kernel or C library could not be asked: not 'proven' */
};

struct dlw_want {
	uint32_t resource;
	enum dlw_mode mode;
	/*
	 * Condition variables: the mutex that must be had back before the wait
	 * returns; DLW_NONE otherwise. A timeout stands in for the signal only:
	 * a timed condition wait is still blocked by this mutex's owner.
	 */
	uint32_t mutex;
	uint32_t flags;    /* enum dlw_want_flag */
	uint64_t since_ns; /* CLOCK_MONOTONIC of the process's clock; 0: unknown */
	uint64_t order;    /* place in the resource's queue (smaller came first); 0: unknown */
	struct dlw_stack stack;
};

struct dlw_thread_state {
	uint32_t process;
	int32_t tid;
	const char *name; /* "" if none */
	enum dlw_life life;
	bool vanished; /* while DLW_GONE: in a fork, of which the kernel hands nothing on */
	bool exempt;   /* annotated: never part of a finding, counts as live */
	bool detached;
	struct dlw_want want; /* valid while DLW_WAITING */
	struct dlw_stack created_at;
};

struct dlw_hold {
	uint32_t thread;
	uint32_t resource;
	enum dlw_mode mode;
	uint32_t count;    /* recursion depth, or permits of a semaphore; 0: holds nothing */
	uint64_t since_ns; /* 0: unknown */
	struct dlw_stack stack;
	/*
	 * File locks: holds with the same number are one lock, an open file
	 * description that several processes have; 0: a lock of its process.
	 */
	uint32_t description;
};

/** What is known of who posts a semaphore (semantics: who may post or signal). */
enum dlw_history {
	DLW_NO_POST_YET,  /* nobody posted in this life of the object */
	DLW_LOCK_LIKE,    /* only holders posted: its holders are its posters */
	DLW_SIGNAL_LIKE,  /* somebody posted who held no permit */
};

struct dlw_resource_state {
	enum dlw_kind kind;
	enum dlw_type type;
	uint32_t traits; /* enum dlw_trait */
	const char *name; /* given by annotation, sem_open or pthread name; NULL otherwise */
	uint32_t process; /* whose address space .address and .init_stack belong to */
	uint64_t address; /* 0 where it has none (threads, processes) */
	struct dlw_stack init_stack;
	/* by kind */
	enum dlw_history history; /* semaphore, condition; a distrusted mutex is judged by it, too */
	uint32_t initial;  /* semaphore: value it was created with; barrier: parties */
	uint32_t arrived;  /* barrier: threads that arrived in this round */
	bool initial_known;
	bool ever_posted_by_vanished; /* a past releaser has exited: history does not name all */
	uint32_t subject;  /* thread or process: its index in state->threads / state->processes */
};

enum dlw_provenance {
	DLW_SEEN_BEFORE, /* it posted, signalled or arrived earlier: inferred */
	DLW_ANNOTATED,   /* dlwatch.h names it as an expected releaser: inferred */
	DLW_SOLE_OWNER,  /* it has the other end (pipe), runs in the child: certain */
};

/** Thread may end waits on resource although it does not hold it. */
struct dlw_releaser {
	uint32_t thread;
	uint32_t resource;
	enum dlw_provenance provenance;
};

struct dlw_state {
	const struct dlw_process_state *processes;
	uint32_t process_count;
	const struct dlw_thread_state *threads;
	uint32_t thread_count;
	const struct dlw_resource_state *resources;
	uint32_t resource_count;
	const struct dlw_hold *holds;
	uint32_t hold_count;
	const struct dlw_releaser *releasers;
	uint32_t releaser_count;
	uint64_t now_ns;   /* the moment, on the clock of since_ns */
	uint64_t stall_ns; /* how long the open-world rule must have held */
	uint32_t reporter; /* process named as "program" in findings */
};

/** dlw_state_is_valid() - every index in range, every enum known; for asserts and tests */
bool dlw_state_is_valid(const struct dlw_state *state);

#endif
