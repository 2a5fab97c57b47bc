/*
 * analyzer/log_progress.h - a bar on the terminal for replays that take time
 *
 * Shown on standard error, if that is a terminal, from the second second on;
 * gone at the end.
 */
#ifndef DLW_ANALYZER_LOG_PROGRESS_H
#define DLW_ANALYZER_LOG_PROGRESS_H

#include "analyzer/log_replay.h"

struct dlw_log_progress {
	const struct dlw_replay *replay;
	uint64_t next_check; /* events */
	uint64_t begun_ns;
	uint64_t shown_ns;   /* when it was drawn last, or the beginning */
	bool on, visible;
};

void dlw_log_progress_begin(struct dlw_log_progress *progress, const struct dlw_replay *replay);
void dlw_log_progress_draw(struct dlw_log_progress *progress);
/** dlw_log_progress_cycles() - instead of events: so many cycles of lock orders were looked at */
void dlw_log_progress_cycles(struct dlw_log_progress *progress, uint64_t cycles);

void dlw_log_progress_end(struct dlw_log_progress *progress);

/** dlw_log_progress_step() - one event more; costs a comparison */
static inline void dlw_log_progress_step(struct dlw_log_progress *progress)
{
	if (__builtin_expect(progress->replay->events >= progress->next_check, 0))
		dlw_log_progress_draw(progress);
}

#endif
