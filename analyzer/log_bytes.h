/*
 * analyzer/log_bytes.h - the bytes of a file, compressed or not
 *
 *	struct dlw_bytes bytes;
 *
 *	if (dlw_bytes_open(&bytes, path))
 *		... bytes.at, bytes.size ...
 *	dlw_bytes_close(&bytes);
 *
 * Whether a file is compressed is told by how it begins, not by its name.
 */
#ifndef DLW_ANALYZER_LOG_BYTES_H
#define DLW_ANALYZER_LOG_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "analyzer/unpack.h"

struct dlw_bytes {
	const uint8_t *at;
	size_t size;
	bool mapped;
	bool packed;
	struct dlw_unpack_loss loss;
	const char *what, *why; /* after a failed open: "cannot open", "no such file …" */
};

/**
 * dlw_bytes_open() - map a file; a compressed one is unpacked to one that has no name
 *
 * It lies in $TMPDIR or /tmp, or in memory where there is no such place. What
 * the disk has no room for counts as lost.
 *
 * Return: false with .what and .why set. Close it in either case.
 */
bool dlw_bytes_open(struct dlw_bytes *bytes, const char *path);

void dlw_bytes_close(struct dlw_bytes *bytes);

/** dlw_write_all() - false: errno says why not all of it */
bool dlw_write_all(int fd, const void *bytes, size_t size);

#endif
