/*
 * core/watch/descriptors.c - /proc/PID/fd and fdinfo
 */
#include "core/watch/descriptors.h"

#include <string.h>

#include "core/watch/procfs.h"
#include "core/watch/system.h"
#include "core/watch/unix_socket.h"

/** entry_path() - /proc/TASK/DIRECTORY/NAME */
static struct dlw_path entry_path(int32_t task, const char *directory, const char *name)
{
	struct dlw_path path = dlw_proc_path(task, 0, directory);
	size_t used = strlen(path.text);

	if (used + strlen(name) + 1 < sizeof(path.text))
		strcpy(path.text + used, name);
	return path;
}

/** channel_in() - from the text of a link: "pipe:[12]", "socket:[12]" */
static struct dlw_channel channel_in(const char *link)
{
	struct dlw_channel channel = { DLW_NO_CHANNEL, 0, 0 };
	const char *at = NULL;

	if (!strncmp(link, "pipe:[", 6)) {
		channel.kind = DLW_PIPE_CHANNEL;
		at = link + 6;
	} else if (!strncmp(link, "socket:[", 8)) {
		channel.kind = DLW_SOCKET_CHANNEL;
		at = link + 8;
	}
	if (at)
		channel.inode = (uint32_t)dlw_parse_number(&at, 10);
	return channel;
}

/** A link's target as far as it matters to us; "" where it cannot be read. */
struct link {
	char text[64];
};

static struct link link_at(int32_t task, const char *name)
{
	struct link link;
	ssize_t got = dlw_sys_readlink(entry_path(task, "fd/", name).text, link.text,
				       sizeof(link.text) - 1);

	link.text[got > 0 ? got : 0] = '\0';
	return link;
}

struct dlw_channel dlw_descriptor_channel(int32_t task, int fd)
{
	char digits[24];
	struct dlw_channel channel;

	if (fd < 0)
		return (struct dlw_channel){ DLW_NO_CHANNEL, 0, 0 };
	channel = channel_in(link_at(task, dlw_format_number(digits, (uint64_t)fd)).text);
	if (channel.kind == DLW_SOCKET_CHANNEL) {
		channel.peer = dlw_unix_peer(channel.inode);
		if (!channel.peer)
			channel.kind = DLW_NO_CHANNEL;
	}
	return channel;
}

long dlw_descriptor_note(int32_t task, int fd, char *text, uint32_t room)
{
	char digits[24];

	return dlw_read_file(
		entry_path(task, "fdinfo/", dlw_format_number(digits, (uint64_t)fd)).text, text,
		room);
}

/* ------------------------------------------------------------------------ searching */

struct search {
	int32_t task;
	struct dlw_sought *sought;
	uint32_t count;
	bool has_ring; /* io_uring: the kernel reads and writes for it, also what it alone has */
};

/** number_behind() - of the line that starts with @label, in base @base; @otherwise: there is none */
static uint64_t number_behind(const char *text, const char *label, unsigned base,
			      uint64_t otherwise)
{
	const char *at = strstr(text, label);

	if (!at)
		return otherwise;
	at += strlen(label);
	while (*at == ' ' || *at == '\t')
		at++;
	return dlw_parse_number(&at, base);
}

/** end_in() - from the lines of fdinfo/N; unknown: any */
static enum dlw_end end_in(const char *note)
{
	/* octal, but the last digit is all that matters */
	switch (number_behind(note, "flags:", 10, O_RDWR) % 10 & O_ACCMODE) {
	case O_RDONLY:
		return DLW_READ_END;
	case O_WRONLY:
		return DLW_WRITE_END;
	default:
		return DLW_ANY_END;
	}
}

enum dlw_end dlw_descriptor_end(int32_t task, int fd)
{
	char note[512] = "";

	dlw_descriptor_note(task, fd, note, sizeof(note));
	return end_in(note);
}

/** has_end() - the descriptor is open for what @end says, as far as we know */
static bool has_end(const char *note, enum dlw_end end)
{
	enum dlw_end open = end_in(note);

	return end == DLW_ANY_END || open == DLW_ANY_END || open == end;
}

static void search_one(struct search *search, const char *name, const struct dlw_channel *channel)
{
	char note[512] = "";
	uint32_t i;

	for (i = 0; i < search->count; i++) {
		struct dlw_sought *sought = &search->sought[i];

		if (sought->found || sought->kind != channel->kind ||
		    sought->inode != channel->inode)
			continue;
		if (!note[0])
			dlw_read_file(entry_path(search->task, "fdinfo/", name).text, note,
				      sizeof(note));
		sought->found = has_end(note, sought->end);
	}
}

static void search_entry(void *context, const char *name)
{
	struct search *search = context;
	struct link link = link_at(search->task, name);
	struct dlw_channel channel = channel_in(link.text);
	char note[512];
	uint32_t i;

	search->has_ring |= !strcmp(link.text, "anon_inode:[io_uring]");
	if (channel.kind == DLW_NO_CHANNEL)
		return;
	search_one(search, name, &channel);
	if (channel.kind != DLW_SOCKET_CHANNEL)
		return;
	if (dlw_read_file(entry_path(search->task, "fdinfo/", name).text, note, sizeof(note)) <= 0 ||
	    !number_behind(note, "scm_fds:", 10, 0))
		return;
	for (i = 0; i < search->count; i++)
		search->sought[i].found = true;
}

bool dlw_descriptors_search(int32_t task, struct dlw_sought *sought, uint32_t count)
{
	struct search search = { task, sought, count, false };
	uint32_t i;

	for (i = 0; i < count; i++)
		sought[i].found = false;
	return dlw_each_entry(dlw_proc_path(task, 0, "fd").text, search_entry, &search) == 0 &&
	       !search.has_ring;
}

/* ---------------------------------------------------------------------------- notes */

struct notes {
	int32_t task;
	bool (*visit)(void *context, const char *text);
	void *context;
	bool done;
};

static void visit_note(void *context, const char *name)
{
	struct notes *notes = context;
	char text[2048];

	if (notes->done ||
	    dlw_read_file(entry_path(notes->task, "fdinfo/", name).text, text, sizeof(text)) <= 0)
		return;
	notes->done = !notes->visit(notes->context, text);
}

bool dlw_each_descriptor_note(int32_t task, bool (*visit)(void *context, const char *text),
			      void *context)
{
	struct notes notes = { task, visit, context, false };

	return dlw_each_entry(dlw_proc_path(task, 0, "fdinfo").text, visit_note, &notes) == 0;
}
