/*
 * shim/descriptor.h - descriptors that must stay open, out of the program's way
 */
#ifndef DLW_SHIM_DESCRIPTOR_H
#define DLW_SHIM_DESCRIPTOR_H

#include "core/watch/system.h"

/** dlw_move_up() - the same file at a number that programs seldom reach; Return: the number */
static inline int dlw_move_up(int fd)
{
	static const int places[] = { 1000, 500, 200, 100, 50 };
	unsigned i;

	for (i = 0; fd >= 0 && i < sizeof(places) / sizeof(places[0]); i++) {
		long high = dlw_system(SYS_fcntl, fd, F_DUPFD_CLOEXEC, places[i], 0, 0, 0);

		if (high >= 0) {
			dlw_sys_close(fd);
			return (int)high;
		}
	}
	return fd;
}

#endif
