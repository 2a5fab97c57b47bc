/*
 * log_dump_jsonl.c - a log for programs: one JSON object a line
 *
 * The keys are those of docs/log-format.md; a key that does not apply is left
 * out.
 */
#include <inttypes.h>
#include <string.h>

#include "analyzer/log_coverage.h"
#include "analyzer/log_dump.h"
#include "analyzer/log_json.h"
#include "analyzer/log_words.h"
#include "core/judge.h"

static void set_integer(json_t *object, const char *key, uint64_t value)
{
	json_object_set_new(object, key, json_integer((json_int_t)value));
}

static void set_text(json_t *object, const char *key, const char *text)
{
	json_object_set_new(object, key, dlw_log_text(text));
}

static void set_hex(json_t *object, const char *key, uint64_t value)
{
	json_object_set_new(object, key, json_sprintf("0x%" PRIx64, value));
}

static void put_line(struct dlw_log_dump *dump, json_t *object)
{
	json_dumpf(object, dump->out, JSON_COMPACT);
	putc('\n', dump->out);
	json_decref(object);
}

static json_t *definition(const struct dlw_source *source, const char *what)
{
	json_t *object = json_object();

	set_text(object, "define", what);
	set_integer(object, "log", source->number);
	return object;
}

/* ---------------------------------------------------------------- definitions */

static void put_process(struct dlw_log_dump *dump, const struct dlw_source *source)
{
	const struct dlw_log_definitions *defined = &source->defined;
	json_t *object = definition(source, "process"), *args = json_array();
	uint32_t at;

	set_text(object, "file", source->file.path);
	json_object_set_new(object, "pid", json_integer(source->file.header.pid));
	json_object_set_new(object, "parent_pid", json_integer(source->file.header.parent_pid));
	set_integer(object, "realtime_ns", source->file.header.realtime_ns);
	set_integer(object, "monotonic_ns", source->file.header.monotonic_ns);
	set_text(object, "exe", defined->exe);
	for (at = 0; at < defined->arg_count; at++)
		json_array_append_new(args, dlw_log_text(defined->args[at]));
	json_object_set_new(object, "args", args);
	set_text(object, "end", dlw_log_end_word(defined));
	if (defined->end_known)
		json_object_set_new(object, "status", json_integer(defined->end_status));
	put_line(dump, object);
}

static void put_module(struct dlw_log_dump *dump, const struct dlw_source *source,
		       const struct dlw_module *module)
{
	json_t *object = definition(source, "module");

	set_text(object, "path", module->path);
	if (module->build_id)
		set_text(object, "build_id", module->build_id);
	set_hex(object, "start", module->start);
	set_hex(object, "end", module->end);
	set_hex(object, "bias", module->bias);
	put_line(dump, object);
}

static void put_thread(struct dlw_log_dump *dump, const struct dlw_source *source,
		       const struct dlw_log_thread *thread)
{
	json_t *object = definition(source, "thread");

	set_integer(object, "thread", thread->serial);
	json_object_set_new(object, "tid", json_integer(thread->tid));
	set_text(object, "name", thread->name);
	set_integer(object, "creator", thread->creator);
	json_object_set_new(object, "detached", json_boolean(thread->detached));
	put_line(dump, object);
}

static void put_object(struct dlw_log_dump *dump, const struct dlw_source *source,
		       uint32_t position)
{
	json_t *object = definition(source, "object");
	struct dlw_log_object from;

	dlw_log_object_at(&source->defined, position, &from);
	set_integer(object, "object", from.id);
	set_text(object, "kind", dlw_kind_word(from.kind));
	set_text(object, "type", dlw_type_word(from.type));
	set_text(object, "name", from.name);
	set_hex(object, "address", from.address);
	json_object_set_new(object, "shared", json_boolean(from.traits & DLW_TRAIT_SHARED));
	if (*from.class_name)
		set_text(object, "class", from.class_name);
	if (from.rank)
		set_integer(object, "rank", from.rank);
	if (from.initial_known)
		set_integer(object, "initial", from.initial);
	if (from.init_stack)
		set_integer(object, "init_stack", from.init_stack);
	put_line(dump, object);
}

static void put_stack(struct dlw_log_dump *dump, const struct dlw_source *source,
		      uint32_t position)
{
	json_t *object = definition(source, "stack"), *frames = json_array();
	const uint8_t *record = source->defined.stacks[position];
	struct dlw_record_stack from;
	uint64_t address;
	uint32_t at;

	memcpy(&from, record, sizeof(from));
	set_integer(object, "stack", from.id);
	for (at = 0; at < from.depth; at++) {
		memcpy(&address, record + sizeof(from) + at * sizeof(address), sizeof(address));
		json_array_append_new(frames,
				      dlw_log_frame(&source->defined, address, dump->symbols));
	}
	json_object_set_new(object, "frames", frames);
	put_line(dump, object);
}

static void put_definitions(struct dlw_log_dump *dump, const struct dlw_source *source)
{
	const struct dlw_log_definitions *defined = &source->defined;
	uint32_t at;

	put_process(dump, source);
	for (at = 0; at < defined->module_count; at++)
		put_module(dump, source, &defined->modules[at]);
	for (at = 0; at < defined->thread_count; at++)
		put_thread(dump, source, &defined->threads[at]);
	for (at = 0; at < defined->object_count; at++)
		put_object(dump, source, at);
	for (at = 0; at < defined->stack_count; at++)
		put_stack(dump, source, at);
}

/* --------------------------------------------------------------------- events */

static void set_object(struct dlw_log_dump *dump, json_t *object, const struct dlw_cursor *cursor)
{
	const struct dlw_event *event = &cursor->head.event;
	const struct dlw_replay_object *lock = cursor->head.object;

	set_integer(object, "object", lock->defined.id);
	if (lock->source != cursor->source) /* shared: defined by several, known by the first one's number */
		set_integer(object, "object_log", lock->source->number);
	set_text(object, "kind", dlw_kind_word(lock->defined.kind));
	set_text(object, "lock", dlw_dump_lock(dump, lock, event->stack));
	if (event->ticket)
		set_integer(object, "ticket", event->ticket);
	if (event->type == DLW_EVENT_ACQUIRED || event->type == DLW_EVENT_WANT) {
		set_text(object, "mode", dlw_event_mode_word(event->mode));
		set_text(object, "form", dlw_form_word(event->form));
		json_object_set_new(object, "contended", json_boolean(event->contended));
	}
}

static void put_event(struct dlw_log_dump *dump, const struct dlw_cursor *cursor)
{
	const struct dlw_event *event = &cursor->head.event;
	const char *argument = dlw_event_argument(event->type);
	json_t *object = json_object();
	char room[32];

	set_text(object, "event", dlw_event_word(event->type));
	set_integer(object, "log", cursor->source->number);
	set_integer(object, "ns", dlw_log_file_time(&cursor->source->file, event->ticks));
	set_integer(object, "thread", cursor->serial);
	json_object_set_new(object, "tid",
			    json_integer(cursor->defined ? cursor->defined->tid : 0));
	set_text(object, "name", dlw_dump_thread(cursor, room));
	if (cursor->head.object)
		set_object(dump, object, cursor);
	if (argument)
		set_integer(object, argument, event->argument);
	if (event->stack) {
		set_integer(object, "stack", event->stack);
		set_text(object, "site", dlw_dump_site(dump, cursor->source, event->stack));
	}
	put_line(dump, object);
}

bool dlw_log_dump_jsonl(struct dlw_log_dump *dump)
{
	struct dlw_cursor *cursor;
	uint32_t at;

	dlw_dump_names_begin(dump);
	for (at = 0; at < dump->replay->source_count && !dump->events_only; at++)
		put_definitions(dump, dump->replay->sources[at]);
	dlw_replay_start(dump->replay);
	while ((cursor = dlw_replay_peek(dump->replay)) && !ferror(dump->out)) {
		put_event(dump, cursor);
		dlw_replay_apply(dump->replay);
	}
	dlw_dump_names_end(dump);
	return fflush(dump->out) == 0 && !ferror(dump->out);
}
