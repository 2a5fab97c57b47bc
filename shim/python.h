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

#include <dlwatch/session.h>

#include "core/watch/look.h"

/** dlw_python_announce() - say in the segment how a copy of this process is to be entered */
void dlw_python_announce(struct dlw_segment *segment);

/** dlw_python_in_copy() - where a copy of the process goes on; @fd: where its lines go */
void dlw_python_in_copy(int fd) __attribute__((noreturn));

/** What the interpreter of one process had to say, in a list of such. */
struct dlw_python_text {
	struct dlw_python_text *next;
	int32_t pid;
	uint32_t length; /* without the NUL behind it */
	char text[]; /* lines as in docs/log-format.md */
};

/**
 * dlw_python_ask() - what the interpreters of a finding's processes say
 *
 * From the thread that has found it. Our own is asked in a copy of this process,
 * which takes at most DLW_PYTHON_COPY_MS; another process's helper thread is
 * asked to do the same. Return: NULL: there is none, or no memory.
 */
struct dlw_python_text *dlw_python_ask(const struct dlw_watch *watch, const struct dlw_state *state,
				       const struct dlw_finding *finding);
void dlw_python_forget(struct dlw_python_text *list);

/** dlw_python_answer() - in the helper thread: if somebody has asked */
void dlw_python_answer(void);

#endif
