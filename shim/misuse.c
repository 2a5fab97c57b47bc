/*
 * shim/misuse.c - what there is to say of a misuse, while it can be seen
 *
 * All of this is off the way of a correct program: hooks come here when a lock
 * is not where it should be, or the C library has answered with an error.
 */
#include "shim/misuse.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include "core/watch/glibc.h"
#include "core/watch/procfs.h"
#include "core/watch/system.h"
#include "shim/hold.h"
#include "shim/log_write.h"
#include "shim/misuse_scene.h"
#include "shim/object.h"
#include "shim/segment.h"
#include "shim/trace.h"

/** exit_at() - in front of what bans calling it: only where it stands is asked */
static uint64_t exit_at(void)
{
	return (uint64_t)(uintptr_t)exit;
}

#include "shim/banned.h"

#define NOTES_MAX 256      /* kinds and places of misuse; beyond, they are counted */
#define OF_EXIT 128        /* bytes of exit() that a call in it can return to */

/* ---------------------------------------------------------------------------- the table */

static struct dlw_misuse *note_at(uint32_t position)
{
	return dlw_table_at(dlw_runtime->segment, &dlw_runtime->segment->misuses, position);
}

/* Where nobody knows the place it happened at, the place where the lock was taken will do. */
static uint32_t place_of(const struct dlw_misuse *note)
{
	return note->stack ? note->stack : note->other_stack;
}

static bool is_again(struct dlw_misuse *before, const struct dlw_misuse *note)
{
	if (before->sort != note->sort || place_of(before) != place_of(note))
		return false;
	if (before->count != UINT32_MAX)
		before->count++;
	return true;
}

/** add() - a note, or one more on the count of the same; Return: it is a new one */
static bool add(const struct dlw_misuse *note)
{
	struct dlw_table *table = &dlw_runtime->segment->misuses;
	uint32_t count, i;
	struct dlw_misuse *place = NULL;
	bool again = false;

	dlw_lock(&dlw_runtime->table_lock, DLW_RANK_TABLE);
	count = table->count;
	for (i = 0; i < count && !again; i++)
		again = is_again(note_at(i), note);
	if (!again && count < NOTES_MAX)
		place = dlw_table_grow(table, count);
	if (place) {
		*place = *note;
		atomic_store_explicit(&table->count, count + 1, memory_order_release);
	}
	dlw_unlock(&dlw_runtime->table_lock, DLW_RANK_TABLE);
	if (!again && !place)
		dlw_runtime_count(DLW_LOST_MISUSES, 1);
	return place;
}

/** publish() - into the table; a new one into the log, too */
static void publish(struct dlw_misuse *note)
{
	note->count = 1;
	note->when_ns = dlw_nanoseconds();
	note->hidden = !(dlw_options.misuse >> note->sort & 1);
	if (!note->hidden)
		dlw_misuse_scene();
	if (add(note))
		dlw_log_misuse(note);
}

/* ----------------------------------------------------------------------------- a note */

static void note_mutex(struct dlw_misuse *note, const pthread_mutex_t *mutex)
{
	if (!note->type)
		note->type = (uint8_t)dlw_mutex_type(mutex->__data.__kind);
	note->traits |= (uint16_t)dlw_mutex_traits(mutex->__data.__kind);
}

static void note_object(struct dlw_misuse *note, const struct dlw_object *object)
{
	note->type = object->type;
	note->traits = object->traits & (uint16_t)~DLW_TRAIT_DISTRUSTED;
	note->init_stack = object->init_stack;
	note->name = object->name;
}

static void begin(struct dlw_context *self, struct dlw_misuse *note, enum dlw_misuse_sort sort,
		  enum dlw_kind kind, uint64_t address)
{
	const struct dlw_object *object;

	memset(note, 0, sizeof(*note));
	note->sort = (uint8_t)sort;
	note->kind = (uint8_t)kind;
	note->address = address;
	object = dlw_object_find(self, address);
	if (object && object->kind == kind && !object->gone)
		note_object(note, object);
	if (kind == DLW_MUTEX)
		note_mutex(note, (const pthread_mutex_t *)(uintptr_t)address);
}

bool dlw_misuse_about(struct dlw_context *self, struct dlw_misuse *note,
		      enum dlw_misuse_sort sort, enum dlw_kind kind, uint64_t address)
{
	if (!dlw_misuse_asked(sort))
		return false;
	begin(self, note, sort, kind, address);
	return true;
}

/** name_of() - of a thread that may be another; "" if the kernel does not say */
static void name_of(char name[16], int32_t tid)
{
	char text[32];
	long got = dlw_read_line(dlw_proc_path(dlw_runtime->pid, tid, "comm").text, text,
				 sizeof(text));

	if (got > 0 && text[got - 1] == '\n')
		got--;
	if (got > 15)
		got = 15;
	memset(name, 0, 16);
	if (got > 0)
		memcpy(name, text, (size_t)got);
}

/** is_exiting() - exit() is on the stack: destructors run while other threads still may */
static bool is_exiting(uint32_t stack)
{
	const struct dlw_stack_record *record = dlw_stack_record(stack);
	uint64_t start = exit_at();
	uint32_t i;

	for (i = 0; record && i < record->depth; i++)
		if (record->frames[i] > start && record->frames[i] <= start + OF_EXIT)
			return true;
	return false;
}

void dlw_misuse_tell(struct dlw_context *self, struct dlw_misuse *note, uint32_t stack)
{
	if ((note->sort == DLW_DESTROY_HELD || note->sort == DLW_DESTROY_WAITED) &&
	    is_exiting(stack))
		return;
	note->stack = stack;
	note->tid = self->tid;
	dlw_system(SYS_prctl, PR_GET_NAME, (long)note->thread, 0, 0, 0, 0);
	if (note->other_tid == note->tid)
		memcpy(note->other, note->thread, sizeof(note->other));
	else if (note->other_tid)
		name_of(note->other, note->other_tid);
	publish(note);
}

/* ------------------------------------------------------------------- others, as they are */

/** agrees() - the C library, too, says that thread @tid holds it in @mode, as far as it knows */
static bool agrees(const struct dlw_misuse *note, int32_t tid, enum dlw_mode mode)
{
	const pthread_mutex_t *mutex = (const pthread_mutex_t *)(uintptr_t)note->address;
	const pthread_rwlock_t *rwlock = (const pthread_rwlock_t *)(uintptr_t)note->address;

	switch (note->kind) {
	case DLW_MUTEX:
		return mutex->__data.__owner == tid;
	case DLW_RWLOCK:
		return mode == DLW_SHARED ? dlw_rwlock_read_holds(rwlock) > 0
					  : rwlock->__data.__cur_writer == tid;
	default:
		return true;
	}
}

/** held_by() - the hold of @record on the object; may be gone the next moment */
static const struct dlw_held *held_by(const struct dlw_thread *record,
				      const struct dlw_misuse *note)
{
	const struct dlw_held *holds = dlw_at(record->holds);
	uint32_t count = dlw_holding(record), i;

	for (i = 0; i < count && i < record->hold_capacity; i++)
		if (holds[i].address == note->address && holds[i].kind == note->kind)
			return &holds[i];
	return NULL;
}

static bool is_alive(const struct dlw_thread *record)
{
	return record->life == DLW_RECORD_ALIVE || record->life == DLW_RECORD_EXITING;
}

bool dlw_misuse_holder(struct dlw_misuse *note)
{
	uint64_t at = dlw_runtime->segment->threads;

	for (; at; at = ((const struct dlw_thread *)dlw_at(at))->next) {
		const struct dlw_thread *record = dlw_at(at);
		const struct dlw_held *held = is_alive(record) ? held_by(record, note) : NULL;
		uint32_t stack = held ? held->stack : 0;
		uint8_t mode = held ? held->mode : 0;

		if (!held || held_by(record, note) != held ||
		    !agrees(note, record->tid, mode))
			continue;
		note->other_tid = record->tid;
		note->other_stack = stack;
		note->mode = mode;
		return true;
	}
	return false;
}

/** is_asleep_at() - the kernel shows the thread asleep on a futex of the object */
static bool is_asleep_at(int32_t tid, uint64_t address, uint64_t size)
{
	struct dlw_system_call call;

	return dlw_task_look(dlw_runtime->pid, tid, &call) == DLW_TASK_ASLEEP &&
	       call.number == SYS_futex && call.arguments[0] >= address &&
	       call.arguments[0] < address + size;
}

/** waits_for() - asleep in a wait for the object at both ends of the look; its stack, or false */
static bool waits_for(const struct dlw_thread *record, const struct dlw_misuse *note, uint64_t size,
		      uint32_t *stack, uint64_t *mutex)
{
	uint64_t number = atomic_load_explicit(&record->wait, memory_order_acquire);

	if (!(number & 1) || record->want_address != note->address ||
	    record->want_kind != note->kind)
		return false;
	*stack = record->want_stack;
	*mutex = record->want_mutex;
	return is_asleep_at(record->tid, note->address, size) && record->wait == number;
}

/** find_waiter() - one that is asleep; on a condition with @mutex: with another one than that */
static bool find_waiter(const struct dlw_context *self, struct dlw_misuse *note, uint64_t size,
			uint64_t mutex)
{
	uint64_t at = dlw_runtime->segment->threads, others;
	uint32_t stack;

	for (; at; at = ((const struct dlw_thread *)dlw_at(at))->next) {
		const struct dlw_thread *record = dlw_at(at);

		if (record == self->record || !is_alive(record) ||
		    !waits_for(record, note, size, &stack, &others) || (mutex && others == mutex))
			continue;
		note->other_tid = record->tid;
		note->other_stack = stack;
		note->mode = DLW_NO_MODE;
		note->third = mutex ? others : 0;
		return true;
	}
	return false;
}

/* ------------------------------------------------------------------------------- mutexes */

#define ELISION 0x300 /* PTHREAD_MUTEX_ELISION_NP, PTHREAD_MUTEX_NO_ELISION_NP */

/** is_free() - nobody has it, and nobody is just taking it */
static bool is_free(const pthread_mutex_t *mutex)
{
	return mutex->__data.__owner == 0 &&
	       (mutex->__data.__lock == 0 || mutex->__data.__kind & DLW_KIND_PROTECT);
}

/** is_signal() - a stranger unlocked it before: it is no lock, and may be given twice */
static bool is_signal(struct dlw_context *self, const pthread_mutex_t *mutex)
{
	const struct dlw_object *object =
		dlw_runtime->segment->distrusted
			? dlw_object_find(self, (uint64_t)(uintptr_t)mutex)
			: NULL;

	return object && object->kind == DLW_MUTEX && object->traits & DLW_TRAIT_DISTRUSTED;
}

/** was_noted() - this sort of misuse of this object, at any place */
static bool was_noted(const struct dlw_misuse *note)
{
	uint32_t count = dlw_runtime->segment->misuses.count, i;

	for (i = 0; i < count; i++)
		if (note_at(i)->sort == note->sort && note_at(i)->address == note->address)
			return true;
	return false;
}

bool dlw_misuse_unlock(struct dlw_context *self, struct dlw_misuse *note,
		       const pthread_mutex_t *mutex)
{
	bool idle = is_free(mutex);

	if (mutex->__data.__owner == self->tid || mutex->__data.__kind & ELISION ||
	    !(dlw_misuse_asked(DLW_UNLOCK_REFUSED) ||
	      dlw_misuse_asked(idle ? DLW_UNLOCK_UNLOCKED : DLW_UNLOCK_BY_STRANGER)))
		return false;
	begin(self, note, idle ? DLW_UNLOCK_UNLOCKED : DLW_UNLOCK_BY_STRANGER, DLW_MUTEX,
	      (uint64_t)(uintptr_t)mutex);
	/* locked by a thread that a fork left behind, or out of sight: no word about it */
	return idle ? !is_signal(self, mutex) || was_noted(note) : dlw_misuse_holder(note);
}

void dlw_misuse_unlocked(struct dlw_context *self, struct dlw_misuse *note, int result,
			 uint64_t caller, uint64_t frame)
{
	if (result != 0 && result != EPERM)
		return;
	note->error = result;
	if (result == EPERM)
		note->sort = DLW_UNLOCK_REFUSED;
	if (dlw_misuse_asked(note->sort))
		dlw_misuse_tell(self, note, dlw_stack_exact(self, caller, frame));
}

void dlw_misuse_relock(struct dlw_context *self, enum dlw_kind kind, uint64_t address)
{
	int64_t depth = dlw_hold_find(self, address);
	struct dlw_misuse note;

	/* not held: the error was about something else, or made by on_deadlock=break */
	if (depth < 0 || !dlw_misuse_about(self, &note, DLW_RELOCK, kind, address) ||
	    !agrees(&note, self->tid, DLW_EXCLUSIVE) || note.type == DLW_TYPE_NORMAL)
		return;
	note.error = EDEADLK;
	note.other_tid = self->tid;
	note.other_stack = dlw_hold_at(self, (uint32_t)depth)->stack;
	note.mode = dlw_hold_at(self, (uint32_t)depth)->mode;
	dlw_misuse_tell(self, &note, self->record->want_stack);
}

/* ---------------------------------------------------------------------- destroyed too early */

void dlw_misuse_destroy(struct dlw_context *self, enum dlw_kind kind, const void *object,
			uint64_t size, uint64_t caller, uint64_t frame)
{
	uint64_t address = (uint64_t)(uintptr_t)object;
	struct dlw_misuse note;

	if ((!dlw_misuse_about(self, &note, DLW_DESTROY_HELD, kind, address) ||
	     !dlw_misuse_holder(&note)) &&
	    (!dlw_misuse_about(self, &note, DLW_DESTROY_WAITED, kind, address) ||
	     !find_waiter(self, &note, size, 0)))
		return;
	dlw_misuse_tell(self, &note, dlw_stack_exact(self, caller, frame));
}

void dlw_misuse_two_mutexes(struct dlw_context *self, struct dlw_object *condition,
			    const pthread_mutex_t *mutex, uint32_t stack)
{
	uint64_t address = (uint64_t)(uintptr_t)mutex;
	struct dlw_misuse note;

	if (dlw_likely(atomic_load_explicit(&condition->last_mutex, memory_order_relaxed) ==
		       address))
		return;
	atomic_store_explicit(&condition->last_mutex, address, memory_order_relaxed);
	if (!dlw_misuse_about(self, &note, DLW_TWO_MUTEXES, DLW_CONDITION, condition->address) ||
	    !find_waiter(self, &note, sizeof(pthread_cond_t), address))
		return;
	note.second = address;
	note.second_kind = DLW_MUTEX;
	dlw_misuse_tell(self, &note, stack);
}

/* -------------------------------------------------------------------- the end of a process */

/** still_its() - the mutex, as the C library has it in @mutex, is locked by @tid for good */
static bool still_its(const struct dlw_held *held, int32_t tid, pthread_mutex_t *mutex)
{
	return held->kind == DLW_MUTEX &&
	       dlw_read_memory(dlw_runtime->pid, held->address, mutex, sizeof(*mutex)) &&
	       mutex->__data.__owner == tid && !(mutex->__data.__kind & DLW_KIND_ROBUST);
}

static void left_locked(const struct dlw_thread *record, const struct dlw_held *held,
			enum dlw_misuse_sort sort)
{
	struct dlw_misuse note;
	pthread_mutex_t mutex;

	if (!still_its(held, record->tid, &mutex) ||
	    (sort == DLW_PROCESS_ENDED_HOLDING && !(mutex.__data.__kind & DLW_KIND_SHARED)) ||
	    !dlw_misuse_about(dlw_self, &note, sort, DLW_MUTEX, held->address))
		return;
	note.tid = note.other_tid = record->tid;
	note.other_stack = held->stack;
	note.mode = held->mode;
	if (sort == DLW_THREAD_ENDED_HOLDING)
		memcpy(note.thread, record->name, sizeof(note.thread));
	else
		name_of(note.thread, record->tid);
	memcpy(note.other, note.thread, sizeof(note.other));
	publish(&note);
}

/** is_over() - it ended before the process does: nothing can release what it holds */
static bool is_over(const struct dlw_thread *record)
{
	return record->life == DLW_RECORD_DEAD ||
	       (record->life == DLW_RECORD_EXITING && dlw_thread_is_over(record->tid));
}

static void look_at_holds(const struct dlw_thread *record, enum dlw_misuse_sort sort)
{
	const struct dlw_held *holds = dlw_at(record->holds);
	uint32_t i;

	for (i = 0; i < dlw_holding(record); i++)
		left_locked(record, &holds[i], sort);
}

void dlw_misuse_at_end(void)
{
	uint64_t at;
	uint32_t i;

	dlw_thread_reap();
	for (at = dlw_runtime->segment->threads; at;
	     at = ((const struct dlw_thread *)dlw_at(at))->next) {
		const struct dlw_thread *record = dlw_at(at);

		if (is_over(record))
			look_at_holds(record, DLW_THREAD_ENDED_HOLDING);
		else if (is_alive(record))
			look_at_holds(record, DLW_PROCESS_ENDED_HOLDING);
	}
	/* how often, now that it is known */
	for (i = 0; i < dlw_runtime->segment->misuses.count; i++)
		if (note_at(i)->count > 1)
			dlw_log_misuse(note_at(i));
}
