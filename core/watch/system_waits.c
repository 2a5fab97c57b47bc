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
#include "core/watch/polled.h"
#include "core/watch/records.h"
#include "core/watch/signals.h"
#include "core/watch/system.h"
#include "core/watch/unix_socket.h"

struct search {
	struct dlw_watch *watch;
	const struct dlw_survey *survey;
	struct dlw_arena *arena;
	struct dlw_system_waits *waits;
	struct dlw_sought *sought; /* two for each channel: the other end, and a socket's own */
	uint32_t channels; /* of all waits */
	bool *awake; /* per surveyed process: some thread of it lives */
};

bool dlw_sleeps_still(int32_t pid, const struct dlw_sleeper *sleeper)
{
	struct dlw_system_call call;

	return dlw_task_look(pid, sleeper->tid, &call) == DLW_TASK_ASLEEP &&
	       !memcmp(&call, &sleeper->call, sizeof(call)) &&
	       dlw_task_letter(pid, sleeper->tid) == 'S' &&
	       dlw_task_sequence(pid, sleeper->tid) == sleeper->sequence;
}

static uint32_t place_of(const struct search *search, int32_t pid)
{
	const struct dlw_surveyed *process = dlw_survey_find(search->survey, pid);

	return process ? (uint32_t)(process - search->survey->all) : DLW_NONE;
}

/* ----------------------------------------------------------------------- candidates */

static int32_t group_of(const struct search *search, int32_t pid)
{
	const struct dlw_relative *relative = dlw_family_find(&search->survey->family, pid);

	return relative ? relative->line.group : 0;
}

static bool has_channels(const struct dlw_system_wait *wait)
{
	return wait->meaning.kind == DLW_READ_CALL || wait->meaning.kind == DLW_WRITE_CALL ||
	       wait->meaning.kind == DLW_POLL_CALL;
}

/** opposite() - what the others must have open to move what waits at this end of a pipe */
static enum dlw_end opposite(enum dlw_end end)
{
	return end == DLW_READ_END ? DLW_WRITE_END : DLW_READ_END;
}

/** A wait whose channels are being listed. */
struct listing {
	struct search *search;
	struct dlw_system_wait *wait;
};

/** add_channel() - false: something else, with which anybody could help */
static bool add_channel(void *context, int fd)
{
	struct listing *listing = context;
	struct dlw_system_wait *wait = listing->wait;
	struct dlw_channel channel = dlw_descriptor_channel(wait->sleeper.tid, fd);
	enum dlw_end own = wait->meaning.kind == DLW_READ_CALL	? DLW_READ_END :
			   wait->meaning.kind == DLW_WRITE_CALL ? DLW_WRITE_END :
						dlw_descriptor_end(wait->sleeper.tid, fd);
	struct dlw_awaited_channel *channels;

	if (channel.kind == DLW_NO_CHANNEL ||
	    (channel.kind == DLW_PIPE_CHANNEL && own == DLW_ANY_END))
		return false;
	channels = dlw_arena_room(listing->search->arena, wait->channels, sizeof(*channels),
				  wait->channel_count, &wait->channel_room, 2);
	if (!channels)
		return false;
	wait->channels = channels;
	channels[wait->channel_count++] =
		(struct dlw_awaited_channel){ .channel = channel, .end = opposite(own) };
	listing->search->channels++;
	return true;
}

static bool list_channels(struct search *search, struct dlw_system_wait *wait)
{
	struct listing listing = { search, wait };

	if (wait->meaning.kind == DLW_POLL_CALL)
		return dlw_each_polled(wait->sleeper.tid, &wait->sleeper.call, add_channel,
				       &listing);
	return add_channel(&listing, wait->meaning.fd);
}

static void add_candidate(struct search *search, uint32_t surveyed,
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
	wait->live = has_channels(wait) && !list_channels(search, wait);
	search->waits->count++;
}

static bool list_candidates(struct search *search)
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
		uint32_t surveyed = place_of(search, survey->wanted.all[i].pid);

		if (survey->wanted.all[i].sleeper.sequence && surveyed != DLW_NONE &&
		    !survey->all[surveyed].resting)
			add_candidate(search, surveyed, &survey->wanted.all[i].sleeper);
	}
	return true;
}

/** add_target() - a thread of that process could end the wait; one that is awake does */
static void add_target(struct search *search, struct dlw_system_wait *wait, uint32_t surveyed)
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

/* -------------------------------------------------------------------------- children */

static bool is_waited_for(const struct dlw_system_wait *wait, const struct dlw_process_line *line)
{
	switch (wait->meaning.children) {
	case DLW_ONE_CHILD:
		return line->pid == wait->meaning.pid;
	case DLW_GROUP_OF_CHILDREN:
		return line->group == wait->meaning.pid;
	default:
		return true;
	}
}

/** same_numbers() - the process counts pids as we do */
static bool same_numbers(int32_t pid)
{
	char theirs[64], ours[64];
	ssize_t length = dlw_sys_readlink("/proc/self/ns/pid", ours, sizeof(ours));

	return length > 0 && length < (ssize_t)sizeof(ours) &&
	       dlw_sys_readlink(dlw_proc_path(pid, 0, "ns/pid").text, theirs, sizeof(theirs)) ==
		       length &&
	       !memcmp(theirs, ours, (size_t)length);
}

/** descends() - @line is of a child's child of @pid, or farther down */
static bool descends(const struct dlw_family *family, const struct dlw_process_line *line,
		     int32_t pid)
{
	uint32_t steps = family->count; /* pids may have come and gone while they were read */

	while (line->parent != pid && steps--) {
		const struct dlw_relative *parent = dlw_family_find(family, line->parent);

		if (!parent)
			return false;
		line = &parent->line;
	}
	return line->parent == pid;
}

/**
 * may_be_adopted() - a descendant may become a child by the death of those between
 *
 * It does if the process is the first of its namespace or asked for it by
 * PR_SET_CHILD_SUBREAPER, which nobody else is told. A zombie keeps its parent
 * as long as that lives, and orphans nobody any more.
 */
static bool may_be_adopted(const struct dlw_family *family, const struct dlw_process_line *line,
			   const struct dlw_system_wait *wait)
{
	return wait->meaning.children != DLW_ONE_CHILD && descends(family, line, wait->pid) &&
	       dlw_process_task(line->pid);
}

static void find_children(struct search *search, struct dlw_system_wait *wait)
{
	const struct dlw_family *family = &search->survey->family;
	uint32_t i;

	if (!same_numbers(wait->pid))
		wait->live = true;
	for (i = 0; i < family->count && !wait->live; i++) {
		const struct dlw_process_line *line = &family->all[i].line;

		if (line->parent == wait->pid ? is_waited_for(wait, line)
					      : may_be_adopted(family, line, wait))
			add_target(search, wait, place_of(search, line->pid));
	}
	/* its own threads could start another child, which might end */
	if (wait->target_count && wait->meaning.children != DLW_ONE_CHILD)
		add_target(search, wait, wait->surveyed);
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

static bool is_record_lock(const struct dlw_system_wait *wait)
{
	return wait->meaning.family == DLW_RECORD_LOCK;
}

/** find_lock() - which lock is in the way; of a record lock the owner, too */
static void find_lock(struct search *search, struct dlw_system_wait *wait)
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
	if (is_record_lock(wait))
		add_target(search, wait, place_of(search, wait->lock->pid));
}

/* ----------------------------------------------------------------------- descriptors */

static bool is_by_descriptor(const struct dlw_system_wait *wait)
{
	return has_channels(wait) ||
	       (wait->meaning.kind == DLW_LOCK_CALL && !is_record_lock(wait));
}

static bool any_left(const struct search *search)
{
	uint32_t i;

	for (i = 0; i < search->waits->count; i++)
		if (!search->waits->all[i].live && is_by_descriptor(&search->waits->all[i]))
			return true;
	return false;
}

/** seek_channel() - @sought: the two places of this channel */
static void seek_channel(const struct dlw_awaited_channel *awaited, struct dlw_sought sought[2])
{
	sought[0] = (struct dlw_sought){ .kind = awaited->channel.kind };
	if (awaited->channel.kind == DLW_PIPE_CHANNEL) {
		sought[0].end = awaited->end;
		sought[0].inode = awaited->channel.inode;
		return;
	}
	sought[0].end = DLW_ANY_END;
	sought[0].inode = awaited->channel.peer;
	sought[1] = sought[0];
	sought[1].inode = awaited->channel.inode;
}

/**
 * seek() - what to look for among descriptors
 *
 * Of a pipe the other end; of a socket the other one, and the very same one,
 * which another thread or process could shut down.
 */
static void seek(struct search *search)
{
	struct dlw_sought *sought = search->sought;
	uint32_t i, k;

	for (i = 0; i < search->waits->count; i++) {
		const struct dlw_system_wait *wait = &search->waits->all[i];

		for (k = 0; k < wait->channel_count; k++, sought += 2) {
			sought[0].kind = sought[1].kind = DLW_NO_CHANNEL;
			if (!wait->live)
				seek_channel(&wait->channels[k], sought);
		}
	}
}

struct notes {
	struct search *search;
	uint32_t surveyed;
};

static bool note_locks(void *context, const char *text)
{
	struct notes *notes = context;
	uint32_t i;

	if (!strstr(text, "\nlock:"))
		return true;
	for (i = 0; i < notes->search->waits->count; i++) {
		struct dlw_system_wait *wait = &notes->search->waits->all[i];

		if (!wait->live && wait->meaning.kind == DLW_LOCK_CALL && !is_record_lock(wait) &&
		    dlw_file_lock_note(wait->lock, text))
			add_target(notes->search, wait, notes->surveyed);
	}
	return true;
}

static bool any_open_file_locks(const struct search *search)
{
	uint32_t i;

	for (i = 0; i < search->waits->count; i++)
		if (!search->waits->all[i].live &&
		    search->waits->all[i].meaning.kind == DLW_LOCK_CALL &&
		    !is_record_lock(&search->waits->all[i]))
			return true;
	return false;
}

/** note_channels() - which of a wait's channels the process has; Return: the next wait's places */
static const struct dlw_sought *note_channels(struct search *search, struct dlw_system_wait *wait,
					      const struct dlw_sought *sought, uint32_t surveyed)
{
	uint32_t k;

	for (k = 0; k < wait->channel_count; k++, sought += 2) {
		wait->channels[k].other_end_seen |= sought[0].found;
		if ((sought[0].found || sought[1].found) && !wait->live)
			add_target(search, wait, surveyed);
	}
	return sought;
}

/** ask_process() - what it has of what is sought; false: it does not show its descriptors */
static bool ask_process(struct search *search, int32_t task, uint32_t surveyed)
{
	const struct dlw_sought *sought = search->sought;
	struct notes notes = { search, surveyed };
	uint32_t i;

	if (!dlw_descriptors_search(task, search->sought, 2 * search->channels))
		return false;
	for (i = 0; i < search->waits->count; i++)
		sought = note_channels(search, &search->waits->all[i], sought, surveyed);
	return !any_open_file_locks(search) ||
	       dlw_each_descriptor_note(task, note_locks, &notes);
}

static void give_up_on_descriptors(struct search *search)
{
	uint32_t i;

	for (i = 0; i < search->waits->count; i++)
		if (is_by_descriptor(&search->waits->all[i]))
			search->waits->all[i].live = true;
}

static void ask_members(struct search *search)
{
	uint32_t i;

	for (i = 0; i < search->survey->count && any_left(search); i++) {
		int32_t task = dlw_process_task(search->survey->all[i].pid);

		if (task && !ask_process(search, task, i) && dlw_process_task(task))
			give_up_on_descriptors(search);
	}
}

/**
 * may_share() - a process whose descriptors are hidden could have some of the session's
 *
 * Descriptors are inherited: one that descends from a member could have any. One
 * that started a member may have what was not made in the session; what comes
 * from farther up went through processes that are asked, too.
 */
static bool may_share(const struct search *search, const struct dlw_process_line *hidden)
{
	const struct dlw_family *family = &search->survey->family;
	const struct dlw_relative *parent = dlw_family_find(family, hidden->parent);
	uint32_t i;

	if (parent && parent->member)
		return true;
	for (i = 0; i < family->count; i++)
		if (family->all[i].member && family->all[i].line.parent == hidden->pid)
			return true;
	return false;
}

static void ask_others(struct search *search)
{
	const struct dlw_family *family = &search->survey->family;
	uint32_t i;

	for (i = 0; i < family->count && any_left(search); i++) {
		const struct dlw_process_line *line = &family->all[i].line;
		int32_t task;

		if (line->is_kernel || place_of(search, line->pid) != DLW_NONE)
			continue;
		task = line->letter == 'Z' ? dlw_process_task(line->pid) : line->pid;
		if (task && !ask_process(search, task, DLW_NONE) && may_share(search, line))
			give_up_on_descriptors(search);
	}
}

/* --------------------------------------------------------------------------- settling */

/** settle() - a wait that some process with a live thread can end is none, and so on */
static void settle(struct search *search)
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

static void find_others(struct search *search)
{
	uint32_t i;

	for (i = 0; i < search->waits->count; i++) {
		struct dlw_system_wait *wait = &search->waits->all[i];

		switch (wait->meaning.kind) {
		case DLW_CHILD_CALL:
			find_children(search, wait);
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
		if (!is_by_descriptor(wait) && !wait->target_count)
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
static bool may_be_told(const struct search *search, uint32_t surveyed)
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
static bool is_woken(const struct search *search, const struct dlw_system_wait *wait)
{
	bool poll = wait->meaning.kind == DLW_POLL_CALL;
	uint64_t unasked = dlw_timer_signals | (has_channels(wait) ? dlw_event_signals : 0);
	uint32_t i;

	if (dlw_catches(wait->pid, poll ? ~dlw_harmless_signals : unasked))
		return true;
	for (i = 0; has_channels(wait) && i < wait->target_count; i++)
		if (may_be_told(search, wait->targets[i]))
			return true;
	return false;
}

/** look_closely() - what costs more, for the few that are left */
static void look_closely(struct search *search)
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

static bool read_waits(struct search *search)
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
	search->sought = dlw_arena_array(search->arena, struct dlw_sought,
					 2 * search->channels + 1);
	if (!search->sought)
		return false;
	seek(search);
	ask_members(search);
	settle(search);
	seek(search);
	ask_others(search);
	settle(search);
	look_closely(search);
	return true;
}

const struct dlw_system_waits *dlw_system_waits(struct dlw_watch *watch, bool anew)
{
	struct dlw_survey *survey = &watch->survey;
	struct search search = { .watch = watch, .survey = survey };

	if (!anew && !survey->outdated)
		return survey->waits;
	survey->outdated = false;
	search.arena = dlw_survey_borrow(watch, &survey->waits_memory);
	search.waits = survey->waits = dlw_arena_array(search.arena, struct dlw_system_waits, 1);
	if (survey->waits && survey->count && !read_waits(&search))
		survey->waits = NULL;
	return survey->waits;
}
