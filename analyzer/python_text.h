/*
 * analyzer/python_text.h - what an interpreter's threads were doing, read
 *
 * In: {"schema":"dlwatch-python/1","pid":N,"text":"…"}, the text as in
 * docs/log-format.md. Out, by tid:
 *
 *	{"trouble": "…" or absent,
 *	 "threads": {"TID": {"name": "…" or absent, "stack": [FRAME, …], "cut": true or absent}}}
 */
#ifndef DLW_ANALYZER_PYTHON_TEXT_H
#define DLW_ANALYZER_PYTHON_TEXT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/** dlw_python_is_line() - whether a raw line is of that kind, and no finding */
bool dlw_python_is_line(const char *line, size_t length);

/**
 * dlw_python_read() - read one such line into @processes, by pid
 *
 * What was there of the same process is replaced. Return: false: cannot be read.
 */
bool dlw_python_read(json_t *processes, const char *line, size_t length);

#endif
