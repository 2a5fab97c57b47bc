/*
 * analyzer/memory.h - memory for the tools, which end when there is none
 *
 * Never NULL: out of memory prints one line and exits with status 125, the one
 * that says that dlwatch itself has failed.
 */
#ifndef DLW_ANALYZER_MEMORY_H
#define DLW_ANALYZER_MEMORY_H

#include <stdarg.h>
#include <stddef.h>

void *dlw_allocate(size_t size); /* zeroed */
void *dlw_grow(void *block, size_t size);
char *dlw_copy(const char *text);
char *dlw_print(const char *format, ...) __attribute__((format(printf, 1, 2)));
void dlw_out_of_memory(void) __attribute__((noreturn));

#endif
