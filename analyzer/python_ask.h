/*
 * analyzer/python_ask.h - what a watched program's Python threads are doing
 */
#ifndef DLW_ANALYZER_PYTHON_ASK_H
#define DLW_ANALYZER_PYTHON_ASK_H

#include <stddef.h>

#include "core/watch/look.h"

/**
 * dlw_python_ask() - ask the interpreter of process @index of @state
 *
 * In a copy of the process; the program is not disturbed. Its threads must be
 * at rest, as those of a deadlock are.
 * @watched: the segment of that process.
 * Return: lines as in docs/log-format.md, with a NUL, for the caller to free();
 *         NULL: there is no interpreter. What could not be done is said in a
 *         line of its own.
 */
char *dlw_python_ask(const struct dlw_watched *watched, const struct dlw_state *state,
		     uint32_t index, size_t *length);

#endif
