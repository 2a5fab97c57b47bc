/*
 * render_cycle.c - draws who waits for whom
 *
 *	+-> 'transfer-a' (tid 12)
 *	|       | wants M2 ledger, held by
 *	|       v
 *	|   'transfer-b' (tid 13)
 *	|       | wants M1 accounts+0x28, held by
 *	+-------+
 *
 * A core that is no simple cycle is drawn as a list: each thread, what it
 * waits for, and whoever of the core could end that.
 */
#include <stdlib.h>
#include <string.h>

#include "analyzer/findings.h"
#include "analyzer/memory.h"
#include "analyzer/render.h"
#include "analyzer/render_words.h"

enum { SHOWN_AT_START = 5, SHOWN_AT_END = 2 };

struct lines {
	const char *first, *side, *bottom, *stem, *arrow;
};

static const struct lines drawn = { "╭─▶", "│", "╰───────╯", "│", "▼" };
static const struct lines typed = { "+->", "|", "+-------+", "|", "v" };

static const struct lines *get_lines(const struct dlw_terminal *terminal)
{
	return terminal->unicode ? &drawn : &typed;
}

static void put_thread(const struct dlw_terminal *terminal, const json_t *finding,
		       const json_t *thread)
{
	char *words = dlw_words_thread(finding, thread);

	dlw_put(terminal, DLW_STYLE_THREAD, words);
	free(words);
}

static void put_want(const struct dlw_terminal *terminal, const json_t *finding,
		     const json_t *want)
{
	char *name = dlw_words_resource(finding, dlw_text(want, "resource"));
	char *words = dlw_words_want(finding, want, name);

	dlw_put(terminal, DLW_STYLE_PLAIN, words);
	free(words);
	free(name);
}

/* Prints the left edge: the line back to the first thread. */
static void put_side(const struct dlw_terminal *terminal)
{
	dlw_spaces(terminal, 2);
	dlw_put(terminal, DLW_STYLE_FAINT, get_lines(terminal)->side);
	dlw_spaces(terminal, 3);
}

static void end_line(const struct dlw_terminal *terminal)
{
	putc('\n', terminal->out);
}

static void put_step(const struct dlw_terminal *terminal, const json_t *finding, size_t number,
		     size_t count)
{
	const json_t *core = json_object_get(finding, "core");
	const json_t *thread = json_array_get(core, number);
	const json_t *want = json_object_get(thread, "wants");
	const struct lines *lines = get_lines(terminal);

	if (number == 0) {
		dlw_spaces(terminal, 2);
		dlw_put(terminal, DLW_STYLE_FAINT, lines->first);
		dlw_spaces(terminal, 1);
	} else {
		put_side(terminal);
	}
	put_thread(terminal, finding, thread);
	end_line(terminal);
	put_side(terminal);
	dlw_spaces(terminal, 4);
	dlw_put(terminal, DLW_STYLE_FAINT, lines->stem);
	dlw_spaces(terminal, 1);
	put_want(terminal, finding, want);
	if (count == 1 && dlw_words_holds(thread, dlw_text(want, "resource")))
		dlw_put(terminal, DLW_STYLE_PLAIN, ", held by itself");
	else
		dlw_putf(terminal, DLW_STYLE_PLAIN, ", %s", dlw_words_relation(finding, want));
	end_line(terminal);
	if (number + 1 == count)
		return;
	put_side(terminal);
	dlw_spaces(terminal, 4);
	dlw_put(terminal, DLW_STYLE_FAINT, lines->arrow);
	end_line(terminal);
}

static void draw_cycle(const struct dlw_terminal *terminal,
		       const struct dlw_text_settings *settings, const json_t *finding)
{
	size_t count = json_array_size(json_object_get(finding, "core"));
	bool whole = settings->verbose || count <= SHOWN_AT_START + SHOWN_AT_END + 1;
	size_t left_out = whole ? 0 : count - SHOWN_AT_START - SHOWN_AT_END;

	for (size_t i = 0; i < count; i++) {
		if (left_out && i == SHOWN_AT_START) {
			put_side(terminal);
			dlw_putf(terminal, DLW_STYLE_FAINT,
				 "... %zu more threads, each waiting for the next ...", left_out);
			end_line(terminal);
			i += left_out;
		}
		put_step(terminal, finding, i, count);
	}
	dlw_spaces(terminal, 2);
	dlw_put(terminal, DLW_STYLE_FAINT, get_lines(terminal)->bottom);
	end_line(terminal);
}

/* "'a' (tid 1), 'b' (tid 2)": whoever of the core holds it; NULL if nobody does. */
static char *list_holders(const json_t *finding, const char *resource)
{
	json_t *thread;
	char *list = NULL, *words, *longer;
	size_t i, count = 0;

	json_array_foreach(json_object_get(finding, "core"), i, thread) {
		if (!dlw_words_holds(thread, resource))
			continue;
		if (++count > SHOWN_AT_START)
			continue;
		words = dlw_words_thread(finding, thread);
		longer = dlw_print("%s%s%s", list ? list : "", list ? ", " : "", words);
		free(words);
		free(list);
		list = longer;
	}
	if (count > SHOWN_AT_START) {
		longer = dlw_print("%s and %zu more", list, count - SHOWN_AT_START);
		free(list);
		list = longer;
	}
	return list;
}

static void put_line_of_list(const struct dlw_terminal *terminal, const json_t *finding,
			     const json_t *thread)
{
	const json_t *want = json_object_get(thread, "wants");
	const char *relation;
	char *holders;

	dlw_spaces(terminal, 2);
	put_thread(terminal, finding, thread);
	if (!json_is_object(want)) {
		end_line(terminal);
		return;
	}
	dlw_put(terminal, DLW_STYLE_PLAIN, " ");
	put_want(terminal, finding, want);
	holders = list_holders(finding, dlw_text(want, "resource"));
	relation = dlw_words_relation(finding, want);
	if (holders)
		dlw_putf(terminal, DLW_STYLE_PLAIN, ", %s %s", relation, holders);
	else if (strcmp(dlw_text(finding, "kind"), "orphan") == 0)
		dlw_put(terminal, DLW_STYLE_PLAIN, ", held by nobody who is left");
	free(holders);
	end_line(terminal);
}

static void draw_list(const struct dlw_terminal *terminal, const struct dlw_text_settings *settings,
		      const json_t *finding)
{
	const json_t *core = json_object_get(finding, "core"), *thread;
	size_t shown = SHOWN_AT_START + SHOWN_AT_END, i;

	json_array_foreach(core, i, thread) {
		if (!settings->verbose && i == shown && json_array_size(core) > shown + 1) {
			dlw_spaces(terminal, 2);
			dlw_putf(terminal, DLW_STYLE_FAINT, "and %zu more threads",
				 json_array_size(core) - shown);
			end_line(terminal);
			return;
		}
		put_line_of_list(terminal, finding, thread);
	}
}

void dlw_render_cycle(const struct dlw_terminal *terminal, const struct dlw_text_settings *settings,
		      const json_t *finding)
{
	if (dlw_words_core_is_cycle(finding))
		draw_cycle(terminal, settings, finding);
	else
		draw_list(terminal, settings, finding);
}
