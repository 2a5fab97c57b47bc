/*
 * log_reader.c - fuzz target: any two files as a log and its tail
 *
 * Input: four bytes, little-endian, the size of the log, then the log, then
 * the tail. The mutator starts from logs written by hand and puts checksums
 * right most of the time; without that hardly an input would get past them.
 *
 *	make fuzz
 *	clang -fsanitize=fuzzer,address,undefined …	or afl-clang-fast -fsanitize=fuzzer …
 */
#include "tests/fuzz/target.h"
#include "tests/unit/log_exercise.h"
#include "tests/unit/log_repair.h"
#include "tests/unit/log_samples.h"

static struct log_exercise result;

static size_t sample(uint8_t *data, size_t max_size, unsigned seed)
{
	struct log_writer *w = log_writer_new(4711);
	uint32_t log_size;
	size_t total;

	log_sample_definitions(w);
	if (seed & 2)
		log_flush_stream(w, &w->definitions);
	if (seed & 4)
		log_sample_life(w);
	if (seed & 8)
		log_flush(w, 1);
	if (seed & 256)
		log_sample_recorder(w);
	if (seed & 512)
		log_sample_lives(w);
	if (seed & 16)
		log_sample_deadlock(w);
	if (seed & 32)
		log_look(w, 1, seed & 64 ? "" : "a timer is armed");
	if (seed & 128)
		log_writer_kill(w);
	else
		log_writer_close(w);
	log_size = (uint32_t)w->log_size;
	/* the tail's slots are mostly empty: as much of it as there is room for */
	total = sizeof(log_size) + log_size;
	if (total > max_size) {
		log_writer_free(w);
		return 0;
	}
	memcpy(data, &log_size, sizeof(log_size));
	memcpy(data + sizeof(log_size), w->log, w->log_size);
	if (w->tail) {
		size_t rest = w->tail_size < max_size - total ? w->tail_size : max_size - total;

		memcpy(data + total, w->tail, rest);
		total += rest;
	}
	log_writer_free(w);
	return total;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
	uint32_t log_size;

	if (size < sizeof(log_size) || seed % 64 == 0) {
		size_t made = sample(data, max_size, seed >> 6);

		if (made)
			return made;
	}
	size = LLVMFuzzerMutate(data, size, max_size);
	if (size < sizeof(log_size) || seed % 8 == 1)
		return size;
	memcpy(&log_size, data, sizeof(log_size));
	if (log_size > size - sizeof(log_size)) {
		log_size = (uint32_t)(size - sizeof(log_size));
		memcpy(data, &log_size, sizeof(log_size));
	}
	log_repair(data + sizeof(log_size), log_size);
	return size;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint32_t log_size;

	if (size < sizeof(log_size))
		return 0;
	memcpy(&log_size, data, sizeof(log_size));
	data += sizeof(log_size);
	size -= sizeof(log_size);
	if (log_size > size)
		log_size = (uint32_t)size;
	log_exercise(&result, data, log_size, data + log_size, size - log_size);
	return 0;
}

bool fuzz_was_taken(void)
{
	return result.opened;
}
