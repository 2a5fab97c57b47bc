/*
 * shim/descriptor.c - identity before use
 */
#include "shim/descriptor.h"

#include "core/watch/system.h"

#include "shim/banned.h"

#define LOWEST_PLACE 50 /* descriptors below are the program's */

static bool identify(int fd, struct stat *status)
{
	return dlw_system(SYS_fstat, fd, (long)status, 0, 0, 0, 0) == 0;
}

static bool is_same(const struct dlw_kept_file *kept, int fd)
{
	struct stat status;

	return fd >= 0 && identify(fd, &status) && status.st_dev == kept->device &&
	       status.st_ino == kept->inode;
}

int dlw_move_up(int fd)
{
	static const int places[] = { 1000, 500, 200, 100, LOWEST_PLACE };
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

bool dlw_keep(struct dlw_kept_file *kept, int fd)
{
	struct stat status;

	kept->fd = dlw_move_up(fd);
	if (identify(kept->fd, &status)) {
		kept->device = status.st_dev;
		kept->inode = status.st_ino;
		dlw_kept_done(kept);
		return true;
	}
	dlw_sys_close(kept->fd);
	kept->fd = -1;
	return false;
}

int dlw_kept(struct dlw_kept_file *kept, const char *path, int flags)
{
	int fd;

	if (is_same(kept, kept->fd))
		return kept->fd;
	fd = dlw_sys_open(path, flags | O_NOFOLLOW, 0);
	if (fd < 0)
		return fd;
	if (!is_same(kept, fd)) {
		dlw_sys_close(fd);
		return -ESTALE;
	}
	kept->fd = dlw_move_up(fd);
	return kept->fd;
}

void dlw_kept_done(struct dlw_kept_file *kept)
{
	if (kept->fd < LOWEST_PLACE)
		dlw_unkeep(kept);
}

void dlw_unkeep(struct dlw_kept_file *kept)
{
	if (kept->fd < 0)
		return; /* not written either: a child would get a page of its own */
	if (is_same(kept, kept->fd))
		dlw_sys_close(kept->fd);
	kept->fd = -1;
}
