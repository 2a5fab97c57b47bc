/*
 * shim/log_define.c - what the events of a log refer to
 *
 * Definitions share slot 1 under log_lock; whoever meets something new defines
 * it before an event refers to it. A flight recorder overwrites events, so
 * what its events need of threads and objects stands in the events' own blocks
 * (log_ring.c); stacks and modules are bounded, and stay here.
 */
#include <string.h>

#include "core/state.h"
#include "core/watch/maps.h"
#include "core/watch/procfs.h"
#include "core/watch/system.h"
#include "shim/arena_map.h"
#include "shim/log_slot.h"
#include "shim/modules.h"
#include "shim/segment.h"
#include "shim/shared.h"

#include "shim/banned.h"

/* Of a flight recorder's size, for the definitions of locks. */
#define LASTING_SHARE 8

/** append_large() - a record that does not fit a slot, as a block of its own */
static void append_large(struct dlw_slot *slot, const void *record, uint32_t size)
{
	struct dlw_block block;

	dlw_slot_flush(slot);
	block = *slot->block;
	block.length = size;
	if (!dlw_append_block(&block, record))
		dlw_runtime_count(DLW_LOST_EVENTS, 1);
	dlw_slot_set_up(slot, DLW_BLOCK_DEFINITIONS, 0, block.sequence + 1);
}

void dlw_define_locked(void *record, uint16_t type, size_t size)
{
	struct dlw_slot *slot = &dlw_runtime->logger->definitions;
	struct dlw_record *header = record;
	uint32_t room = dlw_record_padded(size);

	header->type = type;
	header->reserved = 0;
	header->size = room;
	if (dlw_runtime->logger->stopped)
		return;
	if (room > DLW_BLOCK_ROOM) {
		append_large(slot, record, room);
		return;
	}
	if (dlw_slot_room(slot) < room && dlw_options.log_mode == DLW_LOG_FULL)
		dlw_slot_next(slot, true);
	else if (dlw_slot_room(slot) < room)
		dlw_slot_flush(slot);
	memcpy((char *)dlw_slot_payload(slot) + slot->block->length, record, room);
	dlw_slot_grow(slot, room);
}

static void define(void *record, uint16_t type, size_t size)
{
	dlw_lock(&dlw_runtime->log_lock, DLW_RANK_LOG);
	dlw_define_locked(record, type, size);
	dlw_unlock(&dlw_runtime->log_lock, DLW_RANK_LOG);
}

/* -------------------------------------------------------------------- process and mode */

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
	define(record, DLW_RECORD_PROCESS, sizeof(record->process) + used + 1);
	dlw_unmap(record, sizeof(*record));
}

static void define_mode(void)
{
	static const uint32_t modes[] = { [DLW_LOG_FULL] = DLW_RECORDING_FULL,
					  [DLW_LOG_ORDER] = DLW_RECORDING_ORDER,
					  [DLW_LOG_RING] = DLW_RECORDING_RING };
	struct dlw_record_mode record = { .mode = modes[dlw_options.log_mode],
					  .log_max = dlw_options.log_max };

	define(&record, DLW_RECORD_MODE, sizeof(record));
}

/* ------------------------------------------------------------------- stacks and modules */

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
	dlw_define_locked(&record, DLW_RECORD_MODULE,
		      sizeof(record.module) + path + strlen(build_id) + 1);
	logger->modules[logger->module_count++] = (struct dlw_log_range){ module->start, module->end };
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

/** lacks_module() - of a return address: it lies in a module that the log does not have yet */
static bool lacks_module(uint64_t address)
{
	/* the loader is asked first: code made at run time is in no module, whatever is mapped */
	return !module_known(address - 1, address) &&
	       dlw_modules_know(address - 1) != DLW_MODULE_NONE;
}

void dlw_log_stack(const struct dlw_stack_record *stack)
{
	union {
		struct dlw_record_stack stack;
		char bytes[sizeof(struct dlw_record_stack) + 256 * sizeof(uint64_t)];
	} record;
	bool known = true; /* where all of it lies */
	uint32_t i;

	if (!dlw_runtime->logger || stack->depth > 256)
		return;
	record.stack.id = stack->id;
	record.stack.depth = stack->depth;
	memcpy(record.stack.frames, stack->frames, stack->depth * sizeof(uint64_t));
	dlw_lock(&dlw_runtime->log_lock, DLW_RANK_LOG);
	for (i = 0; i < stack->depth && known; i++)
		known = !lacks_module(stack->frames[i]);
	if (!known)
		define_modules();
	dlw_define_locked(&record, DLW_RECORD_STACK,
		      sizeof(record.stack) + stack->depth * sizeof(uint64_t));
	dlw_unlock(&dlw_runtime->log_lock, DLW_RANK_LOG);
}

/* ------------------------------------------------------------------- beginning and end */

void dlw_define_beginning(void)
{
	define_process();
	define_mode();
	dlw_lock(&dlw_runtime->log_lock, DLW_RANK_LOG);
	define_modules();
	dlw_unlock(&dlw_runtime->log_lock, DLW_RANK_LOG);
}

void dlw_define_end(enum dlw_end_reason reason, int status)
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
	dlw_define_locked(&coverage, DLW_RECORD_COVERAGE, sizeof(coverage));
	dlw_define_locked(&end, DLW_RECORD_END, sizeof(end));
}

void dlw_log_thread_name(uint32_t serial, const char *name)
{
	struct dlw_record_thread_name record = { .serial = serial };

	if (!dlw_runtime->logger)
		return;
	if (dlw_options.log_mode == DLW_LOG_RING) {
		dlw_ring_name(serial, name);
		return;
	}
	strncpy(record.name, name, sizeof(record.name) - 1);
	define(&record, DLW_RECORD_THREAD_NAME, sizeof(record));
}

/* ------------------------------------------------------------------------------ objects */

static uint32_t history_of(const struct dlw_object *object)
{
	return object->posted_other ? DLW_SIGNAL_LIKE :
	       object->posted_own   ? DLW_LOCK_LIKE :
				      DLW_NO_POST_YET;
}

static uint16_t traits_of(const struct dlw_object *object)
{
	return (uint16_t)(object->traits | (object->log_renewed ? DLW_TRAIT_RENEWED : 0));
}

/** may_be_renewed() - lives that come and go here, and the log need not define each */
static bool may_be_renewed(const struct dlw_object *object)
{
	return object->log_last && !object->shared_ticket && dlw_is_lock(object);
}

size_t dlw_define_object(union dlw_object_definition *record, const struct dlw_object *object)
{
	memset(&record->object, 0, sizeof(record->object) + 8);
	record->object.id = object->log_last;
	record->object.kind = object->kind;
	record->object.type = object->type;
	record->object.traits = traits_of(object);
	record->object.address = object->address;
	record->object.init_stack = object->init_stack;
	record->object.initial = object->initial;
	record->object.initial_known = object->initial_known;
	record->object.history = history_of(object);
	dlw_shared_identify(object->address, &record->object.device, &record->object.inode,
			    &record->object.offset);
	if (!object->name && !object->initial_known && !record->object.history &&
	    !record->object.inode)
		return DLW_RECORD_OBJECT_SHORT;
	if (object->name)
		strncpy(record->object.name, dlw_at(object->name), 256);
	return sizeof(record->object) + strlen(record->object.name) + 1;
}

void dlw_log_object_name(const struct dlw_object *object)
{
	union {
		struct dlw_record_object_name named;
		char bytes[sizeof(struct dlw_record_object_name) + 264];
	} record = { .named.id = object->log_last };

	if (!object->log_id)
		return; /* its definition will say so */
	if (object->name)
		strncpy(record.named.name, dlw_at(object->name), 256);
	define(&record, DLW_RECORD_OBJECT_NAME,
	       sizeof(record.named) + strlen(record.named.name) + 1);
}

/** define_class() - log_lock is held */
static void define_class(const struct dlw_object *object)
{
	union {
		struct dlw_record_object_class class;
		char bytes[sizeof(struct dlw_record_object_class) + 264];
	} record = { .class = { .id = object->log_last, .rank = object->rank } };

	if (object->class_name)
		strncpy(record.class.name, dlw_at(object->class_name), 256);
	dlw_define_locked(&record, DLW_RECORD_OBJECT_CLASS,
			  sizeof(record.class) + strlen(record.class.name) + 1);
}

void dlw_log_object_class(const struct dlw_object *object)
{
	if (!object->log_id)
		return;
	dlw_lock(&dlw_runtime->log_lock, DLW_RANK_LOG);
	define_class(object);
	dlw_unlock(&dlw_runtime->log_lock, DLW_RANK_LOG);
}

/** may_last() - a ring's log has room for the definition of an object that does not change */
static bool may_last(const struct dlw_object *object)
{
	struct dlw_logger *logger = dlw_runtime->logger;

	if (logger->stopped || logger->lasting_bytes > dlw_options.log_max / LASTING_SHARE)
		return false;
	atomic_store_explicit(&logger->lasting, object->log_last, memory_order_relaxed);
	if (!dlw_is_lasting(object))
		return false;
	logger->lasting_bytes += sizeof(struct dlw_record_object) + 16;
	return true;
}

/**
 * define_plain() - of what has nothing to say but what it is; log_lock is held
 *
 * The same record as dlw_define_object() makes, but in its place: locks that
 * come and go are defined each time. false: it has more to say, or finds no room.
 */
static bool define_plain(const struct dlw_object *object)
{
	struct dlw_slot *slot = &dlw_runtime->logger->definitions;
	struct dlw_record_object record = {
		.record = { .type = DLW_RECORD_OBJECT, .size = DLW_RECORD_OBJECT_SHORT },
		.id = object->log_last,
		.kind = object->kind,
		.type = object->type,
		.traits = traits_of(object),
		.address = object->address,
		.init_stack = object->init_stack,
		.initial = object->initial,
	};

	if (object->name || object->initial_known || history_of(object) ||
	    dlw_runtime->logger->stopped || dlw_slot_room(slot) < DLW_RECORD_OBJECT_SHORT)
		return false;
	memcpy((char *)dlw_slot_payload(slot) + slot->block->length, &record,
	       DLW_RECORD_OBJECT_SHORT);
	dlw_slot_grow(slot, DLW_RECORD_OBJECT_SHORT);
	return true;
}

/** define_full() - whatever it is */
static void define_full(const struct dlw_object *object)
{
	union dlw_object_definition record;

	dlw_define_locked(&record, DLW_RECORD_OBJECT, dlw_define_object(&record, object));
}

/** number_life() - this life of the object gets its id; log_lock is held */
static void number_life(struct dlw_object *object)
{
	bool shared = dlw_shared_any();

	object->shared_ticket = shared ? dlw_shared_number(object->address) : 0;
	object->log_renewed = may_be_renewed(object);
	object->log_last = ++dlw_runtime->logger->object_ids;
	atomic_store_explicit(&object->ticket, 0, memory_order_relaxed);
	if ((dlw_options.log_mode != DLW_LOG_RING || may_last(object)) &&
	    (shared || !define_plain(object)))
		define_full(object);
	if (object->kind != DLW_CONDITION && (object->class_name || object->rank))
		define_class(object);
	__atomic_store_n(&object->log_id, object->log_last, __ATOMIC_RELEASE);
}

uint32_t dlw_log_object_slow(struct dlw_object *object)
{
	struct dlw_slot *slot = dlw_self->log;

	if (!object->log_id) {
		dlw_lock(&dlw_runtime->log_lock, DLW_RANK_LOG);
		if (!object->log_id)
			number_life(object);
		dlw_unlock(&dlw_runtime->log_lock, DLW_RANK_LOG);
	}
	if (slot)
		slot->pending[slot->pending_count++ % DLW_PENDING_OBJECTS] = object;
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
	size_t room = sizeof(struct dlw_record_python) + dlw_record_padded(length + 1);
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
