/*
 * lock_history.h - much that happens before what a flight recorder is to keep
 */
#ifndef DLW_E2E_LOCK_HISTORY_H
#define DLW_E2E_LOCK_HISTORY_H

#include "fixture.h"

/* @rounds: of four operations on two of three mutexes, one inside the other */
static inline void make_history(long rounds)
{
	pthread_mutex_t local[3] = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER,
				     PTHREAD_MUTEX_INITIALIZER };
	long round;

	for (round = 0; round < rounds; round++) {
		pthread_mutex_lock(&local[round % 3]);
		pthread_mutex_lock(&local[(round + 1) % 3]);
		pthread_mutex_unlock(&local[round % 3]);
		pthread_mutex_unlock(&local[(round + 1) % 3]);
	}
}

#endif
