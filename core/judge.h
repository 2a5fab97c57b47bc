/*
 * core/judge.h - from a moment to its deadlocks
 *
 *	struct dlw_findings found;
 *
 *	if (dlw_judge(&state, &arena, &found) < 0)
 *		...;			// out of memory, nothing found yet
 *	for (i = 0; i < found.count; i++)
 *		dlw_finding_write_json(&state, &found.all[i], &writer);
 *
 * The meaning of every verdict is in docs/semantics.md. Pure functions: no
 * I/O, no globals, memory only from the arena; the result lives as long as
 * the arena is not reset. May run in any thread, not in a signal handler.
 */
#ifndef DLW_CORE_JUDGE_H
#define DLW_CORE_JUDGE_H

#include "core/arena.h"
#include "core/state.h"

enum dlw_finding_kind { DLW_DEADLOCK, DLW_ORPHAN, DLW_INVERSION, DLW_MISUSE };

enum dlw_verdict {
	/* of an observed deadlock or orphan, strongest first */
	DLW_PROVEN,
	DLW_LIKELY,
	DLW_STALLED,
	/* of a lock-order cycle */
	DLW_FEASIBLE,
	DLW_UNRESOLVED,
	DLW_GUARDED,
	DLW_ORDERED,
	DLW_SAME_THREAD,
	DLW_SHARED_READ,
	DLW_YIELDING,
	/* of a misuse */
	DLW_CERTAIN,
};

/** The four Coffman conditions, in the order they are printed. */
enum dlw_coffman {
	DLW_MUTUAL_EXCLUSION,
	DLW_HOLD_AND_WAIT,
	DLW_NO_PREEMPTION,
	DLW_CIRCULAR_WAIT,
	DLW_COFFMAN_COUNT
};

struct dlw_condition {
	bool holds;
	const char *evidence;
};

/**
 * One wait-for step of a core: thread waits for resource, which .next can
 * release. DLW_NONE: a holder that is gone (orphan), anybody at all (stalled),
 * or one of more threads of the core than are worth listing one by one.
 */
struct dlw_core_edge {
	uint32_t thread;
	uint32_t resource;
	uint32_t next;
};

struct dlw_shown_holds;

struct dlw_finding {
	enum dlw_finding_kind kind;
	enum dlw_verdict verdict;
	/*
	 * Threads of the core. A simple cycle is listed in its order: each one
	 * waits for the next, the last for the first; it starts with the thread
	 * of the smallest (pid, tid). For an orphan: whoever waits for it.
	 */
	const uint32_t *core;
	uint32_t core_count;
	const uint32_t *stuck; /* can never run again because of the core */
	uint32_t stuck_count;
	const struct dlw_core_edge *edges;
	uint32_t edge_count;
	/*
	 * All resources that the finding shows: those of the core first, in core
	 * order, then what else core and stuck threads hold or want. Their short
	 * ids: position in this list gives the number, the kind the letter:
	 * M mutex, R rwlock, P spinlock, S semaphore, C condition, B barrier,
	 * O once, T thread, X process, F file lock, I pipe, U custom; numbered
	 * M1, S2, R3 in one sequence.
	 */
	const uint32_t *resources;
	uint32_t resource_count;
	struct dlw_condition coffman[DLW_COFFMAN_COUNT];
	const char *advice;
	/*
	 * 16 hex digits over kind, verdict and, rotation-free, the kind, mode
	 * and sites (module base name + offset, build id ignored) of what each
	 * core thread wants and holds of the core's resources. No address, pid,
	 * tid, name or time enters it.
	 */
	char fingerprint[17];
	bool cycle; /* the core is one simple cycle */
	uint32_t core_resource_count; /* of .resources: those the core waits for, listed first */
	/* positions in .resources, sorted by what stands there; NULL: not sorted */
	const uint32_t *by_resource;
	const struct dlw_shown_holds *holds; /* of its threads, sorted; NULL: they are not */
	/*
	 * A misuse (misuse.h): its sort; how often it happened at this place so
	 * far; what the C library answered, 0: success. The thread that did it
	 * is the first of the core, and did it to the first resource at its
	 * want's stack, though it wants nothing. A second one holds that
	 * resource, or waits for it.
	 */
	enum dlw_misuse_sort misuse;
	uint32_t misuse_count;
	int misuse_error;
	const struct dlw_inversion *inversion; /* what it was made of; NULL: it is none */
};

struct dlw_inversion; /* inversion.h */

struct dlw_findings {
	const struct dlw_finding *all;
	uint32_t count;
};

/**
 * dlw_judge() - find every deadlock and orphan in @state
 *
 * One finding per core; verdicts strongest first, then by smallest (pid, tid).
 * Return: 0, or -1 if the arena ran out or @state is not valid (@found is then
 *         empty).
 */
int dlw_judge(const struct dlw_state *state, struct dlw_arena *arena,
	      struct dlw_findings *found);

/** dlw_resource_id() - the short id ("M1") of resource number @position of @finding */
void dlw_resource_id(const struct dlw_state *state, const struct dlw_finding *finding,
		     uint32_t position, char id[16]);

/** dlw_resource_position() - where @resource stands in @finding's list, or DLW_NONE */
uint32_t dlw_resource_position(const struct dlw_finding *finding, uint32_t resource);

/**
 * dlw_finding_is_of_kernel() - its core waits for a child, a pipe or a file lock
 *
 * No record and no log tells of these: it can be found only while it lasts.
 */
bool dlw_finding_is_of_kernel(const struct dlw_state *state, const struct dlw_finding *finding);

/** dlw_finding_is_of_now() - it tells of threads that wait at this moment */
static inline bool dlw_finding_is_of_now(const struct dlw_finding *finding)
{
	return finding->kind == DLW_DEADLOCK || finding->kind == DLW_ORPHAN;
}

/** dlw_finding_concerns() - a thread of the core or stuck behind it is of this process */
bool dlw_finding_concerns(const struct dlw_state *state, const struct dlw_finding *finding,
			  uint32_t process);

/**
 * dlw_fingerprint() - fill in .fingerprint from kind, verdict, core and its resources
 *
 * For findings that are made elsewhere; dlw_judge() has done it for its own.
 * Every core thread must have a want. Return: false if memory ran out.
 */
bool dlw_fingerprint(const struct dlw_state *state, struct dlw_finding *finding,
		     struct dlw_arena *arena);

const char *dlw_finding_kind_word(enum dlw_finding_kind kind);
const char *dlw_verdict_word(enum dlw_verdict verdict);
const char *dlw_misuse_word(enum dlw_misuse_sort sort);
const char *dlw_kind_word(enum dlw_kind kind);
const char *dlw_mode_word(enum dlw_mode mode);
const char *dlw_type_word(enum dlw_type type);

#endif
