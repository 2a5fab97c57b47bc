/*
 * shim/object_table.h - from address to object, where nothing is in the way
 *
 * 64 stripes, each an open-addressing table (object.c). An entry is one word,
 * published at once: the object, and sixteen bits of the address it is for, so that
 * of two that belong at one place the wrong one is not looked at.
 */
#ifndef DLW_SHIM_OBJECT_TABLE_H
#define DLW_SHIM_OBJECT_TABLE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <dlwatch/session.h>

#include "shim/runtime.h"

/* Locks in so many bytes are entered side by side, one for each APART bytes. */
#define DLW_OBJECT_NEIGHBOURS 4096u
#define DLW_OBJECT_APART 32u

/* Of an entry, those above what an address in the program can have. */
#define DLW_OBJECT_TAG_SHIFT 48

struct dlw_object_entries {
	uint64_t mask; /* how many there are, a power of two, less one */
	_Atomic uint64_t all[]; /* 0: free */
};

/**
 * dlw_object_hash() - both halves are good
 *
 * Locks stand at equal distances in arrays: what one multiplication makes of
 * those crowds within a stripe, and a probe that should take one step takes
 * hundreds.
 */
static inline uint64_t dlw_object_hash(uint64_t number)
{
	uint64_t hash = number * 0x9e3779b97f4a7c15u;

	hash = (hash ^ hash >> 32) * 0xd6e8feb86659fd93u;
	return hash ^ hash >> 32;
}

static inline uint64_t dlw_object_neighbourhood(uint64_t address)
{
	return dlw_object_hash(address / DLW_OBJECT_NEIGHBOURS);
}

static inline struct dlw_object_stripe *dlw_object_stripe_at(uint64_t neighbourhood)
{
	_Static_assert(DLW_OBJECT_STRIPES == 64, "six bits of the hash");
	return &dlw_runtime->objects[neighbourhood >> 58];
}

/**
 * dlw_object_first_place() - where @address is looked for first
 *
 * Locks that are neighbours in memory are neighbours here: a program that goes
 * through an array of them finds several in a line of the cache, and the next
 * line is on its way.
 */
static inline uint64_t dlw_object_first_place(const struct dlw_object_entries *entries,
					      uint64_t neighbourhood, uint64_t address)
{
	return (neighbourhood + address % DLW_OBJECT_NEIGHBOURS / DLW_OBJECT_APART) &
	       entries->mask;
}

/** dlw_object_tag() - never 0: a free entry is nobody's */
static inline uint16_t dlw_object_tag(uint64_t address)
{
	return (uint16_t)(address >> 3 | 1);
}

static inline uint64_t dlw_object_entry(struct dlw_object *object, uint64_t address)
{
	return (uint64_t)(uintptr_t)object |
	       (uint64_t)dlw_object_tag(address) << DLW_OBJECT_TAG_SHIFT;
}

/** dlw_object_of() - @entry; NULL: it is free */
static inline struct dlw_object *dlw_object_of(uint64_t entry)
{
	return (struct dlw_object *)(uintptr_t)(entry & ((1ull << DLW_OBJECT_TAG_SHIFT) - 1));
}

/** dlw_object_in() - the object of @entry if it is the one at @address; NULL */
static inline struct dlw_object *dlw_object_in(uint64_t entry, uint64_t address)
{
	struct dlw_object *object = dlw_object_of(entry);

	return entry >> DLW_OBJECT_TAG_SHIFT == dlw_object_tag(address) &&
			       atomic_load_explicit(&object->address, memory_order_relaxed) ==
				       address ?
		       object :
		       NULL;
}

/** dlw_object_met() - the object at @address, in any life, if it lies in its first place; NULL */
static inline struct dlw_object *dlw_object_met(uint64_t address)
{
	uint64_t neighbourhood = dlw_object_neighbourhood(address);
	struct dlw_object_entries *entries = atomic_load_explicit(
		&dlw_object_stripe_at(neighbourhood)->entries, memory_order_acquire);

	if (!entries)
		return NULL;
	return dlw_object_in(
		atomic_load_explicit(&entries->all[dlw_object_first_place(entries, neighbourhood,
									  address)],
				     memory_order_acquire),
		address);
}

#endif
