/*
 * analyzer/summary_arguments.h - the LOG|SUMMARY… of a command line
 */
#ifndef DLW_ANALYZER_SUMMARY_ARGUMENTS_H
#define DLW_ANALYZER_SUMMARY_ARGUMENTS_H

#include "analyzer/summary.h"

/** dlw_is_summary() - an argument is a summary rather than a log: named *.json, or it begins so */
bool dlw_is_summary(const char *path);

/**
 * dlw_summary_arguments_add() - each of them: a summary, or the logs of one run
 *
 * What is wrong with one is said in a line on standard error, and the others
 * are read. Return: false if there was such a line.
 */
bool dlw_summary_arguments_add(struct dlw_summary *summary, char *const *arguments,
			       struct dlw_symbols *symbols);

#endif
