/*
 * core/watch/mappings.c - the lines of /proc/PID/maps whose permissions say 's'
 */
#include "core/watch/mappings.h"

#include <string.h>

#include "core/search.h"
#include "core/watch/maps.h"
#include "core/watch/procfs.h"
#include "core/watch/records.h"

/* SysV ids and the inodes of anonymous memory are numbered apart, on one device. */
#define SYSV_DEVICE (1ull << 63)

static const char *skip_spaces(const char *at)
{
	while (*at == ' ')
		at++;
	return at;
}

/** skip() - past @mark, which has to stand there */
static bool skip(const char **at, char mark)
{
	return *(*at)++ == mark;
}

/* START-END PERM OFFSET MAJOR:MINOR INODE   PATH */
bool dlw_mapping_parse(char *line, struct dlw_mapping *mapping)
{
	const char *at = line;
	uint64_t major, minor;
	bool shared;

	mapping->start = dlw_parse_number(&at, 16);
	if (!skip(&at, '-'))
		return false;
	mapping->end = dlw_parse_number(&at, 16);
	if (!skip(&at, ' ') || strlen(at) < 5)
		return false;
	shared = at[3] == 's';
	at += 5;
	mapping->offset = dlw_parse_number(&at, 16);
	if (!skip(&at, ' '))
		return false;
	major = dlw_parse_number(&at, 16);
	if (!skip(&at, ':'))
		return false;
	minor = dlw_parse_number(&at, 16);
	if (!skip(&at, ' '))
		return false;
	mapping->inode = dlw_parse_number(&at, 10);
	mapping->device = major << 32 | minor;
	if (!strncmp(skip_spaces(at), "/SYSV", 5))
		mapping->device |= SYSV_DEVICE;
	if (!shared || !mapping->inode)
		mapping->device = mapping->inode = mapping->offset = 0;
	return true;
}

struct search {
	uint64_t address;
	struct dlw_mapping *mapping;
	bool found;
};

static bool search_line(void *context, char *line)
{
	struct search *search = context;
	struct dlw_mapping mapping;

	if (!dlw_mapping_parse(line, &mapping) || search->address >= mapping.end)
		return true;
	search->found = search->address >= mapping.start;
	if (search->found)
		*search->mapping = mapping;
	return false;
}

bool dlw_mapping_at(int32_t pid, uint64_t address, struct dlw_mapping *mapping)
{
	struct search search = { .address = address, .mapping = mapping };

	return dlw_each_map(pid, search_line, &search) && search.found;
}

struct inode_search {
	uint64_t inode;
	bool any; /* a zombie's file is empty */
	bool found;
};

static bool compare_inode(void *context, char *line)
{
	struct inode_search *search = context;
	struct dlw_mapping mapping;

	search->any = true;
	search->found = !dlw_mapping_parse(line, &mapping) || mapping.inode == search->inode;
	return !search->found;
}

bool dlw_does_without(int32_t pid, uint64_t inode)
{
	struct inode_search search = { .inode = inode };

	return dlw_each_map(pid, compare_inode, &search) && search.any && !search.found;
}

struct reading {
	struct dlw_mappings *to;
	struct dlw_arena *arena;
	bool any; /* a zombie's file is empty */
	bool failed;
};

static bool make_room(struct reading *reading)
{
	struct dlw_mappings *to = reading->to;
	struct dlw_mapping *all = dlw_arena_room(reading->arena, to->all, sizeof(*all), to->count,
						 &to->capacity, 16);

	if (all)
		to->all = all;
	return all;
}

static bool take_line(void *context, char *line)
{
	struct reading *reading = context;
	struct dlw_mapping mapping;

	reading->any = true;
	if (!dlw_mapping_parse(line, &mapping) || !mapping.inode)
		return true;
	reading->failed = !make_room(reading);
	if (!reading->failed)
		reading->to->all[reading->to->count++] = mapping;
	return !reading->failed;
}

bool dlw_mappings_read(struct dlw_mappings *mappings, int32_t pid, struct dlw_arena *arena)
{
	struct reading reading = { .to = mappings, .arena = arena };
	uint32_t before = mappings->count;
	uint64_t begin = dlw_record_now(), start = dlw_survey_clock();

	mappings->count = 0;
	if (!dlw_each_map(pid, take_line, &reading) || reading.failed || !reading.any) {
		if (!reading.any)
			mappings->count = before;
		return false;
	}
	mappings->read_ns = begin;
	mappings->cost_ns = dlw_survey_clock() - start;
	return true;
}

const struct dlw_mapping *dlw_mappings_find(const struct dlw_mappings *mappings, uint64_t address)
{
	uint32_t at = dlw_first(i, 0, mappings->count, mappings->all[i].end > address);

	if (at == mappings->count || mappings->all[at].start > address)
		return NULL;
	return &mappings->all[at];
}

/** noted_mapping() - the newest one the shim has noted at @address; it also knows the private */
static const struct dlw_mapping *noted_mapping(const struct dlw_watched *watched, uint64_t address)
{
	const struct dlw_table *table = &watched->segment->mappings;
	uint32_t at = table->count;

	if (watched->mappings.alone)
		return NULL;
	while (at-- > 0) {
		const struct dlw_mapping *mapping = dlw_record_element(watched, table, at);

		if (mapping && address >= mapping->start && address < mapping->end)
			return mapping->inode ? mapping : NULL;
	}
	return NULL;
}

const struct dlw_mapping *dlw_shared_mapping(const struct dlw_watched *watched, uint64_t address)
{
	const struct dlw_mapping *mapping = dlw_mappings_find(&watched->mappings, address);

	return mapping ? mapping : noted_mapping(watched, address);
}
