/*
 * analyzer/unpack.h - what was compressed with zstd, as far as it is sound
 *
 *	if (dlw_is_packed(bytes, size))
 *		dlw_unpack(bytes, size, append, &text, &loss);
 *
 * Damage costs what lies between it and the next frame: what comes before it
 * has been handed over by then, block by block. Any bytes whatever may be
 * unpacked, in time linear in their number and that of what comes out.
 */
#ifndef DLW_ANALYZER_UNPACK_H
#define DLW_ANALYZER_UNPACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** What could not be unpacked. */
struct dlw_unpack_loss {
	uint64_t bytes; /* compressed ones */
	uint64_t first; /* offset of the first, where there is any */
	bool cut;       /* the end is missing */
};

static inline bool dlw_unpack_lost(const struct dlw_unpack_loss *loss)
{
	return loss->bytes || loss->cut;
}

#define DLW_PACKED_SUFFIX ".zst"

/** Takes the next bytes; false: it can take no more. */
typedef bool (*dlw_unpack_take)(void *context, const void *bytes, size_t size);

/** dlw_is_packed() - whether these are the first bytes of a zstd file */
bool dlw_is_packed(const uint8_t *bytes, size_t size);

/**
 * dlw_unpack() - hand all that can be had to @take, in order
 *
 * Return: false if @take refused; @loss is set all the same.
 */
bool dlw_unpack(const uint8_t *packed, size_t size, dlw_unpack_take take, void *context,
		struct dlw_unpack_loss *loss);

#endif
