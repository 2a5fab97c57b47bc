/*
 * analyzer/segments.h - what running programs show of themselves, for commands
 * that only look
 *
 *	struct dlw_segments segments;
 *
 *	if (!dlw_segments_open(&segments, "4711", &error))
 *		...
 *	for (i = 0; i < segments.count; i++)
 *		... segments.all[i].segment ...
 *	dlw_segments_close(&segments);
 *
 * Mapped read-only, and as large as they are now: open them again to see more.
 * Only sessions of our own user are believed; root sees everybody's, as copies
 * that their owners cannot change.
 */
#ifndef DLW_ANALYZER_SEGMENTS_H
#define DLW_ANALYZER_SEGMENTS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/watch/look.h"

struct dlw_segments {
	struct dlw_watched *all;
	uint32_t count, room;
};

/**
 * dlw_segments_open() - of one process, or of all of a session
 * @who: a pid, or a session's directory
 *
 * Return: false if there are none; *@error is then a line for free().
 */
bool dlw_segments_open(struct dlw_segments *segments, const char *who, char **error);

void dlw_segments_close(struct dlw_segments *segments);

#endif
