/*
 * render_dot.c - the wait-for graphs for Graphviz
 *
 * Boxes are threads, ellipses are resources; "holds" points from the resource
 * to its holder and "wants" from the thread to the resource, so that a
 * deadlock shows as a directed cycle. One cluster a finding.
 */
#include <stdlib.h>
#include <string.h>

#include "analyzer/findings.h"
#include "analyzer/names.h"
#include "analyzer/render.h"
#include "analyzer/render_words.h"

static void put_quoted(FILE *out, const char *text)
{
	putc('"', out);
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			putc('\\', out);
		putc((unsigned char)*text < 0x20 ? '?' : *text, out);
	}
	putc('"', out);
}

struct graph {
	FILE *out;
	const json_t *finding;
	size_t number;
	json_t *wanted; /* resources that somebody waits for, by id */
};

static void put_thread_node(const struct graph *graph, const json_t *thread)
{
	fprintf(graph->out, "\"f%zu t%lld.%lld\"", graph->number,
		(long long)dlw_number(thread, "pid"), (long long)dlw_number(thread, "tid"));
}

static void put_resource_node(const struct graph *graph, const char *id)
{
	fprintf(graph->out, "\"f%zu r%s\"", graph->number, id);
}

static void put_edge_label(const struct graph *graph, const char *word, const json_t *step)
{
	const json_t *site = json_object_get(step, "site");
	char *place;

	fprintf(graph->out, " [label=\"%s", word);
	if (json_is_object(site)) {
		place = dlw_frame_text(site);
		fputs("\\n", graph->out);
		for (char *at = place; *at; at++)
			if (*at != '"' && *at != '\\' && (unsigned char)*at >= 0x20)
				putc(*at, graph->out);
		free(place);
	}
	fputs("\"", graph->out);
}

/* From the thread to what it wants, or did something to; @step may be no object. */
static void put_edge_to(const struct graph *graph, const json_t *thread, const json_t *step,
			const char *word, const char *style)
{
	if (!json_is_object(step))
		return;
	fputs("    ", graph->out);
	put_thread_node(graph, thread);
	fputs(" -> ", graph->out);
	put_resource_node(graph, dlw_text(step, "resource"));
	put_edge_label(graph, word, step);
	fputs(style, graph->out);
}

static void put_edges(const struct graph *graph, const json_t *thread, bool core)
{
	const json_t *want = json_object_get(thread, "wants"), *hold;
	const char *style = core ? ", color=red];\n" : "];\n";
	size_t i;

	put_edge_to(graph, thread, dlw_thread_deed(thread), dlw_text(graph->finding, "misuse"),
		    style);
	put_edge_to(graph, thread, want, "wants", style);
	json_array_foreach(json_object_get(thread, "holds"), i, hold) {
		if (!json_object_get(graph->wanted, dlw_text(hold, "resource")))
			continue;
		fputs("    ", graph->out);
		put_resource_node(graph, dlw_text(hold, "resource"));
		fputs(" -> ", graph->out);
		put_thread_node(graph, thread);
		put_edge_label(graph, "held by", hold);
		fputs(style, graph->out);
	}
}

static void put_threads(const struct graph *graph, const char *list)
{
	bool core = strcmp(list, "core") == 0;
	json_t *thread;
	char *words;
	size_t i;

	json_array_foreach(json_object_get(graph->finding, list), i, thread) {
		words = dlw_words_thread(graph->finding, thread);
		fputs("    ", graph->out);
		put_thread_node(graph, thread);
		fputs(" [shape=box, label=", graph->out);
		put_quoted(graph->out, words);
		fputs(core ? ", style=bold, color=red];\n" : "];\n", graph->out);
		put_edges(graph, thread, core);
		free(words);
	}
}

static void note_wanted(struct graph *graph, const char *list)
{
	json_t *thread;
	size_t i;

	json_array_foreach(json_object_get(graph->finding, list), i, thread) {
		json_object_set_new(graph->wanted,
				    dlw_text(json_object_get(thread, "wants"), "resource"),
				    json_true());
		json_object_set_new(graph->wanted, dlw_text(dlw_thread_deed(thread), "resource"),
				    json_true());
	}
}

static void put_resources(const struct graph *graph)
{
	json_t *resource;
	const char *id;
	char *words;
	size_t i;

	json_array_foreach(json_object_get(graph->finding, "resources"), i, resource) {
		id = dlw_text(resource, "id");
		if (!json_object_get(graph->wanted, id))
			continue;
		words = dlw_words_resource(graph->finding, id);
		fputs("    ", graph->out);
		put_resource_node(graph, id);
		fputs(" [shape=ellipse, label=", graph->out);
		put_quoted(graph->out, words);
		fputs("];\n", graph->out);
		free(words);
	}
}

static void put_finding(FILE *out, const json_t *finding, size_t number)
{
	struct graph graph = { out, finding, number, json_object() };
	char *verdict = dlw_words_verdict(finding), *summary = dlw_words_summary(finding);

	fprintf(out, "  subgraph cluster_%zu {\n    label=", number);
	put_quoted(out, verdict);
	fputs(";\n    tooltip=", out);
	put_quoted(out, summary);
	fputs(";\n", out);
	note_wanted(&graph, "core");
	note_wanted(&graph, "stuck");
	put_resources(&graph);
	put_threads(&graph, "core");
	put_threads(&graph, "stuck");
	fputs("  }\n", out);
	json_decref(graph.wanted);
	free(verdict);
	free(summary);
}

void dlw_render_dot(FILE *out, const json_t *report)
{
	json_t *finding;
	size_t i;

	fputs("digraph dlwatch {\n  rankdir=LR;\n  node [fontname=\"sans-serif\"];\n"
	      "  edge [fontname=\"sans-serif\", fontsize=10];\n", out);
	json_array_foreach(json_object_get(report, "findings"), i, finding)
		put_finding(out, finding, i + 1);
	fputs("}\n", out);
}
