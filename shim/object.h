/*
 * shim/object.h - resources worth remembering: initialised ones, semaphores,
 * and all that is logged
 *
 * One table per process, from address to struct dlw_object in the segment. An
 * object's memory stays for its address; each initialisation or destruction
 * starts a new life. Not for signal handlers: it takes a lock.
 */
#ifndef DLW_SHIM_OBJECT_H
#define DLW_SHIM_OBJECT_H

#include <string.h>

#include "shim/context.h"
#include "shim/nesting.h"

/** dlw_object_get() - the object at @address, made as @kind if unknown; NULL: no memory */
struct dlw_object *dlw_object_get(struct dlw_context *self, uint64_t address, enum dlw_kind kind);

/** dlw_object_find() - the object at @address if it is known; NULL */
struct dlw_object *dlw_object_find(struct dlw_context *self, uint64_t address);

/**
 * dlw_object_any() - the object at @address whatever it is; NULL: no memory
 *
 * An unknown one is made without a kind, and becomes what it is first used as.
 */
struct dlw_object *dlw_object_any(struct dlw_context *self, uint64_t address);

/** dlw_object_begin() - it was initialised: a new life with these properties */
struct dlw_object *dlw_object_begin(struct dlw_context *self, uint64_t address,
				    enum dlw_kind kind, enum dlw_type type, uint32_t traits,
				    uint32_t stack);

/** dlw_object_end() - it was destroyed */
void dlw_object_end(struct dlw_context *self, uint64_t address);

static inline uint32_t dlw_address_hash(uint64_t address)
{
	return (uint32_t)((address * 0x9e3779b97f4a7c15u) >> 32);
}

static inline struct dlw_known_object *dlw_known_object(struct dlw_context *self, uint64_t address)
{
	return &self->objects[dlw_address_hash(address) & (DLW_KNOWN_OBJECTS - 1)];
}

/** dlw_object_known() - the object, dead or alive, if the thread's cache has it; NULL */
static inline struct dlw_object *dlw_object_known(struct dlw_context *self, uint64_t address)
{
	const struct dlw_known_object *known = dlw_known_object(self, address);

	return dlw_likely(known->address == address) ? known->object : NULL;
}

/** dlw_object() - dlw_object_get() with a cache in front */
static inline struct dlw_object *dlw_object(struct dlw_context *self, uint64_t address,
					    enum dlw_kind kind)
{
	struct dlw_known_object *known = dlw_known_object(self, address);

	if (dlw_likely(known->address == address && known->object->kind == kind &&
		       !known->object->gone))
		return known->object;
	return dlw_object_get(self, address, kind);
}

/** dlw_object_end_life() - what others remember of it is about another object from now on */
static inline void dlw_object_end_life(struct dlw_object *object)
{
	uint32_t life = atomic_load_explicit(&object->life, memory_order_relaxed) + 1;

	atomic_store_explicit(&object->life, life ? life : 1, memory_order_release);
}

/** dlw_object_starts() - a new life, of one that nothing remembers */
static inline void dlw_object_starts(struct dlw_object *object, enum dlw_kind kind)
{
	const size_t from = offsetof(struct dlw_object, log_id);

	memset((char *)object + from, 0, sizeof(*object) - from);
	object->kind = (uint8_t)kind;
	dlw_object_end_life(object);
}

/** dlw_object_is_remembered() - something speaks of its life; Return: DLW_IN_… of all */
static inline uint8_t dlw_object_is_remembered(const struct dlw_object *object)
{
	return atomic_load_explicit(&object->remembered, memory_order_relaxed);
}

/* Grows after the end of each life that a thread has an entry of: hold.h. */
extern _Atomic uint64_t dlw_permit_lives __attribute__((visibility("hidden")));

/** dlw_object_ending() - a life that was @remembered is about to end */
static inline void dlw_object_ending(uint8_t remembered)
{
	if (dlw_unlikely(remembered & DLW_IN_NESTING))
		dlw_nest_changed();
}

/** dlw_object_ended() - it has */
static inline void dlw_object_ended(uint8_t remembered)
{
	if (dlw_unlikely(remembered & DLW_IN_PERMIT))
		atomic_fetch_add(&dlw_permit_lives, 1);
}

/** dlw_object_new_life() - nothing that was known of it is true of this one */
static inline void dlw_object_new_life(struct dlw_object *object, enum dlw_kind kind)
{
	uint8_t remembered = dlw_object_is_remembered(object);

	dlw_object_ending(remembered);
	dlw_object_starts(object, kind);
	dlw_object_ended(remembered);
}

/** dlw_object_stops() - its life, of one that nothing remembers */
static inline void dlw_object_stops(struct dlw_object *object)
{
	object->log_id = 0;
	atomic_store_explicit(&object->gone, 1, memory_order_relaxed);
	dlw_object_end_life(object);
}

/**
 * dlw_object_is_renewed() - for the log the new life is but one more of the last
 *
 * It knows the end of that, says of it that others may follow, and would say nothing
 * else of this one.
 */
static inline bool dlw_object_is_renewed(const struct dlw_object *object, enum dlw_kind kind,
					 enum dlw_type type, uint32_t traits, uint32_t stack)
{
	return object->log_ended && object->log_renewed && object->kind == kind &&
	       object->type == type &&
	       atomic_load_explicit(&object->traits, memory_order_relaxed) == traits &&
	       object->init_stack == stack && !object->name && !object->class_name &&
	       !object->rank;
}

/** dlw_object_begins() - it was initialised: a new life with these properties */
static inline void dlw_object_begins(struct dlw_object *object, enum dlw_kind kind,
				     enum dlw_type type, uint32_t traits, uint32_t stack)
{
	bool renewed = dlw_object_is_renewed(object, kind, type, traits, stack);

	dlw_object_new_life(object, kind);
	object->type = (uint8_t)type;
	atomic_store_explicit(&object->traits, (uint16_t)traits, memory_order_relaxed);
	object->init_stack = stack;
	if (renewed) {
		object->log_renewed = 1;
		object->log_id = object->log_last;
	}
}

/** dlw_object_is_gone() - it waits for the next life at its address */
static inline void dlw_object_is_gone(struct dlw_object *object)
{
	uint8_t remembered = dlw_object_is_remembered(object);

	dlw_object_ending(remembered);
	dlw_object_stops(object);
	dlw_object_ended(remembered);
}

#endif
