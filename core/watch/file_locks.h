/*
 * core/watch/file_locks.h - who waits for which file lock, from /proc/locks
 *
 * The kernel lists every lock and, below it, the requests that wait for it to
 * go. It is asked for nothing else: which ranges conflict it has decided
 * itself. Two locks of one text (family, access, owner, file, range) are one
 * here, which errs on the side of a lock that somebody can still release.
 */
#ifndef DLW_CORE_WATCH_FILE_LOCKS_H
#define DLW_CORE_WATCH_FILE_LOCKS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/arena.h"

enum dlw_lock_family { DLW_FLOCK, DLW_RECORD_LOCK, DLW_OPEN_FILE_LOCK };

#define DLW_LOCK_TEXT_MAX 96

/** A lock somebody has, in the words of /proc/locks: "FLOCK  ADVISORY  WRITE 12 fe:00:34 0 EOF". */
struct dlw_file_lock {
	enum dlw_lock_family family;
	bool shared;
	int32_t pid; /* who took it: of a record lock its owner; ≤ 0: not of this pid namespace */
	char text[DLW_LOCK_TEXT_MAX];
};

/** A request that waits, and for which lock. */
struct dlw_lock_request {
	enum dlw_lock_family family;
	bool shared;
	int32_t pid;
	uint64_t inode;
	uint32_t blocker; /* index among the locks */
};

struct dlw_file_locks {
	struct dlw_file_lock *locks;
	uint32_t lock_count;
	struct dlw_lock_request *requests;
	uint32_t request_count;
};

/** dlw_file_locks_read() - false: cannot be read, or memory ran out */
bool dlw_file_locks_read(struct dlw_file_locks *locks, struct dlw_arena *arena);

/**
 * dlw_file_locks_request() - the one that @pid makes on the file with @inode
 *
 * Return: NULL: none, or several that wait for different locks or ask for
 *         different access: who asks for which cannot be told.
 */
const struct dlw_lock_request *dlw_file_locks_request(const struct dlw_file_locks *locks,
						      enum dlw_lock_family family, int32_t pid,
						      uint64_t inode);

/**
 * dlw_file_lock_note() - a descriptor's fdinfo says that it has @lock
 * @note: the text of /proc/PID/fdinfo/FD
 */
bool dlw_file_lock_note(const struct dlw_file_lock *lock, const char *note);

/** dlw_file_lock_range() - the bytes it covers; false: the whole file */
bool dlw_file_lock_range(const struct dlw_file_lock *lock, uint64_t *first, uint64_t *last);

#endif
