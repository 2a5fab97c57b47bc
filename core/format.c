/*
 * core/format.c - a small printf that only hands text on
 */
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "core/format.h"

struct sink {
	void (*put)(void *context, const char *text, size_t length);
	void *context;
};

static void put_unsigned(const struct sink *sink, uint64_t number, unsigned base)
{
	char digits[24];
	size_t at = sizeof(digits);

	do {
		digits[--at] = "0123456789abcdef"[number % base];
		number /= base;
	} while (number);
	sink->put(sink->context, digits + at, sizeof(digits) - at);
}

static void put_signed(const struct sink *sink, int64_t number)
{
	if (number < 0) {
		sink->put(sink->context, "-", 1);
		put_unsigned(sink, 0 - (uint64_t)number, 10);
	} else {
		put_unsigned(sink, (uint64_t)number, 10);
	}
}

static uint64_t take_unsigned(va_list *arguments, bool wide)
{
	return wide ? va_arg(*arguments, unsigned long long) : va_arg(*arguments, unsigned);
}

static int64_t take_signed(va_list *arguments, bool wide)
{
	return wide ? va_arg(*arguments, long long) : va_arg(*arguments, int);
}

/* long, long long and size_t are all 64 bits wide here. */
_Static_assert(sizeof(long) == 8 && sizeof(size_t) == 8, "lengths l and z are taken as ll");

static void put_argument(const struct sink *sink, char conversion, bool wide, va_list *arguments)
{
	const char *text;
	char letter;

	switch (conversion) {
	case 's':
		text = va_arg(*arguments, const char *);
		text = text ? text : "(null)";
		sink->put(sink->context, text, strlen(text));
		break;
	case 'c':
		letter = (char)va_arg(*arguments, int);
		sink->put(sink->context, &letter, 1);
		break;
	case 'd':
		put_signed(sink, take_signed(arguments, wide));
		break;
	case 'u':
		put_unsigned(sink, take_unsigned(arguments, wide), 10);
		break;
	case 'x':
		put_unsigned(sink, take_unsigned(arguments, wide), 16);
		break;
	default:
		sink->put(sink->context, &conversion, 1);
		break;
	}
}

void dlw_format(void (*put)(void *context, const char *text, size_t length), void *context,
		const char *format, va_list arguments)
{
	struct sink sink = { put, context };
	va_list left;

	va_copy(left, arguments);
	while (*format) {
		const char *percent = strchr(format, '%');
		size_t plain = percent ? (size_t)(percent - format) : strlen(format);
		bool wide = false;

		if (plain)
			put(context, format, plain);
		format += plain;
		if (!*format)
			break;
		for (format++; *format == 'l' || *format == 'z'; format++)
			wide = true;
		if (!*format)
			break;
		put_argument(&sink, *format++, wide, &left);
	}
	va_end(left);
}
