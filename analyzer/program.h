/*
 * analyzer/program.h - the program to be watched, and the shim to watch it with
 */
#ifndef DLW_ANALYZER_PROGRAM_H
#define DLW_ANALYZER_PROGRAM_H

#include <stdbool.h>

#include <dlwatch/session.h>

/** dlw_program_find_shim() - beside the dlwatch program, or in ../lib; false after one line */
bool dlw_program_find_shim(char path[DLW_PATH_MAX]);

/**
 * dlw_program_check() - can it be run, and can it be watched?
 *
 * Says in one line what cannot be watched (a static or set-user-id program) and
 * lets it run. Return: 0, or 126 or 127 after one line on stderr.
 */
int dlw_program_check(const char *name);

#endif
