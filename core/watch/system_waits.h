/*
 * core/watch/system_waits.h - waits for children, pipes and file locks
 *
 * Nothing is hooked for these: what a thread waits for is read from the kernel
 * when its process has come to rest (survey.h), and so is who could end it: the
 * child's threads, those who have the other end, those who have the lock. A
 * wait counts only if all of them are in view and at rest; where anybody else
 * could help, or cannot be seen, the thread lives.
 */
#ifndef DLW_CORE_WATCH_SYSTEM_WAITS_H
#define DLW_CORE_WATCH_SYSTEM_WAITS_H

#include "core/watch/descriptors.h"
#include "core/watch/file_locks.h"
#include "core/watch/look.h"
#include "core/watch/survey.h"
#include "core/watch/system_call.h"

/** A pipe or socket of a read, write or poll. */
struct dlw_awaited_channel {
	struct dlw_channel channel;
	enum dlw_end end; /* what the others of a pipe must have open to end the wait */
	bool other_end_seen; /* some process has it */
};

/** A thread asleep in such a wait, and who could end it. */
struct dlw_system_wait {
	int32_t pid;
	uint32_t surveyed; /* its process, in watch->survey.all */
	struct dlw_sleeper sleeper;
	struct dlw_call_meaning meaning;
	struct dlw_awaited_channel *channels; /* reads, writes, polls: any of them will do */
	uint32_t channel_count, channel_room;
	const struct dlw_file_lock *lock; /* the one in the way */
	bool shared;        /* file lock: how it is wanted */
	bool interruptible; /* a signal handler could end it */
	bool live;          /* it is none, after all */
	/* processes any thread of which could end it, in watch->survey.all, each once */
	uint32_t *targets;
	uint32_t target_count, target_room;
};

struct dlw_system_waits {
	struct dlw_system_wait *all;
	uint32_t count;
	struct dlw_file_locks locks;
};

/**
 * dlw_system_waits() - every such wait that nobody alive can end
 * @anew: do not be content with what was read since the last survey that showed
 *        something new: those who slept then are taken for asleep still, and so
 *        are all who could end a wait
 *
 * Those with .live set are to be passed over. Return: valid until the next
 * call; NULL: memory ran out or the kernel cannot be asked.
 */
const struct dlw_system_waits *dlw_system_waits(struct dlw_watch *watch, bool anew);

/** dlw_sleeps_still() - the thread is in the very same sleep */
bool dlw_sleeps_still(int32_t pid, const struct dlw_sleeper *sleeper);

#endif
