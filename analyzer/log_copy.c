/*
 * log_copy.c - a log that is still being written, copied as it is now
 *
 * Nobody is stopped, and yet the copy is to be one of a moment. So all headers
 * are read first, in one go, which takes microseconds: they say how far each
 * thread has come. Then the blocks are copied, each as far as its header said,
 * since what is in a block stays as it is; the newest first, while the writer
 * overwrites the oldest, so that nothing is missing between two. What happened while the headers were read may be there
 * of one thread and not of another; the copy says when that was, and a reader
 * leaves out what the rest does not lead to (log_order.c).
 *
 * The tail is copied before the log: a block that moves from one to the other
 * in between is then seen twice instead of never.
 */
#include "analyzer/log_copy.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <dlwatch/log.h>

#include "analyzer/log_bytes.h"
#include "analyzer/log_memory.h"

#define ATTEMPTS 1000

static bool failed(char **error, const char *path, const char *what)
{
	*error = dlw_print("%s: %s: %s", path, what, strerror(errno));
	return false;
}

/* ------------------------------------------------------------------- what there is */

/** The tail at one moment, or as near to one as reading all headers in a row comes. */
struct moment {
	const uint8_t *tail;
	uint32_t slot_size, slot_count;
	uint64_t ticks;
	struct dlw_block *headers; /* by slot; length 0: nothing to copy */
};

/**
 * read_header() - of a block that may be under way; a slot that changes all the time is empty
 *
 * A new block has length 0 until its header is whole.
 */
static struct dlw_block read_header(const uint8_t *slot)
{
	struct dlw_block before, after;
	unsigned attempt;

	for (attempt = 0; attempt < ATTEMPTS; attempt++) {
		memcpy(&before, slot, sizeof(before));
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		memcpy(&after, slot, sizeof(after));
		if (!memcmp(&before, &after, sizeof(before)))
			return before;
	}
	return (struct dlw_block){ 0 };
}

/** is_of_the_moment() - it had been begun by then, or says what others refer to */
static bool is_of_the_moment(const struct moment *moment, const struct dlw_block *block)
{
	return block->magic == DLW_BLOCK_MAGIC && block->length &&
	       block->length <= moment->slot_size - sizeof(*block) &&
	       (block->type == DLW_BLOCK_DEFINITIONS || block->ticks <= moment->ticks);
}

/** read_definitions() - last, wherever they lie: what the events refer to is there, or in the log */
static void read_definitions(struct moment *moment)
{
	uint32_t slot;

	for (slot = 1; slot < moment->slot_count; slot++) {
		struct dlw_block header =
			read_header(moment->tail + (size_t)slot * moment->slot_size);

		if (header.type == DLW_BLOCK_DEFINITIONS && is_of_the_moment(moment, &header))
			moment->headers[slot] = header;
	}
}

static void read_headers(struct moment *moment)
{
	uint32_t slot = moment->slot_count;

	moment->headers = dlw_log_allocate(slot, sizeof(*moment->headers));
	moment->ticks = dlw_ticks();
	while (--slot) {
		struct dlw_block header =
			read_header(moment->tail + (size_t)slot * moment->slot_size);

		if (is_of_the_moment(moment, &header))
			moment->headers[slot] = header;
	}
	read_definitions(moment);
}

/* ------------------------------------------------------------------------ the copying */

static bool is_same(const struct dlw_block *before, const struct dlw_block *after)
{
	return before->magic == after->magic && before->thread == after->thread &&
	       before->sequence == after->sequence && before->type == after->type &&
	       after->length >= before->length;
}

/** copy_slot() - what the block had at the moment; false: it cannot be written */
static bool copy_slot(const struct moment *moment, uint32_t slot, uint8_t *bytes, int to)
{
	const struct dlw_block *header = &moment->headers[slot];
	size_t at = (size_t)slot * moment->slot_size, size = sizeof(*header) + header->length;
	struct dlw_block after;

	memcpy(bytes, header, sizeof(*header));
	memcpy(bytes + sizeof(*header), moment->tail + at + sizeof(*header), header->length);
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	memcpy(&after, moment->tail + at, sizeof(after));
	if (!is_same(header, &after))
		return true; /* the slot has another block by now */
	return pwrite(to, bytes, size, (off_t)at) == (ssize_t)size;
}

static int newest_first(const void *left, const void *right, void *context)
{
	const struct dlw_block *headers = context;
	uint64_t a = headers[*(const uint32_t *)left].ticks;
	uint64_t b = headers[*(const uint32_t *)right].ticks;

	return a < b ? 1 : -(a > b);
}

/** slots_to_copy() - Return: their numbers, for free(); @count of them */
static uint32_t *slots_to_copy(const struct moment *moment, uint32_t *count)
{
	uint32_t *slots = dlw_log_allocate(moment->slot_count, sizeof(*slots)), at;

	*count = 0;
	for (at = 1; at < moment->slot_count; at++)
		if (moment->headers[at].length)
			slots[(*count)++] = at;
	qsort_r(slots, *count, sizeof(*slots), newest_first, moment->headers);
	return slots;
}

static bool copy_moment(const struct moment *moment, int to)
{
	uint8_t *bytes = dlw_log_allocate(moment->slot_size, 1);
	uint32_t count, at, *slots = slots_to_copy(moment, &count);
	struct dlw_tail_header header;
	bool good;

	memcpy(&header, moment->tail, sizeof(header));
	header.copied_at = moment->ticks;
	good = ftruncate(to, (off_t)moment->slot_count * moment->slot_size) == 0 &&
	       pwrite(to, &header, sizeof(header), 0) == sizeof(header);
	for (at = 0; good && at < count; at++)
		good = copy_slot(moment, slots[at], bytes, to);
	free(slots);
	free(bytes);
	return good;
}

static bool copy_slots(const uint8_t *tail, size_t size, int to)
{
	struct dlw_tail_header header;
	struct moment moment = { .tail = tail };
	bool good;

	if (size < sizeof(header))
		return true;
	memcpy(&header, tail, sizeof(header));
	if (memcmp(header.magic, DLW_TAIL_MAGIC, sizeof(header.magic)) ||
	    header.slot_size <= sizeof(struct dlw_block) || header.slot_size > size)
		return true; /* not begun yet */
	moment.slot_size = header.slot_size;
	moment.slot_count = (uint32_t)(size / header.slot_size);
	read_headers(&moment);
	good = copy_moment(&moment, to);
	free(moment.headers);
	return good;
}

/** copy_tail() - false: it cannot be written */
static bool copy_tail(const char *path, int to)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat status;
	uint8_t *tail = MAP_FAILED;
	bool good = true;

	if (fd >= 0 && fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && status.st_size)
		tail = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_SHARED, fd, 0);
	if (fd >= 0)
		close(fd);
	if (tail == MAP_FAILED)
		return true; /* it ended meanwhile */
	good = copy_slots(tail, (size_t)status.st_size, to);
	munmap(tail, (size_t)status.st_size);
	return good;
}

/** whole_blocks() - bytes up to the block that is being appended, if one is */
static size_t whole_blocks(const struct dlw_bytes *log)
{
	struct dlw_log_header header;
	struct dlw_block block;
	size_t at;

	if (log->size < sizeof(header))
		return log->size;
	memcpy(&header, log->at, sizeof(header));
	for (at = header.header_size; at + sizeof(block) <= log->size;
	     at += sizeof(block) + block.length) {
		memcpy(&block, log->at + at, sizeof(block));
		if (block.magic != DLW_BLOCK_MAGIC)
			return log->size;
		if (block.length > log->size - at - sizeof(block))
			return at;
	}
	return at < log->size ? at : log->size;
}

static bool copy_log(const char *path, int to)
{
	struct dlw_bytes log;
	bool good = dlw_bytes_open(&log, path) &&
		    dlw_write_all(to, log.at, whole_blocks(&log));

	dlw_bytes_close(&log);
	return good;
}

bool dlw_log_copy(const char *path, const char *directory, char **error)
{
	const char *slash = strrchr(path, '/');
	char *name = dlw_print("%s/%s", directory, slash ? slash + 1 : path);
	char *tail = dlw_print("%s.tail", path), *tail_copy = dlw_print("%s.tail", name);
	int from = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	int to_tail = from < 0 ? -1 : open(tail_copy, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	int to = to_tail < 0 ? -1 : open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	bool good = true;

	if (from < 0)
		good = failed(error, path, "cannot open");
	else if (to_tail < 0 || to < 0)
		good = failed(error, name, "cannot create");
	else if (!copy_tail(tail, to_tail) || !copy_log(path, to))
		good = failed(error, name, "cannot copy");
	if (from >= 0)
		close(from);
	if (to_tail >= 0)
		close(to_tail);
	if (to >= 0)
		close(to);
	free(name);
	free(tail);
	free(tail_copy);
	return good;
}
