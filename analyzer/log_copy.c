/*
 * log_copy.c - a log that is still being written, copied as it is now
 *
 * The tail is copied before the log: a block that moves from one to the other
 * in between is then seen twice instead of never. Of its slots that of the
 * definitions comes last: what the others refer to is there. A slot is copied like a
 * record under a sequence lock: its header, what it says there is, and the
 * header again; if the block is another by then, once more.
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

static bool is_same(const struct dlw_block *before, const struct dlw_block *after)
{
	return before->magic == after->magic && before->thread == after->thread &&
	       before->sequence == after->sequence && before->type == after->type &&
	       after->length >= before->length;
}

/** is_right() - a header that was read while the block was sealed may have half of both */
static bool is_right(const struct dlw_block *block, const uint8_t *payload)
{
	return !(block->flags & DLW_BLOCK_SEALED) ||
	       block->checksum == dlw_block_checksum(block, payload);
}

/** copy_slot() - consistent, or empty where the writer was quicker every time */
static void copy_slot(const uint8_t *from, uint8_t *to, uint32_t size)
{
	struct dlw_block before, after;
	unsigned attempt;

	memset(to, 0, size);
	for (attempt = 0; attempt < ATTEMPTS; attempt++) {
		memcpy(&before, from, sizeof(before));
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		if (before.magic != DLW_BLOCK_MAGIC || before.length > size - sizeof(before))
			return;
		memcpy(to + sizeof(before), from + sizeof(before), before.length);
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		memcpy(&after, from, sizeof(after));
		if (!is_same(&before, &after) || !is_right(&before, to + sizeof(before)))
			continue;
		memcpy(to, &before, sizeof(before));
		return;
	}
}

static bool copy_slots(const uint8_t *tail, size_t size, int to)
{
	struct dlw_tail_header header;
	uint8_t *slot;
	size_t at;
	bool good;

	if (size < sizeof(header))
		return true;
	memcpy(&header, tail, sizeof(header));
	if (memcmp(header.magic, DLW_TAIL_MAGIC, sizeof(header.magic)) ||
	    header.slot_size <= sizeof(struct dlw_block) || header.slot_size > size)
		return true; /* not begun yet */
	slot = dlw_log_allocate(header.slot_size, 1);
	memcpy(slot, tail, header.slot_size);
	good = dlw_write_all(to, slot, header.slot_size);
	good = good && lseek(to, header.slot_size, SEEK_CUR) >= 0;
	for (at = 2 * (size_t)header.slot_size; good && at + header.slot_size <= size;
	     at += header.slot_size) {
		copy_slot(tail + at, slot, header.slot_size);
		good = dlw_write_all(to, slot, header.slot_size);
	}
	if (good && 2 * (size_t)header.slot_size <= size) {
		copy_slot(tail + header.slot_size, slot, header.slot_size);
		good = lseek(to, header.slot_size, SEEK_SET) >= 0 &&
		       dlw_write_all(to, slot, header.slot_size);
	}
	free(slot);
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

static bool copy_log(int from, int to)
{
	char bytes[65536];
	ssize_t got;

	while ((got = read(from, bytes, sizeof(bytes))) > 0)
		if (!dlw_write_all(to, bytes, (size_t)got))
			return false;
	return got == 0;
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
	else if (!copy_tail(tail, to_tail) || !copy_log(from, to))
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
