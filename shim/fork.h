/*
 * shim/fork.h - what a child of fork() has of its parent
 *
 * A child has one thread, and its parent's memory as it was at one instant.
 * Private locks that other threads had then are nobody's now: they stay locked
 * for ever. So the child's segment gets a record for each of the threads that
 * vanished, with what they held of it, and what was known of objects.
 *
 * Children of _Fork(), vfork() and clone() come without: our handlers do not
 * run in them.
 */
#ifndef DLW_SHIM_FORK_H
#define DLW_SHIM_FORK_H

#include "shim/context.h"

/** dlw_fork_load() - register the handlers; from the constructor */
void dlw_fork_load(void);

/** dlw_fork_is_child() - this process was born by a fork() of one of ours, and has not exec'd since */
bool dlw_fork_is_child(int32_t pid);

/** dlw_fork_start() - its dlw_process_start(), as far as known without a look into /proc; else 0 */
uint64_t dlw_fork_start(int32_t pid);

/**
 * dlw_fork_inherit() - by the first thread of a child, once its process is set up
 *
 * Cheap where there is nothing to inherit.
 */
void dlw_fork_inherit(struct dlw_context *self);

#endif
