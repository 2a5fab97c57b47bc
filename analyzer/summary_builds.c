/*
 * summary_builds.c - the same lock in several builds of a program
 *
 * A class that the program did not name lies at an offset of one build, which
 * tells builds apart for certain. Where debug information said what is there
 * (dlw_summary_source()), classes of several builds with one source are one:
 * all get the name of the smallest. A source that one build has twice, say an
 * inlined function that initialises locks, names no class: those stay apart.
 */
#include "analyzer/summary_builds.h"

#include <string.h>

#include "analyzer/findings.h"

/** build_of() - the last word of a class */
static const char *build_of(const char *class)
{
	const char *space = strrchr(class, ' ');

	return space ? space + 1 : "";
}

/** classes_by_source() - arrays of names */
static json_t *classes_by_source(const json_t *sources)
{
	json_t *all = json_object(), *source;
	const char *class;

	json_object_foreach((json_t *)sources, class, source) {
		const char *text = json_string_value(source);
		json_t *classes = json_object_get(all, text);

		if (!classes) {
			classes = json_array();
			json_object_set_new(all, text, classes);
		}
		json_array_append_new(classes, json_string(class));
	}
	return all;
}

/** smallest_of() - or NULL: one build has two of them */
static const char *smallest_of(const json_t *classes)
{
	const char *smallest = json_string_value(json_array_get(classes, 0));
	json_t *builds = json_object();
	const json_t *class;
	size_t at;

	json_array_foreach(classes, at, class) {
		const char *name = json_string_value(class);

		if (strcmp(name, smallest) < 0)
			smallest = name;
		json_object_set_new(builds, build_of(name), json_true());
	}
	if (json_object_size(builds) != json_array_size(classes))
		smallest = NULL;
	json_decref(builds);
	return smallest;
}

/** new_names() - by class, where it is another one */
static json_t *new_names(const json_t *sources)
{
	json_t *all = classes_by_source(sources), *names = json_object(), *classes;
	const char *source, *smallest;
	const json_t *class;
	size_t at;

	json_object_foreach(all, source, classes) {
		smallest = smallest_of(classes);
		json_array_foreach(classes, at, class)
			if (smallest && strcmp(json_string_value(class), smallest))
				json_object_set_new(names, json_string_value(class),
						    json_string(smallest));
	}
	json_decref(all);
	return names;
}

static void rename_class(const json_t *names, json_t *lock)
{
	json_t *name = json_object_get(names, dlw_text(lock, "class"));

	if (name)
		json_object_set(lock, "class", name);
}

void dlw_summary_unite_builds(json_t *summary)
{
	json_t *names = new_names(json_object_get(summary, "sources")), *entry, *held;
	size_t at, hold;

	json_array_foreach(json_object_get(summary, "orders"), at, entry) {
		json_t *order = json_object_get(entry, "order");

		rename_class(names, json_object_get(order, "wants"));
		json_array_foreach(json_object_get(order, "holds"), hold, held)
			rename_class(names, held);
	}
	json_decref(names);
}
