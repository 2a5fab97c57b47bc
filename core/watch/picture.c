/*
 * core/watch/picture.c - reading the records
 *
 * Only threads that wait, and dead ones, have their holds read: a running
 * thread's are its own business, and whoever waits for it is waiting for a
 * live thread either way. A want is read like a seqlock: number, fields,
 * number again. Who waits for an uncontended mutex that was not that free after
 * all shows it as a tacit hold.
 */
#include "core/watch/picture_maker.h"

#include <pthread.h>
#include <string.h>

/* ----------------------------------------------------------------------------- threads */

void dlw_maker_hold(struct dlw_maker *maker, uint32_t thread, uint32_t resource, uint8_t mode,
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

void dlw_maker_releaser(struct dlw_maker *maker, uint32_t thread, uint32_t resource,
			enum dlw_provenance provenance)
{
	if (maker->releasers == maker->releaser_room)
		return;
	maker->picture->releasers[maker->releasers++] = (struct dlw_releaser){
		.thread = thread,
		.resource = resource,
		.provenance = provenance,
	};
}

/** is_left_behind() - a process that is over leaves only what others have, too */
static bool is_left_behind(struct dlw_maker *maker, uint32_t process, const struct dlw_held *held)
{
	return dlw_maker_identify(maker, process, held->kind, held->address).process == DLW_NONE;
}

static const struct dlw_held *holds_of(const struct dlw_watched *watched,
				      const struct dlw_thread *record, uint32_t count)
{
	return dlw_record_at(watched, record->holds, count * sizeof(struct dlw_held));
}

static void add_holds(struct dlw_maker *maker, uint32_t thread)
{
	uint32_t process = maker->picture->threads[thread].process;
	const struct dlw_watched *watched = &maker->watch->processes[process];
	const struct dlw_thread_source *source = &maker->picture->sources[thread];
	uint32_t holding = dlw_holding(source->record), i;
	/* it may have given back meanwhile what told its want */
	uint32_t count = holding ? holding - source->tacit : 0;
	const struct dlw_held *held = holds_of(watched, source->record, count);

	for (i = 0; held && i < count; i++) {
		if (watched->ended && !is_left_behind(maker, process, &held[i]))
			continue;
		dlw_maker_hold(maker, thread,
			       dlw_maker_resource(maker, process, held[i].kind, held[i].address,
						  true),
			       held[i].mode, held[i].again + 1,
			       dlw_record_stack(watched, held[i].stack));
	}
}

/**
 * take_word_for_it() - a lock of the program's own making: nobody else knows of it
 *
 * That is enough for 'likely', and no more. Released by a stranger, its holders
 * say nothing at all.
 */
static void take_word_for_it(struct dlw_maker *maker, const struct dlw_watched *watched,
			     uint32_t object_index, struct dlw_want *want)
{
	const struct dlw_object *object = dlw_record_object(watched, object_index);
	struct dlw_resource_state *resource = &maker->picture->resources[want->resource];

	want->flags |= DLW_WANT_UNCONFIRMED;
	if (object && object->traits & DLW_TRAIT_DISTRUSTED) {
		resource->traits |= DLW_TRAIT_DISTRUSTED;
		resource->history = DLW_SIGNAL_LIKE;
		resource->ever_posted_by_vanished = true;
	}
}

/** read_want() - false: no wait is under way */
static bool read_want(struct dlw_maker *maker, uint32_t process, struct dlw_thread_source *source,
		      struct dlw_want *want)
{
	const struct dlw_watched *watched = &maker->watch->processes[process];
	const struct dlw_thread *record = source->record;
	uint64_t number = atomic_load_explicit(&record->wait, memory_order_acquire);
	uint64_t address = record->want_address, mutex = record->want_mutex;
	uint64_t since = record->want_since_ns;
	uint32_t stack = record->want_stack, object = record->want_object;
	uint8_t kind = record->want_kind, mode = record->want_mode, form = record->want_form;
	bool polling = dlw_is_polling(record);

	atomic_thread_fence(memory_order_acquire);
	if (!(number & 1) || record->wait != number)
		return false;
	if (kind == DLW_NO_KIND || kind >= DLW_KIND_COUNT)
		return false;
	*want = (struct dlw_want){
		.resource = dlw_maker_resource(maker, process, kind, address, true),
		.mode = mode,
		.mutex = DLW_NONE,
		.flags = (form == DLW_FORM_TIMED ? DLW_WANT_TIMED : 0u) |
			 (kind == DLW_SPINLOCK ? DLW_WANT_SPINNING : 0u) |
			 (polling ? DLW_WANT_POLLING : 0u),
		.since_ns = since && !polling ? since : record->marks.seen_since_ns,
		.order = since,
		.stack = dlw_record_stack(watched, stack),
	};
	if (want->resource == DLW_NONE)
		return false;
	if (kind == DLW_CONDITION)
		want->mutex = dlw_maker_resource(maker, process, DLW_MUTEX, mutex, true);
	if (kind == DLW_SEMAPHORE || kind == DLW_CONDITION || kind == DLW_BARRIER)
		dlw_maker_consumable(maker, process, object, want->resource);
	if (kind == DLW_CUSTOM)
		take_word_for_it(maker, watched, object, want);
	source->kind = kind;
	source->address = address;
	source->mutex = mutex;
	return true;
}

/** has_tacit() - the newest hold is one that the thread may not have yet, and does not */
static bool has_tacit(const struct dlw_watched *watched, const struct dlw_thread *record,
		      struct dlw_held *newest)
{
	uint64_t holding = atomic_load_explicit(&record->holding, memory_order_acquire);
	uint32_t count = (uint32_t)holding;
	const struct dlw_held *held = count ? holds_of(watched, record, count) : NULL;
	pthread_mutex_t mutex;

	if (!held || !held[count - 1].tacit)
		return false;
	*newest = held[count - 1];
	atomic_thread_fence(memory_order_acquire);
	return record->holding == holding &&
	       dlw_read_memory(record->tid, newest->address, &mutex, sizeof(mutex)) &&
	       mutex.__data.__owner != record->tid;
}

static bool read_tacit(struct dlw_maker *maker, uint32_t process, struct dlw_thread_source *source,
		       struct dlw_want *want)
{
	const struct dlw_watched *watched = &maker->watch->processes[process];
	const struct dlw_thread *record = source->record;
	struct dlw_held newest;

	if (!has_tacit(watched, record, &newest))
		return false;
	*want = (struct dlw_want){
		.resource = dlw_maker_resource(maker, process, newest.kind, newest.address, true),
		.mode = newest.mode,
		.mutex = DLW_NONE,
		.since_ns = record->marks.seen_since_ns,
		.stack = dlw_record_stack(watched, newest.stack),
	};
	source->kind = newest.kind;
	source->address = newest.address;
	source->tacit = want->resource != DLW_NONE;
	return source->tacit;
}

static void add_thread(struct dlw_maker *maker, uint32_t process, struct dlw_thread *record)
{
	const struct dlw_watched *watched = &maker->watch->processes[process];
	struct dlw_picture *picture = maker->picture;
	uint32_t index = maker->threads;
	struct dlw_thread_state *thread = &picture->threads[index];
	struct dlw_thread_source *source = &picture->sources[index];
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
	*source = (struct dlw_thread_source){ .record = record };
	if (life == DLW_RECORD_DEAD || life == DLW_RECORD_VANISHED || watched->ended) {
		thread->life = DLW_GONE;
		thread->vanished = life == DLW_RECORD_VANISHED;
	} else {
		source->progress = dlw_record_lasting(record);
		if (read_want(maker, process, source, &thread->want) ||
		    read_tacit(maker, process, source, &thread->want))
			thread->life = DLW_WAITING;
	}
	/* a running thread's holds are its own business, but not those of one that sleeps */
	if (thread->life == DLW_LIVE &&
	    !dlw_survey_sleeps(&maker->watch->survey, watched->segment->pid, record->tid))
		return;
	source->holds_read = thread->life != DLW_LIVE;
	add_holds(maker, index);
	dlw_maker_permits(maker, index);
}

/* ------------------------------------------------------------------------------ making */

/**
 * will_be_read() - what it holds is needed
 *
 * One that comes to rest only now finds no room for its holds; but then it has
 * moved, and the next look sees that.
 */
static bool will_be_read(const struct dlw_watch *watch, const struct dlw_watched *watched,
			 const struct dlw_thread *record)
{
	struct dlw_held newest;

	return record->life == DLW_RECORD_DEAD || record->life == DLW_RECORD_VANISHED ||
	       watched->ended || record->wait & 1 || has_tacit(watched, record, &newest) ||
	       dlw_survey_sleeps(&watch->survey, watched->segment->pid, record->tid);
}

static uint32_t count_threads(const struct dlw_watch *watch, const struct dlw_watched *watched,
			      uint32_t *holds, uint32_t *permits)
{
	const struct dlw_thread *record = dlw_record_first(watched);
	uint32_t count = 0;

	for (; record; record = dlw_record_next(watched, record)) {
		if (record->life == DLW_RECORD_FREE)
			continue;
		count++;
		*permits += record->permit_count;
		if (dlw_holding(record) && will_be_read(watch, watched, record))
			*holds += dlw_holding(record);
	}
	return count;
}

static bool make_room(struct dlw_maker *maker)
{
	struct dlw_watch *watch = maker->watch;
	struct dlw_picture *picture = maker->picture;
	uint32_t threads = 0, holds = 0, permits = 0, entries = 64, i;

	for (i = 0; i < watch->process_count; i++)
		if (!watch->processes[i].replaced)
			threads += count_threads(watch, &watch->processes[i], &holds, &permits);
	/* they may grow while we read: what does not fit is read at the next look */
	maker->thread_room = threads + 16;
	maker->hold_room = holds + permits + maker->thread_room * 2 + 64;
	maker->releaser_room = permits + 64;
	maker->resource_room = maker->hold_room + maker->thread_room * 2;
	maker->alias_room = maker->resource_room + maker->releaser_room;
	while (entries < maker->resource_room * 2)
		entries *= 2;
	maker->entry_mask = entries - 1;
	maker->entries = dlw_arena_array(&watch->picture, struct dlw_resource_entry, entries);
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
	picture->first_alias = dlw_arena_array(&watch->picture, uint32_t, maker->resource_room);
	picture->aliases = dlw_arena_array(&watch->picture, struct dlw_alias, maker->alias_room + 1);
	return maker->entries && picture->sources && picture->threads && picture->resources &&
	       picture->holds && picture->releasers && picture->processes &&
	       picture->first_alias && picture->aliases;
}

static void fill_state(struct dlw_maker *maker)
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

/** begin_process() - Return: it is in view, and its records are to be read */
static bool begin_process(struct dlw_maker *maker, uint32_t index)
{
	struct dlw_watched *watched = &maker->watch->processes[index];
	struct dlw_process_state *process = &maker->picture->processes[index];

	process->exe = "";
	process->ended = watched->replaced || watched->ended;
	if (watched->replaced)
		return false;
	process->pid = watched->segment->pid;
	if (watched->ended)
		return true;
	if (watched->foreign) {
		process->open_reason = "it is in another pid namespace";
		return false;
	}
	watched->task = dlw_process_task(watched->segment->pid);
	/* on its way out, what its threads do is nobody's business; they count as unknown, and live */
	return watched->task && watched->segment->state != DLW_SEGMENT_ENDED;
}

static void add_threads(struct dlw_maker *maker, uint32_t process)
{
	const struct dlw_watched *watched = &maker->watch->processes[process];
	struct dlw_thread *record;

	for (record = dlw_record_first(watched); record; record = dlw_record_next(watched, record))
		add_thread(maker, process, record);
}

static bool index_threads(struct dlw_maker *maker)
{
	maker->picture->tids = (struct dlw_thread_index){ .number = dlw_thread_tid };
	return dlw_thread_index_make(&maker->picture->tids, maker->picture, maker->threads,
				     maker->threads, &maker->watch->picture);
}

bool dlw_picture_make(struct dlw_watch *watch, struct dlw_picture *picture)
{
	struct dlw_maker maker = { .watch = watch, .picture = picture };
	bool *in_view;
	uint32_t i;

	memset(picture, 0, sizeof(*picture));
	in_view = dlw_arena_array(&watch->picture, bool, watch->process_count + 1);
	if (!in_view || !make_room(&maker))
		return false;
	for (i = 0; i < watch->process_count; i++)
		in_view[i] = begin_process(&maker, i);
	dlw_maker_renew_mappings(&maker);
	for (i = 0; i < watch->process_count; i++)
		if (in_view[i])
			add_threads(&maker, i);
	dlw_maker_settle_histories(&maker);
	if (!index_threads(&maker) || !dlw_maker_settle_joins(&maker) || !dlw_maker_name_owners(&maker))
		return false;
	fill_state(&maker);
	return true;
}
