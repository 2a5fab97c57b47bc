/*
 * analyzer/log_file.h - the blocks of one process's log, whole or damaged
 *
 *	struct dlw_log_file file;
 *
 *	if (dlw_log_file_open(&file, "app.4711.dlw") < 0)
 *		fprintf(stderr, "dlwatch: %s\n", file.error);
 *	for (i = 0; i < file.block_count; i++)
 *		... file.blocks[i].payload ...
 *	dlw_log_file_close(&file);
 *
 * Joins NAME.dlw with NAME.dlw.tail. A damaged block costs that block: what
 * comes before it is kept, and reading goes on at the next sound one. What was
 * lost is counted here, never passed over. Any bytes whatever may be opened;
 * memory and time are linear in their number.
 */
#ifndef DLW_ANALYZER_LOG_FILE_H
#define DLW_ANALYZER_LOG_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <dlwatch/log.h>

#include "analyzer/log_bytes.h"

/** A sound block; the payload lies in the mapped file or in the copy of the tail. */
struct dlw_log_block {
	const uint8_t *payload; /* aligned to nothing */
	uint32_t length;
	uint32_t thread, sequence;
	uint16_t type, flags;
	bool in_tail;
	uint64_t monotonic_ns, ticks;
};

/**
 * dlw_log_block_is_cut_off() - @block follows on the one before it in the array, but not
 * on its end: that one was still being written when it was copied, this one is later
 */
static inline bool dlw_log_block_is_cut_off(const struct dlw_log_block *block)
{
	return block->sequence && (block->flags & DLW_BLOCK_STATE) &&
	       !(block[-1].flags & DLW_BLOCK_SEALED);
}

/** Blocks of one thread (0: of the process) that are missing. */
struct dlw_log_gap {
	uint32_t thread;
	uint32_t before; /* sequence of the first block after the gap */
	uint32_t blocks;
};

struct dlw_log_file {
	char *path;
	char *error; /* one line "FILE: what: why" after a failed open; NULL otherwise */
	struct dlw_log_header header;
	struct dlw_log_block *blocks; /* by thread, then sequence */
	size_t block_count, block_room;

	struct dlw_log_gap *gaps; /* by thread, then sequence */
	size_t gap_count, gap_room;
	uint64_t damaged_places; /* runs of bytes that are no sound block */
	uint64_t damaged_bytes;
	uint64_t first_damage;   /* its offset, where there is any */
	uint64_t unsearched_bytes; /* behind damage, where the search for a sound block was given up */
	uint64_t cut_bytes;      /* at the end: a block that is not all there */
	uint64_t repeated_blocks; /* (thread, sequence) came twice in the log itself */
	uint64_t damaged_slots;  /* of the tail */
	uint64_t unknown_blocks; /* of types of a later version */
	uint64_t overwritten_blocks; /* of a flight recorder: before those of their threads that are here */
	bool tail_foreign;       /* there is a tail, but of another process or version */
	bool tail_read;
	uint64_t copied_at; /* ticks: the process ran on when this copy was made; 0: it is none */

	/* line through the known pairs of both clocks */
	double ns_per_tick;

	const uint8_t *bytes, *tail;
	size_t size, tail_size;
	struct dlw_bytes log_file, packed_tail; /* where these are from, if not from memory */
	uint8_t *tail_copy;
};

/**
 * dlw_log_file_open() - read @path and, where it exists, its tail
 *
 * NAME.dlw and NAME.dlw.zst have the tail NAME.dlw.tail or NAME.dlw.tail.zst.
 *
 * Return: 0, or -1 with @file->error set: no log, of a foreign version,
 *         missing, empty, its header cut short. Close it in either case.
 */
int dlw_log_file_open(struct dlw_log_file *file, const char *path);

/**
 * dlw_log_file_open_memory() - the same from bytes in memory, which must stay
 *
 * @tail may be NULL. @path is for messages.
 */
int dlw_log_file_open_memory(struct dlw_log_file *file, const char *path, const void *bytes,
			     size_t size, const void *tail, size_t tail_size);

void dlw_log_file_close(struct dlw_log_file *file);

/** dlw_log_file_time() - @ticks as CLOCK_MONOTONIC nanoseconds of the watched machine */
uint64_t dlw_log_file_time(const struct dlw_log_file *file, uint64_t ticks);

/** dlw_log_file_is_whole() - whether nothing is known to be missing */
bool dlw_log_file_is_whole(const struct dlw_log_file *file);

#endif
