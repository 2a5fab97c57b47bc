/*
 * core/watch/picture.c - reading the records
 *
 * Only threads that wait, and dead ones, have their holds read: a running
 * thread's are its own business, and whoever waits for it is waiting for a
 * live thread either way. A want is read like a seqlock: number, fields,
 * number again.
 */
#include "core/watch/picture.h"

#include <pthread.h>
#include <string.h>

#include "core/watch/glibc.h"
#include "core/watch/records.h"

/** (process, kind, address) → resource index, while the picture is made. */
struct resource_entry {
	uint64_t address;
	uint32_t process;
	uint32_t resource; /* index + 1; 0: free */
	uint8_t kind;
};

struct maker {
	struct dlw_watch *watch;
	struct dlw_picture *picture;
	struct resource_entry *entries;
	uint32_t entry_mask;
	uint32_t thread_room, resource_room, hold_room, releaser_room;
	uint32_t threads, resources, holds, releasers;
};

/* --------------------------------------------------------------------------- resources */

static struct resource_entry *find_entry(struct maker *maker, uint32_t process, uint8_t kind,
					 uint64_t address)
{
	uint32_t at = (uint32_t)((address * 0x9e3779b97f4a7c15u) >> 32) ^ process * 0x85ebca6bu;

	for (at &= maker->entry_mask;; at = (at + 1) & maker->entry_mask) {
		struct resource_entry *entry = &maker->entries[at];

		if (!entry->resource || (entry->address == address && entry->process == process &&
					 entry->kind == kind))
			return entry;
	}
}

/** resource_of() - the index of a resource, made if it is new; DLW_NONE: not there and not to be made */
static uint32_t resource_of(struct maker *maker, uint32_t process, uint8_t kind, uint64_t address,
			    bool make)
{
	struct resource_entry *entry = find_entry(maker, process, kind, address);
	struct dlw_resource_state *resource;

	if (entry->resource)
		return entry->resource - 1;
	if (!make || maker->resources == maker->resource_room)
		return DLW_NONE;
	resource = &maker->picture->resources[maker->resources++];
	*resource = (struct dlw_resource_state){
		.kind = kind,
		.process = process,
		.address = kind == DLW_THREAD ? 0 : address,
		.subject = DLW_NONE,
	};
	*entry = (struct resource_entry){
		.address = address,
		.process = process,
		.kind = kind,
		.resource = maker->resources,
	};
	return maker->resources - 1;
}

/** describe_consumable() - what the object of a semaphore or condition knows of its history */
static void describe_consumable(const struct dlw_watched *watched, uint32_t object_index,
			       struct dlw_resource_state *resource)
{
	const struct dlw_object *object = dlw_record_object(watched, object_index);

	if (!object) {
		resource->history = DLW_SIGNAL_LIKE; /* unknown: anybody may post */
		resource->ever_posted_by_vanished = true;
		return;
	}
	resource->type = object->type;
	resource->traits = object->traits;
	resource->initial = object->initial;
	resource->initial_known = object->initial_known;
	resource->history = object->posted_other ? DLW_SIGNAL_LIKE
			    : object->posted_own ? DLW_LOCK_LIKE
						 : DLW_NO_POST_YET;
	resource->ever_posted_by_vanished =
		object->posters > 0 || watched->segment->coverage[DLW_LOST_SIGNAL_OPS] > 0;
	resource->arrived = object->posters; /* taken back when all are accounted for */
}

/* ----------------------------------------------------------------------------- threads */

static void add_hold(struct maker *maker, uint32_t thread, uint32_t resource, uint8_t mode,
		     uint32_t count, struct dlw_stack stack)
{
	if (resource == DLW_NONE || maker->holds == maker->hold_room)
		return;
	maker->picture->holds[maker->holds++] = (struct dlw_hold){
		.thread = thread,
		.resource = resource,
		.mode = mode,
		.count = count,
		.stack = stack,
	};
}

static void add_holds(struct maker *maker, const struct dlw_watched *watched, uint32_t process,
		      uint32_t thread, const struct dlw_thread *record)
{
	uint32_t count = record->hold_count, i;
	const struct dlw_held *held = dlw_record_at(watched, record->holds, count * sizeof(*held));

	for (i = 0; held && i < count; i++)
		add_hold(maker, thread,
			 resource_of(maker, process, held[i].kind, held[i].address, true),
			 held[i].mode, held[i].count, dlw_record_stack(watched, held[i].stack));
}

static const struct dlw_permit *permits_of(const struct dlw_watched *watched,
					   const struct dlw_thread *record)
{
	return dlw_record_at(watched, record->permits,
			     record->permit_capacity * sizeof(struct dlw_permit));
}

static bool is_current(const struct dlw_watched *watched, const struct dlw_permit *permit)
{
	const struct dlw_object *object = dlw_record_object(watched, permit->object);

	return object && object->life == permit->life && !object->gone;
}

static void add_permits(struct maker *maker, const struct dlw_watched *watched, uint32_t process,
			uint32_t thread, const struct dlw_thread *record)
{
	const struct dlw_permit *permit = permits_of(watched, record);
	uint32_t i;

	for (i = 0; permit && i < record->permit_capacity; i++, permit++) {
		uint32_t resource;

		/* what a stranger may post is an event that was used up, not something held */
		if (!permit->held || !is_current(watched, permit) ||
		    dlw_record_object(watched, permit->object)->posted_other)
			continue;
		resource = resource_of(maker, process, DLW_SEMAPHORE, permit->address, true);
		if (resource == DLW_NONE)
			continue;
		describe_consumable(watched, permit->object, &maker->picture->resources[resource]);
		add_hold(maker, thread, resource, DLW_PERMIT, permit->held,
			 dlw_record_stack(watched, permit->stack));
	}
}

/** read_want() - Return: the number of a wait that is under way, 0: it is not */
static uint64_t read_want(struct maker *maker, const struct dlw_watched *watched, uint32_t process,
			  const struct dlw_thread *record, struct dlw_want *want)
{
	uint64_t number = atomic_load_explicit(&record->wait, memory_order_acquire);
	uint64_t address = record->want_address, mutex = record->want_mutex;
	uint64_t since = record->want_since_ns;
	uint32_t stack = record->want_stack, object = record->want_object;
	uint8_t kind = record->want_kind, mode = record->want_mode, form = record->want_form;

	atomic_thread_fence(memory_order_acquire);
	if (!(number & 1) || record->wait != number)
		return 0;
	if (kind == DLW_NO_KIND || kind >= DLW_KIND_COUNT)
		return 0;
	*want = (struct dlw_want){
		.resource = resource_of(maker, process, kind, address, true),
		.mode = mode,
		.mutex = DLW_NONE,
		.flags = form == DLW_FORM_TIMED ? DLW_WANT_TIMED : 0,
		.since_ns = since ? since : record->marks.seen_since_ns,
		.stack = dlw_record_stack(watched, stack),
	};
	if (want->resource == DLW_NONE)
		return 0;
	if (kind == DLW_CONDITION)
		want->mutex = resource_of(maker, process, DLW_MUTEX, mutex, true);
	if (kind == DLW_SEMAPHORE || kind == DLW_CONDITION)
		describe_consumable(watched, object, &maker->picture->resources[want->resource]);
	return number;
}

static void add_thread(struct maker *maker, uint32_t process, struct dlw_thread *record)
{
	const struct dlw_watched *watched = &maker->watch->processes[process];
	struct dlw_picture *picture = maker->picture;
	uint32_t index = maker->threads;
	struct dlw_thread_state *thread = &picture->threads[index];
	uint32_t life = record->life;

	if (life == DLW_RECORD_FREE || maker->threads == maker->thread_room)
		return;
	maker->threads++;
	*thread = (struct dlw_thread_state){
		.process = process,
		.tid = record->tid,
		.name = "",
		.life = DLW_LIVE,
		.exempt = record->exempt,
		.detached = record->detached,
		.created_at = dlw_record_stack(watched, record->created_stack),
	};
	picture->sources[index] = (struct dlw_thread_source){ .record = record };
	if (life == DLW_RECORD_DEAD) {
		thread->life = DLW_GONE;
	} else {
		picture->sources[index].wait =
			read_want(maker, watched, process, record, &thread->want);
		if (picture->sources[index].wait)
			thread->life = DLW_WAITING;
	}
	if (thread->life == DLW_LIVE)
		return;
	add_holds(maker, watched, process, index, record);
	add_permits(maker, watched, process, index, record);
}

/** add_releasers() - who has posted what somebody waits for */
static void add_releasers(struct maker *maker, uint32_t thread)
{
	struct dlw_picture *picture = maker->picture;
	uint32_t process = picture->threads[thread].process, i;
	const struct dlw_watched *watched = &maker->watch->processes[process];
	const struct dlw_thread *record = picture->sources[thread].record;
	const struct dlw_permit *permit = permits_of(watched, record);

	for (i = 0; permit && i < record->permit_capacity; i++, permit++) {
		uint32_t resource;

		/* a poster; one that gave back its own permits only while it has one */
		if (!(permit->posted_other || (permit->posted_own && permit->held)) ||
		    !is_current(watched, permit))
			continue;
		resource = resource_of(maker, process,
				       dlw_record_object(watched, permit->object)->kind,
				       permit->address, false);
		if (resource == DLW_NONE || maker->releasers == maker->releaser_room)
			continue;
		picture->releasers[maker->releasers++] = (struct dlw_releaser){
			.thread = thread, .resource = resource, .provenance = DLW_SEEN_BEFORE
		};
		if (permit->posted_other && picture->resources[resource].arrived)
			picture->resources[resource].arrived--;
	}
}

/** settle_consumables() - all who ever posted are in the picture? then none has vanished */
static void settle_consumables(struct maker *maker)
{
	uint32_t i;

	for (i = 0; i < maker->resources; i++) {
		struct dlw_resource_state *resource = &maker->picture->resources[i];
		const struct dlw_watched *watched = &maker->watch->processes[resource->process];

		if (resource->kind != DLW_SEMAPHORE && resource->kind != DLW_CONDITION)
			continue;
		if (!resource->arrived && !watched->segment->coverage[DLW_LOST_SIGNAL_OPS])
			resource->ever_posted_by_vanished = false;
		resource->arrived = 0;
	}
}

/* ------------------------------------------------------------------- joins and owners */

/** settle_joins() - a join waits for a thread, which its pthread_t names */
static void settle_joins(struct maker *maker)
{
	struct dlw_picture *picture = maker->picture;
	uint32_t i, k;

	for (i = 0; i < maker->threads; i++) {
		struct dlw_thread_state *thread = &picture->threads[i];
		struct dlw_resource_state *resource;

		if (thread->life != DLW_WAITING ||
		    picture->resources[thread->want.resource].kind != DLW_THREAD)
			continue;
		resource = &picture->resources[thread->want.resource];
		for (k = 0; k < maker->threads && resource->subject == DLW_NONE; k++)
			if (picture->threads[k].process == thread->process &&
			    picture->sources[k].record->pthread ==
				    picture->sources[i].record->want_address)
				resource->subject = k;
		/* joined but never seen, or gone already: the join is about to end */
		if (resource->subject == DLW_NONE ||
		    picture->threads[resource->subject].life == DLW_GONE)
			thread->life = DLW_LIVE;
	}
}

/** drop_unsubjected() - a THREAD resource nobody waits for any more must still name a thread */
static void drop_unsubjected(struct maker *maker)
{
	uint32_t i;

	for (i = 0; i < maker->resources; i++)
		if (maker->picture->resources[i].kind == DLW_THREAD &&
		    maker->picture->resources[i].subject == DLW_NONE)
			maker->picture->resources[i].subject = 0;
}

static bool thread_with_tid(const struct dlw_picture *picture, uint32_t process, int32_t tid,
			    uint32_t *thread)
{
	uint32_t i;

	for (i = 0; i < picture->state.thread_count; i++)
		if (picture->threads[i].process == process && picture->threads[i].tid == tid) {
			*thread = i;
			return true;
		}
	return false;
}

/* ------------------------------------------------------------------------------ making */

static uint32_t count_threads(const struct dlw_watched *watched, uint32_t *holds, uint32_t *permits)
{
	const struct dlw_thread *record = dlw_record_first(watched);
	uint32_t count = 0;

	for (; record; record = dlw_record_next(watched, record)) {
		if (record->life == DLW_RECORD_FREE)
			continue;
		count++;
		*holds += record->hold_count;
		*permits += record->permit_count;
	}
	return count;
}

static bool make_room(struct maker *maker)
{
	struct dlw_watch *watch = maker->watch;
	struct dlw_picture *picture = maker->picture;
	uint32_t threads = 0, holds = 0, permits = 0, entries = 64, i;

	for (i = 0; i < watch->process_count; i++)
		if (!watch->processes[i].replaced)
			threads += count_threads(&watch->processes[i], &holds, &permits);
	/* they may grow while we read: what does not fit is read at the next look */
	maker->thread_room = threads + 16;
	maker->hold_room = holds + permits + maker->thread_room * 2 + 64;
	maker->releaser_room = permits + 64;
	maker->resource_room = maker->hold_room + maker->thread_room * 2;
	while (entries < maker->resource_room * 2)
		entries *= 2;
	maker->entry_mask = entries - 1;
	maker->entries = dlw_arena_array(&watch->picture, struct resource_entry, entries);
	picture->sources =
		dlw_arena_array(&watch->picture, struct dlw_thread_source, maker->thread_room);
	picture->threads =
		dlw_arena_array(&watch->picture, struct dlw_thread_state, maker->thread_room);
	picture->resources =
		dlw_arena_array(&watch->picture, struct dlw_resource_state, maker->resource_room);
	picture->holds = dlw_arena_array(&watch->picture, struct dlw_hold, maker->hold_room);
	picture->releasers =
		dlw_arena_array(&watch->picture, struct dlw_releaser, maker->releaser_room);
	picture->processes = dlw_arena_array(&watch->picture, struct dlw_process_state,
					     watch->process_count + 1);
	return maker->entries && picture->sources && picture->threads && picture->resources &&
	       picture->holds && picture->releasers && picture->processes;
}

static void fill_state(struct maker *maker)
{
	struct dlw_picture *picture = maker->picture;

	picture->state = (struct dlw_state){
		.processes = picture->processes,
		.process_count = maker->watch->process_count,
		.threads = picture->threads,
		.thread_count = maker->threads,
		.resources = picture->resources,
		.resource_count = maker->resources,
		.holds = picture->holds,
		.hold_count = maker->holds,
		.releasers = picture->releasers,
		.releaser_count = maker->releasers,
		.now_ns = dlw_record_now(),
		.stall_ns = maker->watch->stall_ns,
	};
}

static bool has_hold(const struct dlw_picture *picture, uint32_t resource)
{
	uint32_t i;

	for (i = 0; i < picture->state.hold_count; i++)
		if (picture->holds[i].resource == resource)
			return true;
	return false;
}

/** is_distrusted() - a stranger unlocked it once */
static bool is_distrusted(const struct dlw_watched *watched, uint64_t address)
{
	uint32_t i;

	if (!watched->segment->distrusted)
		return false;
	for (i = 1; i <= watched->segment->objects.count; i++) {
		const struct dlw_object *object = dlw_record_object(watched, i);

		if (object && object->address == address && object->kind == DLW_MUTEX)
			return object->traits & DLW_TRAIT_DISTRUSTED;
	}
	return false;
}

/** read_mutex() - what the C library has; false: its memory cannot be read */
static bool read_mutex(const struct dlw_watch *watch, struct dlw_resource_state *resource,
		       pthread_mutex_t *mutex)
{
	const struct dlw_watched *watched = &watch->processes[resource->process];

	if (!dlw_read_memory(watched->task, resource->address, mutex, sizeof(*mutex)))
		return false;
	resource->type = dlw_mutex_type(mutex->__data.__kind);
	resource->traits = dlw_mutex_traits(mutex->__data.__kind);
	if (is_distrusted(watched, resource->address))
		resource->traits |= DLW_TRAIT_DISTRUSTED;
	return true;
}

/** name_owner() - a mutex held by nobody we saw: the C library may know who has it */
static void name_owner(struct dlw_watch *watch, struct dlw_picture *picture, uint32_t resource,
		       uint32_t hold_room)
{
	struct dlw_resource_state *mutex_state = &picture->resources[resource];
	pthread_mutex_t mutex;
	uint32_t owner;

	if (!read_mutex(watch, mutex_state, &mutex) || has_hold(picture, resource))
		return;
	if (picture->state.hold_count == hold_room || mutex.__data.__owner == 0 ||
	    !thread_with_tid(picture, mutex_state->process, mutex.__data.__owner, &owner))
		return;
	picture->holds[picture->state.hold_count++] = (struct dlw_hold){
		.thread = owner, .resource = resource, .mode = DLW_EXCLUSIVE, .count = 1
	};
}

static void name_owners(struct maker *maker)
{
	struct dlw_picture *picture = maker->picture;
	uint32_t i;

	for (i = 0; i < maker->threads; i++) {
		const struct dlw_want *want = &picture->threads[i].want;

		if (picture->threads[i].life != DLW_WAITING)
			continue;
		if (picture->resources[want->resource].kind == DLW_MUTEX)
			name_owner(maker->watch, picture, want->resource, maker->hold_room);
		if (want->mutex != DLW_NONE)
			name_owner(maker->watch, picture, want->mutex, maker->hold_room);
	}
}

bool dlw_picture_make(struct dlw_watch *watch, struct dlw_picture *picture)
{
	struct maker maker = { .watch = watch, .picture = picture };
	uint32_t i;

	memset(picture, 0, sizeof(*picture));
	if (!make_room(&maker))
		return false;
	for (i = 0; i < watch->process_count; i++) {
		const struct dlw_watched *watched = &watch->processes[i];
		struct dlw_thread *record;

		picture->processes[i].pid = watched->replaced ? 0 : watched->segment->pid;
		picture->processes[i].exe = "";
		picture->processes[i].ended = watched->replaced || watched->ended;
		if (!picture->processes[i].ended)
			watch->processes[i].task = dlw_process_task(watched->segment->pid);
		if (picture->processes[i].ended || !watched->task)
			continue;
		for (record = dlw_record_first(watched); record;
		     record = dlw_record_next(watched, record))
			add_thread(&maker, i, record);
	}
	for (i = 0; i < maker.threads; i++)
		add_releasers(&maker, i);
	settle_consumables(&maker);
	settle_joins(&maker);
	drop_unsubjected(&maker);
	fill_state(&maker);
	name_owners(&maker);
	return true;
}
