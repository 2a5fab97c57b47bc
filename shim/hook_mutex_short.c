/*
 * shim/hook_mutex_short.c - the short ways through lock, try and unlock
 *
 * With nothing asked for but the live graph, and perhaps exact stacks: where the
 * lock looked free, the wish itself is spared, for its hold is entered first.
 * Each function calls nothing but in its own place and jumps to the next one, so
 * that no register has to be saved.
 */
#include "shim/hook_mutex_ways.h"

#include "shim/real.h"

#include "shim/banned.h"

/** is_recursive() - a hold of @mutex, entered tacitly, that is ours by the C library's word, too */
static inline bool is_recursive(const struct dlw_context *self, const struct dlw_held *held,
				const pthread_mutex_t *mutex)
{
	return dlw_hold_is(held, dlw_address(mutex), DLW_TACIT_RECURSIVE) &&
	       dlw_likely(mutex->__data.__owner == self->tid);
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
	      uint64_t holding, struct dlw_site *site, uint8_t tacit)
{
	uint64_t word = dlw_hold_word(DLW_MUTEX, DLW_EXCLUSIVE, site->stack, tacit);

	if (dlw_unlikely(!dlw_hold_append(self, record, holding, dlw_address(mutex), word)))
		return lock_overtaken(mutex, self, holding, word);
	if (dlw_nests(holding))
		return dlw_mutex_lock_nested(mutex, self, holding, record, site);
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
	struct dlw_site *site = dlw_site_of(self, caller, frame);

	if (!dlw_site_is(site, caller, frame))
		site = dlw_site_beside(site);
	if (mutex->__data.__lock == 0 && mutex->__data.__kind == DLW_KIND_RECURSIVE &&
	    (uint32_t)holding < self->hold_room &&
	    dlw_site_serves_unlogged(self, site, caller, frame))
		return lock_entering(mutex, self, self->record, holding, site,
				     DLW_TACIT_RECURSIVE);
	if (!dlw_mutex_is_newest(self, (uint32_t)holding, mutex) ||
	    !dlw_mutex_is_own_recursive(self, mutex) || !relock(dlw_hold_at(self, 0)))
		return dlw_mutex_lock_at_length(mutex, caller, frame);
	dlw_hold_at(self, 0)->tacit = DLW_TACIT_RECURSIVE;
	return dlw_real(pthread_mutex_lock)(mutex);
}

/** lock_special() - it looks taken, or is no plain mutex; mostly a recursive one, once more */
static __attribute__((noinline)) int lock_special(pthread_mutex_t *mutex, struct dlw_context *self,
						  uint64_t frame)
{
	struct dlw_held *newest;
	uint64_t holding;

	if (dlw_unlikely(!(self->open & DLW_WAY_UNLOGGED)))
		return dlw_mutex_lock_special_logged(mutex, self, frame);
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
	     uint64_t holding, struct dlw_site *site)
{
	if (dlw_unlikely((uint32_t)holding && (uint32_t)holding == self->hold_room))
		return dlw_mutex_lock_at_length(mutex, caller, frame);
	return lock_entering(mutex, self, self->record, holding, site, DLW_TACIT_PLAIN);
}

/** lock_by_site() - at a site that is right; said apart for a thread that holds nothing: it spares much */
static inline __attribute__((always_inline)) int
lock_by_site(pthread_mutex_t *mutex, uint64_t caller, uint64_t frame, struct dlw_context *self,
	     struct dlw_site *site)
{
	uint64_t holding = dlw_hold_now(self->record);

	if (dlw_likely((uint32_t)holding == 0))
		return lock_tacitly(mutex, caller, frame, self, holding, site);
	return lock_tacitly(mutex, caller, frame, self, holding, site);
}

/** lock_elsewhere() - the entry in the site's place is of another one, or of another stack; and that beside? */
static __attribute__((noinline)) int lock_elsewhere(pthread_mutex_t *mutex,
						    struct dlw_context *self, uint64_t frame)
{
	const uint64_t caller = dlw_caller_at(frame);
	struct dlw_site *site = dlw_site_beside(dlw_site_of(self, caller, frame));

	if (!dlw_site_is(site, caller, frame))
		return dlw_mutex_lock_at_length(mutex, caller, frame);
	if (dlw_site_is_still(self, site, frame))
		return lock_by_site(mutex, caller, frame, self, site);
	if (self->open == DLW_WAY_LOGGED)
		return dlw_mutex_lock_logged(mutex, site->stack, frame);
	return dlw_mutex_lock_at_length(mutex, caller, frame);
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
	struct dlw_site *site;

	if (dlw_unlikely(mutex->__data.__lock | mutex->__data.__kind))
		return lock_special(mutex, self, DLW_FRAME);
	site = dlw_site_of(self, DLW_CALLER, DLW_FRAME);
	if (dlw_unlikely(!dlw_site_is(site, DLW_CALLER, DLW_FRAME)))
		return lock_elsewhere(mutex, self, DLW_FRAME);
	if (dlw_likely(dlw_site_is_still(self, site, DLW_FRAME)))
		return lock_by_site(mutex, DLW_CALLER, DLW_FRAME, self, site);
	if (self->open == DLW_WAY_LOGGED)
		return dlw_mutex_lock_logged(mutex, site->stack, DLW_FRAME);
	return lock_elsewhere(mutex, self, DLW_FRAME);
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

__attribute__((noinline)) int dlw_mutex_try_otherwise(pthread_mutex_t *mutex, uint64_t frame)
{
	const uint64_t caller = dlw_caller_at(frame);
	uint32_t stack;

	if (dlw_unlikely(mutex->__data.__kind || !dlw_lock_quick(caller, frame, &stack)))
		return dlw_mutex_try_at_length(mutex, caller, frame);
	return dlw_lock_quick_tried(DLW_MUTEX, DLW_EXCLUSIVE, mutex, stack,
				    dlw_real(pthread_mutex_trylock)(mutex));
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

	if (dlw_unlikely(!dlw_site_serves_unlogged(self, site, DLW_CALLER, DLW_FRAME)))
		return dlw_mutex_try_logged(mutex, DLW_FRAME);
	holding = dlw_hold_now(record);
	if (dlw_unlikely((uint32_t)holding | (uint32_t)mutex->__data.__lock |
			 (uint32_t)mutex->__data.__kind))
		return dlw_mutex_try_otherwise(mutex, DLW_FRAME);
	dlw_hold_fill_apart(self->holds, dlw_address(mutex), DLW_MUTEX, DLW_EXCLUSIVE, site->stack,
			    DLW_TACIT_PLAIN);
	if (dlw_unlikely(!dlw_hold_counts(record, holding)))
		try_overtaken(self, mutex, site->stack);
	result = dlw_real(pthread_mutex_trylock)(mutex);
	if (dlw_unlikely(result != 0))
		result = try_refused(mutex, result);
	return result;
}

/** unlock_newest() - of any type, had in whatever way; else at length */
static __attribute__((noinline)) int unlock_newest(pthread_mutex_t *mutex, uint64_t frame,
						   struct dlw_context *self, uint64_t holding)
{
	if (!dlw_mutex_is_newest(self, (uint32_t)holding, mutex) ||
	    (mutex->__data.__kind & DLW_KIND_TYPE && !dlw_mutex_is_own_recursive(self, mutex)))
		return dlw_mutex_unlock_at_length(mutex, dlw_caller_at(frame), frame);
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
		return dlw_mutex_unlock_at_length(mutex, dlw_caller_at(frame), frame);
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
		return self->open ? dlw_mutex_unlock_otherwise(mutex, self, DLW_FRAME) :
				    dlw_mutex_unlock_at_length(mutex, DLW_CALLER, DLW_FRAME);
	holding = dlw_hold_now(record);
	if (dlw_unlikely((uint32_t)holding != 1))
		return unlock_inside(mutex, DLW_FRAME, self, holding);
	if (dlw_unlikely(!dlw_hold_is(self->holds, dlw_address(mutex), DLW_TACIT_PLAIN)))
		return unlock_special(mutex, DLW_FRAME, self, holding, self->holds);
	dlw_hold_pop(record, holding);
	return dlw_real(pthread_mutex_unlock)(mutex);
}
