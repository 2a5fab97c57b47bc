/*
 * log_writer.h - a log made by hand, event by event, for tests
 *
 *	struct log_writer *w = log_writer_new(4711);
 *
 *	log_thread(w, 1, 101, "main");
 *	log_object(w, 1, DLW_MUTEX, DLW_TYPE_NORMAL, 0x1000);
 *	log_acquired(w, 1, 1, 0);
 *	log_released_top(w, 1, 0, 1);
 *	log_end(w, DLW_END_EXIT);
 *	log_writer_close(w);		// w->log, w->log_size; w->tail, w->tail_size
 *	log_writer_free(w);
 *
 * Tickets and times are given by themselves, in the order of the calls: what
 * is called one after the other is a run that happened so. Header only, so
 * that a test stays one file.
 */
#ifndef DLW_TESTS_LOG_WRITER_H
#define DLW_TESTS_LOG_WRITER_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <dlwatch/log.h>

#define LOG_START_NS 1000000000u
#define LOG_START_TICKS 5000000000u

struct log_bytes {
	uint8_t *bytes;
	size_t size, room;
};

struct log_stream {
	uint32_t serial, sequence, length;
	uint64_t last_ticks; /* of the event before in the block */
	struct dlw_recents recents;
	struct dlw_block block;
	uint8_t payload[DLW_BLOCK_ROOM];
};

struct log_writer {
	struct log_bytes out;
	struct log_stream definitions;
	struct log_stream **streams;
	uint32_t stream_count;
	uint64_t *tickets; /* last given, by object id */
	uint32_t ticket_count;
	uint64_t ticks;    /* one tick is two nanoseconds */
	uint64_t step;     /* ticks between events */
	int32_t pid;
	bool orderly;      /* it ends with an END record */
	bool lose_next_block; /* the next block flushed does not reach the file */
	uint8_t *log, *tail;
	size_t log_size, tail_size;
};

static inline void log_bytes_add(struct log_bytes *to, const void *bytes, size_t size)
{
	if (to->size + size > to->room) {
		to->room = (to->size + size) * 2;
		to->bytes = realloc(to->bytes, to->room);
		if (!to->bytes)
			abort();
	}
	if (size)
		memcpy(to->bytes + to->size, bytes, size);
	to->size += size;
}

static inline uint64_t log_time(uint64_t ticks)
{
	return LOG_START_NS + (ticks - LOG_START_TICKS) * 2;
}

static inline struct log_writer *log_writer_new_child(int32_t pid, int32_t parent)
{
	struct log_writer *w = calloc(1, sizeof(*w));
	struct dlw_log_header header = {
		.header_size = sizeof(header),
		.major = DLW_LOG_MAJOR,
		.minor = DLW_LOG_MINOR,
		.byte_order = DLW_LOG_BYTE_ORDER,
		.pid = pid,
		.parent_pid = parent,
		.process_start = 77,
		.realtime_ns = 1700000000000000000u,
		.monotonic_ns = LOG_START_NS,
		.ticks = LOG_START_TICKS,
	};

	memcpy(header.magic, DLW_LOG_MAGIC, sizeof(header.magic));
	header.checksum = dlw_log_header_checksum(&header);
	w->pid = pid;
	w->ticks = LOG_START_TICKS;
	w->step = 100;
	log_bytes_add(&w->out, &header, sizeof(header));
	return w;
}

static inline struct log_writer *log_writer_new(int32_t pid)
{
	return log_writer_new_child(pid, 1);
}

/* --------------------------------------------------------------------- blocks */

static inline void log_begin_block(struct log_writer *w, struct log_stream *stream, uint16_t type)
{
	stream->block = (struct dlw_block){
		.magic = DLW_BLOCK_MAGIC,
		.type = type,
		.thread = stream->serial,
		.sequence = stream->sequence++,
		.monotonic_ns = log_time(w->ticks),
		.ticks = w->ticks,
	};
	stream->last_ticks = w->ticks;
	dlw_recents_begin(&stream->recents, DLW_LOG_MAJOR);
}

/** log_flush_stream() - append what it has, if anything */
static inline void log_flush_stream(struct log_writer *w, struct log_stream *stream)
{
	if (!stream->length)
		return;
	stream->block.length = stream->length;
	stream->block.checksum = dlw_block_checksum(&stream->block, stream->payload);
	if (!w->lose_next_block) {
		log_bytes_add(&w->out, &stream->block, sizeof(stream->block));
		log_bytes_add(&w->out, stream->payload, stream->length);
	}
	w->lose_next_block = false;
	stream->length = 0;
}

static inline struct log_stream *log_stream(struct log_writer *w, uint32_t serial)
{
	uint32_t at;

	for (at = 0; at < w->stream_count; at++)
		if (w->streams[at]->serial == serial)
			return w->streams[at];
	w->streams = realloc(w->streams, (w->stream_count + 1) * sizeof(*w->streams));
	if (!w->streams)
		abort();
	w->streams[at] = calloc(1, sizeof(**w->streams));
	w->streams[at]->serial = serial;
	w->stream_count++;
	return w->streams[at];
}

static inline void log_flush(struct log_writer *w, uint32_t serial)
{
	log_flush_stream(w, log_stream(w, serial));
}

/** log_lose() - drop what the thread has not flushed, as if its block was lost on the way */
static inline void log_lose(struct log_writer *w, uint32_t serial)
{
	w->lose_next_block = true;
	log_flush(w, serial);
	w->lose_next_block = false;
}

/* ---------------------------------------------------------------- definitions */

static inline void log_define(struct log_writer *w, uint16_t type, const void *fixed, size_t size,
			      const void *more, size_t more_size)
{
	struct log_stream *stream = &w->definitions;
	uint32_t whole = (uint32_t)((size + more_size + 7) & ~(size_t)7);
	struct dlw_record record = { .type = type, .size = whole };

	if (stream->length + whole > DLW_BLOCK_ROOM)
		log_flush_stream(w, stream);
	if (!stream->length)
		log_begin_block(w, stream, DLW_BLOCK_DEFINITIONS);
	memset(stream->payload + stream->length, 0, whole);
	memcpy(stream->payload + stream->length, fixed, size);
	memcpy(stream->payload + stream->length, &record, sizeof(record));
	if (more_size)
		memcpy(stream->payload + stream->length + size, more, more_size);
	stream->length += whole;
}

static inline void log_process(struct log_writer *w, const char *exe, const char *argument)
{
	struct dlw_record_process record = { .pid = w->pid, .parent_pid = 1, .arg_count = 2 };
	char strings[512];
	int length = snprintf(strings, sizeof(strings), "%s%c%s%c%s", exe, 0, exe, 0, argument);

	log_define(w, DLW_RECORD_PROCESS, &record, sizeof(record), strings, (size_t)length + 1);
}

static inline void log_module(struct log_writer *w, uint64_t start, uint64_t end, uint64_t bias,
			      const char *path)
{
	struct dlw_record_module record = { .start = start, .end = end, .bias = bias };
	char strings[512];
	int length = snprintf(strings, sizeof(strings), "%s%c", path, 0);

	log_define(w, DLW_RECORD_MODULE, &record, sizeof(record), strings, (size_t)length + 1);
}

static inline void log_thread(struct log_writer *w, uint32_t serial, int32_t tid, const char *name)
{
	struct dlw_record_thread record = { .serial = serial, .tid = tid };

	snprintf(record.name, sizeof(record.name), "%s", name);
	log_define(w, DLW_RECORD_THREAD, &record, sizeof(record), NULL, 0);
}

static inline void log_object_record(struct log_writer *w, const struct dlw_record_object *record,
				     const char *name)
{
	log_define(w, DLW_RECORD_OBJECT, record, sizeof(*record), name, strlen(name) + 1);
}

static inline void log_object(struct log_writer *w, uint32_t id, enum dlw_kind kind,
			      enum dlw_type type, uint64_t address)
{
	log_object_record(w,
			  &(struct dlw_record_object){ .id = id,
						      .kind = (uint8_t)kind,
						      .type = (uint8_t)type,
						      .address = address },
			  "");
}

static inline void log_stack(struct log_writer *w, uint32_t id, uint64_t site, uint64_t caller)
{
	struct dlw_record_stack record = { .id = id, .depth = 2 };
	uint64_t frames[2] = { site, caller };

	log_define(w, DLW_RECORD_STACK, &record, sizeof(record), frames, sizeof(frames));
}

static inline void log_look(struct log_writer *w, uint32_t found, const char *open_reason)
{
	struct dlw_record_look record = { .monotonic_ns = log_time(w->ticks), .found = found };

	log_define(w, DLW_RECORD_LOOK, &record, sizeof(record), open_reason,
		   strlen(open_reason) + 1);
}

static inline void log_end(struct log_writer *w, enum dlw_end_reason reason)
{
	struct dlw_record_end record = { .monotonic_ns = log_time(w->ticks),
					 .reason = (uint32_t)reason };

	log_define(w, DLW_RECORD_END, &record, sizeof(record), NULL, 0);
	w->orderly = true;
}

/* --------------------------------------------------------------------- events */

static inline uint64_t log_ticket(struct log_writer *w, uint32_t object)
{
	if (object >= w->ticket_count) {
		uint32_t count = object * 2 + 16;

		w->tickets = realloc(w->tickets, count * sizeof(*w->tickets));
		if (!w->tickets)
			abort();
		memset(w->tickets + w->ticket_count, 0,
		       (count - w->ticket_count) * sizeof(*w->tickets));
		w->ticket_count = count;
	}
	return ++w->tickets[object];
}

/** log_event() - @event as it is; only its time is filled in */
static inline void log_event(struct log_writer *w, uint32_t serial, struct dlw_event event)
{
	struct log_stream *stream = log_stream(w, serial);
	uint32_t units[DLW_EVENT_UNITS_MAX], used;

	w->ticks += w->step;
	event.ticks = w->ticks;
	if (stream->length + sizeof(units) > DLW_BLOCK_ROOM)
		log_flush_stream(w, stream);
	if (!stream->length)
		log_begin_block(w, stream, DLW_BLOCK_EVENTS);
	used = dlw_event_put(units, &event, stream->last_ticks, &stream->recents);
	memcpy(stream->payload + stream->length, units, used * sizeof(*units));
	stream->length += used * (uint32_t)sizeof(*units);
	if (!event.untimed)
		stream->last_ticks = w->ticks;
}

static inline void log_plain(struct log_writer *w, uint32_t serial, enum dlw_event_type type,
			     uint32_t object, uint32_t stack)
{
	log_event(w, serial,
		  (struct dlw_event){ .type = type,
				      .object = object,
				      .stack = stack,
				      .ticket = object ? log_ticket(w, object) : 0 });
}

static inline void log_with(struct log_writer *w, uint32_t serial, enum dlw_event_type type,
			    uint64_t argument)
{
	log_event(w, serial, (struct dlw_event){ .type = type, .argument = argument });
}

static inline void log_acquired(struct log_writer *w, uint32_t serial, uint32_t object,
				uint32_t stack)
{
	log_plain(w, serial, DLW_EVENT_ACQUIRED, object, stack);
}

static inline void log_permit(struct log_writer *w, uint32_t serial, uint32_t object,
			      uint32_t stack)
{
	log_event(w, serial,
		  (struct dlw_event){ .type = DLW_EVENT_ACQUIRED,
				      .mode = 2,
				      .object = object,
				      .stack = stack,
				      .ticket = log_ticket(w, object) });
}

/** log_released_top() - @object only for its ticket */
static inline void log_released_top(struct log_writer *w, uint32_t serial, uint32_t depth,
				    uint32_t object)
{
	log_ticket(w, object);
	log_with(w, serial, DLW_EVENT_RELEASED_TOP, depth);
}

static inline void log_want_mode(struct log_writer *w, uint32_t serial, uint32_t object,
				 uint8_t mode, enum dlw_form form, uint32_t stack)
{
	log_event(w, serial,
		  (struct dlw_event){ .type = DLW_EVENT_WANT,
				      .mode = mode,
				      .form = (uint8_t)form,
				      .object = object,
				      .stack = stack,
				      .argument = log_time(w->ticks) });
}

static inline void log_want(struct log_writer *w, uint32_t serial, uint32_t object, uint32_t stack)
{
	log_want_mode(w, serial, object, 0, DLW_FORM_BLOCKING, stack);
}

static inline void log_gave_up(struct log_writer *w, uint32_t serial, uint32_t object, int error)
{
	log_event(w, serial,
		  (struct dlw_event){ .type = DLW_EVENT_GAVE_UP,
				      .object = object,
				      .argument = (uint64_t)error });
}

/** log_condition_wait() - gives @mutex back as well */
static inline void log_condition_wait(struct log_writer *w, uint32_t serial, uint32_t condition,
				      uint32_t mutex, enum dlw_form form, uint32_t stack)
{
	uint64_t ticket = log_ticket(w, condition);

	log_ticket(w, mutex);
	log_event(w, serial,
		  (struct dlw_event){ .type = DLW_EVENT_CONDITION_WAIT,
				      .mode = 3,
				      .form = (uint8_t)form,
				      .object = condition,
				      .stack = stack,
				      .ticket = ticket,
				      .argument = mutex });
}

/* ---------------------------------------------------------------------- close */

static inline void log_put_slot(struct log_writer *w, uint32_t slot, struct log_stream *stream)
{
	uint8_t *at = w->tail + (size_t)slot * DLW_LOG_SLOT_SIZE;

	if (!stream->length)
		return;
	stream->block.length = stream->length;
	stream->block.checksum = 0xdeadbeef; /* means nothing here */
	memcpy(at, &stream->block, sizeof(stream->block));
	memcpy(at + sizeof(stream->block), stream->payload, stream->length);
}

/** log_writer_kill() - SIGKILL: what was not flushed is in the tail */
static inline void log_writer_kill(struct log_writer *w)
{
	struct dlw_tail_header header = { .slot_size = DLW_LOG_SLOT_SIZE,
					  .slot_count = w->stream_count + 2,
					  .pid = w->pid,
					  .process_start = 77 };
	uint32_t at;

	memcpy(header.magic, DLW_TAIL_MAGIC, sizeof(header.magic));
	w->tail_size = (size_t)header.slot_count * DLW_LOG_SLOT_SIZE;
	w->tail = calloc(1, w->tail_size);
	memcpy(w->tail, &header, sizeof(header));
	log_put_slot(w, 1, &w->definitions);
	for (at = 0; at < w->stream_count; at++)
		log_put_slot(w, at + 2, w->streams[at]);
	w->log = w->out.bytes;
	w->log_size = w->out.size;
}

/** log_writer_close() - an orderly end: everything is flushed, no tail */
static inline void log_writer_close(struct log_writer *w)
{
	uint32_t at;

	for (at = 0; at < w->stream_count; at++)
		log_flush_stream(w, w->streams[at]);
	log_flush_stream(w, &w->definitions);
	w->log = w->out.bytes;
	w->log_size = w->out.size;
}

static inline void log_writer_free(struct log_writer *w)
{
	uint32_t at;

	for (at = 0; at < w->stream_count; at++)
		free(w->streams[at]);
	free(w->streams);
	free(w->tickets);
	free(w->out.bytes);
	free(w->tail);
	free(w);
}

/** log_writer_save() - as @path and @path.tail; false if that cannot be written */
static inline bool log_writer_save(const struct log_writer *w, const char *path)
{
	char tail[4096];
	FILE *file = fopen(path, "wb");
	bool good;

	if (!file)
		return false;
	good = fwrite(w->log, 1, w->log_size, file) == w->log_size;
	good &= fclose(file) == 0;
	snprintf(tail, sizeof(tail), "%s.tail", path);
	remove(tail);
	if (w->tail && good) {
		file = fopen(tail, "wb");
		good = file && fwrite(w->tail, 1, w->tail_size, file) == w->tail_size;
		good &= file && fclose(file) == 0;
	}
	return good;
}

#endif
