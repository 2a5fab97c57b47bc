/*
 * shim/log_write.c - NAME.dlw and NAME.dlw.tail
 *
 * The tail is one growing shared mapping, made like the segment: backed by
 * fallocate() before it is touched. A thread fills its slot with plain stores
 * and appends it with one write(2); nobody else touches a living thread's
 * slot, except that the last words of the process copy out what others have
 * not flushed. Definitions share slot 1 under log_lock.
 *
 * The log's descriptor is moved up out of the way and checked before each
 * write: a program may close descriptors that it does not know, and open its
 * own files in their place.
 */
#include "shim/log_write.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#include "core/watch/maps.h"
#include "core/watch/procfs.h"
#include "core/watch/session_directory.h"
#include "core/watch/system.h"
#include "shim/arena_map.h"
#include "shim/log_file.h"
#include "shim/say.h"
#include "shim/segment.h"
#include "shim/trace.h"

#include "shim/banned.h"

#define DEFINITIONS_SLOT 1u

/** What the log knows of the modules, to tell which addresses need a new look. */
struct range {
	uint64_t start, end;
};

struct dlw_logger {
	struct dlw_log_file file;
	struct dlw_slot definitions;
	struct dlw_slot *free_slots;
	_Atomic uint32_t object_ids;
	_Atomic bool stopped;
	struct range *modules;
	uint32_t module_count, module_room;
};

static uint32_t *payload(const struct dlw_slot *slot)
{
	return (uint32_t *)(slot->block + 1);
}

/** begin_block() - the slot is empty: its next block starts now */
static void begin_block(struct dlw_slot *slot, uint32_t sequence)
{
	struct dlw_block *block = slot->block;

	atomic_store_explicit((_Atomic uint32_t *)&block->length, 0, memory_order_release);
	memset(slot->recent, 0, sizeof(slot->recent));
	block->sequence = sequence;
	block->monotonic_ns = dlw_nanoseconds();
	block->ticks = slot->ticks = dlw_ticks();
}

static void set_up_slot(struct dlw_slot *slot, uint16_t type, uint32_t serial)
{
	memset(slot->block, 0, sizeof(*slot->block));
	slot->serial = serial;
	slot->block->type = type;
	slot->block->thread = serial;
	begin_block(slot, 0);
	slot->block->magic = DLW_BLOCK_MAGIC;
}

/** stop_at_limit() - log_max is reached: the last words, past the limit, say so */
static void stop_at_limit(void)
{
	struct dlw_logger *logger = dlw_runtime->logger;
	struct dlw_record_end end = {
		.record = { .type = DLW_RECORD_END, .size = sizeof(end) },
		.monotonic_ns = dlw_nanoseconds(),
		.reason = DLW_END_LOG_MAX,
	};
	struct dlw_block block = {
		.magic = DLW_BLOCK_MAGIC,
		.type = DLW_BLOCK_DEFINITIONS,
		.thread = DLW_LAST_WORDS,
		.length = sizeof(end),
		.monotonic_ns = end.monotonic_ns,
		.ticks = dlw_ticks(),
	};

	block.checksum = dlw_block_checksum(&block, &end);
	if (!atomic_exchange(&logger->stopped, true))
		dlw_log_file_append(&logger->file, &block, sizeof(block), &end, sizeof(end));
}

/** append_block() - write a block with its payload; false: it is lost */
static bool append_block(struct dlw_block *block, const void *bytes)
{
	struct dlw_logger *logger = dlw_runtime->logger;

	if (logger->stopped)
		return false;
	if (logger->file.written + sizeof(*block) + block->length > dlw_options.log_max) {
		stop_at_limit();
		return false;
	}
	block->checksum = dlw_block_checksum(block, bytes);
	return dlw_log_file_append(&logger->file, block, sizeof(*block), bytes, block->length);
}

/** flush() - append the slot's block and begin the next; the slot's owner only */
static void flush(struct dlw_slot *slot)
{
	struct dlw_block *block = slot->block;

	if (!block->length)
		return;
	if (!append_block(block, payload(slot)) && !dlw_runtime->logger->stopped)
		dlw_runtime_count(DLW_LOST_EVENTS, block->length / 12);
	begin_block(slot, block->sequence + 1);
}

/* ------------------------------------------------------------------------- definitions */

static uint32_t padded(size_t size)
{
	return (uint32_t)((size + 7) & ~(size_t)7);
}

/** append_large() - a record that does not fit a slot, as a block of its own */
static void append_large(struct dlw_slot *slot, const void *record, uint32_t size)
{
	struct dlw_block block;

	flush(slot);
	block = *slot->block;
	block.length = size;
	if (!append_block(&block, record))
		dlw_runtime_count(DLW_LOST_EVENTS, 1);
	begin_block(slot, block.sequence + 1);
}

/** define_locked() - add one record; log_lock is held; @record has padded(size) bytes */
static void define_locked(void *record, uint16_t type, size_t size)
{
	struct dlw_slot *slot = &dlw_runtime->logger->definitions;
	struct dlw_record *header = record;
	uint32_t room = padded(size);

	header->type = type;
	header->reserved = 0;
	header->size = room;
	if (dlw_runtime->logger->stopped)
		return;
	if (room > DLW_BLOCK_ROOM) {
		append_large(slot, record, room);
		return;
	}
	if (slot->block->length + room > DLW_BLOCK_ROOM)
		flush(slot);
	memcpy((char *)payload(slot) + slot->block->length, record, room);
	atomic_store_explicit((_Atomic uint32_t *)&slot->block->length,
			      slot->block->length + room, memory_order_release);
}

static void define(void *record, uint16_t type, size_t size)
{
	dlw_lock(&dlw_runtime->log_lock, DLW_RANK_LOG);
	define_locked(record, type, size);
	dlw_unlock(&dlw_runtime->log_lock, DLW_RANK_LOG);
}

static void define_process(void)
{
	union {
		struct dlw_record_process process;
		char bytes[64 * 1024];
	} *record = dlw_map(sizeof(*record), false);
	size_t room = sizeof(*record) - sizeof(record->process) - 16;
	char *text = record ? record->process.strings : NULL;
	ssize_t got;
	size_t used;

	if (!record)
		return;
	record->process.pid = dlw_runtime->pid;
	record->process.parent_pid = dlw_runtime->segment->parent_pid;
	got = dlw_sys_readlink("/proc/self/exe", text, 4096);
	used = got > 0 ? (size_t)got + 1 : 1;
	got = dlw_read_file("/proc/self/cmdline", text + used, room - used);
	if (got > 0) {
		const char *end = text + used + got;

		record->process.args_cut = (size_t)got == room - used - 1;
		for (; text + used < end; used += strlen(text + used) + 1)
			record->process.arg_count++;
	}
	dlw_lock(&dlw_runtime->log_lock, DLW_RANK_LOG);
	define_locked(record, DLW_RECORD_PROCESS, sizeof(record->process) + used + 1);
	dlw_unlock(&dlw_runtime->log_lock, DLW_RANK_LOG);
	dlw_unmap(record, sizeof(*record));
}

static bool module_known(uint64_t start, uint64_t end)
{
	struct dlw_logger *logger = dlw_runtime->logger;
	uint32_t i;

	for (i = 0; i < logger->module_count; i++)
		if (start >= logger->modules[i].start && end <= logger->modules[i].end)
			return true;
	return false;
}

static void define_module(const struct dlw_module *module)
{
	struct dlw_logger *logger = dlw_runtime->logger;
	size_t path = strlen(module->path) + 1;
	const char *build_id = module->build_id ? module->build_id : "";
	union {
		struct dlw_record_module module;
		char bytes[sizeof(struct dlw_record_module) + DLW_PATH_MAX + 256];
	} record = { .module = { .start = module->start,
				 .end = module->end,
				 .bias = module->bias } };

	if (path + strlen(build_id) + 1 > DLW_PATH_MAX + 240 ||
	    logger->module_count == logger->module_room)
		return;
	memcpy(record.module.strings, module->path, path);
	strcpy(record.module.strings + path, build_id);
	define_locked(&record, DLW_RECORD_MODULE,
		      sizeof(record.module) + path + strlen(build_id) + 1);
	logger->modules[logger->module_count++] = (struct range){ module->start, module->end };
}

/** define_modules() - what is mapped now and not yet in the log; log_lock is held */
static void define_modules(void)
{
	struct dlw_arena arena = dlw_arena_from_maps();
	struct dlw_module *modules;
	uint32_t count = dlw_maps_modules(dlw_runtime->pid, &arena, &modules);
	uint32_t i;

	for (i = 0; i < count; i++)
		if (!module_known(modules[i].start, modules[i].end))
			define_module(&modules[i]);
	dlw_arena_release(&arena);
}

void dlw_log_stack(const struct dlw_stack_record *stack)
{
	union {
		struct dlw_record_stack stack;
		char bytes[sizeof(struct dlw_record_stack) + 256 * sizeof(uint64_t)];
	} record;
	bool known = true;
	uint32_t i;

	if (!dlw_runtime->logger || stack->depth > 256)
		return;
	record.stack.id = stack->id;
	record.stack.depth = stack->depth;
	memcpy(record.stack.frames, stack->frames, stack->depth * sizeof(uint64_t));
	dlw_lock(&dlw_runtime->log_lock, DLW_RANK_LOG);
	for (i = 0; i < stack->depth && known; i++)
		known = module_known(stack->frames[i] - 1, stack->frames[i]);
	if (!known)
		define_modules();
	define_locked(&record, DLW_RECORD_STACK,
		      sizeof(record.stack) + stack->depth * sizeof(uint64_t));
	dlw_unlock(&dlw_runtime->log_lock, DLW_RANK_LOG);
}

void dlw_log_thread_name(uint32_t serial, const char *name)
{
	struct dlw_record_thread_name record = { .serial = serial };

	if (!dlw_runtime->logger)
		return;
	strncpy(record.name, name, sizeof(record.name) - 1);
	define(&record, DLW_RECORD_THREAD_NAME, sizeof(record));
}

uint32_t dlw_log_object(struct dlw_object *object)
{
	const char *name = object->name ? dlw_at(object->name) : "";
	uint32_t life = object->life;
	union {
		struct dlw_record_object object;
		char bytes[sizeof(struct dlw_record_object) + 264];
	} record = { 0 };

	if (dlw_likely(object->log_life == life))
		return object->log_id;
	dlw_lock(&dlw_runtime->log_lock, DLW_RANK_LOG);
	if (object->log_life != life) {
		object->log_id = ++dlw_runtime->logger->object_ids;
		record.object.id = object->log_id;
		record.object.kind = object->kind;
		record.object.type = object->type;
		record.object.traits = object->traits;
		record.object.address = object->address;
		record.object.init_stack = object->init_stack;
		record.object.initial = object->initial;
		record.object.initial_known = object->initial_known;
		strncpy(record.object.name, name, 256);
		define_locked(&record, DLW_RECORD_OBJECT,
			      sizeof(record.object) + strlen(record.object.name) + 1);
		__atomic_store_n(&object->log_life, life, __ATOMIC_RELEASE);
	}
	dlw_unlock(&dlw_runtime->log_lock, DLW_RANK_LOG);
	return object->log_id;
}

void dlw_log_misuse(const struct dlw_misuse *note)
{
	union {
		struct dlw_record_misuse misuse;
		char bytes[sizeof(struct dlw_record_misuse) + 264];
	} record = { .misuse.misuse = *note };

	if (!dlw_runtime->logger)
		return;
	if (note->name)
		strncpy(record.misuse.name, dlw_at(note->name), 256);
	record.misuse.misuse.name = 0;
	record.misuse.misuse.hidden = 0;
	define(&record, DLW_RECORD_MISUSE,
	       sizeof(record.misuse) + strlen(record.misuse.name) + 1);
}

void dlw_log_look(uint32_t found, const char *open_reason)
{
	union {
		struct dlw_record_look look;
		char bytes[sizeof(struct dlw_record_look) + 264];
	} record = { 0 };

	if (!dlw_runtime->logger)
		return;
	record.look.monotonic_ns = dlw_nanoseconds();
	record.look.found = found;
	strncpy(record.look.open_reason, open_reason ? open_reason : "", 256);
	define(&record, DLW_RECORD_LOOK,
	       sizeof(record.look) + strlen(record.look.open_reason) + 1);
}

void dlw_log_python(const char *text, size_t length)
{
	size_t room = sizeof(struct dlw_record_python) + padded(length + 1);
	struct dlw_record_python *record;

	if (!dlw_runtime->logger)
		return;
	record = dlw_map(room, false);
	if (!record)
		return;
	record->monotonic_ns = dlw_nanoseconds();
	memcpy(record->text, text, length);
	define(record, DLW_RECORD_PYTHON, sizeof(*record) + length + 1);
	dlw_unmap(record, room);
}

/* ----------------------------------------------------------------------------- threads */

/** take_slot() - one that is free, or a new one; log_lock is held */
static struct dlw_slot *take_slot(void)
{
	struct dlw_logger *logger = dlw_runtime->logger;
	struct dlw_slot *slot = logger->free_slots;

	if (slot) {
		logger->free_slots = slot->next_free;
		return slot;
	}
	slot = dlw_map(sizeof(*slot), false);
	if (!slot)
		return NULL;
	slot->block = dlw_log_file_slot(&logger->file, &slot->index);
	if (slot->block)
		return slot;
	dlw_unmap(slot, sizeof(*slot));
	return NULL;
}

struct dlw_slot *dlw_log_thread(uint32_t serial, int32_t tid, uint32_t creator,
				uint32_t created_stack, bool detached)
{
	struct dlw_record_thread record = {
		.serial = serial,
		.tid = tid,
		.creator = creator,
		.created_stack = created_stack,
		.detached = detached,
	};
	struct dlw_slot *slot;

	if (!dlw_runtime->logger || dlw_runtime->logger->stopped)
		return NULL;
	dlw_system(SYS_prctl, PR_GET_NAME, (long)record.name, 0, 0, 0, 0);
	dlw_lock(&dlw_runtime->log_lock, DLW_RANK_LOG);
	define_locked(&record, DLW_RECORD_THREAD, sizeof(record));
	slot = take_slot();
	if (slot)
		set_up_slot(slot, DLW_BLOCK_EVENTS, serial);
	else
		dlw_runtime_count(DLW_LOST_THREADS, 1);
	dlw_unlock(&dlw_runtime->log_lock, DLW_RANK_LOG);
	return slot;
}

void dlw_log_thread_gone(struct dlw_slot *slot)
{
	dlw_lock(&dlw_runtime->log_lock, DLW_RANK_LOG);
	flush(slot);
	slot->next_free = dlw_runtime->logger->free_slots;
	dlw_runtime->logger->free_slots = slot;
	dlw_unlock(&dlw_runtime->log_lock, DLW_RANK_LOG);
}

void dlw_log_event(struct dlw_context *self, struct dlw_event *event)
{
	struct dlw_slot *slot = self->log;
	uint32_t length = slot->block->length;

	if (dlw_unlikely(length + DLW_EVENT_UNITS_MAX * 4 > DLW_BLOCK_ROOM)) {
		flush(slot);
		length = 0;
		if (dlw_runtime->logger->stopped) {
			self->log = NULL;
			return;
		}
	}
	event->ticks = dlw_ticks();
	if (dlw_unlikely(event->ticks < slot->ticks)) /* moved to another CPU */
		event->ticks = slot->ticks;
	length += 4 * dlw_event_put(payload(slot) + length / 4, event, slot->ticks, slot->recent);
	slot->ticks = event->ticks;
	atomic_store_explicit((_Atomic uint32_t *)&slot->block->length, length,
			      memory_order_release);
}

void dlw_log_destroyed(struct dlw_context *self, struct dlw_object *object)
{
	struct dlw_event event = { .type = DLW_EVENT_DESTROYED };

	if (object->log_life != object->life)
		return;
	event.object = object->log_id;
	event.ticket = atomic_fetch_add(&object->ticket, 1) + 1;
	dlw_log_event(self, &event);
}

void dlw_log_flush(struct dlw_context *self)
{
	if (!dlw_runtime->logger)
		return;
	if (self && self->log)
		flush(self->log);
	dlw_lock(&dlw_runtime->log_lock, DLW_RANK_LOG);
	flush(&dlw_runtime->logger->definitions);
	dlw_unlock(&dlw_runtime->log_lock, DLW_RANK_LOG);
}

/* ----------------------------------------------------------------------- open and close */

#define MODULES_MAX 4096

void dlw_log_open(void)
{
	struct dlw_logger *logger;

	if (!dlw_options.log[0] || dlw_options.log_mode == DLW_LOG_OFF)
		return;
	logger = dlw_map(sizeof(*logger), false);
	if (!logger)
		return;
	logger->module_room = MODULES_MAX;
	logger->modules = dlw_map(MODULES_MAX * sizeof(*logger->modules), false);
	if (!logger->modules || !dlw_log_file_open(&logger->file))
		return;
	logger->definitions.block = dlw_log_file_slot(&logger->file, &logger->definitions.index);
	if (!logger->definitions.block)
		return;
	dlw_runtime->logger = logger;
	strcpy(dlw_runtime->segment->log_path, logger->file.path);
	set_up_slot(&logger->definitions, DLW_BLOCK_DEFINITIONS, 0);
	define_process();
	dlw_lock(&dlw_runtime->log_lock, DLW_RANK_LOG);
	define_modules();
	dlw_unlock(&dlw_runtime->log_lock, DLW_RANK_LOG);
}

/** append_others() - copy out what threads still running have in their slots */
static void append_others(const struct dlw_context *self)
{
	struct dlw_logger *logger = dlw_runtime->logger;
	uint32_t index;

	for (index = DEFINITIONS_SLOT + 1; index < logger->file.slots; index++) {
		struct dlw_block *block = dlw_log_file_slot_at(&logger->file, index);
		struct dlw_block copy = *block;

		if (copy.magic != DLW_BLOCK_MAGIC || !copy.length ||
		    copy.length > DLW_BLOCK_ROOM || (self && self->log && self->log->block == block))
			continue;
		append_block(&copy, block + 1);
	}
}

static void define_last_words(enum dlw_end_reason reason, int status)
{
	union {
		struct dlw_record_coverage coverage;
		char bytes[sizeof(struct dlw_record_coverage) + DLW_COVERAGE_COUNTS * 8];
	} coverage = { .coverage.count = DLW_COVERAGE_COUNTS };
	struct dlw_record_end end = { .monotonic_ns = dlw_nanoseconds(),
				      .reason = reason,
				      .status = status };
	int i;

	for (i = 0; i < DLW_COVERAGE_COUNTS; i++)
		coverage.coverage.counts[i] = dlw_runtime->segment->coverage[i];
	define_locked(&coverage, DLW_RECORD_COVERAGE, sizeof(coverage));
	define_locked(&end, DLW_RECORD_END, sizeof(end));
}

void dlw_log_close(enum dlw_end_reason reason, int status)
{
	struct dlw_logger *logger = dlw_runtime->logger;
	struct dlw_context *self = dlw_self;

	if (!logger || logger->stopped)
		return;
	if (self->log)
		flush(self->log);
	dlw_lock(&dlw_runtime->log_lock, DLW_RANK_LOG);
	if (reason != DLW_END_EXEC)
		append_others(self);
	define_last_words(reason, status);
	flush(&logger->definitions);
	dlw_unlock(&dlw_runtime->log_lock, DLW_RANK_LOG);
	if (reason == DLW_END_EXEC)
		return; /* which may fail: then the log goes on */
	logger->stopped = true;
	dlw_log_file_close(&logger->file);
}

void dlw_log_disown(void)
{
	dlw_log_file_disown();
}
