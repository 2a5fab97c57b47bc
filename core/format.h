/*
 * core/format.h - a small printf that only hands text on
 *
 * Understands %s %c %d %u %x with the lengths l, ll and z, and %%; no widths,
 * no floating point. It never allocates and never calls the C library, so it
 * can be used where stdio must not be.
 */
#ifndef DLW_CORE_FORMAT_H
#define DLW_CORE_FORMAT_H

#include <stdarg.h>
#include <stddef.h>

/** dlw_format() - call @put with the pieces of the formatted text, in order */
void dlw_format(void (*put)(void *context, const char *text, size_t length), void *context,
		const char *format, va_list arguments);

#endif
