/*
 * analyzer/log_outside.c - what the supervisor adds to the log of a process
 */
#include "analyzer/log_outside.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "analyzer/memory.h"
#include "core/watch/records.h"

static void append_record(const struct dlw_segment *segment, uint32_t sequence,
			  const struct dlw_record *record)
{
	struct dlw_block block = { .magic = DLW_BLOCK_MAGIC,
				   .type = DLW_BLOCK_DEFINITIONS,
				   .thread = DLW_FROM_OUTSIDE,
				   .sequence = sequence,
				   .length = record->size };
	struct iovec entry[] = { { &block, sizeof(block) }, { (void *)record, record->size } };
	int fd = segment->log_path[0] ? open(segment->log_path, O_WRONLY | O_APPEND | O_NOFOLLOW |
								  O_CLOEXEC)
				      : -1;

	if (fd < 0)
		return;
	block.checksum = dlw_block_checksum(&block, record);
	if (writev(fd, entry, 2) != (ssize_t)(sizeof(block) + record->size))
		fprintf(stderr, "dlwatch: %s: cannot note the verdict: %s\n", segment->log_path,
			strerror(errno));
	close(fd);
}

void dlw_log_outside_look(const struct dlw_segment *segment, uint32_t sequence, bool closed_world)
{
	/* the record ends with its reason; an empty one: the world is closed */
	static const char not_asked[] = "not asked: the verdict does not rest on it";
	union {
		struct dlw_record_look look;
		char bytes[sizeof(struct dlw_record_look) + 48];
	} record = { .look = { .record = { .type = DLW_RECORD_LOOK, .size = sizeof(record) },
			       .monotonic_ns = dlw_record_now(),
			       .found = 1 } };

	if (!closed_world)
		memcpy(record.look.open_reason, not_asked, sizeof(not_asked));
	append_record(segment, sequence, &record.look.record);
}

bool dlw_log_outside_finding(const struct dlw_segment *segment, uint32_t sequence,
			     const char *lines, size_t length)
{
	size_t size = (sizeof(struct dlw_record_finding) + length + 1 + 7) & ~(size_t)7;
	struct dlw_record_finding *record;

	if (!segment->log_path[0])
		return false;
	record = dlw_allocate(size);
	record->record.type = DLW_RECORD_FINDING;
	record->record.size = (uint32_t)size;
	record->monotonic_ns = dlw_record_now();
	memcpy(record->text, lines, length);
	append_record(segment, sequence, &record->record);
	free(record);
	return true;
}

void dlw_log_outside_python(const struct dlw_segment *segment, uint32_t sequence, const char *text,
			    size_t length)
{
	size_t size = (sizeof(struct dlw_record_python) + length + 1 + 7) & ~(size_t)7;
	struct dlw_record_python *record;

	if (!segment->log_path[0])
		return;
	record = dlw_allocate(size);
	record->record.type = DLW_RECORD_PYTHON;
	record->record.size = (uint32_t)size;
	record->monotonic_ns = dlw_record_now();
	memcpy(record->text, text, length);
	append_record(segment, sequence, &record->record);
	free(record);
}
