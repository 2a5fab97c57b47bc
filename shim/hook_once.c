/*
 * shim/hook_once.c - pthread_once(), call_once()
 *
 * Who runs the routine holds the control as long as it runs; others who come
 * meanwhile wait for that thread. To know who it is the C library is given a
 * routine of ours, which takes the program's from the caller's context.
 *
 * The routine may be left by an exception, a cancellation or a longjmp(). No
 * handler is set up to see that: the C library's own would be left behind by
 * an exception. Instead each hold knows how deep in the stack its frame lies,
 * and one whose frame is gone is forgotten at the thread's next call. Until
 * then the control's own word tells: it is not in progress, or by another.
 *
 * A call that finds it done goes straight through.
 */
#include <pthread.h>
#include <threads.h>

#include "core/watch/glibc.h"
#include "shim/hook_lock.h"
#include "shim/real.h"
#include "shim/watcher.h"

#include "shim/banned.h"

/** A call under way, in the caller's frame. */
struct dlw_init {
	void (*routine)(void);
	int *control;
	struct dlw_init *outer; /* of the call that this one takes the place of */
	uint32_t depth;
	bool ran;
};

static int word_of(const int *control)
{
	return __atomic_load_n(control, __ATOMIC_ACQUIRE);
}

static uint32_t depth_of(const struct dlw_context *self, uint64_t frame)
{
	return (uint32_t)(self->stack_high - frame);
}

/** forget_left() - holds of routines whose frames would lie where we are now, or deeper */
static void forget_left(struct dlw_context *self, uint32_t depth)
{
	uint32_t at = dlw_hold_count(self);

	while (at-- > 0) {
		const struct dlw_held *held = dlw_hold_at(self, at);

		if (held->kind == DLW_ONCE && held->depth >= depth)
			dlw_hold_forget(self, at);
	}
}

/** hold() - the wish has come true: this thread runs the routine */
static void hold(struct dlw_context *self, struct dlw_init *init)
{
	const struct dlw_thread *record = self->record;
	struct dlw_held *newest;

	init->ran = true;
	dlw_lock_acquired(self, DLW_ONCE, DLW_EXCLUSIVE, init->control, DLW_FORM_BLOCKING,
			  record->want_stack, record->want_since_ns != 0);
	newest = dlw_hold_count(self) ? dlw_hold_at(self, 0) : NULL;
	if (newest && newest->kind == DLW_ONCE && newest->address == dlw_address(init->control))
		newest->depth = init->depth;
	dlw_want_end(self);
}

/** run() - called by the C library in the place of the program's routine */
static void run(void)
{
	struct dlw_context *self = dlw_self;
	struct dlw_init *init = self->init;
	void (*routine)(void) = init->routine;
	const int *control = init->control;

	dlw_inside(self);
	hold(self, init);
	dlw_leave(self);
	routine();
	/* it may have forked: then this is another context */
	self = dlw_enter();
	if (!self)
		return;
	dlw_lock_release(self, DLW_ONCE, control);
	dlw_leave(self);
}

/** begin() - publish the wish */
static void begin(struct dlw_context *self, const int *control, uint64_t caller, uint64_t frame)
{
	bool running = dlw_once_is_running(word_of(control));

	forget_left(self, depth_of(self, frame));
	dlw_lock_begin(self, DLW_ONCE, DLW_EXCLUSIVE, DLW_FORM_BLOCKING, control, running, caller,
		       frame);
	if (running && dlw_hold_find(self, dlw_address(control)) >= 0) {
		self->record->want_relock = 1;
		dlw_watcher_relock(self);
	}
}

/** waited() - somebody else has done it: had after it was given up, and given up at once */
static void waited(struct dlw_context *self, const int *control)
{
	const struct dlw_thread *record = self->record;

	if (dlw_logging(self) && record->want_since_ns) {
		dlw_lock_acquired(self, DLW_ONCE, DLW_EXCLUSIVE, control, DLW_FORM_BLOCKING,
				  record->want_stack, true);
		dlw_lock_release(self, DLW_ONCE, control);
	}
	dlw_want_end(self);
	dlw_leave(self);
}

static int posix_once(int *control, void (*routine)(void))
{
	return dlw_real(pthread_once)(control, routine);
}

static int c11_once(int *control, void (*routine)(void))
{
	dlw_real(call_once)((once_flag *)(void *)control, routine);
	return 0;
}

/** once() - the long way: it has not been done yet */
static __attribute__((noinline)) int once(int (*real)(int *, void (*)(void)), int *control,
					  void (*routine)(void), uint64_t caller, uint64_t frame)
{
	struct dlw_context *self = dlw_enter();
	struct dlw_init init = { .routine = routine, .control = control };
	int result;

	if (!self)
		return real(control, routine);
	begin(self, control, caller, frame);
	init.depth = depth_of(self, frame);
	init.outer = self->init;
	self->init = &init;
	dlw_outside(self);
	result = real(control, run);
	if (dlw_self != self || !self->record) /* in the child of a fork by the routine */
		return result;
	self->init = init.outer;
	if (init.ran)
		return result;
	dlw_inside(self);
	waited(self, control);
	return result;
}

/** pthread_once() - no cancellation point of its own, with and without us */
DLW_HOOK int pthread_once(pthread_once_t *control, void (*routine)(void))
{
	if (dlw_likely(word_of(control) & DLW_ONCE_DONE))
		return dlw_real(pthread_once)(control, routine);
	return once(posix_once, control, routine, DLW_CALLER, DLW_FRAME);
}

DLW_HOOK void call_once(once_flag *flag, void (*routine)(void))
{
	int *control = (int *)(void *)flag;

	if (dlw_likely(word_of(control) & DLW_ONCE_DONE))
		dlw_real(call_once)(flag, routine);
	else
		once(c11_once, control, routine, DLW_CALLER, DLW_FRAME);
}
