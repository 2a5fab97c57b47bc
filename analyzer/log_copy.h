/*
 * analyzer/log_copy.h - a log that is still being written, copied as it is now
 */
#ifndef DLW_ANALYZER_LOG_COPY_H
#define DLW_ANALYZER_LOG_COPY_H

#include <stdbool.h>

/**
 * dlw_log_copy() - NAME.dlw and NAME.dlw.tail into @directory, which exists
 *
 * The writer is not stopped. What is copied of each thread is everything up to
 * some moment of the copying.
 *
 * Return: false; *@error is then a line for free().
 */
bool dlw_log_copy(const char *path, const char *directory, char **error);

#endif
