/*
 * core/watch/survey.h - which processes of a session have come to rest
 *
 * A wait on the system (for a child, a pipe, a file lock) can be ended by any
 * thread of some other process, so it can be part of a deadlock only if that
 * process is at rest: all its threads sleep, each in a wait that its record
 * tells of or in a system call that waits for another process. One thread that
 * does anything else, the *witness*, settles it, and is looked at first the
 * next time: a process that lives costs one short read.
 *
 * The survey measures what it costs and pauses 200 times as long: in the
 * long run it takes no more than half a hundredth of a processor, whatever the
 * machine has to show.
 */
#ifndef DLW_CORE_WATCH_SURVEY_H
#define DLW_CORE_WATCH_SURVEY_H

#include <dlwatch/session.h>

#include "core/arena.h"
#include "core/watch/family.h"
#include "core/watch/procfs.h"

struct dlw_system_waits;
struct dlw_watch;

/** A thread of a process at rest. */
struct dlw_sleeper {
	int32_t tid;
	bool hooked; /* in a wait that its record tells of; the rest means nothing */
	bool fresh;  /* seen in this sleep for the first time */
	uint64_t sequence; /* dlw_task_sequence() */
	uint64_t since_ns; /* when it was first seen in it */
	struct dlw_system_call call;
};

struct dlw_surveyed {
	int32_t pid;
	uint32_t watched; /* place in watch->processes; UINT32_MAX: it has no segment */
	bool resting;
	bool nearly; /* it is, if none of its sleepers has moved by the next look */
	/* not resting: who showed it */
	int32_t witness;
	uint64_t witness_sequence;
	/* resting, or nearly */
	uint64_t waits; /* .movements when its records were read */
	struct dlw_sleeper *sleepers; /* by rising tid */
	uint32_t sleeper_count;
};

/** A thread that another one waits for and that is in no wait its record tells of. */
struct dlw_wanted_task {
	int32_t pid;
	struct dlw_sleeper sleeper; /* .sequence 0: not asleep in a call of ours */
};

struct dlw_wanted_tasks {
	struct dlw_wanted_task *all; /* by rising tid */
	uint32_t count, room;
};

struct dlw_survey {
	struct dlw_arena memory[2], family_memory[2]; /* this time's and last time's */
	struct dlw_arena waits_memory;
	struct dlw_system_waits *waits; /* as last read; NULL: nothing has been, or could be */
	unsigned turn, family_turn;
	struct dlw_family family;
	struct dlw_surveyed *all; /* by rising pid */
	uint32_t count;
	uint32_t resting; /* how many of them are */
	bool any_nearly;
	uint64_t sum;     /* over all that rest: has anything changed? */
	bool outdated;    /* it has since .waits were read */
	bool generous;    /* time is saved up */
	uint64_t begun_ns, spent_ns; /* the last time, and what it has cost since */
	uint64_t not_before_ns;
	uint64_t again_ns, pause_ns; /* when what has not changed is judged again, and how often */
	struct dlw_wanted_tasks wanted, wanted_before;
};

/**
 * dlw_survey_look() - look at all processes of the session
 * @now: CLOCK_MONOTONIC
 *
 * After this look has counted what moved (.movements).
 * Return: something has come to rest that was not at rest before.
 */
bool dlw_survey_look(struct dlw_watch *watch, uint64_t now);

/** dlw_survey_borrow() - @arena, emptied; it takes its memory where the watch does */
struct dlw_arena *dlw_survey_borrow(struct dlw_watch *watch, struct dlw_arena *arena);

/** dlw_survey_sleeps() - the last look saw the thread asleep in a call of ours */
bool dlw_survey_sleeps(const struct dlw_survey *survey, int32_t pid, int32_t tid);

/** dlw_survey_forget() - a process has come into view, or left it: what was seen of it is void */
void dlw_survey_forget(struct dlw_survey *survey, int32_t pid);

/** dlw_survey_family() - read the processes anew if any came since; false: not to be had */
bool dlw_survey_family(struct dlw_watch *watch);

/** dlw_survey_spent() - what was begun at @start (dlw_survey_clock()) counts as the survey's */
void dlw_survey_spent(struct dlw_survey *survey, uint64_t start);
uint64_t dlw_survey_clock(void);

/** dlw_survey_find() - NULL: not a process of the session that was seen */
const struct dlw_surveyed *dlw_survey_find(const struct dlw_survey *survey, int32_t pid);

/**
 * dlw_survey_forget_wanted(), dlw_survey_want() - whom the next looks ask about, besides
 *
 * By rising tids. What was known of those asked about so far is not forgotten.
 */
void dlw_survey_forget_wanted(struct dlw_survey *survey);
void dlw_survey_want(struct dlw_watch *watch, int32_t pid, int32_t tid);

#endif
