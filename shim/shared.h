/*
 * shim/shared.h - objects that other processes have, too
 *
 * What an object in shared memory is, for all processes, its mapping tells.
 * Where one is met off the hot path - initialised, locked at a new site, waited
 * for - the mapping is noted in the segment, once, so that it is known even
 * after the process was killed. Notes can be outdated: whoever reads them and
 * can asks the kernel again.
 */
#ifndef DLW_SHIM_SHARED_H
#define DLW_SHIM_SHARED_H

#include "shim/context.h"

/** dlw_shared_note() - an object at @address is said to be shared; takes a lock the first time */
void dlw_shared_note(uint64_t address);

/** dlw_shared_wait() - the thread is about to wait for one: note it, and see that somebody looks */
void dlw_shared_wait(uint64_t address);

#endif
