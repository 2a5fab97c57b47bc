/*
 * analyzer/summary.h - lock orders of many runs, put together
 *
 *	struct dlw_summary *summary = dlw_summary_new();
 *
 *	dlw_summary_add_logs(summary, replay);		// one run
 *	dlw_summary_read(summary, "other.json", &error);	// or many
 *	dlw_summary_write(summary, file);
 *	dlw_summary_free(summary);
 *
 * An order is a lock asked for while others are held, and where. Runs have no
 * addresses in common, so a lock is known by its class: the name that the
 * program gave it, where it was initialised, or the static object that it is,
 * with the build it belongs to. A lock without a class, and an order among
 * locks of one class, say nothing about other runs: they are counted and left
 * out.
 *
 * Putting summaries together is associative and commutative, to the byte.
 */
#ifndef DLW_ANALYZER_SUMMARY_H
#define DLW_ANALYZER_SUMMARY_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "analyzer/log_replay.h"

struct dlw_summary;

struct dlw_summary *dlw_summary_new(void);
void dlw_summary_free(struct dlw_summary *summary);

/** dlw_summary_add_logs() - the orders of one run; plays @replay from start to end */
void dlw_summary_add_logs(struct dlw_summary *summary, struct dlw_replay *replay);

/** dlw_summary_add() - those of another summary's JSON; false: it is none */
bool dlw_summary_add(struct dlw_summary *summary, const json_t *other);

/** dlw_summary_read() - those of a file; false: *@error is a line for free() */
bool dlw_summary_read(struct dlw_summary *summary, const char *path, char **error);

/** dlw_summary_json() - all of it, in one order whatever it was made from */
json_t *dlw_summary_json(struct dlw_summary *summary);

/** dlw_summary_write() - the same as text; false: @file cannot be written */
bool dlw_summary_write(struct dlw_summary *summary, FILE *file);

/**
 * dlw_summary_print() - how many orders, and which pairs of classes are taken both ways
 *
 * No schedule is looked for: whether such a pair can deadlock is not said.
 */
void dlw_summary_print(struct dlw_summary *summary, FILE *out);

#endif
