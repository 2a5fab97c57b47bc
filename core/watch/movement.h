/*
 * core/watch/movement.h - has any thread moved since the last look?
 *
 * Asked of every thread at every look, and mostly nothing has: so it has to be
 * cheap. Of each record two neighbouring cache lines are read, fetched ahead of
 * their turn; what they are held against lies in one row here, in the watcher's
 * own memory.
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
	uint32_t spins;  /* they had grown since the look before, in the same wait */
};

/** All records of a segment; they only ever become more. */
struct dlw_seen_records {
	struct dlw_seen_record *all;
	uint32_t count, capacity;
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
