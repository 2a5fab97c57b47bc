/*
 * shim/log_write.c - NAME.dlw and NAME.dlw.tail
 *
 * The tail is one growing shared mapping, made like the segment: backed by
 * fallocate() before it is touched. A thread fills its slot with plain stores;
 * when some are full it appends them (log_batch.c). Nobody else touches a living
 * thread's slots, except that the last words of the process copy out what others have
 * not flushed. Definitions share slot 1 under log_lock.
 *
 * The log's descriptor is moved up out of the way and checked before each
 * write: a program may close descriptors that it does not know, and open its
 * own files in their place.
 */
#include "shim/log_slot.h"

#include <string.h>
#include <sys/prctl.h>

#include "core/watch/system.h"
#include "shim/context.h"
#include "shim/log_quick.h"
#include "shim/segment.h"
#include "shim/shared.h"

#include "shim/banned.h"

#define DEFINITIONS_SLOT 1u

/** unsay_all() - a block begins */
static void unsay_all(struct dlw_slot *slot)
{
	uint32_t at;

	if (!slot->says)
		return;
	for (at = 0; at < DLW_RECENT && slot->recents.at[at].object; at++)
		dlw_slot_unsay(slot, at);
	slot->says = false;
}

void dlw_slot_set_up(struct dlw_slot *slot, uint16_t type, uint16_t flags, uint32_t sequence)
{
	struct dlw_block *block = slot->block;
	uint32_t full = DLW_BLOCK_ROOM - DLW_QUICK_ROOM;

	/* whoever reads while we write finds an empty block, or a whole header */
	atomic_store_explicit((_Atomic uint32_t *)&block->length, 0, memory_order_release);
	unsay_all(slot);
	dlw_recents_begin(&slot->recents, DLW_LOG_MAJOR);
	slot->open_holding = 0;
	slot->timed_at = slot->timed_at > full ? slot->timed_at - full : 0;
	dlw_slot_until(slot);
	block->type = type;
	block->flags = flags;
	block->thread = slot->serial;
	block->sequence = slot->sequence = sequence;
	block->monotonic_ns = dlw_nanoseconds();
	block->ticks = slot->ticks = dlw_ticks();
	block->magic = DLW_BLOCK_MAGIC;
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

bool dlw_append_block(struct dlw_block *block, const void *bytes)
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

/* ----------------------------------------------------------------------------- threads */

static bool is_ring(void)
{
	return dlw_options.log_mode == DLW_LOG_RING;
}

#define SLOTS_AT_ONCE 8 /* one alone would leave half of its page empty */

/**
 * make_slots() - some that are free; log_lock is held
 *
 * What a thread may never write to lies behind them all: it costs nothing then.
 */
static void make_slots(void)
{
	struct dlw_logger *logger = dlw_runtime->logger;
	size_t defined = is_ring() ? DLW_DEFINED_OBJECTS : 0;
	struct dlw_slot *slots = dlw_map(SLOTS_AT_ONCE * (sizeof(*slots) +
							  DLW_SAID * sizeof(*slots->said) +
							  defined * sizeof(*slots->defined)),
					 false);
	struct dlw_said *said = (struct dlw_said *)(slots + SLOTS_AT_ONCE);
	uint32_t at;

	for (at = 0; slots && at < SLOTS_AT_ONCE; at++) {
		slots[at].said = said + at * DLW_SAID;
		slots[at].defined = (uint16_t *)(said + SLOTS_AT_ONCE * DLW_SAID) + at * defined;
		slots[at].next = logger->slots;
		logger->slots = &slots[at];
		slots[at].next_free = logger->free_slots;
		logger->free_slots = &slots[at];
	}
}

/** take_slot() - one that is free; log_lock is held; NULL: no memory */
static struct dlw_slot *take_slot(void)
{
	struct dlw_logger *logger = dlw_runtime->logger;
	struct dlw_slot *slot;

	if (!logger->free_slots)
		make_slots();
	slot = logger->free_slots;
	if (!slot)
		return NULL;
	logger->free_slots = slot->next_free;
	if (slot->block)
		return slot;
	slot->block = is_ring() ? dlw_ring_take(logger, &slot->index) :
				  dlw_log_file_slot(&logger->file, &slot->index);
	if (slot->block)
		return slot;
	slot->next_free = logger->free_slots;
	logger->free_slots = slot;
	return NULL;
}

/* For a slot whose thread has said nothing: of no lock. */
static struct dlw_object no_object;
static struct dlw_said nothing_said = { .object = &no_object };

static void begin_thread(struct dlw_slot *slot, const struct dlw_record_thread *thread)
{
	uint32_t at;

	for (at = 0; at < DLW_SAID_DEPTH; at++)
		slot->held[at] = &nothing_said;
	slot->serial = thread->serial;
	slot->pending_count = 0;
	slot->timed = slot->timed_at = 0;
	if (is_ring())
		dlw_ring_begin(slot, thread);
	else
		dlw_slot_set_up(slot, DLW_BLOCK_EVENTS, 0, 0);
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
	if (!is_ring())
		dlw_define_locked(&record, DLW_RECORD_THREAD, sizeof(record));
	slot = take_slot();
	if (slot)
		begin_thread(slot, &record);
	else
		dlw_runtime_count(DLW_LOST_THREADS, 1);
	dlw_unlock(&dlw_runtime->log_lock, DLW_RANK_LOG);
	return slot;
}

void dlw_log_thread_gone(struct dlw_slot *slot)
{
	dlw_lock(&dlw_runtime->log_lock, DLW_RANK_LOG);
	dlw_order_counts(slot);
	dlw_order_reset(slot);
	if (is_ring()) {
		dlw_ring_finish(slot->block, slot->index);
		slot->block = NULL;
	} else {
		dlw_slot_flush(slot);
	}
	slot->next_free = dlw_runtime->logger->free_slots;
	dlw_runtime->logger->free_slots = slot;
	dlw_unlock(&dlw_runtime->log_lock, DLW_RANK_LOG);
}

void dlw_log_event(struct dlw_context *self, struct dlw_event *event)
{
	struct dlw_slot *slot = self->log;

	if (dlw_unlikely(dlw_options.log_mode != DLW_LOG_FULL)) {
		if (!is_ring()) {
			dlw_order_event(self, event);
			return;
		}
		dlw_ring_make_room(self, event);
	} else if (dlw_unlikely(dlw_slot_room(slot) < DLW_EVENT_UNITS_MAX * 4)) {
		dlw_slot_next(slot, false);
		if (dlw_runtime->logger->stopped) {
			dlw_thread_log_ends(self);
			return;
		}
	}
	event->ticks = event->untimed ? slot->ticks : dlw_slot_ticks(slot);
	dlw_slot_put(slot, event);
}

/** say_at_length() - a block has to be begun, an object defined, or an id is large */
static __attribute__((noinline)) void say_at_length(struct dlw_context *self,
						    struct dlw_object *object, uint32_t how,
						    uint32_t stack, uint64_t ticket)
{
	struct dlw_event event = {
		.type = (enum dlw_event_type)(how & 31),
		.mode = how >> 5 & 3,
		.form = (uint8_t)(how >> 8),
		.stack = stack,
		.ticket = ticket,
		.untimed = true,
	};

	event.object = dlw_log_object(object);
	dlw_log_event(self, &event);
}

void dlw_quick_remember(struct dlw_slot *slot, struct dlw_object *object, uint64_t key,
			struct dlw_recent *recent)
{
	struct dlw_said *said = dlw_said_place(slot, object->address, key);
	const uint32_t place = (uint32_t)(recent - slot->recents.at);

	said->key = key;
	said->object = object;
	said->recent = recent;
	said->id = object->log_id;
	said->unit = DLW_EVENT_AGAIN | place << 5 | DLW_AGAIN_UNTIMED << DLW_AGAIN_DELTA_SHIFT;
	slot->said_at[place] = (uint8_t)(said - slot->said);
	slot->says = true;
}

void dlw_quick_in_full(struct dlw_context *self, struct dlw_object *object, uint32_t how,
		       uint32_t stack, uint64_t ticket)
{
	if (how == DLW_EVENT_RELEASED_TOP || !dlw_quick_has_room(self->log) ||
	    !dlw_quick_can_say(object, stack))
		say_at_length(self, object, how, stack, ticket);
	else
		dlw_quick_put_plain(self->log, object, how, stack, ticket);
}

void dlw_log_destroyed(struct dlw_context *self, struct dlw_object *object)
{
	struct dlw_event event = { .type = DLW_EVENT_DESTROYED };

	if (!object->log_id)
		return;
	if (self->way == DLW_WAY_LOGGED && dlw_quick_is(object)) {
		/* a mutex out of use is the caller's alone */
		dlw_quick_say(self, object, DLW_EVENT_DESTROYED, 0, 0, 0,
			      object->kind == DLW_MUTEX ? dlw_quick_ticket(object) :
							  dlw_quick_shared_ticket(object));
		object->log_ended = self->log != NULL;
		return;
	}
	event.object = dlw_log_object(object);
	event.ticket = atomic_fetch_add(dlw_ticket(object), 1) + 1;
	dlw_log_event(self, &event);
}

void dlw_log_flush(struct dlw_context *self)
{
	if (!dlw_runtime->logger)
		return;
	if (self && self->log && !is_ring())
		dlw_slot_flush(self->log);
	dlw_lock(&dlw_runtime->log_lock, DLW_RANK_LOG);
	dlw_slot_flush(&dlw_runtime->logger->definitions);
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
	if (!logger->modules || !dlw_log_file_open(&logger->file) ||
	    (is_ring() && !dlw_ring_open(logger)))
		return;
	logger->definitions.block = dlw_log_file_slot(&logger->file, &logger->definitions.index);
	if (!logger->definitions.block)
		return;
	dlw_runtime->logger = logger;
	strcpy(dlw_runtime->segment->log_path, logger->file.path);
	dlw_slot_set_up(&logger->definitions, DLW_BLOCK_DEFINITIONS, 0, 0);
	dlw_define_beginning();
}

/**
 * append_others() - copy out what threads still running have in their slots
 *
 * They go on writing: what is appended, and its checksum, is of a copy.
 */
static void append_others(const struct dlw_context *self)
{
	struct dlw_logger *logger = dlw_runtime->logger;
	char *payload = dlw_map(DLW_BLOCK_ROOM, false);
	uint32_t index;

	/* also of the slot that definitions began in: blocks that wait change places */
	for (index = DEFINITIONS_SLOT; index < logger->file.slots; index++) {
		struct dlw_block *block = dlw_log_file_slot_at(&logger->file, index);
		struct dlw_block copy = *block;

		if (copy.magic != DLW_BLOCK_MAGIC || !copy.length ||
		    copy.length > DLW_BLOCK_ROOM || block == logger->definitions.block ||
		    (self && self->log && self->log->block == block))
			continue;
		if (payload)
			memcpy(payload, block + 1, copy.length);
		if (!payload || !dlw_append_block(&copy, payload))
			dlw_runtime_count(DLW_LOST_EVENTS, copy.length / 12);
	}
	if (payload)
		dlw_unmap(payload, DLW_BLOCK_ROOM);
}

/** count_orders() - of all threads that still run */
static void count_orders(void)
{
	struct dlw_slot *slot;

	for (slot = dlw_runtime->logger->slots; slot; slot = slot->next)
		dlw_order_counts(slot);
}

void dlw_log_close(enum dlw_end_reason reason, int status)
{
	struct dlw_logger *logger = dlw_runtime->logger;
	struct dlw_context *self = dlw_self;

	if (!logger || logger->stopped)
		return;
	/* a signal handler may have interrupted what would be done here: others' way, then */
	if (self->log && !is_ring() && self->open)
		dlw_slot_flush(self->log);
	dlw_lock(&dlw_runtime->log_lock, DLW_RANK_LOG);
	if (logger->definitions.waiting_count) /* it would be taken for what a thread has */
		dlw_slot_flush(&logger->definitions);
	if (reason != DLW_END_EXEC) {
		logger->closing = true;
		count_orders();
		if (!is_ring())
			append_others(self->open ? self : NULL);
	}
	dlw_define_end(reason, status);
	dlw_slot_flush(&logger->definitions);
	dlw_unlock(&dlw_runtime->log_lock, DLW_RANK_LOG);
	if (reason == DLW_END_EXEC)
		return; /* which may fail: then the log goes on */
	if (is_ring()) {
		dlw_log_file_disown(); /* the tail is what was recorded, and stays: others go on in it */
		return;
	}
	logger->stopped = true;
	dlw_log_file_close(&logger->file);
}

void dlw_log_disown(void)
{
	dlw_log_file_disown();
}
