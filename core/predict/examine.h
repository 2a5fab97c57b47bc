/*
 * core/predict/examine.h - can this pattern happen? Stages D to F for one cycle
 */
#ifndef DLW_CORE_PREDICT_EXAMINE_H
#define DLW_CORE_PREDICT_EXAMINE_H

#include "core/predict/closure.h"
#include "core/predict/cycles.h"
#include "core/predict/predict.h"
#include "core/predict/search.h"

struct dlw_examiner {
	const struct dlw_trace *trace;
	const struct dlw_kept *kept;
	const struct dlw_predict_options *options;
	struct dlw_closure closure;
	struct dlw_run run;
	struct dlw_search search;
	struct dlw_arena *scratch; /* reset with every pattern */
	uint64_t states_left;      /* for stage F, all patterns together */
};

struct dlw_examined {
	enum dlw_verdict verdict;
	enum dlw_because because;
	uint32_t object;
	/* where the members stand and, if FEASIBLE, how they get there; in scratch */
	struct dlw_target *targets;
	struct dlw_schedule schedule;
};

/** dlw_examiner_make() - false: memory ran out */
bool dlw_examiner_make(struct dlw_examiner *examiner, const struct dlw_trace *trace,
		       const struct dlw_kept *kept, const struct dlw_predict_options *options,
		       struct dlw_arena *arena, struct dlw_arena *scratch);

/** dlw_examine() - a pattern without flaws; false: memory ran out */
bool dlw_examine(struct dlw_examiner *examiner, const struct dlw_pattern *pattern,
		 struct dlw_examined *examined);

/**
 * dlw_outermost() - where @thread took the oldest of what it holds before step @position
 *
 * @position itself if it holds nothing.
 */
uint32_t dlw_outermost(const struct dlw_trace *trace, uint32_t thread, uint32_t position);

/* ---- witness.c ----------------------------------------------------------------------- */

/** dlw_schedule_of() - what is in @closure beyond @order, as in the trace; false: memory ran out */
bool dlw_schedule_of(const struct dlw_closure *closure, struct dlw_run *run, uint32_t order,
		     struct dlw_arena *arena, struct dlw_schedule *schedule);

/**
 * dlw_schedule_deadlocks() - replay it, and see for oneself
 * @helpers: the object that somebody else may still give to a member, if that is why not
 *
 * Every step must be possible when it comes; in the end every member stands
 * where it wants what the next one has, and nobody else can give it.
 */
bool dlw_schedule_deadlocks(struct dlw_run *run, const struct dlw_schedule *schedule,
			    const struct dlw_target *targets, uint32_t count, uint32_t *helpers);

#endif
