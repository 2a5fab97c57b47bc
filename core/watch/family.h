/*
 * core/watch/family.h - the processes of a session, by descent
 *
 * A program's children need not have a segment: cat and sh never lock anything.
 * They belong to the session all the same, and what they wait for may be what
 * the program waits for. A member is a process with a segment, the one that was
 * started watched, and whoever descends from a member; it stays one when its
 * parent is gone.
 */
#ifndef DLW_CORE_WATCH_FAMILY_H
#define DLW_CORE_WATCH_FAMILY_H

#include "core/arena.h"
#include "core/watch/procfs.h"

struct dlw_relative {
	struct dlw_process_line line;
	bool member;
};

/** Every process of the machine that can be seen, by rising pid. */
struct dlw_family {
	struct dlw_relative *all;
	uint32_t count;
	uint64_t newest; /* pid that the kernel gave out last */
};

/** dlw_newest_pid() - pid that the kernel gave out last, to a process or thread; 0: unknown */
uint64_t dlw_newest_pid(void);

/**
 * dlw_family_read() - all processes as they are now
 * @before: the last reading, for members whose parents are gone since
 * @roots, @root_count: pids that are members by themselves
 *
 * Return: false if /proc cannot be listed or memory ran out.
 */
bool dlw_family_read(struct dlw_family *family, const struct dlw_family *before,
		     const int32_t *roots, uint32_t root_count, struct dlw_arena *arena);

/** dlw_family_find() - NULL: there was no such process */
const struct dlw_relative *dlw_family_find(const struct dlw_family *family, int32_t pid);

#endif
