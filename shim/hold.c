/*
 * shim/hold.c - the rare half of hold.h: growing, searching, semaphores' entries
 */
#include "shim/hold.h"

#include <pthread.h>
#include <string.h>

#include "core/watch/glibc.h"
#include "core/watch/procfs.h"
#include "core/watch/system.h"
#include "shim/log_write.h"
#include "shim/object.h"
#include "shim/segment.h"

#include "shim/banned.h"

int64_t dlw_hold_find_slow(struct dlw_context *self, uint64_t address)
{
	uint32_t count = dlw_hold_count(self);
	uint32_t depth;

	for (depth = 1; depth < count; depth++)
		if (dlw_hold_at(self, depth)->address == address)
			return depth;
	return -1;
}

void dlw_hold_remove(struct dlw_context *self, uint32_t depth)
{
	struct dlw_held *held = dlw_hold_at(self, depth);

	memmove(held, held + 1, depth * sizeof(*held));
	dlw_hold_at(self, 0)->again = 0;
	dlw_hold_pop(self->record, dlw_hold_now(self->record));
	if (depth)
		dlw_nest_shift(self, dlw_hold_count(self) - depth);
}

/** What the C library keeps of a lock. */
union lock_memory {
	pthread_mutex_t mutex;
	pthread_rwlock_t rwlock;
	int word;
};

/** memory_size() - how much of it tells who has the lock; 0: none does */
static size_t memory_size(const struct dlw_held *held)
{
	switch (held->kind) {
	case DLW_MUTEX:
		return sizeof(pthread_mutex_t);
	case DLW_RWLOCK:
		return sizeof(pthread_rwlock_t);
	case DLW_SPINLOCK:
	case DLW_ONCE:
		return sizeof(int);
	default:
		return 0;
	}
}

static bool says_so(const union lock_memory *memory, const struct dlw_held *held, int32_t tid)
{
	switch (held->kind) {
	case DLW_MUTEX:
		return memory->mutex.__data.__owner == tid;
	case DLW_RWLOCK:
		return held->mode == DLW_SHARED ? dlw_rwlock_read_holds(&memory->rwlock) > 0
						: memory->rwlock.__data.__cur_writer == tid;
	case DLW_SPINLOCK:
		return dlw_spin_is_taken(memory->word);
	case DLW_ONCE:
		return dlw_once_is_running(memory->word);
	default:
		return true;
	}
}

/**
 * read_own() - memory of the process that may be gone; false: it is, or we may not look
 *
 * The file serves where a container forbids the call. In a sandbox that denies that
 * there is such a call, a file would be opened by asking another process: not from a hook.
 */
static bool read_own(uint64_t address, void *buffer, size_t size)
{
	int32_t own = (int32_t)dlw_system(SYS_gettid, 0, 0, 0, 0, 0, 0);
	struct iovec here = { buffer, size };
	struct iovec there = { (void *)(uintptr_t)address, size };
	long got = dlw_read_pieces(own, &here, &there, 1);

	return got == (long)size || (got == -EPERM && dlw_read_memory(own, address, buffer, size));
}

bool dlw_hold_is_true(const struct dlw_held *held, int32_t tid)
{
	size_t size = memory_size(held);
	union lock_memory memory;

	return !size || (read_own(held->address, &memory, size) && says_so(&memory, held, tid));
}

#define HOLDS_AT_ONCE 32u

/** read_locks() - what @count holds speak of; false: some of it could not be read */
static bool read_locks(const struct dlw_held *holds, uint32_t count, int32_t tid,
		       union lock_memory *memory)
{
	struct iovec here[HOLDS_AT_ONCE], there[HOLDS_AT_ONCE];
	long size = 0;
	uint32_t i;

	for (i = 0; i < count; i++) {
		here[i] = (struct iovec){ &memory[i], memory_size(&holds[i]) };
		there[i] = (struct iovec){ (void *)(uintptr_t)holds[i].address, here[i].iov_len };
		size += (long)here[i].iov_len;
	}
	return dlw_read_pieces(tid, here, there, count) == size;
}

bool dlw_holds_are_true(const struct dlw_held *holds, uint32_t count, int32_t tid)
{
	union lock_memory memory[HOLDS_AT_ONCE];
	uint32_t at, some, i;

	for (at = 0; at < count; at += some) {
		bool read;

		some = count - at < HOLDS_AT_ONCE ? count - at : HOLDS_AT_ONCE;
		read = read_locks(&holds[at], some, tid, memory);
		for (i = 0; i < some; i++)
			if (read ? !says_so(&memory[i], &holds[at + i], tid)
				 : !dlw_hold_is_true(&holds[at + i], tid))
				return false;
	}
	return true;
}

void dlw_hold_forget(struct dlw_context *self, uint32_t depth)
{
	struct dlw_event event = { .type = DLW_EVENT_FORGOTTEN, .argument = depth };

	if (dlw_logging(self))
		dlw_log_event(self, &event);
	dlw_hold_remove(self, depth);
}

/** forget_stale() - Return: enough were that the next search is far off */
static bool forget_stale(struct dlw_context *self)
{
	uint32_t before = dlw_hold_count(self);
	uint32_t depth = before;

	if (dlw_holds_are_true(self->holds, before, self->tid))
		return false;
	while (depth-- > 0)
		if (!dlw_hold_is_true(dlw_hold_at(self, depth), self->tid))
			dlw_hold_forget(self, depth);
	return before - dlw_hold_count(self) > before / 4;
}

bool dlw_hold_grow(struct dlw_context *self)
{
	struct dlw_thread *record = self->record;
	uint32_t capacity = record->hold_capacity * 2;
	uint64_t offset;

	if (forget_stale(self))
		return true;
	offset = dlw_segment_take(capacity * sizeof(struct dlw_held));
	if (!offset) {
		dlw_runtime_count(DLW_LOST_OBJECTS, 1);
		return false;
	}
	/* a reader with the old offset still reads what was true a moment ago */
	memcpy(dlw_at(offset), self->holds, dlw_hold_count(self) * sizeof(struct dlw_held));
	self->holds = dlw_at(offset);
	if (self == dlw_self)
		dlw_here.holds = self->holds;
	atomic_store_explicit(&record->holds, offset, memory_order_release);
	self->hold_room = record->hold_capacity = capacity;
	return true;
}

void dlw_hold_put_right(struct dlw_context *self, uint64_t address, uint64_t word)
{
	struct dlw_thread *record = self->record;

	dlw_inside(self);
	dlw_hold_pop(record, dlw_hold_now(record));
	if (dlw_hold_count(self) < self->hold_room || dlw_hold_grow(self)) {
		dlw_hold_fill(&self->holds[dlw_hold_count(self)], address, word);
		dlw_hold_counts(record, dlw_hold_now(record));
	}
	dlw_leave(self);
}

static struct dlw_permit *probe(struct dlw_permit *permits, uint32_t capacity, uint64_t address)
{
	uint32_t at = dlw_address_hash(address) & (capacity - 1);

	while (permits[at].object && permits[at].address != address)
		at = (at + 1) & (capacity - 1);
	return &permits[at];
}

/** is_current() - the entry still speaks of something */
static bool is_current(const struct dlw_permit *permit)
{
	const struct dlw_object *object;

	if (!permit->object)
		return false;
	object = dlw_table_at(dlw_runtime->segment, &dlw_runtime->segment->objects,
			      permit->object - 1);
	return object && object->life == permit->life;
}

/**
 * take_permits() - an empty table of @capacity
 *
 * A thread that uses ever new semaphores rebuilds its table again and again in
 * the same size: the one before the last serves.
 */
static uint64_t take_permits(struct dlw_context *self, uint32_t capacity)
{
	if (self->spare_capacity != capacity)
		return dlw_segment_take(capacity * sizeof(struct dlw_permit));
	memset(dlw_at(self->spare_permits), 0, capacity * sizeof(struct dlw_permit));
	self->spare_capacity = 0;
	return self->spare_permits;
}

/** grow_permits() - a table twice as large, or as large where most are of past lives */
static bool grow_permits(struct dlw_context *self)
{
	struct dlw_thread *record = self->record;
	uint32_t old = record->permit_capacity, capacity = old, current = 0, i;
	struct dlw_permit *permits;
	uint64_t offset;

	for (i = 0; i < old; i++)
		current += is_current(&self->permits[i]);
	while (current * 2 >= capacity)
		capacity *= 2;
	offset = take_permits(self, capacity);
	if (!offset)
		return false;
	permits = dlw_at(offset);
	for (i = 0; i < old; i++)
		if (is_current(&self->permits[i]))
			*probe(permits, capacity, self->permits[i].address) = self->permits[i];
	memset(self->objects, 0, sizeof(self->objects)); /* they point into the old table */
	memset(dlw_here.last, 0, sizeof(dlw_here.last));
	self->spare_permits = dlw_offset(self->permits);
	self->spare_capacity = old;
	self->permits = permits;
	record->permit_count = current;
	atomic_store_explicit(&record->permits, offset, memory_order_release);
	atomic_store_explicit((_Atomic uint32_t *)&record->permit_capacity, capacity,
			      memory_order_release);
	return true;
}

/** find_permit() - by way of the table; NULL: no memory */
static struct dlw_permit *find_permit(struct dlw_context *self, uint64_t address)
{
	struct dlw_thread *record = self->record;
	struct dlw_permit *permit = probe(self->permits, record->permit_capacity, address);

	if (permit->object)
		return permit;
	if ((record->permit_count + 1) * 4 > record->permit_capacity * 3) {
		if (!grow_permits(self))
			return NULL;
		permit = probe(self->permits, record->permit_capacity, address);
	}
	record->permit_count++;
	return permit;
}

/** forget_past_lives() - what dlw_here.last tells of those that have ended */
static void forget_past_lives(void)
{
	uint64_t lives = atomic_load_explicit(&dlw_permit_lives, memory_order_acquire);
	struct dlw_known_object *last;

	for (last = dlw_here.last; last < dlw_here.last + DLW_LASTS; last++)
		if (!dlw_permit_in(last, last->address))
			memset(last, 0, sizeof(*last));
	dlw_here.lives = lives;
}

void dlw_permit_used(enum dlw_last use, const struct dlw_known_object *known)
{
	if (dlw_here.lives != atomic_load_explicit(&dlw_permit_lives, memory_order_relaxed))
		forget_past_lives();
	if (dlw_permit_in(known, known->address))
		dlw_here.last[use] = *known;
}

struct dlw_permit *dlw_permit_find(struct dlw_context *self, uint64_t address, enum dlw_kind kind)
{
	struct dlw_object *object = dlw_object(self, address, kind);
	struct dlw_known_object *known = dlw_known_object(self, address);
	struct dlw_permit *permit;

	if (!object)
		return NULL;
	permit = find_permit(self, address);
	if (!permit) {
		dlw_runtime_count(DLW_LOST_OBJECTS, 1);
		return NULL;
	}
	if (!permit->object || permit->life != object->life) {
		memset(permit, 0, sizeof(*permit));
		permit->address = address;
		permit->life = object->life;
		permit->object = object->index;
		atomic_fetch_or(&object->remembered, DLW_IN_PERMIT);
	}
	known = dlw_known_object(self, address);
	known->address = address;
	known->object = object;
	known->permit = permit;
	return permit;
}

void dlw_permit_first_post(struct dlw_permit *permit, bool as_holder)
{
	struct dlw_object *object = dlw_table_at(dlw_runtime->segment,
						 &dlw_runtime->segment->objects,
						 permit->object - 1);

	if (as_holder) {
		permit->posted_own = 1;
		object->posted_own = 1;
	} else {
		permit->posted_other = 1;
		object->posted_other = 1;
		atomic_fetch_add_explicit(&object->posters, 1, memory_order_relaxed);
	}
}
