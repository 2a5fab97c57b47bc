/*
 * shim/watcher.h - looking from inside, where no supervisor does
 *
 * With a bare preload a helper thread looks every check_ms. It is started with
 * the program's first other thread and ends with its last; all signals are
 * blocked in it, its stack is small, it never touches the program's malloc. A
 * process of one thread gets one when it first waits for a shared object, if
 * the session has no other or only one. Under a supervisor none of this
 * happens.
 */
#ifndef DLW_SHIM_WATCHER_H
#define DLW_SHIM_WATCHER_H

#include "shim/context.h"

/** dlw_watcher_start() - the program has, or gets, a second thread */
void dlw_watcher_start(void);

/**
 * dlw_watcher_last_words() - the process ends: report misuses that nobody has
 *
 * Does nothing if there are none, or if the watch is busy for two seconds.
 */
void dlw_watcher_last_words(void);

/**
 * dlw_watcher_offer() - the thread is about to wait for what other processes have, too
 *
 * Starts a helper if the session is short of one.
 */
void dlw_watcher_offer(void);

/** dlw_watcher_thread_ends() - if it is the last one the helper thread has to end, too */
void dlw_watcher_thread_ends(void);

/** dlw_watcher_retreat() - the process ends or becomes another: others may look */
void dlw_watcher_retreat(void);

/**
 * dlw_watcher_relock() - the thread is about to wait for itself
 *
 * Reports at once if nobody else will, and does as on_deadlock says (which may
 * end the process). Its want must be published, want_relock set.
 * Return: it was reported here.
 */
bool dlw_watcher_relock(struct dlw_context *self);

#endif
