/*
 * shim/log_hold.c - the short way into the log, where it is not the shortest
 *
 * Of one of many locks, that the block has not said before; and of one under
 * others, whose nesting is noted on the way. Most functions call nothing but in their
 * own place and jump to the next one, so that no register has to be saved.
 */
#include "shim/log_hold.h"

#include "shim/banned.h"

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
