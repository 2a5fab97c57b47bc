/*
 * render_witness.c - the schedule of an inversion, step by step
 */
#include <stdlib.h>

#include "analyzer/findings.h"
#include "analyzer/memory.h"
#include "analyzer/names.h"
#include "analyzer/render.h"
#include "analyzer/render_words.h"

/* Of a longer schedule the end is what counts. */
enum { STEPS = 24 };

static void put_step(const struct dlw_terminal *terminal, const json_t *finding, size_t number,
		     const json_t *step)
{
	char *words = dlw_words_step(finding, step), *place = NULL, *line;

	if (json_is_object(json_object_get(step, "site")))
		place = dlw_frame_text(json_object_get(step, "site"));
	line = dlw_print("%s%s%s", words, place ? ", at " : "", place ? place : "");
	dlw_putf(terminal, DLW_STYLE_FAINT, "    %3zu  ", number);
	dlw_wrap(terminal, DLW_STYLE_PLAIN, 9, 11, line);
	free(line);
	free(place);
	free(words);
}

static void put_left_out(const struct dlw_terminal *terminal, size_t count, const char *why)
{
	if (!count)
		return;
	dlw_spaces(terminal, 9);
	dlw_putf(terminal, DLW_STYLE_FAINT, "... %zu more step%s%s", count, count == 1 ? "" : "s",
		 why);
	putc('\n', terminal->out);
}

void dlw_render_witness(const struct dlw_terminal *terminal,
			const struct dlw_text_settings *settings, const json_t *finding)
{
	const json_t *witness = json_object_get(finding, "witness");
	size_t count = json_array_size(witness), from = 0, i;

	if (!count)
		return;
	if (!settings->verbose && count > STEPS)
		from = count - STEPS;
	dlw_spaces(terminal, 2);
	dlw_put(terminal, DLW_STYLE_TITLE, "a schedule that deadlocks");
	dlw_put(terminal, DLW_STYLE_PLAIN, ", after what came before as it did");
	putc('\n', terminal->out);
	put_left_out(terminal, (size_t)dlw_number(finding, "witness_omitted"),
		     " that decide nothing");
	put_left_out(terminal, from, " (-v shows them)");
	for (i = from; i < count; i++)
		put_step(terminal, finding, i + 1, json_array_get(witness, i));
	putc('\n', terminal->out);
}
