/*
 * core/watch/look.h - looking at running processes until a deadlock has been
 * seen twice
 *
 *	struct dlw_watch watch = { .settings = …, .arena = …, .found = report };
 *
 *	dlw_watch_add(&watch, segment, false);
 *	for (;;) {
 *		sleep(check_ms);
 *		dlw_watch_look(&watch);		// calls report() for each new finding
 *	}
 *
 * One look: read every thread's wait; if anything moved since the last look,
 * or a silence has lasted long enough to mean something, build the picture,
 * let the engine judge it, and ask the kernel and the C library about every
 * thread of a suspected core. A core that two looks find in the very same
 * waits, confirmed at both, is reported once.
 *
 * Used by the supervisor (from outside, any number of processes) and by the
 * helper thread inside a program. No allocation but from the arenas, no stdio,
 * no lock that the program could hold.
 */
#ifndef DLW_CORE_WATCH_LOOK_H
#define DLW_CORE_WATCH_LOOK_H

#include <stdbool.h>
#include <stdint.h>

#include <dlwatch/session.h>

#include "core/arena.h"
#include "core/judge.h"
#include "core/watch/sharing.h"
#include "core/watch/survey.h"
#include "core/watch/mappings.h"
#include "core/watch/movement.h"

/** A process in view. */
struct dlw_watched {
	struct dlw_segment *segment;
	uint64_t mapped;      /* bytes; 0: the segment is our own, all of it mapped */
	uint64_t movements; /* looks that have found anything moved */
	uint32_t checks; /* times it was asked whether it lives */
	/*
	 * A task of it whose memory can be read: the first thread, or another one
	 * if that has ended (its /proc entries are then empty).
	 */
	int32_t task;
	struct dlw_mappings mappings; /* shared memory, as last read */
	struct dlw_seen_records seen; /* its threads, at the last look */
	uint32_t nestings_seen, nestings_open; /* notes looked at; cycles that lack fitting moments */
	uint64_t nestings_ns, next_nestings_ns; /* when they were, and may be again */
	uint64_t lasting_since_ns; /* the newest of the waits that the last look has seen before */
	char name[48]; /* of its file in the session's directory; "" for our own */
	uint64_t inode;
	/*
	 * Its pids are not ours. It is there, and that is all we can know: none of
	 * its threads is ever found blocked, or gone.
	 */
	bool foreign;
	bool ended; /* it is over; what it holds of shared objects stays held */
	uint64_t ended_at; /* CLOCK_MONOTONIC, at the latest */
	bool replaced; /* gone from view; the slot is free */
};

/** Shared memory where a process that is gone from view has posted or signalled. */
struct dlw_past_post {
	uint64_t device, inode, offset;
	uint8_t kind;
};

/** A core that was seen, by the numbers of its threads' waits. */
struct dlw_seen_core {
	uint64_t key;
	enum dlw_verdict verdict;
};

struct dlw_seen_cores {
	struct dlw_seen_core *all;
	uint32_t count, capacity;
};

struct dlw_watch {
	uint64_t stall_ns;
	int32_t ignored_tid; /* the helper thread itself; 0: none */
	uint64_t pid_namespace; /* of whoever looks: what pids mean to it */
	struct dlw_session *session; /* shared with all who look at it; NULL: there is nobody else */
	int32_t root; /* pid: it and all that descends from it is looked at, segment or not; 0: none */
	struct dlw_arena picture; /* emptied at every look */
	struct dlw_arena memory;  /* what must last */
	/**
	 * found() - a new finding: a deadlock, an orphan, an inversion or a misuse
	 * @state: the picture it was found in, valid until found() returns
	 */
	void (*found)(void *context, const struct dlw_state *state,
		      const struct dlw_finding *finding);
	/**
	 * unwind() - the call stack of a thread asleep in a system call; NULL: not to be had
	 *
	 * Asked for threads of a new finding that no hook has a stack of.
	 * Return: how many addresses are in @frames, innermost first.
	 */
	uint32_t (*unwind)(int32_t pid, int32_t tid, uint64_t *frames, uint32_t room);
	void *context;
	/* private */
	struct dlw_watched *processes;
	uint32_t process_count, process_capacity;
	struct dlw_past_post *past_posts;
	uint32_t past_count, past_capacity;
	struct dlw_survey survey; /* of what no record tells */
	uint64_t looks; /* pictures made so far */
	struct dlw_census census; /* of the last of them: who else has shared memory */
	struct dlw_seen_cores reported; /* waits on the system */
	struct dlw_seen_cores suspected; /* at the last look */
	bool suspects_system; /* one of them rests on waits on the system */
	struct dlw_seen_cores happened;  /* deadlocks reported, by dlw_lock_key() of what was wanted */
	struct dlw_seen_cores inversions; /* told */
	struct dlw_seen_cores spare; /* the list before that, to be used again */
	int32_t asking_tid; /* during dlw_watch_now(): the thread that asks is not asleep yet */
	uint64_t quiet_since_ns; /* nothing has moved since then */
	uint32_t stall_judgements; /* made since, because of the silence */
	bool unsettled; /* the last look could not settle everything: look again */
	uint64_t settle_ns; /* but not before then, if nothing moves */
	uint32_t findings;       /* reported so far */
};

/** dlw_watch_add() - take a process into view; Return: NULL: no memory; valid until the next one */
struct dlw_watched *dlw_watch_add(struct dlw_watch *watch, struct dlw_segment *segment,
				  uint64_t mapped);

/**
 * dlw_watch_retire() - a process that is over leaves view, unless it left something behind
 *
 * What others wait for may be held by it for ever: then it stays, as ended.
 * Return: it has left; the caller unmaps its segment.
 */
bool dlw_watch_retire(struct dlw_watch *watch, struct dlw_watched *watched);

/** dlw_watch_forget() - a process that stayed leaves view after all; the caller unmaps its segment */
void dlw_watch_forget(struct dlw_watch *watch, struct dlw_watched *watched);

/** dlw_leaves_behind() - one of its threads holds something that other processes have, too */
bool dlw_leaves_behind(const struct dlw_watched *watched);

/** dlw_watch_misuses() - report what processes have noted and nobody has reported yet */
void dlw_watch_misuses(struct dlw_watch *watch);
void dlw_watch_misuses_of(struct dlw_watch *watch, struct dlw_watched *watched);

/**
 * dlw_watch_inversions() - report inversions that processes' notes of lock orders show
 *
 * Each kind of cycle once; not one that was reported as a deadlock.
 * dlw_watch_inversions_of() looks without regard to what it costs.
 */
void dlw_watch_inversions(struct dlw_watch *watch);
uint32_t dlw_watch_inversions_of(struct dlw_watch *watch, struct dlw_watched *watched);

/** dlw_seen_add() - remember a key in memory that lasts; without memory it is forgotten */
void dlw_seen_add(struct dlw_watch *watch, struct dlw_seen_cores *cores, uint64_t key,
		  enum dlw_verdict verdict);

/** dlw_lock_key() - to be summed up over the locks of a cycle */
static inline uint64_t dlw_lock_key(uint64_t address)
{
	address *= 0xff51afd7ed558ccdu;
	return address ^ address >> 31;
}

/** dlw_watch_look() - one look, also for misuses and inversions; Return: findings reported by it */
uint32_t dlw_watch_look(struct dlw_watch *watch);

/**
 * dlw_watch_now() - judge at once, without a second look
 *
 * For a thread that is about to wait for itself: what it waits for is its own
 * doing and cannot change. Only cores of one thread with want_relock count.
 */
uint32_t dlw_watch_now(struct dlw_watch *watch, int32_t asking_tid);

/**
 * dlw_watch_break() - make a call of a core fail with EDEADLK
 *
 * From within found(). Chooses the first thread of the core whose call POSIX
 * lets fail so; its own hook does it, at the end of its current slice.
 */
void dlw_watch_break(const struct dlw_watch *watch, const struct dlw_state *state,
		     const struct dlw_finding *finding);

#endif
