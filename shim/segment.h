/*
 * shim/segment.h - memory in the segment that the watcher sees
 */
#ifndef DLW_SHIM_SEGMENT_H
#define DLW_SHIM_SEGMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <dlwatch/session.h>

/**
 * dlw_segment_open() - make the process's segment, in the session's directory or private
 *
 * Called once per process while it is set up. Sets segment, reserved and
 * in_file of the runtime. Return: false if not even private memory is to be had.
 */
bool dlw_segment_open(void);

/**
 * dlw_segment_leaves_behind() - the segment of a former program in file @path
 *
 * Return: it holds something that other processes have, too.
 */
bool dlw_segment_leaves_behind(const char *path);

/**
 * dlw_segment_close() - take the file away; the memory stays for threads still running
 *
 * The file of one that holds something that other processes have, too, stays.
 */
void dlw_segment_close(void);

/** dlw_segment_disown() - in the child of a fork: close the parent's descriptor */
void dlw_segment_disown(void);

/**
 * dlw_segment_take() - @size zeroed bytes for good, aligned to 64
 *
 * Return: the offset, 0 if there is no more (counted by the caller).
 */
uint64_t dlw_segment_take(size_t size);

/**
 * dlw_table_grow() - room for element @position
 *
 * Return: the element, NULL if there is no memory. The caller publishes it by
 * storing table->count.
 */
void *dlw_table_grow(struct dlw_table *table, uint32_t position);

/**
 * dlw_reserve() - address space with nothing behind it, @most bytes or less
 * @size: out: how much; where RLIMIT_AS is finite, a small share of it
 */
void *dlw_reserve(uint64_t most, uint64_t *size);

/** dlw_map() - @size zeroed private bytes, wiped in a child if @wipe; NULL: none */
void *dlw_map(size_t size, bool wipe);
void dlw_unmap(void *memory, size_t size);

#endif
