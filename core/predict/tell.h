/*
 * core/predict/tell.h - what is told of a cycle: members, holds, counts, schedule
 */
#ifndef DLW_CORE_PREDICT_TELL_H
#define DLW_CORE_PREDICT_TELL_H

#include "core/predict/examine.h"

struct dlw_teller {
	const struct dlw_trace *trace;
	const struct dlw_kept *kept;
	const struct dlw_predict_options *options;
	struct dlw_arena *arena, *scratch;
	uint32_t *wanted_from; /* by object: a hold whose place is looked for, + 1 */
	struct dlw_column members; /* all that were told */
	uint64_t holds;        /* told so far */
	uint32_t shortened;    /* findings without the holds that they are not about */
};

/** dlw_teller_make() - false: memory ran out */
bool dlw_teller_make(struct dlw_teller *teller, const struct dlw_trace *trace,
		     const struct dlw_kept *kept, const struct dlw_predict_options *options,
		     struct dlw_arena *arena, struct dlw_arena *scratch);

/**
 * dlw_tell() - fill in @to, but for how often its orders were seen
 * @run: with which the schedule of @examined was made
 *
 * The pattern is the one that the search for cycles has just found.
 */
bool dlw_tell(struct dlw_teller *teller, const struct dlw_pattern *pattern,
	      const struct dlw_examined *examined, struct dlw_run *run, struct dlw_predicted *to);

/** dlw_tell_counts() - at the end: how often every order that was told of was seen */
bool dlw_tell_counts(struct dlw_teller *teller);

#endif
