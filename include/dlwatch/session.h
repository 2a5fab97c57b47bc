/*
 * dlwatch/session.h - what a watched process shows while it lives
 *
 * A session is a directory of its owner (mode 0700) with one file for the
 * session and one *segment* for each process that runs under the shim:
 *
 *	DIR/session            struct dlw_session
 *	DIR/PID.START          struct dlw_segment and all that hangs on it
 *
 * A segment is written by its process alone, with plain and atomic stores and
 * never under a lock that a reader would need; the watcher (the supervisor of
 * `dlwatch run`, or a helper thread) maps it and looks. The few fields that
 * the watcher writes are gathered in struct dlw_watcher_marks.
 *
 * Everything in a segment refers to everything else by its offset in the file,
 * 0 meaning none. Memory once handed out stays what it is: a thread record is
 * reused only as a thread record, so a reader with an old offset sees at worst
 * another thread's record, and finds out by its serial number.
 *
 * Reading a wait: load .wait, read the want, load .wait again; the want is good
 * if both loads gave the same odd number. Holds are stable while their thread
 * waits.
 *
 * Both sides are built from one tree; the layout may change with every version.
 */
#ifndef DLWATCH_SESSION_H
#define DLWATCH_SESSION_H

#include <stdatomic.h>
#include <stdint.h>

#include <dlwatch/log.h>
#include <dlwatch/words.h>

#define DLW_SESSION_ENV "DLWATCH_SESSION" /* the session's directory, for children */
#define DLW_OPTIONS_ENV "DLWATCH_OPTIONS"

#define DLW_SESSION_MAGIC 0x31534553574c44u /* "DLWSES1" */
#define DLW_SEGMENT_MAGIC 0x31474553574c44u /* "DLWSEG1" */
#define DLW_SESSION_VERSION 1u

/**
 * Without a supervisor one process's helper thread looks at all of the session
 * that it can see, which is its pid namespace, and another one is at hand
 * should that process die. Each is named by its pid << 32 | low half of its
 * start; 0: nobody.
 */
struct dlw_leases {
	_Atomic uint64_t pid_namespace; /* 0: free */
	_Atomic uint64_t looker, deputy;
};
#define DLW_LEASES 16 /* where there are more namespaces each process looks at itself */

#define DLW_TOLD 256u /* what more is told of may be told again by another process */

struct dlw_session {
	uint64_t magic;
	uint32_t version;
	_Atomic uint32_t generation; /* grows when a segment comes */
	_Atomic int32_t supervisor; /* pid that looks from outside; 0: each process looks itself */
	uint32_t reserved;
	uint64_t supervisor_start;
	uint64_t supervisor_namespace; /* of pids */
	/* its maker has no segment here, and removes it at its end: the maker's pid namespace; 0 */
	_Atomic uint64_t kept;
	struct dlw_leases leases[DLW_LEASES];
	_Atomic uint64_t told[DLW_TOLD]; /* core/watch/told.h: keys, 0 where there is none */
};

/**
 * The file `tickets` of a session that keeps logs: an open-addressing table of
 * the operations on each shared object by all processes, DLW_SHARED_TICKETS of
 * these. Where it is full a process counts its own.
 */
struct dlw_shared_ticket {
	uint64_t device, inode, offset;
	_Atomic uint32_t state; /* 0: free; 1: being written; 2: the above is true */
	uint32_t reserved;
	_Atomic uint64_t ticket;
};
#define DLW_SHARED_TICKETS 16384u /* a power of two */

/**
 * One resource held.
 *
 * A *tacit* one may still be wanted: an uncontended mutex is entered here before
 * it is locked and stays when it is, without another word. Whether the thread
 * has it by now is for the C library to say: its owner field names the thread.
 */
struct dlw_held {
	uint64_t address;
	uint32_t stack;  /* id in the segment's stack store, 0: none */
	uint8_t kind, mode;
	uint8_t tacit; /* 0: no; DLW_TACIT_… */
	uint8_t timed; /* its acquisition has a time in the log */
	uint32_t again; /* acquisitions after the first, of a recursive one; 0 past the last hold */
	uint32_t depth; /* once: bytes of stack above the frame that runs the routine */
};
#define DLW_TACIT_PLAIN 1     /* a mutex of no special type or property at all */
#define DLW_TACIT_RECURSIVE 2 /* one that is recursive, and nothing else */

/** What one thread has to do with one semaphore (or other countable). */
struct dlw_permit {
	uint64_t address;
	uint32_t object; /* index; 0: slot free */
	uint32_t life;   /* the object's life this speaks of; an older one speaks of nothing */
	uint32_t stack;  /* where the last permit was taken */
	uint32_t held;   /* permits taken and not posted by this thread */
	_Atomic uint8_t posted_own;   /* posted while it held a permit */
	_Atomic uint8_t posted_other; /* posted without one: the semaphore is a signal */
	uint8_t announced; /* annotated: the thread is one that posts it */
	uint8_t timed; /* the last permit was taken at a time that is in the log */
	uint8_t padding[4];
	uint64_t caller, frame; /* of the call that .stack is of; 0: not known */
};

enum dlw_thread_life {
	DLW_RECORD_FREE = 0,
	DLW_RECORD_ALIVE = 1,
	DLW_RECORD_EXITING = 2, /* left its start routine; may still lock until the kernel says it is gone */
	DLW_RECORD_DEAD = 3,    /* the kernel says it is gone; kept because it left holds behind */
	DLW_RECORD_VANISHED = 4, /* a thread of the parent at the fork: it never was in this process */
};

/** The few words a watcher writes into a thread's record. */
struct dlw_watcher_marks {
	uint64_t seen_progress;  /* dlw_record_lasting() at the last look */
	uint64_t seen_since_ns;  /* when a look first saw that number */
	uint64_t reported_progress; /* dlw_record_lasting() when a core that this thread is in was reported */
	uint64_t reported_verdict; /* of that report */
	_Atomic uint64_t break_wait; /* on_deadlock=break: the wait that is to fail with EDEADLK */
	uint64_t seen_idle;      /* edges counted when a look last found it holding no lock */
	uint32_t spins;          /* its .want_turns had grown between the last two looks, in the same wait */
	uint32_t reserved;
};

#define DLW_INLINE_HOLDS 16
#define DLW_INLINE_PERMITS 8 /* a power of two */

/** One thread; written by that thread only, but for the watcher's marks. */
struct dlw_thread {
	/* the want: one cache line that changes with every blocking call */
	_Atomic uint64_t wait; /* odd: waiting; changes with every wait and its end */
	uint64_t want_address;
	uint64_t want_mutex;    /* condition waits: address of the mutex; 0 */
	uint64_t want_since_ns; /* CLOCK_MONOTONIC; 0: was not expected to block, or does not wait */
	uint32_t want_stack;
	uint8_t want_kind, want_mode, want_form; /* dlw_kind, dlw_mode, dlw_form */
	uint8_t want_relock; /* the thread itself owns it and can never get it */
	uint32_t want_object; /* of a semaphore or condition */
	_Atomic uint32_t want_turns; /* spinlock: grows as long as the thread spins */
	_Atomic uint64_t want_run; /* number of the first of a run of like waits that all timed out */
	_Atomic uint32_t want_timeouts; /* of that run, so far */
	_Atomic uint32_t want_awaited; /* the looker counts on being told when this wait is over */
	/* holds, newest last */
	_Atomic uint64_t holding; /* low half: how many; high half: grows with each one added */
	uint32_t hold_capacity;
	uint32_t padding_holds;
	_Atomic uint64_t holds; /* offset of struct dlw_held[hold_capacity] */
	/* semaphores: open addressing by address, capacity a power of two */
	uint32_t permit_count, permit_capacity;
	_Atomic uint64_t permits; /* offset of struct dlw_permit[permit_capacity] */
	/* who it is */
	uint64_t pthread; /* pthread_self() */
	uint64_t next;    /* offset of the next record */
	uint32_t serial;  /* from 1, never reused */
	int32_t tid;
	uint32_t creator, created_stack;
	_Atomic uint32_t life; /* enum dlw_thread_life */
	uint32_t detached;
	uint32_t exempt; /* annotated: never part of a finding */
	uint32_t padding_identity;
	/* the last edge it met while it held no lock: what it holds now it took after that */
	_Atomic uint64_t idle_edge;
	char name[16]; /* what the kernel called it when it ended; the living are asked there */
	struct dlw_watcher_marks marks;
	struct dlw_held inline_holds[DLW_INLINE_HOLDS];
	struct dlw_permit inline_permits[DLW_INLINE_PERMITS];
} __attribute__((aligned(64)));

/* What speaks of an object's life. */
#define DLW_IN_NESTING 1u
#define DLW_IN_PERMIT 2u

/** A resource worth remembering: initialised by a call, a semaphore, or logged. */
struct dlw_object {
	_Atomic uint64_t address;
	_Atomic uint64_t ticket; /* operations so far of what the log calls .log_id */
	_Atomic uint32_t life; /* a new number when it is initialised or destroyed; never 0 */
	uint32_t index;        /* what other records call it by, from 1 */
	uint32_t log_last;     /* the id in the log of the last life that is there; 0: none is */
	/* of this life: all zero when it begins */
	uint32_t log_id;       /* its id in the log; 0: it is not there yet, or no more */
	uint32_t shared_ticket; /* counted in the session's table: position + 1; 0: here */
	_Atomic uint8_t remembered; /* by what that has to know of the end: DLW_IN_… */
	uint8_t log_renewed;     /* what it is called in the log may be more than one life */
	uint8_t log_ended;       /* the log knows that this one is over */
	uint32_t init_stack;     /* 0: its initialisation was not seen */
	uint32_t initial;        /* semaphore: value at creation; barrier: parties; thread: its serial */
	uint32_t name;           /* offset of a string, 0 */
	_Atomic uint16_t traits; /* enum dlw_trait */
	uint8_t kind, type;
	uint8_t initial_known;
	_Atomic uint8_t gone; /* destroyed */
	_Atomic uint8_t posted_own, posted_other; /* by any thread */
	_Atomic uint16_t posters; /* threads that have posted without a permit; custom: holders now */
	uint16_t opens;           /* named semaphore: sem_open calls not yet closed */
	union {
		_Atomic uint64_t last_mutex; /* condition: that of the last wait */
		struct {                     /* locks: annotated */
			uint32_t class_name; /* offset of a string, 0 */
			int32_t rank;        /* 0: none */
		};
	};
};

#define DLW_HOLD_ADDED ((1ull << 32) + 1) /* what .holding grows by */

static inline uint32_t dlw_holding(const struct dlw_thread *record)
{
	return (uint32_t)atomic_load_explicit(&record->holding, memory_order_relaxed);
}

/** dlw_progress() - a number that changes with every wait and every acquisition of the thread */
static inline uint64_t dlw_progress(const struct dlw_thread *record)
{
	uint64_t wait = atomic_load_explicit(&record->wait, memory_order_acquire);

	return wait * 0x9e3779b97f4a7c15u +
	       atomic_load_explicit(&record->holding, memory_order_acquire);
}

/*
 * When a thread asked for a lock under others, in *edges*: the process counts
 * what threads learn of each other (a start, a join, a wake-up, a permit, a
 * barrier, a try that failed). A start tells no more than the creator knew
 * itself, and is no edge of its own here, unless he held a lock. High bits: the count when the thread took the
 * first of its nested locks; low bits: how many before that was the last edge
 * that the thread, or any thread that held a lock meanwhile, has met. Too long
 * ago for the low bits is as long ago as they can say.
 */
#define DLW_MOMENT_BITS 24
#define DLW_MOMENT_EDGES (1ull << (64 - DLW_MOMENT_BITS))

/**
 * A lock that a thread took, or asked for, under those it held; a lasting note,
 * for prediction. What it held is the note's .parent, and the parent of that.
 *
 * The thread's own notes alone are written by it, and others are looked up by
 * their *place*, which is their offset in units of eight bytes; 0: none.
 */
struct dlw_nesting {
	uint64_t address;
	union {
		struct {
			uint32_t stack; /* where it was taken, or asked for */
			uint8_t kind;   /* 0: this note is free */
			uint8_t mode : 7;
			uint8_t unclean : 1; /* locks were given back between the first one held and this one */
			uint16_t checked; /* private: when .life was last asked for; 0: to be asked again */
		};
		uint64_t key; /* all of these, to compare */
	};
	uint32_t parent; /* place; 0: nothing else was held */
	uint32_t life;   /* of its object, if that was seen initialised; 0: it was not */
	_Atomic uint64_t times;
	_Atomic uint64_t latest; /* moment; 0: it has only been held, and nothing asked for yet */
	union {
		_Atomic uint64_t first; /* moment */
		/* .unclean: locks that it has never taken before, since it held none: a bit each */
		_Atomic uint64_t untaken;
	};
	uint32_t next; /* private: place of one with the same hash, or of a free one */
	uint8_t type, traits;
	uint16_t held_checked; /* private: as .checked, of one that has only been held */
};

/** Notes of one thread: a stretch of them. */
struct dlw_nest_chunk {
	uint64_t next; /* offset */
	_Atomic uint32_t used; /* notes that are complete, or free */
	uint32_t room;
	struct dlw_nesting notes[];
};

/** A thread that has noted something; it stays when the thread is gone. */
struct dlw_nester {
	uint64_t next;   /* offset */
	uint64_t thread; /* offset of its record */
	uint64_t born;   /* edges when it started */
	_Atomic uint32_t version; /* odd while notes of it become free, or others */
	uint32_t serial; /* 0: it speaks of nobody */
	int32_t tid;
	uint32_t reserved;
	_Atomic uint64_t chunks; /* offset of the newest */
	char name[16];   /* of the thread, when it noted something first */
};

/**
 * Edges between which a thread may have held a lock all the time, and then met an
 * edge under it: who was in the middle of that could not be brought to give the
 * lock back without somebody else.
 */
struct dlw_held_edge {
	_Atomic uint64_t from, until; /* the first one in it, and the edge it met */
	_Atomic uint32_t serial; /* of the thread */
	uint32_t reserved;
};
#define DLW_HELD_EDGES 64u

/** dlw_lock_bit() - that stands for a lock in a footprint */
static inline uint64_t dlw_lock_bit(uint64_t address)
{
	return 1ull << (address * 0x9e3779b97f4a7c15u >> 58);
}

#define DLW_TRIED_BITS 16384u
#define DLW_CREATOR_BITS 8192u

/** dlw_tried_bit() - that says of a lock that a try for it has failed */
static inline uint32_t dlw_tried_bit(uint64_t address)
{
	return (uint32_t)(address * 0x9e3779b97f4a7c15u >> 40) & (DLW_TRIED_BITS - 1);
}

struct dlw_stack_record {
	uint32_t id, depth;
	uint64_t frames[];
};

/*
 * A growing array with stable addresses: page k holds (first << k) elements.
 * Element i (from 0): n = i + first, k = log2(n / first), index n - (first << k).
 */
#define DLW_TABLE_FIRST_SHIFT 6
#define DLW_TABLE_PAGES 26

struct dlw_table {
	_Atomic uint32_t count; /* elements that are complete */
	uint32_t element_size;
	_Atomic uint64_t pages[DLW_TABLE_PAGES]; /* offsets */
};

/** A stretch of a process's memory and what lies there; inode 0: nothing that others share. */
struct dlw_mapping {
	uint64_t start, end;
	uint64_t device, inode, offset; /* of .start */
};

/** A file mapped executable; as struct dlw_module, in offsets. */
struct dlw_shown_module {
	uint64_t start, end, bias;
	uint64_t path, build_id; /* offsets of strings; 0: unknown */
};

enum dlw_segment_state { DLW_SEGMENT_LIVE = 1, DLW_SEGMENT_ENDED = 2 };

#define DLW_PATH_MAX 4096

struct dlw_segment {
	uint64_t magic;
	uint32_t version;
	_Atomic uint32_t state; /* enum dlw_segment_state */
	int32_t pid, parent_pid;
	int32_t forked_tid; /* of the parent's thread that our first one is a copy of; 0: unknown */
	uint32_t proc_is_foreign; /* it cannot look at itself: its /proc shows other pids */
	uint64_t process_start;
	uint64_t pid_namespace; /* inode; 0: unknown */
	uint64_t ended_ns; /* CLOCK_MONOTONIC, right before .state says so; 0: it did not come to that */
	_Atomic uint64_t size; /* bytes backed by memory */
	_Atomic uint64_t used; /* bytes handed out */
	_Atomic uint64_t threads; /* offset of the newest record */
	_Atomic uint32_t thread_changes; /* grows with every start and end */
	_Atomic uint32_t serials; /* last serial given to a thread */
	_Atomic uint32_t distrusted; /* mutexes that a stranger has unlocked, ever */
	_Atomic uint32_t awaited_ends; /* waits over that had .want_awaited */
	struct dlw_table stacks;  /* of uint64_t offsets of struct dlw_stack_record; id = index + 1 */
	struct dlw_table objects; /* of struct dlw_object; index = position + 1 */
	/* of struct dlw_mapping: where shared objects were met, the newest last */
	struct dlw_table mappings;
	struct dlw_table misuses; /* of struct dlw_misuse, one a sort and place */
	_Atomic uint32_t misuses_told; /* how many of them somebody has reported */
	_Atomic uint64_t nesters; /* offset of the newest struct dlw_nester */
	_Atomic uint32_t nestings_noted; /* grows with every new one */
	/* What reports need when the process is gone. */
	struct dlw_table modules; /* of struct dlw_shown_module, sorted by start */
	uint64_t exe;             /* offset of a string */
	uint64_t args;            /* offset of @args_size bytes, each string with its NUL */
	uint32_t args_size;
	_Atomic uint64_t coverage[DLW_COVERAGE_COUNTS];
	uint32_t breaks;      /* on_deadlock=break: blocking calls run in slices */
	/*
	 * For a copy of the process, made to ask its Python interpreter: where in
	 * the program it begins, as void entry(int fd), on which stack.
	 */
	uint64_t python_entry, python_stack;
	uint32_t python_here; /* an interpreter was there when the program was loaded */
	/*
	 * Or its own helper thread asks: the looker writes a higher number, and the
	 * helper the same one when its answer is there, at that address of its memory.
	 */
	_Atomic uint32_t python_asked, python_answered;
	uint64_t python_answer, python_answer_size;
	_Atomic uint32_t replacing; /* it has tried to exec, and it is not known to have failed */
	_Atomic int32_t helper; /* tid of a helper thread, there to do as .end_asked says; 0: none */
	_Atomic uint32_t helper_calls; /* grows when it is wanted (core/watch/helper.h) */
	_Atomic uint32_t helper_rests; /* it sleeps until then */
	/* written by whoever looks at the session */
	_Atomic uint32_t end_asked; /* on_deadlock=exit: flush and _exit(66) */
	_Atomic uint32_t hidden; /* the looker may not look at this process: it has to do so itself */
	char log_path[DLW_PATH_MAX]; /* of the .dlw; "" */
	/* changes with every edge: a cache line of its own */
	_Atomic uint64_t edges __attribute__((aligned(64)));
	/* changes seldom, read often: the last edge met by a thread that held a lock … */
	_Atomic uint64_t last_held_edge __attribute__((aligned(64)));
	/* … and how many locks that nestings speak of have ended */
	_Atomic uint64_t nested_ended;
	/* the newest of them; those before are one, which begins with the process */
	struct dlw_held_edge held_edges[DLW_HELD_EDGES];
	_Atomic uint32_t held_edge_count;
	_Atomic uint64_t held_edges_before;
	_Atomic uint64_t tried[DLW_TRIED_BITS / 64] __attribute__((aligned(64)));
	_Atomic uint64_t creators[DLW_CREATOR_BITS / 64]; /* threads that have started others, by serial */
};

/** dlw_is_polling() - its waits are one wait in slices: .want_run stands for all of them */
static inline int dlw_is_polling(const struct dlw_thread *thread)
{
	return thread->want_form == DLW_FORM_TIMED &&
	       atomic_load_explicit(&thread->want_timeouts, memory_order_relaxed) >=
		       DLW_POLLING_TIMEOUTS;
}

/** dlw_table_page() - where element @position (from 0) lives: page and index in it */
static inline unsigned dlw_table_page(uint32_t position, uint32_t *index)
{
	uint64_t number = (uint64_t)position + (1u << DLW_TABLE_FIRST_SHIFT);
	unsigned page = 63u - (unsigned)__builtin_clzll(number) - DLW_TABLE_FIRST_SHIFT;

	*index = (uint32_t)(number - (1ull << (page + DLW_TABLE_FIRST_SHIFT)));
	return page;
}

/** dlw_table_at() - element @position of @table in the segment at @base, or NULL */
static inline void *dlw_table_at(const void *base, const struct dlw_table *table, uint32_t position)
{
	uint32_t index;
	unsigned page = dlw_table_page(position, &index);
	uint64_t offset = page < DLW_TABLE_PAGES
				  ? atomic_load_explicit(&table->pages[page], memory_order_acquire)
				  : 0;

	return offset ? (char *)(uintptr_t)base + offset + (uint64_t)index * table->element_size
		      : NULL;
}

#endif
