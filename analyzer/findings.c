/*
 * findings.c - put names to a raw finding
 *
 * The engine knows addresses only. Here every frame gets its function and line,
 * every lock its name, and what the engine wrote of sites as MODULE+0xOFFSET
 * becomes words. std::lock_guard and kin take locks on behalf of somebody; the
 * site is moved out to where that somebody is.
 */
#include "analyzer/findings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/memory.h"
#include "analyzer/names.h"

/* ---- reading ------------------------------------------------------------------- */

const char *dlw_text(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

json_int_t dlw_number(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

uint64_t dlw_hex(const json_t *object, const char *key)
{
	return strtoull(dlw_text(object, key), NULL, 16);
}

bool dlw_flag(const json_t *object, const char *key)
{
	return json_is_true(json_object_get(object, key));
}

json_t *dlw_finding_resource(const json_t *finding, const char *id)
{
	json_t *resources = json_object_get(finding, "resources"), *resource;
	size_t number = strtoul(*id ? id + 1 : id, NULL, 10), i;

	/* The number in an id is its place in the list; trust, but verify. */
	resource = json_array_get(resources, number - 1);
	if (resource && strcmp(dlw_text(resource, "id"), id) == 0)
		return resource;
	json_array_foreach(resources, i, resource)
		if (strcmp(dlw_text(resource, "id"), id) == 0)
			return resource;
	return NULL;
}

enum dlw_severity dlw_finding_severity(const json_t *finding)
{
	const char *kind = dlw_text(finding, "kind");

	if (strcmp(kind, "misuse") == 0)
		return DLW_SEVERITY_MISUSE;
	if (strcmp(kind, "inversion") == 0)
		return DLW_SEVERITY_INVERSION;
	return DLW_SEVERITY_DEADLOCK;
}

bool dlw_finding_is_counted(const json_t *finding)
{
	return dlw_finding_severity(finding) != DLW_SEVERITY_INVERSION ||
	       strcmp(dlw_text(finding, "verdict"), "feasible") == 0;
}

const json_t *dlw_thread_deed(const json_t *thread)
{
	const json_t *deed = json_object_get(thread, "did");

	return json_is_object(deed) ? deed : NULL;
}

size_t dlw_finding_deciders(const json_t *finding)
{
	return dlw_finding_severity(finding) == DLW_SEVERITY_MISUSE ?
		       1 : json_array_size(json_object_get(finding, "core"));
}

const json_t *dlw_thread_site(const json_t *thread)
{
	const json_t *site = json_object_get(dlw_thread_deed(thread), "site");

	if (!json_is_object(site))
		site = json_object_get(json_object_get(thread, "wants"), "site");
	if (!json_is_object(site))
		site = json_object_get(json_array_get(json_object_get(thread, "holds"), 0), "site");
	return json_is_object(site) ? site : NULL;
}

char *dlw_frame_token(const json_t *frame)
{
	const char *module = dlw_base_name(dlw_text(frame, "module"));

	return dlw_print("%s%s%s", module, *module ? "+" : "", dlw_text(frame, "offset"));
}

json_t *dlw_finding_parse(const char *text, size_t length, char **why)
{
	json_error_t error;
	json_t *finding;

	finding = json_loadb(text, length, JSON_REJECT_DUPLICATES, &error);
	if (!finding) {
		*why = dlw_print("not JSON: %s (column %d)", error.text, error.column);
		return NULL;
	}
	*why = dlw_finding_check(finding);
	if (!*why)
		return finding;
	json_decref(finding);
	return NULL;
}

/* ---- visiting all wants and holds ------------------------------------------------ */

/* A step is a want or a hold: what has a resource, a site and a stack. */
typedef void step_visitor(json_t *step, bool is_hold, void *context);

static void each_step_of(json_t *threads, step_visitor *visit, void *context)
{
	json_t *thread, *hold, *want;
	size_t i, j;

	json_array_foreach(threads, i, thread) {
		want = json_object_get(thread, "did");
		if (json_is_object(want))
			visit(want, false, context);
		want = json_object_get(thread, "wants");
		if (json_is_object(want))
			visit(want, false, context);
		json_array_foreach(json_object_get(thread, "holds"), j, hold)
			visit(hold, true, context);
	}
}

static void each_step(json_t *finding, step_visitor *visit, void *context)
{
	each_step_of(json_object_get(finding, "core"), visit, context);
	each_step_of(json_object_get(finding, "stuck"), visit, context);
}

/* ---- frames and sites ------------------------------------------------------------ */

struct completion {
	struct dlw_symbols *symbols;
	json_t *finding;
	json_t *words;      /* "MODULE+0xOFFSET" -> what to say instead */
	bool moved_a_site;  /* out of a lock wrapper, in the core */
};

/* The build that ran, if the finding says which. */
static const char *build_id_of(const json_t *finding, const char *path)
{
	json_t *module;
	size_t i;

	json_array_foreach(json_object_get(finding, "modules"), i, module)
		if (strcmp(dlw_text(module, "path"), path) == 0)
			return dlw_text(module, "build_id");
	return NULL;
}

/* Texts of the engine call @frame by its token; what is meant is @site. */
static void set_words(struct completion *completion, const json_t *frame, const json_t *site)
{
	char *token, *words;

	if (!*dlw_text(frame, "module"))
		return; /* of Python: the engine does not speak of it */
	token = dlw_frame_token(frame);
	words = dlw_frame_text(site);
	json_object_set_new(completion->words, token, json_string(words));
	free(words);
	free(token);
}

static bool has_words(const struct completion *completion, const json_t *frame)
{
	char *token = dlw_frame_token(frame);
	bool known = json_object_get(completion->words, token) != NULL;

	free(token);
	return known;
}

static void complete_frame(struct completion *completion, json_t *frame)
{

	if (!json_is_object(frame))
		return;
	dlw_frame_complete(completion->symbols, frame,
			   build_id_of(completion->finding, dlw_text(frame, "module")));
	if (*dlw_text(frame, "function") && !has_words(completion, frame))
		set_words(completion, frame, frame);
}

/* The first frame that is no lock wrapper; NULL if the stack is nothing else. */
static json_t *true_site(json_t *stack)
{
	json_t *frame;
	size_t i;

	json_array_foreach(stack, i, frame)
		if (!dlw_frame_is_lock_wrapper(frame))
			return frame;
	return NULL;
}

static void complete_step(json_t *step, bool is_hold, void *context)
{
	struct completion *completion = context;
	json_t *stack = json_object_get(step, "stack"), *frame, *site;
	size_t i;

	(void)is_hold;
	json_array_foreach(stack, i, frame)
		complete_frame(completion, frame);
	complete_frame(completion, json_object_get(step, "site"));
	frame = json_array_get(stack, 0);
	site = true_site(stack);
	if (!site || site == frame)
		return;
	set_words(completion, frame, site);
	/* Completed before: the site is where it belongs, the fingerprint as well. */
	if (dlw_hex(json_object_get(step, "site"), "address") != dlw_hex(frame, "address"))
		return;
	completion->moved_a_site = true;
	json_object_set_new(step, "site", json_deep_copy(site));
}

/* ---- names of resources ------------------------------------------------------------ */

/* Where each resource is first seen, by its id. */
struct first_seen {
	json_t *held_at;
	json_t *wanted_at;
};

static void note_first_seen(json_t *step, bool is_hold, void *context)
{
	struct first_seen *first = context;
	json_t *places = is_hold ? first->held_at : first->wanted_at;
	const char *resource = dlw_text(step, "resource");
	json_t *site = json_object_get(step, "site");

	if (json_is_object(site) && !json_object_get(places, resource))
		json_object_set(places, resource, site);
}

static void name_resource(struct completion *completion, json_t *resource,
			  const struct first_seen *first)
{
	const char *id = dlw_text(resource, "id");
	const json_t *seen = json_object_get(first->held_at, id);
	const json_t *wanted = json_object_get(first->wanted_at, id);
	const char *build_id = build_id_of(completion->finding, dlw_text(resource, "module"));
	bool named = *dlw_text(resource, "name");
	char *label, *element;

	complete_frame(completion, json_object_get(resource, "init_site"));
	label = dlw_resource_label(completion->symbols, resource, seen, wanted, build_id);
	json_object_set_new(resource, "name", json_string(label));
	free(label);
	element = named ? NULL : dlw_resource_element(completion->symbols, resource, build_id);
	if (element)
		json_object_set_new(resource, "element", json_string(element));
	free(element);
}

static void name_resources(struct completion *completion)
{
	struct first_seen first = { json_object(), json_object() };
	json_t *resource;
	size_t i;

	each_step(completion->finding, note_first_seen, &first);
	json_array_foreach(json_object_get(completion->finding, "resources"), i, resource)
		name_resource(completion, resource, &first);
	json_decref(first.held_at);
	json_decref(first.wanted_at);
}

/* ---- texts ---------------------------------------------------------------------------- */

static bool is_token_letter(char letter)
{
	return letter && (strchr("._+-", letter) || (letter >= '0' && letter <= '9') ||
			  (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z'));
}

static const char *module_called(const json_t *finding, const char *base_name)
{
	json_t *module;
	size_t i;

	json_array_foreach(json_object_get(finding, "modules"), i, module)
		if (strcmp(dlw_base_name(dlw_text(module, "path")), base_name) == 0)
			return dlw_text(module, "path");
	return NULL;
}

/* A place that no step of the finding has: where one who is gone took what it held. */
static const char *look_up_words(struct completion *completion, const char *token, size_t length)
{
	char *name = strndup(token, length), *plus = name ? strrchr(name, '+') : NULL;
	const char *path = NULL;

	if (plus && strncmp(plus, "+0x", 3) == 0) {
		*plus = '\0';
		path = module_called(completion->finding, name);
	}
	if (path) {
		json_t *frame = json_pack("{s:s, s:s}", "module", path, "offset", plus + 1);

		complete_frame(completion, frame);
		json_decref(frame);
	}
	free(name);
	return json_string_value(json_object_getn(completion->words, token, length));
}

/* Replaces every MODULE+0xOFFSET of @text that can be named; the result is to be freed. */
static char *put_words(struct completion *completion, const char *text)
{
	char *result = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&result, &size);

	if (!out)
		dlw_out_of_memory();
	while (*text) {
		size_t length = 0;
		const char *known;

		while (is_token_letter(text[length]))
			length++;
		/* A full stop that ends the sentence is no part of the token. */
		while (length > 1 && strchr(".-", text[length - 1]))
			length--;
		known = length ? json_string_value(json_object_getn(completion->words, text, length))
			       : NULL;
		if (!known && length > 4)
			known = look_up_words(completion, text, length);
		if (length == 0)
			length = 1;
		if (known)
			fputs(known, out);
		else
			fwrite(text, 1, length, out);
		text += length;
	}
	if (fclose(out) != 0)
		dlw_out_of_memory();
	return result;
}

static void reword(struct completion *completion, json_t *object, const char *key)
{
	char *text = put_words(completion, dlw_text(object, key));

	json_object_set_new(object, key, json_string(text));
	free(text);
}

static void reword_texts(struct completion *completion, json_t *finding)
{
	json_t *condition;
	const char *key;

	json_object_foreach(json_object_get(finding, "coffman"), key, condition)
		reword(completion, condition, "evidence");
	reword(completion, finding, "advice");
}

/* What would mean something in a pattern, or end it, becomes "any one letter". */
static char *site_pattern(const json_t *site)
{
	const char *function = dlw_text(site, "function");
	char *pattern = *function ? dlw_copy(function) : dlw_frame_token(site);

	for (char *at = pattern; *at; at++)
		if (strchr(",[]*\\#", *at))
			*at = '?';
	return pattern;
}

/* KIND:SITE,SITE in the order of the core, each site once. */
static void write_suppression(json_t *finding)
{
	json_t *thread, *patterns = json_object();
	const json_t *site;
	const char *key;
	char *line, *longer, *pattern;
	json_t *unused;
	size_t i;

	json_array_foreach(json_object_get(finding, "core"), i, thread) {
		site = i < dlw_finding_deciders(finding) ? dlw_thread_site(thread) : NULL;
		if (!site)
			continue;
		pattern = site_pattern(site);
		json_object_set_new(patterns, pattern, json_true());
		free(pattern);
	}
	line = dlw_print("%s:", dlw_text(finding, "kind"));
	i = 0;
	json_object_foreach(patterns, key, unused) {
		longer = dlw_print("%s%s%s", line, i++ ? "," : "", key);
		free(line);
		line = longer;
	}
	if (i > 0)
		json_object_set_new(finding, "suppression", json_string(line));
	free(line);
	json_decref(patterns);
}

/* ---- fingerprint ------------------------------------------------------------------------ */

/* The threads of the core that decide which finding it is, or the others; a new reference. */
static json_t *core_part(const json_t *finding, bool deciders)
{
	json_t *core = json_object_get(finding, "core"), *part = json_array(), *thread;
	size_t i;

	json_array_foreach(core, i, thread)
		if ((i < dlw_finding_deciders(finding)) == deciders)
			json_array_append(part, thread);
	return part;
}

static uint64_t mix(uint64_t hash, const char *text)
{
	for (; *text; text++)
		hash = (hash ^ (unsigned char)*text) * 0x100000001b3;
	return hash;
}

static void add_site(json_t *step, bool is_hold, void *context)
{
	char *token = dlw_frame_token(json_object_get(step, "site"));
	uint64_t hash = mix(is_hold ? 0x6c62272e07bb0142 : 0xcbf29ce484222325, token);

	hash = mix(hash, dlw_text(step, "mode"));
	/* A sum: where in its cycle the engine began to list the core is chance. */
	*(uint64_t *)context += hash ^ hash >> 29;
	free(token);
}

/*
 * The engine's fingerprint is of innermost frames. Where those lie in a lock
 * wrapper they are the same for every lock of the program: add the true sites.
 */
static void refine_fingerprint(json_t *finding)
{
	uint64_t hash = mix(0xcbf29ce484222325, dlw_text(finding, "fingerprint"));
	json_t *deciders = core_part(finding, true);
	char text[17];

	each_step_of(deciders, add_site, &hash);
	json_decref(deciders);
	snprintf(text, sizeof(text), "%016llx", (unsigned long long)hash);
	json_object_set_new(finding, "fingerprint", json_string(text));
}

/* Steps of a schedule speak of the same locks and threads; they only need their places' names. */
static void complete_witness(struct completion *completion)
{
	json_t *step;
	size_t i;

	json_array_foreach(json_object_get(completion->finding, "witness"), i, step)
		complete_frame(completion, json_object_get(step, "site"));
}

void dlw_finding_complete(struct dlw_symbols *symbols, json_t *finding)
{
	struct completion completion = { .symbols = symbols, .finding = finding };
	json_t *deciders = core_part(finding, true), *others = core_part(finding, false);

	completion.words = json_object();
	each_step_of(json_object_get(finding, "stuck"), complete_step, &completion);
	each_step_of(others, complete_step, &completion);
	completion.moved_a_site = false;
	each_step_of(deciders, complete_step, &completion);
	complete_witness(&completion);
	name_resources(&completion);
	reword_texts(&completion, finding);
	write_suppression(finding);
	if (completion.moved_a_site)
		refine_fingerprint(finding);
	json_decref(completion.words);
	json_decref(deciders);
	json_decref(others);
}
