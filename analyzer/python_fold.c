/*
 * analyzer/python_fold.c - Python's words in a finding
 *
 * The interpreter's C frames are the same for every lock of every program: what
 * tells one wait from another are the Python lines. Python 3.11 does not tell
 * the kernel its threads' names, so those are put in as well, wherever the
 * engine has written the kernel's.
 */
#include "analyzer/python_fold.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/findings.h"
#include "analyzer/memory.h"
#include "analyzer/names.h"

/* The innermost line of the program; of the library, where there is no other. */
static json_t *site_of(const json_t *stack)
{
	json_t *frame;
	size_t i;

	json_array_foreach((json_t *)stack, i, frame)
		if (!dlw_frame_is_python_library(frame))
			return frame;
	return json_array_get(stack, 0);
}

/* ---- notes ------------------------------------------------------------------------- */

static void add_note(json_t *finding, char *note)
{
	json_t *notes = json_object_get(finding, "notes");

	if (!notes) {
		notes = json_array();
		json_object_set_new(finding, "notes", notes);
	}
	json_array_append_new(notes, json_string(note));
	free(note);
}

static void note_trouble(const json_t *process, const char *pid, json_t *finding)
{
	if (*dlw_text(process, "trouble"))
		add_note(finding, dlw_print("no whole Python traceback of process %s: %s", pid,
					    dlw_text(process, "trouble")));
}

/* @count: threads with more Python frames than the interpreter tells */
static void note_cut(json_t *finding, size_t count)
{
	if (count)
		add_note(finding, dlw_print("of %zu thread%s the innermost 100 Python frames, that is "
					    "all the interpreter tells", count,
					    count == 1 ? "" : "s"));
}

/* ---- names ------------------------------------------------------------------------- */

/* "(tid 12)", "(pid 11, tid 12)": whether the bracket at @text is about @tid. */
static bool is_about(const char *text, json_int_t tid)
{
	const char *end = strchr(text, ')');
	char *number = dlw_print("id %lld", (long long)tid);
	size_t length = strlen(number);
	bool same = end && (size_t)(end - text) > length &&
		    memcmp(end - length, number, length) == 0;

	free(number);
	return same;
}

/* The one of @threads that @text, at a quote, speaks of: 'NAME' (… tid N); or NULL. */
static const json_t *spoken_of(const char *text, const json_t *threads, const char **after)
{
	const char *name;
	json_t *thread;
	size_t i, length;

	json_array_foreach((json_t *)threads, i, thread) {
		name = dlw_text(thread, "kernel_name");
		name = *name ? name : dlw_text(thread, "name");
		length = strlen(name);
		*after = text + length + 1;
		if (strncmp(text + 1, name, length) == 0 && strncmp(*after, "' (", 3) == 0 &&
		    is_about(*after + 3, dlw_number(thread, "tid")))
			return thread;
	}
	return NULL;
}

/* Where the engine says that @thread waits: its innermost C frame; NULL: not in Python. */
static char *engine_site(const json_t *thread)
{
	const json_t *stack = json_object_get(json_object_get(thread, "wants"), "stack");
	size_t i = 0;

	while (dlw_frame_is_python(json_array_get(stack, i)))
		i++;
	return i && i < json_array_size(stack) ? dlw_frame_token(json_array_get(stack, i)) : NULL;
}

/*
 * @text as it would be said of Python threads: by their names, and with their
 * own lines for the one place in the interpreter where all of them wait.
 */
static char *in_python(const char *text, const json_t *threads)
{
	const json_t *thread = NULL, *other;
	char *result = NULL, *site = NULL, *place;
	const char *after;
	size_t size = 0;
	FILE *out = open_memstream(&result, &size);

	if (!out)
		dlw_out_of_memory();
	while (*text) {
		other = *text == '\'' ? spoken_of(text, threads, &after) : NULL;
		if (*text == '\'') {
			free(site);
			site = NULL; /* of somebody else from here on */
		}
		if (other) {
			thread = other;
			fprintf(out, "'%s'", dlw_text(thread, "name"));
			text = after + 1;
			site = engine_site(thread);
		} else if (site && strncmp(text, site, strlen(site)) == 0) {
			place = dlw_frame_text(json_object_get(json_object_get(thread, "wants"),
							       "site"));
			fputs(place, out);
			text += strlen(site);
			free(place);
		} else {
			putc(*text++, out);
		}
	}
	free(site);
	if (fclose(out) != 0)
		dlw_out_of_memory();
	return result;
}

static void reword(json_t *object, const char *key, const json_t *threads)
{
	char *text = in_python(dlw_text(object, key), threads);

	json_object_set_new(object, key, json_string(text));
	free(text);
}

static void reword_texts(json_t *finding)
{
	json_t *threads = json_copy(json_object_get(finding, "core")), *condition;
	const char *key;

	json_array_extend(threads, json_object_get(finding, "stuck"));
	json_object_foreach(json_object_get(finding, "coffman"), key, condition)
		reword(condition, "evidence", threads);
	reword(finding, "advice", threads);
	json_decref(threads);
}

static void name_thread(json_t *thread, const char *name)
{
	if (!*name || strcmp(name, dlw_text(thread, "name")) == 0)
		return;
	json_object_set(thread, "kernel_name", json_object_get(thread, "name"));
	json_object_set_new(thread, "name", json_string(name));
}

/* A thread that is waited for is called "NAME (tid N)". */
static void name_resource(json_t *resource, const json_t *threads)
{
	const char *at = strstr(dlw_text(resource, "name"), "tid ");
	char *tid, *label;
	const char *name;

	if (strcmp(dlw_text(resource, "kind"), "thread") != 0 || !at)
		return;
	tid = dlw_print("%lu", strtoul(at + 4, NULL, 10));
	name = dlw_text(json_object_get(threads, tid), "name");
	if (*name) {
		label = dlw_print("%s (tid %s)", name, tid);
		json_object_set_new(resource, "name", json_string(label));
		free(label);
	}
	free(tid);
}

/* ---- frames ------------------------------------------------------------------------- */

static bool put_frames(json_t *want, const json_t *frames)
{
	json_t *stack = json_deep_copy(frames);

	if (!json_is_object(want) || json_array_size(stack) == 0) {
		json_decref(stack);
		return false;
	}
	json_object_set_new(want, "site", json_deep_copy(site_of(stack)));
	json_array_extend(stack, json_object_get(want, "stack"));
	json_object_set_new(want, "stack", stack);
	return true;
}

static bool fold_threads(const json_t *processes, json_t *finding, const char *key, size_t *cut)
{
	json_t *thread, *python;
	bool folded = false;
	char *pid, *tid;
	size_t i;

	json_array_foreach(json_object_get(finding, key), i, thread) {
		pid = dlw_print("%lld", (long long)dlw_number(thread, "pid"));
		tid = dlw_print("%lld", (long long)dlw_number(thread, "tid"));
		python = json_object_get(json_object_get(json_object_get(processes, pid), "threads"),
					 tid);
		if (python) {
			name_thread(thread, dlw_text(python, "name"));
			folded |= put_frames(json_object_get(thread, "wants"),
					     json_object_get(python, "stack"));
		}
		*cut += dlw_flag(python, "cut");
		free(tid);
		free(pid);
	}
	return folded;
}

static bool is_concerned(const json_t *finding, const char *key, const char *pid)
{
	json_t *thread;
	size_t i;

	json_array_foreach(json_object_get(finding, key), i, thread)
		if (dlw_number(thread, "pid") == strtoll(pid, NULL, 10))
			return true;
	return false;
}

bool dlw_python_fold(const json_t *processes, json_t *finding)
{
	json_t *process, *resource;
	const char *pid;
	size_t cut = 0, i;
	bool folded;

	if (!json_object_size(processes))
		return false;
	folded = fold_threads(processes, finding, "core", &cut);
	fold_threads(processes, finding, "stuck", &cut);
	note_cut(finding, cut);
	json_object_foreach((json_t *)processes, pid, process) {
		if (!is_concerned(finding, "core", pid) && !is_concerned(finding, "stuck", pid))
			continue;
		note_trouble(process, pid, finding);
		json_array_foreach(json_object_get(finding, "resources"), i, resource)
			name_resource(resource, json_object_get(process, "threads"));
	}
	reword_texts(finding);
	return folded;
}

/* ---- fingerprint and advice -------------------------------------------------------------- */

static uint64_t mix(uint64_t hash, const char *text)
{
	for (; *text; text++)
		hash = (hash ^ (unsigned char)*text) * 0x100000001b3;
	return hash;
}

static const json_t *python_site(const json_t *thread)
{
	const json_t *site = json_object_get(json_object_get(thread, "wants"), "site");

	return dlw_frame_is_python(site) ? site : NULL;
}

/* The engine's is of the interpreter's C frames, which tell no two locks apart. */
static void refine_fingerprint(json_t *finding)
{
	uint64_t hash = mix(0xcbf29ce484222325, dlw_text(finding, "fingerprint"));
	char text[17], *place;
	json_t *thread;
	uint64_t one;
	size_t i;

	json_array_foreach(json_object_get(finding, "core"), i, thread) {
		if (!python_site(thread))
			continue;
		place = dlw_frame_text(python_site(thread));
		one = mix(0x6c62272e07bb0142, place);
		hash += one ^ one >> 29; /* a sum: where the core's list begins is chance */
		free(place);
	}
	snprintf(text, sizeof(text), "%016llx", (unsigned long long)hash);
	json_object_set_new(finding, "fingerprint", json_string(text));
}

/* Each site once, with who waits there; NULL if some thread has no Python line or holds nothing. */
static char *list_sites(const json_t *core, size_t *count)
{
	json_t *seen = json_object(), *thread;
	char *list = dlw_copy(""), *longer, *place;
	size_t i;

	json_array_foreach((json_t *)core, i, thread) {
		if (!list || !python_site(thread) ||
		    strcmp(dlw_text(json_object_get(thread, "wants"), "mode"), "permit") != 0 ||
		    json_array_size(json_object_get(thread, "holds")) == 0) {
			free(list);
			list = NULL;
			continue;
		}
		place = dlw_frame_text(python_site(thread));
		if (!json_object_get(seen, place)) {
			longer = dlw_print("%s%s%s", list, *list ? " with " : "", place);
			free(list);
			list = longer;
			json_object_set_new(seen, place, json_true());
		}
		free(place);
	}
	*count = json_object_size(seen);
	json_decref(seen);
	return list;
}

/* A cycle of Python locks: the engine sees one place for all, in the interpreter. */
static void advise(json_t *finding)
{
	const json_t *core = json_object_get(finding, "core");
	size_t count;
	char *sites, *advice;

	if (strcmp(dlw_text(finding, "verdict"), "likely") != 0 || json_array_size(core) < 2)
		return;
	sites = list_sites(core, &count);
	if (!sites)
		return;
	if (count > 1)
		advice = dlw_print("Take these locks in one order everywhere: compare %s. Or acquire "
				   "the second one with a timeout, and release the first when that "
				   "fails.", sites);
	else
		advice = dlw_print("All of them take their locks at %s, so the order comes from the "
				   "data: sort the locks before taking them, or take them all behind "
				   "one other lock. Or acquire the second one with a timeout, and "
				   "release the first when that fails.", sites);
	json_object_set_new(finding, "advice", json_string(advice));
	free(advice);
	free(sites);
}

void dlw_python_finish(json_t *finding)
{
	refine_fingerprint(finding);
	advise(finding);
}
