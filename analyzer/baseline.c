/*
 * baseline.c - findings that are known already
 */
#include "analyzer/baseline.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/findings.h"
#include "analyzer/memory.h"

struct dlw_baseline {
	json_t *known; /* fingerprint -> true */
};

static bool is_fingerprint(const char *text)
{
	size_t length = strlen(text);

	return length >= 16 && strspn(text, "0123456789abcdef") == length;
}

static bool take(struct dlw_baseline *baseline, const char *file, int line,
		 const char *fingerprint)
{
	if (!is_fingerprint(fingerprint)) {
		fprintf(stderr, "dlwatch: %s:%d: no fingerprint: '%.60s'\n", file, line,
			fingerprint);
		return false;
	}
	json_object_set_new(baseline->known, fingerprint, json_true());
	return true;
}

/* A whole report, or one finding of JSON lines. */
static bool take_json(struct dlw_baseline *baseline, const char *file, int line,
		      const json_t *value)
{
	json_t *findings = json_object_get(value, "findings"), *finding;
	size_t i;

	if (!findings)
		return take(baseline, file, line, dlw_text(value, "fingerprint"));
	json_array_foreach(findings, i, finding)
		if (!take(baseline, file, line, dlw_text(finding, "fingerprint")))
			return false;
	return true;
}

static bool at_end(FILE *in)
{
	int letter;

	do
		letter = getc(in);
	while (letter == ' ' || letter == '\t' || letter == '\r' || letter == '\n');
	ungetc(letter, in);
	return letter == EOF;
}

static bool read_json(struct dlw_baseline *baseline, const char *file, FILE *in)
{
	json_error_t error;
	bool good = true;
	json_t *value;

	for (int line = 1; good && !at_end(in); line++) {
		value = json_loadf(in, JSON_DISABLE_EOF_CHECK, &error);
		if (!value) {
			fprintf(stderr, "dlwatch: %s:%d: not JSON: %s\n", file,
				line + error.line - 1, error.text);
			return false;
		}
		good = take_json(baseline, file, line, value);
		json_decref(value);
	}
	return good;
}

static bool read_list(struct dlw_baseline *baseline, const char *file, FILE *in)
{
	char *line = NULL, *text;
	size_t room = 0;
	bool good = true;

	for (int number = 1; good && getline(&line, &room, in) >= 0; number++) {
		line[strcspn(line, "#\r\n")] = '\0';
		text = line + strspn(line, " \t");
		text[strcspn(text, " \t")] = '\0';
		if (*text)
			good = take(baseline, file, number, text);
	}
	free(line);
	return good;
}

struct dlw_baseline *dlw_baseline_read(const char *file)
{
	struct dlw_baseline *baseline;
	FILE *in = fopen(file, "re");
	bool good;
	int first;

	if (!in) {
		fprintf(stderr, "dlwatch: %s: cannot read baseline: %s\n", file, strerror(errno));
		return NULL;
	}
	baseline = dlw_allocate(sizeof(*baseline));
	baseline->known = json_object();
	at_end(in);
	first = getc(in);
	rewind(in);
	good = first == '{' ? read_json(baseline, file, in) : read_list(baseline, file, in);
	if (good && ferror(in)) {
		fprintf(stderr, "dlwatch: %s: cannot read baseline: %s\n", file, strerror(errno));
		good = false;
	}
	fclose(in);
	if (good)
		return baseline;
	dlw_baseline_free(baseline);
	return NULL;
}

void dlw_baseline_free(struct dlw_baseline *baseline)
{
	if (!baseline)
		return;
	json_decref(baseline->known);
	free(baseline);
}

bool dlw_baseline_has(const struct dlw_baseline *baseline, const char *fingerprint)
{
	return json_object_get(baseline->known, fingerprint) != NULL;
}
