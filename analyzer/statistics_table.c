/*
 * statistics_table.c - lock statistics as JSON, and that JSON as a table
 *
 * The table is made from the JSON, so that both say the same.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/log_json.h"
#include "analyzer/log_memory.h"
#include "analyzer/names.h"
#include "analyzer/statistics.h"
#include "core/judge.h"

#define TOP_SITES 5u

/* ------------------------------------------------------------------------ JSON */

static void set_integer(json_t *object, const char *key, uint64_t value)
{
	json_object_set_new(object, key, json_integer((json_int_t)value));
}

static json_t *histogram_of(const struct dlw_durations *durations)
{
	json_t *histogram = json_array();
	uint32_t at;

	for (at = 0; at < durations->used; at++) {
		json_t *entry = json_object();

		set_integer(entry, "from_ns", dlw_bucket_from(durations->buckets[at].number));
		set_integer(entry, "count", durations->buckets[at].count);
		json_array_append_new(histogram, entry);
	}
	return histogram;
}

static json_t *durations_of(const struct dlw_durations *durations)
{
	json_t *object = json_object();

	set_integer(object, "count", durations->count);
	set_integer(object, "total", durations->total_ns);
	set_integer(object, "max", durations->max_ns);
	set_integer(object, "mean", durations->count ? durations->total_ns / durations->count : 0);
	set_integer(object, "p50", dlw_durations_quantile(durations, 500));
	set_integer(object, "p90", dlw_durations_quantile(durations, 900));
	set_integer(object, "p99", dlw_durations_quantile(durations, 990));
	set_integer(object, "p999", dlw_durations_quantile(durations, 999));
	json_object_set_new(object, "histogram", histogram_of(durations));
	return object;
}

static int by_count(const void *left, const void *right)
{
	const struct dlw_tally *a = left, *b = right;

	if (a->count != b->count)
		return a->count > b->count ? -1 : 1;
	return a->key < b->key ? -1 : a->key > b->key;
}

static json_t *sites_of(const struct dlw_replay *replay, const struct dlw_lock_statistics *lock,
			struct dlw_symbols *symbols)
{
	struct dlw_tally *sorted = dlw_log_allocate(lock->sites.used, sizeof(*sorted));
	json_t *sites = json_array();
	uint32_t at, count = 0;

	for (at = 0; at < lock->sites.capacity; at++)
		if (lock->sites.slots[at].count)
			sorted[count++] = lock->sites.slots[at];
	if (count)
		qsort(sorted, count, sizeof(*sorted), by_count);
	for (at = 0; at < count && at < TOP_SITES; at++) {
		const struct dlw_source *source = replay->sources[sorted[at].key >> 32];
		json_t *site = json_object();

		json_object_set_new(site, "site",
				    dlw_log_site(&source->defined, (uint32_t)sorted[at].key,
						 symbols));
		set_integer(site, "acquisitions", sorted[at].count);
		set_integer(site, "wait_ns", sorted[at].wait_ns);
		json_array_append_new(sites, site);
	}
	free(sorted);
	return sites;
}

static char *label_of(const struct dlw_lock_statistics *lock, struct dlw_symbols *symbols)
{
	if (lock->label)
		return dlw_copy(lock->label);
	return dlw_log_label(&lock->source->defined, lock->kind, lock->name, lock->address,
			     lock->init_stack, lock->first_stack, symbols);
}

static json_t *row_of(const struct dlw_replay *replay, const struct dlw_lock_statistics *lock,
		      struct dlw_symbols *symbols)
{
	json_t *row = json_object();
	char *label = label_of(lock, symbols);

	json_object_set_new(row, "name", dlw_log_text(label));
	free(label);
	json_object_set_new(row, "kind", json_string(dlw_kind_word(lock->kind)));
	json_object_set_new(row, "type", json_string(dlw_type_word(lock->type)));
	json_object_set_new(row, "address", json_sprintf("0x%" PRIx64, lock->address));
	set_integer(row, "pid", (uint64_t)lock->source->file.header.pid);
	json_object_set_new(row, "shared", json_boolean(lock->shared));
	set_integer(row, "locks", lock->rows);
	set_integer(row, "lives", lock->lives);
	set_integer(row, "acquisitions", lock->acquisitions);
	set_integer(row, "contended", lock->contended);
	set_integer(row, "waiting", lock->waiting);
	set_integer(row, "failed_tries", lock->failed_tries);
	set_integer(row, "posts", lock->posts);
	json_object_set_new(row, "wait_ns", durations_of(&lock->wait));
	json_object_set_new(row, "hold_ns", durations_of(&lock->hold));
	set_integer(row, "threads", lock->threads.used);
	set_integer(row, "site_count", lock->sites.used);
	json_object_set_new(row, "sites", sites_of(replay, lock, symbols));
	return row;
}

static json_t *waits_of(struct dlw_statistics *statistics, struct dlw_symbols *symbols)
{
	uint64_t base_ns = dlw_statistics_replay(statistics)->base_ns;
	struct dlw_long_wait waits[DLW_LONG_WAITS];
	uint32_t at, count = dlw_statistics_waits(statistics, waits);
	json_t *array = json_array();

	for (at = 0; at < count; at++) {
		const struct dlw_long_wait *wait = &waits[at];
		const struct dlw_source *source = wait->thread->source;
		json_t *entry = json_object();
		char *label = label_of(wait->lock, symbols);

		json_object_set_new(entry, "lock", dlw_log_text(label));
		free(label);
		json_object_set_new(entry, "pid", json_integer(source->file.header.pid));
		json_object_set_new(entry, "tid", json_integer(wait->thread->defined ?
								       wait->thread->defined->tid : 0));
		json_object_set_new(entry, "thread", dlw_log_text(wait->thread->defined ?
									  wait->thread->defined->name : ""));
		set_integer(entry, "after_ns", wait->since_ns > base_ns ? wait->since_ns - base_ns : 0);
		set_integer(entry, "ns", wait->ns);
		json_object_set_new(entry, "over", json_boolean(wait->over));
		json_object_set_new(entry, "site", dlw_log_site(&source->defined, wait->stack, symbols));
		json_array_append_new(array, entry);
	}
	return array;
}

json_t *dlw_statistics_json(struct dlw_statistics *statistics, struct dlw_symbols *symbols,
			    size_t rows)
{
	const struct dlw_replay *replay = dlw_statistics_replay(statistics);
	json_t *table = json_object(), *locks = json_array();
	struct dlw_lock_statistics **all;
	uint64_t threads = 0, acquisitions = 0;
	size_t count, at;

	all = dlw_statistics_rows(statistics, &count);
	for (at = 0; at < count; at++) {
		acquisitions += all[at]->acquisitions;
		if (at < rows)
			json_array_append_new(locks, row_of(replay, all[at], symbols));
	}
	for (at = 0; at < replay->cursor_count; at++)
		threads += replay->cursors[at]->events != 0;
	free(all);
	set_integer(table, "events", replay->events);
	set_integer(table, "threads", threads);
	set_integer(table, "acquisitions", acquisitions);
	set_integer(table, "lock_count", count);
	json_object_set_new(table, "by", json_string(dlw_statistics_are_by_class(statistics) ?
							     "class" :
							     "lock"));
	json_object_set_new(table, "locks", locks);
	json_object_set_new(table, "longest_waits", waits_of(statistics, symbols));
	return table;
}

/* ------------------------------------------------------------------------ text */

static uint64_t number(const json_t *object, const char *key)
{
	return (uint64_t)json_integer_value(json_object_get(object, key));
}

/** print_time() - in seven columns, with the unit that fits */
static void print_time(FILE *out, uint64_t ns)
{
	static const struct {
		const char *unit;
		double ns;
	} units[] = { { "ns", 1 }, { "us", 1e3 }, { "ms", 1e6 }, { "s ", 1e9 } };
	unsigned at = 0;

	if (!ns) {
		fprintf(out, " %7s", "-");
		return;
	}
	while (at < 3 && (double)ns >= 999.5 * units[at].ns)
		at++;
	if (at == 0 || (double)ns / units[at].ns >= 99.95)
		fprintf(out, " %5.0f%s", (double)ns / units[at].ns, units[at].unit);
	else
		fprintf(out, " %5.1f%s", (double)ns / units[at].ns, units[at].unit);
}

static void print_durations(FILE *out, const json_t *durations)
{
	print_time(out, number(durations, "total"));
	print_time(out, number(durations, "max"));
	print_time(out, number(durations, "mean"));
}

static void print_row(FILE *out, const json_t *row)
{
	uint64_t lives = number(row, "lives"), waiting = number(row, "waiting");

	fprintf(out, "%9" PRIu64 " %9" PRIu64, number(row, "acquisitions"),
		number(row, "contended"));
	print_durations(out, json_object_get(row, "wait_ns"));
	print_durations(out, json_object_get(row, "hold_ns"));
	fprintf(out, " %4" PRIu64 "  %s", number(row, "threads"),
		json_string_value(json_object_get(row, "name")));
	if (lives > 1)
		fprintf(out, " (%" PRIu64 " of them)", lives);
	if (waiting)
		fprintf(out, " (%" PRIu64 " still wait%s)", waiting, waiting == 1 ? "s" : "");
	fputc('\n', out);
}

static void print_sites(FILE *out, const json_t *row)
{
	const json_t *sites = json_object_get(row, "sites");
	size_t at;

	for (at = 0; at < json_array_size(sites); at++) {
		const json_t *site = json_array_get(sites, at);
		const json_t *frame = json_object_get(site, "site");
		char *text;

		if (json_is_null(frame))
			continue;
		text = dlw_frame_text(frame);
		fprintf(out, "%9" PRIu64 "   from %s\n", number(site, "acquisitions"), text);
		free(text);
	}
}

static void print_waits(FILE *out, const json_t *waits)
{
	size_t at;

	if (json_array_size(waits))
		fputs("\nlongest waits\n", out);
	for (at = 0; at < json_array_size(waits); at++) {
		const json_t *wait = json_array_get(waits, at);
		const json_t *frame = json_object_get(wait, "site");
		char *site = json_is_null(frame) ? NULL : dlw_frame_text(frame);

		print_time(out, number(wait, "ns"));
		fprintf(out, "  '%s' (tid %" PRIu64 ") for %s%s%s%s\n",
			json_string_value(json_object_get(wait, "thread")), number(wait, "tid"),
			json_string_value(json_object_get(wait, "lock")), site ? " at " : "",
			site ? site : "",
			json_is_true(json_object_get(wait, "over")) ? "" : ", and still waits");
		free(site);
	}
}

void dlw_statistics_print(const json_t *table, FILE *out)
{
	const json_t *locks = json_object_get(table, "locks");
	uint64_t all = number(table, "lock_count");
	size_t at;

	if (!out || !all)
		return;
	fprintf(out, "\n%s: %" PRIu64 ", taken %" PRIu64 " times by %" PRIu64 " thread%s\n",
		strcmp(json_string_value(json_object_get(table, "by")), "class") ?
			"locks" :
			"classes of locks",
		all,
		number(table, "acquisitions"), number(table, "threads"),
		number(table, "threads") == 1 ? "" : "s");
	fprintf(out, "%9s %9s %23s %23s %4s\n", "", "", "------- waited --------",
		"-------- held ---------", "");
	fprintf(out, "%9s %9s %7s %7s %7s %7s %7s %7s %4s  %s\n", "taken", "contended", "total",
		"max", "mean", "total", "max", "mean", "thr", "lock");
	for (at = 0; at < json_array_size(locks); at++) {
		print_row(out, json_array_get(locks, at));
		print_sites(out, json_array_get(locks, at));
	}
	if (json_array_size(locks) < all)
		fprintf(out, "  and %" PRIu64 " more (--all)\n", all - json_array_size(locks));
	print_waits(out, json_object_get(table, "longest_waits"));
	fputc('\n', out);
}
