/*
 * shim/options.h - DLWATCH_OPTIONS, understood
 */
#ifndef DLW_SHIM_OPTIONS_H
#define DLW_SHIM_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

enum dlw_on_deadlock {
	DLW_ON_DEADLOCK_REPORT,
	DLW_ON_DEADLOCK_EXIT,
	DLW_ON_DEADLOCK_ABORT,
	DLW_ON_DEADLOCK_STOP,
	DLW_ON_DEADLOCK_BREAK,
};
enum dlw_log_mode { DLW_LOG_FULL, DLW_LOG_ORDER, DLW_LOG_RING, DLW_LOG_OFF };
enum dlw_stacks_mode { DLW_STACKS_AUTO, DLW_STACKS_FULL, DLW_STACKS_OFF };

#define DLW_OPTION_PATH_MAX 4096

struct dlw_options {
	bool parsed;
	bool predict;
	enum dlw_on_deadlock on_deadlock;
	enum dlw_log_mode log_mode;
	enum dlw_stacks_mode stacks;
	uint64_t log_max; /* bytes */
	uint32_t check_ms, stall_ms, verbose;
	uint32_t misuse; /* bit n: sort n (enum dlw_misuse_sort) is reported */
	char color[8];
	char log[DLW_OPTION_PATH_MAX];    /* directory, %p %t expanded when opened; "": none */
	char report[DLW_OPTION_PATH_MAX]; /* "" or "stderr": stderr */
	char json[DLW_OPTION_PATH_MAX];
	char suppressions[DLW_OPTION_PATH_MAX];
};

/**
 * dlw_options_parse() - read the environment (and the file it may name) into @options
 *
 * An unknown key or a bad value prints one line to stderr and is ignored. In a
 * program that runs with raised privileges nothing that names a path counts.
 */
void dlw_options_parse(struct dlw_options *options);

/** dlw_options_text() - understand one text of key=value pairs; @origin for messages */
void dlw_options_text(struct dlw_options *options, const char *text, const char *origin,
		      bool paths_allowed);

/** dlw_expand_path() - @pattern with %p, %t and %% replaced; Return: false if it does not fit */
bool dlw_expand_path(const char *pattern, char *path, unsigned long room);

#endif
