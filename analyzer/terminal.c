/*
 * terminal.c - text for people: width, colour, wrapping, safe letters
 */
#include "analyzer/terminal.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "analyzer/memory.h"

enum { NARROWEST = 60, WIDEST = 120, USUAL = 100 };

static int find_width(FILE *out)
{
	const char *columns = getenv("COLUMNS");
	struct winsize size;
	int width = USUAL;

	if (columns && atoi(columns) > 0)
		width = atoi(columns);
	else if (ioctl(fileno(out), TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
		width = size.ws_col;
	if (width < NARROWEST)
		return NARROWEST;
	return width > WIDEST ? WIDEST : width;
}

/* As the C library would decide, but without changing this process's locale. */
static bool is_unicode(void)
{
	static const char *const variables[] = { "LC_ALL", "LC_CTYPE", "LANG" };
	const char *value;

	for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++) {
		value = getenv(variables[i]);
		if (value && *value)
			return strcasestr(value, "UTF-8") || strcasestr(value, "UTF8");
	}
	return false;
}

void dlw_terminal_init(struct dlw_terminal *terminal, FILE *out, const struct dlw_options *options)
{
	terminal->out = out;
	terminal->color = dlw_options_use_color(options, out);
	terminal->unicode = is_unicode();
	terminal->width = find_width(out);
}

static const char *const escapes[] = {
	[DLW_STYLE_PLAIN] = "",
	[DLW_STYLE_HEADLINE] = "\033[1;31m",
	[DLW_STYLE_TITLE] = "\033[1m",
	[DLW_STYLE_THREAD] = "\033[1;36m",
	[DLW_STYLE_LOCK] = "\033[33m",
	[DLW_STYLE_FAINT] = "\033[2m",
	[DLW_STYLE_HOLDS] = "\033[31m",
	[DLW_STYLE_BROKEN] = "\033[32m",
};

/* Control characters, and those that Unicode has above 0x7f (two bytes, c2 80…9f). */
static void put_safely(FILE *out, const char *text, size_t length)
{
	const unsigned char *letters = (const unsigned char *)text;

	for (size_t i = 0; i < length; i++) {
		if (letters[i] < 0x20 || letters[i] == 0x7f) {
			putc('?', out);
		} else if (letters[i] == 0xc2 && i + 1 < length && letters[i + 1] >= 0x80 &&
			   letters[i + 1] < 0xa0) {
			putc('?', out);
			i++;
		} else {
			putc(letters[i], out);
		}
	}
}

static bool is_colored(const struct dlw_terminal *terminal, enum dlw_style style)
{
	return terminal->color && style != DLW_STYLE_PLAIN;
}

static void begin_style(const struct dlw_terminal *terminal, enum dlw_style style)
{
	if (is_colored(terminal, style))
		fputs(escapes[style], terminal->out);
}

static void end_style(const struct dlw_terminal *terminal, enum dlw_style style)
{
	if (is_colored(terminal, style))
		fputs("\033[0m", terminal->out);
}

void dlw_put(const struct dlw_terminal *terminal, enum dlw_style style, const char *text)
{
	if (!*text)
		return;
	begin_style(terminal, style);
	put_safely(terminal->out, text, strlen(text));
	end_style(terminal, style);
}

void dlw_putf(const struct dlw_terminal *terminal, enum dlw_style style, const char *format, ...)
{
	va_list arguments;
	char *text;

	va_start(arguments, format);
	if (vasprintf(&text, format, arguments) < 0)
		dlw_out_of_memory();
	va_end(arguments);
	dlw_put(terminal, style, text);
	free(text);
}

void dlw_spaces(const struct dlw_terminal *terminal, int count)
{
	fprintf(terminal->out, "%*s", count > 0 ? count : 0, "");
}

static int columns_of(const char *text, size_t length)
{
	int columns = 0;

	for (size_t i = 0; i < length; i++)
		columns += ((unsigned char)text[i] & 0xc0) != 0x80;
	return columns;
}

int dlw_columns(const char *text)
{
	return columns_of(text, strlen(text));
}

void dlw_wrap(const struct dlw_terminal *terminal, enum dlw_style style, int column, int indent,
	      const char *text)
{
	bool first = true;
	size_t length;
	int size;

	begin_style(terminal, style);
	for (text += strspn(text, " "); *text; text += length, text += strspn(text, " ")) {
		length = strcspn(text, " ");
		size = columns_of(text, length);
		if (!first && column + 1 + size > terminal->width) {
			end_style(terminal, style);
			putc('\n', terminal->out);
			dlw_spaces(terminal, indent);
			begin_style(terminal, style);
			column = indent;
		} else if (!first) {
			putc(' ', terminal->out);
			column++;
		}
		put_safely(terminal->out, text, length);
		column += size;
		first = false;
	}
	end_style(terminal, style);
	putc('\n', terminal->out);
}
