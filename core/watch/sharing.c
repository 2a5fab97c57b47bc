/*
 * core/watch/sharing.c - the same device and inode in other processes' maps,
 * among their descriptors, or under a name
 */
#include "core/watch/sharing.h"

#include <string.h>
#include <sys/sysmacros.h>

#include "core/watch/descriptors.h"
#include "core/watch/maps.h"
#include "core/watch/procfs.h"
#include "core/watch/system.h"

struct search {
	const struct dlw_watch *watch;
	uint64_t address;
	struct dlw_mapping mapping; /* what is looked for, whole files at a time */
	bool named;                 /* by the name it was mapped by, or any other */
	bool found;                 /* with a process out of view */
	const char *directory;
};

/* ------------------------------------------------------------------------- its name */

static bool ends_with(const char *text, const char *end)
{
	size_t length = strlen(text), tail = strlen(end);

	return length >= tail && !strcmp(text + length - tail, end);
}

/** take_line() - the line of @address; the name it was mapped by may be gone since */
static bool take_line(void *context, char *line)
{
	struct search *search = context;
	struct dlw_mapping mapping;

	if (!dlw_mapping_parse(line, &mapping) || search->address >= mapping.end)
		return true;
	if (search->address >= mapping.start) {
		search->mapping = mapping;
		search->named = !ends_with(line, " (deleted)") || strstr(line, " /SYSV");
	}
	return false;
}

static void compare_entry(void *context, const char *name)
{
	struct search *search = context;
	char path[320];
	struct stat status;

	if (search->named || strlen(search->directory) + strlen(name) + 2 > sizeof(path))
		return;
	strcpy(path, search->directory);
	strcat(path, "/");
	strcat(path, name);
	search->named = dlw_system(SYS_newfstatat, AT_FDCWD, (long)path, (long)&status,
				   AT_SYMLINK_NOFOLLOW, 0, 0) == 0 &&
			status.st_ino == search->mapping.inode &&
			((uint64_t)major(status.st_dev) << 32 | minor(status.st_dev)) ==
				search->mapping.device;
}

/**
 * look_for_name() - sem_open() maps a new semaphore by a name that it then drops for the true one
 *
 * Where shared memory cannot be listed a name is taken to be there.
 */
static void look_for_name(struct search *search, int32_t task)
{
	struct dlw_path directory = dlw_proc_path(task, 0, "root/dev/shm");
	int error;

	if (search->named)
		return;
	search->directory = directory.text;
	error = dlw_each_entry(directory.text, compare_entry, search);
	if (error < 0 && error != -ENOENT)
		search->named = true;
}

/* ------------------------------------------------------------------ processes out of view */

static bool find_file(void *context, char *line)
{
	struct search *search = context;
	struct dlw_mapping mapping;

	search->found = dlw_mapping_parse(line, &mapping) &&
			mapping.inode == search->mapping.inode &&
			mapping.device == search->mapping.device;
	return !search->found;
}

/** find_open() - a descriptor of it; the note tells the inode alone, and that is enough */
static bool find_open(void *context, const char *note)
{
	struct search *search = context;
	const char *inode = strstr(note, "\nino:\t");

	if (!inode)
		return true;
	inode += strlen("\nino:\t");
	search->found = dlw_parse_number(&inode, 10) == search->mapping.inode;
	return !search->found;
}

static bool is_in_view(const struct dlw_watch *watch, int32_t pid)
{
	uint32_t i;

	for (i = 0; i < watch->process_count; i++)
		if (!watch->processes[i].replaced && !watch->processes[i].ended &&
		    !watch->processes[i].foreign &&
		    watch->processes[i].segment->pid == pid)
			return true;
	return false;
}

static void search_process(void *context, const char *name)
{
	struct search *search = context;
	int32_t pid = (int32_t)dlw_parse_number(&name, 10);

	if (pid <= 0 || *name != '\0' || search->found || is_in_view(search->watch, pid))
		return;
	dlw_each_map(pid, find_file, search);
	if (!search->found)
		dlw_each_descriptor_note(pid, find_open, search);
}

enum dlw_sharing dlw_sharing_of(const struct dlw_watch *watch, uint32_t process, uint64_t address)
{
	struct search search = { .watch = watch, .address = address };
	int32_t task = watch->processes[process].task;

	if (!dlw_each_map(task, take_line, &search) || !search.mapping.inode)
		return DLW_SHARED_ELSEWHERE;
	if (dlw_each_entry("/proc", search_process, &search) < 0 || search.found)
		return DLW_SHARED_ELSEWHERE;
	look_for_name(&search, task);
	return search.named ? DLW_SHARED_BY_NAME : DLW_SHARED_IN_VIEW;
}
