/*
 * analyzer/log_findings.h - the deadlocks in a log
 *
 *	struct dlw_log_findings *findings = dlw_log_findings_new(replay, report);
 *
 *	while (dlw_replay_peek(replay)) {
 *		dlw_log_findings_before(findings);	// judges where a wait was ended
 *		dlw_replay_apply(replay);
 *	}
 *	dlw_log_findings_at_end(findings);
 *	dlw_log_findings_free(findings);
 *
 * A wait that ended well was no deadlock, so only two kinds of moments are
 * judged: the end of the log, and just before a wait was ended from outside
 * (EDEADLK, EOWNERDEAD, cancellation).
 */
#ifndef DLW_ANALYZER_LOG_FINDINGS_H
#define DLW_ANALYZER_LOG_FINDINGS_H

#include <stdbool.h>
#include <stddef.h>

#include "analyzer/log_replay.h"

struct dlw_log_findings;

/**
 * Where raw findings go, one line of JSON each, with those on Python interpreters
 * before it; see core/finding_json.h.
 */
typedef void dlw_finding_sink(void *context, const char *line, size_t length);

struct dlw_log_findings *dlw_log_findings_new(struct dlw_replay *replay, dlw_finding_sink *sink,
					      void *context);

void dlw_log_findings_before(struct dlw_log_findings *findings);
void dlw_log_findings_at_end(struct dlw_log_findings *findings);

/** dlw_log_findings_count() - different ones handed out so far */
uint32_t dlw_log_findings_count(const struct dlw_log_findings *findings);

void dlw_log_findings_free(struct dlw_log_findings *findings);

#endif
