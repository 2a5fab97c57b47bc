/*
 * shim/hook_lock.c - what hooks of all lock-like kinds do when there is time
 */
#include "shim/hook_lock.h"

#include <errno.h>
#include <pthread.h>

#include "core/watch/glibc.h"
#include "shim/log_hold.h"
#include "shim/misuse.h"

#include "shim/banned.h"

/** describe() - what the C library's structure says of the lock's type */
static void describe(struct dlw_object *object, const void *lock)
{
	const pthread_rwlock_t *rwlock = lock;
	const pthread_mutex_t *mutex = lock;
	const struct dlw_barrier_memory *barrier = lock;

	switch (object->kind) {
	case DLW_MUTEX:
		object->type = (uint8_t)dlw_mutex_type(mutex->__data.__kind);
		object->traits |= (uint16_t)dlw_mutex_traits(mutex->__data.__kind);
		break;
	case DLW_RWLOCK:
		object->type = (uint8_t)dlw_rwlock_type(rwlock);
		object->traits |= (uint16_t)dlw_rwlock_traits(rwlock);
		break;
	case DLW_BARRIER:
		object->initial = barrier->count;
		object->initial_known = 1;
		break;
	default:
		break;
	}
}

struct dlw_object *dlw_lock_object(struct dlw_context *self, enum dlw_kind kind, const void *lock)
{
	struct dlw_object *object = dlw_object(self, dlw_address(lock), kind);

	if (object && !object->type)
		describe(object, lock);
	return object;
}

struct dlw_object *dlw_lock_numbered(struct dlw_context *self, enum dlw_kind kind,
				     const void *lock)
{
	struct dlw_object *object = dlw_lock_object(self, kind, lock);

	if (!object)
		return NULL;
	if (!object->log_id)
		dlw_log_object(object);
	return dlw_quick_is(object) ? object : NULL;
}

/* ---------------------------------------------------------------------------- the log */

/**
 * next_ticket() - of an operation on @object
 *
 * Only an exclusive holder comes here alone; a rwlock's readers come in crowds,
 * and of a lock of the program's own making nothing is sure.
 */
static uint64_t next_ticket(struct dlw_object *object, enum dlw_mode mode)
{
	uint64_t ticket;

	if (mode == DLW_SHARED || object->kind == DLW_CUSTOM)
		return atomic_fetch_add_explicit(dlw_ticket(object), 1, memory_order_relaxed) + 1;
	ticket = atomic_load_explicit(dlw_ticket(object), memory_order_relaxed) + 1;
	atomic_store_explicit(dlw_ticket(object), ticket, memory_order_relaxed);
	return ticket;
}

/** log_mode() - as struct dlw_event has it */
static uint8_t log_mode(enum dlw_mode mode)
{
	return mode == DLW_PERMIT ? 2 : mode == DLW_SHARED ? 1 : 0;
}

/** note_time() - the acquisition just logged has a time, so its release shall have one */
static void note_time(struct dlw_context *self, uint64_t address)
{
	if (!dlw_hold_count(self) || dlw_hold_at(self, 0)->address != address || !self->log)
		return;
	if (!dlw_hold_at(self, 0)->again)
		dlw_hold_at(self, 0)->timed = 1;
	dlw_log_timed(self->log);
}

void dlw_lock_log_acquired(struct dlw_context *self, enum dlw_kind kind, enum dlw_mode mode,
			   const void *lock, enum dlw_form form, uint32_t stack, bool contended)
{
	struct dlw_object *object = dlw_lock_object(self, kind, lock);
	struct dlw_event event = {
		.type = DLW_EVENT_ACQUIRED,
		.mode = log_mode(mode),
		.form = (uint8_t)form,
		.contended = contended,
		.stack = stack,
	};

	if (!object)
		return;
	event.object = dlw_log_object(object);
	event.ticket = next_ticket(object, mode);
	dlw_log_event(self, &event);
	note_time(self, dlw_address(lock));
}

/**
 * The short form leaves the ticket to be reckoned from the holder's last one,
 * which only an exclusive hold allows: between two operations of a reader
 * others have theirs.
 */
void dlw_lock_log_released(struct dlw_context *self, enum dlw_kind kind, enum dlw_mode mode,
			   const void *lock, uint32_t depth)
{
	struct dlw_object *object = dlw_lock_object(self, kind, lock);
	struct dlw_event event = { .type = DLW_EVENT_RELEASED_TOP, .argument = depth };

	if (!object)
		return;
	if (mode == DLW_SHARED || kind == DLW_CUSTOM)
		event = (struct dlw_event){ .type = DLW_EVENT_RELEASED, .mode = log_mode(mode) };
	event.object = dlw_log_object(object);
	event.ticket = next_ticket(object, mode);
	dlw_log_event(self, &event);
}

void dlw_log_gave_up(struct dlw_context *self, struct dlw_object *object, int error)
{
	struct dlw_event event = { .type = DLW_EVENT_GAVE_UP, .argument = (uint64_t)error };

	event.object = object ? dlw_log_object(object) : 0;
	dlw_log_event(self, &event);
}

void dlw_lock_log_try_failed(struct dlw_context *self, enum dlw_kind kind, enum dlw_mode mode,
			     const void *lock, uint32_t stack)
{
	struct dlw_object *object = dlw_lock_object(self, kind, lock);
	struct dlw_event event = {
		.type = DLW_EVENT_TRY_FAILED,
		.mode = log_mode(mode),
		.form = DLW_FORM_TRY,
		.stack = stack,
	};

	event.object = object ? dlw_log_object(object) : 0;
	dlw_log_event(self, &event);
}

void dlw_lock_log_want(struct dlw_context *self, enum dlw_kind kind, const void *lock,
		       enum dlw_form form)
{
	struct dlw_object *object = dlw_lock_object(self, kind, lock);
	struct dlw_event event = {
		.type = DLW_EVENT_WANT,
		.mode = log_mode(self->record->want_mode),
		.form = (uint8_t)form,
		.stack = self->record->want_stack,
		.argument = self->record->want_since_ns,
	};

	if (!object)
		return;
	event.object = dlw_log_object(object);
	dlw_log_event(self, &event);
}

/* -------------------------------------------------------------------------- strangers */

void dlw_lock_distrust(struct dlw_context *self, enum dlw_kind kind, const void *lock, bool obeys)
{
	struct dlw_event event = { .type = DLW_EVENT_RELEASED_BY_STRANGER };
	struct dlw_object *object = dlw_lock_object(self, kind, lock);

	if (!object)
		return;
	if (obeys &&
	    !(atomic_fetch_or(&object->traits, DLW_TRAIT_DISTRUSTED) & DLW_TRAIT_DISTRUSTED))
		atomic_fetch_add(&dlw_runtime->segment->distrusted, 1);
	if (dlw_logging(self)) {
		event.object = dlw_log_object(object);
		event.ticket = atomic_fetch_add(dlw_ticket(object), 1) + 1;
		dlw_log_event(self, &event);
	}
}

/* ----------------------------------------------------------------------------- the end */

int dlw_lock_end(struct dlw_context *self, enum dlw_kind kind, enum dlw_mode mode,
		 enum dlw_form form, const void *lock, int result)
{
	const struct dlw_thread *record = self->record;

	dlw_inside(self);
	if (dlw_likely(result == 0))
		dlw_lock_acquired(self, kind, mode, lock, form, record->want_stack,
				  record->want_since_ns != 0);
	else if (result == EDEADLK)
		dlw_misuse_relock(self, kind, dlw_address(lock));
	if (result != 0)
		dlw_nest_refused(self, dlw_address(lock));
	if (result != 0 && dlw_logging(self))
		dlw_log_gave_up(self, dlw_lock_object(self, kind, lock), result);
	dlw_want_end(self);
	if (form == DLW_FORM_TIMED)
		dlw_poll_end(self, result == ETIMEDOUT);
	dlw_leave(self);
	return result;
}

int dlw_lock_tried(struct dlw_context *self, enum dlw_kind kind, enum dlw_mode mode,
		   const void *lock, uint32_t stack, int result)
{
	if (result == 0)
		dlw_lock_acquired(self, kind, mode, lock, DLW_FORM_TRY, stack, false);
	else
		dlw_nest_refused(self, dlw_address(lock));
	if (result != 0 && dlw_logging(self))
		dlw_lock_log_try_failed(self, kind, mode, lock, stack);
	dlw_not_polling(self);
	dlw_leave(self);
	return result;
}

void dlw_lock_quick_logged(enum dlw_kind kind, enum dlw_mode mode, const void *lock,
			   enum dlw_form form, uint32_t stack)
{
	struct dlw_context *self = dlw_self;

	dlw_inside(self);
	dlw_hold_had_otherwise(lock, self,
			       dlw_hold_key(dlw_hold_word(kind, mode, stack, 0), form));
}

int dlw_lock_overtaken(enum dlw_kind kind, enum dlw_mode mode, const void *lock,
		       enum dlw_form form, uint64_t caller, uint64_t frame)
{
	struct dlw_context *self = dlw_self;
	uint64_t holding;
	uint32_t stack;

	dlw_inside(self);
	stack = dlw_stack_here(self, caller, frame);
	dlw_leave(self);
	dlw_hold_put_right(self, dlw_address(lock), dlw_hold_word(kind, mode, stack, 0));
	holding = dlw_hold_now(self->record) - DLW_HOLD_ADDED;
	if (dlw_nests(holding))
		dlw_nest(self, holding, form == DLW_FORM_BLOCKING);
	return 0;
}

void dlw_lock_quick_refused(enum dlw_kind kind, enum dlw_mode mode, const void *lock,
			    uint32_t stack)
{
	struct dlw_context *self = dlw_self;

	dlw_nest_refused(self, dlw_address(lock));
	if (!self->log)
		return;
	dlw_inside(self);
	dlw_lock_log_try_failed(self, kind, mode, lock, stack);
	dlw_leave(self);
}

bool dlw_lock_quick_unlogged(enum dlw_kind kind, const void *lock)
{
	struct dlw_context *self = dlw_self;
	uint32_t count = dlw_hold_count(self);
	const struct dlw_held *newest = &self->holds[count - 1];

	if (self->way != DLW_WAY_LOGGED || !count || newest->address != dlw_address(lock) ||
	    newest->kind != kind || newest->again)
		return false;
	dlw_inside(self);
	if (!self->log || !dlw_hold_unsay(self->log, dlw_address(lock), true,
					  dlw_hold_now(self->record)))
		dlw_hold_unlog(self, kind, newest->mode, lock);
	dlw_hold_pop(self->record, dlw_hold_now(self->record));
	dlw_leave(self);
	return true;
}

bool dlw_lock_release(struct dlw_context *self, enum dlw_kind kind, const void *lock)
{
	int64_t depth = dlw_hold_find(self, dlw_address(lock));

	if (depth < 0)
		return false;
	if (dlw_logging(self))
		dlw_lock_log_released(self, kind, dlw_hold_at(self, (uint32_t)depth)->mode, lock,
				      (uint32_t)depth);
	dlw_hold_drop(self, (uint32_t)depth);
	return true;
}
