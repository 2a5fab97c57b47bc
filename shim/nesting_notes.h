/*
 * shim/nesting_notes.h - where a thread's notes of its nestings are kept
 *
 * All of it with .open shut: a handler passes through meanwhile.
 */
#ifndef DLW_SHIM_NESTING_NOTES_H
#define DLW_SHIM_NESTING_NOTES_H

#include "shim/nesting.h"

/** dlw_nester_begin() - the thread is to have notes of its own; false: no memory */
bool dlw_nester_begin(struct dlw_context *self);

/**
 * dlw_nesting_find() - the place of the note of @held under @parent, made if there is none
 * @there: the memory of the lock is known to be there
 *
 * Return: 0: no memory, or the lock is not what was held.
 */
uint32_t dlw_nesting_find(struct dlw_context *self, uint32_t parent, const struct dlw_held *held,
			  bool unclean, bool there);

/** dlw_nesting_sweep() - free the thread's notes of locks that are gone: no place is what it was */
void dlw_nesting_sweep(struct dlw_context *self);

#endif
