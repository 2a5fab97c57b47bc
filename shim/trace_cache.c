/*
 * shim/trace_cache.c - a tree of traces, read without a lock
 *
 * Writers hold stacks_lock. Readers take none: what they can come to is complete
 * before it is published, and nothing is ever taken away from under them. Tables
 * that have become too small stay behind, less than what replaced them.
 */
#include "shim/trace_cache.h"

#include <string.h>

#include "shim/segment.h"

#include "shim/banned.h"

#define FEW 4                   /* traces that are tried one after the other */
#define BYTES_MAX (64u << 20)   /* beyond, stacks are unwound each time */
#define ARENA_PIECE (256u << 10)
#define BRANCHES_FIRST 8

struct dlw_trace_cell {
	const struct dlw_trace *trace;
	struct dlw_trace_cell *next;
};

/* A place where the return address may stand that tells a node's traces apart. */
struct place {
	uint64_t distance;
	struct place *next;
};

struct dlw_trace_branches {
	struct place *_Atomic places;
	uint32_t count, capacity; /* a power of two, more than .count */
	struct dlw_trace_node *_Atomic slots[];
};

/* ----------------------------------------------------------------------------- memory */

static void *take(struct dlw_trace_cache *cache, size_t size)
{
	void *memory;

	size = (size + 15) & ~(size_t)15;
	if (cache->taken + size > BYTES_MAX)
		return NULL;
	cache->taken += size;
	if (size > ARENA_PIECE / 4)
		return dlw_map(size, false);
	if (size > cache->arena_left) {
		cache->arena = dlw_map(ARENA_PIECE, false);
		cache->arena_left = cache->arena ? ARENA_PIECE : 0;
	}
	if (size > cache->arena_left)
		return NULL;
	memory = cache->arena;
	cache->arena += size;
	cache->arena_left -= size;
	return memory;
}

struct dlw_trace *dlw_trace_cache_room(struct dlw_trace_cache *cache, uint64_t address,
				       uint32_t count)
{
	const uint32_t pairs = count ? (count + 1) / 2 : 1;
	struct dlw_trace *trace =
		take(cache, sizeof(*trace) + pairs * sizeof(struct dlw_saved_pair));

	if (!trace)
		return NULL;
	trace->address = address;
	trace->count = count;
	trace->end = trace->pairs + pairs;
	dlw_trace_put(trace, 0, (struct dlw_saved_return){ .value = address, .distance = -8 });
	return trace;
}

void dlw_trace_put(struct dlw_trace *trace, uint32_t index, struct dlw_saved_return saved)
{
	struct dlw_saved_pair *pair = &trace->pairs[index / 2];
	uint32_t half = index % 2;

	for (; half < 2; half++) {
		pair->distance[half] = (int32_t)saved.distance;
		pair->value[half] = saved.value;
	}
}

/** saved_at() - the return address at @index */
static struct dlw_saved_return saved_at(const struct dlw_trace *trace, uint32_t index)
{
	const struct dlw_saved_pair *pair = &trace->pairs[index / 2];

	return (struct dlw_saved_return){ pair->value[index % 2], pair->distance[index % 2] };
}

bool dlw_trace_cache_setup(struct dlw_trace_cache *cache, void *memory, size_t size)
{
	struct dlw_trace *none;

	cache->arena = memory;
	cache->arena_left = size;
	none = dlw_trace_cache_room(cache, 0, 2);
	if (!none)
		return false;
	/* one place cannot hold both; and this is there, the hook's own return address */
	dlw_trace_put(none, 0, (struct dlw_saved_return){ .value = 1, .distance = -8 });
	dlw_trace_put(none, 1, (struct dlw_saved_return){ .value = 2, .distance = -8 });
	cache->none = none;
	return true;
}

/* ----------------------------------------------------------------------------- finding */

/** slot_of() - of the branch for what stands at @distance, or where it belongs */
static struct dlw_trace_node *_Atomic *slot_of(struct dlw_trace_branches *branches,
					       uint64_t distance, uint64_t value)
{
	uint64_t hash = (value ^ distance << 48) * 0x9e3779b97f4a7c15u;
	uint32_t mask = branches->capacity - 1, at = (uint32_t)(hash >> 32) & mask;

	for (;; at = (at + 1) & mask) {
		const struct dlw_trace_node *node =
			atomic_load_explicit(&branches->slots[at], memory_order_acquire);

		if (!node || (node->value == value && node->distance == distance))
			return &branches->slots[at];
	}
}

static const struct dlw_trace *find_among(const struct dlw_trace_node *node,
					  const struct dlw_context *self, uint64_t frame)
{
	const struct dlw_trace_cell *cell =
		atomic_load_explicit(&node->cells, memory_order_acquire);

	for (; cell; cell = cell->next)
		if (dlw_trace_matches(self, cell->trace, frame))
			return cell->trace;
	return NULL;
}

/** find_under() - the longest trace below @node that matches; its own may be the beginning of it */
static const struct dlw_trace *find_under(const struct dlw_trace_node *node,
					  const struct dlw_context *self, uint64_t frame)
{
	const struct dlw_trace *found = NULL, *deeper;
	struct dlw_trace_branches *branches;
	const struct place *place;

	branches = atomic_load_explicit(&node->branches, memory_order_acquire);
	place = branches ? atomic_load_explicit(&branches->places, memory_order_acquire) : NULL;
	for (; place && !found; place = place->next) {
		uint64_t at = frame + place->distance;
		const struct dlw_trace_node *next;

		if (at + 8 > self->stack_high)
			continue;
		next = *slot_of(branches, place->distance, *(const uint64_t *)(uintptr_t)at);
		deeper = next ? find_under(next, self, frame) : NULL;
		if (deeper)
			found = deeper;
	}
	return found ? found : find_among(node, self, frame);
}

const struct dlw_trace *dlw_trace_cache_find(const struct dlw_trace_cache *cache,
				       const struct dlw_context *self, uint64_t address,
				       uint64_t frame)
{
	struct dlw_trace_branches *branches =
		atomic_load_explicit(&cache->root.branches, memory_order_acquire);
	const struct dlw_trace_node *node = branches ? *slot_of(branches, 0, address) : NULL;

	return node ? find_under(node, self, frame) : NULL;
}

/* ------------------------------------------------------------------------------ adding */

static struct dlw_trace_branches *make_branches(struct dlw_trace_cache *cache, uint32_t capacity)
{
	struct dlw_trace_branches *branches =
		take(cache, sizeof(*branches) + capacity * sizeof(branches->slots[0]));

	if (branches)
		branches->capacity = capacity;
	return branches;
}

/** grow() - room for one more branch of @node, published; false: no memory */
static bool grow(struct dlw_trace_cache *cache, struct dlw_trace_node *node)
{
	struct dlw_trace_branches *old = node->branches, *new;
	uint32_t i;

	if (old && old->count < old->capacity / 4 * 3)
		return true;
	new = make_branches(cache, old ? old->capacity * 2 : BRANCHES_FIRST);
	if (!new)
		return false;
	for (i = 0; old && i < old->capacity; i++)
		if (old->slots[i])
			*slot_of(new, old->slots[i]->distance, old->slots[i]->value) =
				old->slots[i];
	if (old) {
		new->places = old->places;
		new->count = old->count;
	}
	atomic_store_explicit(&node->branches, new, memory_order_release);
	return true;
}

static bool know_place(struct dlw_trace_cache *cache, struct dlw_trace_branches *branches,
		       uint64_t distance)
{
	struct place *place;

	for (place = branches->places; place; place = place->next)
		if (place->distance == distance)
			return true;
	place = take(cache, sizeof(*place));
	if (!place)
		return false;
	*place = (struct place){ distance, branches->places };
	atomic_store_explicit(&branches->places, place, memory_order_release);
	return true;
}

/** branch_of() - the one for what stands at @distance, made if there is none; NULL: no memory */
static struct dlw_trace_node *branch_of(struct dlw_trace_cache *cache, struct dlw_trace_node *node,
					uint64_t distance, uint64_t value)
{
	struct dlw_trace_node *_Atomic *slot;
	struct dlw_trace_node *branch;

	if (!grow(cache, node) || !know_place(cache, node->branches, distance))
		return NULL;
	slot = slot_of(node->branches, distance, value);
	if (*slot)
		return *slot;
	branch = take(cache, sizeof(*branch));
	if (!branch)
		return NULL;
	branch->distance = distance;
	branch->value = value;
	node->branches->count++;
	atomic_store_explicit(slot, branch, memory_order_release);
	return branch;
}

/** differ_at() - not all of the node's traces that go that far have the same there */
static bool differ_at(const struct dlw_trace_node *node, uint32_t level)
{
	const struct dlw_trace_cell *cell = node->cells;
	struct dlw_saved_return first, other;
	bool any = false;

	for (; cell; cell = cell->next) {
		if (cell->trace->count <= level)
			continue;
		other = saved_at(cell->trace, level);
		if (!any)
			first = other;
		else if (first.value != other.value || first.distance != other.distance)
			return true;
		any = true;
	}
	return false;
}

static void add_under(struct dlw_trace_cache *cache, struct dlw_trace_node *node,
		      const struct dlw_trace *trace);

/** split() - from now on the traces of @node are told apart; the old cells stay for who reads them */
static void split(struct dlw_trace_cache *cache, struct dlw_trace_node *node)
{
	struct dlw_trace_cell *cell = node->cells;
	uint32_t deepest = 0, level = 0;

	for (; cell; cell = cell->next)
		if (deepest < cell->trace->count)
			deepest = cell->trace->count;
	while (level < deepest && !differ_at(node, level))
		level++;
	if (level == deepest || !grow(cache, node))
		return;
	cell = node->cells;
	node->level = level;
	node->count = 0;
	atomic_store_explicit(&node->cells, NULL, memory_order_relaxed);
	for (; cell; cell = cell->next)
		add_under(cache, node, cell->trace);
}

static void add_here(struct dlw_trace_cache *cache, struct dlw_trace_node *node,
		     const struct dlw_trace *trace)
{
	struct dlw_trace_cell *cell = take(cache, sizeof(*cell));

	if (!cell)
		return;
	*cell = (struct dlw_trace_cell){ trace, node->cells };
	atomic_store_explicit(&node->cells, cell, memory_order_release);
	node->count++;
	if (node->count > FEW && !node->branches)
		split(cache, node);
}

static void add_under(struct dlw_trace_cache *cache, struct dlw_trace_node *node,
		      const struct dlw_trace *trace)
{
	struct dlw_saved_return saved;

	while (node && node->branches && trace->count > node->level) {
		saved = saved_at(trace, node->level);
		node = branch_of(cache, node, (uint64_t)saved.distance, saved.value);
	}
	if (node)
		add_here(cache, node, trace);
}

void dlw_trace_cache_add(struct dlw_trace_cache *cache, const struct dlw_trace *trace)
{
	struct dlw_trace_node *node = branch_of(cache, &cache->root, 0, trace->address);

	if (node)
		add_under(cache, node, trace);
}
