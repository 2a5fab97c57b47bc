/*
 * shim/misuse.h - locks used wrongly: noted, for somebody else to report
 *
 * A hook that sees a misuse notes it: what was done to which object by whom,
 * and who held it or waited for it. One note a sort and place; when it happens
 * there again a count goes up. Nothing is printed here; the watcher finds the
 * notes (core/watch/misuse.c), and a log has them.
 *
 *	struct dlw_misuse note;
 *
 *	if (… && dlw_misuse_about(self, &note, DLW_RELOCK, DLW_MUTEX, address))
 *		dlw_misuse_tell(self, &note, stack);
 *
 * Only what is beyond doubt is noted: a holder is one whose record says so and,
 * where the C library keeps an owner, whom it names; a waiter is one that the
 * kernel shows asleep there. Not for hooks that a handler has interrupted.
 */
#ifndef DLW_SHIM_MISUSE_H
#define DLW_SHIM_MISUSE_H

#include <pthread.h>

#include "shim/context.h"

/** dlw_misuse_asked() - is this sort to be reported, or is there a log to note it in? */
static inline bool dlw_misuse_asked(enum dlw_misuse_sort sort)
{
	return (dlw_options.misuse >> sort & 1) || dlw_runtime->logger;
}

/**
 * dlw_misuse_about() - begin a note: which sort, which object
 *
 * Return: false if nobody asked for that sort; @note is then not filled in.
 */
bool dlw_misuse_about(struct dlw_context *self, struct dlw_misuse *note,
		      enum dlw_misuse_sort sort, enum dlw_kind kind, uint64_t address);

/** dlw_misuse_holder() - name a holder in the note; false: nobody is known to hold it */
bool dlw_misuse_holder(struct dlw_misuse *note);

/** dlw_misuse_tell() - the note is complete; @stack: where it happened, 0: unknown */
void dlw_misuse_tell(struct dlw_context *self, struct dlw_misuse *note, uint32_t stack);

/**
 * dlw_misuse_unlock() - before an unlock of a mutex that the thread is not known to hold
 *
 * Return: a misuse, noted in @note; to be told with the result of the call.
 */
bool dlw_misuse_unlock(struct dlw_context *self, struct dlw_misuse *note,
		       const pthread_mutex_t *mutex);
void dlw_misuse_unlocked(struct dlw_context *self, struct dlw_misuse *note, int result,
			 uint64_t caller, uint64_t frame);

/** dlw_misuse_relock() - a lock call was answered with EDEADLK; the want is still there */
void dlw_misuse_relock(struct dlw_context *self, enum dlw_kind kind, uint64_t address);

/** dlw_misuse_destroy() - before the destruction of an object that looks held or waited for */
void dlw_misuse_destroy(struct dlw_context *self, enum dlw_kind kind, const void *object,
			uint64_t size, uint64_t caller, uint64_t frame);

/** dlw_misuse_two_mutexes() - before a wait on a condition; remembers the mutex */
void dlw_misuse_two_mutexes(struct dlw_context *self, struct dlw_object *condition,
			    const pthread_mutex_t *mutex, uint32_t stack);

/** dlw_misuse_at_end() - the process ends: what its dead left locked, and what others will miss */
void dlw_misuse_at_end(void);

#endif
