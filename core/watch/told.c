/*
 * core/watch/told.c - a set of keys that only grows, in the session's file
 */
#include "core/watch/told.h"

#include <stddef.h>

/** own() - as it is kept: 0 means that a place is free */
static uint64_t own(uint64_t key)
{
	return key ? key : 1;
}

bool dlw_was_told(const struct dlw_session *session, uint64_t key)
{
	uint32_t i;

	for (i = 0; session && i < DLW_TOLD; i++) {
		uint64_t there = session->told[(own(key) + i) % DLW_TOLD];

		if (!there || there == own(key))
			return there;
	}
	return false;
}

bool dlw_tell_first(struct dlw_session *session, uint64_t key)
{
	uint32_t i;

	for (i = 0; session && i < DLW_TOLD; i++) {
		uint64_t there = 0;

		if (atomic_compare_exchange_strong(&session->told[(own(key) + i) % DLW_TOLD],
						   &there, own(key)))
			return true;
		if (there == own(key))
			return false;
	}
	return true;
}
