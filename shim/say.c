/*
 * shim/say.c - the few lines the shim itself has to say
 */
#include "shim/say.h"

#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include "core/format.h"
#include "core/watch/system.h"

#include "shim/banned.h"

struct line {
	char text[4096];
	size_t used;
};

static void add(void *context, const char *text, size_t length)
{
	struct line *line = context;
	size_t room = sizeof(line->text) - line->used;

	if (length > room)
		length = room;
	memcpy(line->text + line->used, text, length);
	line->used += length;
}

void dlw_say(const char *format, ...)
{
	struct line line = { .used = 0 };
	va_list list;

	va_start(list, format);
	dlw_format(add, &line, format, list);
	va_end(list);
	dlw_sys_write(STDERR_FILENO, line.text, line.used);
}
