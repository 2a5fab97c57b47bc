/*
 * shim/hook_mutex_nested.c - the short way of a lock that is taken under others
 *
 * Its hold is entered already. Before the C library is jumped to, the nesting is
 * noted, or found among those noted and counted (nesting.h): each way is short
 * enough to need no register of its callers; one jumps to the next.
 */
#include "shim/hook_mutex_ways.h"

#include "shim/real.h"

#include "shim/banned.h"

/** lock_nested_at_length() - the nesting is new, or the section out of the ordinary */
static __attribute__((noinline)) int
lock_nested_at_length(pthread_mutex_t *mutex, struct dlw_context *self, uint64_t holding)
{
	dlw_nest_at_length(self, holding, true);
	return dlw_real(pthread_mutex_lock)(mutex);
}

/** lock_nested_otherwise() - it is not what the thread took next when it was here first */
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

int dlw_mutex_lock_nested(pthread_mutex_t *mutex, struct dlw_context *self, uint64_t holding,
			  const struct dlw_thread *record, uint32_t stack)
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
