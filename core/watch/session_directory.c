/*
 * core/watch/session_directory.c - making, trusting and clearing session directories
 */
#include "core/watch/session_directory.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "core/watch/namespace.h"
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

bool dlw_session_owner(const char *path, uid_t *owner)
{
	struct stat status;

	if (!describe(path, &status) || !S_ISDIR(status.st_mode) || (status.st_mode & 077) != 0)
		return false;
	*owner = status.st_uid;
	return true;
}

bool dlw_session_is_ours(const char *path)
{
	uid_t owner;

	return dlw_session_owner(path, &owner) && owner == geteuid();
}

/* Names are PID.START, for segments and, behind a prefix, for sessions. */
static void parse_name(const char *name, int32_t *pid, uint64_t *start)
{
	*pid = (int32_t)dlw_parse_number(&name, 10);
	*start = *name == '.' ? (name++, dlw_parse_number(&name, 10)) : 0;
}

static bool owner_lives(const char *name)
{
	uint64_t start;
	int32_t pid;

	parse_name(name, &pid, &start);
	/* a zombie is not yet gone, but will do nothing more */
	return pid > 0 && start && dlw_process_lives(pid, start);
}

bool dlw_is_segment_of(const char *name, int32_t pid)
{
	uint64_t start;
	int32_t named;

	parse_name(name, &named, &start);
	return named == pid && start == dlw_process_start(pid) && !dlw_is_former_name(name);
}

static bool skip_digits(const char **at)
{
	const char *first = *at;

	while (**at >= '0' && **at <= '9')
		(*at)++;
	return *at != first;
}

bool dlw_is_segment_name(const char *name)
{
	return skip_digits(&name) && *name++ == '.' && skip_digits(&name) &&
	       (*name == '\0' || (*name++ == '-' && skip_digits(&name) && *name == '\0'));
}

bool dlw_is_former_name(const char *name)
{
	return strchr(name, '-') != NULL;
}

/** lives_elsewhere() - the segment at @path is of a process whose pid is none of ours */
static bool lives_elsewhere(const char *path)
{
	struct dlw_segment head; /* as far as it is read */
	const size_t size = offsetof(struct dlw_segment, size);
	int fd = dlw_sys_open(path, O_RDONLY | O_NOFOLLOW, 0);
	ssize_t got;

	if (fd < 0)
		return false;
	got = dlw_sys_pread(fd, &head, size, 0);
	dlw_sys_close(fd);
	return got == (ssize_t)size && head.magic == DLW_SEGMENT_MAGIC &&
	       head.version == DLW_SESSION_VERSION && head.state == DLW_SEGMENT_LIVE &&
	       head.pid_namespace && head.pid_namespace != dlw_pid_namespace() &&
	       dlw_namespace_may_live(head.pid_namespace);
}

struct clearing {
	const char *path;
	int32_t own_pid;
	bool inhabited;
};

static void look_for_life(void *context, const char *name)
{
	struct clearing *clearing = context;
	char path[DLW_PATH_MAX];

	if (clearing->inhabited || !dlw_is_segment_name(name) || dlw_is_former_name(name) ||
	    dlw_is_segment_of(name, clearing->own_pid))
		return;
	clearing->inhabited = owner_lives(name) || (dlw_join_path(path, clearing->path, name) &&
						    lives_elsewhere(path));
}

static void remove_entry(void *context, const char *name)
{
	struct clearing *clearing = context;
	char path[DLW_PATH_MAX];

	if (dlw_join_path(path, clearing->path, name))
		dlw_sys_unlink(path);
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

/** maker_in() - the name of who made the session at @path, in that; "": it is not named so */
static const char *maker_in(const char *path)
{
	const char *name = strrchr(path, '/');
	char start[48];
	size_t length = prefix(start);

	return name && !strncmp(name + 1, start, length) ? name + 1 + length : "";
}

static void set_kept(const char *path, uint64_t pid_namespace)
{
	struct dlw_session *session = dlw_session_map(path);

	if (!session)
		return;
	atomic_store(&session->kept, pid_namespace);
	dlw_session_unmap(session);
}

void dlw_session_keep(const char *path, uint64_t pid_namespace)
{
	const char *maker = maker_in(path);

	if (dlw_parse_number(&maker, 10) == (uint64_t)dlw_system(SYS_getpid, 0, 0, 0, 0, 0, 0))
		set_kept(path, pid_namespace);
}

void dlw_session_let_go(const char *path)
{
	set_kept(path, 0);
}

static bool has_supervisor(const struct dlw_session *session, int32_t own_pid)
{
	return session->supervisor && session->supervisor != own_pid &&
	       (session->supervisor_namespace != dlw_pid_namespace() ||
		dlw_process_start(session->supervisor) == session->supervisor_start);
}

bool dlw_session_is_kept(const struct dlw_session *session, const char *path,
			 uint64_t pid_namespace)
{
	const char *name = maker_in(path), *at = name;

	if (!pid_namespace || atomic_load(&session->kept) != pid_namespace)
		return false;
	return dlw_parse_number(&at, 10) == (uint64_t)dlw_system(SYS_getppid, 0, 0, 0, 0, 0, 0) ||
	       owner_lives(name);
}

/** is_needed() - by another process, also while nobody is there to be seen */
static bool is_needed(const char *path, int32_t own_pid)
{
	struct dlw_session *session = dlw_session_map(path);
	bool needed;

	if (!session)
		return false;
	needed = has_supervisor(session, own_pid) ||
		 (session->kept && dlw_session_is_kept(session, path, dlw_pid_namespace()));
	dlw_session_unmap(session);
	return needed;
}

bool dlw_session_remove(const char *path)
{
	struct clearing clearing = {
		.path = path,
		.own_pid = (int32_t)dlw_system(SYS_getpid, 0, 0, 0, 0, 0, 0),
	};

	if (is_needed(path, clearing.own_pid) ||
	    dlw_each_entry(path, look_for_life, &clearing) < 0 || clearing.inhabited)
		return false;
	dlw_each_entry(path, remove_entry, &clearing);
	return dlw_sys_rmdir(path) == 0;
}

/** is_old() - nobody can be half way through making or removing it any more */
static bool is_old(const char *path)
{
	struct timespec now;
	struct stat status;

	return dlw_system(SYS_clock_gettime, CLOCK_REALTIME, (long)&now, 0, 0, 0, 0) == 0 &&
	       describe(path, &status) && now.tv_sec - status.st_mtim.tv_sec > 60;
}

/** A look through one of the places where sessions are. */
struct sweep {
	const char *base;
	char start[48]; /* of their names */
	size_t length;
};

static void sweep_entry(void *context, const char *name)
{
	char path[DLW_PATH_MAX], session_file[DLW_PATH_MAX];
	const struct sweep *sweep = context;
	struct stat status;

	if (strncmp(name, sweep->start, sweep->length) || owner_lives(name + sweep->length))
		return;
	if (!dlw_join_path(path, sweep->base, name) || !dlw_session_is_ours(path))
		return;
	if (!dlw_join_path(session_file, path, "session"))
		return;
	if (describe(session_file, &status) || is_old(path))
		dlw_session_remove(path);
}

/** write_session() - all of it or nothing: whoever comes first writes it for all */
static bool write_session(const char *directory, int32_t supervisor)
{
	struct dlw_session session = {
		.magic = DLW_SESSION_MAGIC,
		.version = DLW_SESSION_VERSION,
		.supervisor = supervisor,
		.supervisor_start = supervisor ? dlw_process_start(supervisor) : 0,
		.supervisor_namespace = supervisor ? dlw_pid_namespace() : 0,
	};
	char path[DLW_PATH_MAX], draft[DLW_PATH_MAX], name[32] = "draft.", digits[24];
	bool done;
	int fd;

	strcat(name, dlw_format_number(digits, (uint64_t)dlw_system(SYS_gettid, 0, 0, 0, 0, 0, 0)));
	if (!dlw_sys_may_grow(sizeof(session)) || !dlw_join_path(path, directory, "session") ||
	    !dlw_join_path(draft, directory, name))
		return false;
	fd = dlw_sys_open(draft, O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return false;
	done = dlw_sys_write(fd, &session, sizeof(session)) == sizeof(session);
	dlw_sys_close(fd);
	if (done) {
		long linked = dlw_system(SYS_linkat, AT_FDCWD, (long)draft, AT_FDCWD, (long)path,
					 0, 0);

		done = linked == 0 || linked == -EEXIST;
	}
	dlw_sys_unlink(draft);
	return done;
}

bool dlw_session_make_at(const char *path, int32_t supervisor)
{
	char file[DLW_PATH_MAX];
	struct stat status;

	if (!dlw_session_is_ours(path) && dlw_sys_mkdir(path, 0700) < 0 &&
	    !dlw_session_is_ours(path))
		return false;
	if (dlw_join_path(file, path, "session") && describe(file, &status))
		return true;
	if (write_session(path, supervisor))
		return true;
	dlw_session_remove(path);
	return false;
}

static bool create_in(const char *base, char path[DLW_PATH_MAX], int32_t supervisor)
{
	struct sweep sweep = { .base = base };
	char name[96], digits[24];
	int32_t pid = (int32_t)dlw_system(SYS_getpid, 0, 0, 0, 0, 0, 0);

	sweep.length = prefix(sweep.start);
	dlw_each_entry(base, sweep_entry, &sweep);
	strcpy(name, sweep.start);
	strcat(name, dlw_format_number(digits, (uint64_t)pid));
	strcat(name, ".");
	strcat(name, dlw_format_number(digits, dlw_process_start(pid)));
	return dlw_join_path(path, base, name) && dlw_session_make_at(path, supervisor);
}

/** list_bases() - where a session may be, in order of preference */
static void list_bases(const char *bases[4], bool environment_allowed)
{
	bases[0] = "/dev/shm";
	bases[1] = environment_allowed ? getenv("XDG_RUNTIME_DIR") : NULL;
	bases[2] = environment_allowed ? getenv("TMPDIR") : NULL;
	bases[3] = "/tmp";
}

bool dlw_session_create(char path[DLW_PATH_MAX], bool environment_allowed, int32_t supervisor)
{
	const char *bases[4];
	int i;

	list_bases(bases, environment_allowed);
	for (i = 0; i < 4; i++)
		if (bases[i] && bases[i][0] == '/' && create_in(bases[i], path, supervisor))
			return true;
	path[0] = '\0';
	return false;
}

/* ------------------------------------------------------------------ joining an older one */

#define ANCESTORS_MAX 64

/** A search for a session that one of our line of ancestors belongs to. */
struct line {
	char names[ANCESTORS_MAX][48]; /* PID.START, ourselves first; read when they are needed */
	unsigned count;
	const char *base;
	char start[48]; /* of the names of sessions */
	size_t length;
	char path[DLW_PATH_MAX], file[DLW_PATH_MAX];
	bool found;
};

static void trace_ancestors(struct line *line)
{
	int32_t pid = (int32_t)dlw_system(SYS_getpid, 0, 0, 0, 0, 0, 0);

	while (pid > 0 && line->count < ANCESTORS_MAX) {
		char *name = line->names[line->count++];
		struct dlw_process_line process = { 0 };
		char digits[24];

		dlw_process_describe(pid, &process);
		strcpy(name, dlw_format_number(digits, (uint64_t)pid));
		strcat(name, ".");
		strcat(name, dlw_format_number(digits, process.start));
		pid = process.parent;
	}
}

/** is_of_line() - an ancestor made the session in @directory, or has a segment in it */
static bool is_of_line(struct line *line, const char *directory, const char *maker)
{
	struct stat status;
	unsigned i;

	if (!line->count)
		trace_ancestors(line);
	for (i = 0; i < line->count; i++)
		if (!strcmp(line->names[i], maker) ||
		    (dlw_join_path(line->file, directory, line->names[i]) &&
		     describe(line->file, &status)))
			return true;
	return false;
}

static void consider(void *context, const char *name)
{
	struct line *line = context;

	if (line->found || strncmp(name, line->start, line->length) ||
	    !dlw_join_path(line->path, line->base, name))
		return;
	line->found = dlw_session_is_ours(line->path) &&
		      is_of_line(line, line->path, name + line->length);
}

static bool search_bases(struct line *line, bool environment_allowed)
{
	const char *bases[4];
	int i;

	line->length = prefix(line->start);
	list_bases(bases, environment_allowed);
	for (i = 0; i < 4 && !line->found; i++) {
		line->base = bases[i];
		if (bases[i] && bases[i][0] == '/')
			dlw_each_entry(bases[i], consider, line);
	}
	return line->found;
}

bool dlw_session_join(char path[DLW_PATH_MAX], bool environment_allowed)
{
	/* too large for the stack of whatever thread we are in */
	long memory = dlw_system(SYS_mmap, 0, sizeof(struct line), PROT_READ | PROT_WRITE,
				 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct line *line = (struct line *)memory;
	bool found;

	if (memory < 0 && memory > -4096)
		return false;
	found = search_bases(line, environment_allowed);
	if (found)
		strcpy(path, line->path);
	dlw_system(SYS_munmap, memory, sizeof(*line), 0, 0, 0, 0);
	return found;
}

/* ------------------------------------------------------------------------ the session file */

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
