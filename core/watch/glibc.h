/*
 * core/watch/glibc.h - what dlwatch knows of the C library's own structures
 *
 * The only place for it. Mutexes: bits of __data.__kind, as glibc has had them
 * since 2.4. Reader-writer locks: as it has had them since 2.25; .__readers
 * counts those who hold the lock for reading and, in a write phase, those who
 * wait to. Barriers as since 2.25, the other two for ever.
 */
#ifndef DLW_CORE_WATCH_GLIBC_H
#define DLW_CORE_WATCH_GLIBC_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include <dlwatch/words.h>

enum {
	DLW_KIND_TYPE = 3,
	DLW_KIND_RECURSIVE = 1,
	DLW_KIND_ERRORCHECK = 2,
	DLW_KIND_ADAPTIVE = 3,
	DLW_KIND_ROBUST = 16,
	DLW_KIND_INHERIT = 32,
	DLW_KIND_PROTECT = 64,
	DLW_KIND_SHARED = 128,
};

static inline enum dlw_type dlw_mutex_type(int kind)
{
	static const enum dlw_type types[] = { DLW_TYPE_NORMAL, DLW_TYPE_RECURSIVE,
					       DLW_TYPE_ERRORCHECK, DLW_TYPE_ADAPTIVE };

	return types[kind & DLW_KIND_TYPE];
}

/**
 * dlw_mutex_traits() - as far as the kind tells them
 *
 * The C library marks every robust mutex as shared: whether one is, only its
 * attributes said when it was initialised.
 */
static inline uint32_t dlw_mutex_traits(int kind)
{
	bool shared = (kind & DLW_KIND_SHARED) && !(kind & DLW_KIND_ROBUST);

	return (shared ? DLW_TRAIT_SHARED : 0u) |
	       (kind & DLW_KIND_ROBUST ? DLW_TRAIT_ROBUST : 0u) |
	       (kind & DLW_KIND_INHERIT ? DLW_TRAIT_INHERIT : 0u) |
	       (kind & DLW_KIND_PROTECT ? DLW_TRAIT_PROTECT : 0u);
}

enum {
	DLW_RWLOCK_WRITE_PHASE = 1,
	DLW_RWLOCK_WRITE_LOCKED = 2, /* a writer has it, or is first in the queue */
	DLW_RWLOCK_READER_SHIFT = 3,
};

static inline enum dlw_type dlw_rwlock_type(const pthread_rwlock_t *rwlock)
{
	switch (rwlock->__data.__flags) {
	case PTHREAD_RWLOCK_PREFER_WRITER_NP:
		return DLW_TYPE_PREFER_WRITER;
	case PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP:
		return DLW_TYPE_PREFER_WRITER_NONRECURSIVE;
	default:
		return DLW_TYPE_PREFER_READER;
	}
}

static inline uint32_t dlw_rwlock_traits(const pthread_rwlock_t *rwlock)
{
	return rwlock->__data.__shared ? DLW_TRAIT_SHARED : 0u;
}

/** dlw_rwlock_read_holds() - how often it is held for reading; 0 in a write phase */
static inline uint32_t dlw_rwlock_read_holds(const pthread_rwlock_t *rwlock)
{
	uint32_t readers = rwlock->__data.__readers;

	return readers & DLW_RWLOCK_WRITE_PHASE ? 0 : readers >> DLW_RWLOCK_READER_SHIFT;
}

/** dlw_spin_is_taken() - 1 is free; those who try count it down */
static inline bool dlw_spin_is_taken(int word)
{
	return word <= 0;
}

enum { DLW_ONCE_IN_PROGRESS = 1, DLW_ONCE_DONE = 2 }; /* above them: how many forks ago */

static inline bool dlw_once_is_running(int word)
{
	return (word & (DLW_ONCE_IN_PROGRESS | DLW_ONCE_DONE)) == DLW_ONCE_IN_PROGRESS;
}

/** What is in a pthread_barrier_t. */
struct dlw_barrier_memory {
	uint32_t in;    /* threads that have ever arrived … */
	uint32_t round; /* … and those of rounds that are over; who waits sleeps here */
	uint32_t count; /* threads a round */
	int32_t shared;
	uint32_t out;
};

#endif
