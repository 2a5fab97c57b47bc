/*
 * core/predict/run.h - a run of the same steps in another order
 *
 * Steps of every thread in program order, each only when it can happen: a lock
 * is taken when it is to be had, a wake-up comes after its signal, a try fails
 * only while somebody has what it tried. Knows nothing of closures and cycles,
 * so it can check what they say.
 */
#ifndef DLW_CORE_PREDICT_RUN_H
#define DLW_CORE_PREDICT_RUN_H

#include "core/predict/store.h"

struct dlw_run {
	const struct dlw_trace *trace;
	uint32_t *prefix; /* by thread: steps done */
	/* by object: holds, or permits taken */
	uint32_t *exclusive, *shared;
};

/** dlw_run_make() - for one trace, which must be finished; false: memory ran out */
bool dlw_run_make(struct dlw_run *run, const struct dlw_trace *trace, struct dlw_arena *arena);

/** dlw_run_begin() - all steps before @order of the trace have happened */
void dlw_run_begin(struct dlw_run *run, uint32_t order);

/** dlw_run_can() - the next step of @thread can happen; false: also if there is none */
bool dlw_run_can(const struct dlw_run *run, uint32_t thread);

/** dlw_run_step(), dlw_run_back() - let it happen; undo the last one of @thread */
void dlw_run_step(struct dlw_run *run, uint32_t thread);
void dlw_run_back(struct dlw_run *run, uint32_t thread);

/** dlw_run_waits() - the next step of @thread waits for an event that has not happened */
bool dlw_run_waits(const struct dlw_run *run, uint32_t thread);

#endif
