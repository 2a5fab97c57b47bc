/*
 * core/watch/system_search.h - the parts of one search for waits on the system
 *
 * system_waits.c goes through them; each part adds to a wait those who could
 * end it, or finds that it is none.
 */
#ifndef DLW_CORE_WATCH_SYSTEM_SEARCH_H
#define DLW_CORE_WATCH_SYSTEM_SEARCH_H

#include "core/watch/system_waits.h"

struct dlw_system_search {
	struct dlw_watch *watch;
	const struct dlw_survey *survey;
	struct dlw_arena *arena;
	struct dlw_system_waits *waits;
	struct dlw_sought *sought; /* two for each channel: the other end, and a socket's own */
	uint32_t channels; /* of all waits */
	bool *awake; /* per surveyed process: some thread of it lives */
};

/** dlw_has_channels() - it waits for a pipe or socket, or for any of several */
static inline bool dlw_has_channels(const struct dlw_system_wait *wait)
{
	return wait->meaning.kind == DLW_READ_CALL || wait->meaning.kind == DLW_WRITE_CALL ||
	       wait->meaning.kind == DLW_POLL_CALL;
}

/** dlw_is_record_lock() - for one of fcntl's locks, which belong to processes */
static inline bool dlw_is_record_lock(const struct dlw_system_wait *wait)
{
	return wait->meaning.family == DLW_RECORD_LOCK;
}

/** dlw_is_by_descriptor() - who could end it is found by what descriptors they have */
static inline bool dlw_is_by_descriptor(const struct dlw_system_wait *wait)
{
	return dlw_has_channels(wait) ||
	       (wait->meaning.kind == DLW_LOCK_CALL && !dlw_is_record_lock(wait));
}

/** dlw_system_place_of() - in search->survey->all; DLW_NONE: not of the session */
uint32_t dlw_system_place_of(const struct dlw_system_search *search, int32_t pid);

/** dlw_system_add_target() - a thread of that process could end the wait; one that is awake does */
void dlw_system_add_target(struct dlw_system_search *search, struct dlw_system_wait *wait,
			   uint32_t surveyed);

/** dlw_system_find_children() - whose end, of a wait for children, would end it */
void dlw_system_find_children(struct dlw_system_search *search, struct dlw_system_wait *wait);

/** dlw_system_list_channels() - what it waits for; false: for something else, too, or no memory */
bool dlw_system_list_channels(struct dlw_system_search *search, struct dlw_system_wait *wait);

/** dlw_system_ask_members() - who of the session has the other end or the lock; false: no memory */
bool dlw_system_ask_members(struct dlw_system_search *search);

/** dlw_system_ask_others() - the same of all other processes, after the members */
void dlw_system_ask_others(struct dlw_system_search *search);

#endif
