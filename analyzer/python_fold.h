/*
 * analyzer/python_fold.h - Python's words in a finding
 *
 * A thread of an interpreter gets its Python name and, in front of the C frames
 * of what it waits in, its Python frames; its site becomes the Python line of
 * the program that waits. The engine's texts call it by its new name.
 */
#ifndef DLW_ANALYZER_PYTHON_FOLD_H
#define DLW_ANALYZER_PYTHON_FOLD_H

#include <stdbool.h>

#include <jansson.h>

/**
 * dlw_python_fold() - before the finding is completed (findings.h)
 *
 * @processes: from dlw_python_read(). What could not be had is put into the
 * finding's "notes".
 * Return: whether threads of the core have Python lines now.
 */
bool dlw_python_fold(const json_t *processes, json_t *finding);

/**
 * dlw_python_finish() - after it was completed: fingerprint and advice of a core
 * whose sites are Python lines
 */
void dlw_python_finish(json_t *finding);

#endif
