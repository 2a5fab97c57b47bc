/*
 * core/watch/mappings.h - which memory of a process is shared, and what it is
 *
 * An object in a shared mapping is the same to every process that maps it:
 * known by device, inode and offset in there, never by its address. Each
 * MAP_SHARED|MAP_ANONYMOUS mapping has an inode of its own on the kernel's
 * shared-memory device, a SysV segment has its id there.
 */
#ifndef DLW_CORE_WATCH_MAPPINGS_H
#define DLW_CORE_WATCH_MAPPINGS_H

#include <stdbool.h>
#include <stdint.h>

#include <dlwatch/session.h>

#include "core/arena.h"

/** Mappings of one process, sorted by address as the kernel lists them. */
struct dlw_mappings {
	struct dlw_mapping *all;
	uint32_t count, capacity;
	uint64_t read_ns; /* when the reading began; 0: never */
	uint64_t cost_ns; /* what it took, in processor time */
	uint64_t look;    /* dlw_watch.looks then, if it was while a picture was confirmed */
	bool alone;       /* what the shim noted has turned out wrong: do without */
};

/** dlw_mapping_parse() - a line of /proc/PID/maps, which is changed; inode 0: private memory */
bool dlw_mapping_parse(char *line, struct dlw_mapping *mapping);

/** dlw_mapping_at() - the mapping of @pid at @address, from /proc; false: none, or unreadable */
bool dlw_mapping_at(int32_t pid, uint64_t address, struct dlw_mapping *mapping);

/** dlw_does_without() - @pid can be seen to have nothing of the file @inode in shared memory */
bool dlw_does_without(int32_t pid, uint64_t inode);

/**
 * dlw_mappings_read() - all shared ones of @pid
 *
 * Memory comes from @arena and is used again at the next reading. Return:
 * false if they cannot be read (what was known before stays) or memory ran out.
 */
bool dlw_mappings_read(struct dlw_mappings *mappings, int32_t pid, struct dlw_arena *arena);

/** dlw_mappings_find() - the one that covers @address, or NULL */
const struct dlw_mapping *dlw_mappings_find(const struct dlw_mappings *mappings, uint64_t address);

struct dlw_watched;

/**
 * dlw_shared_mapping() - shared memory at @address of a process, as far as is known
 *
 * By what was last read of its mappings, else by what its shim noted. NULL: private.
 */
const struct dlw_mapping *dlw_shared_mapping(const struct dlw_watched *watched, uint64_t address);

#endif
