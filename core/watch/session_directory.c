/*
 * core/watch/session_directory.c - making, trusting and clearing session directories
 */
#include "core/watch/session_directory.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "core/watch/procfs.h"
#include "core/watch/system.h"

bool dlw_join_path(char path[DLW_PATH_MAX], const char *directory, const char *name)
{
	size_t first = strlen(directory);
	size_t second = strlen(name);

	if (first + second + 2 > DLW_PATH_MAX)
		return false;
	memmove(path, directory, first);
	path[first] = '/';
	memcpy(path + first + 1, name, second + 1);
	return true;
}

/** describe() - lstat without the C library's wrapper's errno */
static bool describe(const char *path, struct stat *status)
{
	return dlw_system(SYS_newfstatat, AT_FDCWD, (long)path, (long)status, AT_SYMLINK_NOFOLLOW,
			  0, 0) == 0;
}

bool dlw_session_is_ours(const char *path)
{
	struct stat status;

	return describe(path, &status) && S_ISDIR(status.st_mode) && status.st_uid == geteuid() &&
	       (status.st_mode & 077) == 0;
}

/* Names are PID.START, for segments and, behind a prefix, for sessions. */
static bool owner_lives(const char *name)
{
	int32_t pid = (int32_t)dlw_parse_number(&name, 10);
	uint64_t start = *name == '.' ? (name++, dlw_parse_number(&name, 10)) : 0;

	return pid > 0 && dlw_process_start(pid) == start && start;
}

struct clearing {
	const char *path;
	bool forced; /* take the segments of dead processes away, too */
	bool inhabited;
};

static void clear_entry(void *context, const char *name)
{
	struct clearing *clearing = context;
	char path[DLW_PATH_MAX];

	if (!strcmp(name, "session"))
		return;
	if (!clearing->forced || owner_lives(name))
		clearing->inhabited = true;
	else if (dlw_join_path(path, clearing->path, name))
		dlw_sys_unlink(path);
}

static bool clear(const char *path, bool forced)
{
	struct clearing clearing = { path, forced, false };
	char file[DLW_PATH_MAX];

	if (dlw_each_entry(path, clear_entry, &clearing) < 0 || clearing.inhabited)
		return false;
	if (dlw_join_path(file, path, "session"))
		dlw_sys_unlink(file);
	return dlw_sys_rmdir(path) == 0;
}

bool dlw_session_remove(const char *path)
{
	return clear(path, false);
}

/* "dlwatch-UID-", what the directories of this user start with */
static size_t prefix(char text[48])
{
	char digits[24];
	const char *uid = dlw_format_number(digits, geteuid());

	strcpy(text, "dlwatch-");
	strcat(text, uid);
	strcat(text, "-");
	return strlen(text);
}

static void sweep_entry(void *context, const char *name)
{
	char start[48], path[DLW_PATH_MAX], session_file[DLW_PATH_MAX];
	size_t length = prefix(start);
	struct stat status;

	if (strncmp(name, start, length) || owner_lives(name + length))
		return;
	if (!dlw_join_path(path, context, name) || !dlw_session_is_ours(path))
		return;
	/* half made or half removed by somebody else just now: leave it to a later sweep */
	if (dlw_join_path(session_file, path, "session") && describe(session_file, &status))
		clear(path, true);
}

static bool write_session(const char *directory, int32_t supervisor)
{
	struct dlw_session session = {
		.magic = DLW_SESSION_MAGIC,
		.version = DLW_SESSION_VERSION,
		.supervisor = supervisor,
		.supervisor_start = supervisor ? dlw_process_start(supervisor) : 0,
	};
	char path[DLW_PATH_MAX];
	bool done;
	int fd;

	if (!dlw_sys_may_grow(sizeof(session)) || !dlw_join_path(path, directory, "session"))
		return false;
	fd = dlw_sys_open(path, O_RDWR | O_CREAT | O_EXCL, 0600);
	if (fd < 0)
		return false;
	done = dlw_sys_write(fd, &session, sizeof(session)) == sizeof(session);
	dlw_sys_close(fd);
	return done;
}

static bool create_in(const char *base, char path[DLW_PATH_MAX], int32_t supervisor)
{
	char name[96], digits[24];
	int32_t pid = (int32_t)dlw_system(SYS_getpid, 0, 0, 0, 0, 0, 0);

	dlw_each_entry(base, sweep_entry, (void *)(uintptr_t)base);
	prefix(name);
	strcat(name, dlw_format_number(digits, (uint64_t)pid));
	strcat(name, ".");
	strcat(name, dlw_format_number(digits, dlw_process_start(pid)));
	if (!dlw_join_path(path, base, name))
		return false;
	if (dlw_sys_mkdir(path, 0700) < 0 && !dlw_session_is_ours(path))
		return false;
	if (write_session(path, supervisor))
		return true;
	dlw_session_remove(path);
	return false;
}

bool dlw_session_create(char path[DLW_PATH_MAX], bool environment_allowed, int32_t supervisor)
{
	const char *bases[4] = { "/dev/shm", NULL, NULL, "/tmp" };
	int i;

	if (environment_allowed) {
		bases[1] = getenv("XDG_RUNTIME_DIR");
		bases[2] = getenv("TMPDIR");
	}
	for (i = 0; i < 4; i++)
		if (bases[i] && bases[i][0] == '/' && create_in(bases[i], path, supervisor))
			return true;
	path[0] = '\0';
	return false;
}

struct dlw_session *dlw_session_map(const char *path)
{
	char file[DLW_PATH_MAX];
	struct dlw_session *session;
	long mapped;
	int fd;

	if (!dlw_session_is_ours(path) || !dlw_join_path(file, path, "session"))
		return NULL;
	fd = dlw_sys_open(file, O_RDWR | O_NOFOLLOW, 0);
	if (fd < 0)
		return NULL;
	mapped = dlw_system(SYS_mmap, 0, sizeof(*session), PROT_READ | PROT_WRITE, MAP_SHARED, fd,
			    0);
	dlw_sys_close(fd);
	if (mapped < 0 && mapped > -4096)
		return NULL;
	session = (struct dlw_session *)mapped;
	if (session->magic == DLW_SESSION_MAGIC && session->version == DLW_SESSION_VERSION)
		return session;
	dlw_session_unmap(session);
	return NULL;
}

void dlw_session_unmap(struct dlw_session *session)
{
	dlw_system(SYS_munmap, (long)session, sizeof(*session), 0, 0, 0, 0);
}
