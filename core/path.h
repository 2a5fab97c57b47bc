/*
 * core/path.h - names of files
 */
#ifndef DLW_CORE_PATH_H
#define DLW_CORE_PATH_H

#include <string.h>

/** dlw_base_name() - what follows the last slash; points into @path */
static inline const char *dlw_base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

#endif
