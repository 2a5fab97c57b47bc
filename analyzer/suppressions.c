/*
 * suppressions.c - rules that say which findings are not to be reported
 *
 * A rule matches a finding of its kind if every thread of the core matches one
 * of the rule's patterns: a rule written for one deadlock then does not hide
 * another that shares only one of its sites. Of a misuse the thread that did it
 * decides alone.
 */
#include "analyzer/suppressions.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "analyzer/findings.h"
#include "analyzer/memory.h"

struct rule {
	char *text; /* the line as written */
	char *kind; /* owns the copy that patterns point into */
	char **patterns;
	size_t count;
	int line;
	size_t used;
};

struct dlw_suppressions {
	struct rule *rules;
	size_t count;
};

/* ---- reading -------------------------------------------------------------------- */

static char *trim(char *text)
{
	char *end;

	text += strspn(text, " \t\r\n");
	end = text + strlen(text);
	while (end > text && strchr(" \t\r\n", end[-1]))
		*--end = '\0';
	return text;
}

/* A comment starts at a # that begins the line or follows a blank. */
static void cut_comment(char *line)
{
	for (char *at = line; *at; at++) {
		if (*at == '#' && (at == line || at[-1] == ' ' || at[-1] == '\t')) {
			*at = '\0';
			return;
		}
	}
}

static const char *check_kind(const char *kind)
{
	static const char *const kinds[] = { "deadlock", "orphan", "inversion", "misuse", "*" };

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(kind, kinds[i]) == 0)
			return NULL;
	return "the kind must be deadlock, orphan, inversion, misuse or *";
}

static const char *check_pattern(const char *pattern)
{
	if (!*pattern)
		return "an empty pattern";
	if (strncmp(pattern, "fingerprint=", 12) == 0 &&
	    (strlen(pattern + 12) < 16 ||
	     pattern[12 + strspn(pattern + 12, "0123456789abcdefABCDEF")]))
		return "a fingerprint has 16 or more hexadecimal digits";
	if (strcmp(pattern, "lock=") == 0)
		return "lock= needs the name of a lock";
	return NULL;
}

static const char *split_patterns(struct rule *rule, char *list)
{
	const char *trouble;
	char *pattern;

	while ((pattern = strsep(&list, ","))) {
		pattern = trim(pattern);
		trouble = check_pattern(pattern);
		if (trouble)
			return trouble;
		rule->patterns = dlw_grow(rule->patterns, (rule->count + 1) * sizeof(char *));
		rule->patterns[rule->count++] = pattern;
	}
	return NULL;
}

/* "KIND:PATTERN,…", or a bare fingerprint=… or lock=… for every kind. */
static const char *parse_rule(struct rule *rule, const char *text)
{
	const char *trouble;
	char *colon;

	rule->text = dlw_copy(text);
	rule->kind = dlw_print("%s%s",
			       strncmp(text, "fingerprint=", 12) == 0 ||
			       strncmp(text, "lock=", 5) == 0 ? "*:" : "", text);
	colon = strchr(rule->kind, ':');
	if (!colon)
		return "KIND:PATTERN expected";
	*colon = '\0';
	trim(rule->kind);
	trouble = check_kind(rule->kind);
	if (trouble)
		return trouble;
	return split_patterns(rule, colon + 1);
}

static bool read_rules(struct dlw_suppressions *suppressions, FILE *in, const char *file)
{
	const char *trouble = NULL;
	char *line = NULL, *text;
	size_t room = 0;
	int number = 0;

	while (!trouble && getline(&line, &room, in) >= 0) {
		struct rule *rule;

		number++;
		cut_comment(line);
		text = trim(line);
		if (!*text)
			continue;
		suppressions->rules = dlw_grow(suppressions->rules,
					       (suppressions->count + 1) * sizeof(*rule));
		rule = &suppressions->rules[suppressions->count++];
		*rule = (struct rule){ .line = number };
		trouble = parse_rule(rule, text);
		if (trouble)
			fprintf(stderr, "dlwatch: %s:%d: '%s': %s\n", file, number, text, trouble);
	}
	free(line);
	return !trouble;
}

struct dlw_suppressions *dlw_suppressions_read(const char *file)
{
	struct dlw_suppressions *suppressions;
	FILE *in = fopen(file, "re");
	bool good;

	if (!in) {
		fprintf(stderr, "dlwatch: %s: cannot read suppressions: %s\n", file,
			strerror(errno));
		return NULL;
	}
	suppressions = dlw_allocate(sizeof(*suppressions));
	good = read_rules(suppressions, in, file);
	if (good && ferror(in)) {
		fprintf(stderr, "dlwatch: %s: cannot read suppressions: %s\n", file,
			strerror(errno));
		good = false;
	}
	fclose(in);
	if (good)
		return suppressions;
	dlw_suppressions_free(suppressions);
	return NULL;
}

void dlw_suppressions_free(struct dlw_suppressions *suppressions)
{
	if (!suppressions)
		return;
	for (size_t i = 0; i < suppressions->count; i++) {
		free(suppressions->rules[i].text);
		free(suppressions->rules[i].kind);
		free(suppressions->rules[i].patterns);
	}
	free(suppressions->rules);
	free(suppressions);
}

/* ---- matching ------------------------------------------------------------------------ */

static bool matches_site(const char *pattern, const json_t *thread)
{
	const json_t *site = dlw_thread_site(thread);
	char *token;
	bool same;

	if (!site)
		return false;
	if (fnmatch(pattern, dlw_text(site, "function"), 0) == 0)
		return true;
	token = dlw_frame_token(site);
	same = fnmatch(pattern, token, 0) == 0;
	free(token);
	return same;
}

static bool matches_lock(const char *pattern, const json_t *finding, const json_t *thread)
{
	const json_t *step = dlw_thread_deed(thread);
	const json_t *resource;

	if (!step)
		step = json_object_get(thread, "wants");
	if (!json_is_object(step))
		step = json_array_get(json_object_get(thread, "holds"), 0);
	resource = dlw_finding_resource(finding, dlw_text(step, "resource"));
	return resource && fnmatch(pattern, dlw_text(resource, "name"), 0) == 0;
}

static bool matches(const char *pattern, const json_t *finding, const json_t *thread)
{
	if (strncmp(pattern, "fingerprint=", 12) == 0)
		return strcasecmp(pattern + 12, dlw_text(finding, "fingerprint")) == 0;
	if (strncmp(pattern, "lock=", 5) == 0)
		return matches_lock(pattern + 5, finding, thread);
	return matches_site(pattern, thread);
}

static bool rule_matches(const struct rule *rule, const json_t *finding)
{
	json_t *thread;
	size_t i, j;

	if (strcmp(rule->kind, "*") != 0 && strcmp(rule->kind, dlw_text(finding, "kind")) != 0)
		return false;
	json_array_foreach(json_object_get(finding, "core"), i, thread) {
		if (i == dlw_finding_deciders(finding))
			break;
		for (j = 0; j < rule->count; j++)
			if (matches(rule->patterns[j], finding, thread))
				break;
		if (j == rule->count)
			return false;
	}
	return true;
}

bool dlw_suppressions_match(struct dlw_suppressions *suppressions, const json_t *finding)
{
	for (size_t i = 0; i < suppressions->count; i++) {
		if (rule_matches(&suppressions->rules[i], finding)) {
			suppressions->rules[i].used++;
			return true;
		}
	}
	return false;
}

void dlw_suppressions_each(const struct dlw_suppressions *suppressions,
			   void (*visit)(const char *rule, int line, size_t used, void *context),
			   void *context)
{
	for (size_t i = 0; i < suppressions->count; i++)
		visit(suppressions->rules[i].text, suppressions->rules[i].line,
		      suppressions->rules[i].used, context);
}
