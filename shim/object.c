/*
 * shim/object.c - from address to object
 *
 * 64 stripes, each an open-addressing table: first use by a thread comes here,
 * everything later is answered by the thread's own cache (object.h). An entry is
 * never taken out; a destroyed object waits for the next life at its address.
 * So a lookup needs no lock; adding an entry takes the stripe's. A table that
 * has become too small stays where it is, for somebody may be reading it: all
 * outgrown ones together are no larger than the one in use.
 */
#include "shim/object.h"

#include <string.h>

#include "shim/log_write.h"
#include "shim/segment.h"

#include "shim/banned.h"

struct dlw_object_entry {
	_Atomic uint64_t address; /* 0: free; else the object stands beside it */
	struct dlw_object *object;
};

struct dlw_object_entries {
	uint64_t capacity; /* a power of two */
	struct dlw_object_entry all[];
};

#define FIRST_CAPACITY 64

/* Locks in so many bytes are entered side by side, one for each APART bytes. */
#define NEIGHBOURS 4096u
#define APART 32u

/**
 * whole_hash() - both halves are good
 *
 * Locks stand at equal distances in arrays: what one multiplication makes of
 * those crowds within a stripe, and a probe that should take one step takes
 * hundreds.
 */
static uint64_t whole_hash(uint64_t number)
{
	uint64_t hash = number * 0x9e3779b97f4a7c15u;

	hash = (hash ^ hash >> 32) * 0xd6e8feb86659fd93u;
	return hash ^ hash >> 32;
}

static struct dlw_object_stripe *stripe_of(uint64_t address)
{
	return &dlw_runtime->objects[whole_hash(address / NEIGHBOURS) >> 58 &
				     (DLW_OBJECT_STRIPES - 1)];
}

/**
 * first_place() - where @address is looked for first
 *
 * Locks that are neighbours in memory are neighbours here: a program that goes
 * through an array of them finds several in a line of the cache, and the next
 * line is on its way.
 */
static uint64_t first_place(const struct dlw_object_entries *entries, uint64_t address)
{
	return (whole_hash(address / NEIGHBOURS) + address % NEIGHBOURS / APART) &
	       (entries->capacity - 1);
}

/** is_place_of() - @address is here, or would be */
static bool is_place_of(const struct dlw_object_entry *entry, uint64_t address)
{
	uint64_t here = atomic_load_explicit(&entry->address, memory_order_acquire);

	return !here || here == address;
}

/**
 * probe() - the entry of @address, or the free one where it belongs
 *
 * What finds its first place taken is scattered: where locks lie closer than
 * APART neighbours would crowd.
 */
static inline struct dlw_object_entry *probe(struct dlw_object_entries *entries, uint64_t address)
{
	uint64_t mask = entries->capacity - 1, at = first_place(entries, address);

	if (dlw_likely(is_place_of(&entries->all[at], address)))
		return &entries->all[at];
	for (at = whole_hash(~address) & mask; !is_place_of(&entries->all[at], address);)
		at = (at + 1) & mask;
	return &entries->all[at];
}

static void put(struct dlw_object_entries *entries, uint64_t address, struct dlw_object *object)
{
	struct dlw_object_entry *entry = probe(entries, address);

	entry->object = object;
	atomic_store_explicit(&entry->address, address, memory_order_release);
}

/** grow() - a table twice as large; the stripe's lock is held; NULL: no memory */
static struct dlw_object_entries *grow(struct dlw_object_stripe *stripe)
{
	struct dlw_object_entries *old = stripe->entries, *new;
	uint64_t capacity = old ? old->capacity * 2 : FIRST_CAPACITY, i;

	new = dlw_map(sizeof(*new) + capacity * sizeof(new->all[0]), false);
	if (!new)
		return NULL;
	new->capacity = capacity;
	for (i = 0; old && i < old->capacity; i++)
		if (old->all[i].address)
			put(new, old->all[i].address, old->all[i].object);
	atomic_store_explicit(&stripe->entries, new, memory_order_release);
	return new;
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

/** known_at() - the object at @address, NULL: there is none yet */
static inline struct dlw_object *known_at(const struct dlw_object_stripe *stripe, uint64_t address)
{
	struct dlw_object_entries *entries =
		atomic_load_explicit(&stripe->entries, memory_order_acquire);
	struct dlw_object_entry *entry = entries ? probe(entries, address) : NULL;

	return entry && entry->address ? entry->object : NULL;
}

/** add() - make the object, unless another thread just did; NULL: no memory */
static struct dlw_object *add(struct dlw_object_stripe *stripe, uint64_t address,
			      enum dlw_kind kind)
{
	struct dlw_object_entries *entries;
	struct dlw_object *object;

	dlw_lock(&stripe->lock, DLW_RANK_OBJECTS);
	object = known_at(stripe, address);
	entries = stripe->entries;
	if (!object && entries && (stripe->used + 1) * 2 > entries->capacity)
		entries = NULL;
	if (!object && !entries)
		entries = grow(stripe);
	if (!object && entries && (object = make(address, kind))) {
		put(entries, address, object);
		stripe->used++;
	}
	dlw_unlock(&stripe->lock, DLW_RANK_OBJECTS);
	return object;
}

/** lookup() - in the stripe; @make_as: DLW_NO_KIND, or the kind to make it as */
static inline struct dlw_object *lookup(uint64_t address, enum dlw_kind make_as)
{
	struct dlw_object_stripe *stripe = stripe_of(address);
	struct dlw_object *object = known_at(stripe, address);

	return object || !make_as ? object : add(stripe, address, make_as);
}

struct dlw_object *dlw_object_find(struct dlw_context *self, uint64_t address)
{
	struct dlw_object *object = dlw_object_known(self, address);

	return object ? object : lookup(address, DLW_NO_KIND);
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
	if (object->kind == DLW_NO_KIND && !object->gone)
		object->kind = (uint8_t)kind; /* annotated before its first use */
	if (object->kind != kind || object->gone) /* its memory is used again */
		dlw_object_new_life(object, kind);
	known->address = address;
	known->object = object;
	known->permit = NULL;
	return object;
}

struct dlw_object *dlw_object_any(struct dlw_context *self, uint64_t address)
{
	struct dlw_object *object = dlw_object_find(self, address);

	if (!object)
		object = add(stripe_of(address), address, DLW_NO_KIND);
	if (!object)
		dlw_runtime_count(DLW_LOST_OBJECTS, 1);
	else if (object->gone)
		dlw_object_new_life(object, DLW_NO_KIND);
	return object;
}

struct dlw_object *dlw_object_begin(struct dlw_context *self, uint64_t address,
				    enum dlw_kind kind, enum dlw_type type, uint32_t traits,
				    uint32_t stack)
{
	struct dlw_object *object = dlw_object_known(self, address);

	if (!object)
		object = dlw_object_get(self, address, kind);
	if (!object)
		return NULL;
	dlw_object_new_life(object, kind);
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
	dlw_object_is_gone(object);
}
