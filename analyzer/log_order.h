/*
 * analyzer/log_order.h - which thread's event goes next
 *
 * A replay's own; others only ask for dlw_order_thread(). A thread is in the
 * heap while its head may go, in the list of what its head waits for while it may
 * not, and in neither once its stream has ended or while it is the current one.
 */
#ifndef DLW_ANALYZER_LOG_ORDER_H
#define DLW_ANALYZER_LOG_ORDER_H

#include "analyzer/log_replay.h"

/** dlw_order_start() - all heads are loaded: find the first to go */
void dlw_order_start(struct dlw_replay *replay);

/** dlw_order_happened() - the current head has its tickets used up; wakes who waited for them */
void dlw_order_happened(struct dlw_replay *replay);

/** dlw_order_exited() - the current thread has exited: who joins it may go on */
void dlw_order_exited(struct dlw_replay *replay);

/** dlw_order_next() - the current thread has a new head, or none: who goes now? */
void dlw_order_next(struct dlw_replay *replay);

/** dlw_order_thread() - thread @serial of @source, or NULL */
struct dlw_cursor *dlw_order_thread(const struct dlw_source *source, uint64_t serial);

#endif
