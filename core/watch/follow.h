/*
 * core/watch/follow.h - the processes of a session, as they come and go
 *
 *	struct dlw_follower follower = { .watch = &watch, .path = …, .session = … };
 *
 *	for (;;) {
 *		sleep(check_ms);
 *		dlw_follow(&follower);
 *		dlw_watch_look(&watch);
 *	}
 *
 * Each process has a segment file in the session's directory, which is mapped
 * whole and mapped anew as it grows. Files are looked for when the session's
 * generation changes. A process that execs makes a new file; what it was stays
 * under another name if it holds something that others may wait for. One that
 * is over leaves view, and its file is removed, unless it left such a thing. Of
 * those the last DLW_LEFT_BEHIND_MAX stay: a server may have one at every request.
 *
 * Bare system calls, no allocation but from the watch's arenas.
 */
#ifndef DLW_CORE_WATCH_FOLLOW_H
#define DLW_CORE_WATCH_FOLLOW_H

#include "core/watch/look.h"

#define DLW_LEFT_BEHIND_MAX 64

struct dlw_follower {
	struct dlw_watch *watch;
	const char *path; /* the session's directory */
	struct dlw_session *session;
	int32_t own_pid; /* in view without us; 0: none */
	/* private */
	uint32_t generation;
	uint32_t next_check; /* whose death is asked about next */
	/* of processes that have left view */
	uint32_t processes;
	uint64_t threads, stacks;
	uint64_t counts[DLW_COVERAGE_COUNTS];
};

/** dlw_follow() - take new processes into view, and out of it those that are over */
void dlw_follow(struct dlw_follower *follower);

/**
 * dlw_follow_to_the_end() - likewise, for the last time: asks of every process whether it lives
 *
 * One that was killed does not say so; where there are many dlw_follow() asks of some.
 */
void dlw_follow_to_the_end(struct dlw_follower *follower);

/** dlw_follow_stop() - nobody but ourselves is in view any more; no file is removed */
void dlw_follow_stop(struct dlw_follower *follower);

#endif
