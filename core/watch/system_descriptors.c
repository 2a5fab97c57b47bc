/*
 * core/watch/system_descriptors.c - who else has the pipe, the socket or the open file
 */
#include "core/watch/system_search.h"

#include <string.h>

#include "core/watch/polled.h"

/* -------------------------------------------------------------------------- channels */

/** opposite() - what the others must have open to move what waits at this end of a pipe */
static enum dlw_end opposite(enum dlw_end end)
{
	return end == DLW_READ_END ? DLW_WRITE_END : DLW_READ_END;
}

/** A wait whose channels are being listed. */
struct listing {
	struct dlw_system_search *search;
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

bool dlw_system_list_channels(struct dlw_system_search *search, struct dlw_system_wait *wait)
{
	struct listing listing = { search, wait };

	if (wait->meaning.kind == DLW_POLL_CALL)
		return dlw_each_polled(wait->sleeper.tid, &wait->sleeper.call, add_channel,
				       &listing);
	return add_channel(&listing, wait->meaning.fd);
}

/* --------------------------------------------------------------------------- seeking */

static bool any_left(const struct dlw_system_search *search)
{
	uint32_t i;

	for (i = 0; i < search->waits->count; i++)
		if (!search->waits->all[i].live && dlw_is_by_descriptor(&search->waits->all[i]))
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
static void seek(struct dlw_system_search *search)
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
	struct dlw_system_search *search;
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

		if (!wait->live && wait->meaning.kind == DLW_LOCK_CALL && !dlw_is_record_lock(wait) &&
		    dlw_file_lock_note(wait->lock, text))
			dlw_system_add_target(notes->search, wait, notes->surveyed);
	}
	return true;
}

static bool any_open_file_locks(const struct dlw_system_search *search)
{
	uint32_t i;

	for (i = 0; i < search->waits->count; i++)
		if (!search->waits->all[i].live &&
		    search->waits->all[i].meaning.kind == DLW_LOCK_CALL &&
		    !dlw_is_record_lock(&search->waits->all[i]))
			return true;
	return false;
}

/** note_channels() - which of a wait's channels the process has; Return: the next wait's places */
static const struct dlw_sought *note_channels(struct dlw_system_search *search, struct dlw_system_wait *wait,
					      const struct dlw_sought *sought, uint32_t surveyed)
{
	uint32_t k;

	for (k = 0; k < wait->channel_count; k++, sought += 2) {
		wait->channels[k].other_end_seen |= sought[0].found;
		if ((sought[0].found || sought[1].found) && !wait->live)
			dlw_system_add_target(search, wait, surveyed);
	}
	return sought;
}

/** ask_process() - what it has of what is sought; false: it does not show its descriptors */
static bool ask_process(struct dlw_system_search *search, int32_t task, uint32_t surveyed)
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

static void give_up_on_descriptors(struct dlw_system_search *search)
{
	uint32_t i;

	for (i = 0; i < search->waits->count; i++)
		if (dlw_is_by_descriptor(&search->waits->all[i]))
			search->waits->all[i].live = true;
}

bool dlw_system_ask_members(struct dlw_system_search *search)
{
	uint32_t i;

	search->sought = dlw_arena_array(search->arena, struct dlw_sought,
					 2 * search->channels + 1);
	if (!search->sought)
		return false;
	seek(search);
	for (i = 0; i < search->survey->count && any_left(search); i++) {
		int32_t task = dlw_process_task(search->survey->all[i].pid);

		if (task && !ask_process(search, task, i) && dlw_process_task(task))
			give_up_on_descriptors(search);
	}
	return true;
}

/**
 * may_share() - a process whose descriptors are hidden could have some of the session's
 *
 * Descriptors are inherited: one that descends from a member could have any. One
 * that started a member may have what was not made in the session; what comes
 * from farther up went through processes that are asked, too.
 */
static bool may_share(const struct dlw_system_search *search, const struct dlw_process_line *hidden)
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

void dlw_system_ask_others(struct dlw_system_search *search)
{
	const struct dlw_family *family = &search->survey->family;
	uint32_t i;

	seek(search);
	for (i = 0; i < family->count && any_left(search); i++) {
		const struct dlw_process_line *line = &family->all[i].line;
		int32_t task;

		if (line->is_kernel || dlw_system_place_of(search, line->pid) != DLW_NONE)
			continue;
		task = line->letter == 'Z' ? dlw_process_task(line->pid) : line->pid;
		if (task && !ask_process(search, task, DLW_NONE) && may_share(search, line))
			give_up_on_descriptors(search);
	}
}
