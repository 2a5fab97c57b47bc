/*
 * core/watch/python.c - Python interpreters in watched processes
 */
#include "core/watch/python.h"

#include <string.h>

#include "core/path.h"

bool dlw_python_is_there(const struct dlw_segment *segment, const struct dlw_process_state *process)
{
	uint32_t i;

	for (i = 0; !segment->python_here && i < process->module_count; i++) {
		const char *path = process->modules[i].path;

		if (path && !strncmp(dlw_base_name(path), "libpython", 9))
			return true;
	}
	return segment->python_here;
}
