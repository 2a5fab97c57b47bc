/*
 * core/watch/confirm_holders.c - whose a lock is, by the C library's own word
 *
 * Our records say who took a lock and did not give it back; what the C library
 * keeps in the lock itself has to agree. A hold it does not know goes from the
 * picture, and whoever waits for the lock then counts as live.
 */
#include <pthread.h>

#include "core/watch/glibc.h"
#include "core/watch/picture.h"
#include "core/watch/records.h"

/**
 * is_over() - a thread of a process that is: nobody else answers to its number
 *
 * The first thread lives on as the program that exec put in its place. That one
 * is somebody else, too, but cannot have the lock unless it maps it.
 */
static bool is_over(const struct dlw_segment *segment, const struct dlw_picture *picture,
		    const struct dlw_hold *hold)
{
	const struct dlw_thread_state *holder = &picture->threads[hold->thread];
	uint32_t alias = picture->first_alias[hold->resource];

	if (!dlw_task_alive(holder->tid, holder->tid))
		return true;
	return alias && holder->tid == segment->pid &&
	       dlw_process_start(segment->pid) == segment->process_start &&
	       dlw_does_without(segment->pid, picture->aliases[alias].inode);
}

/** owns() - the C library's word agrees with the record: it is the holder's */
static bool owns(const struct dlw_watch *watch, int32_t owner, const struct dlw_picture *picture,
		 const struct dlw_hold *hold)
{
	const struct dlw_thread_state *holder = &picture->threads[hold->thread];
	const struct dlw_segment *segment = watch->processes[holder->process].segment;

	/* what the first thread of a child has from its parent bears the parent's number */
	if (holder->tid == segment->pid && segment->forked_tid && owner == segment->forked_tid)
		return true;
	if (owner != holder->tid)
		return false;
	return !watch->processes[holder->process].ended || is_over(segment, picture, hold);
}

/** remove_all_but() - holds of @resource in @mode go, but for those of thread @owner (0: nobody) */
static bool remove_all_but(const struct dlw_watch *watch, struct dlw_picture *picture,
			   uint32_t resource, enum dlw_mode mode, int32_t owner)
{
	bool changed = false;
	uint32_t i = 0;

	while (i < picture->state.hold_count) {
		const struct dlw_hold *hold = &picture->holds[i];

		if (hold->resource == resource && hold->mode == mode &&
		    (!owner || !owns(watch, owner, picture, hold))) {
			picture->holds[i] = picture->holds[--picture->state.hold_count];
			changed = true;
		} else {
			i++;
		}
	}
	return changed;
}

static bool confirm_mutex(const struct dlw_watch *watch, struct dlw_picture *picture,
			  uint32_t resource)
{
	pthread_mutex_t mutex;
	int32_t owner = 0;

	if (dlw_picture_read(watch, picture, resource, &mutex, sizeof(mutex)))
		owner = mutex.__data.__owner;
	return remove_all_but(watch, picture, resource, DLW_EXCLUSIVE, owner);
}

/* -------------------------------------------------------------- reader-writer locks */

/** address_in() - of @resource in @process; 0: that does not have it, as far as we know */
static uint64_t address_in(const struct dlw_picture *picture, uint32_t resource, uint32_t process)
{
	uint32_t at = picture->first_alias[resource];

	if (!at)
		return picture->resources[resource].process == process
			       ? picture->resources[resource].address
			       : 0;
	while (at && picture->aliases[at].process != process)
		at = picture->aliases[at].next;
	return at ? picture->aliases[at].address : 0;
}

/** read_holds_of() - how often a thread says that it reads; one that runs may change its mind */
static uint32_t read_holds_of(const struct dlw_watched *watched, const struct dlw_thread *record,
			      uint64_t address)
{
	uint32_t count = dlw_holding(record), found = 0, i;
	const struct dlw_held *held = dlw_record_at(watched, record->holds, count * sizeof(*held));

	for (i = 0; held && i < count; i++)
		found += held[i].kind == DLW_RWLOCK && held[i].mode == DLW_SHARED &&
			 held[i].address == address;
	return found;
}

/** recorded_read_holds() - those in the picture, and those of threads that run */
static uint32_t recorded_read_holds(const struct dlw_watch *watch,
				    const struct dlw_picture *picture, uint32_t resource)
{
	uint32_t found = 0, i;

	for (i = 0; i < picture->state.hold_count; i++)
		if (picture->holds[i].resource == resource && picture->holds[i].mode == DLW_SHARED)
			found += picture->holds[i].count;
	for (i = 0; i < picture->state.thread_count; i++) {
		uint32_t process = picture->threads[i].process;
		uint64_t address;

		if (picture->sources[i].holds_read)
			continue;
		address = address_in(picture, resource, process);
		if (address)
			found += read_holds_of(&watch->processes[process],
					       picture->sources[i].record, address);
	}
	return found;
}

#define READER_TRIES 100 /* other readers may come and go while we count */

/**
 * confirm_rwlock() - the writer by its name, readers by their number
 *
 * The C library counts readers and does not know them. If it counts as many as
 * our records name, those are they; else somebody unseen reads, or one of ours
 * reads no more: then nobody is known to read.
 */
static bool confirm_rwlock(const struct dlw_watch *watch, struct dlw_picture *picture,
			   uint32_t resource)
{
	pthread_rwlock_t lock;
	int32_t writer = 0;
	bool changed = false, counted = false;
	int tries;

	for (tries = 0; tries < READER_TRIES && !counted; tries++) {
		if (!dlw_picture_read(watch, picture, resource, &lock, sizeof(lock)))
			break;
		writer = lock.__data.__cur_writer;
		counted = dlw_rwlock_read_holds(&lock) ==
			  recorded_read_holds(watch, picture, resource);
	}
	if (!counted)
		changed = remove_all_but(watch, picture, resource, DLW_SHARED, 0);
	return remove_all_but(watch, picture, resource, DLW_EXCLUSIVE, writer) || changed;
}

/* --------------------------------------------------------- locks without an owner */

/**
 * confirm_taken() - a spinlock or once: that it is taken is all that the C library can say
 *
 * By whom our record alone says; two of them contradict each other, which the
 * engine sees.
 */
static bool confirm_taken(const struct dlw_watch *watch, struct dlw_picture *picture,
			  uint32_t resource)
{
	bool is_once = picture->resources[resource].kind == DLW_ONCE;
	int word;

	if (dlw_picture_read(watch, picture, resource, &word, sizeof(word)) &&
	    (is_once ? dlw_once_is_running(word) : dlw_spin_is_taken(word)))
		return false;
	return remove_all_but(watch, picture, resource, DLW_EXCLUSIVE, 0);
}

/* ------------------------------------------------------------------------- barriers */

/** nobody_waits() - a round is over, or not understood: those who seem to wait are on their way */
static bool nobody_waits(struct dlw_picture *picture, uint32_t resource)
{
	bool changed = false;
	uint32_t i;

	for (i = 0; i < picture->state.thread_count; i++) {
		struct dlw_thread_state *thread = &picture->threads[i];

		if (thread->life != DLW_WAITING || thread->want.resource != resource)
			continue;
		thread->life = DLW_LIVE;
		changed = true;
	}
	return changed;
}

/** confirm_barrier() - as many have arrived as wait, or more that we do not know */
static bool confirm_barrier(const struct dlw_watch *watch, struct dlw_picture *picture,
			    uint32_t resource)
{
	struct dlw_resource_state *state = &picture->resources[resource];
	struct dlw_barrier_memory barrier;
	uint32_t here = 0, arrived, i;
	bool changed;

	for (i = 0; i < picture->state.thread_count; i++)
		here += picture->threads[i].life == DLW_WAITING &&
			picture->threads[i].want.resource == resource;
	if (!dlw_picture_read(watch, picture, resource, &barrier, sizeof(barrier)))
		return nobody_waits(picture, resource);
	arrived = barrier.in - barrier.round;
	if (arrived < here || arrived >= barrier.count)
		return nobody_waits(picture, resource);
	changed = state->arrived != arrived || state->initial != barrier.count;
	state->arrived = arrived;
	state->initial = barrier.count;
	state->initial_known = true;
	return changed;
}

bool dlw_picture_confirm_holders(const struct dlw_watch *watch, struct dlw_picture *picture,
				 uint32_t resource)
{
	switch (picture->resources[resource].kind) {
	case DLW_MUTEX:
		return confirm_mutex(watch, picture, resource);
	case DLW_RWLOCK:
		return confirm_rwlock(watch, picture, resource);
	case DLW_SPINLOCK:
	case DLW_ONCE:
		return confirm_taken(watch, picture, resource);
	case DLW_BARRIER:
		return confirm_barrier(watch, picture, resource);
	default:
		return false;
	}
}
