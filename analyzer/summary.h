/*
 * analyzer/summary.h - lock orders of many runs, put together
 *
 *	struct dlw_summary *summary = dlw_summary_new();
 *
 *	dlw_summary_add_logs(summary, replay, "runs/a", symbols);	// one run
 *	dlw_summary_read(summary, "other.json", &error);	// or many
 *	dlw_summary_write(summary, file);
 *	dlw_summary_free(summary);
 *
 * An order is a lock asked for while others are held, and where. Runs have no
 * addresses in common, so a lock is known by its class: the name that the
 * program gave it or its class, where it was initialised, or the static object that it is,
 * with the build it belongs to. What debug information says of the latter two is kept
 * beside it: that is the same in every build of one source. A lock without a class, and an order among
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
struct dlw_summary_order;
struct dlw_symbols;

struct dlw_summary *dlw_summary_new(void);
void dlw_summary_free(struct dlw_summary *summary);

/**
 * dlw_summary_add_logs() - the orders of one run; plays @replay from start to end
 * @name: what the run is called in reports
 */
void dlw_summary_add_logs(struct dlw_summary *summary, struct dlw_replay *replay, const char *name,
			  struct dlw_symbols *symbols);

/** dlw_summary_add() - those of another summary's JSON; false: it is none */
bool dlw_summary_add(struct dlw_summary *summary, const json_t *other);

/** dlw_summary_read() - those of a file; false: *@error is a line for free() */
bool dlw_summary_read(struct dlw_summary *summary, const char *path, char **error);

/** dlw_summary_json() - all of it, in one order whatever it was made from */
json_t *dlw_summary_json(struct dlw_summary *summary);

/** dlw_summary_write() - the same as text; false: @file cannot be written */
bool dlw_summary_write(struct dlw_summary *summary, FILE *file);

/* ------------------------------------------------- shared by its own files only */

/** dlw_summary_run() - another run begins */
void dlw_summary_run(struct dlw_summary *summary);

/** dlw_summary_order() - the one that @json says */
struct dlw_summary_order *dlw_summary_order(struct dlw_summary *summary, const json_t *json);

/** dlw_summary_seen() - in the run that began last, called @run */
void dlw_summary_seen(struct dlw_summary *summary, struct dlw_summary_order *order, uint64_t times,
		      const char *run);

/** dlw_summary_unclassed(), dlw_summary_within() - an order that is left out, and why */
void dlw_summary_unclassed(struct dlw_summary *summary);
void dlw_summary_within(struct dlw_summary *summary, const char *class);

/** dlw_summary_place(), dlw_summary_label() - what people call a place, a class */
void dlw_summary_place(struct dlw_summary *summary, const char *key, json_t *place);
void dlw_summary_label(struct dlw_summary *summary, const char *class, const char *label);

/** dlw_summary_source() - what makes a class the same in another build: file, line, name */
void dlw_summary_source(struct dlw_summary *summary, const char *class, const char *source);

#endif
