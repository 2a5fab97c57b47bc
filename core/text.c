/*
 * core/text.c - a text that grows in an arena
 *
 * It doubles its room when full and leaves the old room behind: the arena gives
 * everything back at once anyway.
 */
#include <stdarg.h>
#include <string.h>

#include "core/format.h"
#include "core/text.h"

static bool make_room(struct dlw_text *text, size_t length)
{
	size_t room = text->room ? text->room : 64;
	char *start;

	while (room - text->length <= length)
		room *= 2;
	if (room == text->room)
		return true;
	start = dlw_arena_take(text->arena, room);
	if (!start) {
		text->failed = true;
		return false;
	}
	if (text->length)
		memcpy(start, text->start, text->length);
	text->start = start;
	text->room = room;
	return true;
}

void dlw_text_put(struct dlw_text *text, const char *bytes, size_t length)
{
	if (text->failed || !make_room(text, length))
		return;
	memcpy(text->start + text->length, bytes, length);
	text->length += length;
}

static void put(void *context, const char *bytes, size_t length)
{
	dlw_text_put(context, bytes, length);
}

void dlw_text_add(struct dlw_text *text, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	dlw_format(put, text, format, arguments);
	va_end(arguments);
}

const char *dlw_text_end(struct dlw_text *text)
{
	dlw_text_put(text, "", 1);
	if (text->failed)
		return NULL;
	text->length--;
	return text->start;
}
