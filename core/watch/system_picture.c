/*
 * core/watch/system_picture.c - from waits on the system to wants and holds
 *
 * The picture's arrays are as large as the records needed; here they are copied
 * into larger ones. A process without a segment comes behind those that have
 * one, and its threads have no record.
 */
#include "core/watch/system_picture.h"

#include <string.h>

#include "core/sort.h"
#include "core/watch/records.h"
#include "core/watch/system.h"
#include "core/watch/system_waits.h"

struct adder {
	struct dlw_watch *watch;
	struct dlw_picture *picture;
	struct dlw_arena *arena;
	const struct dlw_survey *survey;
	const struct dlw_system_waits *waits;
	uint32_t *places; /* per surveyed process: in the picture, DLW_NONE: not in it yet */
};

/* ----------------------------------------------------------------------------- room */

static void *larger(struct dlw_arena *arena, const void *old, size_t size, size_t count, size_t more)
{
	void *grown = dlw_arena_take_array(arena, size, count + more);

	if (grown && count)
		memcpy(grown, old, size * count);
	return grown;
}

#define GROW(adder, array, count, more) \
	((adder)->picture->array = larger((adder)->arena, (adder)->picture->array, \
					  sizeof(*(adder)->picture->array), count, more))

/** make_room() - enough for every wait there is, whoever can end it */
static bool make_room(struct adder *adder)
{
	struct dlw_state *state = &adder->picture->state;
	size_t threads = 0, edges = 0;
	uint32_t i, k;

	for (i = 0; i < adder->survey->count; i++)
		threads += adder->survey->all[i].sleeper_count;
	for (i = 0; i < adder->waits->count; i++)
		for (k = 0; k < adder->waits->all[i].target_count; k++)
			edges += adder->survey->all[adder->waits->all[i].targets[k]].sleeper_count;
	if (!GROW(adder, processes, state->process_count, adder->survey->count) ||
	    !GROW(adder, threads, state->thread_count, threads) ||
	    !GROW(adder, sources, state->thread_count, threads) ||
	    !GROW(adder, resources, state->resource_count, adder->waits->count) ||
	    !GROW(adder, first_alias, state->resource_count, adder->waits->count) ||
	    !GROW(adder, holds, state->hold_count, edges) ||
	    !GROW(adder, releasers, state->releaser_count, edges) ||
	    !dlw_thread_index_make(&adder->picture->tids, adder->picture, state->thread_count,
				   state->thread_count + (uint32_t)threads, adder->arena))
		return false;
	state->processes = adder->picture->processes;
	state->threads = adder->picture->threads;
	state->resources = adder->picture->resources;
	state->holds = adder->picture->holds;
	state->releasers = adder->picture->releasers;
	return true;
}

/* ------------------------------------------------------------- processes and threads */

static void add_thread(struct adder *adder, uint32_t process, int32_t tid)
{
	uint32_t index = adder->picture->state.thread_count++;

	adder->picture->threads[index] = (struct dlw_thread_state){
		.process = process, .tid = tid, .name = "", .life = DLW_LIVE
	};
	/* it has no record, and nothing in one */
	adder->picture->sources[index] = (struct dlw_thread_source){ .holds_read = true };
	dlw_thread_index_add(&adder->picture->tids, adder->picture, index);
}

/** show_process() - it and all its threads are in the picture; Return: its place */
static uint32_t show_process(struct adder *adder, uint32_t surveyed)
{
	const struct dlw_surveyed *process = &adder->survey->all[surveyed];
	struct dlw_state *state = &adder->picture->state;
	uint32_t place = adder->places[surveyed], i;

	if (place != DLW_NONE)
		return place;
	place = process->watched;
	if (place == DLW_NONE) {
		place = state->process_count++;
		adder->picture->processes[place] =
			(struct dlw_process_state){ .pid = process->pid, .exe = "" };
	}
	adder->places[surveyed] = place;
	for (i = 0; i < process->sleeper_count; i++) {
		const struct dlw_sleeper *sleeper = &process->sleepers[i];

		if (process->watched == DLW_NONE ||
		    (!sleeper->hooked &&
		     dlw_picture_thread(adder->picture, place, sleeper->tid) == DLW_NONE))
			add_thread(adder, place, sleeper->tid);
	}
	return place;
}

/* -------------------------------------------------------------------------- resources */

static bool is_socket(const struct dlw_system_wait *wait)
{
	return wait->channel_count && wait->channels[0].channel.kind == DLW_SOCKET_CHANNEL;
}

/** is_same() - two waits for one thing */
static bool is_same(const struct dlw_system_wait *a, const struct dlw_system_wait *b)
{
	if (a->meaning.kind == DLW_POLL_CALL || b->meaning.kind == DLW_POLL_CALL)
		return a == b;
	if (a->meaning.kind != b->meaning.kind && !(is_socket(a) && is_socket(b)))
		return false;
	switch (a->meaning.kind) {
	case DLW_CHILD_CALL:
		return a->meaning.children == b->meaning.children &&
		       a->meaning.pid == b->meaning.pid &&
		       (a->meaning.children == DLW_ONE_CHILD || a->pid == b->pid);
	case DLW_LOCK_CALL:
		return a->lock == b->lock;
	default:
		return a->channels[0].channel.kind == b->channels[0].channel.kind &&
		       a->channels[0].channel.inode == b->channels[0].channel.inode;
	}
}

/** channel_name() - as the kernel calls it; of a poll the first, and how many more */
static const char *channel_name(struct adder *adder, const struct dlw_system_wait *wait)
{
	const char *const word = is_socket(wait) ? "socket" : "pipe";
	unsigned inode = (unsigned)wait->channels[0].channel.inode;

	if (wait->channel_count == 1)
		return dlw_arena_text(adder->arena, "%s:[%u]", word, inode);
	return dlw_arena_text(adder->arena, "%s:[%u] or %u more", word, inode,
			      (unsigned)wait->channel_count - 1);
}

/** lock_name() - the file's path, and the bytes if they are not all */
static const char *lock_name(struct adder *adder, const struct dlw_system_wait *wait)
{
	char name[64] = "fd/", digits[24];
	char *path = dlw_arena_take(adder->arena, DLW_PATH_MAX);
	uint64_t first, last;
	ssize_t got;

	if (!path)
		return NULL;
	strcat(name, dlw_format_number(digits, (uint64_t)wait->meaning.fd));
	got = dlw_sys_readlink(dlw_proc_path(wait->sleeper.tid, 0, name).text, path,
			       DLW_PATH_MAX - 1);
	path[got > 0 ? got : 0] = '\0';
	if (!dlw_file_lock_range(wait->lock, &first, &last))
		return path;
	if (last == UINT64_MAX)
		return dlw_arena_text(adder->arena, "%s, bytes from %llu", path,
				      (unsigned long long)first);
	return dlw_arena_text(adder->arena, "%s, bytes %llu to %llu", path,
			      (unsigned long long)first, (unsigned long long)last);
}

/** add_holds() - the lock belongs to every process that has it; one thread stands for all of them */
static void add_holds(struct adder *adder, const struct dlw_system_wait *wait, uint32_t resource)
{
	struct dlw_picture *picture = adder->picture;
	uint32_t i;

	for (i = 0; i < wait->target_count; i++) {
		const struct dlw_surveyed *holder = &adder->survey->all[wait->targets[i]];
		uint32_t place = adder->places[wait->targets[i]];
		uint32_t thread = dlw_picture_thread(picture, place, holder->sleepers[0].tid);

		if (thread == DLW_NONE)
			continue;
		picture->holds[picture->state.hold_count++] = (struct dlw_hold){
			.thread = thread,
			.resource = resource,
			.mode = wait->lock->shared ? DLW_SHARED : DLW_EXCLUSIVE,
			.count = 1,
			.description = wait->meaning.family == DLW_RECORD_LOCK ? 0 : 1,
		};
	}
}

static void add_releasers(struct adder *adder, const struct dlw_system_wait *wait, uint32_t resource)
{
	/* the list of descriptors is the caller's, who could have changed it since */
	enum dlw_provenance provenance =
		wait->meaning.kind == DLW_POLL_CALL ? DLW_SEEN_BEFORE : DLW_SOLE_OWNER;
	struct dlw_picture *picture = adder->picture;
	uint32_t i, k;

	for (i = 0; i < wait->target_count; i++) {
		const struct dlw_surveyed *process = &adder->survey->all[wait->targets[i]];
		uint32_t place = adder->places[wait->targets[i]];

		for (k = 0; k < process->sleeper_count; k++) {
			uint32_t thread =
				dlw_picture_thread(picture, place, process->sleepers[k].tid);

			if (thread != DLW_NONE)
				picture->releasers[picture->state.releaser_count++] =
					(struct dlw_releaser){ thread, resource, provenance };
		}
	}
}

static uint32_t add_resource(struct adder *adder, const struct dlw_system_wait *wait)
{
	struct dlw_picture *picture = adder->picture;
	uint32_t index = picture->state.resource_count++;
	struct dlw_resource_state *resource = &picture->resources[index];

	*resource = (struct dlw_resource_state){
		.process = adder->places[wait->surveyed], .subject = DLW_NONE,
		.traits = DLW_TRAIT_SHARED
	};
	switch (wait->meaning.kind) {
	case DLW_CHILD_CALL:
		resource->kind = DLW_PROCESS;
		if (wait->meaning.children == DLW_ONE_CHILD)
			resource->subject = adder->places[wait->targets[0]];
		else
			add_releasers(adder, wait, index);
		break;
	case DLW_LOCK_CALL:
		resource->kind = DLW_FILE_LOCK;
		resource->name = lock_name(adder, wait);
		add_holds(adder, wait, index);
		break;
	default:
		resource->kind = DLW_PIPE;
		resource->name = channel_name(adder, wait);
		add_releasers(adder, wait, index);
		break;
	}
	return index;
}

/* ------------------------------------------------------------------------------- wants */

static enum dlw_mode mode_of(const struct dlw_system_wait *wait)
{
	switch (wait->meaning.kind) {
	case DLW_CHILD_CALL:
		return DLW_EXIT;
	case DLW_LOCK_CALL:
		return wait->shared ? DLW_SHARED : DLW_EXCLUSIVE;
	case DLW_WRITE_CALL:
		return DLW_WRITE;
	default:
		return DLW_READ;
	}
}

/** site_of() - where the thread left its own code, as far as the kernel tells */
static struct dlw_stack site_of(struct adder *adder, const struct dlw_system_wait *wait)
{
	uint64_t *frame = dlw_arena_array(adder->arena, uint64_t, 1);

	if (!frame)
		return (struct dlw_stack){ 0 };
	*frame = wait->sleeper.call.pc;
	return (struct dlw_stack){ frame, 1 };
}

static void add_want(struct adder *adder, const struct dlw_system_wait *wait, uint32_t resource)
{
	uint32_t index = dlw_picture_thread(adder->picture, adder->places[wait->surveyed],
					    wait->sleeper.tid);
	struct dlw_thread_state *thread;

	/* a record that tells of a wait of its own knows better */
	if (index == DLW_NONE || adder->picture->threads[index].life != DLW_LIVE)
		return;
	thread = &adder->picture->threads[index];
	thread->life = DLW_WAITING;
	thread->want = (struct dlw_want){
		.resource = resource,
		.mode = mode_of(wait),
		.mutex = DLW_NONE,
		.flags = wait->interruptible ? DLW_WANT_INTERRUPTIBLE : 0,
		.since_ns = wait->sleeper.since_ns,
		.stack = site_of(adder, wait),
	};
	adder->picture->sources[index].sleep = &wait->sleeper;
	adder->picture->sources[index].progress = wait->sleeper.sequence;
	/* it slept before they were read, and does so still: see dlw_survey_sleeps() */
	adder->picture->sources[index].holds_read = true;
}

static void add_wants(struct adder *adder)
{
	uint32_t *resources = dlw_arena_array(adder->arena, uint32_t, adder->waits->count);
	uint32_t i, k;

	for (i = 0; resources && i < adder->waits->count; i++) {
		const struct dlw_system_wait *wait = &adder->waits->all[i];

		if (wait->live)
			continue;
		for (k = 0; k < i; k++)
			if (!adder->waits->all[k].live && is_same(&adder->waits->all[k], wait))
				break;
		resources[i] = k < i ? resources[k] : add_resource(adder, wait);
		add_want(adder, wait, resources[i]);
	}
}

static void show_processes(struct adder *adder)
{
	uint32_t i, k;

	for (i = 0; i < adder->waits->count; i++) {
		const struct dlw_system_wait *wait = &adder->waits->all[i];

		if (wait->live)
			continue;
		show_process(adder, wait->surveyed);
		for (k = 0; k < wait->target_count; k++)
			show_process(adder, wait->targets[k]);
	}
}

/* --------------------------------------------------------------------------- the wanted */

static bool any_but_mutexes(const struct dlw_picture *picture, const uint8_t *wanted)
{
	uint32_t i;

	for (i = 0; i < picture->state.resource_count; i++)
		if (wanted[i] && (picture->resources[i].kind == DLW_RWLOCK ||
				  picture->resources[i].kind == DLW_SEMAPHORE))
			return true;
	return false;
}

static bool holds_something(const struct dlw_thread *record)
{
	return record && (dlw_holding(record) || record->permit_count);
}

static int compare_tids(const void *context, uint32_t left, uint32_t right)
{
	const struct dlw_thread_state *threads = context;

	return dlw_order((uint32_t)threads[left].tid, (uint32_t)threads[right].tid);
}

/** is_to_be_asked() - nothing is known of a wait of it, but by asking */
static bool is_to_be_asked(const struct adder *adder, uint32_t thread)
{
	const struct dlw_picture *picture = adder->picture;
	const struct dlw_surveyed *process;

	if (!picture->sources[thread].sleep)
		return picture->threads[thread].life == DLW_LIVE;
	process = dlw_survey_find(adder->survey,
				  picture->processes[picture->threads[thread].process].pid);
	return !process || !process->resting;
}

static void want(struct adder *adder, const uint8_t *asked)
{
	const struct dlw_picture *picture = adder->picture;
	uint32_t *threads = dlw_arena_array(adder->arena, uint32_t, picture->state.thread_count + 1);
	uint32_t count = 0, i;

	for (i = 0; threads && i < picture->state.thread_count; i++)
		if (asked[i] && is_to_be_asked(adder, i))
			threads[count++] = i;
	dlw_sort(threads, count, compare_tids, picture->threads);
	dlw_survey_forget_wanted(&adder->watch->survey);
	for (i = 0; i < count; i++)
		dlw_survey_want(adder->watch,
				picture->processes[picture->threads[threads[i]].process].pid,
				picture->threads[threads[i]].tid);
}

/** list_wanted() - live threads that others wait for: the next looks ask about them */
static void list_wanted(struct adder *adder)
{
	const struct dlw_picture *picture = adder->picture;
	const struct dlw_state *state = &picture->state;
	uint8_t *wanted = dlw_arena_array(adder->arena, uint8_t, state->resource_count + 1);
	uint8_t *asked = dlw_arena_array(adder->arena, uint8_t, state->thread_count + 1);
	uint32_t i;

	if (!wanted || !asked)
		return;
	for (i = 0; i < state->thread_count; i++) {
		const struct dlw_want *want = &picture->threads[i].want;

		if (picture->threads[i].life != DLW_WAITING)
			continue;
		wanted[want->resource] = 1;
		if (want->mutex != DLW_NONE)
			wanted[want->mutex] = 1;
		if (picture->resources[want->resource].kind == DLW_THREAD)
			asked[picture->resources[want->resource].subject] = 1;
	}
	for (i = 0; i < state->hold_count; i++)
		if (wanted[picture->holds[i].resource])
			asked[picture->holds[i].thread] = 1;
	/* what a live thread holds, but for mutexes, is not in the picture: ask all who hold something */
	for (i = 0; i < state->thread_count && any_but_mutexes(picture, wanted); i++)
		asked[i] |= holds_something(picture->sources[i].record);
	for (i = 0; i < state->releaser_count; i++)
		if (wanted[picture->releasers[i].resource])
			asked[picture->releasers[i].thread] = 1;
	want(adder, asked);
}

void dlw_picture_add_system_waits(struct dlw_watch *watch, struct dlw_picture *picture, bool anew)
{
	struct adder adder = { .watch = watch,
			       .picture = picture,
			       .arena = &watch->picture,
			       .survey = &watch->survey };
	uint64_t start = dlw_survey_clock();

	adder.places = dlw_arena_array(adder.arena, uint32_t, adder.survey->count);
	adder.waits = dlw_system_waits(watch, anew);
	if (adder.places && adder.waits && adder.waits->count && make_room(&adder)) {
		memset(adder.places, 0xff, adder.survey->count * sizeof(*adder.places));
		show_processes(&adder);
		add_wants(&adder);
	}
	list_wanted(&adder);
	dlw_survey_spent(&watch->survey, start);
}

bool dlw_picture_rests_on_system(const struct dlw_picture *picture,
				 const struct dlw_finding *finding)
{
	uint32_t i;

	for (i = 0; i < finding->core_count; i++)
		if (picture->sources[finding->core[i]].sleep)
			return true;
	return false;
}
