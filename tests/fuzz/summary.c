/*
 * summary.c - fuzz target: any text as a summary of lock orders
 *
 * What is taken for one must come out as one that is taken again, and twice
 * the same.
 */
#include <stdlib.h>
#include <string.h>

#include "analyzer/findings.h"
#include "analyzer/summary_cycles.h"
#include "tests/fuzz/target.h"

static bool taken;

static void look_at(void *context, const char *line, size_t length)
{
	char *why = NULL;
	json_t *finding = dlw_finding_parse(line, length, &why);

	if (!finding)
		__builtin_trap();
	json_decref(finding);
	(void)context;
}

static void look_for_cycles(struct dlw_summary *summary, FILE *file)
{
	struct dlw_summary_cycles *cycles = dlw_summary_cycles_new(summary);

	dlw_summary_cycles_print(cycles, file);
	dlw_summary_cycles_findings(cycles, look_at, NULL);
	json_decref(dlw_summary_cycles_coverage(cycles));
	dlw_summary_cycles_free(cycles);
}

static char *text_of(struct dlw_summary *summary)
{
	char *text;
	size_t size;
	FILE *file = open_memstream(&text, &size);

	if (!file || !dlw_summary_write(summary, file))
		__builtin_trap();
	look_for_cycles(summary, file);
	rewind(file);
	dlw_summary_write(summary, file);
	fclose(file);
	return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	json_t *json = json_loadb((const char *)data, size, JSON_REJECT_DUPLICATES, NULL), *again;
	struct dlw_summary *summary = dlw_summary_new(), *other = dlw_summary_new();
	char *one, *two;

	taken = json && dlw_summary_add(summary, json);
	if (taken) {
		again = dlw_summary_json(summary);
		if (!dlw_summary_add(other, again))
			__builtin_trap();
		one = text_of(summary);
		two = text_of(other);
		if (strcmp(one, two))
			__builtin_trap();
		json_decref(again);
		free(one);
		free(two);
	}
	json_decref(json);
	dlw_summary_free(summary);
	dlw_summary_free(other);
	return 0;
}

bool fuzz_was_taken(void)
{
	return taken;
}
