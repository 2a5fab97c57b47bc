/*
 * core/watch/python.h - Python interpreters in watched processes
 */
#ifndef DLW_CORE_WATCH_PYTHON_H
#define DLW_CORE_WATCH_PYTHON_H

#include <stdbool.h>

#include <dlwatch/session.h>

#include "core/state.h"

#define DLW_PYTHON_COPY_MS 2000 /* after which a copy that was made to be asked is ended */
#define DLW_PYTHON_TEXT_MAX ((1u << 20) - 64) /* bytes of its answer: one block of a log */

/**
 * dlw_python_is_there() - whether it is worth asking
 *
 * @process: with its modules listed. An interpreter is the program itself, one
 * of the libraries it was linked with, or a libpython that was loaded later.
 */
bool dlw_python_is_there(const struct dlw_segment *segment, const struct dlw_process_state *process);

#endif
