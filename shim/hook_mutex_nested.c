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

/** is_of() - @note is of what the site has just taken, in @holding; asked for bit by bit, in few registers */
static inline __attribute__((always_inline)) bool
is_of(const struct dlw_nest *nest, const struct dlw_nesting *note, uint64_t holding,
      const pthread_mutex_t *mutex, const struct dlw_site *site, bool unclean)
{
	return note->address == dlw_address(mutex) &&
	       note->key == (site->stack | nest->keys[unclean]) &&
	       note->parent == nest->chain[(uint32_t)holding - 1];
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

/** lock_taken() - the same, in a section that has given locks back */
static inline __attribute__((always_inline)) int
lock_taken(pthread_mutex_t *mutex, struct dlw_context *self, uint64_t holding,
	   const struct dlw_thread *record, uint32_t place)
{
	struct dlw_nesting *note = dlw_nesting_at(self->nest, place);

	if (dlw_unlikely(!dlw_nest_take(self->nest, note, dlw_address(mutex))))
		return lock_nested_at_length(mutex, self, holding);
	return lock_noted(mutex, self, holding, record, note, place, true);
}

/* ------------------------------------------- in a section that has given locks back */

/** lock_nested_known() - what has been noted somewhere */
static __attribute__((noinline)) int
lock_nested_known(pthread_mutex_t *mutex, struct dlw_context *self, uint64_t holding,
		  const struct dlw_thread *record, struct dlw_site *site)
{
	const struct dlw_nest *nest = self->nest;
	const uint32_t parent = nest->chain[(uint32_t)holding - 1];
	const uint32_t place =
		dlw_nesting_known(nest, parent, dlw_address(mutex), site->stack | nest->keys[1]);

	if (dlw_unlikely(!place))
		return lock_nested_at_length(mutex, self, holding);
	site->nesting = place;
	return lock_taken(mutex, self, holding, record, place);
}

/** lock_nested_row() - what was noted next after what came up last: locks in a row, at one site */
static __attribute__((noinline)) int
lock_nested_row(pthread_mutex_t *mutex, struct dlw_context *self, uint64_t holding,
		const struct dlw_thread *record, struct dlw_site *site)
{
	const struct dlw_nest *nest = self->nest;
	const uint32_t place = dlw_nesting_next(nest->last);

	if (!is_of(nest, dlw_nesting_at(nest, place), holding, mutex, site, true))
		return lock_nested_known(mutex, self, holding, record, site);
	site->nesting = place;
	return lock_taken(mutex, self, holding, record, place);
}

/** lock_nested_again() - what came up last at this site */
static inline __attribute__((always_inline)) int
lock_nested_again(pthread_mutex_t *mutex, struct dlw_context *self, uint64_t holding,
		  const struct dlw_thread *record, struct dlw_site *site)
{
	const struct dlw_nest *nest = self->nest;
	const uint32_t place = site->nesting;

	if (!is_of(nest, dlw_nesting_at(nest, place), holding, mutex, site, true))
		return lock_nested_row(mutex, self, holding, record, site);
	return lock_taken(mutex, self, holding, record, place);
}

/** lock_nested_shifted() - in one that has given back what lay below others, it seems */
static __attribute__((noinline)) int
lock_nested_shifted(pthread_mutex_t *mutex, struct dlw_context *self, uint64_t holding,
		    const struct dlw_thread *record, struct dlw_site *site)
{
	if (!dlw_nest_gives(self, holding))
		return lock_nested_at_length(mutex, self, holding);
	return lock_nested_known(mutex, self, holding, record, site);
}

/** lock_nested_unclean() - in one that has given its first lock back, it seems */
static __attribute__((noinline)) int
lock_nested_unclean(pthread_mutex_t *mutex, struct dlw_context *self, uint64_t holding,
		    const struct dlw_thread *record, struct dlw_site *site)
{
	if (dlw_unlikely(!dlw_nest_is_clean(self)))
		return lock_nested_shifted(mutex, self, holding, record, site);
	dlw_nest_has_given(self);
	return lock_nested_again(mutex, self, holding, record, site);
}

/* ------------------------------------------------------------------ in a clean one */

/** lock_nested_otherwise() - it is not what the thread took next when it was here first */
static __attribute__((noinline)) int
lock_nested_otherwise(pthread_mutex_t *mutex, struct dlw_context *self, uint64_t holding,
		      const struct dlw_thread *record, struct dlw_site *site)
{
	const struct dlw_nest *nest = self->nest;
	const uint32_t parent = nest->chain[(uint32_t)holding - 1];
	const uint64_t key = site->stack | nest->keys[0];
	uint32_t place = site->nesting;

	if (!dlw_nesting_is(nest, place, parent, dlw_address(mutex), key))
		place = dlw_nesting_known(nest, parent, dlw_address(mutex), key);
	if (dlw_unlikely(!place))
		return lock_nested_at_length(mutex, self, holding);
	site->nesting = place;
	return lock_noted(mutex, self, holding, record, dlw_nesting_at(nest, place), place, false);
}

/** lock_nested_next() - it is, perhaps */
static inline __attribute__((always_inline)) int
lock_nested_next(pthread_mutex_t *mutex, struct dlw_context *self, uint64_t holding,
		 const struct dlw_thread *record, struct dlw_site *site)
{
	const struct dlw_nest *nest = self->nest;
	const uint32_t parent = nest->chain[(uint32_t)holding - 1];
	struct dlw_nesting *note = dlw_nesting_at(nest, parent) + 1;

	if (!is_of(nest, note, holding, mutex, site, false))
		return lock_nested_otherwise(mutex, self, holding, record, site);
	return lock_noted(mutex, self, holding, record, note, dlw_nesting_next(parent), false);
}

/** first_at() - where the note of the first nested lock of a section is kept, by its site */
static inline uint32_t *first_at(struct dlw_nest *nest, const struct dlw_site *site)
{
	return &nest->firsts[site->stack % DLW_NEST_FIRSTS];
}

/**
 * is_first() - @note is of what the site has just taken, under what the thread holds
 *
 * Those kept have no other lock above their parent.
 */
static inline __attribute__((always_inline)) bool
is_first(const struct dlw_nest *nest, const struct dlw_nesting *note, const struct dlw_held *held,
	 const pthread_mutex_t *mutex, const struct dlw_site *site)
{
	const struct dlw_nesting *outermost;

	if (note->address != dlw_address(mutex) || note->key != (site->stack | nest->keys[0]))
		return false;
	outermost = dlw_nesting_at(nest, note->parent);
	return outermost->address == held->address &&
	       outermost->key == (dlw_nesting_key_of(held) | nest->stamp);
}

/** lock_nested_first() - in one that begins otherwise than the last one at this site */
static __attribute__((noinline)) int
lock_nested_first(pthread_mutex_t *mutex, struct dlw_context *self, uint64_t holding,
		  const struct dlw_thread *record, struct dlw_site *site)
{
	struct dlw_nest *nest = self->nest;
	uint32_t place;

	if (!dlw_nest_begins(self, holding))
		return lock_nested_at_length(mutex, self, holding);
	place = dlw_nesting_next(nest->chain[0]);
	if (!is_of(nest, dlw_nesting_at(nest, place), holding, mutex, site, false))
		place = dlw_nesting_known(nest, nest->chain[0], dlw_address(mutex),
					  site->stack | nest->keys[0]);
	if (dlw_unlikely(!place))
		return lock_nested_at_length(mutex, self, holding);
	*first_at(nest, site) = place;
	return lock_noted(mutex, self, holding, record, dlw_nesting_at(nest, place), place, false);
}

/** lock_nested_begins() - in one that begins, it seems */
static __attribute__((noinline)) int
lock_nested_begins(pthread_mutex_t *mutex, struct dlw_context *self, uint64_t holding,
		   const struct dlw_thread *record, struct dlw_site *site)
{
	struct dlw_nest *nest = self->nest;
	const uint32_t place = *first_at(nest, site);
	struct dlw_nesting *note = dlw_nesting_at(nest, place);

	if (!dlw_nest_is_beginning(self, holding) || !dlw_nest_began_so(nest) ||
	    !is_first(nest, note, self->holds, mutex, site))
		return lock_nested_first(mutex, self, holding, record, site);
	nest->chain[0] = note->parent;
	return lock_noted(mutex, self, holding, record, note, place, false);
}

int dlw_mutex_lock_nested(pthread_mutex_t *mutex, struct dlw_context *self, uint64_t holding,
			  const struct dlw_thread *record, struct dlw_site *site)
{
	if (dlw_unlikely(!dlw_nest_as_ever(self)))
		return lock_nested_at_length(mutex, self, holding);
	if (self->nest_expected == holding)
		return lock_nested_next(mutex, self, holding, record, site);
	if (self->nest_added != (uint32_t)(holding >> 32))
		return lock_nested_begins(mutex, self, holding, record, site);
	if (dlw_unlikely((int32_t)self->nest_state >= 0)) /* not DLW_NEST_UNCLEAN */
		return lock_nested_unclean(mutex, self, holding, record, site);
	return lock_nested_again(mutex, self, holding, record, site);
}
