/*
 * analyzer/supervisor.h - looking at a session from outside
 */
#ifndef DLW_ANALYZER_SUPERVISOR_H
#define DLW_ANALYZER_SUPERVISOR_H

#include <stdbool.h>

#include "core/watch/look.h"

struct dlw_supervisor;

/**
 * Called for each finding, with lines of raw JSON: what Python interpreters were
 * doing (core/finding_json.h), and last the finding; see dlw_supervisor_look().
 */
typedef void (*dlw_supervisor_found)(void *context, const char *json, size_t length,
				     const struct dlw_state *state,
				     const struct dlw_finding *finding);

/** dlw_supervisor_new() - make a session; NULL after one line on stderr */
struct dlw_supervisor *dlw_supervisor_new(unsigned stall_ms, dlw_supervisor_found found,
					  void *context);

/**
 * dlw_supervisor_log_to() - where logs are kept
 *
 * For findings over processes none of which has written a log, because none of
 * them ever locked: they get one of their own. @directory lives on.
 */
void dlw_supervisor_log_to(struct dlw_supervisor *supervisor, const char *directory);

/** dlw_supervisor_follow() - @pid was started watched: it and what descends from it is looked at */
void dlw_supervisor_follow(struct dlw_supervisor *supervisor, int32_t pid);

/** dlw_supervisor_path() - the session's directory, for DLWATCH_SESSION */
const char *dlw_supervisor_path(const struct dlw_supervisor *supervisor);

/** dlw_supervisor_last_look() - the program has ended: what was left for us to read, but no verdicts */
void dlw_supervisor_last_look(struct dlw_supervisor *supervisor);

/** dlw_supervisor_look() - take new processes into view and look at all of them once */
void dlw_supervisor_look(struct dlw_supervisor *supervisor);

/** dlw_supervisor_break() - from within found(): make one call of the core fail with EDEADLK */
void dlw_supervisor_break(struct dlw_supervisor *supervisor, const struct dlw_state *state,
			  const struct dlw_finding *finding);

/** What was seen and what was not, over all processes. */
struct dlw_coverage {
	unsigned processes;
	uint64_t threads, stacks;
	uint64_t counts[DLW_COVERAGE_COUNTS];
};

/** dlw_supervisor_coverage() - at the end: nothing is in view afterwards */
struct dlw_coverage dlw_supervisor_coverage(struct dlw_supervisor *supervisor);

/** dlw_supervisor_free() - remove the session, unless some of its processes live on */
void dlw_supervisor_free(struct dlw_supervisor *supervisor);

#endif
