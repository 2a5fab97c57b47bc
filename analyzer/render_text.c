/*
 * render_text.c - one finding for a person
 *
 * The order is that of understanding: what happened, the drawing, each thread
 * with what it wants and where it took what it holds, who is stuck behind,
 * why this is a deadlock at all, and what to do about it.
 */
#include <stdlib.h>
#include <string.h>

#include "analyzer/findings.h"
#include "analyzer/memory.h"
#include "analyzer/names.h"
#include "analyzer/render.h"
#include "analyzer/render_words.h"

/* What a report shows unless it is asked for everything. */
enum { THREADS = 8, STUCK = 10, FRAMES = 12 };

struct page {
	const struct dlw_terminal *terminal;
	const struct dlw_text_settings *settings;
	const json_t *finding;
	json_t *of_core; /* resources that core threads want, by id */
};

static void end_line(const struct page *page)
{
	putc('\n', page->terminal->out);
}

static void title(const struct page *page, const char *text)
{
	dlw_spaces(page->terminal, 2);
	dlw_put(page->terminal, DLW_STYLE_TITLE, text);
}

/* ---- stacks ------------------------------------------------------------------------ */

static bool is_of_c_library(const json_t *frame)
{
	const char *module = dlw_base_name(dlw_text(frame, "module"));

	return strncmp(module, "libc.so", 7) == 0 || strncmp(module, "libc-", 5) == 0 ||
	       strncmp(module, "libpthread", 10) == 0 || strncmp(module, "ld-linux", 8) == 0;
}

/* What starts threads and programs: the C library, and std::thread in front of it. */
static bool is_of_runtime(const json_t *frame)
{
	return is_of_c_library(frame) || dlw_frame_is_lock_wrapper(frame) ||
	       strncmp(dlw_base_name(dlw_text(frame, "module")), "libstdc++", 9) == 0;
}

/* How many frames are left without those that start every thread and program. */
static size_t without_start(const json_t *stack)
{
	size_t count = json_array_size(stack), kept = count;

	if (kept > 1 && strcmp(dlw_text(json_array_get(stack, kept - 1), "function"), "_start") == 0)
		kept--;
	while (kept > 1 && is_of_runtime(json_array_get(stack, kept - 1)))
		kept--;
	return kept;
}

/* How many frames in front are the standard library's, not the program's. */
static size_t lock_wrappers(const json_t *stack)
{
	size_t count = 0;

	while (count + 1 < json_array_size(stack) &&
	       dlw_frame_is_lock_wrapper(json_array_get(stack, count)))
		count++;
	return count;
}

static void put_frame(const struct page *page, size_t number, const json_t *frame)
{
	char *text = dlw_frame_text(frame);

	dlw_spaces(page->terminal, 6);
	dlw_putf(page->terminal, DLW_STYLE_FAINT, "#%-2zu ", number);
	dlw_put(page->terminal, DLW_STYLE_PLAIN, text);
	if (*dlw_text(frame, "language"))
		dlw_putf(page->terminal, DLW_STYLE_FAINT, " [%s]", dlw_text(frame, "language"));
	else if (page->settings->verbose > 1)
		dlw_putf(page->terminal, DLW_STYLE_FAINT, "  %s %s+%s %s",
			 dlw_text(frame, "address"), dlw_text(frame, "module"),
			 dlw_text(frame, "offset"), dlw_text(frame, "file"));
	end_line(page);
	free(text);
}

/* How many frames in front are Python's; those that start a thread are left out. */
static size_t python_frames(const json_t *stack)
{
	size_t count = 0, end;

	while (dlw_frame_is_python(json_array_get(stack, count)))
		count++;
	for (end = count; end > 1; end--) {
		const json_t *frame = json_array_get(stack, end - 1);

		if (strcmp(dlw_base_name(dlw_text(frame, "file")), "threading.py") != 0 ||
		    !dlw_frame_is_python_library(frame))
			break;
	}
	return end;
}

static void put_left_out(const struct page *page, size_t count)
{
	if (!count)
		return;
	dlw_spaces(page->terminal, 6);
	dlw_putf(page->terminal, DLW_STYLE_FAINT, "... %zu more frames (-v shows them)", count);
	end_line(page);
}

/* Python's lines are what somebody wrote; the interpreter's own are folded. */
static void put_python_stack(const struct page *page, const json_t *stack)
{
	size_t end = python_frames(stack), shown = end > FRAMES ? FRAMES : end, i;

	for (i = 0; i < shown; i++)
		put_frame(page, i, json_array_get(stack, i));
	put_left_out(page, end - shown);
}

static void put_stack(const struct page *page, const json_t *step)
{
	const json_t *stack = json_object_get(step, "stack");
	const json_t *site = json_object_get(step, "site");
	size_t begin = 0, end = json_array_size(stack), left_out = 0;

	if (end == 0 && json_is_object(site)) {
		put_frame(page, 0, site);
		return;
	}
	if (!page->settings->verbose && dlw_frame_is_python(json_array_get(stack, 0))) {
		put_python_stack(page, stack);
		return;
	}
	if (!page->settings->verbose) {
		begin = lock_wrappers(stack);
		end = without_start(stack);
		if (end < begin + 1)
			end = begin + 1;
		if (end > begin + FRAMES) {
			left_out = end - begin - FRAMES;
			end = begin + FRAMES;
		}
	}
	for (size_t i = begin; i < end && i < json_array_size(stack); i++)
		put_frame(page, i - begin, json_array_get(stack, i));
	put_left_out(page, left_out);
}

static bool has_place(const json_t *step)
{
	return json_array_size(json_object_get(step, "stack")) > 0 ||
	       json_is_object(json_object_get(step, "site"));
}

/* ---- threads ------------------------------------------------------------------------- */

static uint64_t get_now(const struct page *page)
{
	uint64_t now = dlw_number(page->finding, "now_ns");

	return now ? now : page->settings->now_ns;
}

static void put_duration(const struct page *page, const json_t *step)
{
	uint64_t since = dlw_number(step, "since_ns"), now = get_now(page);
	char *words;

	/* An inversion is no wait: nobody has been there for any time. */
	if (!since || !now || since > now ||
	    dlw_finding_severity(page->finding) == DLW_SEVERITY_INVERSION)
		return;
	words = dlw_words_duration(now - since);
	dlw_putf(page->terminal, DLW_STYLE_PLAIN, ", for %s", words);
	free(words);
}

/* "M2 ledger (mutex, normal)" */
static char *full_resource(const struct page *page, const char *id)
{
	char *name = dlw_words_resource(page->finding, id);
	char *kind = dlw_words_kind(dlw_finding_resource(page->finding, id));
	char *full = dlw_print("%s (%s)", name, kind);

	free(kind);
	free(name);
	return full;
}

static void put_want(const struct page *page, const json_t *want)
{
	char *resource = full_resource(page, dlw_text(want, "resource"));
	char *words = dlw_words_want(page->finding, want, resource);

	dlw_spaces(page->terminal, 4);
	dlw_put(page->terminal, DLW_STYLE_LOCK, words);
	put_duration(page, want);
	if (dlw_flag(want, "timed"))
		dlw_put(page->terminal, DLW_STYLE_PLAIN, ", with a timeout");
	dlw_put(page->terminal, DLW_STYLE_PLAIN, has_place(want) ? ", at" : "");
	end_line(page);
	put_stack(page, want);
	free(words);
	free(resource);
}

static void put_deed(const struct page *page, const json_t *deed)
{
	char *resource = full_resource(page, dlw_text(deed, "resource"));
	char *words = dlw_words_deed(page->finding, resource);
	long long count = dlw_number(deed, "count");

	dlw_spaces(page->terminal, 4);
	dlw_put(page->terminal, DLW_STYLE_LOCK, words);
	if (count > 1)
		dlw_putf(page->terminal, DLW_STYLE_PLAIN, ", %lld times so far", count);
	dlw_put(page->terminal, DLW_STYLE_PLAIN, has_place(deed) ? ", at" : "");
	end_line(page);
	put_stack(page, deed);
	free(words);
	free(resource);
}

static const char *hold_ending(const json_t *hold)
{
	const char *mode = dlw_text(hold, "mode");

	if (!has_place(hold))
		return "";
	if (strcmp(mode, "exit") == 0 || strcmp(mode, "run") == 0)
		return ", started at";
	return ", acquired at";
}

/* Of a Python thread's locks only the C side is known where they were taken. */
static bool is_folded(const struct page *page, const json_t *thread, const json_t *hold)
{
	const json_t *stack = json_object_get(json_object_get(thread, "wants"), "stack");

	return !page->settings->verbose && dlw_frame_is_python(json_array_get(stack, 0)) &&
	       dlw_frame_is_of_interpreter(json_object_get(hold, "site"));
}

static void put_hold(const struct page *page, const json_t *thread, const json_t *hold)
{
	char *resource = full_resource(page, dlw_text(hold, "resource"));
	char *words = dlw_words_hold(page->finding, hold, resource);
	long long count = dlw_number(hold, "count");
	bool inversion = dlw_finding_severity(page->finding) == DLW_SEVERITY_INVERSION;

	dlw_spaces(page->terminal, 4);
	dlw_put(page->terminal, DLW_STYLE_LOCK, words);
	if (inversion)
		dlw_putf(page->terminal, DLW_STYLE_PLAIN, " (this order was seen %lld time%s)",
			 count, count == 1 ? "" : "s");
	else if (count > 1 && strcmp(dlw_text(hold, "mode"), "permit") != 0)
		dlw_putf(page->terminal, DLW_STYLE_PLAIN, " %lld times", count);
	put_duration(page, hold);
	if (is_folded(page, thread, hold)) {
		dlw_put(page->terminal, DLW_STYLE_FAINT, ", taken in C code (-v)");
		end_line(page);
	} else {
		dlw_put(page->terminal, DLW_STYLE_PLAIN, hold_ending(hold));
		end_line(page);
		put_stack(page, hold);
	}
	free(words);
	free(resource);
}

/* What the core waits for is shown; the other hundred locks are counted. */
static void put_holds(const struct page *page, const json_t *thread)
{
	const json_t *holds = json_object_get(thread, "holds");
	size_t others = 0, shown = 0, i;
	bool all = page->settings->verbose > 0;
	const json_t *hold;

	json_array_foreach(holds, i, hold)
		others += !json_object_get(page->of_core, dlw_text(hold, "resource"));
	if (others <= 2)
		all = true;
	json_array_foreach(holds, i, hold) {
		if (!all && !json_object_get(page->of_core, dlw_text(hold, "resource")))
			continue;
		put_hold(page, thread, hold);
		shown++;
	}
	if (all || others == 0)
		return;
	dlw_spaces(page->terminal, 4);
	dlw_putf(page->terminal, DLW_STYLE_FAINT, "%s %zu %s (-v shows them)",
		 shown ? "and" : "holds", others, shown ? "more" : "locks");
	end_line(page);
}

static void put_thread(const struct page *page, const json_t *thread)
{
	char *words = dlw_words_thread(page->finding, thread);
	const json_t *want = json_object_get(thread, "wants"), *deed = dlw_thread_deed(thread);

	dlw_spaces(page->terminal, 2);
	if (!json_object_get(thread, "runs"))
		dlw_put(page->terminal, DLW_STYLE_TITLE, "thread ");
	dlw_put(page->terminal, DLW_STYLE_THREAD, words);
	if (strcmp(dlw_text(thread, "process"),
		   dlw_text(json_object_get(page->finding, "program"), "exe")) != 0 &&
	    *dlw_text(thread, "process"))
		dlw_putf(page->terminal, DLW_STYLE_PLAIN, " of %s",
			 dlw_base_name(dlw_text(thread, "process")));
	end_line(page);
	free(words);
	if (deed)
		put_deed(page, deed);
	if (json_is_object(want))
		put_want(page, want);
	put_holds(page, thread);
	end_line(page);
}

static void put_core(const struct page *page)
{
	const json_t *core = json_object_get(page->finding, "core"), *thread;
	size_t count = json_array_size(core), i;

	json_array_foreach(core, i, thread) {
		if (!page->settings->verbose && i == THREADS && count > THREADS + 1) {
			dlw_spaces(page->terminal, 2);
			dlw_putf(page->terminal, DLW_STYLE_FAINT,
				 "and %zu more threads of the core (-v shows them)",
				 count - THREADS);
			end_line(page);
			end_line(page);
			return;
		}
		put_thread(page, thread);
	}
}

/* ---- stuck behind -------------------------------------------------------------------- */

static char *describe_stuck(const struct page *page, const json_t *thread)
{
	const json_t *want = json_object_get(thread, "wants"), *site = dlw_thread_site(thread);
	char *resource, *wish, *place, *text;

	if (!json_is_object(want))
		return dlw_copy("");
	resource = dlw_words_resource(page->finding, dlw_text(want, "resource"));
	wish = dlw_words_want(page->finding, want, resource);
	place = site ? dlw_frame_text(site) : NULL;
	text = dlw_print("%s%s%s", wish, place ? " at " : "", place ? place : "");
	free(place);
	free(wish);
	free(resource);
	return text;
}

static void put_stuck_line(const struct page *page, const json_t *thread)
{
	char *who = dlw_words_thread(page->finding, thread), *text = describe_stuck(page, thread);

	dlw_spaces(page->terminal, 4);
	dlw_put(page->terminal, DLW_STYLE_THREAD, who);
	dlw_spaces(page->terminal, 1);
	dlw_wrap(page->terminal, DLW_STYLE_PLAIN, 5 + dlw_columns(who), 8, text);
	free(text);
	free(who);
}

static void put_stuck(const struct page *page)
{
	const json_t *stuck = json_object_get(page->finding, "stuck"), *thread;
	size_t count = json_array_size(stuck), i;

	if (count == 0)
		return;
	title(page, json_array_size(json_object_get(page->finding, "core")) == 1 ?
	      "stuck behind it" : "stuck behind them");
	end_line(page);
	json_array_foreach(stuck, i, thread) {
		if (page->settings->verbose) {
			put_thread(page, thread);
			continue;
		}
		if (i == STUCK && count > STUCK + 1) {
			dlw_spaces(page->terminal, 4);
			dlw_putf(page->terminal, DLW_STYLE_FAINT,
				 "and %zu more threads (-v shows them)", count - STUCK);
			end_line(page);
			break;
		}
		put_stuck_line(page, thread);
	}
	if (!page->settings->verbose)
		end_line(page);
}

/* ---- why, and what to do ---------------------------------------------------------------- */

static void put_conditions(const struct page *page)
{
	const json_t *coffman = json_object_get(page->finding, "coffman"), *condition;
	bool holds;

	title(page, "the four conditions of a deadlock");
	end_line(page);
	for (int i = 0; i < 4; i++) {
		condition = json_object_get(coffman, dlw_coffman_names[i].key);
		holds = dlw_flag(condition, "holds");
		dlw_putf(page->terminal, DLW_STYLE_PLAIN, "    %-17s", dlw_coffman_names[i].title);
		dlw_putf(page->terminal, holds ? DLW_STYLE_HOLDS : DLW_STYLE_BROKEN, "%-7s",
			 holds ? "holds" : "broken");
		dlw_wrap(page->terminal, DLW_STYLE_PLAIN, 28, 28, dlw_text(condition, "evidence"));
	}
	end_line(page);
}

static void put_notes(const struct page *page)
{
	json_t *note;
	size_t i;

	json_array_foreach(json_object_get(page->finding, "notes"), i, note) {
		dlw_spaces(page->terminal, 2);
		dlw_putf(page->terminal, DLW_STYLE_TITLE, "%-15s", "note");
		dlw_wrap(page->terminal, DLW_STYLE_PLAIN, 17, 17, json_string_value(note));
	}
}

static void put_last_lines(const struct page *page)
{
	static const struct {
		const char *title, *key;
	} lines[] = {
		{ "advice", "advice" },
		{ "suppress with", "suppression" },
		{ "fingerprint", "fingerprint" },
	};
	const char *text;

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		text = dlw_text(page->finding, lines[i].key);
		if (!*text)
			continue;
		dlw_spaces(page->terminal, 2);
		dlw_putf(page->terminal, DLW_STYLE_TITLE, "%-15s", lines[i].title);
		if (i > 0) {
			/* To be copied: one line, however long. */
			dlw_put(page->terminal, DLW_STYLE_PLAIN, text);
			end_line(page);
		} else {
			dlw_wrap(page->terminal, DLW_STYLE_PLAIN, 17, 17, text);
		}
	}
}

static void put_headline(const struct page *page)
{
	char *verdict = dlw_words_verdict(page->finding);
	char *summary = dlw_words_summary(page->finding);
	char *headline = dlw_print("dlwatch: %s: %s", verdict, summary);

	dlw_wrap(page->terminal, DLW_STYLE_HEADLINE, 0, 4, headline);
	end_line(page);
	free(headline);
	free(summary);
	free(verdict);
}

static json_t *list_wanted(const json_t *finding)
{
	json_t *wanted = json_object(), *thread;
	size_t i;

	json_array_foreach(json_object_get(finding, "core"), i, thread)
		json_object_set_new(wanted,
				    dlw_text(json_object_get(thread, "wants"), "resource"),
				    json_true());
	return wanted;
}

void dlw_render_text(const struct dlw_terminal *terminal, const struct dlw_text_settings *settings,
		     const json_t *finding)
{
	struct page page = { terminal, settings, finding, list_wanted(finding) };

	put_headline(&page);
	/* of a misuse the headline says it all: there is no wait to draw */
	if (!dlw_thread_deed(json_array_get(json_object_get(finding, "core"), 0))) {
		dlw_render_cycle(terminal, settings, finding);
		end_line(&page);
	}
	put_core(&page);
	put_stuck(&page);
	dlw_render_witness(terminal, settings, finding);
	put_conditions(&page);
	put_notes(&page);
	put_last_lines(&page);
	end_line(&page);
	json_decref(page.of_core);
}
