/*
 * shim/runtime.h - what the shim keeps for the whole process
 *
 * All of it lies in one piece of memory that the kernel wipes in the child of a
 * fork (MADV_WIPEONFORK): a child finds no segment, free locks and no threads, and
 * sets itself up anew at its first hook, whichever of fork, _Fork or clone it
 * came from. Only options and the session's place outlive a fork.
 */
#ifndef DLW_SHIM_RUNTIME_H
#define DLW_SHIM_RUNTIME_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <dlwatch/session.h>

#include "shim/lock.h"
#include "shim/options.h"

enum dlw_runtime_state { DLW_ASLEEP = 0, DLW_STARTING, DLW_READY, DLW_OFF };

#define DLW_OBJECT_STRIPES 64

/** One stripe of the address → object table; see object.c. */
struct dlw_object_stripe {
	struct dlw_lock lock; /* adding an entry */
	uint32_t used;
	struct dlw_object_entries *_Atomic entries;
};

/** Texts kept once: offsets in the segment, by hash; see intern.c. */
struct dlw_texts {
	uint32_t *entries;
	uint32_t capacity, used;
};

struct dlw_runtime {
	_Atomic uint32_t state; /* enum dlw_runtime_state */
	pid_t pid;
	uint64_t start; /* when the process began, dlw_process_start() */
	struct dlw_segment *segment; /* also the base of every offset */
	uint64_t reserved;  /* address space behind segment */
	bool in_file;       /* the segment is shared; else private memory */
	bool supervised;    /* a supervisor looks from outside */
	struct dlw_lock segment_lock, threads_lock, stacks_lock, table_lock, log_lock;
	struct dlw_object_stripe objects[DLW_OBJECT_STRIPES];
	void *first_entries;        /* of all stripes: object.c, under table_lock */
	struct dlw_texts texts;     /* under table_lock */
	/* notes of nestings, under table_lock: nesting_notes.c */
	uint32_t nesting_room;   /* notes there is room for */
	uint32_t sweep_nestings; /* that, when threads that are gone are next looked for */
	uint32_t free_nesters;
	uint64_t free_nest_chunks; /* offset of the first */
	_Atomic uint32_t ranked;    /* some lock has a rank */
	struct dlw_traces *traces; /* trace.c */
	struct dlw_logger *logger; /* log_write.c; NULL: no log */
	struct dlw_context *free_contexts;   /* of threads that are gone */
	struct dlw_context *exiting_contexts; /* of threads that may be */
	struct dlw_lock starts_lock;
	struct dlw_start *free_starts; /* hook_thread.c */
	_Atomic uint32_t watcher;          /* a helper thread looks, watcher.c */
	_Atomic uint32_t watcher_requests; /* times that one was asked for */
	struct dlw_lock watch_lock;
	struct dlw_watch *watch;
	struct dlw_follower *follower; /* the session's other processes, while we look at them */
	struct dlw_session *session; /* NULL: private memory, there are no others */
	struct dlw_leases *leases;   /* of our pid namespace; NULL: we look at ourselves alone */
	struct dlw_shared_ticket *_Atomic tickets; /* of shared objects, shared.c; NULL: not needed yet */
	uint64_t lease_name; /* what this process writes into the session's leases */
	_Atomic uint32_t shared_waits; /* it has waited for something that other processes have */
	_Atomic uint64_t next_offer_ns; /* when it next asks whether somebody looks */
	bool left_behind; /* threads that vanished in the fork have left locks taken */
	_Atomic uint32_t replacing; /* exec is being tried: no lease is to be held */
	_Atomic int32_t multithreaded; /* a second thread was created */
	_Atomic uint32_t scene_kept; /* dlw_misuse_scene() has been here */
	_Atomic uint32_t finished; /* dlw_runtime_finish() has been here */
	uint64_t home_used; /* bytes of what lies behind it: dlw_home_take() */
	char segment_path[DLW_PATH_MAX];
};

/* This thread is between our prepare handler and the end of its fork: it has stacks_lock. */
extern __thread bool dlw_forking __attribute__((tls_model("initial-exec")));

/* never NULL once dlw_runtime_ready() returned true */
extern struct dlw_runtime *dlw_runtime __attribute__((visibility("hidden")));
extern struct dlw_options dlw_options __attribute__((visibility("hidden")));
extern char dlw_session_path[DLW_PATH_MAX]; /* "" before the first process set it up */

/**
 * dlw_runtime_ready() - set the process up if it is not yet
 *
 * Return: true if there is a segment to record in. false while another thread
 *         sets it up, or for good if it cannot be had: the hooks pass through.
 */
bool dlw_runtime_ready(void);

/**
 * dlw_home_ensure() - have the memory that the runtime lies in, which a child keeps, wiped
 *
 * Else a child that has something to record has to ask for some.
 */
void dlw_home_ensure(void);

/** dlw_home_is_wiped() - the kernel does that */
bool dlw_home_is_wiped(void);

/**
 * dlw_home_take() - @size zeroed bytes of that, for good; they are wiped in the child of a fork
 *
 * While the process is set up, or under threads_lock.
 * Return: NULL if there is not so much: dlw_map().
 */
void *dlw_home_take(size_t size);

/** dlw_runtime_count() - add to the coverage line */
void dlw_runtime_count(enum dlw_coverage_count which, uint64_t amount);

/** dlw_runtime_finish() - the process ends or is replaced: flush, say so; may be called twice */
void dlw_runtime_finish(enum dlw_end_reason reason, int status);

/** dlw_runtime_replaced() - exec is about to be tried: flush the log, which goes on if it fails */
void dlw_runtime_replaced(void);

/** dlw_runtime_not_replaced() - it has failed */
void dlw_runtime_not_replaced(void);

/**
 * dlw_session_ensure() - have a session before another process comes of this one
 *
 * A child inherits its place; a program that a child starts finds it by its
 * ancestors. Cheap after the first time; errno is kept.
 */
void dlw_session_ensure(void);

static inline void *dlw_at(uint64_t offset)
{
	return offset ? (char *)dlw_runtime->segment + offset : NULL;
}

static inline uint64_t dlw_offset(const void *pointer)
{
	return (uint64_t)((const char *)pointer - (const char *)dlw_runtime->segment);
}

/** dlw_nanoseconds() - CLOCK_MONOTONIC */
uint64_t dlw_nanoseconds(void);

#endif
