/*
 * render_json.c - the report as it is, for programs
 */
#include "analyzer/render.h"

void dlw_render_json(FILE *out, const json_t *report)
{
	json_dumpf(report, out, JSON_INDENT(2));
	putc('\n', out);
}
