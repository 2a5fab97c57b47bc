/*
 * shim/intern.h - texts that many objects share, kept once in the segment
 */
#ifndef DLW_SHIM_INTERN_H
#define DLW_SHIM_INTERN_H

#include <stdint.h>

/**
 * dlw_intern() - the offset of @text in the segment, where it stays; 0: no memory, or ""
 *
 * Past 255 bytes it is cut. Context: takes the table's lock; not for handlers.
 */
uint32_t dlw_intern(const char *text);

#endif
