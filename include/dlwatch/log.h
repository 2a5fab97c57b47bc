/*
 * dlwatch/log.h - the log of a watched process, the border between the shim
 * that writes it and the tools that read it
 *
 * A process writes two files side by side: NAME.dlw, only ever appended to,
 * and NAME.dlw.tail, a shared mapping with what has not been appended yet.
 * The shim fills a block in a slot of the tail and appends it to the log when
 * it is full, a few with one write(2); the kernel keeps both through a SIGKILL. After
 * an orderly end the tail is empty and is removed. With log_mode=ring full
 * blocks stay in the tail until their place is needed, and so does the tail.
 *
 *	NAME.dlw       header, block, block, …
 *	NAME.dlw.tail  tail header, slot, slot, … ; a slot holds one block
 *
 * A block belongs to one thread (or to the process: thread 0) and has a
 * sequence number within it, without gaps: a gap means that blocks were lost,
 * and a slot whose (thread, sequence) is already in the log is ignored. A
 * slot's block has no checksum yet and may grow until the process ends; its
 * .length is stored last.
 *
 * Blocks hold either definition records (processes, modules, threads, objects,
 * stacks: written before any event refers to them) or events of one thread in
 * program order. All numbers are little-endian; records are 8-aligned; events
 * are made of 32-bit units.
 *
 * Order. Every object counts its operations: an acquisition takes its number,
 * the *ticket*, after it succeeded, a release before it is carried out. Program
 * order and the order of tickets of each object never form a cycle, and any
 * topological order of both is a run that could have been. Tickets of one object start at 1, have no gaps, and none is
 * used twice, except where blocks were lost. Time is for people: it is not an
 * order.
 */
#ifndef DLWATCH_LOG_H
#define DLWATCH_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include <dlwatch/words.h>

#define DLW_LOG_MAGIC "\x89" "DLWLOG\n"
#define DLW_TAIL_MAGIC "\x89" "DLWTAL\n"
#define DLW_LOG_MAJOR 6 /* a reader refuses a later one */
#define DLW_LOG_MINOR 0 /* additions that an older reader may skip */
#define DLW_LOG_MAJOR_READ 4 /* the earliest that is read */
#define DLW_LOG_BYTE_ORDER 0x01020304u

/** dlw_ticks() - a cheap clock of unknown unit, related to nanoseconds by pairs of readings */
static inline uint64_t dlw_ticks(void)
{
#if defined(__x86_64__)
	return __builtin_ia32_rdtsc() >> 5;
#else
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
#endif
}

/** First bytes of NAME.dlw. */
struct dlw_log_header {
	char magic[8];
	uint32_t header_size; /* blocks start here; at least sizeof(struct dlw_log_header) */
	uint16_t major, minor;
	uint32_t byte_order; /* DLW_LOG_BYTE_ORDER as the writer's machine stores it */
	int32_t pid;
	int32_t parent_pid;
	uint32_t checksum; /* of this header, dlw_log_header_checksum() */
	uint64_t process_start; /* field 22 of /proc/PID/stat: tells a reused pid */
	uint8_t boot_id[16];
	/* the same instant on three clocks */
	uint64_t realtime_ns, monotonic_ns, ticks;
};

/** First bytes of NAME.dlw.tail; the header takes one whole slot. */
struct dlw_tail_header {
	char magic[8];
	uint32_t slot_size; /* bytes; slot k starts at k * slot_size, k ≥ 1 */
	uint32_t slot_count; /* including the header's */
	int32_t pid;
	uint32_t reserved;
	uint64_t process_start;
	uint64_t copied_at; /* in a copy of a running program's: ticks, just before; else 0 */
};

#define DLW_LOG_SLOT_SIZE 8192u

enum dlw_block_type {
	DLW_BLOCK_NONE = 0,
	DLW_BLOCK_DEFINITIONS = 1,
	DLW_BLOCK_EVENTS = 2,
};

enum dlw_block_flag {
	DLW_BLOCK_STATE = 1,  /* begins with what the thread holds: a gap before it takes nothing away */
	DLW_BLOCK_SEALED = 2, /* in a tail: complete, and its checksum is right */
};

#define DLW_BLOCK_MAGIC 0x42574c44u /* "DLWB" */

/* Definition blocks that are nobody's in turn; each has a sequence of its own. */
#define DLW_LAST_WORDS 0xffffffffu /* the log stops at log_max */
#define DLW_FROM_OUTSIDE 0xfffffffeu /* appended by the supervisor */

struct dlw_block {
	uint32_t magic;
	uint16_t type;  /* enum dlw_block_type; an unknown one is skipped */
	uint16_t flags; /* enum dlw_block_flag */
	uint32_t thread;   /* serial of the thread, 0: the process */
	uint32_t sequence; /* within the thread, from 0 */
	uint32_t length;   /* payload bytes that follow; a multiple of 4 */
	uint32_t checksum; /* of header and payload, dlw_block_checksum(); in a tail: undefined */
	/* the same instant on two clocks, when the block was begun */
	uint64_t monotonic_ns, ticks;
};

#define DLW_BLOCK_ROOM (DLW_LOG_SLOT_SIZE - (uint32_t)sizeof(struct dlw_block))

/** dlw_log_checksum() - of any bytes; @length a multiple of 4 */
static inline uint32_t dlw_log_checksum(const void *payload, size_t length)
{
	const unsigned char *bytes = payload;
	const uint64_t factor = 0x9e3779b97f4a7c15u;
	uint64_t lane[4] = { 1, 2, 3, 4 };
	uint32_t word[4];
	size_t unit, at;

	for (at = 0; at + 16 <= length; at += 16) {
		memcpy(word, bytes + at, sizeof(word));
		lane[0] = (lane[0] ^ word[0]) * factor;
		lane[1] = (lane[1] ^ word[1]) * factor;
		lane[2] = (lane[2] ^ word[2]) * factor;
		lane[3] = (lane[3] ^ word[3]) * factor;
	}
	for (unit = 0; at + 4 <= length; at += 4, unit++) {
		memcpy(word, bytes + at, sizeof(*word));
		lane[unit] = (lane[unit] ^ word[0]) * factor;
	}
	lane[0] ^= lane[1] >> 7 ^ lane[2] << 13 ^ lane[3] >> 23 ^ length;
	lane[0] *= 0xff51afd7ed558ccdu;
	return (uint32_t)(lane[0] >> 32);
}

/** dlw_log_header_checksum() - of a header, with 0 as checksum */
static inline uint32_t dlw_log_header_checksum(const struct dlw_log_header *header)
{
	struct dlw_log_header copy = *header;

	copy.checksum = 0;
	return dlw_log_checksum(&copy, sizeof(copy));
}

/** dlw_block_checksum() - of a block: its header, with 0 as checksum, and its payload */
static inline uint32_t dlw_block_checksum(const struct dlw_block *block, const void *payload)
{
	struct dlw_block header = *block;
	uint32_t sums[2];

	header.checksum = 0;
	sums[0] = dlw_log_checksum(&header, sizeof(header));
	sums[1] = dlw_log_checksum(payload, block->length);
	return dlw_log_checksum(sums, sizeof(sums));
}

/* ------------------------------------------------------------------ definitions */

enum dlw_record_type {
	DLW_RECORD_PROCESS = 1,
	DLW_RECORD_MODULE = 2,
	DLW_RECORD_THREAD = 3,
	DLW_RECORD_THREAD_NAME = 4,
	DLW_RECORD_OBJECT = 5,
	DLW_RECORD_STACK = 6,
	DLW_RECORD_LOOK = 7,
	DLW_RECORD_COVERAGE = 8,
	DLW_RECORD_END = 9,
	DLW_RECORD_OBJECT_NAME = 10,
	DLW_RECORD_MODULE_GONE = 11,
	DLW_RECORD_PYTHON = 12,
	DLW_RECORD_MISUSE = 13,
	DLW_RECORD_MODE = 14,
	DLW_RECORD_ORDER_COUNTS = 15,
	DLW_RECORD_OBJECT_CLASS = 16,
	DLW_RECORD_FINDING = 17,
};

/** In front of every record. */
struct dlw_record {
	uint16_t type; /* enum dlw_record_type; an unknown one is skipped */
	uint16_t reserved;
	uint32_t size; /* bytes including this header and padding; a multiple of 8 */
};

struct dlw_record_process {
	struct dlw_record record;
	int32_t pid, parent_pid;
	uint32_t arg_count; /* as many strings follow the executable's path */
	uint32_t args_cut;  /* arguments that did not fit and are not here */
	char strings[];     /* exe \0 arg0 \0 arg1 \0 … */
};

struct dlw_record_module {
	struct dlw_record record;
	uint64_t start, end, bias; /* as in struct dlw_module of core/state.h */
	char strings[];            /* path \0 build id in hex, or empty \0 */
};

struct dlw_record_module_gone {
	struct dlw_record record;
	uint64_t start;
};

struct dlw_record_thread {
	struct dlw_record record;
	uint32_t serial; /* from 1; never reused within a process */
	int32_t tid;
	uint32_t creator;       /* serial, 0: unknown */
	uint32_t created_stack; /* 0: unknown */
	uint32_t detached;      /* created detached */
	uint32_t reserved;
	char name[16];          /* NUL-terminated; "" if not known yet */
};

struct dlw_record_thread_name {
	struct dlw_record record;
	uint32_t serial;
	uint32_t reserved;
	char name[16];
};

/**
 * One life of a lock, semaphore, …: a destroyed and initialised one gets a new id.
 *
 * With DLW_TRAIT_RENEWED it is any number of lives of a lock, each as here and with the
 * end of the one before, DESTROYED, in front of it; all of them count in one row of tickets.
 */
/** May end behind .initial: then the rest is 0, and the name empty. */
struct dlw_record_object {
	struct dlw_record record;
	uint32_t id;    /* from 1; never reused within a process */
	uint8_t kind;   /* enum dlw_kind */
	uint8_t type;   /* enum dlw_type */
	uint16_t traits; /* enum dlw_trait */
	uint64_t address;
	uint32_t init_stack; /* 0: its initialisation was not seen */
	uint32_t initial;    /* semaphore: initial value; barrier: parties */
	uint32_t initial_known;
	uint32_t history; /* posts and signals before this was written: enum dlw_history of core/state.h */
	/* process-shared: what it is in every process; 0 0 0 otherwise */
	uint64_t device, inode, offset;
	char name[]; /* sem_open's or an annotation's, or empty; NUL-terminated */
};

#define DLW_RECORD_OBJECT_SHORT offsetof(struct dlw_record_object, initial_known)

struct dlw_record_object_name {
	struct dlw_record record;
	uint32_t id;
	uint32_t reserved;
	char name[];
};

/** Annotated: replaces the earlier one. */
struct dlw_record_object_class {
	struct dlw_record record;
	uint32_t id;
	int32_t rank; /* 0: none */
	char name[];  /* of the class, or empty */
};

struct dlw_record_stack {
	struct dlw_record record;
	uint32_t id; /* from 1 */
	uint32_t depth;
	uint64_t frames[]; /* return addresses, innermost first */
};

/**
 * A lock used wrongly: which thread did what to which object, and where.
 *
 * Everything is said here, not by reference: thread and object may be gone
 * before anybody reads it. Stacks are ids, 0: unknown or none.
 */
struct dlw_misuse {
	uint64_t when_ns; /* CLOCK_MONOTONIC, of the first time */
	uint64_t address; /* of the object */
	uint64_t second;  /* two-mutexes: the thread's mutex; rank: the lock it held */
	uint64_t third;   /* two-mutexes: the other thread's mutex */
	int32_t tid;
	int32_t other_tid; /* who holds or waits for it, perhaps the thread itself; 0: nobody known */
	uint32_t stack;       /* where it happened */
	uint32_t other_stack; /* where the other one took it, or waits for it */
	uint32_t init_stack;  /* of the object */
	uint32_t count;       /* times so far, at this place */
	uint32_t name;        /* of the object; a segment: offset of a string; a log: 0 */
	int32_t error;        /* what the C library answered; 0: success */
	uint16_t traits;      /* enum dlw_trait */
	uint8_t sort;         /* enum dlw_misuse_sort */
	uint8_t kind, type;   /* of the object */
	uint8_t mode;         /* how the other one holds it; DLW_NO_MODE: it waits */
	uint8_t second_kind;
	uint8_t hidden;       /* a segment: not asked for, noted for the log alone */
	char thread[16], other[16]; /* names */
};

/** One sort of misuse at one place; a later record of both replaces an earlier one. */
struct dlw_record_misuse {
	struct dlw_record record;
	struct dlw_misuse misuse;
	char name[]; /* of the object, or empty; NUL-terminated */
};

enum dlw_recording { DLW_RECORDING_FULL = 0, DLW_RECORDING_ORDER = 1, DLW_RECORDING_RING = 2 };

/** log_mode: what is in the log at all; absent: full. */
struct dlw_record_mode {
	struct dlw_record record;
	uint32_t mode; /* enum dlw_recording */
	uint32_t reserved;
	uint64_t log_max; /* bytes */
};

/** How often each order (enum dlw_event_type, ORDER) of a thread was seen, at its end. */
struct dlw_record_order_counts {
	struct dlw_record record;
	uint32_t serial; /* of the thread */
	uint32_t count;
	struct {
		uint32_t order, reserved;
		uint64_t times;
	} orders[];
};

/** What the watcher saw of the world outside the records when it judged. */
struct dlw_record_look {
	struct dlw_record record;
	uint64_t monotonic_ns;
	uint32_t found;  /* findings reported at this look */
	uint32_t reserved;
	char open_reason[]; /* why somebody unseen could help; empty: the world is closed */
};

/** What an interpreter in the process was doing at a finding; see docs/log-format.md. */
struct dlw_record_python {
	struct dlw_record record;
	uint64_t monotonic_ns;
	char text[]; /* NUL-terminated; any length */
};

/** A finding that no replay of the log can come to: it rests on what the kernel alone knew. */
struct dlw_record_finding {
	struct dlw_record record;
	uint64_t monotonic_ns;
	char text[]; /* NUL-terminated lines of JSON as they were found, not completed yet */
};

enum dlw_coverage_count {
	DLW_LOST_EVENTS,       /* could not be written */
	DLW_LOST_STACKS,       /* stack store full or unwinder absent: site only */
	DLW_LOST_THREADS,      /* no record could be had */
	DLW_LOST_OBJECTS,      /* no entry could be had */
	DLW_LOST_SIGNAL_OPS,   /* operations in signal handlers that interrupted a hook, past the room for them */
	DLW_UNSEEN_THREADS,    /* tasks that dlwatch did not see start */
	DLW_UNSEEN_HOLDERS,    /* locks taken before loading or behind our back */
	DLW_PRIVATE_MEMORY,    /* records outside the session's shared memory */
	DLW_LOST_MISUSES,      /* kinds or places of misuse past the room for them */
	DLW_LOST_NESTINGS,     /* lock orders not looked at for inversions, or no longer */
	DLW_CUT_STACKS,        /* of a lock taken without waiting, the innermost frames only */
	DLW_LOST_ENDED,        /* processes that ended while they held shared locks, past the room for them */
	DLW_COVERAGE_COUNTS
};

struct dlw_record_coverage {
	struct dlw_record record;
	uint32_t count; /* of numbers that follow, in the order of enum dlw_coverage_count */
	uint32_t reserved;
	uint64_t counts[];
};

enum dlw_end_reason {
	DLW_END_EXIT = 1,   /* exit(), return from main */
	DLW_END_FAST = 2,   /* _exit, quick_exit */
	DLW_END_EXEC = 3,   /* replaced by another program */
	DLW_END_FINDING = 4, /* ended by on_deadlock */
	DLW_END_LOG_MAX = 5, /* the log reached log_max and stops here, the process goes on */
};

/** Last record of an orderly log; absent: the process was killed or is running. */
struct dlw_record_end {
	struct dlw_record record;
	uint64_t monotonic_ns;
	uint32_t reason; /* enum dlw_end_reason */
	int32_t status;  /* exit status, where known */
};

/* ----------------------------------------------------------------------- events */

/*
 * The low five bits of the first unit say which type, and with it which layout.
 *
 *	short, 1 unit    RELEASED_TOP, AGAIN, LATER
 *	plain, 3 units   the other types 2 … 15
 *	long, 5 units    types 16 … 29: plain and a 64-bit argument
 *	                 DEFINITION: bits 5 … 31 say how many units follow
 *	wide, 8 units    any type whose fields do not fit
 *
 * A plain event, as one 96-bit number from its low end: type 5, mode 2,
 * contended 1, form 2, delta 12, stack 20, object 22, ticket 32. Delta is in
 * ticks since the event before in the same block (the first: since the
 * block's own ticks); where 12 bits do not hold it, a LATER or TIME event
 * comes first. A 32-bit ticket is the low half: unwrap it with the object's
 * last one.
 *
 * Most acquisitions repeat an earlier one of the same block. Both ends keep
 * the block's last DLW_RECENT of them, each at the place of the oldest, none when
 * a block begins. AGAIN means the acquisition at a
 * given place once more: same object, stack, mode and form, a ticket a little
 * larger.
 *
 * Reading the clock costs more than all the rest of an event. AGAIN, the short
 * RELEASED_TOP and other events may do without: their delta, all ones, is then
 * none. Both ends of a hold are timed or neither is; about one in sixteen
 * uncontended ones is, chosen at random, and every contended one.
 *
 * Most holds are given back before their thread logs anything else. Such a
 * release takes no unit of its own: the delta of its ACQUIRED, all ones but for
 * the lowest bit, says that an untimed RELEASED_TOP of depth 0 follows. The
 * writer overwrites the delta in place, even in a block that is being read.
 */
enum dlw_event_type {
	DLW_EVENT_PAD = 0,          /* one unit, skip */
	DLW_EVENT_TIME = 1,         /* 3 units: type, then the ticks in 64 bits */
	DLW_EVENT_ACQUIRED = 2,     /* lock taken, permit taken */
	DLW_EVENT_RELEASED_TOP = 3, /* short: .argument is the depth below the thread's newest hold;
				     * the ticket is that of the thread's last event on it, plus 1 */
	DLW_EVENT_RELEASED = 4,     /* by its holder, with its own ticket */
	DLW_EVENT_POSTED = 5,       /* sem_post; whether it was a holder follows from the log */
	DLW_EVENT_SIGNALLED = 6,
	DLW_EVENT_BROADCAST = 7,
	DLW_EVENT_WOKEN = 8,        /* condition wait returns; the mutex follows as ACQUIRED */
	DLW_EVENT_TRY_FAILED = 9,   /* ticket 0 */
	DLW_EVENT_DESTROYED = 10,   /* the object's life ends; another one may follow */
	DLW_EVENT_ARRIVED = 11,     /* at a barrier, about to wait */
	DLW_EVENT_LEFT = 12,        /* a barrier */
	DLW_EVENT_AGAIN = 13,       /* an event said before, shortly; dlw_event_get() unpacks it as such */
	DLW_EVENT_LATER = 14,       /* 1 unit: bits 5 … 31 are added to the ticks */
	DLW_EVENT_ACCESSED = 15,    /* a variable (object of no kind); mode shared: read, exclusive: written.
				     * Mode 3: annotated; form: enum dlw_annotated; ticket 0 */
	DLW_EVENT_WANT = 16,        /* about to block; argument: since, CLOCK_MONOTONIC ns; ticket 0 */
	DLW_EVENT_CONDITION_WAIT = 17, /* argument: id of the mutex, which is given back in full
					* (ticket of the thread's last event on it, plus 1) */
	DLW_EVENT_GAVE_UP = 18,     /* the want ended without success; argument: the error, 0: cancelled */
	DLW_EVENT_CREATED = 19,     /* argument: serial of the new thread; object 0 */
	DLW_EVENT_STARTED = 20,     /* first event of a thread; argument: serial of its creator */
	DLW_EVENT_EXITED = 21,      /* last event of a thread */
	DLW_EVENT_WANT_THREAD = 22, /* join may block; argument: serial of the joined thread */
	DLW_EVENT_JOINED = 23,      /* argument: its serial */
	DLW_EVENT_DETACHED = 24,    /* argument: its serial */
	DLW_EVENT_FORKED = 25,      /* argument: pid of the child */
	DLW_EVENT_RELEASED_BY_STRANGER = 26, /* unlock of a lock the thread does not hold; argument: 0, or the error returned */
	DLW_EVENT_FORGOTTEN = 27,   /* a stale hold was dropped: the lock was released behind our back; argument: depth as in RELEASED_TOP */
	DLW_EVENT_ORDER = 28,       /* log_mode=order: what comes up to the next ORDER is one lock order, seen
				     * for the first time; argument: its number in the process, from 1 */
	DLW_EVENT_HELD = 29,        /* log_mode=ring, at the start of a block: the thread has this already;
				     * argument: count; ticket: of the object's last operation, 0: unknown.
				     * Mode 3: it has said this already; form: enum dlw_annotated */
	DLW_EVENT_DEFINITION = 30,  /* log_mode=ring: a definition record follows; argument: its units */
	DLW_EVENT_WIDE = 31
};

#define DLW_MODE_ANNOTATED 3 /* of ACCESSED and HELD, which are then none */

/** What a thread has said through dlwatch.h. */
enum dlw_annotated {
	DLW_ANNOTATED_EXEMPT = 0, /* no part of findings from now on; they nest. HELD: so deep, as argument */
	DLW_ANNOTATED_EXEMPT_NO_MORE = 1,
	DLW_ANNOTATED_RELEASER = 2, /* it will post or signal the object. HELD: argument 0 */
};

/** How an acquisition was asked for. */
enum dlw_form { DLW_FORM_BLOCKING = 0, DLW_FORM_TIMED = 1, DLW_FORM_TRY = 2 };

/*
 * Holds, as writer and reader both keep them: ACQUIRED of a RECURSIVE mutex
 * that the thread already holds adds to its count; any other ACQUIRED of a
 * mutex, rwlock or spinlock appends a hold to the thread's list; a permit is
 * counted per (thread, semaphore) apart from that list. RELEASED_TOP with
 * depth d means the (d+1)-last of the list: its count goes down, at 0 it is
 * taken out and later ones move up. A POSTED by a thread with a permit of that
 * semaphore gives one back; any other post comes from a stranger.
 */

/** An event, unpacked. */
struct dlw_event {
	enum dlw_event_type type;
	uint8_t mode; /* 0 exclusive, 1 shared, 2 permit, 3 other */
	bool contended; /* somebody else had it when it was asked for */
	uint8_t form;   /* enum dlw_form */
	uint32_t object, stack;
	uint64_t ticket;   /* 0: has none. 32 bits unless wide */
	uint64_t argument;
	uint64_t ticks;    /* absolute */
	bool wide;
	bool untimed; /* the clock was not read, .ticks are those of the event before */
	bool released; /* ACQUIRED, untimed: given back at once, an event of its own that is not written */
};

/** One event of a block, for AGAIN to refer to. */
struct dlw_recent {
	uint32_t object; /* 0: none */
	uint32_t stack, ticket;
	uint32_t how; /* dlw_recent_how() */
};

#define DLW_RECENT 64u /* a block has so many; a power of two */
#define DLW_RECENT_HASHED 256u

/**
 * The last events of a block that were put in full, as its writer and its reader keep them
 *
 * Each takes the place that the oldest one has. So a program that goes through the
 * same locks again and again finds them all, if they are no more than there are
 * places. A reader has no need to know where an event would be; a writer has.
 */
struct dlw_recents {
	uint32_t next; /* place of the next one */
	bool by_sum;   /* a reader's: of version 4 or 5, dlw_recent_sum() says its place */
	struct dlw_recent at[DLW_RECENT];
	uint8_t perhaps[DLW_RECENT_HASHED]; /* a writer's: place of the last one with that hash */
};

#define DLW_EVENT_UNITS_MAX 11 /* TIME and a wide event */
#define DLW_AGAIN_CONTENDED_SHIFT 11
#define DLW_AGAIN_TICKET_MAX ((1u << 7) - 1)
#define DLW_AGAIN_TICKET_SHIFT 12
#define DLW_AGAIN_UNTIMED ((1u << 13) - 1) /* as delta */
#define DLW_AGAIN_DELTA_MAX (DLW_AGAIN_UNTIMED - 2) /* UNTIMED - 1: and released at once */
#define DLW_AGAIN_DELTA_SHIFT 19
#define DLW_LATER_MAX ((1u << 27) - 1)
#define DLW_UNTIMED ((1u << 12) - 1) /* as delta of a plain, long or wide event */
#define DLW_DELTA_MAX (DLW_UNTIMED - 2) /* UNTIMED - 1: and released at once */
#define DLW_DELTA_SHIFT 10 /* of a plain event */
#define DLW_SHORT_UNTIMED ((1u << 21) - 1) /* as delta */
#define DLW_SHORT_DELTA_MAX (DLW_SHORT_UNTIMED - 1)
#define DLW_SHORT_DEPTH_MAX ((1u << 6) - 1)
#define DLW_PLAIN_STACK_MAX ((1u << 20) - 1)
#define DLW_PLAIN_OBJECT_MAX ((1u << 22) - 1)

/** dlw_event_put_plain() - the 96 bits; every field must fit */
static inline void dlw_event_put_plain(uint32_t *unit, enum dlw_event_type type, uint32_t mode,
				       uint32_t contended, uint32_t form, uint32_t delta,
				       uint32_t stack, uint32_t object, uint32_t ticket)
{
	uint64_t low = (uint64_t)type | mode << 5 | contended << 7 | form << 8 |
		       delta << DLW_DELTA_SHIFT | (uint64_t)stack << 22 | (uint64_t)object << 42;

	unit[0] = (uint32_t)low;
	unit[1] = (uint32_t)(low >> 32);
	unit[2] = ticket;
}

/** dlw_event_put_short() - RELEASED_TOP */
static inline void dlw_event_put_short(uint32_t *unit, uint32_t depth, uint32_t delta)
{
	unit[0] = DLW_EVENT_RELEASED_TOP | depth << 5 | delta << 11;
}

/** dlw_event_put_again() - AGAIN of the event @before, which is at @place */
static inline void dlw_event_put_again(uint32_t *unit, struct dlw_recent *before, uint32_t place,
				       uint32_t ticket, uint32_t contended, uint32_t delta)
{
	unit[0] = DLW_EVENT_AGAIN | place << 5 | contended << DLW_AGAIN_CONTENDED_SHIFT |
		  (ticket - before->ticket) << DLW_AGAIN_TICKET_SHIFT |
		  delta << DLW_AGAIN_DELTA_SHIFT;
	before->ticket = ticket;
}

/** dlw_recents_begin() - a block does, of a log of version @major */
static inline void dlw_recents_begin(struct dlw_recents *recents, uint16_t major)
{
	memset(recents, 0, sizeof(*recents));
	recents->by_sum = major < 6;
}

/** dlw_recent_takes() - events of this type can be said AGAIN: the plain ones but RELEASED_TOP */
static inline bool dlw_recent_takes(uint32_t type)
{
	return type >= DLW_EVENT_ACQUIRED && type < 16 && type != DLW_EVENT_RELEASED_TOP;
}

/** dlw_recent_how() - type, mode and form, where a plain event has them */
static inline uint32_t dlw_recent_how(uint32_t type, uint32_t mode, uint32_t form)
{
	return type | mode << 5 | form << 8;
}

/** dlw_recent_from() - what AGAIN would have to refer to */
static inline struct dlw_recent dlw_recent_from(const struct dlw_event *event)
{
	return (struct dlw_recent){
		.object = event->object,
		.stack = event->stack,
		.ticket = (uint32_t)event->ticket,
		.how = dlw_recent_how((uint32_t)event->type, event->mode, event->form),
	};
}

/** dlw_recent_perhaps() - where a writer notes the place of such an event */
static inline uint8_t *dlw_recent_perhaps(struct dlw_recents *recents, uint32_t how,
					  uint32_t object, uint32_t stack)
{
	/* stacks of one object have numbers side by side, mostly */
	return &recents->perhaps[(object * 37 + stack + how) % DLW_RECENT_HASHED];
}

/** dlw_recent_find() - a writer's such event; NULL: it is to be put in full */
static inline struct dlw_recent *dlw_recent_find(struct dlw_recents *recents, uint32_t how,
						 uint32_t object, uint32_t stack)
{
	struct dlw_recent *last = &recents->at[*dlw_recent_perhaps(recents, how, object, stack)];

	return last->object == object && last->stack == stack && last->how == how ? last : NULL;
}

/** dlw_recent_take() - the place of one more in full; Return: of it */
static inline uint32_t dlw_recent_take(struct dlw_recents *recents)
{
	const uint32_t place = recents->next;

	recents->next = (place + 1) % DLW_RECENT;
	return place;
}

/** dlw_recent_put() - a writer has put it in full; Return: its place */
static inline uint32_t dlw_recent_put(struct dlw_recents *recents, struct dlw_recent recent)
{
	const uint32_t place = dlw_recent_take(recents);

	recents->at[place] = recent;
	*dlw_recent_perhaps(recents, recent.how, recent.object, recent.stack) = (uint8_t)place;
	return place;
}

/** dlw_recent_sum() - place of such an event in versions 4 and 5: object, stack and type, modulo */
static inline uint32_t dlw_recent_sum(const struct dlw_event *event)
{
	return (event->object + event->stack + (uint32_t)event->type) % DLW_RECENT;
}

/** dlw_recent_got() - a reader has got @event in full */
static inline void dlw_recent_got(struct dlw_recents *recents, const struct dlw_event *event)
{
	if (event->object && dlw_recent_takes((uint32_t)event->type))
		recents->at[recents->by_sum ? dlw_recent_sum(event) : dlw_recent_take(recents)] =
			dlw_recent_from(event);
}

/** dlw_recent_said() - what AGAIN can say @event by; NULL: nothing */
static inline struct dlw_recent *dlw_recent_said(struct dlw_recents *recents,
						 const struct dlw_event *event)
{
	const struct dlw_recent this = dlw_recent_from(event);
	struct dlw_recent *last;

	if (!this.object || event->ticket > UINT32_MAX)
		return NULL;
	last = dlw_recent_find(recents, this.how, this.object, this.stack);
	return last && this.ticket - last->ticket <= DLW_AGAIN_TICKET_MAX ? last : NULL;
}

/** dlw_event_put_time() - the units that bring the ticks from @last to @ticks */
static inline unsigned dlw_event_put_time(uint32_t *unit, uint64_t last, uint64_t ticks)
{
	if (ticks >= last && ticks - last <= DLW_LATER_MAX) {
		unit[0] = DLW_EVENT_LATER | (uint32_t)(ticks - last) << 5;
		return 1;
	}
	unit[0] = DLW_EVENT_TIME;
	memcpy(unit + 1, &ticks, 8);
	return 3;
}

/**
 * dlw_event_put() - pack any event but a DEFINITION, with its time before it where needed
 * @unit: room for DLW_EVENT_UNITS_MAX
 * @last: ticks of the event before in this block
 * @recents: of the block, kept up to date here
 *
 * Return: units used.
 */
static inline unsigned dlw_event_put(uint32_t *unit, const struct dlw_event *event, uint64_t last,
				     struct dlw_recents *recents)
{
	uint64_t delta = event->untimed ? 0 : event->ticks - last;
	uint32_t less = event->untimed && event->released && event->type == DLW_EVENT_ACQUIRED;
	bool is_short = event->type == DLW_EVENT_RELEASED_TOP &&
			event->argument <= DLW_SHORT_DEPTH_MAX;
	struct dlw_recent *again = dlw_recent_said(recents, event);
	unsigned used = 0;

	if (!event->untimed && (event->ticks < last || delta > (is_short ? DLW_SHORT_DELTA_MAX :
					    again    ? DLW_AGAIN_DELTA_MAX :
						       DLW_DELTA_MAX))) {
		used = dlw_event_put_time(unit, last, event->ticks);
		delta = 0;
	}
	if (is_short) {
		dlw_event_put_short(unit + used, (uint32_t)event->argument,
				    event->untimed ? DLW_SHORT_UNTIMED : (uint32_t)delta);
		return used + 1;
	}
	if (again) {
		dlw_event_put_again(unit + used, again, (uint32_t)(again - recents->at),
				    (uint32_t)event->ticket, event->contended,
				    event->untimed ? DLW_AGAIN_UNTIMED - less : (uint32_t)delta);
		return used + 1;
	}
	if (event->untimed)
		delta = DLW_UNTIMED - less;
	if (event->object && dlw_recent_takes((uint32_t)event->type))
		dlw_recent_put(recents, dlw_recent_from(event));
	if (event->type != DLW_EVENT_RELEASED_TOP && event->stack <= DLW_PLAIN_STACK_MAX &&
	    event->object <= DLW_PLAIN_OBJECT_MAX) {
		dlw_event_put_plain(unit + used, event->type, event->mode, event->contended,
				    event->form, (uint32_t)delta, event->stack, event->object,
				    (uint32_t)event->ticket);
		if (event->type < 16)
			return used + 3;
		memcpy(unit + used + 3, &event->argument, 8);
		return used + 5;
	}
	unit[used] = DLW_EVENT_WIDE | (uint32_t)event->type << 5 | (uint32_t)event->mode << 10 |
		     (uint32_t)event->contended << 12 | (uint32_t)event->form << 13 |
		     (uint32_t)delta << 15;
	unit[used + 1] = event->object;
	unit[used + 2] = event->stack;
	unit[used + 3] = 0;
	memcpy(unit + used + 4, &event->ticket, 8);
	memcpy(unit + used + 6, &event->argument, 8);
	return used + 8;
}

/** dlw_event_get_again() - what AGAIN repeats; Return: its delta; UINT32_MAX: it repeats nothing */
static inline uint32_t dlw_event_get_again(uint32_t unit, struct dlw_event *event,
					   struct dlw_recents *recents)
{
	struct dlw_recent *before = &recents->at[unit >> 5 & (DLW_RECENT - 1)];

	if (!before->object)
		return UINT32_MAX;
	before->ticket += unit >> DLW_AGAIN_TICKET_SHIFT & DLW_AGAIN_TICKET_MAX;
	event->type = (enum dlw_event_type)(before->how & 31);
	event->contended = unit >> DLW_AGAIN_CONTENDED_SHIFT & 1;
	event->object = before->object;
	event->stack = before->stack;
	event->mode = before->how >> 5 & 3;
	event->form = before->how >> 8 & 3;
	event->ticket = before->ticket;
	return unit >> DLW_AGAIN_DELTA_SHIFT;
}

/** dlw_event_get_untimed() - what a @delta of all ones, or of one less, says */
static inline void dlw_event_get_untimed(struct dlw_event *event, uint64_t delta, uint32_t none)
{
	event->untimed = delta >= none - 1;
	event->released = delta == none - 1 && event->type == DLW_EVENT_ACQUIRED;
}

/** dlw_event_get_wide() - the eight units of a WIDE event */
static inline void dlw_event_get_wide(const uint32_t *unit, struct dlw_event *event)
{
	event->type = (enum dlw_event_type)(unit[0] >> 5 & 31);
	event->mode = unit[0] >> 10 & 3;
	event->contended = unit[0] >> 12 & 1;
	event->form = unit[0] >> 13 & 3;
	event->object = unit[1];
	event->stack = unit[2];
	memcpy(&event->ticket, unit + 4, 8);
	memcpy(&event->argument, unit + 6, 8);
	event->wide = true;
}

/**
 * dlw_event_get() - unpack the event at @unit
 * @left: units from @unit to the end of the block
 * @ticks: in: ticks of the event before; out: of this one
 * @recents: of the block, kept up to date here
 *
 * Return: units used; 0 if the rest is malformed or cut. PAD, TIME, LATER and
 *         DEFINITION are returned like any other event; the record of the last
 *         begins one unit behind @unit.
 */
static inline unsigned dlw_event_get(const uint32_t *unit, size_t left, uint64_t *ticks,
				     struct dlw_event *event, struct dlw_recents *recents)
{
	uint64_t low, delta = 0;
	unsigned used = 1;
	uint32_t type;

	if (!left)
		return 0;
	memset(event, 0, sizeof(*event));
	type = unit[0] & 31;
	event->type = (enum dlw_event_type)type;
	switch (type) {
	case DLW_EVENT_PAD:
		break;
	case DLW_EVENT_TIME:
		if (left < 3)
			return 0;
		memcpy(ticks, unit + 1, 8);
		used = 3;
		break;
	case DLW_EVENT_LATER:
		delta = unit[0] >> 5;
		break;
	case DLW_EVENT_RELEASED_TOP:
		event->argument = unit[0] >> 5 & DLW_SHORT_DEPTH_MAX;
		delta = unit[0] >> 11;
		event->untimed = delta == DLW_SHORT_UNTIMED;
		break;
	case DLW_EVENT_AGAIN:
		delta = dlw_event_get_again(unit[0], event, recents);
		if (delta == UINT32_MAX)
			return 0;
		dlw_event_get_untimed(event, delta, DLW_AGAIN_UNTIMED);
		break;
	case DLW_EVENT_DEFINITION:
		event->argument = unit[0] >> 5;
		if (left - 1 < event->argument)
			return 0;
		used = 1 + (unsigned)event->argument;
		break;
	case DLW_EVENT_WIDE:
		if (left < 8)
			return 0;
		dlw_event_get_wide(unit, event);
		delta = unit[0] >> 15 & DLW_UNTIMED;
		dlw_event_get_untimed(event, delta, DLW_UNTIMED);
		used = 8;
		break;
	default:
		used = type < 16 ? 3 : 5;
		if (left < used)
			return 0;
		low = unit[0] | (uint64_t)unit[1] << 32;
		event->mode = low >> 5 & 3;
		event->contended = low >> 7 & 1;
		event->form = low >> 8 & 3;
		delta = low >> DLW_DELTA_SHIFT & DLW_UNTIMED;
		dlw_event_get_untimed(event, delta, DLW_UNTIMED);
		event->stack = low >> 22 & DLW_PLAIN_STACK_MAX;
		event->object = (uint32_t)(low >> 42);
		event->ticket = unit[2];
		if (used == 5)
			memcpy(&event->argument, unit + 3, 8);
	}
	if (!event->untimed)
		*ticks += delta;
	event->ticks = *ticks;
	if (type != DLW_EVENT_AGAIN)
		dlw_recent_got(recents, event);
	return used;
}

#endif
