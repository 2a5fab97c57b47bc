/*
 * summary.c - lock orders of many runs, put together
 *
 * An order's key is the text of its JSON with sorted keys; its value is a sum.
 * The text is made once for each different set of numbers in a log.
 */
#include "analyzer/summary.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "analyzer/log_cursor.h"
#include "analyzer/log_json.h"
#include "analyzer/log_memory.h"
#include "core/judge.h"

#define SCHEMA "dlwatch-summary/1"
#define KEY_FLAGS (JSON_COMPACT | JSON_SORT_KEYS)

struct order {
	char *key;
	uint64_t count;
	UT_hash_handle hh;
};

/** An order by the numbers of one replay. */
struct known {
	uint64_t numbers;    /* hashed */
	struct order *order; /* NULL: it has no place in a summary */
	UT_hash_handle hh;
};

struct dlw_summary {
	struct order *orders;
	struct known *known; /* of the replay that is being added */
	uint64_t runs, unclassed, within_class;
};

/* --------------------------------------------------------------------- adding */

static uint64_t add_up(uint64_t sum, uint64_t more)
{
	return more > INT64_MAX - sum ? INT64_MAX : sum + more;
}

/** order_of() - the one with @key, which is taken over */
static struct order *order_of(struct dlw_summary *summary, char *key)
{
	struct order *order;

	HASH_FIND_STR(summary->orders, key, order);
	if (order) {
		free(key);
		return order;
	}
	order = dlw_log_allocate(1, sizeof(*order));
	order->key = key;
	HASH_ADD_KEYPTR(hh, summary->orders, order->key, strlen(order->key), order);
	return order;
}

static uint64_t number_of(const json_t *object, const char *key)
{
	json_int_t value = json_integer_value(json_object_get(object, key));

	return value > 0 ? (uint64_t)value : 0;
}

/** is_order() - it has the parts that are relied on */
static bool is_order(const json_t *order)
{
	const json_t *wants = json_object_get(order, "wants"), *holds = json_object_get(order, "holds");
	size_t at;

	if (!json_is_string(json_object_get(wants, "class")) || !json_array_size(holds))
		return false;
	for (at = 0; at < json_array_size(holds); at++)
		if (!json_is_string(json_object_get(json_array_get(holds, at), "class")))
			return false;
	return true;
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
	for (at = 0; at < json_array_size(orders); at++) {
		const json_t *entry = json_array_get(orders, at);
		struct order *order =
			order_of(summary, json_dumps(json_object_get(entry, "order"), KEY_FLAGS));

		order->count = add_up(order->count, number_of(entry, "count"));
	}
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

/* -------------------------------------------------------------------- from logs */

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/** place_text() - an address as MODULE+OFFSET and its build; NULL: in no module */
static char *place_text(const struct dlw_source *source, uint64_t address)
{
	const struct dlw_module *module = dlw_log_module(&source->defined, address);

	if (!module)
		return NULL;
	return dlw_print("%s+0x%" PRIx64 " %.16s", base_name(module->path), address - module->bias,
			 module->build_id ? module->build_id : "");
}

/** stack_text() - where a stack begins; NULL: unknown */
static char *stack_text(const struct dlw_source *source, uint32_t stack)
{
	uint64_t frame;

	if (!stack || !dlw_log_defined_stack(&source->defined, stack, &frame, 1))
		return NULL;
	return place_text(source, frame - 1);
}

/** class_of() - for the caller to free(); NULL: it has none */
static char *class_of(const struct dlw_replay_object *object)
{
	const struct dlw_log_object *defined = &object->defined;
	char *place, *class;

	if (*defined->name)
		return dlw_print("name:%s", defined->name);
	place = stack_text(object->source, defined->init_stack);
	if (place) {
		class = dlw_print("init:%s", place);
	} else {
		place = place_text(object->source, defined->address);
		class = place ? dlw_print("data:%s", place) : NULL;
	}
	free(place);
	return class;
}

/** lock_json() - NULL: it has no class */
static json_t *lock_json(const struct dlw_replay_object *object, const struct dlw_source *source,
			 uint8_t mode, uint32_t stack)
{
	char *class = class_of(object), *site;
	json_t *lock;

	if (!class)
		return NULL;
	lock = json_object();
	site = stack_text(source, stack);
	json_object_set_new(lock, "class", dlw_log_text(class));
	json_object_set_new(lock, "kind", json_string(dlw_kind_word(object->defined.kind)));
	json_object_set_new(lock, "mode", json_string(mode == 1 ? "shared" : "exclusive"));
	json_object_set_new(lock, "site", site ? dlw_log_text(site) : json_null());
	free(class);
	free(site);
	return lock;
}

static bool same_class(const json_t *one, const json_t *other)
{
	return json_equal(json_object_get(one, "class"), json_object_get(other, "class"));
}

/** A lock that a thread asks for, while it holds what it holds. */
struct asked {
	struct dlw_cursor *cursor;
	const struct dlw_replay_object *object;
	uint8_t mode;
	uint32_t stack;
};

/** order_json() - what is asked for shows; NULL: it has no place in a summary */
static json_t *order_json(struct dlw_summary *summary, const struct asked *asked)
{
	const struct dlw_cursor *cursor = asked->cursor;
	json_t *wants = lock_json(asked->object, cursor->source, asked->mode, asked->stack);
	json_t *holds = json_array();
	uint32_t at;

	for (at = 0; wants && at < cursor->hold_count; at++) {
		const struct dlw_log_hold *hold = &cursor->holds[at];
		json_t *held;

		if (hold->stale)
			continue;
		held = lock_json(hold->object, cursor->source, hold->mode, hold->stack);
		if (held && same_class(held, wants))
			summary->within_class++;
		else if (held)
			json_array_append(holds, held);
		else
			summary->unclassed++;
		json_decref(held);
	}
	summary->unclassed += !wants;
	if (wants && json_array_size(holds))
		return json_pack("{s:o,s:o}", "holds", holds, "wants", wants);
	json_decref(wants);
	json_decref(holds);
	return NULL;
}

static uint64_t mix(uint64_t hash, uint64_t value)
{
	hash = (hash ^ value) * 0x9e3779b97f4a7c15u;
	return hash ^ hash >> 29;
}

static uint64_t numbers_of(const struct asked *asked)
{
	const struct dlw_cursor *cursor = asked->cursor;
	uint64_t hash = mix(cursor->source->number, asked->object->number);
	uint32_t at;

	hash = mix(hash, asked->stack | (uint64_t)asked->mode << 32);
	for (at = 0; at < cursor->hold_count; at++) {
		hash = mix(hash, cursor->holds[at].object->number);
		hash = mix(hash, cursor->holds[at].stack | (uint64_t)cursor->holds[at].mode << 32);
	}
	return hash;
}

/** is_lock() - something that has holders */
static bool is_lock(const struct dlw_replay_object *object)
{
	switch (object->defined.kind) {
	case DLW_MUTEX:
	case DLW_RWLOCK:
	case DLW_SPINLOCK:
	case DLW_CUSTOM:
		return true;
	default:
		return false;
	}
}

static void add_order(struct dlw_summary *summary, const struct asked *asked, uint64_t times)
{
	uint64_t numbers;
	struct known *known;

	if (!asked->cursor->hold_count || !is_lock(asked->object) ||
	    dlw_cursor_hold(asked->cursor, asked->object))
		return;
	numbers = numbers_of(asked);

	HASH_FIND(hh, summary->known, &numbers, sizeof(numbers), known);
	if (!known) {
		json_t *json = order_json(summary, asked);

		known = dlw_log_allocate(1, sizeof(*known));
		known->numbers = numbers;
		known->order = json ? order_of(summary, json_dumps(json, KEY_FLAGS)) : NULL;
		json_decref(json);
		HASH_ADD(hh, summary->known, numbers, sizeof(known->numbers), known);
	}
	if (known->order)
		known->order->count = add_up(known->order->count, times);
}

static void forget_known(struct dlw_summary *summary)
{
	struct known *known, *next;

	HASH_ITER(hh, summary->known, known, next)
	{
		HASH_DEL(summary->known, known);
		free(known);
	}
}

/** add_last_wants() - what was asked for and never had shows an order, too */
static void add_last_wants(struct dlw_summary *summary, const struct dlw_replay *replay)
{
	uint32_t at;

	for (at = 0; at < replay->cursor_count; at++) {
		struct dlw_cursor *cursor = replay->cursors[at];
		const struct dlw_log_want *want = &cursor->want;

		if (want->wait == DLW_WAIT_OBJECT)
			add_order(summary,
				  &(struct asked){ cursor, want->object, want->mode, want->stack }, 1);
	}
}

void dlw_summary_add_logs(struct dlw_summary *summary, struct dlw_replay *replay)
{
	struct dlw_cursor *cursor;
	uint64_t times = 1;

	dlw_replay_start(replay);
	while ((cursor = dlw_replay_peek(replay))) {
		const struct dlw_log_definitions *defined = &cursor->source->defined;

		if (cursor->head.event.type == DLW_EVENT_ORDER)
			times = dlw_log_order_times(defined, cursor->head.event.argument);
		if (cursor->head.event.type == DLW_EVENT_ACQUIRED)
			add_order(summary,
				  &(struct asked){ cursor, cursor->head.object,
						   cursor->head.event.mode, cursor->head.event.stack },
				  defined->recording == DLW_RECORDING_ORDER ? times : 1);
		dlw_replay_apply(replay);
	}
	add_last_wants(summary, replay);
	forget_known(summary);
	summary->runs++;
}

/* ----------------------------------------------------------------------- output */

static int by_key(const struct order *a, const struct order *b)
{
	return strcmp(a->key, b->key);
}

json_t *dlw_summary_json(struct dlw_summary *summary)
{
	json_t *orders = json_array();
	struct order *order, *next;

	HASH_SORT(summary->orders, by_key);
	HASH_ITER(hh, summary->orders, order, next)
		json_array_append_new(orders,
				      json_pack("{s:I,s:o}", "count", (json_int_t)order->count,
						"order", json_loads(order->key, 0, NULL)));
	return json_pack("{s:s,s:I,s:I,s:I,s:o}", "schema", SCHEMA, "runs",
			 (json_int_t)summary->runs, "unclassed", (json_int_t)summary->unclassed,
			 "within_class", (json_int_t)summary->within_class, "orders", orders);
}

bool dlw_summary_write(struct dlw_summary *summary, FILE *file)
{
	json_t *json = dlw_summary_json(summary);
	bool good = json_dumpf(json, file, JSON_INDENT(1) | JSON_SORT_KEYS) == 0;

	json_decref(json);
	return putc('\n', file) != EOF && fflush(file) == 0 && good;
}

/** pair_key() - "HELD\nWANTED" of two classes; for the caller to free() */
static char *pair_key(const json_t *held, const json_t *wants)
{
	return dlw_print("%s\n%s", json_string_value(json_object_get(held, "class")),
			 json_string_value(json_object_get(wants, "class")));
}

static void add_pairs(json_t *pairs, const json_t *entry)
{
	const json_t *order = json_object_get(entry, "order"), *held;
	size_t at;

	json_array_foreach(json_object_get(order, "holds"), at, held) {
		char *key = pair_key(held, json_object_get(order, "wants"));
		json_t *sum = json_object_get(pairs, key);
		uint64_t count = add_up((uint64_t)json_integer_value(sum), number_of(entry, "count"));

		json_object_set_new(pairs, key, json_integer((json_int_t)count));
		free(key);
	}
}

static void print_conflict(FILE *out, const json_t *pairs, const char *key)
{
	const char *line = strchr(key, '\n');
	char *turned = dlw_print("%s\n%.*s", line + 1, (int)(line - key), key);
	const json_t *other = json_object_get(pairs, turned);

	if (other && strcmp(key, turned) < 0)
		fprintf(out,
			"taken both ways:\n  %.*s\n  %s\n  %" JSON_INTEGER_FORMAT
			" times in this order, %" JSON_INTEGER_FORMAT " times the other way round\n",
			(int)(line - key), key, line + 1,
			json_integer_value(json_object_get(pairs, key)), json_integer_value(other));
	free(turned);
}

void dlw_summary_print(struct dlw_summary *summary, FILE *out)
{
	json_t *json = dlw_summary_json(summary), *pairs = json_object(), *entry, *count;
	const char *key;
	size_t at;

	json_array_foreach(json_object_get(json, "orders"), at, entry)
		add_pairs(pairs, entry);
	fprintf(out, "%" PRIu64 " run%s, %zu lock orders\n", summary->runs,
		summary->runs == 1 ? "" : "s", json_array_size(json_object_get(json, "orders")));
	if (summary->unclassed || summary->within_class)
		fprintf(out,
			"left out: %" PRIu64 " with a lock that other runs would not know again, %" PRIu64
			" among locks of one class\n",
			summary->unclassed, summary->within_class);
	json_object_foreach(pairs, key, count)
		print_conflict(out, pairs, key);
	json_decref(pairs);
	json_decref(json);
}

/* ---------------------------------------------------------------- make and free */

struct dlw_summary *dlw_summary_new(void)
{
	return dlw_log_allocate(1, sizeof(struct dlw_summary));
}

void dlw_summary_free(struct dlw_summary *summary)
{
	struct order *order, *next;

	HASH_ITER(hh, summary->orders, order, next)
	{
		HASH_DEL(summary->orders, order);
		free(order->key);
		free(order);
	}
	free(summary);
}
