/*
 * core/predict/closure.h - everything that has to happen for something to happen
 *
 *	dlw_closure_begin(&closure, 0, true);
 *	dlw_closure_require(&closure, thread, prefix);
 *	if (dlw_closure_close(&closure))
 *		... closure.prefix[t] steps of every thread t, in the order of the
 *		... trace, are a possible run that contains what was required
 *
 * It only grows: more can be required after it was closed, and all of it
 * together costs one walk over the steps that get in.
 */
#ifndef DLW_CORE_PREDICT_CLOSURE_H
#define DLW_CORE_PREDICT_CLOSURE_H

#include "core/predict/store.h"

struct dlw_closure {
	const struct dlw_trace *trace;
	struct dlw_arena *arena;
	uint32_t *prefix; /* by thread: what is in */
	uint32_t *done;   /* by thread: of that, what was looked at */
	uint32_t *edge;   /* by thread: edges looked at */
	uint32_t *queue, queue_count;
	bool *queued;
	/* by object, all 0 when untouched */
	uint32_t *open;             /* first acquisition without its release, + 1 */
	uint32_t *newest;           /* order + 1 of the latest acquisition that is in */
	uint32_t *newest_exclusive; /* likewise, of those that are not shared */
	uint32_t *touched, touched_count, touched_room;
	struct dlw_column opens;
	uint32_t free_open; /* + 1 */
	bool locks;         /* locks count, too, not only order */
	bool impossible;
	uint64_t work; /* steps looked at, ever */
};

/** dlw_closure_make() - for one trace, which must be finished; false: memory ran out */
bool dlw_closure_make(struct dlw_closure *closure, const struct dlw_trace *trace,
		      struct dlw_arena *arena);

/**
 * dlw_closure_begin() - anew, with all steps before @order of the trace
 * @locks: false: close under the order between threads alone
 */
bool dlw_closure_begin(struct dlw_closure *closure, uint32_t order, bool locks);

/** dlw_closure_require() - the first @prefix steps of @thread must be in */
void dlw_closure_require(struct dlw_closure *closure, uint32_t thread, uint32_t prefix);

/** dlw_closure_close() - false: it cannot be, or memory ran out (.impossible tells which) */
bool dlw_closure_close(struct dlw_closure *closure);

#endif
