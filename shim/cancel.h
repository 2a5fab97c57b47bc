/*
 * shim/cancel.h - nothing of ours is left taken by a thread that is cancelled asynchronously
 *
 * context.h asks for these where a hook begins, ends, and lets the C library
 * work. What is no hook but takes one of our locks:
 *
 *	dlw_cancel_defer(); … dlw_cancel_restore();
 */
#ifndef DLW_SHIM_CANCEL_H
#define DLW_SHIM_CANCEL_H

#include "shim/context.h"

/** dlw_cancel_defer() - Return: the calling thread was asynchronous, and is not for now */
bool dlw_cancel_defer(void);

/** dlw_cancel_restore() - it is again what the program wants; then it may end here */
void dlw_cancel_restore(void);

/** dlw_cancel_attached() - the context is new, its thread asynchronous and deferred already */
void dlw_cancel_attached(struct dlw_context *self);

/** dlw_cancel_unwound() - the thread ends; if a hook was under way, it is not any more */
void dlw_cancel_unwound(struct dlw_context *self);

#endif
