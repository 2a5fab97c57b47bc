/*
 * analyzer/terminal.h - text for people: width, colour, wrapping, safe letters
 *
 * What is printed comes from watched programs: a thread's name may hold escape
 * sequences. All functions here replace control characters by '?'.
 */
#ifndef DLW_ANALYZER_TERMINAL_H
#define DLW_ANALYZER_TERMINAL_H

#include <stdbool.h>
#include <stdio.h>

#include "analyzer/options.h"

enum dlw_style {
	DLW_STYLE_PLAIN,
	DLW_STYLE_HEADLINE,
	DLW_STYLE_TITLE,  /* of a section */
	DLW_STYLE_THREAD,
	DLW_STYLE_LOCK,
	DLW_STYLE_FAINT,
	DLW_STYLE_HOLDS,  /* a condition that holds */
	DLW_STYLE_BROKEN, /* one that does not */
};

struct dlw_terminal {
	FILE *out;
	bool color;
	bool unicode; /* lines and arrows may be drawn */
	int width;    /* columns */
};

/** dlw_terminal_init() - looks at @out and the environment (COLUMNS, LANG, NO_COLOR) */
void dlw_terminal_init(struct dlw_terminal *terminal, FILE *out, const struct dlw_options *options);

/** dlw_put() - text in a style, no line end */
void dlw_put(const struct dlw_terminal *terminal, enum dlw_style style, const char *text);

void dlw_putf(const struct dlw_terminal *terminal, enum dlw_style style, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/** dlw_spaces() - @count blanks */
void dlw_spaces(const struct dlw_terminal *terminal, int count);

/**
 * dlw_wrap() - a paragraph, broken between words, ending with a line end
 *
 * @column: where the cursor is now; @indent: where further lines begin.
 */
void dlw_wrap(const struct dlw_terminal *terminal, enum dlw_style style, int column, int indent,
	      const char *text);

/** dlw_columns() - how many columns UTF-8 @text takes, as far as that is one for each letter */
int dlw_columns(const char *text);

#endif
