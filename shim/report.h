/*
 * shim/report.h - a finding leaves the program
 */
#ifndef DLW_SHIM_REPORT_H
#define DLW_SHIM_REPORT_H

#include "core/watch/look.h"

#define DLW_EXIT_STATUS 66 /* on_deadlock=exit */

/** dlw_report_load() - remember where we are installed; from a constructor */
void dlw_report_load(void);

/**
 * dlw_report_found() - report a finding, then do what on_deadlock says
 *
 * The callback of struct dlw_watch; @context is the watch. Starts `dlwatch
 * render` and waits for it at most two seconds; where none can be started the
 * plain report is written from here. May not return.
 */
void dlw_report_found(void *context, const struct dlw_state *state,
		      const struct dlw_finding *finding);

#endif
