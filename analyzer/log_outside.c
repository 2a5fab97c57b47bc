/*
 * analyzer/log_outside.c - what the supervisor adds to the log of a process
 */
#include "analyzer/log_outside.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "analyzer/log_make.h"
#include "analyzer/memory.h"
#include "core/watch/records.h"

static void append_record(const char *path, uint32_t sequence, const struct dlw_record *record)
{
	struct dlw_block block = { .magic = DLW_BLOCK_MAGIC,
				   .type = DLW_BLOCK_DEFINITIONS,
				   .thread = DLW_FROM_OUTSIDE,
				   .sequence = sequence,
				   .length = record->size };
	struct iovec entry[] = { { &block, sizeof(block) }, { (void *)record, record->size } };
	int fd = path[0] ? open(path, O_WRONLY | O_APPEND | O_NOFOLLOW | O_CLOEXEC) : -1;

	if (fd < 0)
		return;
	block.checksum = dlw_block_checksum(&block, record);
	if (writev(fd, entry, 2) != (ssize_t)(sizeof(block) + record->size))
		fprintf(stderr, "dlwatch: %s: cannot note the verdict: %s\n", path,
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
	append_record(segment->log_path, sequence, &record.look.record);
}

static void append_finding(const char *path, uint32_t sequence, const char *lines, size_t length)
{
	size_t size = (sizeof(struct dlw_record_finding) + length + 1 + 7) & ~(size_t)7;
	struct dlw_record_finding *record = dlw_allocate(size);

	record->record.type = DLW_RECORD_FINDING;
	record->record.size = (uint32_t)size;
	record->monotonic_ns = dlw_record_now();
	memcpy(record->text, lines, length);
	append_record(path, sequence, &record->record);
	free(record);
}

bool dlw_log_outside_finding(const struct dlw_segment *segment, uint32_t sequence,
			     const char *lines, size_t length)
{
	if (!segment->log_path[0])
		return false;
	append_finding(segment->log_path, sequence, lines, length);
	return true;
}

/** make_log() - a log of a process in which nothing happened; Return: it is there */
static bool make_log(const char *path, const struct dlw_process_state *process)
{
	struct dlw_log_header *header;
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	FILE *file = fd >= 0 ? fdopen(fd, "w") : NULL;
	uint8_t *bytes;
	size_t size;
	bool good;

	if (!file)
		return errno == EEXIST;
	bytes = dlw_log_maker_finish(dlw_log_maker_new(process->exe), DLW_END_EXIT, &size);
	header = (struct dlw_log_header *)(void *)bytes;
	header->pid = process->pid;
	header->checksum = dlw_log_header_checksum(header);
	good = fwrite(bytes, 1, size, file) == size;
	free(bytes);
	return fclose(file) == 0 && good;
}

/** make_own() - the log that is nobody's, at @path; false: one line on standard error */
static bool make_own(const char *directory, const struct dlw_process_state *process,
		     char path[DLW_PATH_MAX])
{
	int used = snprintf(path, DLW_PATH_MAX, "%s/findings.%d.dlw", directory, getpid());

	if (used > 0 && used < DLW_PATH_MAX &&
	    (mkdir(directory, 0700) == 0 || errno == EEXIST) && make_log(path, process))
		return true;
	fprintf(stderr, "dlwatch: %s: cannot be written: %s\n", path, strerror(errno));
	return false;
}

void dlw_log_outside_alone(const char *directory, const struct dlw_process_state *process,
			   uint32_t sequence, const char *lines, size_t length)
{
	char path[DLW_PATH_MAX];

	if (make_own(directory, process, path))
		append_finding(path, sequence, lines, length);
}

void dlw_log_outside_nothing(const char *directory, const struct dlw_process_state *process)
{
	char path[DLW_PATH_MAX];
	glob_t logs = { 0 };
	int used = snprintf(path, sizeof(path), "%s/*.dlw", directory);

	if (used > 0 && (size_t)used < sizeof(path) &&
	    glob(path, GLOB_NOSORT, NULL, &logs) == GLOB_NOMATCH)
		make_own(directory, process, path);
	globfree(&logs);
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
	append_record(segment->log_path, sequence, &record->record);
	free(record);
}
