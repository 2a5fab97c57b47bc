/*
 * summary_finding.c - a cycle over classes of locks, as a finding
 *
 * The engine writes it of a made-up process: pid 0, a thread for each order,
 * modules at addresses that no real one has. Afterwards every frame gets the
 * names that were known where the run was summarised, and an address that
 * means something: its own in the file.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/findings.h"
#include "analyzer/log_memory.h"
#include "analyzer/memory.h"
#include "analyzer/summary_trace.h"
#include "core/finding_json.h"
#include "core/inversion.h"

#define MODULE_SIZE (1ull << 40)

struct making {
	struct dlw_summary_trace *traced;
	const struct dlw_predicted *predicted;
	struct dlw_arena arena;
	struct dlw_process_state process;
	struct dlw_module *modules;
	struct dlw_state state;
	struct dlw_thread_state *threads;
	struct dlw_resource_state *resources;
	uint32_t *objects; /* of the resources, in the trace */
	struct dlw_hold *holds;
	uint32_t *members;
	json_t *places; /* by made-up address: where it is */
	json_t **runs;  /* by thread: names, or NULL where there are more */
};

static void *take(struct making *making, size_t size, size_t count)
{
	void *memory = dlw_arena_take_array(&making->arena, size, count);

	if (!memory)
		dlw_out_of_memory();
	return memory;
}

/* ----------------------------------------------------------------------- places */

static const json_t *labels_of(const struct making *making)
{
	return json_object_get(making->traced->json, "labels");
}

static bool is_build_id(const char *text)
{
	return *text && strlen(text) % 2 == 0 && strspn(text, "0123456789abcdef") == strlen(text);
}

/** module_of() - the number of the one that @place lies in */
static uint32_t module_of(struct making *making, const json_t *place)
{
	const char *path = dlw_text(place, "module"), *build = dlw_text(place, "build_id");
	uint32_t at, count = making->process.module_count;

	if (!is_build_id(build))
		build = NULL;
	for (at = 0; at < count; at++)
		if (strcmp(making->modules[at].path, path) == 0)
			return at;
	making->modules[count] = (struct dlw_module){
		.start = (count + 1) * MODULE_SIZE,
		.end = (count + 2) * MODULE_SIZE,
		.bias = (count + 1) * MODULE_SIZE,
		.path = path,
		.build_id = build,
	};
	return making->process.module_count++;
}

/** stack_of() - of a lock in an order: one frame, or nothing */
static struct dlw_stack stack_of(struct making *making, const json_t *lock)
{
	const json_t *place = json_object_get(json_object_get(making->traced->json, "places"),
					      dlw_text(lock, "site"));
	uint64_t *frame, offset = dlw_hex(place, "offset");
	char key[24];

	if (!place || !*dlw_text(place, "module") || offset >= MODULE_SIZE)
		return (struct dlw_stack){ 0 };
	frame = take(making, sizeof(*frame), 1);
	*frame = making->modules[module_of(making, place)].start + offset;
	snprintf(key, sizeof(key), "0x%" PRIx64, *frame);
	json_object_set(making->places, key, (json_t *)place);
	return (struct dlw_stack){ frame, 1 };
}

/** name_frame() - what is known of it, and an address that means something */
static void name_frame(const struct making *making, json_t *frame)
{
	const json_t *place = json_object_get(making->places, dlw_text(frame, "address"));

	if (!place)
		return;
	json_object_set(frame, "address", json_object_get(frame, "offset"));
	if (!*dlw_text(place, "function"))
		return;
	json_object_set_new(frame, "function", json_string(dlw_text(place, "function")));
	if (!*dlw_text(place, "file"))
		return;
	json_object_set_new(frame, "file", json_string(dlw_text(place, "file")));
	if (dlw_number(place, "line") > 0)
		json_object_set_new(frame, "line", json_integer(dlw_number(place, "line")));
}

static void name_step(const struct making *making, json_t *step)
{
	json_t *frame;
	size_t at;

	name_frame(making, json_object_get(step, "site"));
	json_array_foreach(json_object_get(step, "stack"), at, frame)
		name_frame(making, frame);
}

/* ------------------------------------------------------------------------- runs */

static bool shows(const json_t *entry, const char *held, const char *wanted)
{
	const json_t *order = json_object_get(entry, "order"), *lock;
	size_t at;

	if (strcmp(dlw_text(json_object_get(order, "wants"), "class"), wanted))
		return false;
	json_array_foreach(json_object_get(order, "holds"), at, lock)
		if (strcmp(dlw_text(lock, "class"), held) == 0)
			return true;
	return false;
}

static bool has_name(const json_t *names, const char *name)
{
	const json_t *known;
	size_t at;

	json_array_foreach(names, at, known)
		if (strcmp(json_string_value(known), name) == 0)
			return true;
	return false;
}

/** runs_of() - names of those that show one class asked for under the other */
static json_t *runs_of(const struct making *making, const char *held, const char *wanted, bool *more)
{
	const json_t *entry, *name;
	json_t *names = json_array();
	size_t at, i;

	*more = false;
	json_array_foreach(json_object_get(making->traced->json, "orders"), at, entry) {
		const json_t *known = json_object_get(entry, "run_names");

		if (!shows(entry, held, wanted))
			continue;
		json_array_foreach(known, i, name)
			if (!has_name(names, json_string_value(name)))
				json_array_append(names, (json_t *)name);
		if ((uint64_t)dlw_number(entry, "runs") > json_array_size(known))
			*more = true;
	}
	return names;
}

/** runs_text() - "runs/a, runs/b and others" */
static const char *runs_text(struct making *making, const json_t *names, bool more)
{
	char *text = dlw_copy(""), *longer, *kept;
	const json_t *name;
	size_t at, size;

	json_array_foreach(names, at, name) {
		longer = dlw_print("%s%s%s", text, at ? ", " : "", json_string_value(name));
		free(text);
		text = longer;
	}
	longer = dlw_print("%s%s", *text ? text : "a run", *text && more ? " and others" : "");
	free(text);
	size = strlen(longer) + 1;
	kept = memcpy(take(making, 1, size), longer, size);
	free(longer);
	return kept;
}

/* ------------------------------------------------------------------------ state */

static uint32_t resource_of(struct making *making, uint32_t object)
{
	const struct dlw_summary_class *class = making->traced->objects[object];
	const char *label = dlw_text(labels_of(making), class->class);
	uint32_t number, count = making->state.resource_count;

	for (number = 0; number < count; number++)
		if (making->objects[number] == object)
			return number;
	making->objects[count] = object;
	making->resources[count] = (struct dlw_resource_state){
		.kind = class->kind,
		.name = *label ? label : class->class,
		.process = 0,
	};
	return making->state.resource_count++;
}

static uint32_t at_most(uint64_t count)
{
	return count < UINT32_MAX ? (uint32_t)count : UINT32_MAX;
}

static void add_member(struct making *making, uint32_t at)
{
	const struct dlw_predicted_member *member = &making->predicted->members[at];
	struct dlw_summary_class **objects = making->traced->objects;
	const json_t **locks = making->traced->locks;
	uint32_t i;
	bool more;

	making->members[at] = at;
	making->runs[at] = runs_of(making, objects[member->given]->class,
				   objects[member->object]->class, &more);
	making->threads[at] = (struct dlw_thread_state){
		.tid = (int32_t)at + 1,
		.name = runs_text(making, making->runs[at], more),
		.life = DLW_WAITING,
		.want = { .resource = resource_of(making, member->object),
			  .mode = member->mode,
			  .mutex = DLW_NONE,
			  .stack = stack_of(making, locks[member->place]) },
	};
	for (i = 0; i < member->hold_count; i++) {
		const struct dlw_predicted_hold *held = &member->holds[i];

		making->holds[making->state.hold_count++] = (struct dlw_hold){
			.thread = at,
			.resource = resource_of(making, held->object),
			.mode = held->mode,
			.count = held->seen ? at_most(held->seen) : 1,
			.stack = stack_of(making, locks[held->place]),
		};
	}
}

static void build_state(struct making *making)
{
	const struct dlw_predicted *predicted = making->predicted;
	size_t things = predicted->count + 1, holds = 0;
	uint32_t i;

	for (i = 0; i < predicted->count; i++)
		holds += predicted->members[i].hold_count;
	things += holds;
	making->modules = take(making, sizeof(*making->modules), things);
	making->threads = take(making, sizeof(*making->threads), predicted->count);
	making->runs = take(making, sizeof(*making->runs), predicted->count);
	making->members = take(making, sizeof(*making->members), predicted->count);
	making->resources = take(making, sizeof(*making->resources), things);
	making->objects = take(making, sizeof(*making->objects), things);
	making->holds = take(making, sizeof(*making->holds), holds);
	making->process = (struct dlw_process_state){ .exe = "", .modules = making->modules };
	for (i = 0; i < predicted->count; i++)
		add_member(making, i);
	making->state.processes = &making->process;
	making->state.process_count = 1;
	making->state.threads = making->threads;
	making->state.thread_count = predicted->count;
	making->state.resources = making->resources;
	making->state.holds = making->holds;
}

/* ---------------------------------------------------------------------- finding */

static void put(void *context, const char *text, size_t length)
{
	if (fwrite(text, 1, length, context) != length)
		dlw_out_of_memory();
}

static json_t *written(struct making *making)
{
	const struct dlw_predicted *predicted = making->predicted;
	struct dlw_inversion inversion = { .members = making->members, .count = predicted->count };
	struct dlw_writer writer = { .put = put };
	struct dlw_finding finding;
	json_t *json;
	char *line = NULL;
	size_t size;
	FILE *out = open_memstream(&line, &size);

	inversion.verdict = dlw_summary_verdict(making->traced, predicted, &inversion.because);
	inversion.resource = inversion.because == DLW_BECAUSE_GATE ?
				     resource_of(making, predicted->object) :
				     DLW_NONE;
	if (!out || !dlw_inversion_build(&finding, &making->state, &inversion, &making->arena))
		dlw_out_of_memory();
	writer.context = out;
	dlw_finding_write_json(&making->state, &finding, &writer);
	if (fclose(out))
		dlw_out_of_memory();
	json = json_loadb(line, size, 0, NULL);
	free(line);
	return json;
}

json_t *dlw_summary_finding(struct dlw_summary_trace *traced, uint32_t at)
{
	struct making making = { .traced = traced, .predicted = &traced->result.all[at] };
	json_t *finding, *thread, *hold;
	size_t i, j;

	making.arena = dlw_heap_arena();
	making.places = json_object();
	build_state(&making);
	finding = written(&making);
	json_object_set_new(finding, "run_count",
			    json_integer(dlw_number(traced->json, "runs")));
	json_array_foreach(json_object_get(finding, "core"), i, thread) {
		json_object_set(thread, "runs", making.runs[dlw_number(thread, "tid") - 1]);
		name_step(&making, json_object_get(thread, "wants"));
		json_array_foreach(json_object_get(thread, "holds"), j, hold)
			name_step(&making, hold);
	}
	for (i = 0; i < making.predicted->count; i++)
		json_decref(making.runs[i]);
	json_decref(making.places);
	dlw_arena_release(&making.arena);
	return finding;
}
