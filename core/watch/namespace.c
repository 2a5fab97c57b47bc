/*
 * core/watch/namespace.c - links below /proc/PID/ns
 */
#include "core/watch/namespace.h"

#include <string.h>

#include "core/watch/procfs.h"
#include "core/watch/system.h"

#define FIRST_NAMESPACE 0xeffffffcu /* PROC_PID_INIT_INO, the same in every kernel */

/** read_link() - the digits in "pid:[4026531836]"; 0: it cannot be read */
static uint64_t read_link(const char *path)
{
	char text[64];
	const char *at = text + strlen("pid:[");
	ssize_t length = dlw_sys_readlink(path, text, sizeof(text) - 1);

	if (length <= (ssize_t)strlen("pid:["))
		return 0;
	text[length] = '\0';
	return dlw_parse_number(&at, 10);
}

uint64_t dlw_pid_namespace(void)
{
	return read_link("/proc/self/ns/pid");
}

bool dlw_proc_is_foreign(void)
{
	char text[32];
	const char *at = text;
	ssize_t length = dlw_sys_readlink("/proc/self", text, sizeof(text) - 1);

	if (length <= 0)
		return false;
	text[length] = '\0';
	return (long)dlw_parse_number(&at, 10) != dlw_system(SYS_getpid, 0, 0, 0, 0, 0, 0);
}

struct search {
	uint64_t inode;
	bool found;
};

static void compare(void *context, const char *name)
{
	struct search *search = context;
	int32_t pid = (int32_t)dlw_parse_number(&name, 10);

	if (pid > 0 && *name == '\0' && !search->found)
		search->found = read_link(dlw_proc_path(pid, 0, "ns/pid").text) == search->inode &&
				dlw_process_task(pid); /* it may be a zombie for long */
}

bool dlw_namespace_may_live(uint64_t inode)
{
	struct search search = { .inode = inode };

	if (dlw_pid_namespace() != FIRST_NAMESPACE || dlw_proc_is_foreign())
		return true;
	return dlw_each_entry("/proc", compare, &search) < 0 || search.found;
}
