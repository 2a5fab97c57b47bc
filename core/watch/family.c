/*
 * core/watch/family.c - who descends from whom
 */
#include "core/watch/family.h"

#include <string.h>

#include "core/search.h"

uint64_t dlw_newest_pid(void)
{
	char text[128];
	const char *at;

	if (dlw_read_line("/proc/loadavg", text, sizeof(text)) <= 0)
		return 0;
	at = strrchr(text, ' ');
	return at ? (at++, dlw_parse_number(&at, 10)) : 0;
}

struct reading {
	struct dlw_family *family;
	struct dlw_arena *arena;
	uint32_t room;
	bool failed;
};

static void read_process(void *context, const char *name)
{
	struct reading *reading = context;
	struct dlw_family *family = reading->family;
	struct dlw_relative *all;

	if (*name < '0' || *name > '9' || reading->failed)
		return;
	all = dlw_arena_room(reading->arena, family->all, sizeof(*all), family->count,
			     &reading->room, 256);
	if (!all) {
		reading->failed = true;
		return;
	}
	family->all = all;
	if (dlw_process_describe((int32_t)dlw_parse_number(&name, 10), &all[family->count].line))
		family->count++;
}

const struct dlw_relative *dlw_family_find(const struct dlw_family *family, int32_t pid)
{
	uint32_t at = dlw_first(i, 0, family->count, family->all[i].line.pid >= pid);

	return at < family->count && family->all[at].line.pid == pid ? &family->all[at] : NULL;
}

static bool was_member(const struct dlw_family *before, const struct dlw_process_line *line)
{
	const struct dlw_relative *earlier = dlw_family_find(before, line->pid);

	return earlier && earlier->member && earlier->line.start == line->start;
}

/** spread() - children of members are members; Return: some were new */
static bool spread(struct dlw_family *family)
{
	bool grown = false;
	uint32_t i;

	for (i = 0; i < family->count; i++) {
		const struct dlw_relative *parent;

		if (family->all[i].member)
			continue;
		parent = dlw_family_find(family, family->all[i].line.parent);
		if (parent && parent->member)
			family->all[i].member = grown = true;
	}
	return grown;
}

bool dlw_family_read(struct dlw_family *family, const struct dlw_family *before,
		     const int32_t *roots, uint32_t root_count, struct dlw_arena *arena)
{
	struct reading reading = { .family = family, .arena = arena };
	uint64_t newest = dlw_newest_pid(); /* before the reading: what comes later shows */
	uint32_t i;

	*family = (struct dlw_family){ .newest = newest };
	if (dlw_each_entry("/proc", read_process, &reading) < 0 || reading.failed)
		return false;
	for (i = 0; i < family->count; i++)
		family->all[i].member = was_member(before, &family->all[i].line);
	for (i = 0; i < root_count; i++) {
		struct dlw_relative *root = (struct dlw_relative *)(uintptr_t)dlw_family_find(
			family, roots[i]);

		if (root)
			root->member = true;
	}
	while (spread(family))
		;
	return true;
}
