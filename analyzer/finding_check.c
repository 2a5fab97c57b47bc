/*
 * finding_check.c - whether JSON is a finding
 *
 * A table says what an object must contain. What it may contain besides is not
 * asked here: a newer shim may know more than this tool.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/findings.h"
#include "analyzer/memory.h"

enum shape {
	TEXT,
	HEX,
	INTEGER,
	BOOLEAN,
	WORD,        /* one of .words */
	OBJECT,      /* with .fields */
	OBJECT_OR_NULL,
	LIST,        /* of objects with .fields */
	TEXTS,       /* list of strings */
	FRAME,
	FRAME_OR_NULL,
	STACK,       /* list of frames */
	RESOURCE,    /* id of a resource of the finding */
	RESOURCE_OR_NULL,
};

struct field {
	const char *key;
	enum shape shape;
	const struct field *fields;
	const char *const *words;
	bool optional;
};

static const char *const kinds[] = { "deadlock", "orphan", "inversion", "misuse", NULL };
static const char *const verdicts[] = {
	"proven", "likely", "stalled", "feasible", "unresolved", "guarded",
	"ordered", "same-thread", "shared", "yielding", "certain", NULL,
};
static const char *const resource_kinds[] = {
	"mutex", "rwlock", "spinlock", "semaphore", "condition", "barrier", "once",
	"thread", "process", "file_lock", "pipe", "custom", NULL,
};
static const char *const modes[] = {
	"exclusive", "shared", "permit", "signal", "arrive", "run", "exit", "read", "write", NULL,
};
static const char *const schemas[] = { "dlwatch-finding/1", NULL };

static const struct field program_fields[] = {
	{ "pid", INTEGER, NULL, NULL, false },
	{ "exe", TEXT, NULL, NULL, false },
	{ "args", TEXTS, NULL, NULL, false },
	{ NULL, 0, NULL, NULL, false },
};
static const struct field want_fields[] = {
	{ "resource", RESOURCE, NULL, NULL, false },
	{ "mode", WORD, NULL, modes, false },
	{ "since_ns", INTEGER, NULL, NULL, false },
	{ "timed", BOOLEAN, NULL, NULL, false },
	{ "site", FRAME_OR_NULL, NULL, NULL, false },
	{ "stack", STACK, NULL, NULL, false },
	{ NULL, 0, NULL, NULL, false },
};
static const struct field hold_fields[] = {
	{ "resource", RESOURCE, NULL, NULL, false },
	{ "mode", WORD, NULL, modes, false },
	{ "count", INTEGER, NULL, NULL, false },
	{ "since_ns", INTEGER, NULL, NULL, false },
	{ "site", FRAME_OR_NULL, NULL, NULL, false },
	{ "stack", STACK, NULL, NULL, false },
	{ NULL, 0, NULL, NULL, false },
};
static const struct field deed_fields[] = {
	{ "resource", RESOURCE, NULL, NULL, false },
	{ "count", INTEGER, NULL, NULL, false },
	{ "error", INTEGER, NULL, NULL, false },
	{ "site", FRAME_OR_NULL, NULL, NULL, false },
	{ "stack", STACK, NULL, NULL, false },
	{ NULL, 0, NULL, NULL, false },
};
static const struct field thread_fields[] = {
	{ "did", OBJECT, deed_fields, NULL, true },
	{ "pid", INTEGER, NULL, NULL, false },
	{ "tid", INTEGER, NULL, NULL, false },
	{ "name", TEXT, NULL, NULL, false },
	{ "process", TEXT, NULL, NULL, false },
	{ "wants", OBJECT_OR_NULL, want_fields, NULL, false },
	{ "holds", LIST, hold_fields, NULL, false },
	{ NULL, 0, NULL, NULL, false },
};
static const struct field resource_fields[] = {
	{ "id", TEXT, NULL, NULL, false },
	{ "kind", WORD, NULL, resource_kinds, false },
	{ "type", TEXT, NULL, NULL, false },
	{ "name", TEXT, NULL, NULL, false },
	{ "address", HEX, NULL, NULL, false },
	{ "shared", BOOLEAN, NULL, NULL, false },
	{ "init_site", FRAME_OR_NULL, NULL, NULL, false },
	{ NULL, 0, NULL, NULL, false },
};
static const struct field condition_fields[] = {
	{ "holds", BOOLEAN, NULL, NULL, false },
	{ "evidence", TEXT, NULL, NULL, false },
	{ NULL, 0, NULL, NULL, false },
};
static const struct field coffman_fields[] = {
	{ "mutual_exclusion", OBJECT, condition_fields, NULL, false },
	{ "hold_and_wait", OBJECT, condition_fields, NULL, false },
	{ "no_preemption", OBJECT, condition_fields, NULL, false },
	{ "circular_wait", OBJECT, condition_fields, NULL, false },
	{ NULL, 0, NULL, NULL, false },
};
static const struct field step_fields[] = {
	{ "pid", INTEGER, NULL, NULL, false },
	{ "tid", INTEGER, NULL, NULL, false },
	{ "name", TEXT, NULL, NULL, false },
	{ "does", TEXT, NULL, NULL, false },
	{ "resource", RESOURCE_OR_NULL, NULL, NULL, false },
	{ "mode", WORD, NULL, modes, true },
	{ "site", FRAME_OR_NULL, NULL, NULL, false },
	{ NULL, 0, NULL, NULL, false },
};
static const struct field finding_fields[] = {
	{ "misuse", TEXT, NULL, NULL, true },
	{ "witness", LIST, step_fields, NULL, true },
	{ "witness_omitted", INTEGER, NULL, NULL, true },
	{ "schema", WORD, NULL, schemas, false },
	{ "kind", WORD, NULL, kinds, false },
	{ "verdict", WORD, NULL, verdicts, false },
	{ "fingerprint", TEXT, NULL, NULL, false },
	{ "program", OBJECT, program_fields, NULL, false },
	{ "resources", LIST, resource_fields, NULL, false },
	{ "core", LIST, thread_fields, NULL, false },
	{ "stuck", LIST, thread_fields, NULL, false },
	{ "coffman", OBJECT, coffman_fields, NULL, false },
	{ "advice", TEXT, NULL, NULL, false },
	{ "suppression", TEXT, NULL, NULL, false },
	{ NULL, 0, NULL, NULL, false },
};

static char *check_object(const json_t *finding, const json_t *object, const struct field *fields);

/* Puts where it went wrong in front of what went wrong. */
static char *located(char *trouble, const char *key)
{
	char *longer;

	if (!trouble)
		return NULL;
	longer = dlw_print("%s%s%s", key, *trouble == '[' || *trouble == ':' ? "" : ".", trouble);
	free(trouble);
	return longer;
}

static char *wrong(const char *expected)
{
	return dlw_print(": %s expected", expected);
}

static bool is_hex(const json_t *value)
{
	const char *text = json_string_value(value);

	return text && strncmp(text, "0x", 2) == 0 && text[2] && strlen(text) <= 18 &&
	       !text[2 + strspn(text + 2, "0123456789abcdefABCDEF")];
}

static char *check_word(const json_t *value, const char *const *words)
{
	const char *text = json_string_value(value);

	if (!text)
		return wrong("string");
	for (; *words; words++)
		if (strcmp(text, *words) == 0)
			return NULL;
	return dlw_print(": unknown word '%.40s'", text);
}

static bool is_text_or_null(const json_t *value)
{
	return !value || json_is_null(value) || json_is_string(value);
}

static char *check_frame(const json_t *frame)
{
	const json_t *line = json_object_get(frame, "line");
	bool native = !json_object_get(frame, "language");

	if (!json_is_object(frame))
		return wrong("frame");
	if (native && !is_hex(json_object_get(frame, "address")))
		return dlw_copy("address: hexadecimal string expected");
	if (native && !is_hex(json_object_get(frame, "offset")))
		return dlw_copy("offset: hexadecimal string expected");
	if (native && !json_is_string(json_object_get(frame, "module")))
		return dlw_copy("module: string expected");
	if (!is_text_or_null(json_object_get(frame, "function")))
		return dlw_copy("function: string or null expected");
	if (!is_text_or_null(json_object_get(frame, "file")))
		return dlw_copy("file: string or null expected");
	if (line && !json_is_null(line) && !json_is_integer(line))
		return dlw_copy("line: integer or null expected");
	return NULL;
}

static char *check_list(const json_t *finding, const json_t *list, const struct field *field)
{
	char place[32], *trouble;
	const json_t *element;
	size_t i;

	if (!json_is_array(list))
		return wrong("list");
	json_array_foreach((json_t *)list, i, element) {
		if (field->shape == TEXTS)
			trouble = json_is_string(element) ? NULL : wrong("string");
		else if (field->shape == STACK)
			trouble = check_frame(element);
		else
			trouble = check_object(finding, element, field->fields);
		if (trouble) {
			snprintf(place, sizeof(place), "[%zu]", i);
			return located(trouble, place);
		}
	}
	return NULL;
}

static char *check_resource(const json_t *finding, const json_t *value)
{
	const char *id = json_string_value(value);

	if (!id)
		return wrong("resource id");
	if (!dlw_finding_resource(finding, id))
		return dlw_print(": '%.40s' is not in resources", id);
	return NULL;
}

static char *check_value(const json_t *finding, const json_t *value, const struct field *field)
{
	switch (field->shape) {
	case TEXT:
		return json_is_string(value) ? NULL : wrong("string");
	case HEX:
		return is_hex(value) ? NULL : wrong("hexadecimal string");
	case INTEGER:
		return json_is_integer(value) ? NULL : wrong("integer");
	case BOOLEAN:
		return json_is_boolean(value) ? NULL : wrong("true or false");
	case WORD:
		return check_word(value, field->words);
	case OBJECT_OR_NULL:
		if (json_is_null(value))
			return NULL;
		/* fall through */
	case OBJECT:
		return check_object(finding, value, field->fields);
	case FRAME_OR_NULL:
		if (json_is_null(value))
			return NULL;
		/* fall through */
	case FRAME:
		return check_frame(value);
	case LIST:
	case TEXTS:
	case STACK:
		return check_list(finding, value, field);
	case RESOURCE_OR_NULL:
		if (json_is_null(value))
			return NULL;
		/* fall through */
	case RESOURCE:
		return check_resource(finding, value);
	}
	return NULL;
}

static char *check_object(const json_t *finding, const json_t *object, const struct field *fields)
{
	const json_t *value;
	char *trouble;

	if (!json_is_object(object))
		return wrong("object");
	for (; fields->key; fields++) {
		value = json_object_get(object, fields->key);
		if (!value && fields->optional)
			continue;
		if (!value)
			return dlw_print("%s: missing", fields->key);
		trouble = located(check_value(finding, value, fields), fields->key);
		if (trouble)
			return trouble;
	}
	return NULL;
}

char *dlw_finding_check(const json_t *finding)
{
	char *trouble;

	if (!json_is_object(finding))
		return dlw_copy("no JSON object");
	trouble = check_object(finding, finding, finding_fields);
	if (!trouble && json_array_size(json_object_get(finding, "core")) == 0)
		return dlw_copy("core: no thread in it");
	return trouble;
}
