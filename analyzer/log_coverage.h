/*
 * analyzer/log_coverage.h - what a log could not say
 *
 * One sentence each, for people; the same sentences and the numbers behind
 * them as JSON. Call after the replay: some losses show only there.
 */
#ifndef DLW_ANALYZER_LOG_COVERAGE_H
#define DLW_ANALYZER_LOG_COVERAGE_H

#include <jansson.h>

#include "analyzer/log_replay.h"

/** dlw_log_coverage() - the "coverage" object of a report; "notes" has the sentences */
json_t *dlw_log_coverage(const struct dlw_replay *replay);

/** dlw_coverage_key() - a count's name in JSON, of what was watched and of what was logged */
const char *dlw_coverage_key(enum dlw_coverage_count count);

/** dlw_log_end_word() - "exit", "fast-exit", "exec", "finding", "log-max" or "none" */
const char *dlw_log_end_word(const struct dlw_log_definitions *defined);

/** dlw_log_coverage_say() - its notes, on standard error: for commands whose output is something else */
void dlw_log_coverage_say(const struct dlw_replay *replay);

#endif
