/*
 * shim/hook_cancel.c - threads that can be cancelled anywhere
 *
 * A thread with PTHREAD_CANCEL_ASYNCHRONOUS can end at any instruction, with
 * our locks taken, too. So while it is in a hook, its type is the deferred one,
 * and its own again where the C library works for it and at the hook's end,
 * where a cancellation that came meanwhile then acts: at a place where it might
 * have acted anyway.
 *
 * In the program's code such a thread's .open is shut, as in a hook. So no hook
 * takes a short way, and dlw_enter_slow() comes here; other threads pay nothing.
 */
#include <pthread.h>

#include "shim/cancel.h"
#include "shim/real.h"

#include "shim/banned.h"

/* The program wants this thread to be asynchronous; known before it has a context. */
static __thread bool asynchronous __attribute__((tls_model("initial-exec")));

static void set_type(int type)
{
	int former;

	dlw_real(pthread_setcanceltype)(type, &former);
}

bool dlw_cancel_defer(void)
{
	if (dlw_likely(!asynchronous))
		return false;
	set_type(PTHREAD_CANCEL_DEFERRED);
	return true;
}

void dlw_cancel_restore(void)
{
	if (dlw_unlikely(asynchronous))
		set_type(PTHREAD_CANCEL_ASYNCHRONOUS);
}

void dlw_cancel_attached(struct dlw_context *self)
{
	self->asynchronous = self->deferred = true;
}

/* .deferred is set first and cleared first: a handler in between leaves the type as it found it. */
void dlw_cancel_inside(struct dlw_context *self)
{
	if (self->deferred)
		return;
	self->deferred = true;
	atomic_signal_fence(memory_order_seq_cst);
	set_type(PTHREAD_CANCEL_DEFERRED);
}

void dlw_cancel_outside(struct dlw_context *self)
{
	self->deferred = false;
	atomic_signal_fence(memory_order_seq_cst);
	dlw_cancel_restore();
}

void dlw_cancel_unwound(struct dlw_context *self)
{
	self->deferred = false;
}

/** shut() - from now on hooks of this thread come the long way; not if it is in one */
static void shut(struct dlw_context *self)
{
	if (!self->open)
		return;
	self->asynchronous = true;
	self->open = DLW_WAY_SHUT;
	atomic_signal_fence(memory_order_seq_cst);
}

static void unshut(struct dlw_context *self)
{
	if (!self->asynchronous || self->deferred)
		return;
	self->asynchronous = false;
	atomic_signal_fence(memory_order_seq_cst);
	self->open = self->way;
}

/**
 * pthread_setcanceltype() - what is set is what was asked for
 *
 * Context: async-cancel-safe. Setting the asynchronous type may end the thread.
 */
DLW_HOOK int pthread_setcanceltype(int type, int *former)
{
	int result;

	if (type == PTHREAD_CANCEL_ASYNCHRONOUS) {
		shut(dlw_self);
		asynchronous = true;
	}
	result = dlw_real(pthread_setcanceltype)(type, former);
	if (type == PTHREAD_CANCEL_DEFERRED) {
		asynchronous = false;
		unshut(dlw_self);
	}
	return result;
}
