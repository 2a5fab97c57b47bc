/*
 * log_json.c - addresses, stacks and objects of a log in the words of the
 * public JSON
 */
#include "analyzer/log_json.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/log_memory.h"
#include "analyzer/names.h"
#include "core/judge.h"

json_t *dlw_log_text(const char *bytes)
{
	json_t *text = json_string(bytes);
	char *copy, *at;

	if (text)
		return text;
	copy = dlw_copy(bytes);
	for (at = copy; *at; at++)
		if ((unsigned char)*at >= 0x80)
			*at = '?';
	text = json_string(copy);
	free(copy);
	return text;
}

static void set_hex(json_t *object, const char *key, uint64_t value)
{
	json_object_set_new(object, key, json_sprintf("0x%" PRIx64, value));
}

static void set_place(json_t *object, const struct dlw_module *module, uint64_t address)
{
	json_object_set_new(object, "module", dlw_log_text(module ? module->path : ""));
	set_hex(object, "offset", module ? address - module->bias : address);
}

json_t *dlw_log_frame(const struct dlw_log_definitions *defined, uint64_t address,
		      struct dlw_symbols *symbols)
{
	const struct dlw_module *module = dlw_log_module(defined, address);
	json_t *frame = json_object();

	set_hex(frame, "address", address);
	set_place(frame, module, address);
	json_object_set_new(frame, "function", json_null());
	json_object_set_new(frame, "file", json_null());
	json_object_set_new(frame, "line", json_null());
	if (symbols)
		dlw_frame_complete(symbols, frame, module ? module->build_id : NULL);
	return frame;
}

json_t *dlw_log_site(const struct dlw_log_definitions *defined, uint32_t id,
		     struct dlw_symbols *symbols)
{
	uint32_t depth = id ? dlw_log_defined_stack(defined, id, NULL, 0) : 0, at;
	uint64_t *frames;
	json_t *frame = NULL;

	if (!depth)
		return json_null();
	frames = dlw_log_allocate(depth, sizeof(*frames));
	dlw_log_defined_stack(defined, id, frames, depth);
	for (at = 0; at < depth; at++) {
		json_decref(frame);
		frame = dlw_log_frame(defined, frames[at], symbols);
		if (!symbols || !dlw_frame_is_lock_wrapper(frame))
			break;
	}
	free(frames);
	return frame;
}

char *dlw_log_label(const struct dlw_log_definitions *defined, enum dlw_kind kind,
		    const char *name, uint64_t address, uint32_t init_stack, uint32_t first_stack,
		    struct dlw_symbols *symbols)
{
	const struct dlw_module *module = address ? dlw_log_module(defined, address) : NULL;
	json_t *resource = json_object();
	json_t *held_at = dlw_log_site(defined, first_stack, symbols);
	char *label;

	json_object_set_new(resource, "kind", json_string(dlw_kind_word(kind)));
	json_object_set_new(resource, "name", dlw_log_text(name));
	set_hex(resource, "address", address);
	json_object_set_new(resource, "module", dlw_log_text(module ? module->path : ""));
	set_hex(resource, "offset", module ? address - module->bias : 0);
	json_object_set_new(resource, "init_site", dlw_log_site(defined, init_stack, symbols));
	label = dlw_resource_label(symbols, resource, json_is_null(held_at) ? NULL : held_at,
				   NULL, module ? module->build_id : NULL);
	json_decref(resource);
	json_decref(held_at);
	return label;
}
