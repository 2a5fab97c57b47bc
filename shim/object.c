/*
 * shim/object.c - from address to object
 *
 * 64 stripes, each an open-addressing table under its own lock: initialisation
 * and first use by a thread come here, everything later is answered by the
 * thread's own cache (object.h). An entry is never taken out; a destroyed
 * object waits for the next life at its address.
 */
#include "shim/object.h"

#include <string.h>

#include "shim/log_write.h"
#include "shim/segment.h"

#include "shim/banned.h"

struct dlw_object_entry {
	uint64_t address;
	struct dlw_object *object;
};

#define FIRST_CAPACITY 64

static struct dlw_object_stripe *stripe_of(uint64_t address)
{
	return &dlw_runtime->objects[dlw_address_hash(address) >> 26 & (DLW_OBJECT_STRIPES - 1)];
}

/** probe() - the entry of @address, or the free one where it belongs */
static struct dlw_object_entry *probe(struct dlw_object_entry *entries, uint32_t capacity,
				      uint64_t address)
{
	uint32_t mask = capacity - 1;
	uint32_t at = dlw_address_hash(address) & mask;

	while (entries[at].address && entries[at].address != address)
		at = (at + 1) & mask;
	return &entries[at];
}

static bool grow(struct dlw_object_stripe *stripe)
{
	uint32_t capacity = stripe->capacity ? stripe->capacity * 2 : FIRST_CAPACITY;
	struct dlw_object_entry *entries = dlw_map(capacity * sizeof(*entries), false);
	uint32_t i;

	if (!entries)
		return false;
	for (i = 0; i < stripe->capacity; i++)
		if (stripe->entries[i].address)
			*probe(entries, capacity, stripe->entries[i].address) = stripe->entries[i];
	if (stripe->entries)
		dlw_unmap(stripe->entries, stripe->capacity * sizeof(*entries));
	stripe->entries = entries;
	stripe->capacity = capacity;
	return true;
}

/** make() - a fresh object in the segment's table */
static struct dlw_object *make(uint64_t address, enum dlw_kind kind)
{
	struct dlw_table *table = &dlw_runtime->segment->objects;
	struct dlw_object *object;
	uint32_t position;

	dlw_lock(&dlw_runtime->table_lock, DLW_RANK_TABLE);
	position = table->count;
	object = dlw_table_grow(table, position);
	if (object) {
		object->kind = (uint8_t)kind;
		object->life = 1;
		object->index = position + 1;
		atomic_store_explicit(&object->address, address, memory_order_relaxed);
		atomic_store_explicit(&table->count, position + 1, memory_order_release);
	}
	dlw_unlock(&dlw_runtime->table_lock, DLW_RANK_TABLE);
	return object;
}

/** lookup() - in the stripe; @make_as: DLW_NO_KIND, or the kind to make it as */
static struct dlw_object *lookup(uint64_t address, enum dlw_kind make_as)
{
	struct dlw_object_stripe *stripe = stripe_of(address);
	struct dlw_object_entry *entry;
	struct dlw_object *object = NULL;

	dlw_lock(&stripe->lock, DLW_RANK_OBJECTS);
	if ((stripe->used + 1) * 2 <= stripe->capacity || grow(stripe)) {
		entry = probe(stripe->entries, stripe->capacity, address);
		if (!entry->address && make_as) {
			entry->object = make(address, make_as);
			if (entry->object) {
				entry->address = address;
				stripe->used++;
			}
		}
		object = entry->address ? entry->object : NULL;
	}
	dlw_unlock(&stripe->lock, DLW_RANK_OBJECTS);
	return object;
}

/** end_life() - what others remember of it is about another object from now on */
static void end_life(struct dlw_object *object)
{
	uint32_t life = atomic_load_explicit(&object->life, memory_order_relaxed) + 1;

	atomic_store_explicit(&object->life, life ? life : 1, memory_order_release);
}

/** new_life() - nothing that was known of it is true of this one */
static void new_life(struct dlw_object *object, enum dlw_kind kind)
{
	const size_t from = offsetof(struct dlw_object, ticket);

	memset((char *)object + from, 0, sizeof(*object) - from);
	object->kind = (uint8_t)kind;
	end_life(object);
}

struct dlw_object *dlw_object_find(struct dlw_context *self, uint64_t address)
{
	struct dlw_known_object *known = dlw_known_object(self, address);

	return known->address == address ? known->object : lookup(address, DLW_NO_KIND);
}

struct dlw_object *dlw_object_get(struct dlw_context *self, uint64_t address, enum dlw_kind kind)
{
	struct dlw_known_object *known = dlw_known_object(self, address);
	struct dlw_object *object =
		known->address == address ? known->object : lookup(address, kind);

	if (!object) {
		dlw_runtime_count(DLW_LOST_OBJECTS, 1);
		return NULL;
	}
	if (object->kind != kind || object->gone) /* its memory is used again */
		new_life(object, kind);
	known->address = address;
	known->object = object;
	known->permit = NULL;
	return object;
}

struct dlw_object *dlw_object_begin(struct dlw_context *self, uint64_t address,
				    enum dlw_kind kind, enum dlw_type type, uint32_t traits,
				    uint32_t stack)
{
	struct dlw_object *object = dlw_object(self, address, kind);

	if (!object)
		return NULL;
	new_life(object, kind);
	object->type = (uint8_t)type;
	atomic_store_explicit(&object->traits, (uint16_t)traits, memory_order_relaxed);
	object->init_stack = stack;
	return object;
}

void dlw_object_end(struct dlw_context *self, uint64_t address)
{
	struct dlw_object *object = dlw_object_find(self, address);

	if (!object)
		return;
	if (dlw_logging(self))
		dlw_log_destroyed(self, object);
	atomic_store_explicit(&object->gone, 1, memory_order_relaxed);
	end_life(object);
}
