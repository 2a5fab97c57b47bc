/*
 * analyzer/log_pack.c - logs of processes that are over, compressed in place
 *
 * A file is compressed beside itself under a name that nobody reads, which
 * then gets its own name, and only then the plain one goes. The tail goes
 * first: a log is never without it.
 *
 * The frames are small and each has a checksum: damage costs one of them.
 */
#include "analyzer/log_pack.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include <dlwatch/log.h>

#include "analyzer/log_bytes.h"
#include "analyzer/memory.h"
#include "core/watch/procfs.h"

#define FRAME ((size_t)1 << 20)
#define LEVEL 3

static bool failed(char **error, const char *path, const char *what, const char *why)
{
	*error = dlw_print("%s: %s: %s", path, what, why);
	return false;
}

/** compress() - false: errno says why it cannot be written */
static bool compress(const struct dlw_bytes *bytes, int to)
{
	size_t room = ZSTD_compressBound(FRAME), at, piece, size;
	ZSTD_CCtx *encoder = ZSTD_createCCtx();
	void *frame = dlw_allocate(room);
	bool good = true;

	if (!encoder)
		dlw_out_of_memory();
	ZSTD_CCtx_setParameter(encoder, ZSTD_c_compressionLevel, LEVEL);
	ZSTD_CCtx_setParameter(encoder, ZSTD_c_checksumFlag, 1);
	for (at = 0; good && at < bytes->size; at += piece) {
		piece = bytes->size - at < FRAME ? bytes->size - at : FRAME;
		size = ZSTD_compress2(encoder, frame, room, bytes->at + at, piece);
		if (ZSTD_isError(size))
			dlw_out_of_memory();
		good = dlw_write_all(to, frame, size);
	}
	free(frame);
	ZSTD_freeCCtx(encoder);
	return good;
}

/** write_packed() - all of it, on the disk, as @packed; there is none of that name yet */
static bool write_packed(const struct dlw_bytes *bytes, const char *packed, char **error)
{
	char *unfinished = dlw_print("%s.unfinished", packed);
	int to = open(unfinished, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	bool good = to >= 0 && compress(bytes, to) && fsync(to) == 0;

	if (to >= 0 && close(to) < 0)
		good = false;
	good = good && renameat2(AT_FDCWD, unfinished, AT_FDCWD, packed, RENAME_NOREPLACE) == 0;
	if (!good) {
		failed(error, packed, "cannot write", strerror(errno));
		if (to >= 0)
			unlink(unfinished);
	}
	free(unfinished);
	return good;
}

/** pack() - @path becomes @path.zst; an empty one is only removed */
static bool pack(const char *path, const struct dlw_bytes *bytes, char **error)
{
	char *packed = dlw_print("%s" DLW_PACKED_SUFFIX, path);
	bool good = !bytes->size || write_packed(bytes, packed, error);

	if (good && unlink(path) < 0)
		good = failed(error, path, "cannot remove", strerror(errno));
	free(packed);
	return good;
}

static bool pack_tail(const char *path, char **error)
{
	char *tail = dlw_print("%s.tail", path);
	struct dlw_bytes bytes;
	bool good = true;

	if (access(tail, F_OK) == 0) {
		if (dlw_bytes_open(&bytes, tail))
			good = pack(tail, &bytes, error);
		else
			good = failed(error, tail, bytes.what, bytes.why);
		dlw_bytes_close(&bytes);
	}
	free(tail);
	return good;
}

/** is_over() - the process, as far as can be seen; false: *@error says why not */
static bool is_over(const char *path, const struct dlw_bytes *bytes, char **error)
{
	struct dlw_log_header header;

	if (bytes->size < sizeof(header) ||
	    memcmp(bytes->at, DLW_LOG_MAGIC, sizeof(header.magic)))
		return failed(error, path, "not compressed", "no log");
	memcpy(&header, bytes->at, sizeof(header));
	if (header.pid > 0 && dlw_process_start(header.pid) == header.process_start)
		return failed(error, path, "not compressed", "its process still runs");
	return true;
}

bool dlw_log_pack(const char *path, char **error)
{
	struct dlw_bytes bytes;
	bool good = dlw_bytes_open(&bytes, path);

	if (!good)
		failed(error, path, bytes.what, bytes.why);
	else if (!bytes.packed)
		good = is_over(path, &bytes, error) && pack_tail(path, error) &&
		       pack(path, &bytes, error);
	dlw_bytes_close(&bytes);
	return good;
}

bool dlw_log_pack_visit(void *unused, const char *path)
{
	char *error = NULL;

	(void)unused;
	if (dlw_log_pack(path, &error))
		return true;
	fprintf(stderr, "dlwatch: %s\n", error);
	free(error);
	return false;
}
