/*
 * shim/log_slot.h - what the files that write the log share among themselves
 *
 * log_write.c has blocks, threads, opening and closing; log_define.c the
 * definitions; log_batch.c how full blocks get into the log; log_ring.c and
 * log_order.c what the modes of those names do otherwise; log_file.c the bytes
 * of both files.
 */
#ifndef DLW_SHIM_LOG_SLOT_H
#define DLW_SHIM_LOG_SLOT_H

#include "shim/log_file.h"
#include "shim/log_write.h"
#include "shim/runtime.h"

struct dlw_orders;

#define DLW_TIMED_OFTEN 64 /* for one acquisition in about 16, then one in 64 */
#define DLW_QUICK_ROOM 64u /* of a block, for whatever is put there without asking */
#define DLW_PENDING_OBJECTS 2  /* an event speaks of at most so many */
#define DLW_DEFINED_OBJECTS 256 /* more than definitions fit into a block; a power of two */

#define DLW_BATCH 16u /* blocks appended at once, at most */

/** A full block that is not appended yet. */
struct dlw_waiting {
	uint32_t index; /* of its slot */
	uint32_t place; /* among the spares, for it to go to */
};

/**
 * An event that the block has said AGAIN: what to know it by, and how to say it once more
 *
 * True as long as .key is not 0; but for the object's id, which it loses unseen.
 */
struct dlw_said {
	uint64_t key; /* dlw_said_key(): all of it but the object */
	struct dlw_object *object; /* never NULL once there has been a key */
	struct dlw_recent *recent; /* the same event */
	uint32_t id;               /* of the object in the log */
	uint32_t unit;             /* the event, untimed, but for the advance of its ticket */
};

#define DLW_SAID 256u /* a power of two */
#define DLW_SAID_DEPTH 8u /* a power of two: newest holds whose events are remembered */
#define DLW_OPEN_OTHERWISE (1ull << 32) /* as no .holding is of a thread that holds something */

/** One slot of the tail, while a thread (or slot 1, the process) owns it. */
struct dlw_slot {
	struct dlw_block *block; /* in the tail; the payload follows */
	uint32_t quick_until;    /* below this length of the block an acquisition needs no time, and has room */
	uint32_t timed_at;       /* from this length on the clock is read for one; perhaps of the next block */
	/*
	 * The block ends with an untimed acquisition, to which its release can be added: 0: it
	 * does not. The record's .holding with it: it was said AGAIN, as .held has it, and is
	 * a hold of its own. DLW_OPEN_OTHERWISE: of what, and how, is in .open_…
	 */
	uint64_t open_holding;
	struct dlw_said *held[DLW_SAID_DEPTH]; /* by hold: as its acquisition was last said, or that of another */
	struct dlw_object *open_object;
	uint32_t *open_unit, open_released, open_ticket;
	uint64_t ticks;          /* of the last event */
	uint32_t chance, timed;  /* of .timed_at: the first DLW_TIMED_OFTEN come sooner */
	uint32_t serial, sequence;
	uint32_t index;
	uint32_t waiting_count;
	struct dlw_waiting waiting[DLW_BATCH - 1]; /* older than .block, oldest first */
	struct dlw_slot *next_free, *next;     /* … of all */
	struct dlw_recents recents; /* of the block */
	struct dlw_said *said;                 /* DLW_SAID of them, by dlw_said_place() */
	uint8_t said_at[DLW_RECENT]; /* by place in .recents: index in .said of what leads there, if any */
	bool says;                             /* any of them */
	/* order and ring: what the next event speaks of */
	struct dlw_object *pending[DLW_PENDING_OBJECTS];
	uint32_t pending_count;
	/* ring: the thread's definition, and what the block has defined, by id */
	struct dlw_record_thread thread;
	uint16_t *defined; /* where: DLW_DEFINED_OBJECTS units of it, 0: none */
	bool defines;      /* some; memory that nothing was written to costs nothing */
	struct dlw_orders *orders; /* order: those this thread has shown */
};

/** What the log knows of the modules, to tell which addresses need a new look. */
struct dlw_log_range {
	uint64_t start, end;
};

/** The blocks that are full, oldest first: the next ones to be overwritten. */
struct dlw_ring {
	uint32_t *next; /* by slot: the one that was full after it */
	uint32_t oldest, newest; /* 0: none */
	uint32_t limit;          /* slots that may be in use */
};

#define DLW_SPARES 64u

/** Slots of the tail that are nobody's, so that full blocks can wait. */
struct dlw_spares {
	_Atomic uint64_t unused; /* bits, by place */
	uint32_t count;          /* of places that have a slot, used or not; under log_lock */
	uint32_t index[DLW_SPARES];
};

struct dlw_logger {
	struct dlw_log_file file;
	struct dlw_slot definitions;
	struct dlw_slot *free_slots, *slots;
	uint32_t object_ids; /* under log_lock */
	_Atomic uint32_t order_numbers;
	_Atomic uint32_t lasting; /* ring: of locks with an id up to this one the log knows for good */
	uint64_t lasting_bytes;
	_Atomic bool closing; /* blocks are being copied slot by slot: none moves to another one */
	_Atomic bool stopped;
	struct dlw_log_range *modules;
	uint32_t module_count, module_room;
	struct dlw_ring ring;
	struct dlw_spares spares;
};

static inline uint32_t *dlw_slot_payload(const struct dlw_slot *slot)
{
	return (uint32_t *)(slot->block + 1);
}

static inline uint32_t dlw_slot_room(const struct dlw_slot *slot)
{
	return DLW_BLOCK_ROOM - slot->block->length;
}

/** dlw_slot_publish() - the payload is of @length now */
static inline void dlw_slot_publish(struct dlw_slot *slot, uint32_t length)
{
	atomic_store_explicit((_Atomic uint32_t *)&slot->block->length, length,
			      memory_order_release);
}

/** dlw_slot_grow() - @size bytes more of the payload are written: publish them */
static inline void dlw_slot_grow(struct dlw_slot *slot, uint32_t size)
{
	slot->open_holding = 0;
	dlw_slot_publish(slot, slot->block->length + size);
}

/** dlw_slot_unsay() - another event takes this place among the recent ones */
static inline void dlw_slot_unsay(struct dlw_slot *slot, uint32_t place)
{
	struct dlw_said *said = &slot->said[slot->said_at[place]];

	if (slot->says && said->recent == &slot->recents.at[place])
		said->key = 0;
}

/** dlw_slot_put() - an event for which there is room */
static inline void dlw_slot_put(struct dlw_slot *slot, const struct dlw_event *event)
{
	uint32_t *unit = dlw_slot_payload(slot) + slot->block->length / 4;
	const uint32_t place = slot->recents.next;

	dlw_slot_grow(slot, 4 * dlw_event_put(unit, event, slot->ticks, &slot->recents));
	if (slot->recents.next != place)
		dlw_slot_unsay(slot, place);
	slot->ticks = event->ticks;
}

/** dlw_slot_until() - .timed_at is new, or the block is */
static inline void dlw_slot_until(struct dlw_slot *slot)
{
	uint32_t end = DLW_BLOCK_ROOM - DLW_QUICK_ROOM + 1;

	slot->quick_until = slot->timed_at < end ? slot->timed_at : end;
}

/** dlw_slot_set_up() - the slot's next block, from nothing */
void dlw_slot_set_up(struct dlw_slot *slot, uint16_t type, uint16_t flags, uint32_t sequence);

/** dlw_slot_flush() - append all that the slot has and begin the next block; the slot's owner only */
void dlw_slot_flush(struct dlw_slot *slot);

/** dlw_slot_next() - log_mode=full: the block is full, begin the next; @locked: log_lock is held */
void dlw_slot_next(struct dlw_slot *slot, bool locked);

/** dlw_slot_ticks() - now, but never before the slot's last event */
static inline uint64_t dlw_slot_ticks(const struct dlw_slot *slot)
{
	uint64_t ticks = dlw_ticks();

	return dlw_likely(ticks >= slot->ticks) ? ticks : slot->ticks; /* moved to another CPU */
}

/** dlw_append_block() - write a block with its payload; false: it is lost */
bool dlw_append_block(struct dlw_block *block, const void *bytes);

/* ------------------------------------------------------------------------ log_define.c */

/** A record of an object, and room for its name. */
union dlw_object_definition {
	struct dlw_record_object object;
	char bytes[sizeof(struct dlw_record_object) + 264];
};

static inline uint32_t dlw_record_padded(size_t size)
{
	return (uint32_t)((size + 7) & ~(size_t)7);
}

/** dlw_define_locked() - add one record; log_lock is held; @record has padded(size) bytes */
void dlw_define_locked(void *record, uint16_t type, size_t size);

/** dlw_define_object() - fill in the record of this life; Return: its size */
size_t dlw_define_object(union dlw_object_definition *record, const struct dlw_object *object);

/** dlw_is_lock() - all that is ever said of it is who has it */
static inline bool dlw_is_lock(const struct dlw_object *object)
{
	return object->kind == DLW_MUTEX || object->kind == DLW_RWLOCK ||
	       object->kind == DLW_SPINLOCK;
}

/**
 * dlw_is_lasting() - a ring's blocks need not define the object again
 *
 * Of other kinds it matters who has posted or signalled so far, which changes.
 */
static inline bool dlw_is_lasting(const struct dlw_object *object)
{
	return dlw_is_lock(object) &&
	       object->log_last <= atomic_load_explicit(&dlw_runtime->logger->lasting,
						      memory_order_relaxed) &&
	       !(object->traits & DLW_TRAIT_DISTRUSTED);
}

/** dlw_define_beginning() - process, mode, modules: first of all */
void dlw_define_beginning(void);

/** dlw_define_end() - last words: coverage and how it ended; log_lock is held */
void dlw_define_end(enum dlw_end_reason reason, int status);

/* -------------------------------------------------------------------------- log_ring.c */

/** dlw_ring_open() - room for the list; false: no memory */
bool dlw_ring_open(struct dlw_logger *logger);

/** dlw_ring_take() - memory for a block: a fresh slot, or the oldest full one; log_lock is held */
struct dlw_block *dlw_ring_take(struct dlw_logger *logger, uint32_t *index);

/** dlw_ring_begin() - the thread's first block */
void dlw_ring_begin(struct dlw_slot *slot, const struct dlw_record_thread *thread);

/** dlw_ring_finish() - seal the block at @index, the newest full one; log_lock is held */
void dlw_ring_finish(struct dlw_block *block, uint32_t index);

/** dlw_ring_make_room() - for @event and what it refers to, in a new block if need be */
void dlw_ring_make_room(struct dlw_context *self, const struct dlw_event *event);

/** dlw_ring_name() - a thread's name, for what is written from now on */
void dlw_ring_name(uint32_t serial, const char *name);

/* ------------------------------------------------------------------------- log_order.c */

/** dlw_order_event() - write it if it says something about orders that is new */
void dlw_order_event(struct dlw_context *self, struct dlw_event *event);

/** dlw_order_counts() - define how often the slot's thread saw its orders; log_lock is held */
void dlw_order_counts(struct dlw_slot *slot);

/** dlw_order_reset() - its thread is gone, the slot's next one has shown nothing */
void dlw_order_reset(struct dlw_slot *slot);

#endif
