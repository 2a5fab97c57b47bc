/*
 * shim/trace.c - the store of stacks, and how a thread comes to the one it is at
 *
 * Locks: all of the slow half runs under stacks_lock, which serialises the
 * unwinder (unwind.c); fork() takes it first, so that a child finds the unwinder at
 * rest.
 */
#include "shim/trace.h"

#include <string.h>

#include "shim/log_write.h"
#include "shim/segment.h"
#include "shim/unwind.h"

#include "shim/banned.h"

#define MANY 4096             /* stacks; from then on, of a lock taken without waiting … */
#define DEPTH_OF_MANY 16      /* … as many frames: enough to tell who took it */
#define IDS_FIRST 256         /* stack ids there is room for at first, a power of two */
#define STORE_MAX (64u << 20) /* bytes of stacks kept; past it: sites only, counted */

struct dlw_traces {
	struct dlw_trace_cache cache;
	uint32_t *ids; /* stack ids by hash, open addressing */
	uint32_t id_capacity;
	uint64_t stored; /* bytes in the stack store */
};

const struct dlw_stack_record *dlw_stack_record(uint32_t id)
{
	uint64_t *offset;

	if (!id || id > dlw_runtime->segment->stacks.count)
		return NULL;
	offset = dlw_table_at(dlw_runtime->segment, &dlw_runtime->segment->stacks, id - 1);
	return offset ? dlw_at(*offset) : NULL;
}

/* -------------------------------------------------------------------- the stack store */

static uint64_t hash_frames(const uint64_t *frames, uint32_t depth)
{
	uint64_t hash = depth;
	uint32_t i;

	for (i = 0; i < depth; i++) {
		hash = (hash ^ frames[i]) * 0x9e3779b97f4a7c15u;
		hash ^= hash >> 29;
	}
	return hash;
}

/** find_id() - the slot of the stack with these frames, or the free one where it belongs */
static uint32_t *find_id(struct dlw_traces *traces, const uint64_t *frames, uint32_t depth)
{
	uint32_t mask = traces->id_capacity - 1;
	uint32_t at = (uint32_t)hash_frames(frames, depth) & mask;

	for (;; at = (at + 1) & mask) {
		const struct dlw_stack_record *record;

		if (!traces->ids[at])
			return &traces->ids[at];
		record = dlw_stack_record(traces->ids[at]);
		if (record->depth == depth && !memcmp(record->frames, frames, depth * 8ul))
			return &traces->ids[at];
	}
}

static bool grow_ids(struct dlw_traces *traces)
{
	uint32_t old_capacity = traces->id_capacity;
	uint32_t *old = traces->ids;
	uint32_t *new = dlw_map(old_capacity * 2ul * sizeof(*new), false);
	uint32_t i;

	if (!new)
		return false;
	traces->ids = new;
	traces->id_capacity = old_capacity * 2;
	for (i = 0; i < old_capacity; i++) {
		const struct dlw_stack_record *record = dlw_stack_record(old[i]);

		if (record)
			*find_id(traces, record->frames, record->depth) = old[i];
	}
	if (old_capacity > IDS_FIRST)
		dlw_unmap(old, old_capacity * sizeof(*old));
	return true;
}

static uint32_t store_new(struct dlw_traces *traces, const uint64_t *frames, uint32_t depth)
{
	struct dlw_table *table = &dlw_runtime->segment->stacks;
	size_t size = sizeof(struct dlw_stack_record) + depth * sizeof(uint64_t);
	uint32_t position = table->count;
	struct dlw_stack_record *record;
	uint64_t *element;
	uint64_t offset;

	if (traces->stored + size > STORE_MAX || position >= DLW_PLAIN_STACK_MAX)
		return 0;
	element = dlw_table_grow(table, position);
	offset = element ? dlw_segment_take(size) : 0;
	if (!offset)
		return 0;
	record = dlw_at(offset);
	record->id = position + 1;
	record->depth = depth;
	memcpy(record->frames, frames, depth * sizeof(uint64_t));
	*element = offset;
	traces->stored += size;
	atomic_store_explicit(&table->count, position + 1, memory_order_release);
	dlw_log_stack(record);
	return record->id;
}

/** intern() - the id of these frames; stacks_lock is held; 0: no room, counted */
static uint32_t intern(struct dlw_traces *traces, const uint64_t *frames, uint32_t depth)
{
	uint32_t *slot;

	if (dlw_runtime->segment->stacks.count * 2 >= traces->id_capacity && !grow_ids(traces))
		return 0;
	slot = find_id(traces, frames, depth);
	if (!*slot)
		*slot = store_new(traces, frames, depth);
	if (!*slot)
		dlw_runtime_count(DLW_LOST_STACKS, 1);
	return *slot;
}

uint32_t dlw_stack_keep(const uint64_t *frames, uint32_t depth)
{
	uint32_t id;

	dlw_lock(&dlw_runtime->stacks_lock, DLW_RANK_STACKS);
	id = intern(dlw_runtime->traces, frames, depth);
	dlw_unlock(&dlw_runtime->stacks_lock, DLW_RANK_STACKS);
	return id;
}

/* ------------------------------------------------------------------- into the cache */

static const struct dlw_trace *recognise(const struct dlw_context *self, uint64_t address,
					 uint64_t frame, bool whole)
{
	const struct dlw_trace *trace =
		dlw_on_stack(self, frame)
			? dlw_trace_cache_find(&dlw_runtime->traces->cache, self, address, frame)
			: NULL;

	return trace && whole && trace->cut ? NULL : trace;
}

/** room_for() - frames to capture: of programs with very many stacks fewer, unless @whole */
static uint32_t room_for(bool whole)
{
	if (whole || dlw_options.stacks == DLW_STACKS_FULL ||
	    dlw_runtime->segment->stacks.count < MANY)
		return DLW_DEPTH_MAX;
	return DEPTH_OF_MANY;
}

/** remember() - make a trace of a walk; stacks_lock is held; NULL: not cacheable */
static const struct dlw_trace *remember(struct dlw_context *self, const struct dlw_walk *walk,
					uint64_t frame, uint32_t stack)
{
	struct dlw_trace_cache *cache = &dlw_runtime->traces->cache;
	struct dlw_trace *trace;
	uint32_t i;

	if (!walk->regular || !dlw_on_stack(self, frame) || self->stack_high - frame > INT32_MAX)
		return NULL;
	trace = dlw_trace_cache_room(cache, walk->frames[0], walk->depth - 1);
	if (!trace)
		return NULL;
	trace->stack = stack;
	trace->cut = walk->cut;
	trace->reach = 0;
	for (i = 1; i < walk->depth; i++) {
		dlw_trace_put(trace, i - 1,
			      (struct dlw_saved_return){
				      .value = walk->frames[i],
				      .distance = (int64_t)(walk->places[i] - frame) });
		if (trace->reach < walk->places[i] - frame + 8)
			trace->reach = walk->places[i] - frame + 8;
	}
	dlw_trace_cache_add(cache, trace);
	return trace;
}

/** capture() - unwind and intern; @trace may become how to recognise it next time */
static uint32_t capture(struct dlw_context *self, uint64_t address, uint64_t frame, bool whole,
			const struct dlw_trace **trace)
{
	struct dlw_walk walk = { .room = room_for(whole) };
	uint32_t stack;

	*trace = NULL;
	if (dlw_forking) /* our own prepare handler holds the lock */
		return 0;
	dlw_lock(&dlw_runtime->stacks_lock, DLW_RANK_STACKS);
	*trace = recognise(self, address, frame, whole); /* another thread may have been here first */
	if (*trace) {
		stack = (*trace)->stack;
	} else {
		dlw_walk_stack(self, &walk, address, frame);
		stack = intern(dlw_runtime->traces, walk.frames, walk.depth);
		if (stack)
			*trace = remember(self, &walk, frame, stack);
	}
	if (walk.cut)
		dlw_runtime_count(DLW_CUT_STACKS, 1);
	dlw_unlock(&dlw_runtime->stacks_lock, DLW_RANK_STACKS);
	return stack;
}

/** learn() - the stack now, and this thread's site entry brought up to date */
static uint32_t learn(struct dlw_context *self, struct dlw_site *site, uint64_t address,
		      uint64_t frame, bool whole)
{
	const struct dlw_trace *trace = recognise(self, address, frame, whole);
	uint32_t stack = trace ? trace->stack : capture(self, address, frame, whole, &trace);

	site->address = address;
	site->frame = frame;
	site->stack = stack;
	site->trace = trace ? trace : dlw_runtime->traces->cache.none;
	return stack;
}

bool dlw_site_verified(const struct dlw_site *site)
{
	return dlw_trace_still(site->trace, site->frame);
}

/**
 * make_way() - the entry in this site's place goes beside it; Return: the place
 *
 * But not if it is a guest there itself: it would keep driving out those that are not.
 */
static struct dlw_site *make_way(struct dlw_context *self, uint64_t address, uint64_t frame)
{
	struct dlw_site *site = dlw_site_of(self, address, frame);

	if (site->address && dlw_site_of(self, site->address, site->frame) == site)
		*dlw_site_beside(site) = *site;
	return site;
}

/** is_exact() - the entry is of this site, and the stack still the same and whole */
static bool is_exact(const struct dlw_site *site, uint64_t address, uint64_t frame)
{
	return dlw_site_is(site, address, frame) &&
	       (dlw_options.stacks == DLW_STACKS_OFF ||
		(dlw_trace_still(site->trace, frame) && !site->trace->cut));
}

uint32_t dlw_stack_exact(struct dlw_context *self, uint64_t address, uint64_t frame)
{
	const struct dlw_site *site = dlw_site_of(self, address, frame);
	const struct dlw_site *beside = dlw_site_beside(site);

	if (is_exact(site, address, frame))
		return site->stack;
	if (is_exact(beside, address, frame)) /* also of a site that is come to in two ways */
		return beside->stack;
	return learn(self, make_way(self, address, frame), address, frame, true);
}

uint32_t dlw_stack_seen(struct dlw_context *self, uint64_t address, uint64_t frame)
{
	struct dlw_site *site = dlw_site_of(self, address, frame);
	struct dlw_site *beside = dlw_site_beside(site), found = *beside;

	if (!dlw_site_is(beside, address, frame))
		return learn(self, make_way(self, address, frame), address, frame, false);
	if (dlw_options.stacks == DLW_STACKS_FULL)
		return dlw_stack_exact(self, address, frame);
	*beside = *site;
	*site = found;
	return found.stack;
}

/* ------------------------------------------------------------------------------ setup */

/** What a process needs that captures a few stacks, in one piece: a child often does no more. */
struct beginning {
	struct dlw_traces traces;
	uint32_t ids[IDS_FIRST];
	char arena[256u << 10];
};

bool dlw_trace_setup(void)
{
	struct beginning *beginning = dlw_home_take(sizeof(*beginning));
	struct dlw_traces *traces;

	if (!beginning)
		beginning = dlw_map(sizeof(*beginning), false);
	if (!beginning)
		return false;
	traces = &beginning->traces;
	traces->id_capacity = IDS_FIRST;
	traces->ids = beginning->ids;
	dlw_runtime->traces = traces;
	return dlw_trace_cache_setup(&traces->cache, beginning->arena, sizeof(beginning->arena));
}
