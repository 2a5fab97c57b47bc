/*
 * segments.c - what running programs show of themselves, for commands that
 * only look
 */
#include "analyzer/segments.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "analyzer/log_memory.h"
#include "core/watch/procfs.h"
#include "core/watch/session_directory.h"

/* Whom everything may be shown: a daemon that root started and that became another user, too. */
static bool is_root(void)
{
	return geteuid() == 0;
}

/* What another user's segment may have for us to copy it. */
#define COPY_MAX ((off_t)1 << 30)

static struct dlw_segment *map(int fd, off_t size)
{
	void *mapped = mmap(NULL, (size_t)size, PROT_READ, MAP_SHARED, fd, 0);

	return mapped == MAP_FAILED ? NULL : mapped;
}

/** copy() - as it is now; zeros where the file turns out to be shorter */
static struct dlw_segment *copy(int fd, off_t size)
{
	ssize_t length = 1;
	off_t done = 0;
	char *memory;

	if (size > COPY_MAX)
		return NULL;
	memory = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
		return NULL;
	for (; length > 0 && done < size; done += length > 0 ? length : 0)
		length = pread(fd, memory + done, (size_t)(size - done), done);
	return (struct dlw_segment *)memory;
}

/** is_segment() - of this version, and no table or name leads out of it */
static bool is_segment(const struct dlw_segment *segment)
{
	return segment->magic == DLW_SEGMENT_MAGIC && segment->version == DLW_SESSION_VERSION &&
	       segment->stacks.element_size == sizeof(uint64_t) &&
	       segment->objects.element_size == sizeof(struct dlw_object) &&
	       memchr(segment->log_path, '\0', sizeof(segment->log_path));
}

/**
 * map_segment() - false: it is none of @owner's, or not one of this version
 *
 * Another user's is copied: he might cut the file or change what has been looked
 * at, and whoever looks is root.
 */
static bool map_segment(struct dlw_segments *segments, const char *path, uid_t owner)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct dlw_segment *segment = NULL;
	struct stat status;

	if (fd >= 0 && fstat(fd, &status) == 0 && S_ISREG(status.st_mode) &&
	    status.st_uid == owner && status.st_size >= (off_t)sizeof(*segment))
		segment = owner == geteuid() ? map(fd, status.st_size) : copy(fd, status.st_size);
	if (fd >= 0)
		close(fd);
	if (!segment)
		return false;
	if (!is_segment(segment)) {
		munmap(segment, (size_t)status.st_size);
		return false;
	}
	dlw_reserve(segments->all, segments->count, segments->room);
	segments->all[segments->count++] = (struct dlw_watched){
		.segment = segment, .mapped = (uint64_t)status.st_size, .task = segment->pid
	};
	return true;
}

/** is_session() - a directory that its @owner alone can write to, and that we may look into */
static bool is_session(const char *directory, uid_t *owner)
{
	return dlw_session_owner(directory, owner) && (*owner == geteuid() || is_root());
}

/** runs_as() - process @pid is @owner's now; anybody may name a file after it */
static bool runs_as(long pid, uid_t owner)
{
	char status[4096];
	const char *line;

	if (dlw_read_file(dlw_proc_path((int32_t)pid, 0, "status").text, status, sizeof(status)) <= 0)
		return false;
	line = strstr(status, "\nUid:\t");
	return line && strtoul(line + strlen("\nUid:\t"), NULL, 10) == owner;
}

/** add_session() - the segments of a directory; @pid: only that one's, 0: all */
static void add_session(struct dlw_segments *segments, const char *directory, long pid)
{
	uid_t owner = 0;
	DIR *entries = is_session(directory, &owner) ? opendir(directory) : NULL;
	const struct dirent *entry;

	while (entries && (entry = readdir(entries))) {
		char *path;

		if (!dlw_is_segment_name(entry->d_name) ||
		    (pid && strtol(entry->d_name, NULL, 10) != pid) ||
		    (pid && owner != geteuid() && !runs_as(pid, owner)))
			continue;
		path = dlw_print("%s/%s", directory, entry->d_name);
		map_segment(segments, path, owner);
		free(path);
	}
	if (entries)
		closedir(entries);
}

/** search() - all sessions below @base for a process */
static void search(struct dlw_segments *segments, const char *base, long pid)
{
	char *pattern = is_root() ? dlw_copy("dlwatch-*")
				  : dlw_print("dlwatch-%u-*", (unsigned)geteuid());
	DIR *entries = base && !segments->count ? opendir(base) : NULL;
	const struct dirent *entry;

	while (entries && (entry = readdir(entries))) {
		char *directory;

		if (fnmatch(pattern, entry->d_name, 0) != 0)
			continue;
		directory = dlw_print("%s/%s", base, entry->d_name);
		add_session(segments, directory, pid);
		free(directory);
	}
	if (entries)
		closedir(entries);
	free(pattern);
}

bool dlw_segments_open(struct dlw_segments *segments, const char *who, char **error)
{
	char *end;
	long pid = strtol(who, &end, 10);

	*segments = (struct dlw_segments){ 0 };
	if (*who && !*end && pid > 0) {
		search(segments, "/dev/shm", pid);
		search(segments, getenv("XDG_RUNTIME_DIR"), pid);
		search(segments, getenv("TMPDIR"), pid);
		search(segments, "/tmp", pid);
	} else {
		add_session(segments, who, 0);
	}
	if (segments->count)
		return true;
	*error = dlw_print("%s: not a watched process%s, nor a session%s with one", who,
			   is_root() ? "" : " of yours", is_root() ? "" : " of yours");
	return false;
}

void dlw_segments_close(struct dlw_segments *segments)
{
	while (segments->count) {
		struct dlw_watched *watched = &segments->all[--segments->count];

		munmap(watched->segment, watched->mapped);
	}
	free(segments->all);
	segments->all = NULL;
}
