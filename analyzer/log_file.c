/*
 * log_file.c - the blocks of one process's log, whole or damaged
 *
 * The tail is copied before the size of the log is taken: while the process
 * still runs, a block may move from the tail to the log in between, and then
 * it is seen in both places (the tail's is ignored) instead of in neither.
 */
#include "analyzer/log_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "analyzer/log_memory.h"

/* A payload larger than this is taken for damage; writers fill slots of 8 KB. */
#define PAYLOAD_MAX (1u << 20)
/* Looking for the next sound block may checksum this many times the file's size. */
#define SEARCH_FACTOR 16

static int fail(struct dlw_log_file *file, const char *what, const char *why)
{
	free(file->error);
	file->error = dlw_print("%s: %s: %s", file->path, what, why);
	return -1;
}

/* ------------------------------------------------------------------ header */

static int check_header(struct dlw_log_file *file)
{
	struct dlw_log_header *header = &file->header;

	if (!file->size)
		return fail(file, "no log", "the file is empty");
	if (memcmp(file->bytes, DLW_LOG_MAGIC,
		   file->size < sizeof(header->magic) ? file->size : sizeof(header->magic)))
		return fail(file, "no log", "it does not begin like one");
	if (file->size < sizeof(*header))
		return fail(file, "header", "cut short");
	memcpy(header, file->bytes, sizeof(*header));
	if (header->byte_order == __builtin_bswap32(DLW_LOG_BYTE_ORDER))
		return fail(file, "header", "written on a machine of the other byte order");
	if (header->byte_order != DLW_LOG_BYTE_ORDER)
		return fail(file, "header", "damaged: no such byte order");
	if (header->major < DLW_LOG_MAJOR_READ || header->major > DLW_LOG_MAJOR) {
		char *why = dlw_print("%u.%u, this dlwatch reads %u to %u", header->major,
				      header->minor, DLW_LOG_MAJOR_READ, DLW_LOG_MAJOR);

		fail(file, "foreign version", why);
		free(why);
		return -1;
	}
	if (header->header_size < sizeof(*header))
		return fail(file, "header", "damaged: smaller than a header can be");
	if (header->header_size > file->size)
		return fail(file, "header", "cut short");
	return 0;
}

/* ------------------------------------------------------------------ blocks */

/** block_at() - whether a whole block header with a possible length is at @bytes */
static bool block_at(const uint8_t *bytes, size_t left, struct dlw_block *block)
{
	if (left < sizeof(*block))
		return false;
	memcpy(block, bytes, sizeof(*block));
	return block->magic == DLW_BLOCK_MAGIC && block->length % 4 == 0 &&
	       block->length <= PAYLOAD_MAX;
}

static void keep_block(struct dlw_log_file *file, const struct dlw_block *block,
		       const uint8_t *payload, bool in_tail)
{
	if (block->type != DLW_BLOCK_DEFINITIONS && block->type != DLW_BLOCK_EVENTS) {
		/* still part of its thread's sequence, or it would look like a loss */
		file->unknown_blocks++;
	}
	dlw_reserve(file->blocks, file->block_count, file->block_room);
	file->blocks[file->block_count++] = (struct dlw_log_block){
		.payload = payload,
		.length = block->length,
		.thread = block->thread,
		.sequence = block->sequence,
		.type = block->type,
		.flags = block->flags,
		.in_tail = in_tail,
		.monotonic_ns = block->monotonic_ns,
		.ticks = block->ticks,
	};
}

/**
 * next_sound_block() - offset of the next block that proves itself, or the size
 * @budget: bytes that may still be checksummed; 0 afterwards: search given up
 */
static size_t next_sound_block(const struct dlw_log_file *file, size_t from, uint64_t *budget)
{
	static const uint32_t magic = DLW_BLOCK_MAGIC;
	struct dlw_block block;

	while (from < file->size) {
		const uint8_t *hit =
			memmem(file->bytes + from, file->size - from, &magic, sizeof(magic));
		size_t at;

		if (!hit)
			return file->size;
		at = (size_t)(hit - file->bytes);
		if (block_at(hit, file->size - at, &block) &&
		    block.length <= file->size - at - sizeof(block)) {
			if (*budget < block.length) {
				*budget = 0;
				return at;
			}
			*budget -= block.length;
			if (dlw_block_checksum(&block, hit + sizeof(block)) == block.checksum)
				return at;
		}
		from = at + 1;
	}
	return file->size;
}

static void note_damage(struct dlw_log_file *file, size_t from, size_t to)
{
	if (!file->damaged_places++)
		file->first_damage = from;
	file->damaged_bytes += to - from;
}

static void scan_log(struct dlw_log_file *file)
{
	uint64_t budget = (uint64_t)file->size * SEARCH_FACTOR;
	size_t at = file->header.header_size;
	struct dlw_block block;

	while (at < file->size) {
		size_t left = file->size - at, next;

		if (block_at(file->bytes + at, left, &block) &&
		    block.length <= left - sizeof(block) &&
		    dlw_block_checksum(&block, file->bytes + at + sizeof(block)) ==
			    block.checksum) {
			keep_block(file, &block, file->bytes + at + sizeof(block), false);
			at += sizeof(block) + block.length;
			continue;
		}
		next = next_sound_block(file, at + 1, &budget);
		if (!budget) {
			note_damage(file, at, file->size);
			file->unsearched_bytes += file->size - next;
			return;
		}
		if (next == file->size && (left < sizeof(block) ||
					   (block_at(file->bytes + at, left, &block) &&
					    block.length > left - sizeof(block))))
			file->cut_bytes = left;
		else
			note_damage(file, at, next);
		at = next;
	}
}

/* -------------------------------------------------------------------- tail */

static void scan_tail(struct dlw_log_file *file)
{
	static const char not_begun[sizeof(((struct dlw_tail_header *)0)->magic)];
	struct dlw_tail_header header;
	struct dlw_block block;
	size_t at, slot;

	if (!file->tail_size)
		return;
	if (file->tail_size < sizeof(header)) {
		file->damaged_slots++;
		return;
	}
	memcpy(&header, file->tail, sizeof(header));
	if (!memcmp(header.magic, not_begun, sizeof(header.magic))) {
		file->tail_read = true;
		return;
	}
	if (memcmp(header.magic, DLW_TAIL_MAGIC, sizeof(header.magic)) ||
	    header.pid != file->header.pid ||
	    header.process_start != file->header.process_start ||
	    header.slot_size <= sizeof(block)) {
		file->tail_foreign = true;
		return;
	}
	file->tail_read = true;
	file->copied_at = header.copied_at;
	for (slot = 1; slot < header.slot_count; slot++) {
		at = slot * header.slot_size;
		if (at >= file->tail_size || file->tail_size - at < sizeof(block))
			return; /* slots are claimed before they are ever written */
		memcpy(&block, file->tail + at, sizeof(block));
		if (!block.magic && !block.length)
			continue; /* never used, or its thread was killed while it began to be */
		if (block.magic == DLW_BLOCK_MAGIC &&
		    (block.type == DLW_BLOCK_NONE || !block.length))
			continue; /* the rest of its header may be of the block before */
		if (!block_at(file->tail + at, file->tail_size - at, &block) ||
		    block.length > header.slot_size - sizeof(block) ||
		    block.length > file->tail_size - at - sizeof(block)) {
			file->damaged_slots++;
			continue;
		}
		if ((block.flags & DLW_BLOCK_SEALED) &&
		    block.checksum != dlw_block_checksum(&block, file->tail + at + sizeof(block))) {
			file->damaged_slots++;
			continue;
		}
		keep_block(file, &block, file->tail + at + sizeof(block), true);
	}
}

/* ---------------------------------------------------------- order and gaps */

static int by_place(const void *left, const void *right)
{
	const struct dlw_log_block *a = left, *b = right;

	if (a->thread != b->thread)
		return a->thread < b->thread ? -1 : 1;
	if (a->sequence != b->sequence)
		return a->sequence < b->sequence ? -1 : 1;
	if (a->in_tail != b->in_tail)
		return a->in_tail ? 1 : -1;
	return a->payload < b->payload ? -1 : a->payload > b->payload;
}

static bool same_place(const struct dlw_log_block *a, const struct dlw_log_block *b)
{
	return a->thread == b->thread && a->sequence == b->sequence;
}

/** longer_of() - two writings of one block, while it grew: the later has all of the earlier */
static bool longer_of(struct dlw_log_block *kept, const struct dlw_log_block *again)
{
	uint32_t common = kept->length < again->length ? kept->length : again->length;

	if (memcmp(kept->payload, again->payload, common))
		return false;
	if (again->length > kept->length)
		*kept = *again;
	return true;
}

/*
 * A slot whose block was appended already is the ordinary case, and so is a
 * thread that flushes its block while the process's last words copy it out.
 */
static void drop_repeated(struct dlw_log_file *file)
{
	size_t from, kept = 0;

	for (from = 0; from < file->block_count; from++) {
		struct dlw_log_block *block = &file->blocks[from];

		if (kept && same_place(&file->blocks[kept - 1], block)) {
			if (!block->in_tail && !longer_of(&file->blocks[kept - 1], block))
				file->repeated_blocks++;
			continue;
		}
		file->blocks[kept++] = *block;
	}
	file->block_count = kept;
}

static void find_gaps(struct dlw_log_file *file)
{
	uint32_t thread = UINT32_MAX, expected = 0;
	size_t at;

	for (at = 0; at < file->block_count; at++) {
		const struct dlw_log_block *block = &file->blocks[at];

		if (!at || block->thread != thread) {
			thread = block->thread;
			expected = 0;
		}
		/* those nobody wrote in turn say nothing about what is missing */
		if (block->sequence == expected || thread >= DLW_FROM_OUTSIDE) {
			file->overwritten_blocks +=
				block->sequence == expected && dlw_log_block_is_cut_off(block);
			expected = block->sequence + 1;
			continue;
		}
		if (block->flags & DLW_BLOCK_STATE) {
			file->overwritten_blocks += block->sequence - expected;
		} else {
			dlw_reserve(file->gaps, file->gap_count, file->gap_room);
			file->gaps[file->gap_count++] = (struct dlw_log_gap){
				.thread = thread,
				.before = block->sequence,
				.blocks = block->sequence - expected,
			};
		}
		expected = block->sequence + 1;
	}
}

/* ------------------------------------------------------------------- clock */

/*
 * The line from the header's pair of clocks to the latest one that is not
 * before it on either clock. The slope settles within a fraction of a second;
 * the tail's pairs have no checksum and count only where there is nothing else.
 */
static void fit_clock(struct dlw_log_file *file)
{
	const struct dlw_log_header *header = &file->header;
	const struct dlw_log_block *best = NULL;
	size_t at;

	for (at = 0; at < file->block_count; at++) {
		const struct dlw_log_block *block = &file->blocks[at];

		if (block->ticks <= header->ticks || block->monotonic_ns <= header->monotonic_ns)
			continue;
		if (!best || (best->in_tail && !block->in_tail) ||
		    (best->in_tail == block->in_tail && block->ticks > best->ticks))
			best = block;
	}
	file->ns_per_tick = !best ? 1.0 :
			    (double)(best->monotonic_ns - header->monotonic_ns) /
			    (double)(best->ticks - header->ticks);
}

uint64_t dlw_log_file_time(const struct dlw_log_file *file, uint64_t ticks)
{
	const struct dlw_log_header *header = &file->header;
	double ns;

	if (ticks >= header->ticks)
		ns = (double)(ticks - header->ticks) * file->ns_per_tick;
	else
		ns = -(double)(header->ticks - ticks) * file->ns_per_tick;
	if (ns < -(double)header->monotonic_ns)
		return 0;
	/* three centuries: damage, and soon more than JSON's integers hold */
	if (header->monotonic_ns > INT64_MAX / 2 || ns > (double)(INT64_MAX / 2))
		return INT64_MAX;
	return header->monotonic_ns + (uint64_t)(int64_t)ns;
}

/* --------------------------------------------------------------- open, close */

static int read_blocks(struct dlw_log_file *file)
{
	if (check_header(file) < 0)
		return -1;
	/* what it is was understood; a pid or a clock may be wrong */
	if (dlw_log_header_checksum(&file->header) != file->header.checksum)
		note_damage(file, 0, sizeof(file->header));
	scan_log(file);
	scan_tail(file);
	if (file->block_count)
		qsort(file->blocks, file->block_count, sizeof(*file->blocks), by_place);
	drop_repeated(file);
	find_gaps(file);
	fit_clock(file);
	return 0;
}

int dlw_log_file_open_memory(struct dlw_log_file *file, const char *path, const void *bytes,
			     size_t size, const void *tail, size_t tail_size)
{
	*file = (struct dlw_log_file){ .path = dlw_copy(path), .bytes = bytes, .size = size };
	if (tail_size) {
		file->tail = file->tail_copy = dlw_log_allocate(tail_size, 1);
		file->tail_size = tail_size;
		memcpy(file->tail_copy, tail, tail_size);
	}
	return read_blocks(file);
}

static void copy_tail(struct dlw_log_file *file, int fd, size_t size)
{
	ssize_t got;

	file->tail = file->tail_copy = dlw_log_allocate(size, 1);
	while (file->tail_size < size) {
		got = read(fd, file->tail_copy + file->tail_size, size - file->tail_size);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			break;
		file->tail_size += (size_t)got;
	}
}

/** read_tail() - copy it; unreadable counts as damaged; false: it is not there */
static bool read_tail(struct dlw_log_file *file, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat status;

	if (fd < 0) {
		if (errno != ENOENT)
			file->damaged_slots++;
		return errno != ENOENT;
	}
	if (fstat(fd, &status) < 0 || !S_ISREG(status.st_mode))
		file->tail_foreign = true;
	else if (status.st_size)
		copy_tail(file, fd, (size_t)status.st_size);
	close(fd);
	return true;
}

/** unpack_tail() - false: it is not there */
static bool unpack_tail(struct dlw_log_file *file, const char *path)
{
	if (access(path, F_OK) < 0)
		return false;
	if (!dlw_bytes_open(&file->packed_tail, path))
		file->damaged_slots++;
	file->tail = file->packed_tail.at;
	file->tail_size = file->packed_tail.size;
	return true;
}

/** find_tail() - a log and its tail are compressed together, or neither is */
static void find_tail(struct dlw_log_file *file)
{
	size_t length = strlen(file->path);
	bool packed = length > 4 && !strcmp(file->path + length - 4, DLW_PACKED_SUFFIX);
	char *tail = dlw_print("%.*s.tail", (int)(packed ? length - 4 : length), file->path);
	char *packed_tail = dlw_print("%s" DLW_PACKED_SUFFIX, tail);

	/* where a process has the number of an earlier one, both may be there */
	if (packed ? !unpack_tail(file, packed_tail) : !read_tail(file, tail)) {
		if (packed)
			read_tail(file, tail);
		else
			unpack_tail(file, packed_tail);
	}
	free(packed_tail);
	free(tail);
}

int dlw_log_file_open(struct dlw_log_file *file, const char *path)
{
	*file = (struct dlw_log_file){ .path = dlw_copy(path) };
	find_tail(file);
	if (!dlw_bytes_open(&file->log_file, path))
		return fail(file, file->log_file.what, file->log_file.why);
	file->bytes = file->log_file.at;
	file->size = file->log_file.size;
	return read_blocks(file);
}

void dlw_log_file_close(struct dlw_log_file *file)
{
	dlw_bytes_close(&file->log_file);
	dlw_bytes_close(&file->packed_tail);
	free(file->tail_copy);
	free(file->blocks);
	free(file->gaps);
	free(file->path);
	free(file->error);
	*file = (struct dlw_log_file){ 0 };
}

bool dlw_log_file_is_whole(const struct dlw_log_file *file)
{
	return !file->gap_count && !file->damaged_places && !file->cut_bytes &&
	       !file->repeated_blocks && !file->damaged_slots && !file->tail_foreign &&
	       !dlw_unpack_lost(&file->log_file.loss) && !dlw_unpack_lost(&file->packed_tail.loss);
}
