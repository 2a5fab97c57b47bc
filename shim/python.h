/*
 * shim/python.h - asking a Python interpreter what its threads are doing
 *
 * CPython can write the tracebacks of all its threads, but to do so it reads
 * structures that running threads change. So it is asked in a copy of the
 * process, made for the occasion, where nothing runs but the asker and a crash
 * hurts nobody. With a bare preload the helper thread makes the copy; under
 * `dlwatch run` the supervisor does, and finds its way in by the segment.
 */
#ifndef DLW_SHIM_PYTHON_H
#define DLW_SHIM_PYTHON_H

#include <stdbool.h>
#include <stddef.h>

#include <dlwatch/session.h>

#include "core/state.h"

/** dlw_python_announce() - say in the segment how a copy of this process is to be entered */
void dlw_python_announce(struct dlw_segment *segment);

/** What an interpreter had to say; length 0: there is none in this process. */
struct dlw_python_text {
	char *text; /* lines as in docs/log-format.md, NUL-terminated */
	size_t length;
	size_t mapped; /* bytes to be unmapped */
};

/**
 * dlw_python_ask() - make a copy of this process and let it ask its interpreter
 *
 * From the helper thread, or a thread that judges itself; takes at most
 * DLW_PYTHON_COPY_MS. Return: false: no interpreter, or no memory.
 */
bool dlw_python_ask(const struct dlw_process_state *process, struct dlw_python_text *text);
void dlw_python_forget(struct dlw_python_text *text);

#endif
