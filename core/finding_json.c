/*
 * core/finding_json.c - a finding as one line of JSON, names not yet looked up
 *
 * Keys come in the order of the public format, so that lines can be compared.
 * Names come from the watched program and may be any bytes: what is not valid
 * UTF-8 becomes U+FFFD, so that the line is always JSON.
 */
#include <stdarg.h>
#include <string.h>

#include "core/finding.h"
#include "core/finding_json.h"
#include "core/format.h"
#include "core/inversion.h"
#include "core/site.h"

struct json {
	const struct dlw_state *state;
	const struct dlw_finding *finding;
	const struct dlw_writer *writer;
};

static void say(const struct json *json, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void say(const struct json *json, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	dlw_format(json->writer->put, json->writer->context, format, arguments);
	va_end(arguments);
}

/* ---- strings -------------------------------------------------------------------- */

/* Bytes of the well-formed UTF-8 sequence at @text, 0 if there is none. */
static size_t utf8_length(const unsigned char *text)
{
	unsigned char first = text[0], low = 0x80, high = 0xbf;
	size_t length, i;

	if (first < 0x80)
		return 1;
	if (first < 0xc2 || first > 0xf4)
		return 0;
	length = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
	if (first == 0xe0)
		low = 0xa0; /* overlong */
	else if (first == 0xed)
		high = 0x9f; /* surrogates */
	else if (first == 0xf0)
		low = 0x90; /* overlong */
	else if (first == 0xf4)
		high = 0x8f; /* beyond Unicode */
	if (text[1] < low || text[1] > high)
		return 0;
	for (i = 2; i < length; i++)
		if (text[i] < 0x80 || text[i] > 0xbf)
			return 0;
	return length;
}

static void say_escaped(const struct json *json, unsigned char letter)
{
	static const char hex[] = "0123456789abcdef";

	if (letter == '"' || letter == '\\')
		say(json, "\\%c", letter);
	else if (letter == '\n')
		say(json, "\\n");
	else if (letter == '\t')
		say(json, "\\t");
	else
		say(json, "\\u00%c%c", hex[letter >> 4], hex[letter & 15]);
}

static bool is_plain(unsigned char letter)
{
	return letter >= 0x20 && letter != '"' && letter != '\\' && letter != 0x7f;
}

static void say_bytes(const struct json *json, const char *text)
{
	const unsigned char *at = (const unsigned char *)text, *plain = at;

	while (*at) {
		size_t length = utf8_length(at);

		if (length && is_plain(*at)) {
			at += length;
			continue;
		}
		if (at > plain)
			json->writer->put(json->writer->context, (const char *)plain,
					  (size_t)(at - plain));
		if (length)
			say_escaped(json, *at);
		else
			say(json, "\\ufffd");
		plain = ++at;
	}
	if (at > plain)
		json->writer->put(json->writer->context, (const char *)plain, (size_t)(at - plain));
}

static void say_string(const struct json *json, const char *text)
{
	say(json, "\"");
	say_bytes(json, text ? text : "");
	say(json, "\"");
}

static void say_key_string(const struct json *json, const char *key, const char *text)
{
	say(json, "\"%s\":", key);
	say_string(json, text);
}

/* ---- places ---------------------------------------------------------------------- */

static void say_place(const struct json *json, const struct dlw_process_state *process,
		      uint64_t address)
{
	struct dlw_place place = dlw_place_of(process, address);

	say_key_string(json, "module", place.module);
	say(json, ",\"offset\":\"0x%llx\"", (unsigned long long)place.offset);
}

static void say_frame(const struct json *json, const struct dlw_process_state *process,
		      uint64_t address)
{
	say(json, "{\"address\":\"0x%llx\",", (unsigned long long)address);
	say_place(json, process, address);
	say(json, ",\"function\":null,\"file\":null,\"line\":null}");
}

/* The site is null where nobody captured one. */
static void say_stack(const struct json *json, const struct dlw_process_state *process,
		      const struct dlw_stack *stack)
{
	uint32_t i;

	say(json, "\"site\":");
	if (stack->depth)
		say_frame(json, process, stack->frames[0]);
	else
		say(json, "null");
	say(json, ",\"stack\":[");
	for (i = 0; i < stack->depth; i++) {
		say(json, i ? "," : "");
		say_frame(json, process, stack->frames[i]);
	}
	say(json, "]");
}

/* ---- threads ---------------------------------------------------------------------- */

static void say_id(const struct json *json, uint32_t resource)
{
	uint32_t position = dlw_resource_position(json->finding, resource);
	char id[16] = "";

	if (position != DLW_NONE)
		dlw_resource_id(json->state, json->finding, position, id);
	say(json, "\"resource\":\"%s\"", id);
}

static void say_want(const struct json *json, uint32_t thread)
{
	const struct dlw_want *want = &json->state->threads[thread].want;

	/* The one who misused a lock may want nothing at all. */
	if (json->finding->kind == DLW_MISUSE && want->resource >= json->state->resource_count) {
		say(json, "\"wants\":null");
		return;
	}
	say(json, "\"wants\":{");
	say_id(json, want->resource);
	say(json, ",\"mode\":\"%s\",\"since_ns\":%llu,\"timed\":%s,", dlw_mode_word(want->mode),
	    (unsigned long long)want->since_ns,
	    want->flags & (DLW_WANT_TIMED | DLW_WANT_POLLING) ? "true" : "false");
	say_stack(json, dlw_process_of(json->state, thread), &want->stack);
	say(json, "}");
}

/* What the one who misused a lock did to it, where, and how often so far. */
static void say_deed(const struct json *json, uint32_t thread)
{
	const struct dlw_finding *finding = json->finding;

	say(json, "\"did\":{");
	say_id(json, finding->resources[0]);
	say(json, ",\"count\":%u,\"error\":%d,", finding->misuse_count, finding->misuse_error);
	say_stack(json, dlw_process_of(json->state, thread),
		  &json->state->threads[thread].want.stack);
	say(json, "},");
}

static void say_hold(const struct json *json, const struct dlw_hold *hold)
{
	say(json, "{");
	say_id(json, hold->resource);
	say(json, ",\"mode\":\"%s\",\"count\":%u,\"since_ns\":%llu,", dlw_mode_word(hold->mode),
	    hold->count, (unsigned long long)hold->since_ns);
	say_stack(json, dlw_process_of(json->state, hold->thread), &hold->stack);
	say(json, "}");
}

static void say_holds(const struct json *json, uint32_t thread)
{
	uint32_t hold = dlw_next_hold(json->state, json->finding, thread, DLW_NONE);
	bool first = true;

	say(json, "\"holds\":[");
	while (hold != DLW_NONE) {
		say(json, first ? "" : ",");
		say_hold(json, &json->state->holds[hold]);
		first = false;
		hold = dlw_next_hold(json->state, json->finding, thread, hold);
	}
	say(json, "]");
}

static void say_threads(const struct json *json, const char *key, const uint32_t *threads,
			uint32_t count)
{
	uint32_t i;

	say(json, "\"%s\":[", key);
	for (i = 0; i < count; i++) {
		const struct dlw_thread_state *thread = &json->state->threads[threads[i]];
		const struct dlw_process_state *process = dlw_process_of(json->state, threads[i]);

		say(json, "%s{\"pid\":%d,\"tid\":%d,", i ? "," : "", process->pid, thread->tid);
		say_key_string(json, "name", thread->name);
		say(json, ",");
		say_key_string(json, "process", process->exe);
		say(json, ",");
		if (json->finding->kind == DLW_MISUSE && threads[i] == json->finding->core[0])
			say_deed(json, threads[i]);
		say_want(json, threads[i]);
		say(json, ",");
		say_holds(json, threads[i]);
		say(json, "}");
	}
	say(json, "]");
}

/* ---- resources ---------------------------------------------------------------------- */

/* A thread or process is called what it is called; other names were given by somebody. */
static void say_name(const struct json *json, const struct dlw_resource_state *resource)
{
	const struct dlw_thread_state *thread;
	const struct dlw_process_state *process;

	say(json, "\"name\":\"");
	if (resource->kind == DLW_THREAD && resource->subject != DLW_NONE) {
		thread = &json->state->threads[resource->subject];
		say_bytes(json, thread->name ? thread->name : "");
		say(json, thread->name && *thread->name ? " (tid %d)" : "tid %d", thread->tid);
	} else if (resource->kind == DLW_PROCESS && resource->subject != DLW_NONE) {
		process = &json->state->processes[resource->subject];
		say_bytes(json, dlw_base_name(process->exe ? process->exe : ""));
		say(json, process->exe && *process->exe ? " (pid %d)" : "pid %d", process->pid);
	} else {
		say_bytes(json, resource->name ? resource->name : "");
	}
	say(json, "\"");
}

static void say_resource(const struct json *json, uint32_t position)
{
	uint32_t number = json->finding->resources[position];
	const struct dlw_resource_state *resource = &json->state->resources[number];
	const struct dlw_process_state *process =
		dlw_process_or_null(json->state, resource->process);
	char id[16];

	dlw_resource_id(json->state, json->finding, position, id);
	say(json, "{\"id\":\"%s\",\"kind\":\"%s\",\"type\":\"%s\",", id,
	    dlw_kind_word(resource->kind), dlw_type_word(resource->type));
	say_name(json, resource);
	say(json, ",\"address\":\"0x%llx\",\"shared\":%s,\"init_site\":",
	    (unsigned long long)resource->address,
	    resource->traits & DLW_TRAIT_SHARED ? "true" : "false");
	if (resource->init_stack.depth)
		say_frame(json, process, resource->init_stack.frames[0]);
	else
		say(json, "null");
	if (process && resource->address && dlw_module_at(process, resource->address)) {
		say(json, ",");
		say_place(json, process, resource->address);
	} else {
		say(json, ",\"module\":\"\",\"offset\":\"0x0\"");
	}
	say(json, "}");
}

static void say_resources(const struct json *json)
{
	uint32_t i;

	say(json, "\"resources\":[");
	for (i = 0; i < json->finding->resource_count; i++) {
		say(json, i ? "," : "");
		say_resource(json, i);
	}
	say(json, "]");
}

/* ---- the whole ----------------------------------------------------------------------- */

static void say_program(const struct json *json)
{
	const struct dlw_process_state *process =
		dlw_process_or_null(json->state, json->state->reporter);
	uint32_t i;

	say(json, "\"program\":{\"pid\":%d,", process ? process->pid : 0);
	say_key_string(json, "exe", process ? process->exe : "");
	say(json, ",\"args\":[");
	for (i = 0; process && i < process->arg_count; i++) {
		say(json, i ? "," : "");
		say_string(json, process->args[i]);
	}
	say(json, "]}");
}

static void say_conditions(const struct json *json)
{
	static const char *const names[DLW_COFFMAN_COUNT] = {
		[DLW_MUTUAL_EXCLUSION] = "mutual_exclusion",
		[DLW_HOLD_AND_WAIT] = "hold_and_wait",
		[DLW_NO_PREEMPTION] = "no_preemption",
		[DLW_CIRCULAR_WAIT] = "circular_wait",
	};
	int i;

	say(json, "\"coffman\":{");
	for (i = 0; i < DLW_COFFMAN_COUNT; i++) {
		const struct dlw_condition *condition = &json->finding->coffman[i];

		say(json, "%s\"%s\":{\"holds\":%s,", i ? "," : "", names[i],
		    condition->holds ? "true" : "false");
		say_key_string(json, "evidence", condition->evidence);
		say(json, "}");
	}
	say(json, "}");
}

/* KIND:SITE1,SITE2: where each thread of the core waits. */
static void say_suppression(const struct json *json)
{
	bool first = true;
	uint32_t i;

	say(json, "\"suppression\":\"%s:", dlw_finding_kind_word(json->finding->kind));
	for (i = 0; i < json->finding->core_count; i++) {
		uint32_t thread = json->finding->core[i];
		const struct dlw_stack *stack = dlw_finding_site(json->state, json->finding, i);
		struct dlw_place place;

		if (!stack)
			continue;
		place = dlw_place_of(dlw_process_of(json->state, thread), stack->frames[0]);
		say(json, first ? "" : ",");
		say_bytes(json, dlw_base_name(place.module));
		say(json, *place.module ? "+0x%llx" : "0x%llx", (unsigned long long)place.offset);
		first = false;
	}
	say(json, "\"");
}

/* ---- the schedule of an inversion -------------------------------------------------------- */

static void say_step(const struct json *json, const struct dlw_inversion_step *step)
{
	const struct dlw_thread_state *thread = &json->state->threads[step->thread];
	const struct dlw_process_state *process = dlw_process_of(json->state, step->thread);

	say(json, "{\"pid\":%d,\"tid\":%d,", process->pid, thread->tid);
	say_key_string(json, "name", thread->name);
	say(json, ",\"does\":\"%s\",", step->does);
	if (step->resource != DLW_NONE)
		say_id(json, step->resource);
	else
		say(json, "\"resource\":null");
	if (step->mode != DLW_NO_MODE)
		say(json, ",\"mode\":\"%s\"", dlw_mode_word(step->mode));
	say(json, ",\"site\":");
	if (step->stack.depth)
		say_frame(json, process, step->stack.frames[0]);
	else
		say(json, "null");
	say(json, "}");
}

static void say_witness(const struct json *json)
{
	const struct dlw_inversion *inversion = json->finding->inversion;
	uint32_t i;

	if (!inversion || inversion->verdict != DLW_FEASIBLE)
		return;
	say(json, "\"witness\":[");
	for (i = 0; i < inversion->step_count; i++) {
		say(json, i ? "," : "");
		say_step(json, &inversion->steps[i]);
	}
	say(json, "],\"witness_omitted\":%u,", inversion->steps_omitted);
}

/* ---- modules: which files the frames lie in, for whoever reads debug information --------- */

static bool touches(const struct dlw_stack *stack, const struct dlw_module *module)
{
	uint32_t i;

	for (i = 0; i < stack->depth; i++)
		if (stack->frames[i] >= module->start && stack->frames[i] < module->end)
			return true;
	return false;
}

static bool is_shown(const struct json *json, uint32_t thread)
{
	uint32_t i;

	for (i = 0; i < json->finding->core_count; i++)
		if (json->finding->core[i] == thread)
			return true;
	return false;
}

/* Does a wait or hold of some core thread in @process lie in @module? */
static bool is_used(const struct json *json, uint32_t process, const struct dlw_module *module)
{
	const struct dlw_state *state = json->state;
	uint32_t i;

	for (i = 0; i < json->finding->core_count; i++) {
		uint32_t thread = json->finding->core[i];

		if (state->threads[thread].process == process &&
		    touches(&state->threads[thread].want.stack, module))
			return true;
	}
	for (i = 0; i < state->hold_count; i++)
		if (state->threads[state->holds[i].thread].process == process &&
		    touches(&state->holds[i].stack, module) &&
		    is_shown(json, state->holds[i].thread))
			return true;
	for (i = 0; json->finding->inversion && i < json->finding->inversion->step_count; i++) {
		const struct dlw_inversion_step *step = &json->finding->inversion->steps[i];

		if (state->threads[step->thread].process == process && touches(&step->stack, module))
			return true;
	}
	return false;
}

/* Several processes map the same files; each file is named once. */
static bool was_listed(const struct json *json, uint32_t process, const char *path)
{
	uint32_t i, j;

	for (i = 0; i < process; i++) {
		const struct dlw_process_state *earlier = &json->state->processes[i];

		for (j = 0; j < earlier->module_count; j++)
			if (earlier->modules[j].build_id && earlier->modules[j].path &&
			    !strcmp(earlier->modules[j].path, path) &&
			    is_used(json, i, &earlier->modules[j]))
				return true;
	}
	return false;
}

static void say_modules(const struct json *json)
{
	const struct dlw_state *state = json->state;
	bool first = true;
	uint32_t i, j;

	say(json, "\"modules\":[");
	for (i = 0; i < state->process_count; i++)
		for (j = 0; j < state->processes[i].module_count; j++) {
			const struct dlw_module *module = &state->processes[i].modules[j];

			if (!module->build_id || !module->path || !is_used(json, i, module) ||
			    was_listed(json, i, module->path))
				continue;
			say(json, first ? "{" : ",{");
			say_key_string(json, "path", module->path);
			say(json, ",\"build_id\":\"%s\"}", module->build_id);
			first = false;
		}
	say(json, "]");
}

void dlw_finding_write_json(const struct dlw_state *state, const struct dlw_finding *finding,
			    const struct dlw_writer *writer)
{
	struct json json = { state, finding, writer };

	say(&json, "{\"schema\":\"dlwatch-finding/1\",\"kind\":\"%s\",\"verdict\":\"%s\",",
	    dlw_finding_kind_word(finding->kind), dlw_verdict_word(finding->verdict));
	if (finding->kind == DLW_MISUSE)
		say(&json, "\"misuse\":\"%s\",", dlw_misuse_word(finding->misuse));
	say(&json, "\"fingerprint\":\"%s\",", finding->fingerprint);
	say_program(&json);
	say(&json, ",");
	say_threads(&json, "core", finding->core, finding->core_count);
	say(&json, ",");
	say_threads(&json, "stuck", finding->stuck, finding->stuck_count);
	say(&json, ",");
	say_resources(&json);
	say(&json, ",");
	say_conditions(&json);
	say(&json, ",");
	say_key_string(&json, "advice", finding->advice);
	say(&json, ",");
	say_witness(&json);
	say_suppression(&json);
	say(&json, ",\"now_ns\":%llu,", (unsigned long long)state->now_ns);
	say_modules(&json);
	say(&json, "}\n");
}

void dlw_python_write_json(int32_t pid, const char *text, const struct dlw_writer *writer)
{
	struct json json = { .writer = writer };

	say(&json, "{\"schema\":\"dlwatch-python/1\",\"pid\":%d,", pid);
	say_key_string(&json, "text", text);
	say(&json, "}\n");
}
