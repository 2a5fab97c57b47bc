/*
 * core/predict/keyed.h - a column whose elements are found by a number
 *
 * An element begins with its key, a uint64_t that is a good hash already.
 */
#ifndef DLW_CORE_PREDICT_KEYED_H
#define DLW_CORE_PREDICT_KEYED_H

#include "core/predict/store.h"

struct dlw_keyed {
	struct dlw_column all;
	struct dlw_table table; /* numbers in .all + 1 */
};

#define DLW_KEYED(type, page_shift)                   \
	{                                             \
		.all = DLW_COLUMN(type, (page_shift)) \
	}

/** dlw_keyed_find() - NULL: there is none; the address stays as it is */
void *dlw_keyed_find(const struct dlw_keyed *keyed, uint64_t key);

/** dlw_keyed_add() - a zeroed one with a key that is new; NULL: memory ran out */
void *dlw_keyed_add(struct dlw_keyed *keyed, uint64_t key, struct dlw_arena *arena);

/** dlw_mix() - a number whose every bit depends on every bit of @hash */
static inline uint64_t dlw_mix(uint64_t hash)
{
	hash = (hash ^ hash >> 32) * 0xd6e8feb86659fd93u;
	return hash ^ hash >> 29;
}

#endif
