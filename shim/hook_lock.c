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

/** hold_log_otherwise() - whatever it is */
static __attribute__((noinline)) void
hold_log_otherwise(struct dlw_context *self, enum dlw_kind kind, enum dlw_mode mode,
		   const void *lock, enum dlw_form form, uint32_t stack)
{
	struct dlw_object *object = dlw_object_get(self, dlw_address(lock), kind);

	if (dlw_unlikely(!object || !dlw_quick_is(object)))
		object = dlw_lock_numbered(self, kind, lock);
	if (object && !dlw_quick_is_timed(self->log))
		dlw_hold_log_object(self, object, mode, form, stack,
				    dlw_quick_has_room(self->log));
	else
		dlw_lock_log_acquired(self, kind, mode, lock, form, stack, false);
}

/*
 * One of many locks, mostly, that the block has not said before. Calls nothing
 * but in its own place: no register has to be saved.
 */
void dlw_hold_log_at_length(struct dlw_context *self, enum dlw_kind kind, enum dlw_mode mode,
			    const void *lock, enum dlw_form form, uint32_t stack)
{
	struct dlw_object *object = dlw_quick_begins(self->log) ?
					    dlw_quick_met(self, dlw_address(lock), kind) :
					    NULL;
	uint32_t how = dlw_recent_how(DLW_EVENT_ACQUIRED, mode == DLW_SHARED, form);

	if (dlw_unlikely(!object || !dlw_quick_can_say(object, stack)))
		hold_log_otherwise(self, kind, mode, lock, form, stack);
	else if (dlw_likely(!dlw_quick_has_said(self->log, object, how, stack)))
		dlw_quick_put_plain(self->log, object, how, stack, dlw_hold_ticket(object, mode));
	else
		dlw_hold_log_object(self, object, mode, form, stack, true);
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

int dlw_hold_leave(struct dlw_context *self)
{
	dlw_leave(self);
	return 0;
}

int dlw_hold_say_otherwise(struct dlw_context *self, enum dlw_form form)
{
	const struct dlw_held *newest = dlw_hold_at(self, 0);

	if (dlw_likely(self->log))
		dlw_hold_log_at_length(self, newest->kind, newest->mode,
				       (const void *)(uintptr_t)newest->address, form,
				       newest->stack);
	dlw_leave(self);
	return 0;
}

/** had_at_length() - in a full list, or without a log after all */
static __attribute__((noinline)) int had_at_length(const void *lock, struct dlw_context *self,
						   uint64_t key)
{
	enum dlw_form form = dlw_key_form(key);

	if (dlw_unlikely((uint32_t)dlw_hold_now(self->record) >= self->hold_room &&
			 !dlw_hold_grow(self)))
		return dlw_hold_leave(self);
	dlw_hold_add(self, dlw_key_kind(key), dlw_key_mode(key), dlw_address(lock), (uint32_t)key,
		     form);
	return dlw_hold_say_otherwise(self, form);
}

/** say_and_leave() - the newest of what was held and one more, which has been entered */
static inline __attribute__((always_inline)) int
say_and_leave(const void *lock, struct dlw_context *self, uint64_t key, bool shared,
	      uint64_t holding)
{
	if (dlw_unlikely(!dlw_hold_say(self, self->log, dlw_address(lock), key, shared,
				       holding + DLW_HOLD_ADDED, (uint32_t)holding)))
		return dlw_hold_say_otherwise(self, dlw_key_form(key));
	if (dlw_unlikely(!dlw_leave_quickly(self)))
		return dlw_hold_leave(self);
	return 0;
}

/*
 * Ways of one more hold, as without a log (hook_mutex_nested.c): each short enough
 * to need no register of its callers, and one jumps to the next.
 */

/** say_shared() - others may have it, too */
static __attribute__((noinline)) int say_shared(const void *lock, struct dlw_context *self,
						uint64_t key, uint64_t holding)
{
	return say_and_leave(lock, self, key, true, holding);
}

/** say_one_more() - whatever is held besides has been looked at */
static __attribute__((noinline)) int say_one_more(const void *lock, struct dlw_context *self,
						  uint64_t key, uint64_t holding)
{
	if (dlw_unlikely(dlw_key_mode(key) == DLW_SHARED))
		return say_shared(lock, self, key, holding);
	return say_and_leave(lock, self, key, false, holding);
}

/** nest_at_length() - the nesting is new, or the section out of the ordinary, or it was tried */
static __attribute__((noinline)) int nest_at_length(const void *lock, struct dlw_context *self,
						    uint64_t key, uint64_t holding)
{
	dlw_nest(self, holding, dlw_key_form(key) == DLW_FORM_BLOCKING);
	return say_one_more(lock, self, key, holding);
}

/** nest_noted() - it is that of the note at @place */
static inline __attribute__((always_inline)) int
nest_noted(const void *lock, struct dlw_context *self, uint64_t key, uint64_t holding,
	   uint32_t place, bool unclean)
{
	struct dlw_nesting *note = dlw_nesting_at(self->nest, place);

	if (dlw_unlikely(unclean && !dlw_nest_take(self->nest, note, dlw_address(lock))))
		return nest_at_length(lock, self, key, holding);
	if (!dlw_nest_comes_up(self, self->record, holding, note, place, unclean))
		return nest_at_length(lock, self, key, holding);
	return say_one_more(lock, self, key, holding);
}

/** nest_known() - in a section that has given locks back: any that has been noted */
static __attribute__((noinline)) int nest_known(const void *lock, struct dlw_context *self,
						uint64_t key, uint64_t holding)
{
	const struct dlw_nest *nest = self->nest;
	const uint32_t parent = nest->chain[(uint32_t)holding - 1];
	const uint32_t place = dlw_nesting_known(nest, parent, dlw_address(lock),
						 key | DLW_NESTING_UNCLEAN | nest->stamp);

	if (dlw_unlikely(!place))
		return nest_at_length(lock, self, key, holding);
	return nest_noted(lock, self, key, holding, place, true);
}

/** nest_again() - in such a section: what was noted next after what came up last */
static __attribute__((noinline)) int nest_again(const void *lock, struct dlw_context *self,
						uint64_t key, uint64_t holding)
{
	const struct dlw_nest *nest = self->nest;
	const uint32_t place = dlw_nesting_next(nest->last);

	if (!dlw_nesting_is(nest, place, nest->chain[(uint32_t)holding - 1], dlw_address(lock),
			    key | DLW_NESTING_UNCLEAN | nest->stamp))
		return nest_known(lock, self, key, holding);
	return nest_noted(lock, self, key, holding, place, true);
}

/** nest_unclean() - in a section that has given its first lock back, it seems */
static __attribute__((noinline)) int nest_unclean(const void *lock, struct dlw_context *self,
						  uint64_t key, uint64_t holding)
{
	if (!dlw_nest_gives(self, holding))
		return nest_at_length(lock, self, key, holding);
	return nest_known(lock, self, key, holding);
}

/** nest_next() - in one that has not: the next one */
static inline __attribute__((always_inline)) int
nest_next(const void *lock, struct dlw_context *self, uint64_t key, uint64_t holding)
{
	const struct dlw_nest *nest = self->nest;

	if (!dlw_nest_next(nest, holding, dlw_address(lock), key | nest->stamp))
		return nest_at_length(lock, self, key, holding);
	return nest_noted(lock, self, key, holding,
			  dlw_nesting_next(nest->chain[(uint32_t)holding - 1]), false);
}

/** nest_first() - in a section that begins, it seems */
static __attribute__((noinline)) int nest_first(const void *lock, struct dlw_context *self,
						uint64_t key, uint64_t holding)
{
	if (!dlw_nest_begins_again(self, holding))
		return nest_at_length(lock, self, key, holding);
	return nest_next(lock, self, key, holding);
}

/** nest() - in whatever section */
static __attribute__((noinline)) int nest(const void *lock, struct dlw_context *self,
					  uint64_t key, uint64_t holding)
{
	if (dlw_unlikely(dlw_key_form(key) != DLW_FORM_BLOCKING || !dlw_nest_as_ever(self)))
		return nest_at_length(lock, self, key, holding);
	if (self->nest_expected == holding)
		return nest_next(lock, self, key, holding);
	if (self->nest_added != (uint32_t)(holding >> 32))
		return nest_first(lock, self, key, holding);
	if (dlw_unlikely((int32_t)self->nest_state >= 0)) /* not DLW_NEST_UNCLEAN */
		return nest_unclean(lock, self, key, holding);
	return nest_again(lock, self, key, holding);
}

int dlw_hold_had_otherwise(const void *lock, struct dlw_context *self, uint64_t key)
{
	struct dlw_thread *record = self->record;
	uint64_t holding;

	if (dlw_unlikely(!record)) /* the child of a handler's fork */
		return 0;
	holding = dlw_hold_now(record);
	if (dlw_unlikely(!self->log || (uint32_t)holding >= self->hold_room))
		return had_at_length(lock, self, key);
	dlw_hold_fill(&self->holds[(uint32_t)holding], dlw_address(lock), dlw_key_word(key));
	atomic_store_explicit(&record->holding, holding + DLW_HOLD_ADDED, memory_order_release);
	if (dlw_nests(holding))
		return nest(lock, self, key, holding);
	return say_one_more(lock, self, key, holding);
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
