/*
 * summary.c - fuzz target: any text as a summary of lock orders
 *
 * What is taken for one must come out as one that is taken again, and twice
 * the same.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/summary.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *text_of(struct dlw_summary *summary)
{
	char *text;
	size_t size;
	FILE *file = open_memstream(&text, &size);

	if (!file || !dlw_summary_write(summary, file))
		__builtin_trap();
	dlw_summary_print(summary, file);
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

	if (json && dlw_summary_add(summary, json)) {
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
