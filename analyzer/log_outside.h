/*
 * analyzer/log_outside.h - what the supervisor adds to the log of a process
 *
 * Each record is appended as a block of its own, beside those that the process
 * itself writes, so that a replay comes to the same report.
 */
#ifndef DLW_ANALYZER_LOG_OUTSIDE_H
#define DLW_ANALYZER_LOG_OUTSIDE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <dlwatch/session.h>

#include "core/state.h"

/*
 * They do nothing where the process keeps no log, and say in one line on
 * standard error if it cannot be written. @sequence: a new number for each
 * record of a log.
 */

/**
 * dlw_log_outside_look() - what the log itself cannot know: that nothing moves,
 * and (@closed_world) that nobody else could help
 */
void dlw_log_outside_look(const struct dlw_segment *segment, uint32_t sequence, bool closed_world);

/** dlw_log_outside_finding() - one that no replay can come to; Return: the process keeps a log */
bool dlw_log_outside_finding(const struct dlw_segment *segment, uint32_t sequence,
			     const char *lines, size_t length);

/**
 * dlw_log_outside_alone() - the same where no process of the core keeps a log: into one of its own
 * @directory: made if it is not there
 * @process: named as the program
 */
void dlw_log_outside_alone(const char *directory, const struct dlw_process_state *process,
			   uint32_t sequence, const char *lines, size_t length);

/** dlw_log_outside_nothing() - if no process kept a log in @directory: one that says so */
void dlw_log_outside_nothing(const char *directory, const struct dlw_process_state *process);

/** dlw_log_outside_python() - what its interpreter was doing; @text ends with a NUL */
void dlw_log_outside_python(const struct dlw_segment *segment, uint32_t sequence, const char *text,
			    size_t length);

#endif
