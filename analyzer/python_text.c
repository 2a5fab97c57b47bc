/*
 * analyzer/python_text.c - what an interpreter's threads were doing, read
 *
 * The text comes from a copy of a program that may have died over it, and names
 * in it may be anything: whatever is not understood is passed over.
 */
#include "analyzer/python_text.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/findings.h"
#include "analyzer/memory.h"

static const char schema[] = "{\"schema\":\"dlwatch-python/1\",";

bool dlw_python_is_line(const char *line, size_t length)
{
	return length >= sizeof(schema) - 1 && memcmp(line, schema, sizeof(schema) - 1) == 0;
}

/* ---- names ---------------------------------------------------------------------- */

/* Digits of the escape that begins behind a backslash at @text; 0: it is none. */
static size_t escape_digits(const char *text)
{
	size_t digits = *text == 'x' ? 2 : *text == 'u' ? 4 : *text == 'U' ? 8 : 0;

	return digits && strspn(text + 1, "0123456789abcdef") >= digits ? digits : 0;
}

static char *put_letter(char *to, unsigned long letter)
{
	if (letter < ' ' || (letter >= 0xd800 && letter < 0xe000) || letter > 0x10ffff)
		letter = 0xfffd;
	if (letter < 0x80) {
		*to++ = (char)letter;
	} else if (letter < 0x800) {
		*to++ = (char)(0xc0 | letter >> 6);
		*to++ = (char)(0x80 | (letter & 63));
	} else {
		if (letter < 0x10000) {
			*to++ = (char)(0xe0 | letter >> 12);
		} else {
			*to++ = (char)(0xf0 | letter >> 18);
			*to++ = (char)(0x80 | (letter >> 12 & 63));
		}
		*to++ = (char)(0x80 | (letter >> 6 & 63));
		*to++ = (char)(0x80 | (letter & 63));
	}
	return to;
}

/* In place: the dumper writes ASCII, and other letters as \xe9, \u20ac, \U0001f40d. */
static void unescape(char *text)
{
	char *to = text, digits[9];

	while (*text) {
		size_t count = *text == '\\' ? escape_digits(text + 1) : 0;

		if (!count) {
			*to++ = *text++;
			continue;
		}
		memcpy(digits, text + 2, count);
		digits[count] = '\0';
		to = put_letter(to, strtoul(digits, NULL, 16));
		text += 2 + count;
	}
	*to = '\0';
}

static json_t *text_or_null(const char *text)
{
	json_t *value = *text && strcmp(text, "???") != 0 ? json_string(text) : NULL;

	return value ? value : json_null();
}

/* ---- lines ------------------------------------------------------------------------ */

struct reading {
	json_t *by_id;   /* "0x…" -> thread */
	json_t *threads; /* tid -> the same */
	json_t *thread;  /* whose frames come now; borrowed */
	char *trouble;
	bool done;
};

static char *after(char *line, const char *start)
{
	size_t length = strlen(start);

	return strncmp(line, start, length) == 0 ? line + length : NULL;
}

/* Cuts the id off the rest of its line. */
static char *split_id(char *line, char **rest)
{
	size_t length = strcspn(line, " ");

	*rest = line + length + (line[length] == ' ');
	line[length] = '\0';
	return line;
}

/*   File "PATH", line N in FUNCTION; PATH and FUNCTION may contain anything else. */
static json_t *read_frame(char *line)
{
	char *path = after(line, "  File \""), *number = NULL, *at, *function;
	json_t *frame;
	long value;

	for (at = path; at && (at = strstr(at, "\", line ")); at++)
		number = at;
	if (!number)
		return NULL;
	*number = '\0';
	number += strlen("\", line ");
	value = strtol(number, &function, 10);
	function = after(function, " in ");
	if (!function)
		return NULL;
	unescape(path);
	unescape(function);
	frame = json_object();
	json_object_set_new(frame, "language", json_string("python"));
	json_object_set_new(frame, "function", text_or_null(function));
	json_object_set_new(frame, "file", text_or_null(path));
	json_object_set_new(frame, "line", value > 0 ? json_integer(value) : json_null());
	return frame;
}

static void read_thread(struct reading *reading, char *id)
{
	char *rest;

	reading->thread = json_object();
	json_object_set_new(reading->thread, "stack", json_array());
	json_object_set_new(reading->by_id, split_id(id, &rest), reading->thread);
}

static void read_line(struct reading *reading, char *line)
{
	char *value, *rest;
	json_t *frame;

	if ((value = after(line, "Thread ")) || (value = after(line, "Current thread "))) {
		read_thread(reading, value);
	} else if (reading->thread && (frame = read_frame(line))) {
		json_array_append_new(json_object_get(reading->thread, "stack"), frame);
	} else if (reading->thread && strcmp(line, "  ...") == 0) {
		json_object_set_new(reading->thread, "cut", json_true());
	} else if (strcmp(line, "...") == 0) {
		reading->trouble = "of its newest 100 threads only, that is all the interpreter tells";
	} else if ((value = after(line, "Task "))) {
		value = split_id(value, &rest);
		if (!json_object_get(reading->by_id, value)) /* of no traceback; perhaps it has a name */
			json_object_set_new(reading->by_id, value, json_object());
		json_object_set(reading->threads, rest, json_object_get(reading->by_id, value));
	} else if ((value = after(line, "Name "))) {
		frame = json_object_get(reading->by_id, split_id(value, &rest));
		if (frame && *rest)
			json_object_set_new(frame, "name", json_string(rest));
	} else if ((value = after(line, "Trouble "))) {
		reading->trouble = value;
	} else if (strcmp(line, "Done traceback") == 0) {
		reading->done = true;
	}
}

static json_t *read_text(char *text)
{
	struct reading reading = { .by_id = json_object(), .threads = json_object() };
	json_t *process = json_object();
	char *line, *next = text;

	while ((line = strsep(&next, "\n")))
		read_line(&reading, line);
	if (!reading.trouble && !reading.done)
		reading.trouble = "the interpreter did not come to an end with it";
	if (reading.trouble)
		json_object_set_new(process, "trouble", json_string(reading.trouble));
	json_object_set_new(process, "threads", reading.threads);
	json_decref(reading.by_id);
	return process;
}

bool dlw_python_read(json_t *processes, const char *line, size_t length)
{
	json_t *whole = json_loadb(line, length, JSON_REJECT_DUPLICATES, NULL);
	bool good = json_is_integer(json_object_get(whole, "pid")) &&
		    json_is_string(json_object_get(whole, "text"));
	char *pid, *text;

	if (good) {
		pid = dlw_print("%lld", (long long)dlw_number(whole, "pid"));
		text = dlw_copy(dlw_text(whole, "text"));
		json_object_set_new(processes, pid, read_text(text));
		free(text);
		free(pid);
	}
	json_decref(whole);
	return good;
}
