/*
 * core/watch/sharing.c - the same device and inode in other processes' maps
 */
#include "core/watch/sharing.h"

#include "core/watch/maps.h"
#include "core/watch/procfs.h"

struct search {
	const struct dlw_watch *watch;
	struct dlw_mapping mapping; /* what is looked for, whole files at a time */
	bool found;
};

static bool find_file(void *context, char *line)
{
	struct search *search = context;
	struct dlw_mapping mapping;

	search->found = dlw_mapping_parse(line, &mapping) &&
			mapping.inode == search->mapping.inode &&
			mapping.device == search->mapping.device;
	return !search->found;
}

static bool is_in_view(const struct dlw_watch *watch, int32_t pid)
{
	uint32_t i;

	for (i = 0; i < watch->process_count; i++)
		if (!watch->processes[i].replaced && !watch->processes[i].ended &&
		    watch->processes[i].segment->pid == pid)
			return true;
	return false;
}

static void search_process(void *context, const char *name)
{
	struct search *search = context;
	int32_t pid = (int32_t)dlw_parse_number(&name, 10);

	if (pid > 0 && *name == '\0' && !search->found && !is_in_view(search->watch, pid))
		dlw_each_map(pid, find_file, search);
}

bool dlw_is_mapped_elsewhere(const struct dlw_watch *watch, uint32_t process, uint64_t address)
{
	struct search search = { .watch = watch };

	if (!dlw_mapping_at(watch->processes[process].task, address, &search.mapping) ||
	    !search.mapping.inode)
		return true;
	if (dlw_each_entry("/proc", search_process, &search) < 0)
		return true;
	return search.found;
}
