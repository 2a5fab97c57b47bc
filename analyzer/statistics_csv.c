/*
 * statistics_csv.c - lock statistics for spreadsheets: RFC 4180, times in nanoseconds
 */
#include <inttypes.h>
#include <string.h>

#include "analyzer/statistics.h"

/** What a column is called, and where the table has it. */
static const struct column {
	const char *heading;
	const char *group; /* NULL: the row itself */
	const char *key;
} columns[] = {
	{ "lock", NULL, "name" },
	{ "kind", NULL, "kind" },
	{ "type", NULL, "type" },
	{ "pid", NULL, "pid" },
	{ "address", NULL, "address" },
	{ "lives", NULL, "lives" },
	{ "acquisitions", NULL, "acquisitions" },
	{ "contended", NULL, "contended" },
	{ "failed_tries", NULL, "failed_tries" },
	{ "posts", NULL, "posts" },
	{ "still_waiting", NULL, "waiting" },
	{ "threads", NULL, "threads" },
	{ "sites", NULL, "site_count" },
	{ "waits", "wait_ns", "count" },
	{ "wait_total_ns", "wait_ns", "total" },
	{ "wait_mean_ns", "wait_ns", "mean" },
	{ "wait_p50_ns", "wait_ns", "p50" },
	{ "wait_p90_ns", "wait_ns", "p90" },
	{ "wait_p99_ns", "wait_ns", "p99" },
	{ "wait_p999_ns", "wait_ns", "p999" },
	{ "wait_max_ns", "wait_ns", "max" },
	{ "holds", "hold_ns", "count" },
	{ "hold_total_ns", "hold_ns", "total" },
	{ "hold_mean_ns", "hold_ns", "mean" },
	{ "hold_p50_ns", "hold_ns", "p50" },
	{ "hold_p90_ns", "hold_ns", "p90" },
	{ "hold_p99_ns", "hold_ns", "p99" },
	{ "hold_p999_ns", "hold_ns", "p999" },
	{ "hold_max_ns", "hold_ns", "max" },
	{ "locks", NULL, "locks" },
};

#define COLUMNS (sizeof(columns) / sizeof(columns[0]))

/** put_text() - in quotes where it has to be; a formula for nobody */
static void put_text(FILE *out, const char *text)
{
	if (*text && strchr("=+-@", *text))
		putc('\'', out);
	if (!strpbrk(text, "\",\r\n")) {
		fputs(text, out);
		return;
	}
	putc('"', out);
	for (; *text; text++) {
		if (*text == '"')
			putc('"', out);
		putc(*text, out);
	}
	putc('"', out);
}

static void put_row(FILE *out, const json_t *row)
{
	size_t at;

	for (at = 0; at < COLUMNS; at++) {
		const struct column *column = &columns[at];
		const json_t *from = column->group ? json_object_get(row, column->group) : row;
		const json_t *value = json_object_get(from, column->key);

		if (at)
			putc(',', out);
		if (json_is_string(value))
			put_text(out, json_string_value(value));
		else
			fprintf(out, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
	}
	fputs("\r\n", out);
}

void dlw_statistics_csv(const json_t *table, FILE *out)
{
	const json_t *locks = json_object_get(table, "locks");
	size_t at;

	for (at = 0; at < COLUMNS; at++)
		fprintf(out, "%s%s", at ? "," : "", columns[at].heading);
	fputs("\r\n", out);
	for (at = 0; at < json_array_size(locks); at++)
		put_row(out, json_array_get(locks, at));
}
