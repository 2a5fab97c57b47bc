/*
 * core/watch/confirm.c - asking the kernel and the C library whether it is so
 *
 * Our records say who waits for what. Before a thread is called deadlocked the
 * kernel has to show it asleep in just that wait, and a mutex's owner field
 * has to name the holder. Any disagreement and the thread counts as live.
 */
#include <pthread.h>
#include <string.h>
#include <sys/syscall.h>

#include "core/watch/glibc.h"
#include "core/watch/picture.h"
#include "core/watch/records.h"
#include "core/watch/sharing.h"
#include "core/watch/signals.h"
#include "core/watch/system_waits.h"

static bool live(struct dlw_thread_state *thread)
{
	thread->life = DLW_LIVE;
	return true;
}

/** sleeps_at() - asleep in a futex call on a word in [address, address + size) */
static bool sleeps_at(const struct dlw_system_call *call, uint64_t address, uint64_t size)
{
	return call->number == SYS_futex && call->arguments[0] >= address &&
	       call->arguments[0] < address + size;
}

/** is_asleep_in() - the futex is the one this kind of wait uses */
static bool is_asleep_in(const struct dlw_thread_source *source, uint32_t traits,
			 const struct dlw_system_call *call)
{
	switch (source->kind) {
	case DLW_MUTEX:
		/*
		 * The kernel refuses to close a cycle of PI mutexes; the C
		 * library then puts the thread to sleep for ever on another word.
		 */
		return sleeps_at(call, source->address, sizeof(int)) ||
		       (call->number == SYS_futex && traits & DLW_TRAIT_INHERIT);
	case DLW_RWLOCK:
		return sleeps_at(call, source->address, sizeof(pthread_rwlock_t));
	case DLW_ONCE:
		return sleeps_at(call, source->address, sizeof(pthread_once_t));
	case DLW_BARRIER:
		return sleeps_at(call, source->address, sizeof(struct dlw_barrier_memory));
	case DLW_SEMAPHORE:
		return sleeps_at(call, source->address, 16);
	case DLW_CONDITION:
		return sleeps_at(call, source->address, sizeof(pthread_cond_t));
	case DLW_THREAD:
		return sleeps_at(call, source->address, 4096);
	case DLW_CUSTOM:
		/* where, only the program knows; or it spins, and lets others go on meanwhile */
		return call->number == SYS_futex || call->number == SYS_sched_yield ||
		       call->number == SYS_nanosleep || call->number == SYS_clock_nanosleep;
	default:
		return false;
	}
}

/**
 * is_queued_rightly() - a reader is where our records say
 *
 * One that a queued writer keeps out sleeps on the first word of the lock. One
 * that sleeps elsewhere waits for a writer to end: then one must be known.
 */
static bool is_queued_rightly(const struct dlw_picture *picture,
			      const struct dlw_thread_state *thread,
			      const struct dlw_thread_source *source,
			      const struct dlw_system_call *call)
{
	uint32_t i;

	if (source->kind != DLW_RWLOCK || thread->want.mode != DLW_SHARED ||
	    call->arguments[0] == source->address)
		return true;
	for (i = 0; i < picture->state.hold_count; i++)
		if (picture->holds[i].resource == thread->want.resource &&
		    picture->holds[i].mode == DLW_EXCLUSIVE)
			return true;
	return false;
}

/**
 * is_spinning() - it was seen at it, between the last look and the one before
 *
 * A thread that left the wait by siglongjmp() runs, too, but turns no more. Of
 * a lock of the program's own making there is only the program's word.
 */
static bool is_spinning(const struct dlw_thread *record)
{
	return record->want_kind == DLW_CUSTOM ||
	       (record->want_kind == DLW_SPINLOCK && record->marks.spins);
}

/** has_been_woken() - a condition wait that has its signal and now waits for the mutex */
static bool has_been_woken(struct dlw_thread_state *thread,
			   const struct dlw_thread_source *source,
			   const struct dlw_system_call *call)
{
	if (source->kind != DLW_CONDITION || thread->want.mutex == DLW_NONE ||
	    !sleeps_at(call, source->mutex, sizeof(int)))
		return false;
	thread->want.resource = thread->want.mutex;
	thread->want.mode = DLW_EXCLUSIVE;
	thread->want.mutex = DLW_NONE;
	thread->want.flags &= ~(uint32_t)(DLW_WANT_TIMED | DLW_WANT_POLLING);
	return true;
}

/**
 * look_at() - dlw_task_look(), patiently where waits are made of slices
 *
 * With on_deadlock=break a waiting thread wakes up for an instant every 20 ms,
 * and one that polls (@patient) whenever it likes.
 */
static enum dlw_task_state look_at(const struct dlw_segment *segment, int32_t tid, bool patient,
				   struct dlw_system_call *call)
{
	enum dlw_task_state state = dlw_task_look(segment->pid, tid, call);
	int more;

	for (more = segment->breaks || patient ? 200 : 0; more && state == DLW_TASK_RUNNING; more--)
		state = dlw_task_look(segment->pid, tid, call);
	return state;
}

static bool confirm_asleep(const struct dlw_watch *watch, struct dlw_picture *picture,
			   uint32_t index, bool in_core)
{
	struct dlw_thread_state *thread = &picture->threads[index];
	const struct dlw_thread_source *source = &picture->sources[index];
	const struct dlw_thread *record = source->record;
	const struct dlw_segment *segment = watch->processes[thread->process].segment;
	struct dlw_system_call call;
	bool changed = false;

	if (watch->asking_tid && thread->tid == watch->asking_tid && record->want_relock)
		return false;
	switch (look_at(segment, thread->tid, dlw_is_polling(record), &call)) {
	case DLW_TASK_ASLEEP:
		if (has_been_woken(thread, source, &call))
			changed = true;
		else if (thread->want.mutex == DLW_NONE &&
			 picture->resources[thread->want.resource].kind == DLW_MUTEX &&
			 source->kind == DLW_CONDITION)
			break; /* seen woken before */
		else if (!is_asleep_in(source, picture->resources[thread->want.resource].traits,
				       &call) ||
			 !is_queued_rightly(picture, thread, source, &call))
			return live(thread);
		break;
	case DLW_TASK_HIDDEN:
		changed = !(thread->want.flags & DLW_WANT_UNCONFIRMED);
		thread->want.flags |= DLW_WANT_UNCONFIRMED;
		break;
	case DLW_TASK_RUNNING:
		if ((!in_core && segment->breaks) || is_spinning(record))
			break;
		return live(thread);
	default:
		return live(thread);
	}
	if (dlw_record_lasting(record) != source->progress)
		return live(thread);
	return changed;
}

/** is_open_to_all() - a consumable that processes out of view may share */
static bool is_open_to_all(const struct dlw_picture *picture, uint32_t resource)
{
	const struct dlw_resource_state *state = &picture->resources[resource];

	return (state->traits & DLW_TRAIT_SHARED || picture->first_alias[resource]) &&
	       (state->kind == DLW_SEMAPHORE || state->kind == DLW_CONDITION ||
		state->kind == DLW_BARRIER);
}

/**
 * confirm_alone() - a semaphore, condition or barrier that other processes may post
 *
 * What was seen of its posters in the session says nothing of others who have
 * it: nobody known is then its releaser, and the world is open. It is also open
 * while the object has a name, for a process may be about to ask for it.
 */
static bool confirm_alone(struct dlw_watch *watch, struct dlw_picture *picture,
			  uint32_t resource)
{
	struct dlw_resource_state *state = &picture->resources[resource];
	struct dlw_process_state *process = &picture->processes[state->process];
	enum dlw_sharing sharing;

	if (!is_open_to_all(picture, resource) ||
	    (process->open_reason && state->ever_posted_by_vanished))
		return false;
	sharing = dlw_sharing_of(watch, picture, resource);
	if (sharing == DLW_SHARED_BY_NAME) {
		if (process->open_reason)
			return false;
		process->open_reason = "anybody can open what is waited for by its name";
		return true;
	}
	if (sharing == DLW_SHARED_IN_VIEW)
		return false;
	state->history = DLW_SIGNAL_LIKE;
	state->ever_posted_by_vanished = true;
	if (!process->open_reason)
		process->open_reason = "another process shares what is waited for";
	return true;
}

/** confirm_resource() - once a round, however many wait for it */
static bool confirm_resource(struct dlw_watch *watch, struct dlw_picture *picture,
			     uint32_t resource)
{
	bool changed;

	if (picture->confirmed[resource] == picture->round)
		return false;
	picture->confirmed[resource] = picture->round;
	changed = dlw_picture_confirm_holders(watch, picture, resource);
	return confirm_alone(watch, picture, resource) || changed;
}

/** confirm_sleep() - a wait on the system: the thread has not moved since it was seen in it */
static bool confirm_sleep(struct dlw_picture *picture, uint32_t index)
{
	struct dlw_thread_state *thread = &picture->threads[index];

	return !dlw_sleeps_still(picture->processes[thread->process].pid,
				 picture->sources[index].sleep) &&
	       live(thread);
}

bool dlw_picture_confirm(struct dlw_watch *watch, struct dlw_picture *picture, uint32_t index,
			 bool in_core)
{
	struct dlw_thread_state *thread = &picture->threads[index];
	bool changed;

	if (thread->life != DLW_WAITING)
		return false;
	if (picture->sources[index].sleep)
		return confirm_sleep(picture, index);
	changed = confirm_asleep(watch, picture, index, in_core);
	if (thread->life != DLW_WAITING)
		return true;
	if (!dlw_picture_is_same(watch, picture, thread->want.resource)) {
		watch->unsettled = true;
		return live(thread);
	}
	changed |= confirm_resource(watch, picture, thread->want.resource);
	if (thread->want.mutex != DLW_NONE)
		changed |= confirm_resource(watch, picture, thread->want.mutex);
	return changed;
}

/* -------------------------------------------------------------------- the open world */

struct census {
	const struct dlw_watch *watch;
	const struct dlw_picture *picture;
	uint32_t process;
	int32_t helper; /* of the process's own shim */
	int32_t unknown;
};

static void count_task(void *context, int32_t tid)
{
	struct census *census = context;
	const struct dlw_picture *picture = census->picture;

	if (tid == census->watch->ignored_tid || tid == census->helper ||
	    dlw_picture_thread(picture, census->process, tid) != DLW_NONE)
		return;
	if (dlw_task_alive(picture->processes[census->process].pid, tid))
		census->unknown = tid;
}

/**
 * other_user() - a process that is no thread of @pid, but has the same memory
 *
 * Made by clone(), it is its child or its brother. Return: its pid, 0: none.
 */
static int32_t other_user(const struct dlw_family *family, int32_t pid)
{
	const struct dlw_relative *own = dlw_family_find(family, pid);
	uint32_t i;

	for (i = 0; own && i < family->count; i++) {
		const struct dlw_relative *other = &family->all[i];

		if (other != own && (other->member || other->line.parent == own->line.parent) &&
		    dlw_memory_is_shared(pid, other->line.pid))
			return other->line.pid;
	}
	return 0;
}

static const char *look_around(struct dlw_watch *watch, const struct dlw_picture *picture,
			       uint32_t process)
{
	struct census census = { .watch = watch, .picture = picture, .process = process };
	int32_t pid = picture->processes[process].pid, other;
	uint64_t caught;
	int number;

	if (process < watch->process_count)
		census.helper = watch->processes[process].segment->helper;
	if (dlw_each_task(pid, count_task, &census) < 0)
		return "its threads cannot be listed";
	if (census.unknown)
		return dlw_arena_text(&watch->picture,
				      "thread %d was not seen starting and may help",
				      (int)census.unknown);
	if (!dlw_survey_family(watch))
		return "its relatives cannot be listed";
	other = other_user(&watch->survey.family, pid);
	if (other)
		return dlw_arena_text(&watch->picture,
				      "process %d uses the same memory and may help", (int)other);
	if (!dlw_signals_caught(pid, &caught))
		return "its signal handlers cannot be listed";
	caught &= ~dlw_harmless_signals;
	for (number = 1; number <= 64; number++)
		if (caught & dlw_signal_bit(number))
			return dlw_arena_text(&watch->picture,
					      "a handler of signal %d may help", number);
	return NULL;
}

void dlw_picture_look_around(struct dlw_watch *watch, struct dlw_picture *picture)
{
	uint32_t i;

	for (i = 0; i < picture->state.process_count; i++)
		if (!picture->processes[i].ended && !picture->processes[i].open_reason)
			picture->processes[i].open_reason = look_around(watch, picture, i);
}
