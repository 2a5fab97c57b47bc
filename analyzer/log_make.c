/*
 * log_make.c - a log made from what is not one
 */
#include "analyzer/log_make.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/log_memory.h"

#define STEP 100u /* ticks from one event to the next; a tick is a nanosecond */
#define PLACES (1ull << 47)

struct stream {
	struct dlw_block block; /* .length: so much of the payload is used */
	uint64_t last;
	struct dlw_recents recents;
	uint8_t *payload;
	uint32_t room; /* bytes: grows, because most threads of some traces do little */
};

struct dlw_log_maker {
	uint8_t *bytes;
	size_t size, room;
	struct stream **streams; /* 0: definitions; then by serial */
	uint32_t stream_count, stream_room;
	uint64_t *tickets; /* by object, from 1 */
	uint32_t object_count, object_room;
	uint32_t stack_count;
	uint64_t ticks;
};

static void put_bytes(struct dlw_log_maker *maker, const void *bytes, size_t size)
{
	if (maker->size + size > maker->room) {
		maker->room = (maker->size + size) * 2;
		maker->bytes = dlw_log_reallocate(maker->bytes, maker->room, 1);
	}
	memcpy(maker->bytes + maker->size, bytes, size);
	maker->size += size;
}

/* --------------------------------------------------------------------- blocks */

static void begin_block(struct dlw_log_maker *maker, struct stream *stream, uint32_t sequence)
{
	stream->block.sequence = sequence;
	stream->block.length = 0;
	stream->block.monotonic_ns = stream->block.ticks = stream->last = maker->ticks;
	dlw_recents_begin(&stream->recents, DLW_LOG_MAJOR);
}

static uint32_t add_stream(struct dlw_log_maker *maker, uint16_t type)
{
	struct stream *stream = dlw_log_allocate(1, sizeof(*stream));

	stream->block = (struct dlw_block){ .magic = DLW_BLOCK_MAGIC,
					    .type = type,
					    .thread = maker->stream_count };
	begin_block(maker, stream, 0);
	dlw_reserve(maker->streams, maker->stream_count, maker->stream_room);
	maker->streams[maker->stream_count] = stream;
	return maker->stream_count++;
}

static void flush(struct dlw_log_maker *maker, struct stream *stream)
{
	if (!stream->block.length)
		return;
	stream->block.checksum = dlw_block_checksum(&stream->block, stream->payload);
	put_bytes(maker, &stream->block, sizeof(stream->block));
	put_bytes(maker, stream->payload, stream->block.length);
	begin_block(maker, stream, stream->block.sequence + 1);
}

/** make_room() - for @size bytes more, in this block or the next */
static void make_room(struct dlw_log_maker *maker, struct stream *stream, uint32_t size)
{
	if (stream->block.length + size > DLW_BLOCK_ROOM)
		flush(maker, stream);
	while (stream->block.length + size > stream->room) {
		stream->room = stream->room ? stream->room * 2 : 128;
		stream->payload = dlw_log_reallocate(stream->payload, stream->room, 1);
	}
}

/** define() - @record is followed by @texts, each with its NUL */
static void define(struct dlw_log_maker *maker, uint16_t type, void *record, size_t size,
		   const char *texts, size_t texts_size)
{
	struct stream *stream = maker->streams[0];
	struct dlw_record *header = record;
	uint32_t whole = (uint32_t)((size + texts_size + 7) & ~(size_t)7);

	header->type = type;
	header->size = whole;
	make_room(maker, stream, whole);
	memset(stream->payload + stream->block.length, 0, whole);
	memcpy(stream->payload + stream->block.length, record, size);
	if (texts_size)
		memcpy(stream->payload + stream->block.length + size, texts, texts_size);
	stream->block.length += whole;
}

/** cut() - the length of a text that fits a block with its record */
static size_t cut(const char *text)
{
	return strnlen(text, DLW_BLOCK_ROOM / 4);
}

/* ---------------------------------------------------------------- definitions */

static void put_header(struct dlw_log_maker *maker)
{
	struct dlw_log_header header = {
		.header_size = sizeof(header),
		.major = DLW_LOG_MAJOR,
		.minor = DLW_LOG_MINOR,
		.byte_order = DLW_LOG_BYTE_ORDER,
		.pid = 1,
	};

	memcpy(header.magic, DLW_LOG_MAGIC, sizeof(header.magic));
	header.checksum = dlw_log_header_checksum(&header);
	put_bytes(maker, &header, sizeof(header));
}

struct dlw_log_maker *dlw_log_maker_new(const char *name)
{
	struct dlw_log_maker *maker = dlw_log_allocate(1, sizeof(*maker));
	struct dlw_record_process process = { .pid = 1 };
	struct dlw_record_module module = { .end = PLACES };
	const char *slash = strrchr(name, '/');
	size_t length = cut(slash ? slash + 1 : name);
	char *texts = dlw_log_allocate(length + 2, 1); /* and an empty build id */

	memcpy(texts, slash ? slash + 1 : name, length);
	maker->ticks = STEP;
	put_header(maker);
	add_stream(maker, DLW_BLOCK_DEFINITIONS);
	define(maker, DLW_RECORD_PROCESS, &process, sizeof(process), texts, length + 1);
	define(maker, DLW_RECORD_MODULE, &module, sizeof(module), texts, length + 2);
	free(texts);
	return maker;
}

uint32_t dlw_log_maker_thread(struct dlw_log_maker *maker, const char *name, uint32_t creator)
{
	struct dlw_record_thread record = { .creator = creator };

	record.serial = add_stream(maker, DLW_BLOCK_EVENTS);
	record.tid = (int32_t)record.serial;
	strncpy(record.name, name, sizeof(record.name) - 1);
	define(maker, DLW_RECORD_THREAD, &record, sizeof(record), NULL, 0);
	return record.serial;
}

uint32_t dlw_log_maker_object(struct dlw_log_maker *maker, enum dlw_kind kind, enum dlw_type type,
			      const char *name)
{
	struct dlw_record_object record = { .kind = (uint8_t)kind, .type = (uint8_t)type };
	size_t length = cut(name);
	char *text = dlw_log_allocate(length + 1, 1);

	memcpy(text, name, length);
	if (!maker->object_count)
		maker->object_count = 1;
	dlw_reserve(maker->tickets, maker->object_count, maker->object_room);
	maker->tickets[maker->object_count] = 0;
	record.id = maker->object_count++;
	define(maker, DLW_RECORD_OBJECT, &record, sizeof(record), text, length + 1);
	free(text);
	return record.id;
}

uint32_t dlw_log_maker_stack(struct dlw_log_maker *maker, uint64_t place)
{
	struct dlw_record_stack record = { .id = ++maker->stack_count, .depth = 1 };
	/* a return address: the place is one byte before it */
	uint64_t frame = (place < PLACES - 2 ? place : PLACES - 2) + 1;
	char bytes[sizeof(frame)];

	memcpy(bytes, &frame, sizeof(frame));
	define(maker, DLW_RECORD_STACK, &record, sizeof(record), bytes, sizeof(bytes));
	return record.id;
}

/* --------------------------------------------------------------------- events */

static bool is_operation(const struct dlw_event *event)
{
	switch (event->type) {
	case DLW_EVENT_WANT:
	case DLW_EVENT_GAVE_UP:
	case DLW_EVENT_TRY_FAILED:
		return false;
	default:
		return event->object != 0;
	}
}

void dlw_log_maker_event(struct dlw_log_maker *maker, uint32_t thread, struct dlw_event event)
{
	struct stream *stream = maker->streams[thread];
	uint32_t *unit;

	make_room(maker, stream, 4 * DLW_EVENT_UNITS_MAX);
	if (!stream->block.length)
		begin_block(maker, stream, stream->block.sequence);
	maker->ticks += STEP;
	event.ticks = maker->ticks;
	if (is_operation(&event))
		event.ticket = ++maker->tickets[event.object];
	if (event.type == DLW_EVENT_CONDITION_WAIT)
		maker->tickets[event.argument]++;
	if (event.type == DLW_EVENT_WANT)
		event.argument = maker->ticks;
	unit = (uint32_t *)(void *)(stream->payload + stream->block.length);
	stream->block.length += 4 * dlw_event_put(unit, &event, stream->last, &stream->recents);
	stream->last = maker->ticks;
}

uint8_t *dlw_log_maker_finish(struct dlw_log_maker *maker, enum dlw_end_reason reason, size_t *size)
{
	struct dlw_record_end end = { .monotonic_ns = maker->ticks, .reason = reason };
	uint8_t *bytes;
	uint32_t at;

	define(maker, DLW_RECORD_END, &end, sizeof(end), NULL, 0);
	for (at = 0; at < maker->stream_count; at++) {
		flush(maker, maker->streams[at]);
		free(maker->streams[at]->payload);
		free(maker->streams[at]);
	}
	bytes = maker->bytes;
	*size = maker->size;
	free(maker->streams);
	free(maker->tickets);
	free(maker);
	return bytes;
}
