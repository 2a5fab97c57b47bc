/*
 * summary_cycles.c - classes of locks that many runs take in a circle
 */
#include "analyzer/summary_cycles.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/findings.h"
#include "analyzer/memory.h"
#include "analyzer/summary_builds.h"
#include "analyzer/summary_trace.h"

struct dlw_summary_cycles {
	struct dlw_summary_trace traced;
	uint32_t unresolved; /* findings handed out */
};

struct dlw_summary_cycles *dlw_summary_cycles_new(struct dlw_summary *summary)
{
	struct dlw_summary_cycles *cycles = dlw_allocate(sizeof(*cycles));
	json_t *json = dlw_summary_json(summary);

	dlw_summary_unite_builds(json);
	dlw_summary_trace_make(&cycles->traced, json);
	return cycles;
}

void dlw_summary_cycles_free(struct dlw_summary_cycles *cycles)
{
	dlw_summary_trace_free(&cycles->traced);
	free(cycles);
}

/* ------------------------------------------------------------------------- text */

static const char *class_of(const struct dlw_summary_cycles *cycles, uint32_t object)
{
	return cycles->traced.objects[object]->class;
}

/** put_class() - and what people call it, if that is not in it */
static void put_class(const struct dlw_summary_cycles *cycles, const char *class, FILE *out)
{
	const char *label = dlw_text(json_object_get(cycles->traced.json, "labels"), class);

	fprintf(out, "  %s", class);
	if (!strstr(class, label))
		fprintf(out, " (%s)", label);
	putc('\n', out);
}

/** first_of() - the member that holds the smallest class: where the cycle is begun */
static uint32_t first_of(const struct dlw_summary_cycles *cycles,
			 const struct dlw_predicted *predicted)
{
	uint32_t at, first = 0;

	for (at = 1; at < predicted->count; at++)
		if (strcmp(class_of(cycles, predicted->members[at].given),
			   class_of(cycles, predicted->members[first].given)) < 0)
			first = at;
	return first;
}

static void put_counts(const struct dlw_predicted *predicted, uint32_t first, FILE *out)
{
	uint32_t at, count = predicted->count;

	if (count == 2) {
		fprintf(out,
			"  %" PRIu64 " times in this order, %" PRIu64 " times the other way round\n",
			predicted->members[first].seen, predicted->members[!first].seen);
		return;
	}
	fputs("  each before the next and the last before the first: ", out);
	for (at = 0; at < count; at++)
		fprintf(out, "%s%" PRIu64, !at ? "" : at + 1 < count ? ", " : " and ",
			predicted->members[(first + at) % count].seen);
	fputs(" times\n", out);
}

/** cycle_text() - for the caller to free() */
static char *cycle_text(const struct dlw_summary_cycles *cycles,
			const struct dlw_predicted *predicted)
{
	uint32_t at, count = predicted->count, first = first_of(cycles, predicted);
	enum dlw_because because;
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		dlw_out_of_memory();
	fputs(count == 2 ? "taken both ways:\n" : "taken in a circle:\n", out);
	for (at = 0; at < count; at++)
		put_class(cycles, class_of(cycles, predicted->members[(first + at) % count].given),
			  out);
	put_counts(predicted, first, out);
	dlw_summary_verdict(&cycles->traced, predicted, &because);
	if (because == DLW_BECAUSE_GATE)
		fprintf(out, "  never at the same time: always under %s\n",
			class_of(cycles, predicted->object));
	else if (because == DLW_BECAUSE_SHARED)
		fputs("  where readers wait for readers, which they do not\n", out);
	if (fclose(out))
		dlw_out_of_memory();
	return text;
}

static void put_left_out(const json_t *json, FILE *out)
{
	json_int_t unclassed = dlw_number(json, "unclassed"), within = dlw_number(json, "within_class");

	if (unclassed || within)
		fprintf(out,
			"left out: %" JSON_INTEGER_FORMAT
			" with a lock that other runs would not know again, %" JSON_INTEGER_FORMAT
			" among locks of one class\n",
			unclassed, within);
}

void dlw_summary_cycles_print(const struct dlw_summary_cycles *cycles, FILE *out)
{
	const struct dlw_prediction *result = &cycles->traced.result;
	const json_t *json = cycles->traced.json;
	json_int_t runs = dlw_number(json, "runs");
	json_t *printed = json_object();
	uint32_t at;

	fprintf(out, "%" JSON_INTEGER_FORMAT " run%s, %zu lock orders\n", runs,
		runs == 1 ? "" : "s", json_array_size(json_object_get(json, "orders")));
	put_left_out(json, out);
	for (at = 0; at < result->count; at++) {
		char *text = cycle_text(cycles, &result->all[at]);

		if (!json_object_get(printed, text))
			fputs(text, out);
		json_object_set_new(printed, text, json_true());
		free(text);
	}
	if (result->cut)
		fputs("there may be more cycles: not all orders were looked at\n", out);
	json_decref(printed);
}

/* --------------------------------------------------------------------- findings */

uint32_t dlw_summary_cycles_findings(struct dlw_summary_cycles *cycles, dlw_finding_sink *sink,
				     void *context)
{
	json_t *told = json_object(), *finding;
	uint32_t at;
	char *line;

	cycles->unresolved = 0;
	for (at = 0; at < cycles->traced.result.count; at++) {
		finding = dlw_summary_finding(&cycles->traced, at);
		if (!json_object_get(told, dlw_text(finding, "fingerprint"))) {
			json_object_set_new(told, dlw_text(finding, "fingerprint"), json_true());
			cycles->unresolved += strcmp(dlw_text(finding, "verdict"), "unresolved") == 0;
			line = json_dumps(finding, JSON_COMPACT);
			sink(context, line, strlen(line));
			free(line);
		}
		json_decref(finding);
	}
	json_decref(told);
	return cycles->unresolved;
}

static void add_note(json_t *notes, char *note)
{
	json_array_append_new(notes, json_string(note));
	free(note);
}

json_t *dlw_summary_cycles_coverage(const struct dlw_summary_cycles *cycles)
{
	const json_t *json = cycles->traced.json, *times;
	json_t *notes = json_array();
	json_int_t unclassed = dlw_number(json, "unclassed"), runs = dlw_number(json, "runs");
	const char *class;

	add_note(notes, dlw_print("lock orders alone, of %" JSON_INTEGER_FORMAT " run%s: no deadlock, "
				  "and no cycle that is certain, would show",
				  runs, runs == 1 ? "" : "s"));
	if (cycles->unresolved)
		add_note(notes, dlw_print("%u cycle%s of lock orders could be neither confirmed nor "
					  "refuted (--all shows them)",
					  cycles->unresolved, cycles->unresolved == 1 ? "" : "s"));
	if (unclassed)
		add_note(notes, dlw_print("%" JSON_INTEGER_FORMAT " orders with a lock that other runs "
					  "would not know again were left out",
					  unclassed));
	json_object_foreach(json_object_get((json_t *)json, "within"), class, times)
		add_note(notes,
			 dlw_print("%" JSON_INTEGER_FORMAT " orders among locks of one class were "
				   "left out: %s",
				   json_integer_value(times), class));
	if (cycles->traced.result.cut)
		add_note(notes, dlw_copy("not all cycles of lock orders were looked at"));
	if (cycles->traced.odd)
		add_note(notes, dlw_print("%u orders make no sense", cycles->traced.odd));
	return json_pack("{s:I,s:I,s:o}", "runs", dlw_number(json, "runs"), "orders",
			 (json_int_t)json_array_size(json_object_get(json, "orders")), "notes",
			 notes);
}
