/*
 * core/watch/sharing.c - the same device and inode in other processes' maps,
 * among their descriptors, or under a name
 */
#include "core/watch/sharing.h"

#include <string.h>
#include <sys/sysmacros.h>

#include "core/search.h"
#include "core/watch/descriptors.h"
#include "core/watch/maps.h"
#include "core/watch/picture.h"
#include "core/watch/procfs.h"
#include "core/watch/system.h"

/** The name of one file. */
struct search {
	uint64_t address;
	struct dlw_mapping mapping; /* what is looked for, whole files at a time */
	bool named;                 /* by the name it was mapped by, or any other */
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

/** has_name() - the file that @address of the process lies in */
static bool has_name(int32_t task, uint64_t address)
{
	struct search search = { .address = address };

	if (!dlw_each_map(task, take_line, &search) || !search.mapping.inode)
		return true; /* it cannot be told */
	look_for_name(&search, task);
	return search.named;
}

/* -------------------------------------------------------------------------- the files */

/** place_of() - where the file is among the others, or would have to be */
static uint32_t place_of(const struct dlw_census *census, uint64_t device, uint64_t inode)
{
	const struct dlw_shared_file *files = census->files;

	return dlw_first(i, 0, census->count,
			 files[i].inode > inode ||
				 (files[i].inode == inode && files[i].device >= device));
}

static bool is_at(const struct dlw_census *census, uint32_t place, uint64_t device, uint64_t inode)
{
	return place < census->count && census->files[place].inode == inode &&
	       census->files[place].device == device;
}

static void add_file(struct dlw_census *census, const struct dlw_alias *alias)
{
	uint32_t place = place_of(census, alias->device, alias->inode);

	if (is_at(census, place, alias->device, alias->inode))
		return;
	memmove(&census->files[place + 1], &census->files[place],
		(census->count - place) * sizeof(*census->files));
	census->files[place] = (struct dlw_shared_file){ .device = alias->device,
							  .inode = alias->inode };
	census->count++;
}

static bool is_consumable(const struct dlw_resource_state *resource)
{
	return resource->kind == DLW_SEMAPHORE || resource->kind == DLW_CONDITION ||
	       resource->kind == DLW_BARRIER;
}

/** list_files() - of the picture; all aliases of a resource are of one file */
static bool list_files(struct dlw_watch *watch, const struct dlw_picture *picture,
		       struct dlw_census *census)
{
	uint32_t room = 0, i;

	for (i = 0; i < picture->state.resource_count; i++)
		room += picture->first_alias[i] && is_consumable(&picture->resources[i]);
	census->files = dlw_arena_array(&watch->picture, struct dlw_shared_file, room + 1);
	if (!census->files)
		return false;
	for (i = 0; i < picture->state.resource_count; i++)
		if (picture->first_alias[i] && is_consumable(&picture->resources[i]))
			add_file(census, &picture->aliases[picture->first_alias[i]]);
	return true;
}

/* ------------------------------------------------------------------ processes out of view */

static bool note_mapping(void *context, char *line)
{
	struct dlw_census *census = context;
	struct dlw_mapping mapping;
	uint32_t place;

	if (!dlw_mapping_parse(line, &mapping) || !mapping.inode)
		return true;
	place = place_of(census, mapping.device, mapping.inode);
	if (is_at(census, place, mapping.device, mapping.inode))
		census->files[place].elsewhere = true;
	return true;
}

/** note_open() - a descriptor; the note tells the inode alone, and that is enough */
static bool note_open(void *context, const char *note)
{
	struct dlw_census *census = context;
	const char *text = strstr(note, "\nino:\t");
	uint64_t inode;
	uint32_t at;

	if (!text)
		return true;
	text += strlen("\nino:\t");
	inode = dlw_parse_number(&text, 10);
	for (at = place_of(census, 0, inode); at < census->count && census->files[at].inode == inode;
	     at++)
		census->files[at].elsewhere = true;
	return true;
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

static void note_process(void *context, const char *name)
{
	struct dlw_watch *watch = context;
	int32_t pid = (int32_t)dlw_parse_number(&name, 10);

	if (pid <= 0 || *name != '\0' || is_in_view(watch, pid))
		return;
	dlw_each_map(pid, note_mapping, &watch->census);
	dlw_each_descriptor_note(pid, note_open, &watch->census);
}

static void take_census(struct dlw_watch *watch, const struct dlw_picture *picture)
{
	watch->census = (struct dlw_census){ .look = watch->looks };
	watch->census.failed = !list_files(watch, picture, &watch->census) ||
			       dlw_each_entry("/proc", note_process, watch) < 0;
}

enum dlw_sharing dlw_sharing_of(struct dlw_watch *watch, const struct dlw_picture *picture,
				uint32_t resource)
{
	const struct dlw_resource_state *state = &picture->resources[resource];
	const struct dlw_alias *alias = &picture->aliases[picture->first_alias[resource]];
	struct dlw_census *census = &watch->census;
	struct dlw_shared_file *file;
	uint32_t place;

	if (!picture->first_alias[resource])
		return DLW_SHARED_ELSEWHERE;
	if (census->look != watch->looks)
		take_census(watch, picture);
	place = place_of(census, alias->device, alias->inode);
	if (census->failed || !is_at(census, place, alias->device, alias->inode))
		return DLW_SHARED_ELSEWHERE;
	file = &census->files[place];
	if (file->elsewhere)
		return DLW_SHARED_ELSEWHERE;
	if (!file->asked)
		file->named = has_name(watch->processes[state->process].task, state->address);
	file->asked = true;
	return file->named ? DLW_SHARED_BY_NAME : DLW_SHARED_IN_VIEW;
}
