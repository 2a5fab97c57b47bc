/*
 * shim/context.h - the calling thread, and how a hook begins and ends
 *
 * Every hook has one shape:
 *
 *	struct dlw_context *self = dlw_enter();
 *
 *	if (!self)
 *		return dlw_real(f)(x);	// inside dlwatch, or no record: pass through
 *	dlw_want(self, …);		// be seen waiting
 *	err = dlw_real(f)(x);
 *	dlw_want_end(self);
 *	… note what was acquired …
 *	dlw_leave(self);
 *
 * A context is private to its thread and wiped in the child of a fork; what
 * others may see lies in its record in the segment. .open is the way that a hook
 * may take while the thread is in the program's own code or blocked in the C
 * library, and DLW_WAY_SHUT while a hook of it is at work: a signal handler that
 * interrupts a hook, and the unwinder's own locks, find it shut and pass through.
 * The short ways through a lock and an unlock leave it alone and look afterwards
 * instead.
 */
#ifndef DLW_SHIM_CONTEXT_H
#define DLW_SHIM_CONTEXT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <dlwatch/session.h>

#include "shim/runtime.h"

struct dlw_init;
struct dlw_trace;
struct dlw_slot;
struct dlw_nest;

/**
 * A place where this thread acquires: return address and frame address seen before.
 *
 * An entry that has to make way goes to the place beside its own, in the same line
 * of the cache: for that of another site, or of the same with another stack.
 */
struct dlw_site {
	uint64_t address, frame;
	const struct dlw_trace *trace; /* how to tell that the stack is still the same */
	uint32_t stack;
	uint32_t nesting; /* place of the note that came up here last, perhaps (nesting.h) */
};
#define DLW_SITES 128 /* a power of two */

/** An object this thread used before. */
struct dlw_known_object {
	uint64_t address;
	struct dlw_object *object;
	struct dlw_permit *permit; /* this thread's entry for it, NULL */
};
#define DLW_KNOWN_OBJECTS 128 /* a power of two */

/** Which way a hook may take where nothing is contended and the site is known. */
enum dlw_way {
	DLW_WAY_SHUT = 0,     /* none: it passes through, or asks dlw_enter_slow() */
	DLW_WAY_SHORT = 1,    /* no log, stacks=auto, no break: what the live graph needs, and no more */
	DLW_WAY_VERIFIED = 3, /* stacks=full: the same, if the stack is still the same */
	DLW_WAY_LOGGED = 2,   /* a log of every event: the same, and a few bytes of log */
	DLW_WAY_LONG = 4,
	DLW_WAY_UNLOGGED = 1, /* bit of those ways on which a release only takes the hold away */
};

/** A want put aside while a signal handler's calls take its place. */
struct dlw_saved_want {
	uint64_t address, mutex, since_ns, frame;
	uint32_t stack, object;
	uint8_t kind, mode, form, relock;
};
#define DLW_SAVED_WANTS 4

#define DLW_PENDING_POSTS 8

struct dlw_context {
	enum dlw_way open; /* .way, or DLW_WAY_SHUT */
	enum dlw_way way;  /* DLW_WAY_SHUT: there is no record */
	struct dlw_thread *record;
	struct dlw_held *holds;     /* the record's, as a pointer */
	struct dlw_permit *permits; /* the record's, as a pointer */
	struct dlw_slot *log;       /* NULL: not logging */
	uint32_t hold_room;         /* the record's hold_capacity */
	union {
		struct {
			uint16_t pending_count; /* posts by handlers that interrupted a hook */
			bool deferred;          /* hook_cancel.c: in a hook, its cancellation waits */
			bool polling;           /* .poll_progress is not 0 */
		};
		uint64_t at_leave; /* any of these; 32 bits of memory would be loaded to be compared with 0 */
	};
	uint32_t saved_count;
	uint64_t want_frame; /* of the call that published the want */
	int32_t tid;
	int *error; /* where its errno is */
	bool capturing; /* in the unwinder */
	bool asynchronous; /* the program wants it cancelled anywhere: .open stays shut */
	uint64_t stack_low, stack_high; /* the thread's stack; frames beyond are not looked at */
	uint64_t spare_permits;  /* offset of the permit table before the last rebuild */
	uint32_t spare_capacity; /* its size, 0: none */
	struct dlw_init *init;   /* hook_once.c: what the C library is about to run for us */
	/* the wait that has just timed out, if nothing has come of the thread since */
	uint64_t poll_progress; /* dlw_progress() right after it; 0: there is none */
	uint64_t poll_address;
	uint32_t poll_stack;
	/* prediction (nesting.h): what the thread has learned of others, and when */
	_Atomic uint64_t *edges; /* the segment's; NULL: nothing is to be predicted */
	uint64_t born, last_edge;
	uint32_t edge_met;   /* .holding's high half when it last met one with a lock held */
	uint32_t edge_given; /* the same when it last gave one */
	union {
		uint64_t nest_expected; /* .holding if nothing was given back since its last nested lock */
		struct {
			uint32_t nest_state, nest_added; /* its halves */
		};
	};
	uint64_t nest_changes;  /* dlw_nest_changes when it last asked */
	struct dlw_nest *nest; /* NULL: it has not nested yet, or nothing is to be predicted */
	const struct dlw_trace *waited; /* of dlw_here.last's entry: how to tell that its place is the same */
	struct dlw_context *next; /* in a list of contexts without a thread */
	uint64_t pending_posts[DLW_PENDING_POSTS];
	struct dlw_saved_want saved[DLW_SAVED_WANTS];
	struct dlw_site sites[DLW_SITES] __attribute__((aligned(64)));
	struct dlw_known_object objects[DLW_KNOWN_OBJECTS];
};

/* What a thread did with a semaphore. */
enum dlw_last { DLW_LAST_WAITED, DLW_LAST_POSTED, DLW_LASTS };

/**
 * What the shortest ways go by.
 *
 * Not by way of the context: between two atomic operations the time is that of the
 * loads which have to wait for each other. A fork leaves it as it is, so but for
 * .self it is true only while the context's .open is not shut.
 */
struct dlw_here {
	struct dlw_context *self;   /* one whose .open is shut until the thread has one of its own */
	struct dlw_thread *record;  /* as in the context */
	struct dlw_held *holds;     /* likewise */
	int *error;                 /* likewise */
	uint64_t lives;             /* dlw_permit_lives: none that .last tells of has ended by then */
	struct dlw_known_object last[DLW_LASTS]; /* what the thread last took a permit of, and posted */
};

extern __thread struct dlw_here dlw_here __attribute__((tls_model("initial-exec")));
#define dlw_self (dlw_here.self)

#define dlw_likely(condition) __builtin_expect(!!(condition), 1)
#define dlw_unlikely(condition) __builtin_expect(!!(condition), 0)

/** dlw_enter_slow() - attach the thread if that is all that is missing; NULL: pass through */
struct dlw_context *dlw_enter_slow(void);

/** dlw_leave_slow() - first record what handlers did while .open was shut */
void dlw_leave_slow(struct dlw_context *self);

/** dlw_cancel_inside() - of an asynchronous thread: cancellation waits */
void dlw_cancel_inside(struct dlw_context *self);

/** dlw_cancel_outside() - it acts again, now if it came meanwhile */
void dlw_cancel_outside(struct dlw_context *self);

/** dlw_way_becomes() - from now on the thread's hooks may take @way */
static inline void dlw_way_becomes(struct dlw_context *self, enum dlw_way way)
{
	self->way = way;
	if (self->open)
		self->open = way;
}

/** dlw_enter() - begin a hook; NULL: do only what the C library would do */
static inline struct dlw_context *dlw_enter(void)
{
	struct dlw_context *self = dlw_self;

	if (dlw_unlikely(!self->open))
		return dlw_enter_slow();
	self->open = DLW_WAY_SHUT;
	atomic_signal_fence(memory_order_seq_cst);
	return self;
}

/** dlw_inside_quickly() - as dlw_inside(), of a thread seen open: so it is not asynchronous */
static inline void dlw_inside_quickly(struct dlw_context *self)
{
	self->open = DLW_WAY_SHUT;
	atomic_signal_fence(memory_order_seq_cst);
}

/** dlw_outside_quickly() - as dlw_outside(), after dlw_inside_quickly() */
static inline void dlw_outside_quickly(struct dlw_context *self)
{
	atomic_signal_fence(memory_order_seq_cst);
	self->open = self->way;
}

/** dlw_leave_quickly() - end a hook that has called nothing; false: dlw_leave() has to */
static inline bool dlw_leave_quickly(struct dlw_context *self)
{
	if (dlw_unlikely(self->at_leave))
		return false;
	atomic_signal_fence(memory_order_seq_cst);
	self->open = self->way;
	return true;
}

/** dlw_leave_progressing() - likewise, and dlw_not_polling(); false: that and dlw_leave() have to */
static inline bool dlw_leave_progressing(struct dlw_context *self)
{
	return dlw_leave_quickly(self); /* which a thread that polls does not */
}

/** dlw_leave() - end a hook */
static inline void dlw_leave(struct dlw_context *self)
{
	if (dlw_unlikely(!dlw_leave_quickly(self)))
		dlw_leave_slow(self);
}

/*
 * While the C library works on our behalf the thread is open to handlers:
 * dlw_outside() … the call … dlw_inside().
 */
static inline void dlw_outside(struct dlw_context *self)
{
	atomic_signal_fence(memory_order_seq_cst);
	if (dlw_unlikely(self->deferred))
		dlw_cancel_outside(self);
	else
		self->open = self->way;
}

static inline void dlw_inside(struct dlw_context *self)
{
	if (dlw_unlikely(self->asynchronous))
		dlw_cancel_inside(self);
	self->open = DLW_WAY_SHUT;
	atomic_signal_fence(memory_order_seq_cst);
}

/**
 * dlw_want_aside() - a call at @frame meets a want already published
 *
 * Either the call comes from a signal handler that runs while the thread
 * waits: the want is put aside until the call is over; so is one for a lock of
 * the program's own making, which uses other locks on the way. Or the handler
 * left the wait by siglongjmp(): its frame is gone, and so is the want.
 */
void dlw_want_aside(struct dlw_context *self, uint64_t frame);

/** dlw_want_back() - publish again what was put aside */
void dlw_want_back(struct dlw_context *self);

static inline uint64_t dlw_wait_number(const struct dlw_thread *record)
{
	return atomic_load_explicit(&record->wait, memory_order_relaxed);
}

/**
 * dlw_want_publish() - the fields, then the number that makes them true
 *
 * .want_since_ns is 0 already: whoever sets it clears it when the wait is over.
 */
static inline void dlw_want_publish(struct dlw_thread *record, uint64_t number,
				    enum dlw_kind kind, enum dlw_mode mode, enum dlw_form form,
				    uint64_t address, uint32_t stack)
{
	record->want_address = address;
	record->want_stack = stack;
	record->want_kind = (uint8_t)kind;
	record->want_mode = (uint8_t)mode;
	record->want_form = (uint8_t)form;
	record->want_relock = 0;
	atomic_store_explicit(&record->wait, number, memory_order_release);
}

/**
 * dlw_poll_begin() - a timed wait is about to be published: is it the last one again?
 *
 * It is if the thread has waited for nothing else, taken nothing and given
 * nothing since that timed out.
 */
static inline void dlw_poll_begin(struct dlw_context *self, uint64_t number, uint64_t address,
				  uint32_t stack)
{
	struct dlw_thread *record = self->record;

	if (self->poll_progress != dlw_progress(record) || self->poll_address != address ||
	    self->poll_stack != stack) {
		record->want_timeouts = 0;
		record->want_run = number + 1;
	}
	self->poll_address = address;
	self->poll_stack = stack;
}

/** dlw_poll_end() - after the end of a timed want */
static inline void dlw_poll_end(struct dlw_context *self, bool timed_out)
{
	struct dlw_thread *record = self->record;

	self->poll_progress = timed_out ? dlw_progress(record) : 0;
	self->polling = timed_out;
	record->want_timeouts = timed_out ? record->want_timeouts + 1 : 0;
}

/** dlw_not_polling() - the thread did something that others may wait for, or took something */
static inline void dlw_not_polling(struct dlw_context *self)
{
	if (dlw_unlikely(self->polling)) {
		self->poll_progress = 0;
		self->polling = false;
	}
}


/** dlw_want() - publish what the thread is about to wait for */
static inline void dlw_want(struct dlw_context *self, enum dlw_kind kind, enum dlw_mode mode,
			    enum dlw_form form, uint64_t address, uint32_t stack, uint64_t frame)
{
	struct dlw_thread *record = self->record;
	uint64_t number = dlw_wait_number(record);

	if (dlw_unlikely(number & 1)) {
		dlw_want_aside(self, frame);
		number = dlw_wait_number(record);
	}
	if (form == DLW_FORM_TIMED)
		dlw_poll_begin(self, number, address, stack);
	self->want_frame = frame;
	record->want_since_ns = 0; /* a siglongjmp() may have left one */
	record->want_object = 0;
	dlw_want_publish(record, number + 1, kind, mode, form, address, stack);
}

/** dlw_want_tell() - whoever looks leaves this wait out of its looks until it is over */
void dlw_want_tell(struct dlw_thread *record);

/** dlw_want_left() - the wait whose number has just changed is over */
static inline void dlw_want_left(struct dlw_thread *record)
{
	if (dlw_unlikely(atomic_load_explicit(&record->want_awaited, memory_order_relaxed)))
		dlw_want_tell(record);
}

/** dlw_want_end() - it has been had, or given up */
static inline void dlw_want_end(struct dlw_context *self)
{
	struct dlw_thread *record = self->record;

	/* even already where a handler has taken the want for a stale one */
	atomic_store_explicit(&record->wait, (dlw_wait_number(record) | 1) + 1,
			      memory_order_release);
	dlw_want_left(record);
	if (record->want_since_ns)
		record->want_since_ns = 0;
	if (dlw_unlikely(self->saved_count))
		dlw_want_back(self);
}

/* ------------------------------------------------------------ thread.c: lives of threads */

/** dlw_thread_attach() - a record and a context for the calling thread; NULL: none to be had */
struct dlw_context *dlw_thread_attach(uint32_t serial, uint32_t creator, uint32_t created_stack,
				      bool detached);

/**
 * dlw_thread_vanished() - a record for a thread of the parent that a fork left behind
 *
 * Return: with a context to fill it by, which the caller unmaps; NULL: no memory.
 */
struct dlw_context *dlw_thread_vanished(int32_t tid);

/** dlw_thread_log_ends() - nothing more of this thread can be logged: it records as if without a log */
void dlw_thread_log_ends(struct dlw_context *self);

/**
 * dlw_thread_confine() - from now on nothing of ours calls the kernel in the calling thread
 *
 * Its hooks pass through, and it is counted as lost.
 * Return: false: this is the child of a vfork, in its parent's memory; nothing was done.
 */
bool dlw_thread_confine(void);

/** dlw_thread_unconfine() - nothing came of it */
void dlw_thread_unconfine(void);

/** dlw_thread_is_confined() - the calling one */
bool dlw_thread_is_confined(void);

/** dlw_thread_exempt() - the calling thread is dlwatch's own: its hooks pass through */
void dlw_thread_exempt(void);

/** dlw_thread_exiting() - the start routine is over; what destructors do is still recorded */
void dlw_thread_exiting(struct dlw_context *self);

/** dlw_thread_name() - what the kernel calls the calling thread */
void dlw_thread_name(char name[16]);

/** dlw_thread_serial() - of the thread with this pthread_t, 0: unknown; for the log */
uint32_t dlw_thread_serial(struct dlw_context *self, uint64_t pthread);

/**
 * dlw_thread_name_serial() - this pthread_t belongs to thread @serial
 *
 * Said by the creator and by the thread itself, whichever comes first; a
 * pthread_t is used again, by a thread with a higher serial.
 */
void dlw_thread_name_serial(struct dlw_context *self, uint64_t pthread, uint32_t serial);

/** dlw_thread_next_serial() - a serial for a thread about to be created */
uint32_t dlw_thread_next_serial(void);

/**
 * dlw_thread_is_over() - no code of the program runs in thread @tid any more
 *
 * True from before a join of it returns; reaping has to wait until the kernel
 * has forgotten the thread, which may be a little later.
 */
bool dlw_thread_is_over(int32_t tid);

/** dlw_thread_reap() - free the records of threads that the kernel says are gone */
void dlw_thread_reap(void);

#endif
