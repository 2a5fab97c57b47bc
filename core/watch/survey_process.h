/*
 * core/watch/survey_process.h - one process of a survey, task by task
 *
 * For survey.c alone.
 */
#ifndef DLW_CORE_WATCH_SURVEY_PROCESS_H
#define DLW_CORE_WATCH_SURVEY_PROCESS_H

#include "core/watch/survey.h"

/**
 * dlw_process_survey() - fill in what @process is found doing, or at rest
 * @process: .pid and .watched are set, the rest is 0
 * @before: the same process at the last survey; NULL: it is new
 * @arena: for its list of sleepers
 *
 * Where memory or /proc fail it is not at rest.
 */
void dlw_process_survey(struct dlw_watch *watch, struct dlw_surveyed *process,
			const struct dlw_surveyed *before, struct dlw_arena *arena);

/** dlw_process_is_unmoved() - none of its threads has moved since it was surveyed */
bool dlw_process_is_unmoved(const struct dlw_watch *watch, const struct dlw_surveyed *process);

/** dlw_sleeper_of() - thread @tid of a process at rest; NULL: not among its sleepers */
const struct dlw_sleeper *dlw_sleeper_of(const struct dlw_surveyed *process, int32_t tid);

/**
 * dlw_sleep_look() - a task's sleep
 * @before: the one it was last seen in; NULL: none
 *
 * Return: false: it lives, or sleeps in a call that is none of ours.
 */
bool dlw_sleep_look(int32_t pid, int32_t tid, const struct dlw_sleeper *before,
		    struct dlw_sleeper *sleeper);

#endif
