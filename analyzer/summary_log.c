/*
 * summary_log.c - the lock orders of one run, by the classes of its locks
 *
 * The text of an order is made once for each different set of numbers in a log.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "analyzer/log_cursor.h"
#include "analyzer/log_json.h"
#include "analyzer/log_memory.h"
#include "analyzer/findings.h"
#include "analyzer/summary.h"
#include "analyzer/symbols.h"
#include "core/judge.h"

/** An order by the numbers of one replay. */
struct known {
	uint64_t numbers;                /* hashed */
	struct dlw_summary_order *order; /* NULL: it has no place in a summary */
	UT_hash_handle hh;
};

/** A run that is being added. */
struct run {
	struct dlw_summary *summary;
	struct dlw_symbols *symbols;
	const char *name;
	struct known *known;
};

/** A lock that a thread asks for, while it holds what it holds. */
struct asked {
	struct dlw_cursor *cursor;
	const struct dlw_replay_object *object;
	uint8_t mode;
	uint32_t stack;
	uint64_t times;
};

/* --------------------------------------------------------------------- places */

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static char *place_key(const struct dlw_module *module, uint64_t offset)
{
	return dlw_print("%s+0x%" PRIx64 " %.16s", base_name(module->path), offset,
			 module->build_id ? module->build_id : "");
}

/**
 * place_of() - where a stack begins, outside lock wrappers; NULL: in no module
 *
 * Runs know it by its key; what people see of it is kept once.
 */
static char *place_of(struct run *run, const struct dlw_source *source, uint32_t stack)
{
	json_t *frame = dlw_log_site(&source->defined, stack, run->symbols);
	const struct dlw_module *module =
		dlw_log_module(&source->defined, dlw_hex(frame, "address"));
	char *key = NULL;

	if (module) {
		key = place_key(module, dlw_hex(frame, "offset"));
		json_object_del(frame, "address");
		json_object_set_new(frame, "build_id",
				    json_string(module->build_id ? module->build_id : ""));
		dlw_summary_place(run->summary, key, frame);
	}
	json_decref(frame);
	return key;
}

/** class_of() - for the caller to free(); NULL: it has none */
static char *class_of(struct run *run, const struct dlw_replay_object *object)
{
	const struct dlw_log_object *defined = &object->defined;
	const struct dlw_log_definitions *definitions = &object->source->defined;
	const struct dlw_module *module;
	char *place, *class = NULL;

	if (*defined->class_name)
		return dlw_print("class:%s", defined->class_name);
	if (*defined->name)
		return dlw_print("name:%s", defined->name);
	module = dlw_log_module(definitions, defined->address);
	place = place_of(run, object->source, defined->init_stack);
	if (place)
		class = dlw_print("init:%s", place);
	free(place);
	if (!class && module) {
		place = place_key(module, defined->address - module->bias);
		class = dlw_print("data:%s", place);
		free(place);
	}
	return class;
}

/** source_of_data() - of a static lock, for the caller to free(); NULL: nothing is known of it */
static char *source_of_data(struct run *run, const struct dlw_module *module, uint64_t offset)
{
	struct dlw_variable variable;

	if (!dlw_symbols_data(run->symbols, module->path, module->build_id, offset, &variable) ||
	    !variable.file)
		return NULL;
	return dlw_print("%s: %s:%d %s+0x%" PRIx64, base_name(module->path),
			 base_name(variable.file), variable.line, variable.name, variable.offset);
}

/** source_of_code() - of where locks are initialised, likewise */
static char *source_of_code(struct run *run, const struct dlw_source *source, uint32_t stack)
{
	json_t *frame = dlw_log_site(&source->defined, stack, run->symbols);
	char *text = NULL;

	if (*dlw_text(frame, "function") && *dlw_text(frame, "file"))
		text = dlw_print("%s: %s:%d in %s", base_name(dlw_text(frame, "module")),
				 base_name(dlw_text(frame, "file")), (int)dlw_number(frame, "line"),
				 dlw_text(frame, "function"));
	json_decref(frame);
	return text;
}

/** tell_source() - of a class that is named by its place */
static void tell_source(struct run *run, const struct dlw_replay_object *object, const char *class)
{
	const struct dlw_log_object *defined = &object->defined;
	const struct dlw_module *module = dlw_log_module(&object->source->defined, defined->address);
	char *source = NULL;

	if (strncmp(class, "init:", 5) == 0)
		source = source_of_code(run, object->source, defined->init_stack);
	else if (strncmp(class, "data:", 5) == 0)
		source = source_of_data(run, module, defined->address - module->bias);
	if (source)
		dlw_summary_source(run->summary, class, source);
	free(source);
}

static void label_class(struct run *run, const struct dlw_replay_object *object, const char *class)
{
	const struct dlw_log_object *defined = &object->defined;
	char *label = *defined->class_name ?
			      dlw_copy(defined->class_name) :
			      dlw_log_label(&object->source->defined, defined->kind, defined->name,
					    defined->address, defined->init_stack, 0, run->symbols);

	dlw_summary_label(run->summary, class, label);
	free(label);
}

/* --------------------------------------------------------------------- orders */

/** lock_json() - NULL: it has no class */
static json_t *lock_json(struct run *run, const struct dlw_replay_object *object,
			 const struct dlw_source *source, uint8_t mode, uint32_t stack)
{
	char *class = class_of(run, object), *site;
	json_t *lock;

	if (!class)
		return NULL;
	label_class(run, object, class);
	tell_source(run, object, class);
	lock = json_object();
	site = place_of(run, source, stack);
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

/** order_json() - what is asked for shows; NULL: it has no place in a summary */
static json_t *order_json(struct run *run, const struct asked *asked)
{
	const struct dlw_cursor *cursor = asked->cursor;
	json_t *wants = lock_json(run, asked->object, cursor->source, asked->mode, asked->stack);
	json_t *holds = json_array();
	uint32_t at;

	for (at = 0; wants && at < cursor->hold_count; at++) {
		const struct dlw_log_hold *hold = &cursor->holds[at];
		json_t *held;

		if (hold->stale)
			continue;
		held = lock_json(run, hold->object, cursor->source, hold->mode, hold->stack);
		if (held && same_class(held, wants))
			dlw_summary_within(run->summary, dlw_text(held, "class"));
		else if (held)
			json_array_append(holds, held);
		else
			dlw_summary_unclassed(run->summary);
		json_decref(held);
	}
	if (!wants)
		dlw_summary_unclassed(run->summary);
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

static void add_order(struct run *run, const struct asked *asked)
{
	uint64_t numbers;
	struct known *known;

	if (!asked->cursor->hold_count || !is_lock(asked->object) ||
	    dlw_cursor_hold(asked->cursor, asked->object))
		return;
	numbers = numbers_of(asked);

	HASH_FIND(hh, run->known, &numbers, sizeof(numbers), known);
	if (!known) {
		json_t *json = order_json(run, asked);

		known = dlw_log_allocate(1, sizeof(*known));
		known->numbers = numbers;
		known->order = json ? dlw_summary_order(run->summary, json) : NULL;
		json_decref(json);
		HASH_ADD(hh, run->known, numbers, sizeof(known->numbers), known);
	}
	if (known->order)
		dlw_summary_seen(run->summary, known->order, asked->times, run->name);
}

static void forget_known(struct run *run)
{
	struct known *known, *next;

	HASH_ITER(hh, run->known, known, next)
	{
		HASH_DEL(run->known, known);
		free(known);
	}
}

/** add_last_wants() - what was asked for and never had shows an order, too */
static void add_last_wants(struct run *run, const struct dlw_replay *replay)
{
	uint32_t at;

	for (at = 0; at < replay->cursor_count; at++) {
		struct dlw_cursor *cursor = replay->cursors[at];
		const struct dlw_log_want *want = &cursor->want;

		if (want->wait == DLW_WAIT_OBJECT)
			add_order(run, &(struct asked){ cursor, want->object, want->mode,
							want->stack, 1 });
	}
}

void dlw_summary_add_logs(struct dlw_summary *summary, struct dlw_replay *replay, const char *name,
			  struct dlw_symbols *symbols)
{
	struct run run = { summary, symbols, name, NULL };
	struct dlw_cursor *cursor;
	uint64_t times = 1;

	dlw_summary_run(summary);
	dlw_replay_start(replay);
	while ((cursor = dlw_replay_peek(replay))) {
		const struct dlw_log_definitions *defined = &cursor->source->defined;
		const struct dlw_event *event = &cursor->head.event;

		if (event->type == DLW_EVENT_ORDER)
			times = dlw_log_order_times(defined, event->argument);
		if (event->type == DLW_EVENT_ACQUIRED)
			add_order(&run,
				  &(struct asked){
					  cursor, cursor->head.object, event->mode, event->stack,
					  defined->recording == DLW_RECORDING_ORDER ? times : 1 });
		dlw_replay_apply(replay);
	}
	add_last_wants(&run, replay);
	forget_known(&run);
}
