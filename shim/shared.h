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

/** dlw_shared_begin() - one was initialised: note it, and let the session count from 0 */
void dlw_shared_begin(uint64_t address);

/**
 * dlw_shared_identify() - what an object is to all processes, as far as was noted
 *
 * Return: false if it is private, or not known to be shared.
 */
bool dlw_shared_identify(uint64_t address, uint64_t *device, uint64_t *inode, uint64_t *offset);

/** dlw_shared_any() - some mapping was noted */
static inline bool dlw_shared_any(void)
{
	return atomic_load_explicit(&dlw_runtime->segment->mappings.count,
				    memory_order_relaxed) != 0;
}

/** dlw_shared_number() - where its operations are counted for all processes; 0: nowhere */
uint32_t dlw_shared_number(uint64_t address);

_Atomic uint64_t *dlw_shared_ticket(struct dlw_object *object);

/** dlw_ticket() - the count of operations on an object */
static inline _Atomic uint64_t *dlw_ticket(struct dlw_object *object)
{
	return dlw_likely(!object->shared_ticket) ? &object->ticket : dlw_shared_ticket(object);
}

#endif
