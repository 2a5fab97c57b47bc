/*
 * shim/log_ring.c - log_mode=ring: the last log_max bytes of events
 *
 * Full blocks stay in the tail, which is a shared mapping of a file: whatever
 * ends the process, they are there, and no handler has to save them. When
 * log_max is used up a thread that needs a block takes the oldest full one of
 * the whole process, so that the history of all threads goes back to about the
 * same moment. The block that a thread is writing is nobody else's, so a quiet
 * thread keeps what it did last, however long ago.
 *
 * A block must be understood when all before it are gone. It begins with the
 * thread's definition and what the thread holds and has announced at that moment
 * (events HELD), and defines each object before the first event that refers to it. Stacks and
 * modules are bounded: they are defined in the log itself, once, and so are the
 * first locks of the process, as long as they do not take too much of log_max.
 */
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>

#include "core/watch/system.h"
#include "shim/hold.h"
#include "shim/log_slot.h"
#include "shim/object.h"
#include "shim/segment.h"
#include "shim/shared.h"

#include "shim/banned.h"

#define LEAST_SLOTS 8u
#define DEFINITION_ROOM (4 + (uint32_t)sizeof(union dlw_object_definition))
/* An event with all that it speaks of. */
#define EVENT_ROOM (DLW_PENDING_OBJECTS * DEFINITION_ROOM + 4 * DLW_EVENT_UNITS_MAX)
/* What a thread has, at the start of a block. */
#define STATE_ROOM (DLW_BLOCK_ROOM / 2)

bool dlw_ring_open(struct dlw_logger *logger)
{
	uint64_t slots = logger->file.reserved / DLW_LOG_SLOT_SIZE;
	uint64_t limit = dlw_options.log_max / DLW_LOG_SLOT_SIZE;

	logger->ring.limit = (uint32_t)(limit < LEAST_SLOTS ? LEAST_SLOTS : limit);
	logger->ring.next = dlw_map(slots * sizeof(*logger->ring.next), false);
	return logger->ring.next != NULL;
}

struct dlw_block *dlw_ring_take(struct dlw_logger *logger, uint32_t *index)
{
	struct dlw_ring *ring = &logger->ring;
	struct dlw_block *block = NULL;

	if (!ring->oldest || logger->file.slots < ring->limit)
		block = dlw_log_file_slot(&logger->file, index);
	if (block || !ring->oldest)
		return block;
	*index = ring->oldest;
	ring->oldest = ring->next[ring->oldest];
	if (!ring->oldest)
		ring->newest = 0;
	block = dlw_log_file_slot_at(&logger->file, *index);
	/* gone at once: its writer may sleep while those that came after it are overwritten */
	atomic_store_explicit((_Atomic uint32_t *)&block->length, 0, memory_order_release);
	return block;
}

void dlw_ring_finish(struct dlw_block *block, uint32_t index)
{
	struct dlw_ring *ring = &dlw_runtime->logger->ring;
	struct dlw_block sealed = *block;

	/* the flag comes last: a SIGKILL may come in between */
	sealed.flags |= DLW_BLOCK_SEALED;
	block->checksum = dlw_block_checksum(&sealed, block + 1);
	atomic_store_explicit((_Atomic uint16_t *)&block->flags, sealed.flags,
			      memory_order_release);
	ring->next[index] = 0;
	if (ring->newest)
		ring->next[ring->newest] = index;
	else
		ring->oldest = index;
	ring->newest = index;
}

/* ---------------------------------------------------------------------- definitions */

static void put_definition(struct dlw_slot *slot, void *record, uint16_t type, size_t size)
{
	uint32_t *unit = dlw_slot_payload(slot) + slot->block->length / 4;
	uint32_t room = dlw_record_padded(size);
	struct dlw_record *header = record;

	header->type = type;
	header->reserved = 0;
	header->size = room;
	unit[0] = DLW_EVENT_DEFINITION | (room / 4) << 5;
	memcpy(unit + 1, record, room);
	dlw_slot_grow(slot, 4 + room);
}

/* Of a record of an object, behind the unit that says that it is one. */
#define UNITS_BEFORE_ID (1 + offsetof(struct dlw_record_object, id) / 4)

/** is_defined() - in this block; if not, the caller does it now, next */
static bool is_defined(struct dlw_slot *slot, uint32_t id)
{
	const uint32_t *units = dlw_slot_payload(slot);
	uint32_t at = id & (DLW_DEFINED_OBJECTS - 1);

	while (slot->defined[at] && units[slot->defined[at] + UNITS_BEFORE_ID] != id)
		at = (at + 1) & (DLW_DEFINED_OBJECTS - 1);
	if (slot->defined[at])
		return true;
	slot->defined[at] = (uint16_t)(slot->block->length / 4);
	slot->defines = true;
	return false;
}

static void define_object(struct dlw_slot *slot, const struct dlw_object *object)
{
	union dlw_object_definition record;

	if (!dlw_is_lasting(object) && !is_defined(slot, object->log_id))
		put_definition(slot, &record, DLW_RECORD_OBJECT, dlw_define_object(&record, object));
}

void dlw_ring_name(uint32_t serial, const char *name)
{
	struct dlw_record_thread_name record = { .serial = serial };
	struct dlw_context *self = dlw_self;
	struct dlw_event none = { .type = DLW_EVENT_PAD };

	if (!self->log)
		return;
	strncpy(record.name, name, sizeof(record.name) - 1);
	dlw_ring_make_room(self, &none);
	put_definition(self->log, &record, DLW_RECORD_THREAD_NAME, sizeof(record));
}

/* ------------------------------------------------------------------------- the state */

/** What a block's first event will do: its trace is in the records already, or still. */
struct state {
	struct dlw_context *self;
	struct dlw_slot *slot;
	const struct dlw_event *event;
	uint32_t skipped; /* object of ACQUIRED: one count of its newest hold is not yet said */
	uint32_t room;    /* bytes */
	bool omitted;
};

/** ticket_of() - of the last operation on it before the event */
static uint64_t ticket_of(const struct state *state, struct dlw_object *object)
{
	uint64_t ticket = *dlw_ticket(object);
	const struct dlw_event *event = state->event;

	if (event->object == object->log_id && event->ticket)
		return event->ticket - 1;
	if (event->type == DLW_EVENT_CONDITION_WAIT && event->argument == object->log_id)
		return ticket - 1;
	return ticket;
}

/** room_for() - bytes that what is said of @object takes at most */
static uint32_t room_for(const struct dlw_object *object)
{
	uint32_t definition = 4 + (uint32_t)sizeof(struct dlw_record_object) + 8;

	if (object->log_id && dlw_is_lasting(object))
		definition = 0;
	else if (object->name)
		definition = DEFINITION_ROOM;
	return definition + 4 * DLW_EVENT_UNITS_MAX;
}

/** takes_room() - for one more of them; false: there is none */
static bool takes_room(struct state *state, const struct dlw_object *object)
{
	uint32_t room = room_for(object);

	if (state->room < room) {
		state->omitted = true;
		return false;
	}
	state->room -= room;
	return true;
}

/** put() - @event, which speaks of @object */
static void put(struct state *state, const struct dlw_object *object, const struct dlw_event *event)
{
	/* others may have named or distrusted many since their room was counted */
	if (dlw_slot_room(state->slot) < DEFINITION_ROOM + 2 * EVENT_ROOM) {
		state->omitted = true;
		return;
	}
	define_object(state->slot, object);
	dlw_slot_put(state->slot, event);
}

static void put_held(struct state *state, struct dlw_object *object, enum dlw_mode mode,
		     uint32_t stack, uint32_t count)
{
	struct dlw_event held = {
		.type = DLW_EVENT_HELD,
		.mode = (uint8_t)(mode - DLW_EXCLUSIVE),
		.object = dlw_log_object(object),
		.stack = stack,
		.argument = count,
		.ticks = state->slot->ticks,
	};

	if (mode == DLW_EXCLUSIVE)
		held.ticket = ticket_of(state, object);
	put(state, object, &held);
}

/** exempt_depth() - before the event */
static uint32_t exempt_depth(const struct state *state)
{
	const struct dlw_event *event = state->event;
	uint32_t depth = state->self->record->exempt;

	if (event->type != DLW_EVENT_ACCESSED || event->mode != DLW_MODE_ANNOTATED)
		return depth;
	return depth - (event->form == DLW_ANNOTATED_EXEMPT) +
	       (event->form == DLW_ANNOTATED_EXEMPT_NO_MORE);
}

static void put_exempt(struct state *state)
{
	struct dlw_event said = {
		.type = DLW_EVENT_HELD,
		.mode = DLW_MODE_ANNOTATED,
		.form = DLW_ANNOTATED_EXEMPT,
		.argument = exempt_depth(state),
		.ticks = state->slot->ticks,
	};

	if (said.argument)
		dlw_slot_put(state->slot, &said);
}

/** put_announced() - that the thread will post or signal @object; once more does no harm */
static void put_announced(struct state *state, struct dlw_object *object)
{
	struct dlw_event said = {
		.type = DLW_EVENT_HELD,
		.mode = DLW_MODE_ANNOTATED,
		.form = DLW_ANNOTATED_RELEASER,
		.object = dlw_log_object(object),
		.ticks = state->slot->ticks,
	};

	put(state, object, &said);
}

/** object_of() - of a permit; NULL: it speaks of an earlier life, or of nothing */
static struct dlw_object *object_of(const struct dlw_permit *permit)
{
	struct dlw_object *object;

	if (!permit->object)
		return NULL;
	object = dlw_table_at(dlw_runtime->segment, &dlw_runtime->segment->objects,
			      permit->object - 1);
	return object && object->life == permit->life ? object : NULL;
}

static void put_announcements(struct state *state)
{
	const struct dlw_thread *record = state->self->record;
	uint32_t at;

	for (at = 0; at < record->permit_capacity; at++) {
		const struct dlw_permit *permit = &state->self->permits[at];
		struct dlw_object *object = permit->announced ? object_of(permit) : NULL;

		if (object && !takes_room(state, object))
			return;
		if (object)
			put_announced(state, object);
	}
}

/** first_that_fits() - of the holds, oldest first: those before it are not said */
static uint32_t first_that_fits(struct state *state)
{
	uint32_t at = dlw_hold_count(state->self);
	const struct dlw_object *object;

	for (; at > 0; at--) {
		const struct dlw_held *held = &state->self->holds[at - 1];

		object = dlw_object(state->self, held->address, held->kind);
		if (object && !takes_room(state, object))
			break;
	}
	return at;
}

/** newest_of() - where the newest hold of the object with @id is; UINT32_MAX: none */
static uint32_t newest_of(struct dlw_context *self, uint32_t id)
{
	uint32_t at = dlw_hold_count(self);

	while (id && at-- > 0) {
		const struct dlw_held *held = &self->holds[at];
		const struct dlw_object *object = dlw_object(self, held->address, held->kind);

		if (object && object->log_id == id)
			return at;
	}
	return UINT32_MAX;
}

static void put_holds(struct state *state)
{
	struct dlw_context *self = state->self;
	uint32_t at = first_that_fits(state), count = dlw_hold_count(self);
	uint32_t unsaid = newest_of(self, state->skipped);

	for (; at < count; at++) {
		const struct dlw_held *held = &self->holds[at];
		struct dlw_object *object = dlw_object(self, held->address, held->kind);
		uint32_t times = held->again + 1 - (at == unsaid);

		if (!object)
			state->omitted = true;
		else if (times)
			put_held(state, object, held->mode, held->stack, times);
	}
}

static void put_permits(struct state *state)
{
	const struct dlw_thread *record = state->self->record;
	uint32_t at;

	for (at = 0; at < record->permit_capacity; at++) {
		const struct dlw_permit *permit = &state->self->permits[at];
		struct dlw_object *object = permit->held ? object_of(permit) : NULL;
		uint32_t held = permit->held;

		if (!object)
			continue;
		held -= object->log_id && object->log_id == state->skipped;
		if (!held)
			continue;
		if (!takes_room(state, object))
			return;
		put_held(state, object, DLW_PERMIT, permit->stack, held);
	}
}

/** put_state() - what the thread has and has said, as it was just before @event */
static void put_state(struct dlw_context *self, const struct dlw_event *event)
{
	struct state state = {
		.self = self,
		.slot = self->log,
		.event = event,
		.skipped = event->type == DLW_EVENT_ACQUIRED ? event->object : 0,
		.room = STATE_ROOM,
	};
	struct dlw_event more = { .type = DLW_EVENT_HELD, .ticks = state.slot->ticks };

	put_exempt(&state);
	put_announcements(&state);
	put_holds(&state);
	put_permits(&state);
	if (state.omitted) /* no object: there is more, and not said what */
		dlw_slot_put(state.slot, &more);
}

/* --------------------------------------------------------------------------- blocks */

static void begin_block(struct dlw_slot *slot, uint16_t flags, uint32_t sequence)
{
	if (slot->defines)
		memset(slot->defined, 0, DLW_DEFINED_OBJECTS * sizeof(*slot->defined));
	slot->defines = false;
	dlw_slot_set_up(slot, DLW_BLOCK_EVENTS, flags, sequence);
	put_definition(slot, &slot->thread, DLW_RECORD_THREAD, sizeof(slot->thread));
}

void dlw_ring_begin(struct dlw_slot *slot, const struct dlw_record_thread *thread)
{
	slot->thread = *thread;
	begin_block(slot, 0, 0);
}

/**
 * take_next() - memory for the slot's next block
 *
 * Return: the full one and its @index, to be finished when the next says what
 *         the thread has: until then it is what nobody overwrites. NULL: all
 *         memory is in use, it had to be finished at once.
 */
static struct dlw_block *take_next(struct dlw_slot *slot, uint32_t *index)
{
	struct dlw_block *full = slot->block;

	*index = slot->index;
	dlw_lock(&dlw_runtime->log_lock, DLW_RANK_LOG);
	slot->block = dlw_ring_take(dlw_runtime->logger, &slot->index);
	if (!slot->block) {
		dlw_ring_finish(full, *index);
		slot->block = dlw_ring_take(dlw_runtime->logger, &slot->index);
		full = NULL;
	}
	dlw_unlock(&dlw_runtime->log_lock, DLW_RANK_LOG);
	return full;
}

/** turn() - the block is full: the next one, in another place */
static void turn(struct dlw_context *self, const struct dlw_event *event)
{
	struct dlw_slot *slot = self->log;
	struct dlw_block *full;
	uint32_t full_index;
	struct dlw_object *pending[DLW_PENDING_OBJECTS];
	uint32_t pending_count = slot->pending_count;

	memcpy(pending, slot->pending, sizeof(pending)); /* the state is looked up the same way */
	full = take_next(slot, &full_index);
	dlw_system(SYS_prctl, PR_GET_NAME, (long)slot->thread.name, 0, 0, 0, 0);
	begin_block(slot, DLW_BLOCK_STATE, slot->sequence + 1);
	put_state(self, event);
	memcpy(slot->pending, pending, sizeof(pending));
	slot->pending_count = pending_count;
	if (full) {
		dlw_lock(&dlw_runtime->log_lock, DLW_RANK_LOG);
		dlw_ring_finish(full, full_index);
		dlw_unlock(&dlw_runtime->log_lock, DLW_RANK_LOG);
	}
}

void dlw_ring_make_room(struct dlw_context *self, const struct dlw_event *event)
{
	struct dlw_slot *slot = self->log;
	uint32_t at;

	if (dlw_unlikely(dlw_slot_room(slot) < EVENT_ROOM))
		turn(self, event);
	for (at = 0; at < slot->pending_count && at < DLW_PENDING_OBJECTS; at++)
		define_object(slot, slot->pending[at]);
	slot->pending_count = 0;
}
