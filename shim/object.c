/*
 * shim/object.c - from address to object
 *
 * First use by a thread comes here, everything later is answered by the thread's
 * own cache (object.h), or by a short look into the table (object_table.h). An entry
 * is never taken out; a destroyed object waits for the next life at its address.
 * So a lookup needs no lock; adding an entry takes the stripe's. A table that
 * has become too small stays where it is, for somebody may be reading it: all
 * outgrown ones together are no larger than the one in use.
 */
#include "shim/object.h"

#include <string.h>

#include "shim/log_write.h"
#include "shim/object_table.h"
#include "shim/segment.h"

#include "shim/banned.h"

_Atomic uint64_t dlw_permit_lives;

#define FIRST_CAPACITY 64
/* Of so many places one is taken, at most: most addresses find theirs free. */
#define PLACES_FOR_ONE 3

/** is_place_of() - what @entry says is of @address, or nobody's */
static bool is_place_of(uint64_t entry, uint64_t address)
{
	return !entry || dlw_object_in(entry, address);
}

/**
 * probe() - the place of @address, or the free one where it belongs; @entry: what it says
 *
 * What finds its first place taken is scattered: where locks lie closer than
 * DLW_OBJECT_APART neighbours would crowd.
 */
static _Atomic uint64_t *probe(struct dlw_object_entries *entries, uint64_t address,
			       uint64_t *entry)
{
	uint64_t at = dlw_object_first_place(entries, dlw_object_neighbourhood(address), address);

	*entry = atomic_load_explicit(&entries->all[at], memory_order_acquire);
	if (dlw_likely(is_place_of(*entry, address)))
		return &entries->all[at];
	at = dlw_object_hash(~address) & entries->mask;
	for (;; at = (at + 1) & entries->mask) {
		*entry = atomic_load_explicit(&entries->all[at], memory_order_acquire);
		if (is_place_of(*entry, address))
			return &entries->all[at];
	}
}

static void put(struct dlw_object_entries *entries, struct dlw_object *object)
{
	uint64_t address = atomic_load_explicit(&object->address, memory_order_relaxed), entry;
	_Atomic uint64_t *place = probe(entries, address, &entry);

	atomic_store_explicit(place, dlw_object_entry(object, address), memory_order_release);
}

/**
 * first_entries() - a stripe's first table: all of them share a few pages; NULL: no memory
 */
static struct dlw_object_entries *first_entries(const struct dlw_object_stripe *stripe)
{
	const size_t size = sizeof(struct dlw_object_entries) + FIRST_CAPACITY * sizeof(uint64_t);
	char *all;

	dlw_lock(&dlw_runtime->table_lock, DLW_RANK_TABLE);
	if (!dlw_runtime->first_entries)
		dlw_runtime->first_entries = dlw_map(DLW_OBJECT_STRIPES * size, false);
	all = dlw_runtime->first_entries;
	dlw_unlock(&dlw_runtime->table_lock, DLW_RANK_TABLE);
	return all ? (void *)(all + (size_t)(stripe - dlw_runtime->objects) * size) : NULL;
}

/** grow() - a table twice as large; the stripe's lock is held; NULL: no memory */
static struct dlw_object_entries *grow(struct dlw_object_stripe *stripe)
{
	struct dlw_object_entries *old = stripe->entries, *new;
	uint64_t capacity = old ? (old->mask + 1) * 2 : FIRST_CAPACITY, i;

	new = old ? dlw_map(sizeof(*new) + capacity * sizeof(new->all[0]), false) :
		    first_entries(stripe);
	if (!new)
		return NULL;
	new->mask = capacity - 1;
	for (i = 0; old && i <= old->mask; i++)
		if (old->all[i])
			put(new, dlw_object_of(old->all[i]));
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
	uint64_t entry = 0;

	if (entries)
		probe(entries, address, &entry);
	return dlw_object_of(entry);
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
	if (!object && entries && (stripe->used + 1) * PLACES_FOR_ONE > entries->mask + 1)
		entries = NULL;
	if (!object && !entries)
		entries = grow(stripe);
	if (!object && entries && (object = make(address, kind))) {
		put(entries, object);
		stripe->used++;
	}
	dlw_unlock(&stripe->lock, DLW_RANK_OBJECTS);
	return object;
}

static struct dlw_object_stripe *stripe_of(uint64_t address)
{
	return dlw_object_stripe_at(dlw_object_neighbourhood(address));
}

/** look_further() - likewise, and its first place is somebody else's, or free */
static __attribute__((noinline)) struct dlw_object *look_further(uint64_t address,
								 enum dlw_kind make_as)
{
	struct dlw_object_stripe *stripe = stripe_of(address);
	struct dlw_object *object = known_at(stripe, address);

	return object || !make_as ? object : add(stripe, address, make_as);
}

/** lookup() - in the stripe; @make_as: DLW_NO_KIND, or the kind to make it as */
static inline struct dlw_object *lookup(uint64_t address, enum dlw_kind make_as)
{
	struct dlw_object *object = dlw_object_met(address);

	return dlw_likely(object != NULL) ? object : look_further(address, make_as);
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
	dlw_object_begins(object, kind, type, traits, stack);
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
