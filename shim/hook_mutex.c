/*
 * shim/hook_mutex.c - the pthread_mutex_* calls dlwatch stands in front of
 *
 * One shape for all of them: step aside if re-entered, publish the wish with
 * plain stores, let the C library do the locking, note the outcome.
 * Nothing here allocates, prints or looks at the graph; the thread record is
 * the only thing touched, and only its own thread writes it.
 *
 * With a log a lock is tried first, so that the log says of every acquisition
 * whether it had to wait. Without one a look at the lock word is enough: where
 * the lock looked free, the time and exact stack of the wish are spared, and on
 * the short way the wish itself, for its hold is entered first.
 */
#include "shim/hook_mutex.h"

#include "shim/break.h"
#include "shim/misuse.h"
#include "shim/log_hold.h"
#include "shim/real.h"
#include "shim/watcher.h"

#include "shim/banned.h"

/* ---------------------------------------------------------------------------- waiting */

/** is_relock() - the thread owns it and the type will let it wait for itself for ever */
static bool is_relock(const struct dlw_context *self, const pthread_mutex_t *mutex)
{
	int type = mutex->__data.__kind & DLW_KIND_TYPE;

	return mutex->__data.__owner == self->tid &&
	       (type == 0 || type == DLW_KIND_ADAPTIVE) &&
	       dlw_hold_find((struct dlw_context *)(uintptr_t)self, dlw_address(mutex)) >= 0;
}

int dlw_mutex_contended(struct dlw_context *self, pthread_mutex_t *mutex, enum dlw_form form,
			uint64_t caller, uint64_t frame)
{
	struct dlw_thread *record = self->record;
	/* a timed form is not tried: that would spare a nonsensical clock its EINVAL */
	bool tries = self->log && form != DLW_FORM_TIMED;

	if (!tries && mutex->__data.__owner == self->tid &&
	    (mutex->__data.__kind & DLW_KIND_TYPE) == DLW_KIND_RECURSIVE)
		return DLW_GO_ON; /* taken by ourselves: nothing to wait for */
	if (!tries && mutex->__data.__lock == 0)
		return DLW_GO_ON;
	if (tries) {
		int result = dlw_real(pthread_mutex_trylock)(mutex);

		if (result == 0 || result == EOWNERDEAD)
			return result;
	}
	if (mutex->__data.__kind & DLW_KIND_SHARED)
		dlw_shared_wait(dlw_address(mutex));
	else if (dlw_unlikely(dlw_runtime->left_behind))
		dlw_watcher_offer();
	record->want_stack = dlw_stack_exact(self, caller, frame);
	record->want_since_ns = dlw_nanoseconds();
	if (self->log)
		dlw_lock_log_want(self, DLW_MUTEX, mutex, form);
	if (form == DLW_FORM_BLOCKING && is_relock(self, mutex)) {
		record->want_relock = 1;
		if (dlw_options.on_deadlock == DLW_ON_DEADLOCK_BREAK) {
			dlw_watcher_relock(self);
			return EDEADLK;
		}
		dlw_watcher_relock(self);
	}
	return DLW_GO_ON;
}

void dlw_mutex_refused(struct dlw_context *self, const pthread_mutex_t *mutex, int error)
{
	if (error == EDEADLK)
		dlw_misuse_relock(self, DLW_MUTEX, dlw_address(mutex));
	dlw_nest_refused(self, dlw_address(mutex));
	if (dlw_logging(self))
		dlw_log_gave_up(self, dlw_lock_object(self, DLW_MUTEX, mutex), error);
}

bool dlw_mutex_recurse(struct dlw_context *self, const pthread_mutex_t *mutex)
{
	int64_t depth = dlw_hold_find(self, dlw_address(mutex));

	if (depth < 0)
		return false;
	dlw_hold_at(self, (uint32_t)depth)->again++;
	return true;
}

/**
 * dlw_mutex_release_unheld() - an unlock of what the thread is not known to hold
 *
 * Either it was locked before we looked (the C library says that it is ours),
 * or a stranger unlocks: only the types that do not mind let that happen.
 */
int64_t dlw_mutex_release_unheld(struct dlw_context *self, const pthread_mutex_t *mutex)
{
	int type = mutex->__data.__kind & DLW_KIND_TYPE;

	if (mutex->__data.__owner == self->tid)
		dlw_runtime_count(DLW_UNSEEN_HOLDERS, 1);
	else
		dlw_lock_distrust(self, DLW_MUTEX, mutex,
				  type == 0 || type == DLW_KIND_ADAPTIVE);
	return -1;
}

/* -------------------------------------------------------------------------- the hooks */

/** lock_at_length() - pthread_mutex_lock() with everything that may be asked of it */
static __attribute__((noinline)) int lock_at_length(pthread_mutex_t *mutex, uint64_t caller,
						    uint64_t frame)
{
	struct dlw_context *self = dlw_enter();
	int result;

	if (!self)
		return dlw_real(pthread_mutex_lock)(mutex);
	result = dlw_mutex_begin(self, mutex, DLW_FORM_BLOCKING, caller, frame);
	if (dlw_likely(result == DLW_GO_ON)) {
		if (dlw_breaking())
			result = dlw_sliced_mutex_lock(self, mutex);
		else
			result = dlw_real(pthread_mutex_lock)(mutex);
	}
	return dlw_mutex_end(self, mutex, DLW_FORM_BLOCKING, result);
}

/** newest_is() - the thread's newest hold is of @mutex; @count: of its holds */
static inline bool newest_is(const struct dlw_context *self, uint32_t count,
			     const pthread_mutex_t *mutex)
{
	const struct dlw_held *newest = &self->holds[count - 1];

	return count && newest->address == dlw_address(mutex) && newest->kind == DLW_MUTEX;
}

/** is_own_recursive() - ours, also by the C library's word, and not made before a fork */
static inline bool is_own_recursive(const struct dlw_context *self, const pthread_mutex_t *mutex)
{
	return mutex->__data.__kind == DLW_KIND_RECURSIVE && mutex->__data.__owner == self->tid;
}

/** is_recursive() - a hold of @mutex, entered tacitly, that is ours by the C library's word, too */
static inline bool is_recursive(const struct dlw_context *self, const struct dlw_held *held,
				const pthread_mutex_t *mutex)
{
	return dlw_hold_is(held, dlw_address(mutex), DLW_TACIT_RECURSIVE) &&
	       dlw_likely(mutex->__data.__owner == self->tid);
}

/** lock_nested_at_length() - likewise, and the nesting is new, or the section out of the ordinary */
static __attribute__((noinline)) int
lock_nested_at_length(pthread_mutex_t *mutex, struct dlw_context *self, uint64_t holding)
{
	dlw_nest_at_length(self, holding, true);
	return dlw_real(pthread_mutex_lock)(mutex);
}

/*
 * Ways of a nested lock, each short enough to need no register of its callers:
 * one jumps to the next.
 */

/** lock_nested_otherwise() - likewise, and it is not what the thread took next when it was here first */
static __attribute__((noinline)) int
lock_nested_otherwise(pthread_mutex_t *mutex, struct dlw_context *self, uint64_t holding,
		      const struct dlw_thread *record, uint32_t stack)
{
	if (!dlw_nest_quickly(self, record, holding, dlw_address(mutex),
			      dlw_nesting_key(stack, DLW_MUTEX, DLW_EXCLUSIVE)))
		return lock_nested_at_length(mutex, self, holding);
	return dlw_real(pthread_mutex_lock)(mutex);
}

/** lock_noted() - the nesting is that of @note, at @place */
static inline __attribute__((always_inline)) int
lock_noted(pthread_mutex_t *mutex, struct dlw_context *self, uint64_t holding,
	   const struct dlw_thread *record, struct dlw_nesting *note, uint32_t place, bool unclean)
{
	if (!dlw_nest_comes_up(self, record, holding, note, place, unclean))
		return lock_nested_at_length(mutex, self, holding);
	return dlw_real(pthread_mutex_lock)(mutex);
}

/** lock_nested_known() - in a section that has given locks back: any that has been noted */
static __attribute__((noinline)) int
lock_nested_known(pthread_mutex_t *mutex, struct dlw_context *self, uint64_t holding,
		  const struct dlw_thread *record, uint32_t stack)
{
	struct dlw_nest *nest = self->nest;
	const uint32_t *at = &nest->chain[(uint32_t)holding];
	const uint64_t key = dlw_nesting_key(stack, DLW_MUTEX, DLW_EXCLUSIVE) |
			     DLW_NESTING_UNCLEAN | nest->stamp;
	const uint32_t place =
		dlw_nesting_is(nest, *at, at[-1], dlw_address(mutex), key) ?
			*at :
			dlw_nesting_known(nest, at[-1], dlw_address(mutex), key);
	struct dlw_nesting *note = dlw_nesting_at(nest, place);

	if (dlw_unlikely(!place || !dlw_nest_footprint(nest, note, dlw_address(mutex))))
		return lock_nested_at_length(mutex, self, holding);
	return lock_noted(mutex, self, holding, record, note, place, true);
}

/** lock_nested_again() - in such a section: the next one */
static __attribute__((noinline)) int
lock_nested_again(pthread_mutex_t *mutex, struct dlw_context *self, uint64_t holding,
		  const struct dlw_thread *record, uint32_t stack)
{
	struct dlw_nest *nest = self->nest;
	struct dlw_nesting *note = dlw_nest_next(
		nest, nest->chain[(uint32_t)holding - 1], dlw_address(mutex),
		dlw_nesting_key(stack, DLW_MUTEX, DLW_EXCLUSIVE) | DLW_NESTING_UNCLEAN);

	if (!note || !dlw_nest_footprint(nest, note, dlw_address(mutex)))
		return lock_nested_known(mutex, self, holding, record, stack);
	return lock_noted(mutex, self, holding, record, note, dlw_nesting_next(nest->last), true);
}

/** lock_nested_unclean() - in a section that has given its first lock back, it seems */
static __attribute__((noinline)) int
lock_nested_unclean(pthread_mutex_t *mutex, struct dlw_context *self, uint64_t holding,
		    const struct dlw_thread *record, uint32_t stack)
{
	if (!dlw_nest_has_given(self, holding))
		return lock_nested_at_length(mutex, self, holding);
	return lock_nested_known(mutex, self, holding, record, stack);
}

/** lock_nested_next() - in one that has not: the next one */
static inline __attribute__((always_inline)) int
lock_nested_next(pthread_mutex_t *mutex, struct dlw_context *self, uint64_t holding,
		 const struct dlw_thread *record, uint32_t stack)
{
	/* what came up last is the parent */
	const uint32_t parent = self->nest->last;
	struct dlw_nesting *note = dlw_nest_next(self->nest, parent, dlw_address(mutex),
						 dlw_nesting_key(stack, DLW_MUTEX, DLW_EXCLUSIVE));

	if (!note)
		return lock_nested_otherwise(mutex, self, holding, record, stack);
	return lock_noted(mutex, self, holding, record, note, dlw_nesting_next(parent), false);
}

/** lock_nested_first() - in a section that begins, it seems */
static __attribute__((noinline)) int
lock_nested_first(pthread_mutex_t *mutex, struct dlw_context *self, uint64_t holding,
		  const struct dlw_thread *record, uint32_t stack)
{
	if (!dlw_nest_begins_again(self, holding))
		return lock_nested_otherwise(mutex, self, holding, record, stack);
	return lock_nested_next(mutex, self, holding, record, stack);
}

/** lock_nested() - the hold just entered is nested, in @holding */
static __attribute__((noinline)) int lock_nested(pthread_mutex_t *mutex, struct dlw_context *self,
						 uint64_t holding, const struct dlw_thread *record,
						 uint32_t stack)
{
	if (dlw_unlikely(!dlw_nest_as_ever(self)))
		return lock_nested_at_length(mutex, self, holding);
	if (self->nest_expected == holding)
		return lock_nested_next(mutex, self, holding, record, stack);
	if (self->nest_expected >> 32 != holding >> 32)
		return lock_nested_first(mutex, self, holding, record, stack);
	if (self->nest_expected & DLW_NEST_UNCLEAN)
		return lock_nested_again(mutex, self, holding, record, stack);
	return lock_nested_unclean(mutex, self, holding, record, stack);
}

/** lock_overtaken() - a handler has come in between */
static __attribute__((noinline)) int lock_overtaken(pthread_mutex_t *mutex,
						    struct dlw_context *self, uint64_t holding,
						    uint64_t word)
{
	dlw_hold_put_right(self, dlw_address(mutex), word);
	if (dlw_nests(holding))
		dlw_nest(self, holding, true);
	return dlw_real(pthread_mutex_lock)(mutex);
}

/** lock_entering() - it looks free, and there is room for one more hold behind @holding */
static inline __attribute__((always_inline)) int
lock_entering(pthread_mutex_t *mutex, struct dlw_context *self, struct dlw_thread *record,
	      uint64_t holding, uint32_t stack, uint8_t tacit)
{
	uint64_t word = dlw_hold_word(DLW_MUTEX, DLW_EXCLUSIVE, stack, tacit);

	if (dlw_unlikely(!dlw_hold_append(self, record, holding, dlw_address(mutex), word)))
		return lock_overtaken(mutex, self, holding, word);
	if (dlw_nests(holding))
		return lock_nested(mutex, self, holding, record, stack);
	return dlw_real(pthread_mutex_lock)(mutex);
}

/** relock() - a recursive one that is ours; more than so often may be refused */
static inline bool relock(struct dlw_held *held)
{
	uint32_t again = held->again + 1;

	if (dlw_unlikely((int32_t)again < 0))
		return false;
	held->again = again;
	return true;
}

/**
 * lock_recursive() - it looks taken, or is no plain mutex: perhaps a recursive one, and nothing else
 *
 * One that was not entered tacitly the first time counts as such from now on:
 * the C library's word is as good.
 */
static __attribute__((noinline)) int lock_recursive(pthread_mutex_t *mutex,
						    struct dlw_context *self, uint64_t frame,
						    uint64_t holding)
{
	const uint64_t caller = dlw_caller_at(frame);
	const struct dlw_site *site = dlw_site_of(self, caller, frame);

	if (!dlw_site_is(site, caller, frame))
		site = dlw_site_beside(site);
	if (mutex->__data.__lock == 0 && mutex->__data.__kind == DLW_KIND_RECURSIVE &&
	    (uint32_t)holding < self->hold_room &&
	    dlw_site_serves_unlogged(self->open, site, caller, frame))
		return lock_entering(mutex, self, self->record, holding, site->stack,
				     DLW_TACIT_RECURSIVE);
	if (!newest_is(self, (uint32_t)holding, mutex) || !is_own_recursive(self, mutex) ||
	    !relock(dlw_hold_at(self, 0)))
		return lock_at_length(mutex, caller, frame);
	dlw_hold_at(self, 0)->tacit = DLW_TACIT_RECURSIVE;
	return dlw_real(pthread_mutex_lock)(mutex);
}

/** relocked() - once more; .open is shut */
static __attribute__((noinline)) int relocked(pthread_mutex_t *mutex, struct dlw_context *self,
					      uint32_t stack)
{
	dlw_hold_log(self, DLW_MUTEX, DLW_EXCLUSIVE, mutex, DLW_FORM_BLOCKING, stack);
	return dlw_hold_leave(self);
}

/** had_again() - a recursive one that is the newest hold, tried, and had */
static inline __attribute__((always_inline)) int
had_again(pthread_mutex_t *mutex, struct dlw_context *self, uint32_t stack)
{
	struct dlw_thread *record;
	struct dlw_slot *slot;
	uint64_t holding;

	dlw_inside_quickly(self);
	record = self->record;
	slot = self->log;
	if (dlw_unlikely(!record)) /* the child of a handler's fork */
		return 0;
	holding = dlw_hold_now(record);
	self->holds[(uint32_t)holding - 1].again++;
	if (dlw_unlikely(!slot) ||
	    !dlw_hold_say_again(slot, dlw_address(mutex),
				dlw_hold_word(DLW_MUTEX, DLW_EXCLUSIVE, stack, 0), holding))
		return relocked(mutex, self, stack);
	if (dlw_unlikely(!dlw_leave_quickly(self)))
		return dlw_hold_leave(self);
	return 0;
}

/** is_newest_again() - ours, the newest hold, and may be taken once more */
static inline bool is_newest_again(const struct dlw_context *self, const pthread_mutex_t *mutex)
{
	uint32_t count = dlw_hold_count(self);

	return is_own_recursive(self, mutex) && newest_is(self, count, mutex) &&
	       self->holds[count - 1].again <= UINT32_MAX / 2;
}

/** relock_logged() - lock_logged() of a recursive one: perhaps one hold more, and the same */
static __attribute__((noinline)) int relock_logged(pthread_mutex_t *mutex,
						   struct dlw_context *self, uint32_t stack,
						   uint64_t frame)
{
	pthread_mutex_t *volatile saved_mutex;
	volatile uint64_t saved_frame;
	volatile uint32_t saved_stack;
	volatile bool again = mutex->__data.__lock != 0;

	if (mutex->__data.__kind != DLW_KIND_RECURSIVE ||
	    (again && !is_newest_again(self, mutex)))
		return lock_at_length(mutex, dlw_caller_at(frame), frame);
	saved_mutex = mutex;
	saved_frame = frame;
	saved_stack = stack;
	if (dlw_unlikely(dlw_real(pthread_mutex_trylock)(mutex) != 0))
		return lock_at_length(saved_mutex, dlw_caller_at(saved_frame), saved_frame);
	if (again)
		return had_again(saved_mutex, dlw_self, saved_stack);
	return dlw_hold_had(saved_mutex, dlw_self, DLW_MUTEX, DLW_EXCLUSIVE, DLW_FORM_BLOCKING,
			    saved_stack);
}

/**
 * lock_logged() - tried, so that the log says of each acquisition whether it had to wait
 *
 * What is to outlast the try waits in memory: to save a register and bring it
 * back takes twice as much.
 */
static __attribute__((noinline)) int lock_logged(pthread_mutex_t *mutex, uint32_t stack,
						 uint64_t frame)
{
	pthread_mutex_t *volatile saved_mutex;
	volatile uint64_t saved_frame;
	volatile uint32_t saved_stack;

	saved_mutex = mutex;
	saved_frame = frame;
	saved_stack = stack;
	if (dlw_unlikely(dlw_real(pthread_mutex_trylock)(mutex) != 0))
		return lock_at_length(saved_mutex, dlw_caller_at(saved_frame), saved_frame);
	return dlw_hold_had(saved_mutex, dlw_self, DLW_MUTEX, DLW_EXCLUSIVE, DLW_FORM_BLOCKING,
			    saved_stack);
}

/** lock_special_logged() - likewise, with a log, or at length */
static __attribute__((noinline)) int lock_special_logged(pthread_mutex_t *mutex,
							 struct dlw_context *self, uint64_t frame)
{
	const uint64_t caller = dlw_caller_at(frame);
	const struct dlw_site *site = dlw_site_of(self, caller, frame);

	if (self->open == DLW_WAY_LOGGED && mutex->__data.__kind &&
	    dlw_site_is(site, caller, frame))
		return relock_logged(mutex, self, site->stack, frame);
	return lock_at_length(mutex, caller, frame);
}

/** lock_special() - it looks taken, or is no plain mutex; mostly a recursive one, once more */
static __attribute__((noinline)) int lock_special(pthread_mutex_t *mutex, struct dlw_context *self,
						  uint64_t frame)
{
	struct dlw_held *newest;
	uint64_t holding;

	if (dlw_unlikely(!(self->open & DLW_WAY_UNLOGGED)))
		return lock_special_logged(mutex, self, frame);
	holding = dlw_hold_now(self->record);
	newest = &self->holds[(uint32_t)holding] - 1;
	if (dlw_unlikely(!(uint32_t)holding || !is_recursive(self, newest, mutex) ||
			 !relock(newest)))
		return lock_recursive(mutex, self, frame, holding);
	return dlw_real(pthread_mutex_lock)(mutex);
}

/** lock_tacitly() - entered first, and jumped to; @holding: what the thread holds */
static inline __attribute__((always_inline)) int
lock_tacitly(pthread_mutex_t *mutex, uint64_t caller, uint64_t frame, struct dlw_context *self,
	     uint64_t holding, uint32_t stack)
{
	if (dlw_unlikely((uint32_t)holding && (uint32_t)holding == self->hold_room))
		return lock_at_length(mutex, caller, frame);
	return lock_entering(mutex, self, self->record, holding, stack, DLW_TACIT_PLAIN);
}

/** lock_by_site() - at a site that is right; said apart for a thread that holds nothing: it spares much */
static inline __attribute__((always_inline)) int
lock_by_site(pthread_mutex_t *mutex, uint64_t caller, uint64_t frame, struct dlw_context *self,
	     const struct dlw_site *site)
{
	uint64_t holding = dlw_hold_now(self->record);

	if (dlw_likely((uint32_t)holding == 0))
		return lock_tacitly(mutex, caller, frame, self, holding, site->stack);
	return lock_tacitly(mutex, caller, frame, self, holding, site->stack);
}

/** lock_elsewhere() - the entry in the site's place is of another one, or of another stack; and that beside? */
static __attribute__((noinline)) int lock_elsewhere(pthread_mutex_t *mutex,
						    struct dlw_context *self, uint64_t frame)
{
	const uint64_t caller = dlw_caller_at(frame);
	const struct dlw_site *site = dlw_site_beside(dlw_site_of(self, caller, frame));

	if (!dlw_site_is(site, caller, frame))
		return lock_at_length(mutex, caller, frame);
	if (dlw_site_is_still(self->open, site, frame))
		return lock_by_site(mutex, caller, frame, self, site);
	if (self->open == DLW_WAY_LOGGED)
		return lock_logged(mutex, site->stack, frame);
	return lock_at_length(mutex, caller, frame);
}

/**
 * pthread_mutex_lock() - acquire, and be seen waiting if it takes time
 *
 * The short way, for a plain mutex that looks free at a site seen before, with
 * nothing asked for but the live graph, and perhaps exact stacks. The hold is
 * entered first, tacitly (session.h), and the C library's function is
 * jumped to: for such a mutex it returns with the lock or not at all, so there
 * is nothing left to say afterwards. .open stays as it is, and a handler that
 * comes in between records what it does.
 *
 * Context: any thread, any time after the loader mapped us, also inside our
 *          own unwinder; errno and cancellation are the C library's.
 * Return:  exactly what the C library returns; EOWNERDEAD is an acquisition.
 */
DLW_HOOK int pthread_mutex_lock(pthread_mutex_t *mutex)
{
	struct dlw_context *self = dlw_self;
	const struct dlw_site *site;

	if (dlw_unlikely(mutex->__data.__lock | mutex->__data.__kind))
		return lock_special(mutex, self, DLW_FRAME);
	site = dlw_site_of(self, DLW_CALLER, DLW_FRAME);
	if (dlw_unlikely(!dlw_site_is(site, DLW_CALLER, DLW_FRAME)))
		return lock_elsewhere(mutex, self, DLW_FRAME);
	if (dlw_likely(dlw_site_is_still(self->open, site, DLW_FRAME)))
		return lock_by_site(mutex, DLW_CALLER, DLW_FRAME, self, site);
	if (self->open == DLW_WAY_LOGGED)
		return lock_logged(mutex, site->stack, DLW_FRAME);
	return lock_elsewhere(mutex, self, DLW_FRAME);
}

DLW_HOOK int pthread_mutex_timedlock(pthread_mutex_t *mutex, const struct timespec *until)
{
	struct dlw_context *self = dlw_enter();
	int result;

	if (!self)
		return dlw_real(pthread_mutex_timedlock)(mutex, until);
	result = dlw_mutex_begin(self, mutex, DLW_FORM_TIMED, DLW_CALLER, DLW_FRAME);
	if (result == DLW_GO_ON)
		result = dlw_real(pthread_mutex_timedlock)(mutex, until);
	return dlw_mutex_end(self, mutex, DLW_FORM_TIMED, result);
}

DLW_HOOK int pthread_mutex_clocklock(pthread_mutex_t *mutex, clockid_t clock,
				     const struct timespec *until)
{
	struct dlw_context *self = dlw_enter();
	int result;

	if (!self)
		return dlw_real(pthread_mutex_clocklock)(mutex, clock, until);
	result = dlw_mutex_begin(self, mutex, DLW_FORM_TIMED, DLW_CALLER, DLW_FRAME);
	if (result == DLW_GO_ON)
		result = dlw_real(pthread_mutex_clocklock)(mutex, clock, until);
	return dlw_mutex_end(self, mutex, DLW_FORM_TIMED, result);
}

static __attribute__((noinline)) int try_at_length(pthread_mutex_t *mutex, uint64_t caller,
						   uint64_t frame)
{
	struct dlw_context *self = dlw_enter();
	uint32_t stack;
	int result;

	if (!self)
		return dlw_real(pthread_mutex_trylock)(mutex);
	stack = dlw_stack_here(self, caller, frame);
	result = dlw_real(pthread_mutex_trylock)(mutex);
	if (result == 0 || result == EOWNERDEAD)
		dlw_mutex_acquired(self, mutex, DLW_FORM_TRY, stack, false);
	else
		dlw_nest_refused(self, dlw_address(mutex));
	if (result == EBUSY && dlw_logging(self))
		dlw_lock_log_try_failed(self, DLW_MUTEX, DLW_EXCLUSIVE, mutex, stack);
	dlw_not_polling(self);
	dlw_leave(self);
	return result;
}

/** try_refused() - the hold goes again; that it was refused tells something of others */
static __attribute__((noinline)) int try_refused(const pthread_mutex_t *mutex, int result)
{
	struct dlw_context *self = dlw_enter();
	int64_t depth;

	if (!self)
		return result;
	depth = dlw_hold_find(self, dlw_address(mutex));
	if (depth >= 0)
		dlw_hold_drop(self, (uint32_t)depth);
	dlw_nest_refused(self, dlw_address(mutex));
	dlw_not_polling(self);
	dlw_leave(self);
	return result;
}

/** try_otherwise() - the short way */
static __attribute__((noinline)) int try_otherwise(pthread_mutex_t *mutex, uint64_t frame)
{
	const uint64_t caller = dlw_caller_at(frame);
	uint32_t stack;
	int result;

	if (dlw_unlikely(mutex->__data.__kind || !dlw_lock_quick(caller, frame, &stack)))
		return try_at_length(mutex, caller, frame);
	result = dlw_real(pthread_mutex_trylock)(mutex);
	if (result == 0)
		dlw_lock_quick_had(DLW_MUTEX, DLW_EXCLUSIVE, mutex, DLW_FORM_TRY, stack);
	else
		dlw_lock_quick_refused(DLW_MUTEX, DLW_EXCLUSIVE, mutex, stack);
	dlw_not_polling(dlw_self);
	return result;
}

/** try_logged_refused() - it was not to be had */
static __attribute__((noinline)) int try_logged_refused(const pthread_mutex_t *mutex,
							uint32_t stack, int result)
{
	dlw_lock_quick_refused(DLW_MUTEX, DLW_EXCLUSIVE, mutex, stack);
	return result;
}

/** try_logged() - with a log; what is to outlast the try waits in memory, as in lock_logged() */
static __attribute__((noinline)) int try_logged(pthread_mutex_t *mutex, uint64_t frame)
{
	struct dlw_context *self = dlw_self;
	const struct dlw_site *site = dlw_site_logged(self, frame);
	pthread_mutex_t *volatile saved_mutex;
	volatile uint32_t saved_stack;
	int result;

	if (dlw_unlikely(!site || mutex->__data.__kind))
		return try_otherwise(mutex, frame);
	saved_mutex = mutex;
	saved_stack = site->stack;
	dlw_not_polling(self);
	result = dlw_real(pthread_mutex_trylock)(mutex);
	if (dlw_unlikely(result != 0))
		return try_logged_refused(saved_mutex, saved_stack, result);
	return dlw_hold_had(saved_mutex, dlw_self, DLW_MUTEX, DLW_EXCLUSIVE, DLW_FORM_TRY,
			    saved_stack);
}

/** try_overtaken() - a handler has come in between */
static __attribute__((noinline)) void try_overtaken(struct dlw_context *self,
						    const pthread_mutex_t *mutex, uint32_t stack)
{
	dlw_hold_put_right(self, dlw_address(mutex),
			   dlw_hold_word(DLW_MUTEX, DLW_EXCLUSIVE, stack, DLW_TACIT_PLAIN));
}

/**
 * pthread_mutex_trylock() - never waits, so wants nothing; what it gets is held
 *
 * The shortest way, of a thread that holds nothing, is that of pthread_mutex_lock(),
 * but that the hold goes again if the mutex was not to be had.
 */
DLW_HOOK int pthread_mutex_trylock(pthread_mutex_t *mutex)
{
	struct dlw_context *self = dlw_self;
	const struct dlw_site *site = dlw_site_of(self, DLW_CALLER, DLW_FRAME);
	struct dlw_thread *record = self->record;
	uint64_t holding;
	int result;

	if (dlw_unlikely(!dlw_site_serves_unlogged(self->open, site, DLW_CALLER, DLW_FRAME)))
		return try_logged(mutex, DLW_FRAME);
	holding = dlw_hold_now(record);
	if (dlw_unlikely((uint32_t)holding | (uint32_t)mutex->__data.__lock |
			 (uint32_t)mutex->__data.__kind))
		return try_otherwise(mutex, DLW_FRAME);
	dlw_hold_fill_apart(self->holds, dlw_address(mutex), DLW_MUTEX, DLW_EXCLUSIVE, site->stack,
			    DLW_TACIT_PLAIN);
	if (dlw_unlikely(!dlw_hold_counts(record, holding)))
		try_overtaken(self, mutex, site->stack);
	result = dlw_real(pthread_mutex_trylock)(mutex);
	if (dlw_unlikely(result != 0))
		result = try_refused(mutex, result);
	return result;
}

/** unlock_unheld() - what is wrong with it is seen before and told after */
static int unlock_unheld(struct dlw_context *self, pthread_mutex_t *mutex, uint64_t caller,
			 uint64_t frame)
{
	struct dlw_misuse note;
	bool misuse = dlw_misuse_unlock(self, &note, mutex);
	int result;

	dlw_mutex_release_unheld(self, mutex);
	result = dlw_real(pthread_mutex_unlock)(mutex);
	if (misuse)
		dlw_misuse_unlocked(self, &note, result, caller, frame);
	return result;
}

/** unlock_at_length() - pthread_mutex_unlock() with everything that may be asked of it */
static __attribute__((noinline)) int unlock_at_length(pthread_mutex_t *mutex, uint64_t caller,
						      uint64_t frame)
{
	struct dlw_context *self = dlw_enter();
	int64_t depth;
	int result;

	if (!self)
		return dlw_real(pthread_mutex_unlock)(mutex);
	depth = dlw_hold_find(self, dlw_address(mutex));
	if (dlw_unlikely(depth < 0)) {
		result = unlock_unheld(self, mutex, caller, frame);
		dlw_leave(self);
		return result;
	}
	dlw_mutex_release(self, mutex);
	result = dlw_real(pthread_mutex_unlock)(mutex);
	if (dlw_unlikely(result != 0)) /* refused: it is still held */
		dlw_mutex_acquired(self, mutex, DLW_FORM_TRY, dlw_stack_here(self, caller, frame),
				   false);
	dlw_leave(self);
	return result;
}

/** unlock_logged() - in the log before it is done */
static __attribute__((noinline)) int unlock_logged(pthread_mutex_t *mutex, uint64_t caller,
						   uint64_t frame)
{
	struct dlw_context *self = dlw_self;
	uint32_t count = self->open ? dlw_hold_count(self) : 0;

	if (self->open != DLW_WAY_LOGGED || !newest_is(self, count, mutex) ||
	    (mutex->__data.__kind & DLW_KIND_TYPE && !is_own_recursive(self, mutex)))
		return unlock_at_length(mutex, caller, frame);
	dlw_inside(self);
	dlw_hold_unlog(self, DLW_MUTEX, DLW_EXCLUSIVE, mutex);
	dlw_hold_drop(self, 0);
	dlw_leave(self);
	return dlw_real(pthread_mutex_unlock)(mutex);
}

/** leave_and_unlock() - something has come up in between */
static __attribute__((noinline)) int leave_and_unlock(pthread_mutex_t *mutex,
						      struct dlw_context *self)
{
	dlw_leave(self);
	return dlw_real(pthread_mutex_unlock)(mutex);
}

/** unlock_unclosed() - it has a time, or is not the newest hold, or there is no log of all */
static __attribute__((noinline)) int unlock_unclosed(pthread_mutex_t *mutex,
						     struct dlw_context *self, uint64_t frame)
{
	dlw_outside(self);
	return unlock_logged(mutex, dlw_caller_at(frame), frame);
}

/**
 * unlog() - the newest hold, with four bytes or none; false: at length
 *
 * If its acquisition was the last thing logged, that tells of its release. It
 * was one of the short way then, so the type is one that this is right for.
 */
static inline bool unlog(struct dlw_context *self, uint64_t holding,
			 const struct dlw_held *newest, const pthread_mutex_t *mutex)
{
	struct dlw_slot *slot = self->log;
	struct dlw_object *object;

	if (dlw_quick_closed(slot, dlw_address(mutex), false))
		return true;
	object = dlw_hold_object(self, holding, dlw_address(mutex), DLW_MUTEX);
	if (dlw_unlikely(!object || newest->timed || mutex->__data.__kind ||
			 !dlw_quick_has_room(slot)))
		return false;
	dlw_quick_ticket(object);
	dlw_quick_put_short(slot);
	return true;
}

/** unlock_unsaid() - its acquisition was said otherwise, or not last; .open is shut */
static __attribute__((noinline)) int unlock_unsaid(pthread_mutex_t *mutex,
						   struct dlw_context *self, uint64_t frame)
{
	struct dlw_thread *record = self->record;
	uint64_t holding = dlw_hold_now(record);
	struct dlw_held *newest = &self->holds[(uint32_t)holding - 1];

	if (dlw_unlikely(self->way != DLW_WAY_LOGGED) ||
	    !newest_is(self, (uint32_t)holding, mutex) || !unlog(self, holding, newest, mutex))
		return unlock_unclosed(mutex, self, frame);
	if (dlw_unlikely(newest->again))
		newest->again--;
	else
		dlw_hold_pop(record, holding);
	if (dlw_unlikely(self->at_leave))
		return leave_and_unlock(mutex, self);
	atomic_signal_fence(memory_order_seq_cst);
	self->open = self->way;
	return dlw_real(pthread_mutex_unlock)(mutex);
}

/**
 * unlock_otherwise() - logged, mostly
 *
 * Calls nothing but in its own place: no register has to be saved.
 */
static __attribute__((noinline)) int unlock_otherwise(pthread_mutex_t *mutex,
						      struct dlw_context *self, uint64_t frame)
{
	struct dlw_thread *record;
	struct dlw_slot *slot;
	uint64_t holding;

	dlw_inside_quickly(self);
	record = self->record;
	slot = self->log;
	if (dlw_unlikely(!slot))
		return unlock_unclosed(mutex, self, frame);
	holding = dlw_hold_now(record);
	if (!dlw_hold_unsay(slot, dlw_address(mutex), false, holding))
		return unlock_unsaid(mutex, self, frame);
	dlw_hold_pop(record, holding);
	if (dlw_unlikely(self->at_leave))
		return leave_and_unlock(mutex, self);
	atomic_signal_fence(memory_order_seq_cst);
	self->open = self->way;
	return dlw_real(pthread_mutex_unlock)(mutex);
}

/** unlock_newest() - of any type, had in whatever way; else at length */
static __attribute__((noinline)) int unlock_newest(pthread_mutex_t *mutex, uint64_t frame,
						   struct dlw_context *self, uint64_t holding)
{
	if (!newest_is(self, (uint32_t)holding, mutex) ||
	    (mutex->__data.__kind & DLW_KIND_TYPE && !is_own_recursive(self, mutex)))
		return unlock_at_length(mutex, dlw_caller_at(frame), frame);
	dlw_hold_drop(self, 0);
	return dlw_real(pthread_mutex_unlock)(mutex);
}

/** unlock_special() - it is not a plain mutex that was entered tacitly: perhaps a recursive one */
static __attribute__((noinline)) int unlock_special(pthread_mutex_t *mutex, uint64_t frame,
						    struct dlw_context *self, uint64_t holding,
						    struct dlw_held *newest)
{
	if (dlw_unlikely(!is_recursive(self, newest, mutex)))
		return unlock_newest(mutex, frame, self, holding);
	if (dlw_likely(newest->again))
		newest->again--;
	else
		dlw_hold_pop(self->record, holding);
	return dlw_real(pthread_mutex_unlock)(mutex);
}

/** unlock_inside() - of a thread that holds others, too, or nothing */
static __attribute__((noinline)) int unlock_inside(pthread_mutex_t *mutex, uint64_t frame,
						   struct dlw_context *self, uint64_t holding)
{
	struct dlw_held *newest = &self->holds[(uint32_t)holding] - 1;

	if (dlw_unlikely(!(uint32_t)holding))
		return unlock_at_length(mutex, dlw_caller_at(frame), frame);
	if (dlw_unlikely(!dlw_hold_is(newest, dlw_address(mutex), DLW_TACIT_PLAIN)))
		return unlock_special(mutex, frame, self, holding, newest);
	dlw_hold_pop(self->record, holding);
	return dlw_real(pthread_mutex_unlock)(mutex);
}

/**
 * pthread_mutex_unlock() - the hold goes first, so that nobody is seen waiting
 * for a thread that has let go
 *
 * The short way, for the newest hold: one store, which a handler that comes in
 * between cannot spoil. Once unlocked the mutex may be gone: it is not touched.
 */
DLW_HOOK int pthread_mutex_unlock(pthread_mutex_t *mutex)
{
	struct dlw_context *self = dlw_self;
	struct dlw_thread *record = self->record;
	uint64_t holding;

	if (dlw_unlikely(!(self->open & DLW_WAY_UNLOGGED)))
		return self->open ? unlock_otherwise(mutex, self, DLW_FRAME) :
				    unlock_at_length(mutex, DLW_CALLER, DLW_FRAME);
	holding = dlw_hold_now(record);
	if (dlw_unlikely((uint32_t)holding != 1))
		return unlock_inside(mutex, DLW_FRAME, self, holding);
	if (dlw_unlikely(!dlw_hold_is(self->holds, dlw_address(mutex), DLW_TACIT_PLAIN)))
		return unlock_special(mutex, DLW_FRAME, self, holding, self->holds);
	dlw_hold_pop(record, holding);
	return dlw_real(pthread_mutex_unlock)(mutex);
}

static uint32_t shared_trait(const pthread_mutexattr_t *attributes)
{
	int shared = PTHREAD_PROCESS_PRIVATE;

	if (attributes)
		pthread_mutexattr_getpshared(attributes, &shared);
	return shared == PTHREAD_PROCESS_SHARED ? DLW_TRAIT_SHARED : 0;
}

static __attribute__((noinline)) int init_at_length(pthread_mutex_t *mutex,
						    const pthread_mutexattr_t *attributes,
						    uint64_t caller, uint64_t frame)
{
	struct dlw_context *self = dlw_enter();
	int result = dlw_real(pthread_mutex_init)(mutex, attributes);

	if (!self)
		return result;
	if (result == 0 && mutex->__data.__kind & DLW_KIND_SHARED)
		dlw_shared_begin(dlw_address(mutex));
	if (result == 0)
		dlw_object_begin(self, dlw_address(mutex), DLW_MUTEX,
				 dlw_mutex_type(mutex->__data.__kind),
				 dlw_mutex_traits(mutex->__data.__kind) | shared_trait(attributes),
				 dlw_stack_here(self, caller, frame));
	dlw_leave(self);
	return result;
}

/** init_otherwise() - the short way with more asked for, or of one that was nested */
static __attribute__((noinline)) int init_otherwise(pthread_mutex_t *mutex,
						    const pthread_mutexattr_t *attributes,
						    uint64_t caller, uint64_t frame)
{
	struct dlw_object *object = dlw_object_known(dlw_self, dlw_address(mutex));
	uint32_t stack;

	if (attributes || !object || !dlw_lock_quick(caller, frame, &stack))
		return init_at_length(mutex, attributes, caller, frame);
	dlw_object_begins(object, DLW_MUTEX, dlw_mutex_type(0), 0, stack);
	return dlw_real(pthread_mutex_init)(mutex, NULL);
}

/** pthread_mutex_init() - the short way for a plain one, which cannot be refused */
DLW_HOOK int pthread_mutex_init(pthread_mutex_t *mutex, const pthread_mutexattr_t *attributes)
{
	struct dlw_context *self = dlw_self;
	struct dlw_object *object = dlw_object_known(self, dlw_address(mutex));
	const struct dlw_site *site = dlw_site_of(self, DLW_CALLER, DLW_FRAME);

	if (dlw_unlikely(attributes || !object || dlw_object_is_nested(object) ||
			 self->open != DLW_WAY_SHORT || !dlw_site_is(site, DLW_CALLER, DLW_FRAME)))
		return init_otherwise(mutex, attributes, DLW_CALLER, DLW_FRAME);
	dlw_object_starts(object, DLW_MUTEX);
	object->type = (uint8_t)dlw_mutex_type(0);
	object->init_stack = site->stack;
	return dlw_real(pthread_mutex_init)(mutex, NULL);
}

static __attribute__((noinline)) int destroy_at_length(pthread_mutex_t *mutex, uint64_t caller,
						       uint64_t frame)
{
	struct dlw_context *self = dlw_enter();
	int result;

	if (!self)
		return dlw_real(pthread_mutex_destroy)(mutex);
	if (dlw_unlikely(dlw_mutex_looks_used(mutex)))
		dlw_misuse_destroy(self, DLW_MUTEX, mutex, sizeof(*mutex), caller, frame);
	result = dlw_real(pthread_mutex_destroy)(mutex);
	if (result == 0)
		dlw_object_end(self, dlw_address(mutex));
	dlw_leave(self);
	return result;
}

/** destroy_otherwise() - as the short way below, and in the log, or of one that was nested */
static __attribute__((noinline)) int destroy_otherwise(pthread_mutex_t *mutex,
						       struct dlw_object *object)
{
	struct dlw_context *self = dlw_self;

	if (self->way != DLW_WAY_LOGGED) {
		dlw_object_is_gone(object);
		return dlw_real(pthread_mutex_destroy)(mutex);
	}
	dlw_inside_quickly(self);
	if (dlw_logging(self))
		dlw_log_destroyed(self, object);
	dlw_object_is_gone(object);
	dlw_leave(self);
	return dlw_real(pthread_mutex_destroy)(mutex);
}

/** pthread_mutex_destroy() - the short way for a plain one out of use, which cannot be refused */
DLW_HOOK int pthread_mutex_destroy(pthread_mutex_t *mutex)
{
	struct dlw_context *self = dlw_self;
	struct dlw_object *object = dlw_object_known(self, dlw_address(mutex));

	if (dlw_unlikely(!object || !self->open || self->open == DLW_WAY_LONG ||
			 mutex->__data.__kind || dlw_mutex_looks_used(mutex)))
		return destroy_at_length(mutex, DLW_CALLER, DLW_FRAME);
	if (dlw_unlikely(self->way == DLW_WAY_LOGGED || dlw_object_is_nested(object)))
		return destroy_otherwise(mutex, object);
	dlw_object_stops(object);
	return dlw_real(pthread_mutex_destroy)(mutex);
}

/** pthread_mutex_consistent() - of no effect on who owns it; in the family for completeness */
DLW_HOOK int pthread_mutex_consistent(pthread_mutex_t *mutex)
{
	return dlw_real(pthread_mutex_consistent)(mutex);
}

/** pthread_mutex_setprioceiling() - locks and unlocks inside the C library, and is seen waiting */
DLW_HOOK int pthread_mutex_setprioceiling(pthread_mutex_t *mutex, int ceiling, int *old)
{
	struct dlw_context *self = dlw_enter();
	int result;

	if (!self)
		return dlw_real(pthread_mutex_setprioceiling)(mutex, ceiling, old);
	dlw_want(self, DLW_MUTEX, DLW_EXCLUSIVE, DLW_FORM_BLOCKING, dlw_address(mutex),
		 dlw_stack_here(self, DLW_CALLER, DLW_FRAME), DLW_FRAME);
	dlw_outside(self);
	result = dlw_real(pthread_mutex_setprioceiling)(mutex, ceiling, old);
	dlw_inside(self);
	dlw_want_end(self);
	dlw_leave(self);
	return result;
}
