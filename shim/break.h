/*
 * shim/break.h - on_deadlock=break: waiting in slices, so that a wait can be ended
 *
 * In this mode alone a blocking call is made of timed calls of 20 ms; after
 * each one the thread looks whether the watcher has chosen it as the victim.
 */
#ifndef DLW_SHIM_BREAK_H
#define DLW_SHIM_BREAK_H

#include <stdbool.h>
#include <time.h>

#include "shim/context.h"

static inline bool dlw_breaking(void)
{
	return dlw_unlikely(dlw_options.on_deadlock == DLW_ON_DEADLOCK_BREAK);
}

/** dlw_slice_end() - CLOCK_REALTIME, one slice from now */
struct timespec dlw_slice_end(void);

/** dlw_is_victim() - the watcher wants the current wait to fail */
bool dlw_is_victim(const struct dlw_context *self);

#endif
