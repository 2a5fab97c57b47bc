/*
 * shim/descriptor.h - files that must stay open in somebody else's program
 *
 * The segment and the log grow after the program may have changed its user, its
 * root or its limits, so their descriptors stay open: at a number that
 * programs seldom reach, closed by exec, and believed only while they are
 * still the same file, for a program may close what it does not know and open
 * its own in that place.
 */
#ifndef DLW_SHIM_DESCRIPTOR_H
#define DLW_SHIM_DESCRIPTOR_H

#include <stdbool.h>
#include <stdint.h>

/** A descriptor and the file it must still be. */
struct dlw_kept_file {
	int fd; /* -1: none */
	uint64_t device, inode;
};

/** dlw_move_up() - the same file at a high number, close-on-exec; Return: the number */
int dlw_move_up(int fd);

/**
 * dlw_keep() - keep @fd (≥ 0), moved up; false: it is no file, and is closed
 *
 * Where the limit leaves no high numbers every one of them is the program's:
 * the file is then closed, and opened again by its path for each use.
 */
bool dlw_keep(struct dlw_kept_file *kept, int fd);

/**
 * dlw_kept() - the descriptor, opened again from @path if the program took it
 * @flags: of open(2)
 *
 * Return: negative errno if the same file is not to be had any more.
 */
int dlw_kept(struct dlw_kept_file *kept, const char *path, int flags);

/** dlw_kept_done() - the use of dlw_kept()'s descriptor is over */
void dlw_kept_done(struct dlw_kept_file *kept);

/** dlw_unkeep() - close it if it is still ours: at the end, and in the child of a fork */
void dlw_unkeep(struct dlw_kept_file *kept);

#endif
