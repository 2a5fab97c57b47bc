/*
 * analyzer/log_bytes.c - the bytes of a file, compressed or not
 *
 * Logs are larger than memory should be: what is unpacked goes to a file, too,
 * and is mapped from there.
 */
#include "analyzer/log_bytes.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

bool dlw_write_all(int fd, const void *bytes, size_t size)
{
	const char *at = bytes;

	while (size) {
		ssize_t written = write(fd, at, size);

		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
			return false;
		at += written;
		size -= (size_t)written;
	}
	return true;
}

static bool fail(struct dlw_bytes *bytes, const char *what, const char *why)
{
	bytes->what = what;
	bytes->why = why;
	return false;
}

/** map() - all of an open file */
static bool map(struct dlw_bytes *bytes, int fd)
{
	struct stat status;
	void *at;

	if (fstat(fd, &status) < 0 || !S_ISREG(status.st_mode))
		return fail(bytes, "no log", "not a regular file");
	if (!status.st_size)
		return true;
	at = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (at == MAP_FAILED)
		return fail(bytes, "cannot map", strerror(errno));
	bytes->at = at;
	bytes->size = (size_t)status.st_size;
	bytes->mapped = true;
	madvise(at, bytes->size, MADV_WILLNEED);
	return true;
}

/** nameless() - a file that is gone when it is closed; Return: descriptor, -1 */
static int nameless(void)
{
	const char *directory = getenv("TMPDIR");
	int fd = open(directory && *directory ? directory : "/tmp",
		      O_TMPFILE | O_RDWR | O_EXCL | O_CLOEXEC, 0600);

	return fd >= 0 ? fd : memfd_create("dlwatch-log", MFD_CLOEXEC);
}

static bool append(void *context, const void *bytes, size_t size)
{
	return dlw_write_all(*(int *)context, bytes, size);
}

/** unpack() - put what the mapped bytes say in their place */
static bool unpack(struct dlw_bytes *bytes)
{
	struct dlw_bytes packed = *bytes;
	int fd = nameless();
	bool good;

	bytes->mapped = false;
	bytes->packed = true;
	bytes->at = NULL;
	bytes->size = 0;
	if (fd < 0) {
		good = fail(bytes, "cannot unpack", strerror(errno));
	} else {
		dlw_unpack(packed.at, packed.size, append, &fd, &bytes->loss);
		good = map(bytes, fd);
		close(fd);
	}
	dlw_bytes_close(&packed);
	return good;
}

bool dlw_bytes_open(struct dlw_bytes *bytes, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	bool good;

	*bytes = (struct dlw_bytes){ 0 };
	if (fd < 0)
		return fail(bytes, "cannot open", strerror(errno));
	good = map(bytes, fd);
	close(fd);
	return good && dlw_is_packed(bytes->at, bytes->size) ? unpack(bytes) : good;
}

void dlw_bytes_close(struct dlw_bytes *bytes)
{
	if (bytes->mapped)
		munmap((void *)bytes->at, bytes->size);
	bytes->mapped = false;
}
