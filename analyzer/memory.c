/*
 * memory.c - memory for the tools, which end when there is none
 */
#include "analyzer/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void dlw_out_of_memory(void)
{
	fputs("dlwatch: out of memory\n", stderr);
	exit(125);
}

void *dlw_allocate(size_t size)
{
	void *block = calloc(1, size ? size : 1);

	if (!block)
		dlw_out_of_memory();
	return block;
}

void *dlw_grow(void *block, size_t size)
{
	block = realloc(block, size ? size : 1);
	if (!block)
		dlw_out_of_memory();
	return block;
}

char *dlw_copy(const char *text)
{
	char *copy = strdup(text);

	if (!copy)
		dlw_out_of_memory();
	return copy;
}

char *dlw_print(const char *format, ...)
{
	va_list arguments;
	char *text;
	int length;

	va_start(arguments, format);
	length = vasprintf(&text, format, arguments);
	va_end(arguments);
	if (length < 0)
		dlw_out_of_memory();
	return text;
}
