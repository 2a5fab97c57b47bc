/*
 * core/predict/store.h - a trace as the stages of the prediction see it
 *
 * Inside core/predict/ only. Every thread has its steps in program order; a
 * *position* counts them from 0, a *prefix* is how many of the first steps are
 * meant. A step that wants something refers to its *dependency*: who wants what
 * while holding which set, interned, so that a loop of a million turns makes
 * one. What a thread holds is a chain (struct dlw_held), interned as well: one
 * number says it all. Order between threads is kept as *edges* at the few steps
 * that have one, not as a clock for every step.
 */
#ifndef DLW_CORE_PREDICT_STORE_H
#define DLW_CORE_PREDICT_STORE_H

#include "core/predict/trace.h"

/* ---- columns: arrays that grow without moving ----------------------------------- */

struct dlw_column {
	void **pages;
	uint32_t count, page_room;
	uint32_t size;  /* of an element */
	uint32_t shift; /* a page has 1 << shift of them */
};

#define DLW_COLUMN(type, page_shift)                        \
	{                                                   \
		.size = sizeof(type), .shift = (page_shift) \
	}

/* Of the columns that are read all the time the compiler should know what a page has. */
enum { DLW_THREAD_PAGE = 5, DLW_OBJECT_PAGE = 8, DLW_STEP_PAGE = 7, DLW_DEPENDENCY_PAGE = 10, DLW_SET_PAGE = 10 };

static inline void *dlw_column_in(const struct dlw_column *column, uint32_t index, size_t size,
				  uint32_t shift)
{
	return (char *)column->pages[index >> shift] + (index & ((1u << shift) - 1)) * size;
}

static inline void *dlw_column_at(const struct dlw_column *column, uint32_t index)
{
	return dlw_column_in(column, index, column->size, column->shift);
}

/** dlw_column_grow() - the page of the next element; false: memory ran out */
bool dlw_column_grow(struct dlw_column *column, struct dlw_arena *arena);

static inline void *dlw_column_add_in(struct dlw_column *column, struct dlw_arena *arena,
				      size_t size, uint32_t shift)
{
	uint32_t page = column->count >> shift;

	if ((page >= column->page_room || !column->pages[page]) && !dlw_column_grow(column, arena))
		return NULL;
	return dlw_column_in(column, column->count++, size, shift);
}

/** dlw_column_add() - an element at the end, zeroed if it is new, or NULL: memory ran out */
static inline void *dlw_column_add(struct dlw_column *column, struct dlw_arena *arena)
{
	return dlw_column_add_in(column, arena, column->size, column->shift);
}

/* ---- steps ------------------------------------------------------------------------ */

#define DLW_STEP_INDEX_BITS 27
#define DLW_STEP_INDEX_MAX ((1u << DLW_STEP_INDEX_BITS) - 1)

/*
 * .index is a dependency for what wants something (ACQUIRE, WANT, FAILED, JOIN,
 * WANT_JOIN, WOKEN, LEAVE), else an object, or the other thread's token.
 */
struct dlw_step {
	uint32_t order; /* among all steps of all threads */
	uint32_t what;  /* op << DLW_STEP_INDEX_BITS | index */
	uint32_t extra; /* RELEASE: the set held from then on; else the place */
};

static inline enum dlw_trace_op dlw_step_op(const struct dlw_step *step)
{
	return (enum dlw_trace_op)(step->what >> DLW_STEP_INDEX_BITS);
}

static inline uint32_t dlw_step_index(const struct dlw_step *step)
{
	return step->what & DLW_STEP_INDEX_MAX;
}

/** The step at .at happens only after the first .prefix steps of .thread. */
struct dlw_edge {
	uint32_t at;
	uint32_t thread, prefix;
	bool replaceable; /* a try failed: another holder would have done as well */
};

/* ---- what is held, who wants ------------------------------------------------------- */

/**
 * A set of holds: the newest, and the rest. Number 0 is the empty one.
 *
 * What is held after an acquisition gets a number only when something is taken
 * under it: most locks are given back before. Until then it can be spoken of as
 * DLW_HELD_AFTER with the number of the acquisition's dependency.
 */
struct dlw_held {
	uint32_t below;
	uint32_t object;
	uint8_t mode; /* enum dlw_mode */
};

#define DLW_HELD_AFTER 0x80000000u

struct dlw_dependency {
	uint32_t thread;
	uint32_t held;
	uint32_t object; /* wanted: a lock, or the token of a thread, condition, barrier */
	uint8_t mode;    /* enum dlw_mode */
	uint8_t form;    /* enum dlw_form */
	bool kept;       /* lies on a cycle of the lock graph */
	bool held_after; /* it was acquired as a lock */
	uint32_t after;  /* the set held afterwards, 0: it has no number yet */
	uint32_t count;  /* instances */
	uint64_t seen;   /* how often, which an instance may stand for */
};

/** An open-addressed table of numbers, with some bits of their hash above them; 0: free. */
struct dlw_table {
	uint32_t *slots, mask;
};

/* ---- objects ------------------------------------------------------------------------ */

struct dlw_awaited; /* signals and arrivals on their way, see order.c */

struct dlw_object {
	uint8_t kind; /* enum dlw_kind; DLW_NO_KIND: a variable */
	bool recursive;
	bool life_known;
	bool initial_known;
	/* posts or unlocks by others: what it means to hold it is not known */
	bool loose;
	uint32_t initial;      /* semaphore, barrier */
	uint32_t holders;      /* holds of it now */
	uint32_t owner;        /* thread whose acquisition was the last, DLW_NONE: none yet … */
	uint32_t owner_prefix; /* … and its prefix with that */
	struct dlw_awaited *awaited;
};

/** Implicitly, a thread holds a token with every dependency that begins before .until. */
struct dlw_implicit {
	uint32_t object;
	uint32_t until;
};

struct dlw_holding {
	uint32_t object, count;
	uint32_t below;  /* the set below it */
	uint32_t prefix; /* of the thread, with its acquisition */
	uint8_t mode;
};

struct dlw_thread {
	struct dlw_column steps;
	uint32_t end;   /* steps that happened; one more is wanted if steps.count says so */
	uint32_t token; /* object that stands for its end */
	uint32_t program; /* whose places its steps have */
	uint32_t held;  /* the set, now, but for … */
	uint32_t taken; /* … the dependency whose lock is held on top of it; 0: none */
	uint32_t gap;   /* position of the first gap, DLW_NONE: none */
	uint32_t epoch; /* of dlw_trace.epoch when .holds was last looked through */
	bool joined;
	struct dlw_holding *holds;
	uint32_t hold_count, hold_room;
	struct dlw_column edges;     /* struct dlw_edge, by .at */
	struct dlw_column implicits; /* struct dlw_implicit */
};

enum { DLW_EXPECTED = 4, DLW_EXPECT_FROM = 8192 };

struct dlw_trace {
	struct dlw_arena *arena;
	struct dlw_column threads, objects, sets, dependencies;
	struct dlw_table set_table, dependency_table;
	uint32_t expected[DLW_EXPECTED]; /* hashes of dependencies that will be asked for soon */
	uint32_t expected_next;
	uint32_t order;  /* of the next step */
	uint32_t epoch;  /* how often an object became loose */
	bool has_memory; /* reads or writes: other orders of them are not tried */
	bool has_loose;  /* objects, at any time */
	bool has_gifts;  /* signals or arrivals: what somebody implicitly holds until it gives it */
	bool finished;
	bool exhausted; /* the arena ran out while an event was taken in */
	struct dlw_trace_losses losses;
};

static inline struct dlw_thread *dlw_thread_at(const struct dlw_trace *trace, uint32_t thread)
{
	return dlw_column_in(&trace->threads, thread, sizeof(struct dlw_thread), DLW_THREAD_PAGE);
}

static inline struct dlw_object *dlw_object_at(const struct dlw_trace *trace, uint32_t object)
{
	return dlw_column_in(&trace->objects, object, sizeof(struct dlw_object), DLW_OBJECT_PAGE);
}

static inline struct dlw_dependency *dlw_dependency_at(const struct dlw_trace *trace,
						       uint32_t dependency)
{
	return dlw_column_in(&trace->dependencies, dependency, sizeof(struct dlw_dependency),
			     DLW_DEPENDENCY_PAGE);
}

/** dlw_held_at() - @set: a number, or DLW_HELD_AFTER with that of a dependency */
static inline struct dlw_held dlw_held_at(const struct dlw_trace *trace, uint32_t set)
{
	const struct dlw_dependency *taken;

	if (!(set & DLW_HELD_AFTER))
		return *(const struct dlw_held *)dlw_column_in(
			&trace->sets, set, sizeof(struct dlw_held), DLW_SET_PAGE);
	taken = dlw_dependency_at(trace, set & ~DLW_HELD_AFTER);
	return (struct dlw_held){ taken->held, taken->object, taken->mode };
}

static inline const struct dlw_step *dlw_step_at(const struct dlw_thread *thread, uint32_t position)
{
	return dlw_column_in(&thread->steps, position, sizeof(struct dlw_step), DLW_STEP_PAGE);
}

/** dlw_is_lock() - taken and given back by the same thread, as far as was seen */
static inline bool dlw_is_lock(const struct dlw_object *object)
{
	return !object->loose && (object->kind == DLW_MUTEX || object->kind == DLW_RWLOCK ||
				  object->kind == DLW_SPINLOCK || object->kind == DLW_CUSTOM ||
				  object->kind == DLW_SEMAPHORE);
}

/** dlw_capacity() - how many may hold it exclusively at once */
static inline uint32_t dlw_capacity(const struct dlw_object *object)
{
	return object->kind == DLW_SEMAPHORE ? object->initial : 1;
}

static inline bool dlw_modes_conflict(uint8_t left, uint8_t right)
{
	return left != DLW_SHARED || right != DLW_SHARED;
}

/* ---- interning (intern.c) ------------------------------------------------------------- */

/** dlw_intern_held() - the number of @below with one hold more; DLW_NONE: memory ran out */
uint32_t dlw_intern_held(struct dlw_trace *trace, uint32_t below, uint32_t object, uint8_t mode);

/** dlw_intern_dependency() - likewise, for a dependency with these five in it */
uint32_t dlw_intern_dependency(struct dlw_trace *trace, const struct dlw_dependency *dependency);

/** dlw_intern_expect() - will be called soon with such a @dependency */
void dlw_intern_expect(struct dlw_trace *trace, const struct dlw_dependency *dependency);

/* ---- order (order.c) -------------------------------------------------------------------- */

/** dlw_order_edge() - add @edge to those of @thread; .at is not smaller than that of the last */
bool dlw_order_edge(struct dlw_trace *trace, uint32_t thread, struct dlw_edge edge);

/* Called before the step is appended to the steps of event->thread. */
bool dlw_order_wait(struct dlw_trace *trace, const struct dlw_trace_event *event);
bool dlw_order_woken(struct dlw_trace *trace, const struct dlw_trace_event *event);
bool dlw_order_give_up(struct dlw_trace *trace, const struct dlw_trace_event *event);
bool dlw_order_signal(struct dlw_trace *trace, const struct dlw_trace_event *event);
bool dlw_order_arrive(struct dlw_trace *trace, const struct dlw_trace_event *event);
bool dlw_order_leave(struct dlw_trace *trace, const struct dlw_trace_event *event);
bool dlw_order_failed(struct dlw_trace *trace, const struct dlw_trace_event *event);
bool dlw_order_access(struct dlw_trace *trace, const struct dlw_trace_event *event);

/* ---- order, once all is told (order_late.c) ----------------------------------------------- */

/**
 * dlw_order_finish() - the trace is complete: who handed what to whom
 *
 * Posts get matched with waits, operations on loose locks are put in the order
 * in which they were seen, and every thread gets its implicit holds.
 */
bool dlw_order_finish(struct dlw_trace *trace);

/* ---- places in the trace (places.c) ------------------------------------------------------- */

/** dlw_edges_before() - how many edges of @thread are at steps of its first @prefix */
uint32_t dlw_edges_before(const struct dlw_thread *thread, uint32_t prefix);

/** dlw_held_set() - the set a thread holds after its first @prefix steps, for dlw_held_at() */
uint32_t dlw_held_set(const struct dlw_trace *trace, uint32_t thread, uint32_t prefix);

/** dlw_prefix_at() - how many steps of @thread come before @order */
uint32_t dlw_prefix_at(const struct dlw_thread *thread, uint32_t order);

#endif
