/*
 * analyzer/log_dump.h - a log printed: definitions, then events in one order
 */
#ifndef DLW_ANALYZER_LOG_DUMP_H
#define DLW_ANALYZER_LOG_DUMP_H

#include <stdbool.h>
#include <stdio.h>

#include "analyzer/log_replay.h"

struct dlw_symbols;

struct dlw_log_dump {
	struct dlw_replay *replay; /* started by the dump itself */
	struct dlw_symbols *symbols;
	FILE *out;
	bool events_only;
	struct dlw_dump_names *names; /* by log; see log_dump_names.c */
};

/** dlw_log_dump_text() - for people. Return: false if the output could not be written */
bool dlw_log_dump_text(struct dlw_log_dump *dump);

/** dlw_log_dump_jsonl() - one object a line, as docs/log-format.md says */
bool dlw_log_dump_jsonl(struct dlw_log_dump *dump);

/** dlw_log_dump_std() - a trace in the STD text format, see trace_std.h */
bool dlw_log_dump_std(struct dlw_log_dump *dump);

/** dlw_log_dump_perfetto() - JSON for Perfetto and chrome://tracing */
bool dlw_log_dump_perfetto(struct dlw_log_dump *dump);

/** dlw_dump_event() - one line of the text: what is about to happen to @cursor's thread */
void dlw_dump_event(struct dlw_log_dump *dump, const struct dlw_cursor *cursor);

/* ------------------------------------------------------------- names, looked up once */

void dlw_dump_names_begin(struct dlw_log_dump *dump);
void dlw_dump_names_end(struct dlw_log_dump *dump);

/** dlw_dump_site() - "function (file:line)" of a stack's site, "" if unknown */
const char *dlw_dump_site(struct dlw_log_dump *dump, const struct dlw_source *source,
			  uint32_t stack);

/** dlw_dump_lock() - what a lock is called; @first_stack helps where nothing else does */
const char *dlw_dump_lock(struct dlw_log_dump *dump, const struct dlw_replay_object *object,
			  uint32_t first_stack);

/** dlw_dump_thread() - its name, or "thread N" */
const char *dlw_dump_thread(const struct dlw_cursor *cursor, char room[32]);

#endif
