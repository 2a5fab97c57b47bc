/*
 * shim/annotations.c - what programs say through dlwatch.h
 *
 * One exported function takes all of it, so that a header newer or older than
 * the library does no harm: what is not known is passed over.
 *
 * A lock of the program's own making is recorded like any other, with two
 * differences. The want stays published while the program's code runs, which
 * may use other locks on the way: those put it aside (dlw_want_aside()). And
 * nobody but the program says who has it, so the judge never calls a wait for
 * it certain.
 */
#include <dlwatch.h>

#include <errno.h>

#include "shim/hook_lock.h"
#include "shim/intern.h"
#include "shim/real.h"

#include "shim/banned.h"

/* An answer for a version of the header that asks more than whether we are here. */
#define ACTIVE 1

/* ------------------------------------------------------------------ names and classes */

static void name(struct dlw_context *self, const void *address, const char *text)
{
	struct dlw_object *object = dlw_object_any(self, dlw_address(address));

	if (!object)
		return;
	object->name = text ? dlw_intern(text) : 0;
	if (dlw_logging(self))
		dlw_log_object_name(object);
}

static void classify(struct dlw_context *self, const void *address, const char *text, long rank)
{
	struct dlw_object *object = dlw_object_any(self, dlw_address(address));

	if (!object || object->kind == DLW_CONDITION)
		return;
	object->class_name = text ? dlw_intern(text) : 0;
	object->rank = (int32_t)rank;
	if (rank) {
		dlw_runtime->ranked = 1;
		dlw_way_becomes(self, DLW_WAY_LONG);
	}
	if (dlw_logging(self))
		dlw_log_object_class(object);
}

/* ------------------------------------------------------------- locks of one's own making */

/** is_wanted() - the want that is published is for such a lock; NULL: for any */
static bool is_wanted(const struct dlw_context *self, const void *lock)
{
	const struct dlw_thread *record = self->record;

	return (dlw_wait_number(record) & 1) && record->want_kind == DLW_CUSTOM &&
	       (!lock || record->want_address == dlw_address(lock));
}

static void wanting(struct dlw_context *self, const void *lock, enum dlw_mode mode,
		    enum dlw_form form, uint64_t caller, uint64_t frame)
{
	struct dlw_object *object = dlw_lock_object(self, DLW_CUSTOM, lock);
	struct dlw_thread *record = self->record;
	bool taken = object && object->posters;

	if (is_wanted(self, lock))
		return; /* said once more, from within the loop */
	if (is_wanted(self, NULL))
		dlw_want_end(self);
	dlw_lock_begin(self, DLW_CUSTOM, mode, form, lock, taken, caller, frame);
	record->want_object = object ? object->index : 0;
	if (dlw_logging(self) && !taken)
		dlw_lock_log_want(self, DLW_CUSTOM, lock, form);
}

static void acquired(struct dlw_context *self, const void *lock, enum dlw_mode mode,
		     uint64_t caller, uint64_t frame)
{
	struct dlw_object *object = dlw_lock_object(self, DLW_CUSTOM, lock);
	bool waited = is_wanted(self, lock);
	enum dlw_form form = waited ? self->record->want_form : DLW_FORM_TRY;

	if (object)
		object->posters++;
	dlw_lock_acquired(self, DLW_CUSTOM, mode, lock, form, dlw_stack_here(self, caller, frame),
			  waited && self->record->want_since_ns);
	if (waited)
		dlw_want_end(self);
}

static void gave_up(struct dlw_context *self, const void *lock)
{
	if (!is_wanted(self, lock))
		return;
	if (dlw_logging(self))
		dlw_log_gave_up(self, dlw_lock_object(self, DLW_CUSTOM, lock), EAGAIN);
	dlw_want_end(self);
}

static void releasing(struct dlw_context *self, const void *lock)
{
	struct dlw_object *object = dlw_lock_object(self, DLW_CUSTOM, lock);

	if (object && object->posters)
		object->posters--;
	if (!dlw_lock_release(self, DLW_CUSTOM, lock))
		dlw_lock_distrust(self, DLW_CUSTOM, lock, true);
}

/* ------------------------------------------------------------------- threads and events */

static void log_annotated(struct dlw_context *self, enum dlw_annotated what,
			  struct dlw_object *object)
{
	struct dlw_event event = {
		.type = DLW_EVENT_ACCESSED,
		.mode = DLW_MODE_ANNOTATED,
		.form = (uint8_t)what,
	};

	if (!dlw_logging(self))
		return;
	event.object = object ? dlw_log_object(object) : 0;
	dlw_log_event(self, &event);
}

static void exempt(struct dlw_context *self, bool begins)
{
	struct dlw_thread *record = self->record;

	if (!begins && !record->exempt)
		return;
	record->exempt += begins ? 1u : -1u;
	self->nest_changes = 0; /* the long way through nestings asks for .exempt */
	log_annotated(self, begins ? DLW_ANNOTATED_EXEMPT : DLW_ANNOTATED_EXEMPT_NO_MORE, NULL);
}

static void will_release(struct dlw_context *self, const void *address, enum dlw_kind kind)
{
	struct dlw_permit *permit = dlw_permit_of(self, dlw_address(address), kind);

	if (!permit || permit->announced)
		return;
	permit->announced = 1;
	log_annotated(self, DLW_ANNOTATED_RELEASER, dlw_object(self, dlw_address(address), kind));
}

/* ------------------------------------------------------------------------- the one entry */

static void take(struct dlw_context *self, unsigned what, const void *object, const char *text,
		 long number, uint64_t caller, uint64_t frame)
{
	enum dlw_mode mode = number & DLWATCH_SHARED ? DLW_SHARED : DLW_EXCLUSIVE;
	enum dlw_form form = number & DLWATCH_TIMED_ ? DLW_FORM_TIMED : DLW_FORM_BLOCKING;

	if (!object && what != DLWATCH_EXEMPT_)
		return;
	switch (what) {
	case DLWATCH_NAME_:
		name(self, object, text);
		break;
	case DLWATCH_CLASS_:
		classify(self, object, text, number);
		break;
	case DLWATCH_WANTING_:
		wanting(self, object, mode, form, caller, frame);
		break;
	case DLWATCH_ACQUIRED_:
		acquired(self, object, mode, caller, frame);
		break;
	case DLWATCH_GAVE_UP_:
		gave_up(self, object);
		break;
	case DLWATCH_RELEASING_:
		releasing(self, object);
		break;
	case DLWATCH_EXEMPT_:
		exempt(self, number);
		break;
	case DLWATCH_WILL_POST_:
		will_release(self, object, DLW_SEMAPHORE);
		break;
	case DLWATCH_WILL_SIGNAL_:
		will_release(self, object, DLW_CONDITION);
		break;
	default:
		break;
	}
}

dlwatch_entry_ dlwatch_annotate;

/** dlwatch_annotate() - any annotation; Return: to "are you there?": yes */
DLW_HOOK int dlwatch_annotate(unsigned what, const volatile void *object, const char *text,
			      long number)
{
	struct dlw_context *self;
	int saved = errno;

	if (what == DLWATCH_ACTIVE_)
		return ACTIVE;
	self = dlw_enter();
	if (!self)
		return 0;
	take(self, what, (const void *)(uintptr_t)object, text, number, DLW_CALLER, DLW_FRAME);
	dlw_leave(self);
	errno = saved;
	return 0;
}
