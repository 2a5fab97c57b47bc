/*
 * analyzer/render.h - one renderer per format
 *
 * Renderers read the public JSON only: completed findings (findings.h), or the
 * report that wraps them. They know nothing of the engine. Write errors are
 * left in the stream (ferror) for the caller.
 */
#ifndef DLW_ANALYZER_RENDER_H
#define DLW_ANALYZER_RENDER_H

#include <stdint.h>
#include <stdio.h>

#include <jansson.h>

#include "analyzer/terminal.h"

struct dlw_text_settings {
	int verbose;     /* 0: what is needed to understand; 1: everything; 2: addresses as well */
	uint64_t now_ns; /* clock of since_ns where the finding has no "now_ns"; 0: unknown */
};

/** dlw_render_text() - one finding for a person */
void dlw_render_text(const struct dlw_terminal *terminal, const struct dlw_text_settings *settings,
		     const json_t *finding);

/** dlw_render_cycle() - the drawing in it: who waits for whom */
void dlw_render_cycle(const struct dlw_terminal *terminal, const struct dlw_text_settings *settings,
		      const json_t *finding);

/** dlw_render_witness() - the schedule of an inversion, numbered; nothing if there is none */
void dlw_render_witness(const struct dlw_terminal *terminal,
			const struct dlw_text_settings *settings, const json_t *finding);

/* Whole reports: {"schema":"dlwatch-report/1","findings":[…],…} */
void dlw_render_json(FILE *out, const json_t *report);
void dlw_render_dot(FILE *out, const json_t *report);
void dlw_render_sarif(FILE *out, const json_t *report);
void dlw_render_html(FILE *out, const json_t *report);
void dlw_render_junit(FILE *out, const json_t *report);

/** dlw_put_markup() - @text with what means something in XML and HTML escaped */
void dlw_put_markup(FILE *out, const char *text);

#endif
