/*
 * core/watch/sharing.h - who out of view can get at a shared object
 */
#ifndef DLW_CORE_WATCH_SHARING_H
#define DLW_CORE_WATCH_SHARING_H

#include "core/watch/look.h"

enum dlw_sharing {
	DLW_SHARED_IN_VIEW,   /* nobody but the processes in view has the memory, or can get it */
	DLW_SHARED_BY_NAME,   /* nobody else has it, but it has a name by which anybody can */
	DLW_SHARED_ELSEWHERE, /* a process out of view has it, or it cannot be told from others */
};

/**
 * dlw_sharing_of() - of the memory at @address of @process
 *
 * Looks through /proc, at mappings and descriptors; a process that we may not
 * read does not count. A System V segment has a name for as long as it lives.
 */
enum dlw_sharing dlw_sharing_of(const struct dlw_watch *watch, uint32_t process, uint64_t address);

#endif
