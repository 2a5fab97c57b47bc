/*
 * core/watch/file_locks.c - reading /proc/locks
 *
 *	1: FLOCK  ADVISORY  WRITE 812 fe:00:1234 0 EOF
 *	1: -> FLOCK  ADVISORY  WRITE 813 fe:00:1234 0 EOF
 *
 * A request behind another request is indented more; it, too, conflicts with
 * the lock on top.
 */
#include "core/watch/file_locks.h"

#include <string.h>

#include "core/watch/procfs.h"
#include "core/watch/system.h"

#define FIRST_ROOM (64u * 1024)

/** whole_file() - grown until all of it fits; NULL: cannot be read */
static char *whole_file(struct dlw_arena *arena)
{
	size_t room;

	for (room = FIRST_ROOM; room <= FIRST_ROOM << 8; room *= 4) {
		char *text = dlw_arena_take(arena, room);
		long got = text ? dlw_read_file("/proc/locks", text, room) : -ENOMEM;

		if (got < 0)
			return NULL;
		if ((size_t)got < room - 1)
			return text;
	}
	return NULL;
}

static const char *skip_spaces(const char *at)
{
	while (*at == ' ')
		at++;
	return at;
}

static const char *next_word(const char *at)
{
	while (*at && *at != ' ')
		at++;
	return skip_spaces(at);
}

static bool starts_with(const char *at, const char *word)
{
	return !strncmp(at, word, strlen(word));
}

static bool read_family(const char *at, enum dlw_lock_family *family)
{
	if (starts_with(at, "FLOCK "))
		*family = DLW_FLOCK;
	else if (starts_with(at, "POSIX "))
		*family = DLW_RECORD_LOCK;
	else if (starts_with(at, "OFDLCK "))
		*family = DLW_OPEN_FILE_LOCK;
	else
		return false;
	return true;
}

/** A line behind its number and arrow: family, ADVISORY, access, pid, device:inode, range. */
struct line {
	enum dlw_lock_family family;
	bool shared;
	int32_t pid;
	uint64_t inode;
};

static bool read_line(const char *text, struct line *line)
{
	const char *at = text, *colon;
	bool negative;

	if (!read_family(at, &line->family))
		return false;
	at = next_word(next_word(at));
	line->shared = starts_with(at, "READ ");
	if (!line->shared && !starts_with(at, "WRITE "))
		return false;
	at = next_word(at);
	negative = *at == '-';
	at += negative;
	line->pid = (int32_t)dlw_parse_number(&at, 10);
	if (negative)
		line->pid = -line->pid;
	at = skip_spaces(at);
	colon = strchr(at, ':');
	colon = colon ? strchr(colon + 1, ':') : NULL;
	if (!colon)
		return false;
	at = colon + 1;
	line->inode = dlw_parse_number(&at, 10);
	return true;
}

static void add_request(struct dlw_file_locks *locks, const char *text)
{
	struct line line;

	if (locks->lock_count && read_line(text, &line))
		locks->requests[locks->request_count++] = (struct dlw_lock_request){
			line.family, line.shared, line.pid, line.inode, locks->lock_count - 1
		};
}

/** add_lock() - one that is not understood (a lease) stays without text: nobody is seen to have it */
static void add_lock(struct dlw_file_locks *locks, const char *text)
{
	struct dlw_file_lock *lock = &locks->locks[locks->lock_count++];
	struct line line;

	if (!read_line(text, &line) || strlen(text) >= sizeof(lock->text))
		return;
	*lock = (struct dlw_file_lock){ line.family, line.shared, line.pid, "" };
	strcpy(lock->text, text);
}

bool dlw_file_locks_read(struct dlw_file_locks *locks, struct dlw_arena *arena)
{
	char *text = whole_file(arena), *at, *end;
	uint32_t lines = 1;

	*locks = (struct dlw_file_locks){ 0 };
	if (!text)
		return false;
	for (at = text; *at; at++)
		lines += *at == '\n';
	locks->locks = dlw_arena_array(arena, struct dlw_file_lock, lines);
	locks->requests = dlw_arena_array(arena, struct dlw_lock_request, lines);
	if (!locks->locks || !locks->requests)
		return false;
	for (at = text; *at; at = end + 1) {
		char *behind;

		end = strchrnul(at, '\n');
		if (!*end)
			break;
		*end = '\0';
		behind = strchr(at, ':');
		behind = behind ? (char *)(uintptr_t)skip_spaces(behind + 1) : at;
		if (starts_with(behind, "-> "))
			add_request(locks, behind + 3);
		else
			add_lock(locks, behind);
	}
	return true;
}

const struct dlw_lock_request *dlw_file_locks_request(const struct dlw_file_locks *locks,
						      enum dlw_lock_family family, int32_t pid,
						      uint64_t inode)
{
	const struct dlw_lock_request *found = NULL;
	uint32_t i;

	for (i = 0; i < locks->request_count; i++) {
		const struct dlw_lock_request *request = &locks->requests[i];

		/* locks of an open file bear no pid */
		if (request->family != family || request->inode != inode ||
		    (family != DLW_OPEN_FILE_LOCK && request->pid != pid))
			continue;
		if (found && (found->blocker != request->blocker ||
			      found->shared != request->shared))
			return NULL;
		found = request;
	}
	return found;
}

bool dlw_file_lock_note(const struct dlw_file_lock *lock, const char *note)
{
	size_t length = strlen(lock->text);
	const char *at = note;

	if (!length)
		return false;
	while ((at = strstr(at, "\nlock:"))) {
		at = strchr(at + 6, ' ');
		if (!at)
			return false;
		at = skip_spaces(at);
		if (!strncmp(at, lock->text, length) && (at[length] == '\n' || !at[length]))
			return true;
	}
	return false;
}

bool dlw_file_lock_range(const struct dlw_file_lock *lock, uint64_t *first, uint64_t *last)
{
	const char *at = lock->text;
	int i;

	for (i = 0; i < 5; i++) /* family, ADVISORY, access, pid, file */
		at = next_word(at);
	*first = dlw_parse_number(&at, 10);
	at = skip_spaces(at);
	*last = starts_with(at, "EOF") ? UINT64_MAX : dlw_parse_number(&at, 10);
	return *first || *last != UINT64_MAX;
}
