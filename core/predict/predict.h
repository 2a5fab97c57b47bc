/*
 * core/predict/predict.h - the deadlocks that another order of the same steps would have
 *
 *	struct dlw_predict_options options = DLW_PREDICT_DEFAULTS;
 *	struct dlw_prediction prediction;
 *
 *	if (dlw_predict(trace, &options, &arena, &scratch, &prediction))
 *		for (i = 0; i < prediction.count; i++)
 *			... prediction.all[i] ...
 *
 * What the verdicts mean, and how they are reached, is in docs/prediction.md.
 * Pure: no I/O, no globals, memory from the arenas only; one thread.
 */
#ifndef DLW_CORE_PREDICT_PREDICT_H
#define DLW_CORE_PREDICT_PREDICT_H

#include "core/judge.h"
#include "core/predict/trace.h"

struct dlw_predict_options {
	bool explain; /* also cycles that can be no deadlock, with the reason */
	/*
	 * The trace is made of lock orders, each shown once, with creations and
	 * joins: what else keeps members apart is not in it. No schedule is looked
	 * for; what is neither flawed nor ordered is unresolved.
	 */
	bool orders_alone;
	/* steps of the search for cycles of two, of three, of more; as many to explain */
	uint64_t cycle_budget;
	/* steps of the trace walked for all cycles together, at most: for a short one fewer */
	uint64_t work_budget;
	uint64_t state_budget;  /* states looked at for one cycle */
	uint32_t witness_steps; /* longer schedules are shortened to what decides */
	uint32_t explained_most; /* of the cycles that can be no deadlock so many are told */
	uint32_t holds_told;    /* after so many only those that a cycle is about */
	/* called with every cycle met, if not NULL, with how many there were so far */
	void (*working)(void *context, uint64_t cycles);
	void *context;
};

#define DLW_PREDICT_DEFAULTS                                                               \
	{                                                                                  \
		.cycle_budget = 20000000, .work_budget = 400000000,                        \
		.state_budget = 200000, .witness_steps = 60, .explained_most = 1000,       \
		.holds_told = 50000                                                        \
	}

/** What stands in the way of a deadlock, or of being sure of one. */
enum dlw_because {
	DLW_BECAUSE_NOTHING = 0, /* feasible */
	DLW_BECAUSE_SAME_THREAD,
	DLW_BECAUSE_SHARED,
	DLW_BECAUSE_GATE, /* .object: the lock */
	DLW_BECAUSE_TIMED,
	DLW_BECAUSE_ORDER,       /* create, join, signal, post, barrier, memory */
	DLW_BECAUSE_NO_SCHEDULE, /* every schedule was tried */
	DLW_BECAUSE_BUDGET,  /* not every schedule was tried, or the trace has memory accesses */
	DLW_BECAUSE_MEMORY,  /* .object: nobody saw its life begin or end */
	DLW_BECAUSE_GAP,     /* events of a thread are missing */
	DLW_BECAUSE_HELPERS, /* .object: somebody else could signal, post or release it */
	DLW_BECAUSE_ORDERS_ALONE, /* only lock orders are known, see .orders_alone */
};

struct dlw_predicted_hold {
	uint32_t object;
	enum dlw_mode mode;
	uint32_t place; /* of its acquisition */
	uint64_t seen;  /* how often any thread wanted what the member wants while holding this */
};

struct dlw_predicted_member {
	uint32_t thread;
	uint32_t object; /* wanted */
	enum dlw_mode mode;
	enum dlw_form form;
	uint32_t place;
	const struct dlw_predicted_hold *holds; /* oldest first; without tokens */
	uint32_t hold_count;
	uint32_t given; /* what it holds that the one before it wants: an object */
	uint64_t seen;  /* how often any thread wanted .object while having .given */
};

struct dlw_witness_step {
	uint32_t thread;
	enum dlw_trace_op op;
	uint32_t object; /* DLW_NONE: none; a thread's number for CREATE, FORK and JOIN */
	enum dlw_mode mode;
	uint32_t place; /* of a release: 0 */
};

struct dlw_predicted {
	enum dlw_verdict verdict;
	enum dlw_because because;
	uint32_t object; /* see because; DLW_NONE: none */
	/* each wants what the next one holds, the last what the first holds */
	const struct dlw_predicted_member *members;
	uint32_t count;
	uint32_t patterns; /* sets of threads that form this cycle alike */
	/*
	 * A schedule that deadlocks, replayed and found possible: first
	 * everything before .witness_order as in the trace, then these steps,
	 * then every member wants. Shortened to acquisitions that the members
	 * keep when it is longer than asked for; .witness_omitted says by how
	 * many steps.
	 */
	uint32_t witness_order;
	const struct dlw_witness_step *witness;
	uint32_t witness_count, witness_omitted;
};

struct dlw_prediction {
	const struct dlw_predicted *all; /* feasible first */
	uint32_t count, feasible;
	uint64_t cycles; /* patterns looked at */
	bool cut;        /* not all cycles were: the budget ended */
	bool longer;        /* of those that can be no deadlock the longest were not looked for */
	bool unexplained;   /* more than .explained_most can be no deadlock */
	uint32_t shortened; /* of .all, without the holds that they are not about */
};

/**
 * dlw_predict() - the trace is complete: what could have happened
 * @arena: the result lives there
 * @scratch: another one, reset as often as it pleases
 *
 * Return: false if memory ran out.
 */
bool dlw_predict(struct dlw_trace *trace, const struct dlw_predict_options *options,
		 struct dlw_arena *arena, struct dlw_arena *scratch,
		 struct dlw_prediction *prediction);

#endif
