/*
 * summary.c - lock orders of many runs, put together
 *
 * An order's key is the text of its JSON with sorted keys; its value is a sum.
 * The text is made once for each different set of numbers in a log.
 */
#include "analyzer/summary.h"

#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "analyzer/findings.h"
#include "analyzer/log_json.h"
#include "analyzer/memory.h"

#define SCHEMA "dlwatch-summary/1"
#define KEY_FLAGS (JSON_COMPACT | JSON_SORT_KEYS)

#define RUN_NAMES 8 /* smallest ones, kept with an order */

struct dlw_summary_order {
	char *key;
	uint64_t count, runs;
	uint64_t last_run; /* number of the run that was counted last */
	json_t *names;     /* of runs, sorted */
	UT_hash_handle hh;
};

struct dlw_summary {
	struct dlw_summary_order *orders;
	json_t *places;  /* by their text: where they are */
	json_t *labels;  /* by class: what people call it */
	json_t *sources; /* by class: what is there in any build */
	json_t *within;  /* by class: different orders among locks of it */
	uint64_t runs, unclassed, within_class;
	uint64_t run;    /* number of the run that is being added */
};

/* --------------------------------------------------------------------- adding */

static uint64_t add_up(uint64_t sum, uint64_t more)
{
	return more > INT64_MAX - sum ? INT64_MAX : sum + more;
}

/** order_of() - the one with @key, which is taken over */
static struct dlw_summary_order *order_of(struct dlw_summary *summary, char *key)
{
	struct dlw_summary_order *order;

	HASH_FIND_STR(summary->orders, key, order);
	if (order) {
		free(key);
		return order;
	}
	order = dlw_allocate(sizeof(*order));
	order->key = key;
	order->names = json_array();
	HASH_ADD_KEYPTR(hh, summary->orders, order->key, strlen(order->key), order);
	return order;
}

/** add_name() - to a sorted array, of which the smallest are kept */
static void add_name(json_t *names, const char *name)
{
	size_t at = 0, count = json_array_size(names);
	int order = 1;

	while (at < count && (order = strcmp(json_string_value(json_array_get(names, at)), name)) < 0)
		at++;
	if (at < count && order == 0)
		return;
	json_array_insert_new(names, at, dlw_log_text(name));
	if (json_array_size(names) > RUN_NAMES)
		json_array_remove(names, RUN_NAMES);
}

struct dlw_summary_order *dlw_summary_order(struct dlw_summary *summary, const json_t *json)
{
	return order_of(summary, json_dumps(json, KEY_FLAGS));
}

void dlw_summary_seen(struct dlw_summary *summary, struct dlw_summary_order *order, uint64_t times,
		      const char *run)
{
	order->count = add_up(order->count, times);
	if (order->last_run == summary->run)
		return;
	order->last_run = summary->run;
	order->runs = add_up(order->runs, 1);
	add_name(order->names, run);
}

/** keep_best() - of two things said of one key the better, else the greater: whoever comes first */
static void keep_best(json_t *all, const char *key, json_t *said, bool good)
{
	json_t *now = json_object_get(all, key);
	bool was_good = json_is_true(json_object_get(now, "good"));
	char *one = now ? json_dumps(json_object_get(now, "said"), KEY_FLAGS | JSON_ENCODE_ANY) : NULL;
	char *other = json_dumps(said, KEY_FLAGS | JSON_ENCODE_ANY);

	if (!now || good > was_good || (good == was_good && strcmp(one, other) < 0))
		json_object_set_new(all, key, json_pack("{s:O,s:b}", "said", said, "good", good));
	free(one);
	free(other);
}

void dlw_summary_place(struct dlw_summary *summary, const char *key, json_t *place)
{
	keep_best(summary->places, key, place, *dlw_text(place, "function"));
}

void dlw_summary_label(struct dlw_summary *summary, const char *class, const char *label)
{
	json_t *text = dlw_log_text(label);

	keep_best(summary->labels, class, text, !strstr(label, "+0x"));
	json_decref(text);
}

void dlw_summary_source(struct dlw_summary *summary, const char *class, const char *source)
{
	json_t *text = dlw_log_text(source);

	keep_best(summary->sources, class, text, true);
	json_decref(text);
}

static void count_for(json_t *counts, const char *key, uint64_t count)
{
	uint64_t sum = add_up((uint64_t)json_integer_value(json_object_get(counts, key)), count);

	json_object_set_new(counts, key, json_integer((json_int_t)sum));
}

void dlw_summary_unclassed(struct dlw_summary *summary)
{
	summary->unclassed = add_up(summary->unclassed, 1);
}

void dlw_summary_within(struct dlw_summary *summary, const char *class)
{
	summary->within_class = add_up(summary->within_class, 1);
	count_for(summary->within, class, 1);
}

void dlw_summary_run(struct dlw_summary *summary)
{
	summary->run++;
	summary->runs = add_up(summary->runs, 1);
}

static uint64_t number_of(const json_t *object, const char *key)
{
	json_int_t value = json_integer_value(json_object_get(object, key));

	return value > 0 ? (uint64_t)value : 0;
}

static bool is_lock(const json_t *lock)
{
	return json_is_string(json_object_get(lock, "class"));
}

/** is_order() - it has the parts that are relied on */
static bool is_order(const json_t *order)
{
	const json_t *holds = json_object_get(order, "holds");
	size_t at;

	if (!is_lock(json_object_get(order, "wants")) || !json_array_size(holds))
		return false;
	for (at = 0; at < json_array_size(holds); at++)
		if (!is_lock(json_array_get(holds, at)))
			return false;
	return true;
}

static void add_entry(struct dlw_summary *summary, const json_t *entry)
{
	struct dlw_summary_order *order =
		dlw_summary_order(summary, json_object_get(entry, "order"));
	const json_t *name;
	size_t at;

	order->count = add_up(order->count, number_of(entry, "count"));
	order->runs = add_up(order->runs, number_of(entry, "runs"));
	json_array_foreach(json_object_get(entry, "run_names"), at, name)
		if (json_is_string(name))
			add_name(order->names, json_string_value(name));
}

/** add_words() - what people call places and classes, and what was left out */
static void add_words(struct dlw_summary *summary, const json_t *other)
{
	const char *key;
	json_t *value;

	json_object_foreach(json_object_get(other, "places"), key, value)
		if (json_is_object(value))
			dlw_summary_place(summary, key, value);
	json_object_foreach(json_object_get(other, "labels"), key, value)
		if (json_is_string(value))
			dlw_summary_label(summary, key, json_string_value(value));
	json_object_foreach(json_object_get(other, "sources"), key, value)
		if (json_is_string(value))
			dlw_summary_source(summary, key, json_string_value(value));
	json_object_foreach(json_object_get(other, "within"), key, value)
		if (json_integer_value(value) > 0)
			count_for(summary->within, key, (uint64_t)json_integer_value(value));
}

bool dlw_summary_add(struct dlw_summary *summary, const json_t *other)
{
	const char *schema = json_string_value(json_object_get(other, "schema"));
	const json_t *orders = json_object_get(other, "orders");
	size_t at;

	if (!schema || strcmp(schema, SCHEMA) || !json_is_array(orders))
		return false;
	for (at = 0; at < json_array_size(orders); at++)
		if (!is_order(json_object_get(json_array_get(orders, at), "order")))
			return false;
	for (at = 0; at < json_array_size(orders); at++)
		add_entry(summary, json_array_get(orders, at));
	add_words(summary, other);
	summary->runs = add_up(summary->runs, number_of(other, "runs"));
	summary->unclassed = add_up(summary->unclassed, number_of(other, "unclassed"));
	summary->within_class = add_up(summary->within_class, number_of(other, "within_class"));
	return true;
}

bool dlw_summary_read(struct dlw_summary *summary, const char *path, char **error)
{
	json_error_t trouble;
	json_t *other = json_load_file(path, JSON_REJECT_DUPLICATES, &trouble);
	bool good;

	if (!other) {
		*error = dlw_print("%s: no summary: %s", path, trouble.text);
		return false;
	}
	good = dlw_summary_add(summary, other);
	json_decref(other);
	if (!good)
		*error = dlw_print("%s: no summary: not one of %s", path, SCHEMA);
	return good;
}

/* ----------------------------------------------------------------------- output */

static int by_key(const struct dlw_summary_order *a, const struct dlw_summary_order *b)
{
	return strcmp(a->key, b->key);
}

/** said_of() - what was kept, without how good it is */
static json_t *said_of(const json_t *all)
{
	json_t *said = json_object(), *value;
	const char *key;

	json_object_foreach((json_t *)all, key, value)
		json_object_set(said, key, json_object_get(value, "said"));
	return said;
}

json_t *dlw_summary_json(struct dlw_summary *summary)
{
	json_t *orders = json_array();
	struct dlw_summary_order *order, *next;

	HASH_SORT(summary->orders, by_key);
	HASH_ITER(hh, summary->orders, order, next)
		json_array_append_new(orders,
				      json_pack("{s:I,s:I,s:O,s:o}", "count",
						(json_int_t)order->count, "runs",
						(json_int_t)order->runs, "run_names", order->names,
						"order", json_loads(order->key, 0, NULL)));
	return json_pack("{s:s,s:I,s:I,s:I,s:O,s:o,s:o,s:o,s:o}", "schema", SCHEMA, "runs",
			 (json_int_t)summary->runs, "unclassed", (json_int_t)summary->unclassed,
			 "within_class", (json_int_t)summary->within_class, "within",
			 summary->within, "places", said_of(summary->places),
			 "labels", said_of(summary->labels), "sources",
			 said_of(summary->sources), "orders", orders);
}

bool dlw_summary_write(struct dlw_summary *summary, FILE *file)
{
	json_t *json = dlw_summary_json(summary);
	bool good = json_dumpf(json, file, JSON_INDENT(1) | JSON_SORT_KEYS) == 0;

	json_decref(json);
	return putc('\n', file) != EOF && fflush(file) == 0 && good;
}

/* ---------------------------------------------------------------- make and free */

struct dlw_summary *dlw_summary_new(void)
{
	struct dlw_summary *summary = dlw_allocate(sizeof(*summary));

	summary->places = json_object();
	summary->labels = json_object();
	summary->sources = json_object();
	summary->within = json_object();
	return summary;
}

void dlw_summary_free(struct dlw_summary *summary)
{
	struct dlw_summary_order *order, *next;

	HASH_ITER(hh, summary->orders, order, next)
	{
		HASH_DEL(summary->orders, order);
		json_decref(order->names);
		free(order->key);
		free(order);
	}
	json_decref(summary->places);
	json_decref(summary->labels);
	json_decref(summary->sources);
	json_decref(summary->within);
	free(summary);
}
