/*
 * core/watch/namespace.h - whose numbers pids are
 *
 * A pid means something in one pid namespace only, and /proc shows the pids of
 * the one it was mounted for. What a process in another one does cannot be
 * looked up by the pid that it knows itself by.
 */
#ifndef DLW_CORE_WATCH_NAMESPACE_H
#define DLW_CORE_WATCH_NAMESPACE_H

#include <stdbool.h>
#include <stdint.h>

/** dlw_pid_namespace() - the caller's, as an inode; 0: unknown */
uint64_t dlw_pid_namespace(void);

/** dlw_proc_is_foreign() - /proc is there, but shows the pids of another namespace than ours */
bool dlw_proc_is_foreign(void);

/**
 * dlw_namespace_may_live() - there may be processes in @inode, not our own namespace
 *
 * Only from the first namespace all others can be seen.
 */
bool dlw_namespace_may_live(uint64_t inode);

#endif
