/*
 * core/watch/descriptors.h - what is behind descriptors, and who else has it
 */
#ifndef DLW_CORE_WATCH_DESCRIPTORS_H
#define DLW_CORE_WATCH_DESCRIPTORS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/arena.h"

enum dlw_channel_kind {
	DLW_NO_CHANNEL, /* anything else: a terminal, a file, a FIFO with a name, TCP, … */
	DLW_PIPE_CHANNEL,
	DLW_SOCKET_CHANNEL, /* a connected UNIX socket */
};

/** A way on which bytes go from process to process. */
struct dlw_channel {
	enum dlw_channel_kind kind;
	uint32_t inode;
	uint32_t peer; /* socket: the inode of its other end */
};

/**
 * dlw_descriptor_channel() - what descriptor @fd of @task is
 *
 * A FIFO that has a name is none: anybody can open it at any time.
 */
struct dlw_channel dlw_descriptor_channel(int32_t task, int fd);

/** How a descriptor has to be open to count. */
enum dlw_end { DLW_READ_END, DLW_WRITE_END, DLW_ANY_END };

/** dlw_descriptor_end() - how it is open; DLW_ANY_END: both ways, or it cannot be told */
enum dlw_end dlw_descriptor_end(int32_t task, int fd);

/** Something to look for among all descriptors of a process. */
struct dlw_sought {
	enum dlw_channel_kind kind;
	uint32_t inode;
	enum dlw_end end;
	bool found; /* by the last dlw_descriptors_search() */
};

/**
 * dlw_descriptors_search() - which of @sought does @task have?
 *
 * Sockets also when they lie, not received yet, in another socket of the task:
 * a socket with descriptors on their way has every one of @sought.
 * Return: false: its descriptors cannot be read, or do not tell all: with an
 * io_uring the kernel acts for it, on files that only the ring may have.
 */
bool dlw_descriptors_search(int32_t task, struct dlw_sought *sought, uint32_t count);

/**
 * dlw_each_descriptor_note() - the lines of /proc/TASK/fdinfo/N of every open file
 *
 * Until @visit returns false. Return: false: they cannot be read.
 */
bool dlw_each_descriptor_note(int32_t task, bool (*visit)(void *context, const char *text),
			      void *context);

/** dlw_descriptor_note() - /proc/TASK/fdinfo/FD; Return: length, negative errno */
long dlw_descriptor_note(int32_t task, int fd, char *text, uint32_t room);

#endif
