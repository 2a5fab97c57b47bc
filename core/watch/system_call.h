/*
 * core/watch/system_call.h - which calls wait for other processes, and how
 */
#ifndef DLW_CORE_WATCH_SYSTEM_CALL_H
#define DLW_CORE_WATCH_SYSTEM_CALL_H

#include "core/watch/procfs.h"

enum dlw_call_kind {
	DLW_NO_SYSTEM_WAIT,
	DLW_CHILD_CALL, /* wait4, waitid */
	DLW_READ_CALL,  /* from descriptor .fd */
	DLW_WRITE_CALL,
	DLW_POLL_CALL,  /* for any of several descriptors: core/watch/polled.h */
	DLW_LOCK_CALL,  /* flock, fcntl: the file lock of .family on .fd */
};

enum dlw_children { DLW_ONE_CHILD, DLW_GROUP_OF_CHILDREN, DLW_ANY_CHILD };

struct dlw_call_meaning {
	enum dlw_call_kind kind;
	int fd;
	int32_t pid; /* of the child, or its process group */
	enum dlw_children children;
	int family; /* enum dlw_lock_family */
};

/**
 * dlw_call_meaning() - what a sleeping task waits for, by its call alone
 * @group: the process group of the caller, @task: whose descriptors are meant
 *
 * Calls with a time limit of their own, and those with which a debugger waits,
 * are none.
 */
struct dlw_call_meaning dlw_call_meaning(const struct dlw_system_call *call, int32_t task,
					 int32_t group);

#endif
