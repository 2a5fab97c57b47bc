/*
 * finding.c - fuzz target: any text as a finding, to be checked and rendered
 *
 * What passes the check has the promised shape: every renderer has to cope.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/findings.h"
#include "analyzer/render.h"
#include "tests/fuzz/target.h"

static bool taken;

static void render_for_a_person(FILE *out, const json_t *finding)
{
	struct dlw_terminal terminal = { .out = out, .unicode = true, .width = 90 };
	struct dlw_text_settings settings = { .verbose = 2, .now_ns = 5000000000 };

	dlw_render_text(&terminal, &settings, finding);
	settings.verbose = 0;
	terminal.unicode = false;
	terminal.color = true;
	dlw_render_text(&terminal, &settings, finding);
}

static void render(json_t *finding)
{
	json_t *report = json_pack("{s:s,s:[O],s:{},s:{}}", "schema", "dlwatch-report/1",
				   "findings", finding, "coverage", "statistics");
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!report || !out)
		__builtin_trap();
	render_for_a_person(out, finding);
	dlw_render_json(out, report);
	dlw_render_dot(out, report);
	dlw_render_sarif(out, report);
	dlw_render_html(out, report);
	dlw_render_junit(out, report);
	fclose(out);
	free(text);
	json_decref(report);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *why = NULL;
	json_t *finding = dlw_finding_parse((const char *)data, size, &why);

	taken = finding != NULL;
	if (!finding) {
		if (!why || strchr(why, '\n'))
			__builtin_trap();
		free(why);
		return 0;
	}
	render(finding);
	json_decref(finding);
	return 0;
}

bool fuzz_was_taken(void)
{
	return taken;
}
