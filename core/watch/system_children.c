/*
 * core/watch/system_children.c - whose end a wait for children awaits
 */
#include "core/watch/system_search.h"

#include <string.h>

#include "core/watch/system.h"

static bool is_waited_for(const struct dlw_system_wait *wait, const struct dlw_process_line *line)
{
	switch (wait->meaning.children) {
	case DLW_ONE_CHILD:
		return line->pid == wait->meaning.pid;
	case DLW_GROUP_OF_CHILDREN:
		return line->group == wait->meaning.pid;
	default:
		return true;
	}
}

/** same_numbers() - the process counts pids as we do */
static bool same_numbers(int32_t pid)
{
	char theirs[64], ours[64];
	ssize_t length = dlw_sys_readlink("/proc/self/ns/pid", ours, sizeof(ours));

	return length > 0 && length < (ssize_t)sizeof(ours) &&
	       dlw_sys_readlink(dlw_proc_path(pid, 0, "ns/pid").text, theirs, sizeof(theirs)) ==
		       length &&
	       !memcmp(theirs, ours, (size_t)length);
}

/** descends() - @line is of a child's child of @pid, or farther down */
static bool descends(const struct dlw_family *family, const struct dlw_process_line *line,
		     int32_t pid)
{
	uint32_t steps = family->count; /* pids may have come and gone while they were read */

	while (line->parent != pid && steps--) {
		const struct dlw_relative *parent = dlw_family_find(family, line->parent);

		if (!parent)
			return false;
		line = &parent->line;
	}
	return line->parent == pid;
}

/**
 * may_be_adopted() - a descendant may become a child by the death of those between
 *
 * It does if the process is the first of its namespace or asked for it by
 * PR_SET_CHILD_SUBREAPER, which nobody else is told. A zombie keeps its parent
 * as long as that lives, and orphans nobody any more.
 */
static bool may_be_adopted(const struct dlw_family *family, const struct dlw_process_line *line,
			   const struct dlw_system_wait *wait)
{
	return wait->meaning.children != DLW_ONE_CHILD && descends(family, line, wait->pid) &&
	       dlw_process_task(line->pid);
}

void dlw_system_find_children(struct dlw_system_search *search, struct dlw_system_wait *wait)
{
	const struct dlw_family *family = &search->survey->family;
	uint32_t i;

	if (!same_numbers(wait->pid))
		wait->live = true;
	for (i = 0; i < family->count && !wait->live; i++) {
		const struct dlw_process_line *line = &family->all[i].line;

		if (line->parent == wait->pid ? is_waited_for(wait, line)
					      : may_be_adopted(family, line, wait))
			dlw_system_add_target(search, wait, dlw_system_place_of(search, line->pid));
	}
	/* its own threads could start another child, which might end */
	if (wait->target_count && wait->meaning.children != DLW_ONE_CHILD)
		dlw_system_add_target(search, wait, wait->surveyed);
}
