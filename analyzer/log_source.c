/*
 * log_source.c - the logs that a replay is made of: opened, rewound, let go
 *
 * A log is read once for what it defines and where its blocks lie; each thread
 * that it defines or has blocks of gets a cursor, at the first of its blocks.
 */
#include "analyzer/log_replay.h"

#include <stdlib.h>
#include <string.h>

#include "analyzer/log_cursor.h"
#include "analyzer/log_memory.h"
#include "analyzer/log_objects.h"
#include "analyzer/log_order.h"
#include "core/search.h"

static struct dlw_cursor *add_cursor(struct dlw_source *source, uint32_t serial)
{
	struct dlw_replay *replay = source->replay;
	struct dlw_cursor *cursor = dlw_log_allocate(1, sizeof(*cursor));

	cursor->source = source;
	cursor->serial = serial;
	cursor->number = replay->cursor_count;
	cursor->defined = dlw_log_defined_thread(&source->defined, serial);
	cursor->detached = cursor->defined && cursor->defined->detached;
	dlw_reserve(replay->cursors, replay->cursor_count, replay->cursor_room);
	replay->cursors[replay->cursor_count++] = cursor;
	return cursor;
}

/** serials_of() - all threads that are defined or have blocks, sorted, each once */
static uint32_t *serials_of(const struct dlw_source *source, uint32_t *count)
{
	const struct dlw_log_file *file = &source->file;
	uint32_t *serials, room, kept = 0, at;

	room = source->defined.thread_count + (uint32_t)file->block_count;
	serials = dlw_log_allocate(room, sizeof(*serials));
	for (at = 0; at < source->defined.thread_count; at++)
		serials[kept++] = source->defined.threads[at].serial;
	for (at = 0; at < file->block_count; at++)
		if (file->blocks[at].type == DLW_BLOCK_EVENTS &&
		    (!at || file->blocks[at].thread != file->blocks[at - 1].thread ||
		     file->blocks[at - 1].type != DLW_BLOCK_EVENTS))
			serials[kept++] = file->blocks[at].thread;
	*count = dlw_log_index_sort(serials, kept);
	return serials;
}

static void find_stream(struct dlw_cursor *cursor)
{
	const struct dlw_log_file *file = &cursor->source->file;
	size_t at = dlw_first(i, 0, file->block_count, file->blocks[i].thread >= cursor->serial);

	cursor->block = file->blocks + at;
	while (at < file->block_count && file->blocks[at].thread == cursor->serial) {
		cursor->source->replay->total_bytes += file->blocks[at].length;
		at++;
	}
	cursor->block_end = file->blocks + at;
}

static void add_cursors(struct dlw_source *source)
{
	uint32_t count, at, *serials = serials_of(source, &count);

	source->cursors = dlw_log_allocate(count, sizeof(*source->cursors));
	source->cursor_count = count;
	for (at = 0; at < count; at++) {
		source->cursors[at] = add_cursor(source, serials[at]);
		find_stream(source->cursors[at]);
	}
	dlw_log_index_build(&source->cursor_index, serials, count);
	free(serials);
}

static void note_last_time(struct dlw_source *source)
{
	size_t at;

	source->last_ns = source->file.header.monotonic_ns;
	if (source->defined.look.present && source->defined.look.monotonic_ns > source->last_ns)
		source->last_ns = source->defined.look.monotonic_ns;
	if (source->defined.end_known && source->defined.end_ns > source->last_ns)
		source->last_ns = source->defined.end_ns;
	for (at = 0; at < source->file.block_count; at++)
		if (source->file.blocks[at].monotonic_ns > source->last_ns)
			source->last_ns = source->file.blocks[at].monotonic_ns;
}

static struct dlw_source *added(struct dlw_replay *replay, struct dlw_source *source, int opened,
				char **error)
{
	if (opened < 0) {
		*error = dlw_copy(source->file.error);
		dlw_log_file_close(&source->file);
		free(source);
		return NULL;
	}
	source->replay = replay;
	source->number = replay->source_count;
	dlw_log_definitions_read(&source->defined, &source->file);
	source->objects = dlw_log_allocate(source->defined.object_count, sizeof(*source->objects));
	add_cursors(source);
	note_last_time(source);
	dlw_reserve(replay->sources, replay->source_count, replay->source_room);
	replay->sources[replay->source_count++] = source;
	return source;
}

struct dlw_replay *dlw_replay_new(void)
{
	return dlw_log_allocate(1, sizeof(struct dlw_replay));
}

/** refuse_twice() - Return: 0, or -1 if @file is one of the logs already */
static int refuse_twice(const struct dlw_replay *replay, struct dlw_log_file *file)
{
	uint32_t at;

	for (at = 0; at < replay->source_count; at++) {
		const struct dlw_log_file *other = &replay->sources[at]->file;

		if (memcmp(&other->header, &file->header, sizeof(file->header)))
			continue;
		file->error = dlw_print("%s: not read: the same log as %s", file->path, other->path);
		return -1;
	}
	return 0;
}

struct dlw_source *dlw_replay_add(struct dlw_replay *replay, const char *path, char **error)
{
	struct dlw_source *source = dlw_log_allocate(1, sizeof(*source));
	int opened = dlw_log_file_open(&source->file, path);

	if (!opened)
		opened = refuse_twice(replay, &source->file);
	return added(replay, source, opened, error);
}

struct dlw_source *dlw_replay_add_memory(struct dlw_replay *replay, const char *path,
					 const void *bytes, size_t size, const void *tail,
					 size_t tail_size, char **error)
{
	struct dlw_source *source = dlw_log_allocate(1, sizeof(*source));

	return added(replay, source,
		     dlw_log_file_open_memory(&source->file, path, bytes, size, tail, tail_size),
		     error);
}

/** find_moment() - the earliest at which a process of the source's machine was copied */
static void find_moment(const struct dlw_replay *replay, struct dlw_source *source)
{
	uint32_t at;

	source->copied_at = 0;
	for (at = 0; at < replay->source_count; at++) {
		const struct dlw_log_file *file = &replay->sources[at]->file;

		if (!memcmp(file->header.boot_id, source->file.header.boot_id,
			    sizeof(file->header.boot_id)) &&
		    file->copied_at && (!source->copied_at || file->copied_at < source->copied_at))
			source->copied_at = file->copied_at;
	}
}

void dlw_replay_start(struct dlw_replay *replay)
{
	uint32_t at;

	for (at = 0; at < replay->source_count; at++) {
		const struct dlw_log_header *header = &replay->sources[at]->file.header;

		if (!at || header->monotonic_ns < replay->base_ns)
			replay->base_ns = header->monotonic_ns;
		find_moment(replay, replay->sources[at]);
	}
	dlw_objects_start(replay);
	for (at = 0; at < replay->cursor_count; at++)
		dlw_cursor_load(replay->cursors[at]);
	dlw_order_start(replay);
}

static void free_cursors(struct dlw_replay *replay)
{
	uint32_t at;

	dlw_objects_free(replay);
	for (at = 0; at < replay->cursor_count; at++)
		dlw_cursor_free(replay->cursors[at]);
	for (at = 0; at < replay->source_count; at++) {
		free(replay->sources[at]->cursors);
		dlw_log_index_free(&replay->sources[at]->cursor_index);
	}
	replay->cursor_count = 0;
}

void dlw_replay_rewind(struct dlw_replay *replay)
{
	uint32_t at;

	free_cursors(replay);
	replay->heap_count = replay->blocked_count = replay->object_numbers = 0;
	replay->events = replay->total_bytes = replay->done_bytes = 0;
	replay->stalls = replay->missing_tickets = replay->late_tickets = 0;
	replay->overwritten_tickets = 0;
	replay->threads_cut = 0;
	replay->unheard = false;
	for (at = 0; at < replay->source_count; at++) {
		struct dlw_source *source = replay->sources[at];

		source->loss = (struct dlw_log_loss){ 0 };
		free(source->next_tickets);
		source->next_tickets = NULL;
		if (source->defined.object_count)
			memset(source->objects, 0,
			       source->defined.object_count * sizeof(*source->objects));
		add_cursors(source);
	}
	free(replay->heap);
	dlw_replay_start(replay);
}

struct dlw_process_state dlw_source_process(const struct dlw_source *source)
{
	const struct dlw_log_definitions *defined = &source->defined;

	return (struct dlw_process_state){
		.pid = source->file.header.pid,
		.exe = defined->exe,
		.args = (const char *const *)defined->args,
		.arg_count = defined->arg_count,
		.modules = defined->modules,
		.module_count = defined->module_count,
	};
}

uint64_t dlw_source_lost_blocks(const struct dlw_source *source)
{
	uint64_t blocks = 0;
	size_t at;

	for (at = 0; at < source->file.gap_count; at++)
		blocks += source->file.gaps[at].blocks;
	return blocks;
}

bool dlw_source_is_cut(const struct dlw_source *source)
{
	if (source->defined.end_known)
		return source->defined.end_reason == DLW_END_LOG_MAX;
	return !source->file.tail_read || source->file.damaged_slots;
}

void dlw_replay_free(struct dlw_replay *replay)
{
	uint32_t at;

	free_cursors(replay);
	for (at = 0; at < replay->source_count; at++) {
		struct dlw_source *source = replay->sources[at];

		dlw_log_definitions_free(&source->defined);
		dlw_log_file_close(&source->file);
		free(source->made);
		free(source->objects);
		free(source->next_tickets);
		free(source);
	}
	free(replay->sources);
	free(replay->cursors);
	free(replay->heap);
	free(replay);
}
