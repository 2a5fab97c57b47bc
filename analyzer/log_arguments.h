/*
 * analyzer/log_arguments.h - the LOG… of a command line: files and session
 * directories
 */
#ifndef DLW_ANALYZER_LOG_ARGUMENTS_H
#define DLW_ANALYZER_LOG_ARGUMENTS_H

#include <stdbool.h>

#include "analyzer/log_replay.h"

/**
 * dlw_log_arguments_add() - add all logs that @arguments (NULL-terminated) name
 *
 * A directory stands for all *.dlw and *.dlw.zst in it. What cannot be used gets one line on
 * standard error; the others are added all the same.
 *
 * Return: whether everything could be used.
 */
bool dlw_log_arguments_add(struct dlw_replay *replay, char *const *arguments);

/** What is done with each; false: it could not be, and that was said. */
typedef bool (*dlw_log_visit)(void *context, const char *path);

/** dlw_log_arguments_each() - the files themselves; Return: whether @visit did it with all */
bool dlw_log_arguments_each(char *const *arguments, dlw_log_visit visit, void *context);

#endif
