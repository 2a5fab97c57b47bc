/*
 * shim/log_file.h - the two files of a log, and nothing about what is in them
 */
#ifndef DLW_SHIM_LOG_FILE_H
#define DLW_SHIM_LOG_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include <dlwatch/log.h>
#include <dlwatch/session.h>

struct iovec;

struct dlw_log_file {
	char path[DLW_PATH_MAX];
	char tail_path[DLW_PATH_MAX];
	_Atomic uint64_t written;
	char *tail;        /* mapping of the tail; address space reserved */
	uint64_t reserved; /* bytes */
	uint32_t backed;   /* slots with memory behind them */
	uint32_t slots;    /* handed out, the header's included */
};

/** dlw_log_file_open() - create both files as the options say; one line to stderr if it fails */
bool dlw_log_file_open(struct dlw_log_file *file);

/**
 * dlw_log_file_append() - header and payload with one write(2)
 *
 * Return: false if the disk is full, the file gone, or log_max reached.
 */
bool dlw_log_file_append(struct dlw_log_file *file, const void *header, size_t header_size,
			 const void *payload, size_t size);

/** dlw_log_file_write() - the same, of @count parts, @size bytes together */
bool dlw_log_file_write(struct dlw_log_file *file, const struct iovec *parts, uint32_t count,
			uint64_t size);

/** dlw_log_file_slot() - a fresh slot of the tail, and its number; NULL: none to be had */
struct dlw_block *dlw_log_file_slot(struct dlw_log_file *file, uint32_t *index);

struct dlw_block *dlw_log_file_slot_at(const struct dlw_log_file *file, uint32_t index);

/** dlw_log_file_close() - all is appended: remove the tail (its memory stays), close the log */
void dlw_log_file_close(struct dlw_log_file *file);

/** dlw_log_file_disown() - close the descriptors; a forked child those of its parent */
void dlw_log_file_disown(void);

#endif
