/*
 * log_coverage.c - what a log could not say
 */
#include "analyzer/log_coverage.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "analyzer/log_json.h"

static const struct {
	const char *key, *one, *many;
} counts[DLW_COVERAGE_COUNTS] = {
	[DLW_LOST_EVENTS] = { "lost_events", "event could not be written",
			      "events could not be written" },
	[DLW_LOST_STACKS] = { "lost_stacks", "call stack was not captured (site only)",
			      "call stacks were not captured (sites only)" },
	[DLW_LOST_THREADS] = { "lost_threads", "thread could not be recorded",
			       "threads could not be recorded" },
	[DLW_LOST_OBJECTS] = { "lost_objects", "lock could not be recorded",
			       "locks could not be recorded" },
	[DLW_LOST_SIGNAL_OPS] = { "lost_signal_operations",
				  "operation in a signal handler was not recorded",
				  "operations in signal handlers were not recorded" },
	[DLW_UNSEEN_THREADS] = { "unseen_threads", "thread was not seen to start",
				 "threads were not seen to start" },
	[DLW_UNSEEN_HOLDERS] = { "unseen_holders", "lock was taken out of sight",
				 "locks were taken out of sight" },
	[DLW_PRIVATE_MEMORY] = { "private_memory", "process kept its records to itself",
				 "processes kept their records to themselves" },
	[DLW_LOST_MISUSES] = { "lost_misuses", "misuse of a lock was not noted",
			       "misuses of locks were not noted" },
	[DLW_LOST_NESTINGS] = { "lost_nestings",
				"lock order was not, or not for ever, looked at by the program's watcher",
				"lock orders were not, or not for ever, looked at by the program's watcher" },
	[DLW_CUT_STACKS] = { "cut_stacks", "call stack has its innermost frames only",
			     "call stacks have their innermost frames only" },
	[DLW_LOST_ENDED] = { "lost_ended", "process that ended while it held shared locks is forgotten",
			     "processes that ended while they held shared locks are forgotten" },
};

const char *dlw_coverage_key(enum dlw_coverage_count count)
{
	return counts[count].key;
}

static void note(json_t *notes, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void note(json_t *notes, const char *format, ...)
{
	va_list arguments;

	json_t *text;

	va_start(arguments, format);
	text = json_vsprintf(format, arguments);
	va_end(arguments);
	/* NULL: the file's name is no UTF-8; what happened to it must still be said */
	json_array_append_new(notes, text ? text : json_string("a log whose name is no text: damaged"));
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash && slash[1] ? slash + 1 : path;
}

const char *dlw_log_end_word(const struct dlw_log_definitions *defined)
{
	static const char *const words[] = {
		[DLW_END_EXIT] = "exit",       [DLW_END_FAST] = "fast-exit",
		[DLW_END_EXEC] = "exec",       [DLW_END_FINDING] = "finding",
		[DLW_END_LOG_MAX] = "log-max",
	};

	return defined->end_known ? words[defined->end_reason] : "none";
}

/* ------------------------------------------------------------ one thread's gaps */

static void note_gaps(json_t *notes, const char *name, const struct dlw_log_file *file)
{
	size_t at, next;

	for (at = 0; at < file->gap_count; at = next) {
		uint32_t thread = file->gaps[at].thread;
		uint64_t blocks = 0;

		for (next = at; next < file->gap_count && file->gaps[next].thread == thread; next++)
			blocks += file->gaps[next].blocks;
		if (!thread)
			note(notes, "%s: lost %" PRIu64 " block%s of definitions", name, blocks,
			     blocks == 1 ? "" : "s");
		else
			note(notes,
			     "%s: thread %u lost %" PRIu64 " block%s (at least %" PRIu64
			     " event%s); what it held before is not known",
			     name, thread, blocks, blocks == 1 ? "" : "s", blocks,
			     blocks == 1 ? "" : "s");
	}
}

/* ------------------------------------------------------------------- one log */

/** note_unpacked() - of the log, or (@which) of its tail */
static void note_unpacked(json_t *notes, const char *name, const char *which,
			  const struct dlw_unpack_loss *loss)
{
	if (loss->bytes)
		note(notes,
		     "%s: %s damaged at byte %" PRIu64 ": %" PRIu64
		     " compressed bytes could not be unpacked",
		     name, which, loss->first, loss->bytes);
	if (loss->cut)
		note(notes, "%s: %s cut short: what follows on it is missing", name, which);
}

static void note_file(json_t *notes, const char *name, const struct dlw_log_file *file)
{
	note_unpacked(notes, name, "is", &file->log_file.loss);
	note_unpacked(notes, name, "its tail is", &file->packed_tail.loss);
	if (file->damaged_places)
		note(notes,
		     "%s: damaged at byte %" PRIu64 "%s: %" PRIu64 " bytes could not be used",
		     name, file->first_damage,
		     file->damaged_places > 1 ? " and further on" : "", file->damaged_bytes);
	if (file->unsearched_bytes)
		note(notes,
		     "%s: too much damage: the last %" PRIu64 " bytes were not looked through",
		     name, file->unsearched_bytes);
	if (file->cut_bytes)
		note(notes, "%s: ends within a block: the last %" PRIu64 " bytes are cut short",
		     name, file->cut_bytes);
	if (file->repeated_blocks)
		note(notes, "%s: %" PRIu64 " blocks came twice: the first of each was used", name,
		     file->repeated_blocks);
	if (file->damaged_slots)
		note(notes, "%s.tail: %" PRIu64 " places could not be read", name,
		     file->damaged_slots);
	if (file->tail_foreign)
		note(notes, "%s.tail: belongs to another process: not used", name);
	if (file->unknown_blocks)
		note(notes, "%s: %" PRIu64 " blocks of a later version were passed over", name,
		     file->unknown_blocks);
	note_gaps(notes, name, file);
}

static void note_replayed(json_t *notes, const char *name, const struct dlw_source *source)
{
	const struct dlw_log_definitions *defined = &source->defined;
	const struct dlw_log_loss *loss = &source->loss;
	uint32_t at;

	if (!defined->end_known && !source->file.tail_read)
		note(notes, "%s: its last events are missing: no end record and no %s.tail", name,
		     name);
	if (defined->end_known && defined->end_reason == DLW_END_LOG_MAX)
		note(notes, "%s: reached log_max: the process went on unrecorded", name);
	if (source->made_loss.lines)
		note(notes, "%s: %" PRIu64 " lines are no event and were passed over, line %" PRIu64
		     " is the first", name, source->made_loss.lines, source->made_loss.first_line);
	if (defined->recording == DLW_RECORDING_ORDER)
		note(notes, "%s: log_mode=order: lock orders only, each once; no deadlock would show",
		     name);
	if (source->file.overwritten_blocks)
		note(notes, "%s: log_mode=ring: %" PRIu64 " blocks of earlier events were overwritten",
		     name, source->file.overwritten_blocks);
	if (loss->cut_blocks)
		note(notes, "%s: %" PRIu64 " blocks could be read in part only", name,
		     loss->cut_blocks);
	if (defined->damaged_records)
		note(notes, "%s: %" PRIu64 " definitions could not be understood", name,
		     defined->damaged_records);
	if (loss->undefined_objects)
		note(notes, "%s: %" PRIu64 " locks are used but not defined", name,
		     loss->undefined_objects);
	if (loss->odd_events)
		note(notes, "%s: %" PRIu64 " events contradict what came before: passed over", name,
		     loss->odd_events);
	if (loss->unknown_events || defined->unknown_records)
		note(notes, "%s: %" PRIu64 " events and definitions of a later version were passed over",
		     name, loss->unknown_events + defined->unknown_records);
	if (loss->stale_holds)
		note(notes, "%s: %" PRIu64 " locks were released out of sight", name,
		     loss->stale_holds);
	for (at = 0; at < DLW_COVERAGE_COUNTS; at++)
		if (defined->coverage[at])
			note(notes, "%s: %" PRIu64 " %s", name, defined->coverage[at],
			     defined->coverage[at] == 1 ? counts[at].one : counts[at].many);
}

static json_t *counts_of(const struct dlw_log_definitions *defined)
{
	json_t *object = json_object();
	uint32_t at;

	for (at = 0; at < DLW_COVERAGE_COUNTS; at++)
		json_object_set_new(object, counts[at].key,
				    json_integer((json_int_t)defined->coverage[at]));
	return object;
}

static json_t *log_object(const struct dlw_source *source)
{
	const struct dlw_log_file *file = &source->file;
	json_t *object = json_object();

	json_object_set_new(object, "file", dlw_log_text(file->path));
	json_object_set_new(object, "pid", json_integer(file->header.pid));
	json_object_set_new(object, "threads", json_integer(source->cursor_count));
	json_object_set_new(object, "end", json_string(dlw_log_end_word(&source->defined)));
	json_object_set_new(object, "lost_blocks",
			    json_integer((json_int_t)dlw_source_lost_blocks(source)));
	json_object_set_new(object, "damaged_bytes",
			    json_integer((json_int_t)(file->damaged_bytes + file->cut_bytes +
						      file->log_file.loss.bytes +
						      file->packed_tail.loss.bytes)));
	json_object_set_new(object, "undefined_objects",
			    json_integer((json_int_t)source->loss.undefined_objects));
	json_object_set_new(object, "counts", counts_of(&source->defined));
	return object;
}

json_t *dlw_log_coverage(const struct dlw_replay *replay)
{
	json_t *coverage = json_object(), *logs = json_array(), *notes = json_array();
	uint32_t at;

	for (at = 0; at < replay->source_count; at++) {
		const struct dlw_source *source = replay->sources[at];
		const char *name = base_name(source->file.path);

		json_array_append_new(logs, log_object(source));
		note_file(notes, name, &source->file);
		note_replayed(notes, name, source);
	}
	if (replay->missing_tickets)
		note(notes, "at least %" PRIu64 " operations are missing from the logs",
		     replay->missing_tickets);
	if (replay->late_tickets)
		note(notes, "%" PRIu64 " operations are numbered against their order",
		     replay->late_tickets);
	json_object_set_new(coverage, "events", json_integer((json_int_t)replay->events));
	json_object_set_new(coverage, "missing_operations",
			    json_integer((json_int_t)replay->missing_tickets));
	if (replay->threads_cut) /* no loss: the copy is of the moment before */
		json_object_set_new(coverage, "threads_cut", json_integer(replay->threads_cut));
	json_object_set_new(coverage, "logs", logs);
	json_object_set_new(coverage, "notes", notes);
	return coverage;
}

void dlw_log_coverage_say(const struct dlw_replay *replay)
{
	json_t *coverage = dlw_log_coverage(replay);
	const json_t *notes = json_object_get(coverage, "notes");
	size_t at;

	for (at = 0; at < json_array_size(notes); at++)
		fprintf(stderr, "dlwatch: %s\n", json_string_value(json_array_get(notes, at)));
	json_decref(coverage);
}
