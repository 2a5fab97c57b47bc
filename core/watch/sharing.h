/*
 * core/watch/sharing.h - who out of view can get at a shared object
 *
 * Told by the whole file that an object lies in. Looking through all processes
 * of the machine takes long, so it is done once for a picture, for all files
 * that semaphores, conditions and barriers of the picture lie in.
 */
#ifndef DLW_CORE_WATCH_SHARING_H
#define DLW_CORE_WATCH_SHARING_H

#include <stdbool.h>
#include <stdint.h>

struct dlw_watch;
struct dlw_picture;

enum dlw_sharing {
	DLW_SHARED_IN_VIEW,   /* nobody but the processes in view has the memory, or can get it */
	DLW_SHARED_BY_NAME,   /* nobody else has it, but it has a name by which anybody can */
	DLW_SHARED_ELSEWHERE, /* a process out of view has it, or it cannot be told from others */
};

struct dlw_shared_file {
	uint64_t device, inode;
	bool elsewhere; /* a process out of view has it */
	bool asked, named; /* whether it has a name is known, and it has */
};

/** What is known for one picture; memory is the picture's. */
struct dlw_census {
	uint64_t look; /* dlw_watch.looks */
	struct dlw_shared_file *files; /* by rising inode, then device */
	uint32_t count;
	bool failed; /* no memory, or no /proc */
};

/**
 * dlw_sharing_of() - of the memory that @resource of the picture lies in
 *
 * Looks through /proc, at mappings and descriptors; a process that we may not
 * read does not count. A System V segment has a name for as long as it lives.
 * What is not known to lie in shared memory counts as shared elsewhere.
 */
enum dlw_sharing dlw_sharing_of(struct dlw_watch *watch, const struct dlw_picture *picture,
				uint32_t resource);

#endif
