/*
 * names.c - what a lock, a site, a thread is called in a report
 */
#include "analyzer/names.h"

#include <stdlib.h>
#include <string.h>

#include "analyzer/demangle.h"
#include "analyzer/findings.h"
#include "analyzer/memory.h"
#include "analyzer/symbols.h"

void dlw_frame_complete(struct dlw_symbols *symbols, json_t *frame, const char *build_id)
{
	const char *module = dlw_text(frame, "module");
	struct dlw_source_place place;

	if (*dlw_text(frame, "function") || !*module)
		return;
	if (!dlw_symbols_code(symbols, module, build_id, dlw_hex(frame, "offset"), &place))
		return;
	json_object_set_new(frame, "function", json_string(place.function));
	if (!place.file)
		return;
	json_object_set_new(frame, "file", json_string(place.file));
	if (place.line > 0)
		json_object_set_new(frame, "line", json_integer(place.line));
}

char *dlw_frame_text(const json_t *frame)
{
	const char *function = dlw_text(frame, "function");
	const char *file = dlw_text(frame, "file"), *module = dlw_text(frame, "module");
	json_int_t line = dlw_number(frame, "line");

	if (*function && *file && line > 0)
		return dlw_print("%s (%s:%lld)", function, dlw_base_name(file), (long long)line);
	if (*function && *file)
		return dlw_print("%s (%s)", function, dlw_base_name(file));
	if (*function && *module)
		return dlw_print("%s (%s)", function, dlw_base_name(module));
	if (*function)
		return dlw_copy(function);
	if (*module)
		return dlw_print("%s+%s", dlw_base_name(module), dlw_text(frame, "offset"));
	return dlw_copy(dlw_text(frame, "address"));
}

bool dlw_frame_is_lock_wrapper(const json_t *frame)
{
	return dlw_is_lock_wrapper(dlw_text(frame, "function"));
}

bool dlw_frame_is_python(const json_t *frame)
{
	return strcmp(dlw_text(frame, "language"), "python") == 0;
}

bool dlw_frame_is_python_library(const json_t *frame)
{
	const char *file = dlw_text(frame, "file");
	const char *library = strstr(file, "/lib/python3");

	return *file == '<' || (library && !strstr(library, "-packages/"));
}

bool dlw_frame_is_of_interpreter(const json_t *frame)
{
	const char *module = dlw_base_name(dlw_text(frame, "module"));

	return strncmp(module, "python3", 7) == 0 || strncmp(module, "libpython", 9) == 0 ||
	       strstr(module, ".cpython-") != NULL;
}

/* Bytes of the C library's objects; 0 where a variable may well be larger. */
static size_t usual_size(const char *kind)
{
	static const struct {
		const char *kind;
		size_t size;
	} sizes[] = {
		{ "mutex", 40 }, { "rwlock", 56 }, { "spinlock", 4 }, { "semaphore", 32 },
		{ "condition", 48 }, { "barrier", 32 }, { "once", 4 },
	};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		if (strcmp(kind, sizes[i].kind) == 0)
			return sizes[i].size;
	return 0;
}

/*
 * A variable that is one lock and nothing else goes by its name, with the line
 * where it is declared if it is static and the name therefore not unique. A
 * lock that is a part of something says which part.
 */
static char *variable_label(const struct dlw_variable *variable, const char *kind)
{
	size_t size = usual_size(kind);

	if (variable->offset > 0 || (size && variable->size && variable->size != size))
		return dlw_print("%s+0x%llx", variable->name,
				 (unsigned long long)variable->offset);
	if (variable->local && variable->file)
		return dlw_print("%s:%d %s", dlw_base_name(variable->file), variable->line,
				 variable->name);
	return dlw_copy(variable->name);
}

static char *label_by_place(const char *format, const char *kind, const json_t *frame)
{
	char *place = dlw_frame_text(frame);
	char *label = dlw_print("%s %s %s", kind, format, place);

	free(place);
	return label;
}

char *dlw_resource_label(struct dlw_symbols *symbols, const json_t *resource,
			 const json_t *held_at, const json_t *wanted_at, const char *build_id)
{
	const char *given = dlw_text(resource, "name"), *kind = dlw_text(resource, "kind");
	const char *module = dlw_text(resource, "module");
	const json_t *init_site = json_object_get(resource, "init_site");
	struct dlw_variable variable;

	if (*given)
		return dlw_copy(given);
	if (*module && dlw_symbols_data(symbols, module, build_id, dlw_hex(resource, "offset"),
					&variable))
		return variable_label(&variable, kind);
	if (dlw_frame_is_python(wanted_at)) /* all locks of an interpreter are initialised at one place */
		return label_by_place("waited for at", kind, wanted_at);
	if (json_is_object(init_site))
		return label_by_place("initialised at", kind, init_site);
	if (held_at || wanted_at)
		return label_by_place("first seen at", kind, held_at ? held_at : wanted_at);
	if (*module)
		return dlw_print("%s+%s", dlw_base_name(module), dlw_text(resource, "offset"));
	return dlw_print("%s at %s", kind, dlw_text(resource, "address"));
}

char *dlw_resource_element(struct dlw_symbols *symbols, const json_t *resource,
			   const char *build_id)
{
	const char *module = dlw_text(resource, "module");
	size_t size = usual_size(dlw_text(resource, "kind"));
	char *element;

	if (!*module || !size)
		return NULL;
	element = dlw_symbols_element(symbols, module, build_id, dlw_hex(resource, "offset"), size);
	if (element && !strpbrk(element, "[.")) {
		free(element);
		element = NULL;
	}
	return element;
}
