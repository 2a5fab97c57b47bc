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

static const char *relation_to_next(const json_t *finding, size_t number, size_t count)
{
	const json_t *core = json_object_get(finding, "core");
	const json_t *want = json_object_get(json_array_get(core, number), "wants");
	const json_t *next = json_array_get(core, (number + 1) % count);
	bool held = dlw_words_holds(next, dlw_text(want, "resource"));

	if (count == 1)
		return held ? "held by itself" : "that is itself";
	/* A semaphore that its waiter's partner does not hold is one to be posted. */
	if (!held && strcmp(dlw_text(want, "mode"), "permit") == 0)
		return "to be posted by";
	return dlw_words_relation(finding, want);
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
	dlw_putf(terminal, DLW_STYLE_PLAIN, ", %s", relation_to_next(finding, number, count));
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

/*
 * "'a' (tid 1), 'b' (tid 2)": whoever of the core holds it, but for @waiter if
 * there are others; NULL if nobody does.
 */
static char *list_holders(const json_t *finding, const char *resource, const json_t *waiter)
{
	json_t *thread;
	char *list = NULL, *words, *longer;
	size_t i, count = 0;

	json_array_foreach(json_object_get(finding, "core"), i, thread) {
		if (thread == waiter || !dlw_words_holds(thread, resource))
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

/* ", held by 'a' (tid 1)", as far as the finding shows it; "" else. */
static char *describe_holders(const json_t *finding, const json_t *thread)
{
	const json_t *want = json_object_get(thread, "wants");
	const char *resource = dlw_text(want, "resource");
	char *holders = list_holders(finding, resource, thread), *text;

	if (holders)
		text = dlw_print(", %s %s", dlw_words_relation(finding, want), holders);
	else if (strcmp(dlw_text(finding, "kind"), "orphan") == 0)
		text = dlw_copy(", held by nobody who is left");
	else if (strcmp(dlw_text(want, "mode"), "exclusive") == 0 &&
		 dlw_words_holds(thread, resource))
		text = dlw_copy(", held by itself");
	else
		text = dlw_copy("");
	free(holders);
	return text;
}

static void put_line_of_list(const struct dlw_terminal *terminal, const json_t *finding,
			     const json_t *thread)
{
	const json_t *want = json_object_get(thread, "wants");
	char *who = dlw_words_thread(finding, thread), *name, *wish, *holders, *text;

	dlw_spaces(terminal, 2);
	dlw_put(terminal, DLW_STYLE_THREAD, who);
	if (json_is_object(want)) {
		name = dlw_words_resource(finding, dlw_text(want, "resource"));
		wish = dlw_words_want(finding, want, name);
		holders = describe_holders(finding, thread);
		text = dlw_print("%s%s", wish, holders);
		dlw_spaces(terminal, 1);
		dlw_wrap(terminal, DLW_STYLE_PLAIN, 3 + dlw_columns(who), 6, text);
		free(text);
		free(holders);
		free(wish);
		free(name);
	} else {
		end_line(terminal);
	}
	free(who);
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
