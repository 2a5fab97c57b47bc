/*
 * analyzer/unpack.c - what was compressed with zstd, as far as it is sound
 *
 * The decoder gets just the bytes that it asks for next, at most one block of
 * a frame: what it decoded before it came upon damage is then out already.
 * After damage the search is for the magic number of a frame; a number that
 * only looks like one costs the decoding of what follows, so that all attempts
 * together may read no more than a few times the file.
 */
#include "analyzer/unpack.h"

#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "analyzer/memory.h"

/* Attempts after damage may decode so many times the file's size. */
#define SEARCH_FACTOR 16

struct unpacking {
	ZSTD_DCtx *decoder;
	const uint8_t *packed;
	size_t size;
	dlw_unpack_take take;
	void *context;
	uint8_t *out; /* a block has room */
	size_t out_size;
	uint64_t budget; /* compressed bytes that may still be read */
	bool refused;
};

bool dlw_is_packed(const uint8_t *bytes, size_t size)
{
	uint32_t magic;

	if (size < sizeof(magic))
		return false;
	memcpy(&magic, bytes, sizeof(magic));
	return magic == ZSTD_MAGICNUMBER ||
	       (magic & ZSTD_MAGIC_SKIPPABLE_MASK) == ZSTD_MAGIC_SKIPPABLE_START;
}

/** hand_over() - false: the taker refused */
static bool hand_over(struct unpacking *unpacking, size_t size)
{
	if (size && !unpacking->take(unpacking->context, unpacking->out, size))
		unpacking->refused = true;
	return !unpacking->refused;
}

/**
 * unpack_frame() - the one at @*at, which is moved on behind what was sound
 * Return: it came to its end; false: damaged, cut short or refused
 */
static bool unpack_frame(struct unpacking *unpacking, size_t *at, bool *cut)
{
	size_t wanted = ZSTD_initDStream(unpacking->decoder), from = *at, asked, left;

	while (wanted) {
		ZSTD_outBuffer out = { unpacking->out, unpacking->out_size, 0 };
		ZSTD_inBuffer in = { unpacking->packed + from, wanted, 0 };

		asked = wanted;
		left = unpacking->size - from;
		*cut = asked > left;
		in.size = *cut ? left : asked;
		wanted = ZSTD_decompressStream(unpacking->decoder, &out, &in);
		if (ZSTD_isError(wanted) || !hand_over(unpacking, out.pos) ||
		    (*cut && !in.pos && !out.pos))
			return false;
		from += in.pos;
		if (!*cut)
			*at = from;
	}
	*at = from;
	return true;
}

/** next_frame() - offset of what looks like one, or the size */
static size_t next_frame(const struct unpacking *unpacking, size_t from)
{
	while (from < unpacking->size &&
	       !dlw_is_packed(unpacking->packed + from, unpacking->size - from))
		from++;
	return from < unpacking->size ? from : unpacking->size;
}

static void note_loss(struct dlw_unpack_loss *loss, size_t from, size_t to)
{
	if (!loss->bytes)
		loss->first = from;
	loss->bytes += to - from;
}

static void unpack_all(struct unpacking *unpacking, struct dlw_unpack_loss *loss)
{
	size_t at = 0, begun, next;
	bool cut;

	while (at < unpacking->size) {
		begun = at;
		if (unpack_frame(unpacking, &at, &cut))
			continue;
		next = next_frame(unpacking, at > begun ? at : at + 1);
		if (unpacking->refused || unpacking->budget < unpacking->size - begun)
			next = unpacking->size;
		unpacking->budget -= unpacking->size - begun;
		loss->cut = cut && next == unpacking->size;
		note_loss(loss, at, next);
		at = next;
	}
}

bool dlw_unpack(const uint8_t *packed, size_t size, dlw_unpack_take take, void *context,
		struct dlw_unpack_loss *loss)
{
	struct unpacking unpacking = {
		.decoder = ZSTD_createDCtx(),
		.packed = packed,
		.size = size,
		.take = take,
		.context = context,
		.out_size = ZSTD_DStreamOutSize(),
		.budget = (uint64_t)size * SEARCH_FACTOR,
	};

	if (!unpacking.decoder)
		dlw_out_of_memory();
	unpacking.out = dlw_allocate(unpacking.out_size);
	*loss = (struct dlw_unpack_loss){ 0 };
	unpack_all(&unpacking, loss);
	free(unpacking.out);
	ZSTD_freeDCtx(unpacking.decoder);
	return !unpacking.refused;
}
