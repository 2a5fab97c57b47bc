/*
 * shim/say.c - a printf for the few lines the shim itself has to say
 */
#include "shim/say.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "core/watch/system.h"

#include "shim/banned.h"

struct line {
	char text[4096];
	size_t used;
};

static void add(struct line *line, const char *text, size_t length)
{
	size_t room = sizeof(line->text) - line->used;

	if (length > room)
		length = room;
	memcpy(line->text + line->used, text, length);
	line->used += length;
}

static void add_number(struct line *line, uint64_t number, unsigned base)
{
	char digits[24];
	size_t at = sizeof(digits);

	do {
		digits[--at] = "0123456789abcdef"[number % base];
		number /= base;
	} while (number);
	add(line, digits + at, sizeof(digits) - at);
}

static void add_signed(struct line *line, int number)
{
	if (number < 0)
		add(line, "-", 1);
	add_number(line, number < 0 ? -(uint64_t)number : (uint64_t)number, 10);
}

void dlw_say(const char *format, ...)
{
	struct line line = { .used = 0 };
	const char *text;
	int length;
	va_list list;

	va_start(list, format);
	for (; *format; format++) {
		if (*format != '%') {
			add(&line, format, 1);
			continue;
		}
		switch (*++format) {
		case 's':
			text = va_arg(list, const char *);
			add(&line, text, strlen(text));
			break;
		case 'd':
			add_signed(&line, va_arg(list, int));
			break;
		case 'u':
			add_number(&line, va_arg(list, unsigned), 10);
			break;
		case 'x':
			add_number(&line, va_arg(list, unsigned), 16);
			break;
		case 'l':
			format++;
			add_number(&line, va_arg(list, unsigned long), 10);
			break;
		case '.':
			format += 2;
			length = va_arg(list, int);
			text = va_arg(list, const char *);
			add(&line, text, (size_t)length);
			break;
		default:
			add(&line, format, 1);
		}
	}
	va_end(list);
	dlw_sys_write(STDERR_FILENO, line.text, line.used);
}
