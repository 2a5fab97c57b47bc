/*
 * dlwatch/words.h - the vocabulary shared by the shim, the log, the engine and
 * the reports
 *
 * The numbers are part of the log format: append, never renumber.
 */
#ifndef DLWATCH_WORDS_H
#define DLWATCH_WORDS_H

/** What a thread can wait for. */
enum dlw_kind {
	DLW_NO_KIND = 0,
	DLW_MUTEX = 1,
	DLW_RWLOCK = 2,
	DLW_SPINLOCK = 3,
	DLW_SEMAPHORE = 4,
	DLW_CONDITION = 5,
	DLW_BARRIER = 6,
	DLW_ONCE = 7,
	DLW_THREAD = 8,    /* join: wanted in mode exit, held by the thread itself */
	DLW_PROCESS = 9,   /* wait for a child: same, by all threads of the child */
	DLW_FILE_LOCK = 10,
	DLW_PIPE = 11,
	DLW_CUSTOM = 12,   /* a home-made lock announced through dlwatch.h */
	DLW_KIND_COUNT
};

/** How a resource is wanted or held. */
enum dlw_mode {
	DLW_NO_MODE = 0,
	DLW_EXCLUSIVE = 1, /* mutex, spinlock, write side of a rwlock, once, custom */
	DLW_SHARED = 2,    /* read side of a rwlock, shared file lock */
	DLW_PERMIT = 3,    /* one unit of a semaphore */
	DLW_SIGNAL = 4,    /* a condition variable's wake-up */
	DLW_ARRIVE = 5,    /* a barrier */
	DLW_RUN = 6,       /* a process or thread that runs */
	DLW_EXIT = 7,      /* the end of a thread or process */
	DLW_READ = 8,      /* bytes from a pipe */
	DLW_WRITE = 9,     /* room in a pipe */
	DLW_MODE_COUNT
};

/** Flavour of a resource; meaningful within its kind. */
enum dlw_type {
	DLW_TYPE_UNKNOWN = 0,
	/* mutex */
	DLW_TYPE_NORMAL = 1,
	DLW_TYPE_RECURSIVE = 2,
	DLW_TYPE_ERRORCHECK = 3,
	DLW_TYPE_ADAPTIVE = 4,
	/* rwlock */
	DLW_TYPE_PREFER_READER = 5,
	DLW_TYPE_PREFER_WRITER = 6,           /* glibc treats it as PREFER_READER */
	DLW_TYPE_PREFER_WRITER_NONRECURSIVE = 7,
	/* semaphore */
	DLW_TYPE_UNNAMED = 8,
	DLW_TYPE_NAMED = 9,
	DLW_TYPE_COUNT
};

/** Properties of a resource, or-ed. */
enum dlw_trait {
	DLW_TRAIT_SHARED = 1 << 0,     /* usable by several processes */
	DLW_TRAIT_ROBUST = 1 << 1,     /* the next owner learns that the last died */
	DLW_TRAIT_INHERIT = 1 << 2,    /* priority inheritance (FUTEX_LOCK_PI) */
	DLW_TRAIT_PROTECT = 1 << 3,    /* priority ceiling */
	DLW_TRAIT_DISTRUSTED = 1 << 4, /* a stranger unlocked it: holders are no proof */
	DLW_TRAIT_RENEWED = 1 << 5,    /* a log alone: lives of it follow one another */
};

/** How a lock was used wrongly; the words are those of dlw_misuse_word(). */
enum dlw_misuse_sort {
	DLW_NO_MISUSE = 0,
	DLW_UNLOCK_BY_STRANGER = 1,  /* another thread held it, and the C library did as it was told */
	DLW_UNLOCK_UNLOCKED = 2,     /* nobody held it, and the C library said nothing */
	DLW_UNLOCK_REFUSED = 3,      /* either of these, answered with EPERM */
	DLW_DESTROY_HELD = 4,
	DLW_DESTROY_WAITED = 5,      /* somebody slept in a wait for it */
	DLW_THREAD_ENDED_HOLDING = 6,
	DLW_PROCESS_ENDED_HOLDING = 7, /* a lock that other processes can see */
	DLW_RELOCK = 8,              /* by its own holder, answered with EDEADLK */
	DLW_TWO_MUTEXES = 9,         /* threads wait on one condition with different mutexes */
	DLW_SEMAPHORE_OVERFLOW = 10, /* posted beyond its greatest value: EOVERFLOW */
	DLW_RANK_BROKEN = 11,        /* taken while a lock of a higher rank was held */
	DLW_MISUSE_COUNT
};

/* The same timed wait, timed out as often in a row without progress: the thread polls. */
#define DLW_POLLING_TIMEOUTS 3

#endif
