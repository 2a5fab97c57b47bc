/*
 * shim/log_order.c - log_mode=order: each lock order once
 *
 * An order is a lock asked for while others are held: the thread, the locks
 * and where each of them was taken. One that the thread has not shown before
 * is written as the shortest run that shows it: ORDER with its number, the
 * held locks acquired one after the other, the wanted one, and all given back,
 * all at one instant and without tickets. So whoever reads logs reads these,
 * too. Lives of threads are written as ever, because they order things.
 *
 * The table of a thread's orders is its own; others read the counts when the
 * process ends, so what they may be reading is never unmapped: a table that
 * became too small stays (all of them together are as large as the last).
 */
#include <string.h>

#include "shim/hold.h"
#include "shim/log_slot.h"
#include "shim/object.h"
#include "shim/segment.h"

#include "shim/banned.h"

#define FIRST_CAPACITY 64u
#define COUNTS_AT_ONCE 256u

struct order {
	uint64_t hash; /* 0: free */
	_Atomic uint64_t times;
	uint32_t number, reserved;
};

struct dlw_orders {
	uint32_t capacity; /* a power of two */
	_Atomic uint32_t used;
	uint32_t segment; /* creations and joins so far: they order what comes before and after */
	struct order entries[];
};

/** A hold of an order, by its id in the log. */
struct part {
	uint32_t object, stack;
	uint8_t mode;
};

/* -------------------------------------------------------------------------- table */

static struct dlw_orders *new_table(uint32_t capacity)
{
	struct dlw_orders *orders =
		dlw_map(sizeof(*orders) + capacity * sizeof(orders->entries[0]), false);

	if (orders)
		orders->capacity = capacity;
	return orders;
}

static struct order *probe(struct dlw_orders *orders, uint64_t hash)
{
	uint32_t at = (uint32_t)(hash >> 32) & (orders->capacity - 1);

	while (orders->entries[at].hash && orders->entries[at].hash != hash)
		at = (at + 1) & (orders->capacity - 1);
	return &orders->entries[at];
}

static bool grow(struct dlw_slot *slot)
{
	struct dlw_orders *old = slot->orders;
	struct dlw_orders *new = new_table(old ? old->capacity * 2 : FIRST_CAPACITY);
	uint32_t at;

	if (!new)
		return false;
	if (old) {
		new->used = old->used;
		new->segment = old->segment;
		for (at = 0; at < old->capacity; at++)
			if (old->entries[at].hash)
				*probe(new, old->entries[at].hash) = old->entries[at];
	}
	__atomic_store_n(&slot->orders, new, __ATOMIC_RELEASE);
	return true;
}

/** seen() - NULL: no memory; *@first: it is new, and has a number now */
static struct order *seen(struct dlw_slot *slot, uint64_t hash, bool *first)
{
	struct order *order;

	*first = false;
	if ((!slot->orders || (slot->orders->used + 1) * 2 > slot->orders->capacity) && !grow(slot))
		return NULL;
	order = probe(slot->orders, hash);
	if (!order->hash) {
		*first = true;
		order->number = ++dlw_runtime->logger->order_numbers;
		order->hash = hash;
		slot->orders->used++;
	}
	return order;
}

void dlw_order_counts(struct dlw_slot *slot)
{
	union {
		struct dlw_record_order_counts counts;
		char bytes[sizeof(struct dlw_record_order_counts) + COUNTS_AT_ONCE * 16];
	} record;
	struct dlw_orders *orders = __atomic_load_n(&slot->orders, __ATOMIC_ACQUIRE);
	uint32_t at = 0;

	while (orders && at < orders->capacity) {
		memset(&record.counts, 0, sizeof(record.counts));
		record.counts.serial = slot->serial;
		for (; at < orders->capacity && record.counts.count < COUNTS_AT_ONCE; at++) {
			if (!orders->entries[at].hash || orders->entries[at].times < 2)
				continue;
			record.counts.orders[record.counts.count].order = orders->entries[at].number;
			record.counts.orders[record.counts.count].reserved = 0;
			record.counts.orders[record.counts.count++].times =
				orders->entries[at].times;
		}
		if (record.counts.count)
			dlw_define_locked(&record, DLW_RECORD_ORDER_COUNTS,
					  sizeof(record.counts) + record.counts.count * 16ul);
	}
}

void dlw_order_reset(struct dlw_slot *slot)
{
	struct dlw_orders *orders = slot->orders;

	if (!orders)
		return;
	orders->used = orders->segment = 0;
	memset(orders->entries, 0, orders->capacity * sizeof(orders->entries[0]));
}

/* -------------------------------------------------------------------------- orders */

static uint64_t mix(uint64_t hash, uint64_t value)
{
	hash = (hash ^ value) * 0x9e3779b97f4a7c15u;
	return hash ^ hash >> 29;
}

/** part_of() - a hold as the log knows it; false: the log does not */
static bool part_of(struct dlw_context *self, const struct dlw_held *held, struct part *part)
{
	struct dlw_object *object = dlw_object(self, held->address, held->kind);

	if (!object)
		return false;
	part->object = dlw_log_object(object);
	part->stack = held->stack;
	part->mode = (uint8_t)(held->mode - DLW_EXCLUSIVE);
	return true;
}

/** is_held_besides() - hold number @at is one that the wanted lock is asked for under */
static bool is_held_besides(struct dlw_context *self, uint32_t at, const struct dlw_event *wanted,
			    struct part *part)
{
	return part_of(self, &self->holds[at], part) && part->object != wanted->object;
}

/**
 * hash_order() - of the order that asking for @wanted makes now; 0: it makes none
 *
 * ACQUIRED is logged after its hold was noted, WANT before there is one: that
 * hold aside, a lock that the thread has already makes no order.
 */
static uint64_t hash_order(struct dlw_context *self, const struct dlw_event *wanted)
{
	const struct dlw_slot *slot = self->log;
	uint32_t at, count = dlw_hold_count(self), besides = 0, times = 0;
	uint64_t hash = mix(wanted->mode | (uint64_t)wanted->form << 8,
			    wanted->object | (uint64_t)wanted->stack << 32);
	struct part part;

	if (slot->orders)
		hash = mix(hash, slot->orders->segment);
	for (at = 0; at < count; at++) {
		if (!part_of(self, &self->holds[at], &part))
			continue;
		if (part.object == wanted->object) {
			times += self->holds[at].again + 1;
			continue;
		}
		hash = mix(hash, part.object | (uint64_t)part.stack << 32);
		hash = mix(hash, part.mode);
		besides++;
	}
	if (!besides || times > (wanted->type == DLW_EVENT_ACQUIRED))
		return 0;
	return hash ? hash : 1;
}

static void put(struct dlw_slot *slot, struct dlw_event event)
{
	if (dlw_slot_room(slot) < 4 * DLW_EVENT_UNITS_MAX)
		dlw_slot_flush(slot);
	dlw_slot_put(slot, &event);
}

/** show() - the shortest run with this order */
static void show(struct dlw_context *self, const struct dlw_event *wanted, uint32_t number)
{
	struct dlw_slot *slot = self->log;
	uint64_t ticks = dlw_slot_ticks(slot);
	uint32_t at, count = dlw_hold_count(self), taken = 1;
	struct part part;

	put(slot, (struct dlw_event){
			  .type = DLW_EVENT_ORDER, .argument = number, .ticks = ticks });
	for (at = 0; at < count; at++) {
		if (!is_held_besides(self, at, wanted, &part))
			continue;
		put(slot, (struct dlw_event){ .type = DLW_EVENT_ACQUIRED,
					      .object = part.object,
					      .stack = part.stack,
					      .mode = part.mode,
					      .ticks = ticks });
		taken++;
	}
	put(slot, (struct dlw_event){ .type = DLW_EVENT_ACQUIRED,
				      .object = wanted->object,
				      .stack = wanted->stack,
				      .mode = wanted->mode,
				      .form = wanted->form,
				      .ticks = ticks });
	while (taken-- > 0)
		put(slot, (struct dlw_event){ .type = DLW_EVENT_RELEASED_TOP, .ticks = ticks });
}

static void asked_for(struct dlw_context *self, const struct dlw_event *wanted)
{
	uint64_t hash;
	struct order *order;
	bool first;

	if (dlw_likely(dlw_hold_count(self) < 1 + (wanted->type == DLW_EVENT_ACQUIRED)))
		return;
	hash = hash_order(self, wanted);
	if (!hash)
		return;
	order = seen(self->log, hash, &first);
	if (!order)
		dlw_runtime_count(DLW_LOST_EVENTS, 1);
	else if (first)
		show(self, wanted, order->number);
	if (order && wanted->type == DLW_EVENT_ACQUIRED) /* which follows a WANT */
		atomic_store_explicit(&order->times, order->times + 1, memory_order_relaxed);
}

/** orders_what_follows() - creations and joins divide a thread's life */
static void orders_what_follows(struct dlw_slot *slot)
{
	if (slot->orders || grow(slot))
		slot->orders->segment++;
}

void dlw_order_event(struct dlw_context *self, struct dlw_event *event)
{
	struct dlw_slot *slot = self->log;

	switch (event->type) {
	case DLW_EVENT_ACQUIRED:
	case DLW_EVENT_WANT:
		if (event->mode <= DLW_SHARED - DLW_EXCLUSIVE)
			asked_for(self, event);
		break;
	case DLW_EVENT_CREATED:
	case DLW_EVENT_JOINED:
		orders_what_follows(slot);
		/* fall through */
	case DLW_EVENT_STARTED:
	case DLW_EVENT_EXITED:
	case DLW_EVENT_DETACHED:
	case DLW_EVENT_FORKED:
		event->ticks = dlw_slot_ticks(slot);
		put(slot, *event);
		break;
	default:
		break;
	}
	slot->pending_count = 0;
	if (dlw_unlikely(dlw_runtime->logger->stopped))
		dlw_thread_log_ends(self);
}
