/*
 * analyzer/suppressions.h - rules that say which findings are not to be reported
 *
 * The file format is explained in docs/suppressions.md.
 */
#ifndef DLW_ANALYZER_SUPPRESSIONS_H
#define DLW_ANALYZER_SUPPRESSIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include <jansson.h>

struct dlw_suppressions;

/**
 * dlw_suppressions_read() - all rules of a file
 *
 * Return: NULL after one line on standard error: FILE:LINE: what: why.
 */
struct dlw_suppressions *dlw_suppressions_read(const char *file);
void dlw_suppressions_free(struct dlw_suppressions *suppressions);

/** dlw_suppressions_match() - whether a rule matches a completed finding; counts the use of that rule */
bool dlw_suppressions_match(struct dlw_suppressions *suppressions, const json_t *finding);

/** dlw_suppressions_each() - every rule with the number of findings it has matched */
void dlw_suppressions_each(const struct dlw_suppressions *suppressions,
			   void (*visit)(const char *rule, int line, size_t used, void *context),
			   void *context);

#endif
