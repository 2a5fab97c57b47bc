/*
 * analyzer/live_view.h - running programs at one moment: who waits, who holds,
 * and which locks are waited for most
 *
 *	struct dlw_live_view *view = dlw_live_view_new("4711", &error);
 *
 *	dlw_live_view_sample(view);	// now and then: the more, the truer
 *	dlw_live_view_print(view, &terminal, rows);
 *	dlw_live_view_free(view);
 *
 * What is read is what the programs write for their watcher, without stopping
 * them and without a word of theirs: a moment, not a verdict.
 */
#ifndef DLW_ANALYZER_LIVE_VIEW_H
#define DLW_ANALYZER_LIVE_VIEW_H

#include <stdbool.h>

#include "analyzer/terminal.h"

struct dlw_live_view;

/** dlw_live_view_new() - of a pid or a session's directory; NULL: *@error is a line for free() */
struct dlw_live_view *dlw_live_view_new(const char *who, char **error);

/** dlw_live_view_sample() - look once, for the locks waited for most; false: nobody is left */
bool dlw_live_view_sample(struct dlw_live_view *view);

/** dlw_live_view_print() - threads, those that wait first, and locks; at most @rows lines, 0: all */
void dlw_live_view_print(struct dlw_live_view *view, const struct dlw_terminal *terminal,
			 unsigned rows);

void dlw_live_view_free(struct dlw_live_view *view);

#endif
