/*
 * shim/options.c - one table of keys, one way to say what is wrong with a value
 */
#include "shim/options.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <time.h>

#include <dlwatch/session.h>

#include "core/misuse.h"
#include "core/watch/system.h"
#include "shim/say.h"

#include "shim/banned.h"

enum value_kind { WORD, NUMBER, SIZE, PATH, COLOR, MISUSES };

struct key {
	const char *name;
	enum value_kind kind;
	size_t offset;
	const char *words[6]; /* WORD: value n is the enum's n; NUMBER: hint */
	uint64_t low, high;
};

#define AT(field) offsetof(struct dlw_options, field)

/* Enumerations are stored as int, numbers as uint32_t, sizes as uint64_t. */
static const struct key keys[] = {
	{ "on_deadlock", WORD, AT(on_deadlock), { "report", "exit", "abort", "stop", "break" }, 0, 0 },
	{ "log_mode", WORD, AT(log_mode), { "full", "order", "ring", "off" }, 0, 0 },
	{ "stacks", WORD, AT(stacks), { "auto", "full", "off" }, 0, 0 },
	{ "predict", WORD, AT(predict), { "off", "on" }, 0, 1 },
	{ "log", PATH, AT(log), { NULL }, 0, 0 },
	{ "log_max", SIZE, AT(log_max), { NULL }, 65536, UINT64_MAX },
	{ "report", PATH, AT(report), { NULL }, 0, 0 },
	{ "json", PATH, AT(json), { NULL }, 0, 0 },
	{ "suppressions", PATH, AT(suppressions), { NULL }, 0, 0 },
	{ "check_ms", NUMBER, AT(check_ms), { NULL }, 1, 3600000 },
	{ "stall_ms", NUMBER, AT(stall_ms), { NULL }, 1, 86400000 },
	{ "verbose", NUMBER, AT(verbose), { NULL }, 0, 2 },
	{ "misuse", MISUSES, AT(misuse), { NULL }, 0, 0 },
	{ "color", COLOR, AT(color), { "auto", "always", "never" }, 0, 0 },
};

#define FILE_MAX 65536

static bool is_separator(char c)
{
	return c == ':' || c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/** parse_number() - decimal with an optional K, M or G; Return: false if it is not one */
static bool parse_number(const char *text, size_t length, bool suffix, uint64_t *number)
{
	uint64_t value = 0;
	size_t at;

	for (at = 0; at < length && text[at] >= '0' && text[at] <= '9'; at++)
		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(text[at] - '0'), &value))
			return false;
	if (at == 0)
		return false;
	if (suffix && at + 1 == length) {
		unsigned shift = (text[at] | 32) == 'k'	  ? 10
				 : (text[at] | 32) == 'm' ? 20
				 : (text[at] | 32) == 'g' ? 30
							  : 0;

		if (!shift || value > UINT64_MAX >> shift)
			return false;
		value <<= shift;
		at++;
	}
	*number = value;
	return at == length;
}

static int word_index(const struct key *key, const char *value, size_t length)
{
	int i;

	for (i = 0; i < 6 && key->words[i]; i++)
		if (strlen(key->words[i]) == length && !memcmp(key->words[i], value, length))
			return i;
	return -1;
}

/** store() - Return: NULL, or what is wrong with the value */
static const char *store(struct dlw_options *options, const struct key *key, const char *value,
			 size_t length)
{
	char *field = (char *)options + key->offset;
	uint64_t number;
	int index;

	switch (key->kind) {
	case WORD:
		index = word_index(key, value, length);
		if (index < 0)
			return "no such value";
		if (key->high)
			*(bool *)field = index;
		else
			memcpy(field, &index, sizeof(index));
		return NULL;
	case COLOR:
		if (word_index(key, value, length) < 0)
			return "no such value";
		memcpy(field, value, length);
		field[length] = '\0';
		return NULL;
	case NUMBER:
	case SIZE:
		if (!parse_number(value, length, key->kind == SIZE, &number))
			return "not a number";
		if (number < key->low || number > key->high)
			return "out of range";
		if (key->kind == SIZE)
			memcpy(field, &number, sizeof(number));
		else
			*(uint32_t *)field = (uint32_t)number;
		return NULL;
	case PATH:
		if (length >= DLW_OPTION_PATH_MAX)
			return "path too long";
		memcpy(field, value, length);
		field[length] = '\0';
		return NULL;
	case MISUSES:
		return dlw_misuse_parse(value, length, (uint32_t *)field) ? NULL
									   : "no such value";
	}
	return "no such value";
}

static void complain(const char *origin, const char *pair, size_t length, const char *what)
{
	char text[DLW_OPTION_PATH_MAX / 2];

	if (length >= sizeof(text))
		length = sizeof(text) - 1;
	memcpy(text, pair, length);
	text[length] = '\0';
	dlw_say("dlwatch: %s: %s: %s (ignored)\n", origin, text, what);
}

/** read_file() - Return: NULL, or what is wrong with it */
static const char *read_file(const char *name, char *text, size_t room)
{
	int fd = dlw_sys_open(name, O_RDONLY, 0);
	ssize_t got = fd < 0 ? fd : dlw_sys_read(fd, text, room - 1);

	if (fd >= 0)
		dlw_sys_close(fd);
	if (got < 0)
		return strerrordesc_np((int)-got);
	if ((size_t)got == room - 1)
		return "too long";
	text[got] = '\0';
	return NULL;
}

/** load_file() - the key `file`: more pairs, read from a file; Return: NULL, or what is wrong */
static const char *load_file(struct dlw_options *options, const char *path, size_t length)
{
	static char text[FILE_MAX];
	char name[DLW_OPTION_PATH_MAX];
	const char *wrong;

	if (length >= sizeof(name))
		return "path too long";
	memcpy(name, path, length);
	name[length] = '\0';
	wrong = read_file(name, text, sizeof(text));
	if (wrong)
		dlw_say("dlwatch: %s: cannot read options: %s (ignored)\n", name, wrong);
	else
		dlw_options_text(options, text, name, true);
	return NULL;
}

/** load_named_file() - but none that another one names: they could go in circles */
static const char *load_named_file(struct dlw_options *options, const char *path, size_t length,
				   const char *origin, bool paths_allowed)
{
	if (strcmp(origin, DLW_OPTIONS_ENV) != 0)
		return "not in such a file";
	return paths_allowed ? load_file(options, path, length) : NULL;
}

static void take_pair(struct dlw_options *options, const char *pair, size_t length,
		      const char *origin, bool paths_allowed)
{
	const char *equals = memchr(pair, '=', length);
	size_t name_length = equals ? (size_t)(equals - pair) : length;
	const char *wrong = "unknown option";
	size_t i;

	if (equals && name_length == 4 && !memcmp(pair, "file", 4))
		wrong = load_named_file(options, equals + 1, length - 5, origin, paths_allowed);
	for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		if (strlen(keys[i].name) != name_length || memcmp(keys[i].name, pair, name_length))
			continue;
		if (!equals)
			wrong = "has no value";
		else if (keys[i].kind == PATH && !paths_allowed)
			return;
		else
			wrong = store(options, &keys[i], equals + 1, length - name_length - 1);
		break;
	}
	if (wrong)
		complain(origin, pair, length, wrong);
}

void dlw_options_text(struct dlw_options *options, const char *text, const char *origin,
		      bool paths_allowed)
{
	while (*text) {
		size_t length = 0;

		while (is_separator(*text))
			text++;
		while (text[length] && !is_separator(text[length]))
			length++;
		if (length)
			take_pair(options, text, length, origin, paths_allowed);
		text += length;
	}
}

void dlw_options_parse(struct dlw_options *options)
{
	const char *text = getenv(DLW_OPTIONS_ENV);

	*options = (struct dlw_options){
		.parsed = true,
		.predict = true,
		.log_max = 1ull << 30,
		.check_ms = 50,
		.stall_ms = 1000,
		.misuse = DLW_MISUSE_DEFAULT,
		.color = "auto",
	};
	if (text)
		dlw_options_text(options, text, DLW_OPTIONS_ENV, !getauxval(AT_SECURE));
}

static bool append_text(char *path, unsigned long room, unsigned long *used, const char *text)
{
	size_t length = strlen(text);

	if (*used + length >= room)
		return false;
	memcpy(path + *used, text, length + 1);
	*used += length;
	return true;
}

static bool append_number(char *path, unsigned long room, unsigned long *used, uint64_t number)
{
	char digits[24];
	char *first = digits + sizeof(digits) - 1;

	*first = '\0';
	do {
		*--first = (char)('0' + number % 10);
		number /= 10;
	} while (number);
	return append_text(path, room, used, first);
}

bool dlw_expand_path(const char *pattern, char *path, unsigned long room)
{
	unsigned long used = 0;
	bool fits = true;

	path[0] = '\0';
	for (; *pattern && fits; pattern++) {
		char plain[2] = { *pattern, '\0' };

		if (*pattern != '%' || !strchr("pt%", pattern[1]) || !pattern[1]) {
			fits = append_text(path, room, &used, plain);
			continue;
		}
		pattern++;
		if (*pattern == 'p')
			fits = append_number(path, room, &used, (uint64_t)getpid());
		else if (*pattern == 't')
			fits = append_number(path, room, &used, (uint64_t)time(NULL));
		else
			fits = append_text(path, room, &used, "%");
	}
	return fits;
}
