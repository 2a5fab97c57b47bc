/*
 * render_html.c - the report as one web page that needs nothing else
 *
 * Each finding: what happened, the cycle as a drawing, threads with their
 * stacks folded away, conditions, advice. No script, nothing from the network.
 */
#include <stdlib.h>
#include <string.h>

#include "analyzer/findings.h"
#include "analyzer/names.h"
#include "analyzer/render.h"
#include "analyzer/render_words.h"

static const char head[] =
	"<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
	"<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
	"<title>dlwatch report</title>\n<style>\n"
	":root{color-scheme:light dark}\n"
	"body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}\n"
	"section{border:1px solid #8886;border-radius:.5rem;padding:0 1.2rem 1rem;margin:1.5rem 0}\n"
	"h2{font-size:1.15rem}h3{font-size:1rem;margin-bottom:.3rem}\n"
	".kind{background:#b3261e;color:#fff;border-radius:.3rem;padding:.1rem .5rem}\n"
	"code,pre,ol.stack{font-family:ui-monospace,monospace;font-size:.87rem}\n"
	"pre{overflow-x:auto}ol.stack{margin:.2rem 0 .6rem}\n"
	"table{border-collapse:collapse}td,th{padding:.2rem .8rem .2rem 0;text-align:left;"
	"vertical-align:top}\n"
	"svg text{font:13px system-ui,sans-serif;fill:currentColor}\n"
	"svg rect{fill:none;stroke:currentColor}\n"
	"svg path{fill:none;stroke:#b3261e;stroke-width:1.6}\n"
	".small{font-size:.87rem;opacity:.75}\n"
	"</style></head><body>\n<h1>dlwatch report</h1>\n";

static void put(FILE *out, const char *before, const char *text, const char *after)
{
	fputs(before, out);
	dlw_put_markup(out, text);
	fputs(after, out);
}

/* ---- the drawing -------------------------------------------------------------------- */

enum { DRAWN_AT_MOST = 24, WIDTH = 300, HEIGHT = 34, STEP = 64, MARGIN = 60 };

static void put_label(FILE *out, int top, const char *text)
{
	fprintf(out, "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">", WIDTH / 2,
		top + HEIGHT / 2 + 5);
	dlw_put_markup(out, text);
	fputs("</text>\n", out);
}

/* A thread, and below it the resource that it wants. */
static void draw_step(FILE *out, const json_t *finding, const json_t *thread, int top)
{
	const char *id = dlw_text(json_object_get(thread, "wants"), "resource");
	char *words = dlw_words_thread(finding, thread);

	fprintf(out, "<rect x=\"0\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"4\"/>\n", top, WIDTH,
		HEIGHT);
	put_label(out, top, words);
	free(words);
	fprintf(out, "<path d=\"M%d %dv%d\" marker-end=\"url(#tip)\"/>\n", WIDTH / 2, top + HEIGHT,
		STEP - HEIGHT);
	top += STEP;
	fprintf(out, "<rect class=\"lock\" x=\"0\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"%d\"/>\n",
		top, WIDTH, HEIGHT, HEIGHT / 2);
	words = dlw_words_resource(finding, id);
	put_label(out, top, words);
	free(words);
}

/* One below the other; the last resource leads back up to the first thread. */
static void draw_cycle(FILE *out, const json_t *finding)
{
	json_t *core = json_object_get(finding, "core"), *thread;
	int count = json_array_size(core), bottom = (2 * count - 1) * STEP + HEIGHT / 2;
	size_t i;

	fprintf(out, "<svg viewBox=\"-4 -4 %d %d\" width=\"%d\" style=\"max-width:100%%\" "
		"role=\"img\" aria-label=\"wait-for graph\">\n<defs><marker id=\"tip\" "
		"markerWidth=\"9\" markerHeight=\"8\" refX=\"8\" refY=\"4\" orient=\"auto\">"
		"<polygon points=\"0 0,9 4,0 8\" fill=\"#b3261e\"/></marker></defs>\n",
		WIDTH + MARGIN + 8, bottom + HEIGHT + 8, WIDTH + MARGIN);
	json_array_foreach(core, i, thread) {
		draw_step(out, finding, thread, 2 * i * STEP);
		if (i + 1 < (size_t)count)
			fprintf(out, "<path d=\"M%d %zuv%d\" marker-end=\"url(#tip)\"/>\n", WIDTH / 2,
				(2 * i + 1) * STEP + HEIGHT, STEP - HEIGHT);
	}
	fprintf(out, "<path d=\"M%d %dh%dV%dh-%d\" marker-end=\"url(#tip)\"/>\n", WIDTH, bottom,
		MARGIN - 10, HEIGHT / 2, MARGIN - 10);
	fputs("</svg>\n<p class=\"small\">A thread points to what it wants, a resource to "
	      "whoever could release it.</p>\n", out);
}

/* ---- threads --------------------------------------------------------------------------- */

static void put_stack(FILE *out, const json_t *step)
{
	json_t *stack = json_object_get(step, "stack"), *frame;
	char *text;
	size_t i;

	if (json_array_size(stack) == 0)
		return;
	fputs("<ol class=\"stack\" start=\"0\">", out);
	json_array_foreach(stack, i, frame) {
		text = dlw_frame_text(frame);
		put(out, "<li>", text, "</li>");
		free(text);
	}
	fputs("</ol>", out);
}

/* @words: what the thread does, or did; freed here. */
static void put_step(FILE *out, const json_t *step, char *words, bool open)
{
	const json_t *site = json_object_get(step, "site");
	char *place = json_is_object(site) ? dlw_frame_text(site) : NULL;

	fprintf(out, "<details%s><summary>", open ? " open" : "");
	dlw_put_markup(out, words);
	if (place)
		put(out, " at <code>", place, "</code>");
	fputs("</summary>", out);
	put_stack(out, step);
	fputs("</details>\n", out);
	free(place);
	free(words);
}

typedef char *phrase(const json_t *finding, const json_t *step, const char *resource);

static char *deed_phrase(const json_t *finding, const json_t *step, const char *resource)
{
	(void)step;
	return dlw_words_deed(finding, resource);
}

static char *words_of(const json_t *finding, const json_t *step, phrase *say)
{
	char *name = dlw_words_resource(finding, dlw_text(step, "resource"));
	char *words = say(finding, step, name);

	free(name);
	return words;
}

static void put_thread(FILE *out, const json_t *finding, const json_t *thread)
{
	const json_t *want = json_object_get(thread, "wants"), *deed = dlw_thread_deed(thread);
	const json_t *hold;
	char *words = dlw_words_thread(finding, thread);
	size_t i;

	put(out, "<h3>thread ", words, "</h3>\n");
	free(words);
	if (deed)
		put_step(out, deed, words_of(finding, deed, deed_phrase), true);
	if (json_is_object(want))
		put_step(out, want, words_of(finding, want, dlw_words_want), true);
	json_array_foreach(json_object_get(thread, "holds"), i, hold)
		put_step(out, hold, words_of(finding, hold, dlw_words_hold), false);
}

static void put_threads(FILE *out, const json_t *finding, const char *list)
{
	json_t *thread;
	size_t i;

	json_array_foreach(json_object_get(finding, list), i, thread)
		put_thread(out, finding, thread);
}

/* ---- the page ---------------------------------------------------------------------------- */

static void put_conditions(FILE *out, const json_t *finding)
{
	const json_t *coffman = json_object_get(finding, "coffman"), *condition;

	fputs("<h3>The four conditions of a deadlock</h3>\n<table>\n", out);
	for (int i = 0; i < 4; i++) {
		condition = json_object_get(coffman, dlw_coffman_names[i].key);
		fprintf(out, "<tr><th>%s</th><td>%s</td>", dlw_coffman_names[i].title,
			dlw_flag(condition, "holds") ? "holds" : "broken");
		put(out, "<td>", dlw_text(condition, "evidence"), "</td></tr>\n");
	}
	fputs("</table>\n", out);
}

static void put_witness(FILE *out, const json_t *finding)
{
	const json_t *witness = json_object_get(finding, "witness"), *step;
	size_t i;

	if (!json_array_size(witness))
		return;
	fputs("<p>A schedule that deadlocks, after what came before as it did:</p>\n<ol>\n", out);
	json_array_foreach(witness, i, step) {
		char *words = dlw_words_step(finding, step), *place = NULL;

		if (json_is_object(json_object_get(step, "site")))
			place = dlw_frame_text(json_object_get(step, "site"));
		put(out, "<li>", words, place ? ", at " : "</li>\n");
		if (place)
			put(out, "<code>", place, "</code></li>\n");
		free(place);
		free(words);
	}
	fputs("</ol>\n", out);
}

static void put_finding(FILE *out, const json_t *finding)
{
	char *verdict = dlw_words_verdict(finding), *summary = dlw_words_summary(finding);

	put(out, "<section>\n<h2><span class=\"kind\">", verdict, "</span> ");
	put(out, "", summary, "</h2>\n");
	if (dlw_words_core_is_cycle(finding) &&
	    json_array_size(json_object_get(finding, "core")) <= DRAWN_AT_MOST)
		draw_cycle(out, finding);
	put_threads(out, finding, "core");
	if (json_array_size(json_object_get(finding, "stuck")) > 0) {
		fprintf(out, "<details><summary>%zu stuck behind</summary>\n",
			json_array_size(json_object_get(finding, "stuck")));
		put_threads(out, finding, "stuck");
		fputs("</details>\n", out);
	}
	put_witness(out, finding);
	put_conditions(out, finding);
	put(out, "<p><b>Advice:</b> ", dlw_text(finding, "advice"), "</p>\n");
	put(out, "<p class=\"small\">suppress with <code>", dlw_text(finding, "suppression"),
	    "</code> &middot; ");
	put(out, "fingerprint <code>", dlw_text(finding, "fingerprint"), "</code></p>\n</section>\n");
	free(summary);
	free(verdict);
}

static void put_json(FILE *out, const char *title, const json_t *value)
{
	char *text;

	if (json_object_size(value) == 0)
		return;
	text = json_dumps(value, JSON_INDENT(2));
	fprintf(out, "<details><summary>%s</summary><pre>", title);
	dlw_put_markup(out, text ? text : "");
	fputs("</pre></details>\n", out);
	free(text);
}

void dlw_render_html(FILE *out, const json_t *report)
{
	json_t *findings = json_object_get(report, "findings"), *finding;
	size_t count = json_array_size(findings), i;

	fputs(head, out);
	fprintf(out, "<p>%zu finding%s.</p>\n", count, count == 1 ? "" : "s");
	json_array_foreach(findings, i, finding)
		put_finding(out, finding);
	put_json(out, "Coverage: what was seen, and what was not", json_object_get(report, "coverage"));
	put_json(out, "Statistics", json_object_get(report, "statistics"));
	fputs("</body></html>\n", out);
}
