/*
 * analyzer/log_trace.h - a replay, told to the prediction event by event
 */
#ifndef DLW_ANALYZER_LOG_TRACE_H
#define DLW_ANALYZER_LOG_TRACE_H

#include "analyzer/log_replay.h"
#include "core/predict/trace.h"

/** Where an object of the trace is defined; for a thread's end: that thread. */
struct dlw_traced_object {
	const struct dlw_source *source;
	const struct dlw_cursor *thread; /* NULL: it is no thread's end */
	uint32_t position;               /* DLW_NO_POSITION: only guessed from its events */
	enum dlw_kind kind;
};

struct dlw_log_trace {
	struct dlw_replay *replay;
	struct dlw_arena *arena;
	struct dlw_trace *trace;
	struct dlw_traced_object *objects; /* by number in the trace */
	uint32_t object_count, object_room;
	struct traced_thread {
		uint32_t number;     /* in the trace, + 1; 0: not in it yet */
		uint32_t gaps;       /* of its cursor that were told */
		/* log_mode=order: the lock order that is being read, and how often it was seen */
		struct dlw_trace_event *order;
		uint32_t order_count, order_room;
		uint64_t times;
	} * threads;                 /* by number of the cursor */
	struct dlw_cursor **cursors; /* by number in the trace */
	uint32_t cursor_count, cursor_room;
};

/** dlw_log_trace_new() - after all logs were added; @arena is where the trace grows */
struct dlw_log_trace *dlw_log_trace_new(struct dlw_replay *replay, struct dlw_arena *arena);

/** dlw_log_trace_before() - what is about to happen */
void dlw_log_trace_before(struct dlw_log_trace *traced);

/** dlw_log_trace_after() - something has happened to @thread: what comes next of it may be known */
void dlw_log_trace_after(struct dlw_log_trace *traced, const struct dlw_cursor *thread);

/** dlw_log_trace_end() - the replay has ended: who waits now waits for ever */
void dlw_log_trace_end(struct dlw_log_trace *traced);

void dlw_log_trace_free(struct dlw_log_trace *traced);

#endif
