/*
 * core/watch/system_waits.c - who waits for what in the kernel, and who could end it
 *
 * Candidates first, from the survey; then child by child, lock by lock and
 * descriptor by descriptor who could end each wait. What is cheap and likely to
 * show a live helper comes first: children, then the session's own
 * descriptors; those of all other processes only if something is left.
 */
#include "core/watch/system_waits.h"

#include <signal.h>
#include <string.h>

#include "core/watch/picture.h"
#include "core/watch/records.h"
#include "core/watch/signals.h"
#include "core/watch/system_search.h"
#include "core/watch/unix_socket.h"

bool dlw_sleeps_still(int32_t pid, const struct dlw_sleeper *sleeper)
{
	struct dlw_system_call call;

	return dlw_task_look(pid, sleeper->tid, &call) == DLW_TASK_ASLEEP &&
	       !memcmp(&call, &sleeper->call, sizeof(call)) &&
	       dlw_task_letter(pid, sleeper->tid) == 'S' &&
	       dlw_task_sequence(pid, sleeper->tid) == sleeper->sequence;
}

uint32_t dlw_system_place_of(const struct dlw_system_search *search, int32_t pid)
{
	const struct dlw_surveyed *process = dlw_survey_find(search->survey, pid);

	return process ? (uint32_t)(process - search->survey->all) : DLW_NONE;
}

/* ----------------------------------------------------------------------- candidates */

static int32_t group_of(const struct dlw_system_search *search, int32_t pid)
{
	const struct dlw_relative *relative = dlw_family_find(&search->survey->family, pid);

	return relative ? relative->line.group : 0;
}

static void add_candidate(struct dlw_system_search *search, uint32_t surveyed,
			  const struct dlw_sleeper *sleeper)
{
	int32_t pid = search->survey->all[surveyed].pid;
	struct dlw_system_wait *wait = &search->waits->all[search->waits->count];

	if (!dlw_sleeps_still(pid, sleeper)) {
		search->awake[surveyed] = true;
		return;
	}
	*wait = (struct dlw_system_wait){
		.pid = pid,
		.surveyed = surveyed,
		.sleeper = *sleeper,
		.meaning = dlw_call_meaning(&sleeper->call, sleeper->tid, group_of(search, pid)),
	};
	wait->live = dlw_has_channels(wait) && !dlw_system_list_channels(search, wait);
	search->waits->count++;
}

static bool list_candidates(struct dlw_system_search *search)
{
	const struct dlw_survey *survey = search->survey;
	uint32_t room = survey->wanted.count, i, k;

	for (i = 0; i < survey->count; i++) {
		search->awake[i] = !survey->all[i].resting;
		for (k = 0; survey->all[i].resting && k < survey->all[i].sleeper_count; k++)
			room += !survey->all[i].sleepers[k].hooked;
	}
	if (!room)
		return true;
	search->waits->all = dlw_arena_array(search->arena, struct dlw_system_wait, room);
	if (!search->waits->all)
		return false;
	for (i = 0; i < survey->count; i++)
		for (k = 0; survey->all[i].resting && k < survey->all[i].sleeper_count; k++)
			if (!survey->all[i].sleepers[k].hooked)
				add_candidate(search, i, &survey->all[i].sleepers[k]);
	for (i = 0; i < survey->wanted.count; i++) {
		uint32_t surveyed = dlw_system_place_of(search, survey->wanted.all[i].pid);

		if (survey->wanted.all[i].sleeper.sequence && surveyed != DLW_NONE &&
		    !survey->all[surveyed].resting)
			add_candidate(search, surveyed, &survey->wanted.all[i].sleeper);
	}
	return true;
}

/** dlw_system_add_target() - a thread of that process could end the wait; one that is awake does */
void dlw_system_add_target(struct dlw_system_search *search, struct dlw_system_wait *wait, uint32_t surveyed)
{
	uint32_t *targets, i;

	if (surveyed == DLW_NONE || search->awake[surveyed]) {
		wait->live = true;
		return;
	}
	for (i = 0; i < wait->target_count; i++)
		if (wait->targets[i] == surveyed)
			return;
	targets = dlw_arena_room(search->arena, wait->targets, sizeof(*targets), wait->target_count,
				 &wait->target_room, 8);
	if (!targets) {
		wait->live = true;
		return;
	}
	wait->targets = targets;
	wait->targets[wait->target_count++] = surveyed;
}

/* ------------------------------------------------------------------------ file locks */

static uint64_t inode_of(const struct dlw_system_wait *wait)
{
	char note[2048];
	const char *at;

	if (dlw_descriptor_note(wait->sleeper.tid, wait->meaning.fd, note, sizeof(note)) <= 0)
		return 0;
	at = strstr(note, "\nino:");
	if (!at)
		return 0;
	for (at += strlen("\nino:"); *at == ' ' || *at == '\t'; at++)
		;
	return dlw_parse_number(&at, 10);
}

/** find_lock() - which lock is in the way; of a record lock the owner, too */
static void find_lock(struct dlw_system_search *search, struct dlw_system_wait *wait)
{
	const struct dlw_lock_request *request =
		dlw_file_locks_request(&search->waits->locks,
				       (enum dlw_lock_family)wait->meaning.family, wait->pid,
				       inode_of(wait));

	if (!request) {
		wait->live = true;
		return;
	}
	wait->lock = &search->waits->locks.locks[request->blocker];
	wait->shared = request->shared;
	if (dlw_is_record_lock(wait))
		dlw_system_add_target(search, wait, dlw_system_place_of(search, wait->lock->pid));
}

/* --------------------------------------------------------------------------- settling */

/** settle() - a wait that some process with a live thread can end is none, and so on */
static void settle(struct dlw_system_search *search)
{
	bool changed = true;
	uint32_t i, k;

	while (changed) {
		changed = false;
		for (i = 0; i < search->waits->count; i++) {
			struct dlw_system_wait *wait = &search->waits->all[i];

			for (k = 0; k < wait->target_count; k++)
				wait->live |= search->awake[wait->targets[k]];
			if (wait->live && !search->awake[wait->surveyed])
				search->awake[wait->surveyed] = changed = true;
		}
	}
}

static void find_others(struct dlw_system_search *search)
{
	uint32_t i;

	for (i = 0; i < search->waits->count; i++) {
		struct dlw_system_wait *wait = &search->waits->all[i];

		switch (wait->meaning.kind) {
		case DLW_CHILD_CALL:
			dlw_system_find_children(search, wait);
			break;
		case DLW_LOCK_CALL:
			find_lock(search, wait);
			break;
		case DLW_READ_CALL:
		case DLW_WRITE_CALL:
		case DLW_POLL_CALL:
			break; /* by their channels, later */
		default:
			wait->live = true;
			break;
		}
		if (!dlw_is_by_descriptor(wait) && !wait->target_count)
			wait->live = true;
	}
	settle(search);
}

/** may_end() - there is nobody at the other end, or the kernel's own clock ends it */
static bool may_end(const struct dlw_system_wait *wait)
{
	uint32_t k;

	for (k = 0; k < wait->channel_count; k++) {
		const struct dlw_awaited_channel *awaited = &wait->channels[k];

		if (!awaited->other_end_seen ||
		    (awaited->channel.kind == DLW_SOCKET_CHANNEL &&
		     wait->meaning.kind != DLW_POLL_CALL &&
		     !dlw_socket_waits_for_ever(wait->pid, wait->meaning.fd)))
			return true;
	}
	return !wait->target_count;
}

/** may_be_told() - a handler in process @surveyed could write, or close, what others wait for */
static bool may_be_told(const struct dlw_system_search *search, uint32_t surveyed)
{
	const struct dlw_surveyed *process = &search->survey->all[surveyed];
	uint64_t signals = ~dlw_harmless_signals;

	/* an interpreter of Python catches the terminal's in every program, and writes nothing */
	if (process->watched == DLW_NONE ||
	    !search->watch->processes[process->watched].segment->python_here)
		signals |= dlw_signal_bit(SIGINT);
	return dlw_catches(process->pid, signals);
}

/**
 * is_woken() - a signal may come whose handler ends the wait
 *
 * An alarm ends any call, and is how waits are given a limit that have none. A
 * pipe is what handlers tell main loops by, their own or a worker's. poll and
 * select return after every handler; other calls are begun again after most.
 */
static bool is_woken(const struct dlw_system_search *search, const struct dlw_system_wait *wait)
{
	bool poll = wait->meaning.kind == DLW_POLL_CALL;
	uint64_t unasked = dlw_timer_signals | (dlw_has_channels(wait) ? dlw_event_signals : 0);
	uint32_t i;

	if (dlw_catches(wait->pid, poll ? ~dlw_harmless_signals : unasked))
		return true;
	for (i = 0; dlw_has_channels(wait) && i < wait->target_count; i++)
		if (may_be_told(search, wait->targets[i]))
			return true;
	return false;
}

/** look_closely() - what costs more, for the few that are left */
static void look_closely(struct dlw_system_search *search)
{
	uint32_t i;

	for (i = 0; i < search->waits->count; i++) {
		struct dlw_system_wait *wait = &search->waits->all[i];

		if (wait->live)
			continue;
		wait->live = may_end(wait) || is_woken(search, wait);
		wait->interruptible = dlw_catches(wait->pid, ~dlw_harmless_signals);
	}
	settle(search);
}

static bool any_lock_call(const struct dlw_system_waits *waits)
{
	uint32_t i;

	for (i = 0; i < waits->count; i++)
		if (waits->all[i].meaning.kind == DLW_LOCK_CALL)
			return true;
	return false;
}

static bool read_waits(struct dlw_system_search *search)
{
	struct dlw_watch *watch = search->watch;
	struct dlw_system_waits *waits = search->waits;

	search->awake = dlw_arena_array(search->arena, bool, watch->survey.count);
	if (!search->awake || !list_candidates(search))
		return false;
	if (!waits->count)
		return true;
	if (!dlw_survey_family(watch))
		return false;
	if (any_lock_call(waits) && !dlw_file_locks_read(&waits->locks, search->arena))
		return false;
	find_others(search);
	if (!dlw_system_ask_members(search))
		return false;
	settle(search);
	dlw_system_ask_others(search);
	settle(search);
	look_closely(search);
	return true;
}

const struct dlw_system_waits *dlw_system_waits(struct dlw_watch *watch, bool anew)
{
	struct dlw_survey *survey = &watch->survey;
	struct dlw_system_search search = { .watch = watch, .survey = survey };

	if (!anew && !survey->outdated)
		return survey->waits;
	survey->outdated = false;
	search.arena = dlw_survey_borrow(watch, &survey->waits_memory);
	search.waits = survey->waits = dlw_arena_array(search.arena, struct dlw_system_waits, 1);
	if (survey->waits && survey->count && !read_waits(&search))
		survey->waits = NULL;
	return survey->waits;
}
