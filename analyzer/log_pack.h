/*
 * analyzer/log_pack.h - logs of processes that are over, compressed in place
 */
#ifndef DLW_ANALYZER_LOG_PACK_H
#define DLW_ANALYZER_LOG_PACK_H

#include <stdbool.h>

/**
 * dlw_log_pack() - NAME.dlw becomes NAME.dlw.zst, and NAME.dlw.tail NAME.dlw.tail.zst
 *
 * Whatever interrupts it, both files can be read at any moment, under one name
 * or the other. What is compressed already stays as it is.
 * Refuses what is no log and what is still written.
 *
 * Return: false; *@error is then a line for free().
 */
bool dlw_log_pack(const char *path, char **error);

/** dlw_log_pack_visit() - for dlw_log_arguments_each(): says on standard error what is wrong */
bool dlw_log_pack_visit(void *unused, const char *path);

#endif
