/*
 * packed_log.c - fuzz target: any file as a compressed log
 *
 * The mutator starts from logs that were compressed in several frames. What
 * comes out, however damaged, is read like any log.
 */
#include <zstd.h>

#include "analyzer/unpack.h"
#include "tests/fuzz/target.h"
#include "tests/unit/log_exercise.h"
#include "tests/unit/log_samples.h"

#define LOG_MAX (1u << 18) /* of what is unpacked */

static struct log_exercise result;
static struct {
	uint8_t bytes[LOG_MAX];
	size_t size;
} unpacked;

static bool append(void *unused, const void *bytes, size_t size)
{
	(void)unused;
	if (size > LOG_MAX - unpacked.size)
		return false;
	memcpy(unpacked.bytes + unpacked.size, bytes, size);
	unpacked.size += size;
	return true;
}

/** sample() - a log in frames of some size; Return: bytes, 0: no room */
static size_t sample(uint8_t *data, size_t max_size, unsigned seed)
{
	struct log_writer *w = log_sample();
	size_t piece = 64 + seed % 4096, at, used = 0, made = 0;

	for (at = 0; at < w->log_size && !ZSTD_isError(made); at += piece) {
		size_t size = w->log_size - at < piece ? w->log_size - at : piece;

		made = ZSTD_compress(data + used, max_size - used, w->log + at, size, 1);
		used += ZSTD_isError(made) ? 0 : made;
	}
	log_writer_free(w);
	return used;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
	if (size < 8 || seed % 64 == 0) {
		size_t made = sample(data, max_size, seed >> 6);

		if (made)
			return made;
	}
	return LLVMFuzzerMutate(data, size, max_size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dlw_unpack_loss loss;
	uint8_t *exact;

	unpacked.size = 0;
	dlw_unpack(data, size, append, NULL, &loss);
	LOG_EXERCISE_CHECK(loss.bytes <= size && loss.first <= size);
	exact = malloc(unpacked.size ? unpacked.size : 1);
	memcpy(exact, unpacked.bytes, unpacked.size);
	log_exercise(&result, exact, unpacked.size, NULL, 0);
	free(exact);
	return 0;
}

bool fuzz_was_taken(void)
{
	return result.opened;
}
