/*
 * render_sarif.c - SARIF 2.1.0, for tools that show findings beside the code
 *
 * One result a finding; its location is the first core thread's site, the
 * other sites are related locations, and each thread's stacks are given.
 */
#include <stdlib.h>
#include <string.h>

#include "analyzer/findings.h"
#include "analyzer/memory.h"
#include "analyzer/names.h"
#include "analyzer/render.h"
#include "analyzer/render_words.h"

#ifndef DLW_VERSION
#define DLW_VERSION "unknown"
#endif

static json_t *message(const char *text)
{
	return json_pack("{s:s}", "text", text);
}

/* "file:///a%20b/c.c", or the path as it is where it is relative. */
static json_t *uri(const char *path)
{
	char *text = dlw_allocate(3 * strlen(path) + 8), *end = text;
	json_t *value;

	if (path[0] == '/')
		end += sprintf(end, "file://");
	for (; *path; path++) {
		if (strchr("-._~/", *path) || (*path >= '0' && *path <= '9') ||
		    ((*path | 0x20) >= 'a' && (*path | 0x20) <= 'z'))
			*end++ = *path;
		else
			end += sprintf(end, "%%%02X", (unsigned char)*path);
	}
	*end = '\0';
	value = json_string(text);
	free(text);
	return value;
}

static json_t *physical_location(const json_t *frame)
{
	const char *file = dlw_text(frame, "file");
	json_int_t line = dlw_number(frame, "line");
	json_t *place = json_object();

	json_object_set_new(place, "artifactLocation", json_pack("{s:o}", "uri",
			    uri(*file ? file : dlw_text(frame, "module"))));
	if (*file && line > 0)
		json_object_set_new(place, "region", json_pack("{s:I}", "startLine", line));
	return place;
}

static json_t *location(const json_t *frame, const char *text)
{
	json_t *place = json_object();
	char *name;

	if (*dlw_text(frame, "file") || *dlw_text(frame, "module"))
		json_object_set_new(place, "physicalLocation", physical_location(frame));
	name = dlw_frame_text(frame);
	json_object_set_new(place, "logicalLocations",
			    json_pack("[{s:s}]", "fullyQualifiedName", name));
	json_object_set_new(place, "message", message(text));
	free(name);
	return place;
}

static json_t *call_stack(const json_t *stack, const char *text)
{
	json_t *frames = json_array(), *frame;
	char *name;
	size_t i;

	json_array_foreach((json_t *)stack, i, frame) {
		name = dlw_frame_text(frame);
		json_array_append_new(frames, json_pack("{s:o}", "location",
							location(frame, name)));
		free(name);
	}
	return json_pack("{s:o,s:o}", "message", message(text), "frames", frames);
}

struct places {
	json_t *related;
	json_t *stacks;
};

static void add_step(const struct places *places, const json_t *finding, const json_t *thread,
		     const json_t *step, bool is_hold)
{
	char *who = dlw_words_thread(finding, thread);
	char *what = dlw_words_resource(finding, dlw_text(step, "resource"));
	char *phrase = is_hold ? dlw_words_hold(finding, step, what) :
		       step == dlw_thread_deed(thread) ? dlw_words_deed(finding, what) :
				 dlw_words_want(finding, step, what);
	char *text = dlw_print("thread %s %s", who, phrase);
	const json_t *site = json_object_get(step, "site");

	if (json_is_object(site))
		json_array_append_new(places->related, location(site, text));
	if (json_array_size(json_object_get(step, "stack")) > 0)
		json_array_append_new(places->stacks,
				      call_stack(json_object_get(step, "stack"), text));
	free(text);
	free(phrase);
	free(what);
	free(who);
}

static void add_thread(const struct places *places, const json_t *finding, const json_t *thread)
{
	const json_t *want = json_object_get(thread, "wants"), *hold;
	size_t i;

	if (dlw_thread_deed(thread))
		add_step(places, finding, thread, dlw_thread_deed(thread), false);
	if (json_is_object(want))
		add_step(places, finding, thread, want, false);
	json_array_foreach(json_object_get(thread, "holds"), i, hold)
		add_step(places, finding, thread, hold, true);
}

static const char *level(const json_t *finding)
{
	if (!dlw_finding_is_counted(finding))
		return "note";
	return dlw_finding_severity(finding) == DLW_SEVERITY_DEADLOCK ? "error" : "warning";
}

static json_t *result(const json_t *finding)
{
	struct places places = { json_array(), json_array() };
	json_t *core = json_object_get(finding, "core"), *thread, *value, *locations = json_array();
	const json_t *site = dlw_thread_site(json_array_get(core, 0));
	char *summary = dlw_words_summary(finding);
	char *text = dlw_print("%s. %s", summary, dlw_text(finding, "advice"));
	size_t i;

	json_array_foreach(core, i, thread)
		add_thread(&places, finding, thread);
	if (site)
		json_array_append_new(locations, location(
				      site, dlw_thread_deed(json_array_get(core, 0)) ?
						    "here" : "waits here"));
	value = json_pack("{s:s,s:s,s:o,s:o,s:o,s:o,s:{s:s},s:{s:s}}",
			  "ruleId", dlw_text(finding, "kind"), "level", level(finding),
			  "message", message(text), "locations", locations,
			  "relatedLocations", places.related, "stacks", places.stacks,
			  "partialFingerprints", "dlwatch/v1", dlw_text(finding, "fingerprint"),
			  "properties", "verdict", dlw_text(finding, "verdict"));
	free(text);
	free(summary);
	return value;
}

static json_t *rules(void)
{
	return json_pack("[{s:s,s:{s:s}},{s:s,s:{s:s}},{s:s,s:{s:s}},{s:s,s:{s:s}}]",
			 "id", "deadlock", "shortDescription", "text",
			 "Threads wait for each other for ever",
			 "id", "orphan", "shortDescription", "text",
			 "A lock is waited for that nobody can release any more",
			 "id", "inversion", "shortDescription", "text",
			 "Locks are taken in conflicting orders",
			 "id", "misuse", "shortDescription", "text", "A lock is used wrongly");
}

void dlw_render_sarif(FILE *out, const json_t *report)
{
	json_t *results = json_array(), *finding, *log;
	size_t i;

	json_array_foreach(json_object_get(report, "findings"), i, finding)
		json_array_append_new(results, result(finding));
	log = json_pack("{s:s,s:s,s:[{s:{s:{s:s,s:s,s:o}},s:o}]}",
			"$schema", "https://json.schemastore.org/sarif-2.1.0.json",
			"version", "2.1.0", "runs", "tool", "driver", "name", "dlwatch",
			"version", DLW_VERSION, "rules", rules(), "results", results);
	json_dumpf(log, out, JSON_INDENT(2));
	putc('\n', out);
	json_decref(log);
}
