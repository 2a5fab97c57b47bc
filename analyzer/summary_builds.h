/*
 * analyzer/summary_builds.h - the same lock in several builds of a program
 */
#ifndef DLW_ANALYZER_SUMMARY_BUILDS_H
#define DLW_ANALYZER_SUMMARY_BUILDS_H

#include <jansson.h>

/** dlw_summary_unite_builds() - in the orders of @summary: one name for each class, whatever the build */
void dlw_summary_unite_builds(json_t *summary);

#endif
