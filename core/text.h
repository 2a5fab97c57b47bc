/*
 * core/text.h - a text that grows in an arena
 *
 *	struct dlw_text text = { .arena = arena };
 *
 *	dlw_text_add(&text, "%s waits for %s", waiter, lock);
 *	dlw_text_add(&text, ", held by %s", holder);
 *	return dlw_text_end(&text);	// NULL if the arena ran out on the way
 */
#ifndef DLW_CORE_TEXT_H
#define DLW_CORE_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "core/arena.h"

struct dlw_text {
	struct dlw_arena *arena;
	char *start;
	size_t length, room;
	bool failed; /* memory ran out; everything after it is ignored */
};

/** dlw_text_put() - add @length bytes */
void dlw_text_put(struct dlw_text *text, const char *bytes, size_t length);

/** dlw_text_add() - add what core/format.h makes of @format */
void dlw_text_add(struct dlw_text *text, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/** dlw_text_end() - the whole text, NUL-terminated; NULL if memory ran out */
const char *dlw_text_end(struct dlw_text *text);

#endif
