/*
 * core/watch/sharing.c - the same device and inode in other processes' maps
 */
#include "core/watch/sharing.h"

#include <string.h>

#include "core/watch/maps.h"
#include "core/watch/procfs.h"

/** A search: for the mapping of an address, then for that mapping anywhere. */
struct search {
	uint64_t address;
	int32_t pid;
	char file[64]; /* "MAJOR:MINOR INODE ", as in maps */
	bool found;
};

/** file_of() - the device and inode in a line of maps, which is cut behind them; NULL: none */
static const char *file_of(char *line)
{
	char *at = line;
	char *end;
	int field;

	for (field = 0; field < 3 && at; field++)
		at = (at = strchr(at, ' ')) ? at + 1 : NULL;
	end = at ? strchr(at, ' ') : NULL;
	end = end ? strchr(end + 1, ' ') : NULL;
	if (!end)
		return NULL;
	*end = '\0';
	return at;
}

static bool find_address(void *context, char *line)
{
	struct search *search = context;
	const char *at = line;
	uint64_t start = dlw_parse_number(&at, 16);
	uint64_t end = *at == '-' ? (at++, dlw_parse_number(&at, 16)) : 0;
	const char *file;

	if (search->address < start || search->address >= end)
		return true;
	file = file_of(line);
	if (file && strlen(file) < sizeof(search->file) && !strstr(file, " 0"))
		strcpy(search->file, file);
	return false;
}

static bool find_file(void *context, char *line)
{
	struct search *search = context;
	const char *file = file_of(line);

	search->found = file && !strcmp(file, search->file);
	return !search->found;
}

static void search_process(void *context, const char *name)
{
	struct search *search = context;
	int32_t pid = (int32_t)dlw_parse_number(&name, 10);

	if (pid > 0 && *name == '\0' && pid != search->pid && !search->found)
		dlw_each_map(pid, find_file, search);
}

bool dlw_is_mapped_elsewhere(int32_t pid, int32_t task, uint64_t address)
{
	struct search search = { .address = address, .pid = pid };

	if (!dlw_each_map(task, find_address, &search) || !search.file[0])
		return true;
	if (dlw_each_entry("/proc", search_process, &search) < 0)
		return true;
	return search.found;
}
