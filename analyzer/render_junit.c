/*
 * render_junit.c - findings as failed tests, for CI systems that show those
 */
#include <stdlib.h>
#include <string.h>

#include "analyzer/findings.h"
#include "analyzer/names.h"
#include "analyzer/options.h"
#include "analyzer/render.h"
#include "analyzer/render_words.h"

/*
 * XML 1.0 has no way to write control characters, nor the two code points
 * U+FFFE and U+FFFF; they become question marks.
 */
void dlw_put_markup(FILE *out, const char *text)
{
	for (; *text; text++) {
		switch (*text) {
		case '&':
			fputs("&amp;", out);
			break;
		case '<':
			fputs("&lt;", out);
			break;
		case '>':
			fputs("&gt;", out);
			break;
		case '"':
			fputs("&quot;", out);
			break;
		case '\n':
			putc('\n', out);
			break;
		default:
			if (strncmp(text, "\xef\xbf\xbe", 3) == 0 ||
			    strncmp(text, "\xef\xbf\xbf", 3) == 0) {
				putc('?', out);
				text += 2;
			} else {
				putc((unsigned char)*text < 0x20 || *text == 0x7f ? '?' : *text, out);
			}
		}
	}
}

static char *plain_report(const json_t *finding)
{
	struct dlw_options options;
	struct dlw_terminal terminal;
	struct dlw_text_settings settings = { 0, 0 };
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	dlw_options_init(&options, DLW_SEVERITY_NEVER, out);
	options.color = DLW_COLOR_NEVER;
	dlw_terminal_init(&terminal, out, &options);
	dlw_render_text(&terminal, &settings, finding);
	fclose(out);
	return text;
}

static void put_case(FILE *out, const json_t *finding)
{
	char *summary = dlw_words_summary(finding), *text = plain_report(finding);

	fprintf(out, "    <testcase classname=\"dlwatch.%s\" name=\"", dlw_text(finding, "kind"));
	dlw_put_markup(out, dlw_text(finding, "suppression"));
	fprintf(out, " [");
	dlw_put_markup(out, dlw_text(finding, "fingerprint"));
	fprintf(out, "]\">\n      <failure type=\"%s\" message=\"", dlw_text(finding, "verdict"));
	dlw_put_markup(out, summary);
	fputs("\">", out);
	dlw_put_markup(out, text ? text : "");
	fputs("</failure>\n    </testcase>\n", out);
	free(summary);
	free(text);
}

void dlw_render_junit(FILE *out, const json_t *report)
{
	const json_t *findings = json_object_get(report, "findings");
	size_t count = json_array_size(findings), i;
	json_t *finding;

	fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n", out);
	fprintf(out, "  <testsuite name=\"dlwatch\" tests=\"%zu\" failures=\"%zu\" errors=\"0\">\n",
		count ? count : 1, count);
	json_array_foreach(findings, i, finding)
		put_case(out, finding);
	if (count == 0)
		fputs("    <testcase classname=\"dlwatch\" name=\"no deadlock found\"/>\n", out);
	fputs("  </testsuite>\n</testsuites>\n", out);
}
