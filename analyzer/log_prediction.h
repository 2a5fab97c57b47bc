/*
 * analyzer/log_prediction.h - the deadlocks that a log's run did not have
 *
 *	struct dlw_log_prediction *prediction = dlw_log_prediction_new(replay, all);
 *
 *	while (dlw_replay_peek(replay)) {
 *		dlw_log_prediction_before(prediction);
 *		dlw_replay_apply(replay);
 *	}
 *	dlw_log_prediction_found(prediction, line, length);	// what really happened
 *	dlw_log_prediction_finish(prediction, sink, context);
 *	dlw_log_prediction_free(prediction);
 *
 * Tells the engine (core/predict/) what is replayed, and makes findings of kind
 * inversion of what it predicts. A cycle over the same locks as a deadlock that
 * was found in the log is not reported again.
 *
 * Memory: twelve bytes an event and what the engine needs besides.
 */
#ifndef DLW_ANALYZER_LOG_PREDICTION_H
#define DLW_ANALYZER_LOG_PREDICTION_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "analyzer/log_findings.h"
#include "analyzer/log_replay.h"

struct dlw_log_prediction;

/** dlw_log_prediction_new() - @explain: also cycles that can be no deadlock */
struct dlw_log_prediction *dlw_log_prediction_new(struct dlw_replay *replay, bool explain);

void dlw_log_prediction_before(struct dlw_log_prediction *prediction);

/** dlw_log_prediction_after() - something has happened to @thread, and its next head is known */
void dlw_log_prediction_after(struct dlw_log_prediction *prediction,
			      const struct dlw_cursor *thread);

/** dlw_log_prediction_found() - a raw finding from the same replay */
void dlw_log_prediction_found(struct dlw_log_prediction *prediction, const char *line,
			      size_t length);

/** dlw_log_prediction_finish() - the replay has ended: predict, and hand out what was found */
void dlw_log_prediction_finish(struct dlw_log_prediction *prediction, dlw_finding_sink *sink,
			       void *context);

/** dlw_log_prediction_count() - feasible ones handed out */
uint32_t dlw_log_prediction_count(const struct dlw_log_prediction *prediction);

/** dlw_log_prediction_notes() - append to the coverage's @notes what was not looked at or told */
void dlw_log_prediction_notes(const struct dlw_log_prediction *prediction, json_t *notes);

void dlw_log_prediction_free(struct dlw_log_prediction *prediction);

#endif
