/*
 * analyzer/statistics.h - how each lock was used: how often, by whom, from
 * where, how long it was waited for and held
 *
 *	struct dlw_statistics *statistics = dlw_statistics_new(replay);
 *
 *	while (dlw_replay_peek(replay)) {
 *		dlw_statistics_observe(statistics);
 *		dlw_replay_apply(replay);
 *	}
 *	dlw_statistics_finish(statistics);
 *	table = dlw_statistics_json(statistics, symbols, 20);
 *	dlw_statistics_print(table, stdout);
 *	dlw_statistics_free(statistics);
 *
 * One row a lock; locks that were destroyed share a row with those that were
 * initialised (or first taken) at the same place, so memory follows the locks
 * alive and the places that make them. A condition's or barrier's "acquisition"
 * is a completed wait. Times come from the log's time stamps.
 */
#ifndef DLW_ANALYZER_STATISTICS_H
#define DLW_ANALYZER_STATISTICS_H

#include <jansson.h>
#include <stdio.h>

#include "analyzer/log_replay.h"

struct dlw_statistics;
struct dlw_symbols;

/** dlw_statistics_new() - before dlw_replay_start() */
struct dlw_statistics *dlw_statistics_new(struct dlw_replay *replay);

/** dlw_statistics_observe() - the current head is about to happen */
void dlw_statistics_observe(struct dlw_statistics *statistics);

/** dlw_statistics_finish() - the replay has ended: count the waits that never ended */
void dlw_statistics_finish(struct dlw_statistics *statistics);

/**
 * dlw_statistics_by_class() - after that, if wanted: locks of one class share a row
 *
 * Those of one class given through dlwatch.h, else those initialised at one
 * place, else those that are parts of one static variable.
 */
void dlw_statistics_by_class(struct dlw_statistics *statistics, struct dlw_symbols *symbols);

/**
 * dlw_statistics_json() - the "statistics" object of a report
 * @rows: at most so many locks, those with the longest total wait and then the
 *        most acquisitions; how many there are stands in "lock_count"
 */
json_t *dlw_statistics_json(struct dlw_statistics *statistics, struct dlw_symbols *symbols,
			    size_t rows);

/** dlw_statistics_print() - the same as a table; @out may be NULL */
void dlw_statistics_print(const json_t *table, FILE *out);

/** dlw_statistics_csv() - one line a lock, with a line of headings */
void dlw_statistics_csv(const json_t *table, FILE *out);

/** dlw_statistics_free() - before dlw_replay_free() */
void dlw_statistics_free(struct dlw_statistics *statistics);

/* ------------------------------------------------- shared by its own files only */

/*
 * How long something took, log-linear: each power of two is cut into eight
 * equal parts, so that a time is known to an eighth, from nanoseconds to
 * centuries. Only buckets that something fell into are kept, sorted.
 */
#define DLW_BUCKET_PARTS 8u

struct dlw_bucket {
	uint32_t number;
	uint32_t count; /* saturating */
};

struct dlw_durations {
	uint64_t count, total_ns, max_ns;
	struct dlw_bucket *buckets;
	uint32_t used, room;
};

/** dlw_bucket_of() - the bucket that @ns falls into */
static inline uint32_t dlw_bucket_of(uint64_t ns)
{
	unsigned power;

	if (ns < DLW_BUCKET_PARTS)
		return (uint32_t)ns;
	power = 63 - (unsigned)__builtin_clzll(ns);
	return (power - 2) * DLW_BUCKET_PARTS + (uint32_t)(ns >> (power - 3) & (DLW_BUCKET_PARTS - 1));
}

/** dlw_bucket_from() - the smallest time in bucket @number; that of the next is its end */
static inline uint64_t dlw_bucket_from(uint32_t number)
{
	uint32_t power = number / DLW_BUCKET_PARTS + 2;

	if (number < DLW_BUCKET_PARTS)
		return number;
	return (uint64_t)(DLW_BUCKET_PARTS + number % DLW_BUCKET_PARTS) << (power - 3);
}

/** dlw_add_up_to_max() - damaged times must not wrap, and must stay within JSON's integers */
uint64_t dlw_add_up_to_max(uint64_t total, uint64_t ns);

void dlw_durations_add(struct dlw_durations *durations, uint64_t ns);
void dlw_durations_merge(struct dlw_durations *into, const struct dlw_durations *from);

/** dlw_durations_quantile() - a time that @thousandths of all do not exceed, to an eighth above */
uint64_t dlw_durations_quantile(const struct dlw_durations *durations, uint32_t thousandths);

/** How often something was met: an open-addressing table, empty where count is 0. */
struct dlw_tally {
	uint64_t key, count, wait_ns;
};

struct dlw_tallies {
	struct dlw_tally *slots;
	uint32_t capacity, used;
};

struct dlw_lock_statistics {
	struct dlw_source *source;
	enum dlw_kind kind;
	enum dlw_type type;
	const char *name, *class_name;
	char *label;         /* of its class, if the row is one; NULL: not asked for */
	uint64_t rows;       /* that were put together in this one */
	uint64_t address;    /* of the latest life */
	uint32_t init_stack, first_stack;
	bool shared;
	uint64_t lives, acquisitions, contended, failed_tries, posts;
	uint64_t waiting; /* at the end of the log */
	struct dlw_durations wait, hold;
	struct dlw_tallies sites;   /* by stack id and source */
	struct dlw_tallies threads; /* by number */
	struct dlw_lock_statistics *next, **link; /* list of all */
};

/** One wait, over or not. */
struct dlw_long_wait {
	const struct dlw_lock_statistics *lock;
	const struct dlw_cursor *thread;
	uint64_t since_ns, ns;
	uint32_t stack;
	bool over;
};

#define DLW_LONG_WAITS 10u

/** dlw_statistics_waits() - the longest ones, longest first; Return: how many */
uint32_t dlw_statistics_waits(const struct dlw_statistics *statistics,
			      struct dlw_long_wait waits[DLW_LONG_WAITS]);

/** dlw_statistics_rows() - all rows, sorted as the table is; for the caller to free() */
struct dlw_lock_statistics **dlw_statistics_rows(const struct dlw_statistics *statistics,
						 size_t *count);

/** dlw_statistics_merge() - @from becomes part of @into, and is gone */
void dlw_statistics_merge(struct dlw_statistics *statistics, struct dlw_lock_statistics *into,
			  struct dlw_lock_statistics *from);

/** dlw_statistics_grouped() - locks of one class share a row now; whether they do */
void dlw_statistics_grouped(struct dlw_statistics *statistics);
bool dlw_statistics_are_by_class(const struct dlw_statistics *statistics);

/** dlw_statistics_replay() - the replay it observes */
const struct dlw_replay *dlw_statistics_replay(const struct dlw_statistics *statistics);

#endif
