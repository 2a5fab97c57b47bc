/*
 * core/watch/movement.h - has any thread moved since the last look?
 *
 * Asked of every thread at every look, and mostly nothing has: so it has to be
 * cheap. Of each record two neighbouring cache lines are read, fetched ahead of
 * their turn; what they are held against lies in one row here, in the watcher's
 * own memory.
 *
 * A thread that has been in one published wait for some looks is *awaited*: it
 * is marked so, counts in its segment when it leaves that wait, and is not looked
 * at until any has. Only what a signal handler does in the middle of a wait it
 * does not tell; so a few of them are looked at each time, in turn.
 */
#ifndef DLW_CORE_WATCH_MOVEMENT_H
#define DLW_CORE_WATCH_MOVEMENT_H

#include <stdbool.h>
#include <stdint.h>

struct dlw_watch;

/** A record as the last look saw it. */
struct dlw_seen_record {
	uint64_t offset; /* of the record */
	uint64_t number; /* dlw_record_lasting() */
	uint64_t since_ns; /* when a look first saw that number */
	uint32_t turns;  /* .want_turns */
	uint16_t steady; /* looks in a row that saw that number */
	bool spins;      /* the turns had grown since the look before, in the same wait */
};

/** All records of a segment; they only ever become more. */
struct dlw_seen_records {
	struct dlw_seen_record *all;
	uint32_t count, capacity;
	uint32_t awaited; /* so many of them, the last ones, wait and will tell */
	uint32_t turn;    /* of those, the one to look at next all the same */
	uint32_t ends;    /* .awaited_ends when all of them were last looked at */
	uint32_t changes; /* .thread_changes */
	uint64_t newest; /* offset of the newest one in here */
};

/**
 * dlw_anything_moved() - in any process in view
 * @now: CLOCK_MONOTONIC
 *
 * Notes in the records when each began its wait, for whoever looks next.
 */
bool dlw_anything_moved(struct dlw_watch *watch, uint64_t now);

#endif
