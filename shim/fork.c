/*
 * shim/fork.c - the threads that a fork leaves behind
 *
 * What they hold is copied right before the fork, and looked at again right
 * after it in the child, in the segment of the parent, which goes on. Neither
 * is the instant itself. But the child has the locks as they were at that
 * instant: a hold counts only if the lock names its holder there.
 *
 * The copy lies in memory that a fork does not wipe, and is made use of when
 * the child sets itself up, at its first hook: a child that execs at once pays
 * for the copy alone.
 */
#include "shim/fork.h"

#include <pthread.h>
#include <string.h>
#include <time.h>

#include "core/watch/glibc.h"
#include "core/watch/look.h"
#include "core/watch/procfs.h"
#include "core/watch/system.h"
#include "shim/cancel.h"
#include "shim/hook_lock.h"
#include "shim/log_write.h"
#include "shim/misuse_scene.h"
#include "shim/segment.h"
#include "shim/trace.h"

#include "shim/banned.h"

#define USER_HZ 100 /* of all x86 kernels, whatever their own ticks are */

/** A hold of one of the parent's threads. */
struct left_hold {
	int32_t tid;
	struct dlw_held held;
};

/** The parent at its last fork. Private, and kept by the child. */
static struct {
	const struct dlw_segment *segment; /* the parent's; also mapped in the child */
	int32_t pid, tid;                  /* of the parent, of the thread that forks */
	struct left_hold *holds;
	uint32_t hold_count, hold_room;
	uint64_t mapped;     /* bytes of the segment that the child has */
	uint32_t first_look; /* so many were listed before the fork */
	bool to_inherit; /* this is the child, and has not yet */
} parent;

/*
 * The parent goes on, and its segment grows: what it adds is not mapped here.
 * at() - @size bytes at @offset; NULL: nothing, or out of our reach
 */
static const void *at(uint64_t offset, uint64_t size)
{
	return offset && offset < parent.mapped && size <= parent.mapped - offset
		       ? (const char *)parent.segment + offset
		       : NULL;
}

static const struct dlw_thread *next_record(const struct dlw_thread *record)
{
	return at(record ? record->next : parent.segment->threads, sizeof(*record));
}

/** element() - number @position of a table, or NULL */
static const void *element(const struct dlw_table *table, uint32_t position)
{
	const char *place = dlw_table_at(parent.segment, table, position);

	return place ? at((uint64_t)(place - (const char *)parent.segment), table->element_size)
		     : NULL;
}

static bool is_alive(const struct dlw_thread *record)
{
	return record->life == DLW_RECORD_ALIVE || record->life == DLW_RECORD_EXITING;
}

/* ------------------------------------------------------------------------ what is held */

static bool make_room(void)
{
	uint32_t room = parent.hold_room ? parent.hold_room * 2 : 64;
	struct left_hold *holds;

	if (parent.hold_count < parent.hold_room)
		return true;
	holds = dlw_map(room * sizeof(*holds), false);
	if (!holds)
		return false;
	if (parent.holds) {
		memcpy(holds, parent.holds, parent.hold_count * sizeof(*holds));
		dlw_unmap(parent.holds, parent.hold_room * sizeof(*holds));
	}
	parent.holds = holds;
	parent.hold_room = room;
	return true;
}

static bool is_listed(int32_t tid, const struct dlw_held *held)
{
	uint32_t i;

	for (i = 0; i < parent.hold_count; i++)
		if (parent.holds[i].tid == tid && parent.holds[i].held.kind == held->kind &&
		    parent.holds[i].held.address == held->address)
			return true;
	return false;
}

/** list_holds() - of all threads, as they are now; those listed already stay as they are */
static void list_holds(bool again)
{
	const struct dlw_thread *record;
	uint32_t i;

	for (record = next_record(NULL); record; record = next_record(record)) {
		uint32_t count = dlw_holding(record);
		const struct dlw_held *held = at(record->holds, count * sizeof(*held));

		for (i = 0; held && is_alive(record) && i < count; i++) {
			if ((again && is_listed(record->tid, &held[i])) || !make_room())
				continue;
			parent.holds[parent.hold_count++] =
				(struct left_hold){ record->tid, held[i] };
		}
	}
}

/*
 * Forks of this thread that are under way: more than one if a signal handler
 * has interrupted one and forks as well. Such a child, and one of a handler
 * that has interrupted a hook of ours, knows nothing of what its parent held.
 */
static __thread uint32_t forks __attribute__((tls_model("initial-exec")));

/* ---------------------------------------------------------------------------- birth */

/*
 * Of the child whose one thread this is, or of its parent's fork that is under way.
 * With the thread, for that memory is the child's already: the C library notes its
 * tid there. Other threads of the child know nothing of it, and ask /proc.
 */
static __thread struct {
	int32_t pid;   /* of the child */
	uint64_t tick; /* when the outermost fork began */
} birth __attribute__((tls_model("initial-exec")));

/** tick() - in the unit that /proc tells starts of processes in */
static uint64_t tick(void)
{
	struct timespec now;

	if (clock_gettime(CLOCK_BOOTTIME, &now) != 0)
		return 0;
	return (uint64_t)now.tv_sec * USER_HZ +
	       (uint64_t)now.tv_nsec / (1000000000u / USER_HZ);
}

bool dlw_fork_is_child(int32_t pid)
{
	return birth.pid == pid;
}

uint64_t dlw_fork_start(int32_t pid)
{
	/* if no tick has gone by since before the fork */
	return dlw_fork_is_child(pid) && birth.tick == tick() ? birth.tick : 0;
}

/* --------------------------------------------------------------------- around the fork */

static void before_fork(void)
{
	dlw_session_ensure();
	dlw_home_ensure();
	if (!forks) {
		birth.pid = 0; /* our own birth is another tick: from now on it is asked of /proc */
		birth.tick = tick();
	}
	if (forks++ || dlw_is_amid_locks() || !dlw_runtime || dlw_runtime->state != DLW_READY)
		return;
	dlw_cancel_defer();
	dlw_lock(&dlw_runtime->stacks_lock, DLW_RANK_STACKS);
	dlw_forking = true;
	parent.segment = dlw_runtime->segment;
	parent.pid = dlw_runtime->pid;
	parent.tid = (int32_t)dlw_system(SYS_gettid, 0, 0, 0, 0, 0, 0);
	parent.mapped = parent.segment->size;
	parent.hold_count = 0;
	list_holds(false);
	parent.first_look = parent.hold_count;
}

static void after_fork_in_parent(void)
{
	if (--forks || !dlw_forking)
		return;
	dlw_forking = false;
	dlw_unlock(&dlw_runtime->stacks_lock, DLW_RANK_STACKS);
	dlw_cancel_restore();
}

/** wipe() - kernels before 4.14 did not do it for us */
static void wipe(void)
{
	if (dlw_runtime->state == DLW_READY) {
		memset(dlw_runtime, 0, sizeof(*dlw_runtime));
		if (dlw_self->record)
			memset(dlw_self, 0, sizeof(*dlw_self));
	}
}

static void after_fork_in_child(void)
{
	forks = 0;
	birth.pid = (int32_t)dlw_system(SYS_getpid, 0, 0, 0, 0, 0, 0);
	dlw_ranks_held = 0; /* its locks are new */
	dlw_log_disown();
	dlw_segment_disown();
	if (dlw_forking) {
		list_holds(true);
		parent.to_inherit = true;
	}
	if (dlw_runtime && !dlw_home_is_wiped())
		wipe();
	if (dlw_forking) {
		dlw_forking = false;
		dlw_cancel_restore();
	}
}

void dlw_fork_load(void)
{
	pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child);
}

/* ------------------------------------------------------------------------- inheriting */

/** own_stack() - a stack of the parent's store, in ours */
static uint32_t own_stack(uint32_t id)
{
	const struct dlw_table *table = &parent.segment->stacks;
	const uint64_t *offset = id && id <= table->count ? element(table, id - 1) : NULL;
	const struct dlw_stack_record *record = offset ? at(*offset, sizeof(*record)) : NULL;

	if (!record || !at(*offset, sizeof(*record) + record->depth * sizeof(uint64_t)))
		return 0;
	return dlw_stack_keep(record->frames, record->depth);
}

/** owner_of() - as the lock stood at the fork; -1: its kind keeps none */
static int32_t owner_of(const struct dlw_held *held, pthread_mutex_t *mutex)
{
	if (held->kind != DLW_MUTEX)
		return -1;
	if (!dlw_read_memory(dlw_runtime->pid, held->address, mutex, sizeof(*mutex)))
		return 0;
	return mutex->__data.__owner;
}

/** is_shared() - it stays with the parent's thread */
static bool is_shared(uint64_t address)
{
	struct dlw_watched watched = { .segment = (struct dlw_segment *)(uintptr_t)parent.segment,
				       .mapped = parent.mapped };

	return dlw_shared_mapping(&watched, address) != NULL;
}

/** minds_tid() - the C library lets only the tid that has locked it unlock it */
static bool minds_tid(const struct dlw_held *held, const pthread_mutex_t *mutex)
{
	int type = mutex->__data.__kind & DLW_KIND_TYPE;

	if (held->kind == DLW_RWLOCK)
		return held->mode == DLW_EXCLUSIVE;
	return held->kind == DLW_MUTEX &&
	       (type == DLW_KIND_RECURSIVE || type == DLW_KIND_ERRORCHECK ||
		mutex->__data.__kind & (DLW_KIND_ROBUST | DLW_KIND_INHERIT));
}

enum fate { LAPSED, LEFT_BEHIND, PASSED_ON };

/** fate_of() - of a hold: wrong at that instant, nobody's for ever, or the child's own */
static enum fate fate_of(const struct left_hold *left)
{
	pthread_mutex_t mutex = { 0 };
	int32_t owner = owner_of(&left->held, &mutex);

	if (is_shared(left->held.address) || (owner < 0 ? left->held.tacit : owner != left->tid))
		return LAPSED;
	if (left->tid != parent.tid)
		return LEFT_BEHIND;
	return minds_tid(&left->held, &mutex) ? LEFT_BEHIND : PASSED_ON;
}

/** name_of() - what the parent's kernel calls its thread, or its record if it has ended by now */
static void name_of(int32_t tid, char name[16])
{
	char text[32];
	long got = dlw_read_line(dlw_proc_path(parent.pid, tid, "comm").text, text, sizeof(text));
	const struct dlw_thread *record;

	memset(name, 0, 16);
	for (record = got > 0 ? NULL : next_record(NULL); record; record = next_record(record))
		if (record->tid == tid)
			memcpy(name, record->name, 15);
	if (got > 0 && text[got - 1] == '\n')
		got--;
	if (got > 0)
		memcpy(name, text, (size_t)(got < 15 ? got : 15));
}

/** log_vanished() - so that a replay finds what the thread left, too */
static void log_vanished(struct dlw_context *ghost)
{
	struct dlw_thread *record = ghost->record;
	struct dlw_event event = { .type = DLW_EVENT_STARTED };
	uint32_t i;

	ghost->log = dlw_log_thread(record->serial, record->tid, 0, 0, false);
	if (!ghost->log)
		return;
	dlw_log_thread_name(record->serial, record->name);
	dlw_log_event(ghost, &event);
	for (i = 0; i < dlw_holding(record); i++) {
		const struct dlw_held *held = &ghost->holds[i];

		dlw_lock_log_acquired(ghost, held->kind, held->mode,
				      (const void *)(uintptr_t)held->address, 0, held->stack,
				      false);
	}
	event.type = DLW_EVENT_EXITED;
	dlw_log_event(ghost, &event);
	dlw_log_thread_gone(ghost->log);
}

/** leave_record() - of a thread that is not here any more, with what it left */
static void leave_record(int32_t tid)
{
	struct dlw_context *ghost = dlw_thread_vanished(tid);
	uint32_t i;

	if (!ghost) {
		dlw_runtime_count(DLW_LOST_THREADS, 1);
		return;
	}
	name_of(tid, ghost->record->name);
	for (i = 0; i < parent.hold_count; i++) {
		const struct left_hold *left = &parent.holds[i];

		if (left->tid != tid || fate_of(left) != LEFT_BEHIND)
			continue;
		dlw_hold_push(ghost, left->held.kind, left->held.mode, left->held.address,
			      own_stack(left->held.stack), DLW_FORM_TRY);
		dlw_hold_at(ghost, 0)->again = left->held.again;
	}
	if (dlw_hold_count(ghost)) {
		dlw_runtime->left_behind = true;
		log_vanished(ghost);
	}
	dlw_unmap(ghost, sizeof(*ghost));
}

/** inherit_holds() - those of the thread that forked which it can still give back */
static void inherit_holds(struct dlw_context *self)
{
	uint32_t i;

	for (i = 0; i < parent.hold_count; i++) {
		const struct left_hold *left = &parent.holds[i];

		if (left->tid != parent.tid || fate_of(left) != PASSED_ON)
			continue;
		dlw_lock_acquired(self, left->held.kind, left->held.mode,
				  (const void *)(uintptr_t)left->held.address, 0,
				  own_stack(left->held.stack), false);
		dlw_hold_at(self, 0)->again = left->held.again;
	}
}

/** is_first_of_thread() - those of one thread stand together, but for what the second look added */
static bool is_first_of_thread(uint32_t hold)
{
	uint32_t i;

	if (hold && parent.holds[hold - 1].tid == parent.holds[hold].tid)
		return false;
	for (i = 0; hold >= parent.first_look && i < hold; i++)
		if (parent.holds[i].tid == parent.holds[hold].tid)
			return false;
	return true;
}

static bool has_holds(int32_t tid)
{
	uint32_t i;

	for (i = 0; i < parent.hold_count; i++)
		if (parent.holds[i].tid == tid)
			return true;
	return false;
}

static uint32_t own_text(uint32_t offset)
{
	const char *text = at(offset, 1);
	size_t length = text ? strnlen(text, parent.mapped - offset) + 1 : 0;
	uint64_t place = length ? dlw_segment_take(length) : 0;

	if (!place || place > UINT32_MAX || !at(offset, length))
		return 0;
	memcpy(dlw_at(place), text, length);
	return (uint32_t)place;
}

/** inherit_object() - of a shared one the parent goes on knowing who posts */
static void inherit_object(struct dlw_context *self, const struct dlw_object *from)
{
	struct dlw_object *object = dlw_object(self, from->address, from->kind);

	if (!object)
		return;
	object->type = from->type;
	object->traits = from->traits;
	object->init_stack = own_stack(from->init_stack);
	object->name = own_text(from->name);
	object->initial = from->initial;
	object->initial_known = from->initial_known;
	object->opens = from->opens;
	if (is_shared(from->address))
		return;
	object->posted_own = from->posted_own;
	object->posted_other = from->posted_other;
	object->posters = from->posters;
}

static void inherit_objects(struct dlw_context *self)
{
	const struct dlw_table *table = &parent.segment->objects;
	uint32_t count = table->count, i;

	for (i = 0; i < count; i++) {
		const struct dlw_object *from = element(table, i);

		if (from && from->address && !from->gone && from->kind != DLW_THREAD)
			inherit_object(self, from);
	}
}

/** inherit_mappings() - what is known to be shared; whoever has such a thing says who it is */
static void inherit_mappings(void)
{
	const struct dlw_table *table = &parent.segment->mappings;
	uint32_t count = table->count, i;
	bool shares = false;

	for (i = 0; i < count; i++) {
		const struct dlw_mapping *from = element(table, i);
		struct dlw_mapping *to = dlw_table_grow(&dlw_runtime->segment->mappings, i);

		if (!from || !to)
			break;
		*to = *from;
		shares |= from->inode != 0;
		atomic_store_explicit(&dlw_runtime->segment->mappings.count, i + 1,
				      memory_order_release);
	}
	if (shares)
		dlw_misuse_scene();
}

void dlw_fork_inherit(struct dlw_context *self)
{
	const struct dlw_thread *record;
	uint32_t i;

	if (dlw_likely(!parent.to_inherit))
		return;
	parent.to_inherit = false;
	dlw_runtime->segment->forked_tid = parent.tid;
	inherit_mappings();
	inherit_objects(self);
	/* who held something at the fork may have ended since; who did not, may have taken it before,
	   but for the one that forked */
	for (i = 0; i < parent.hold_count; i++)
		if (is_first_of_thread(i))
			leave_record(parent.holds[i].tid);
	for (record = next_record(NULL); record; record = next_record(record))
		if (is_alive(record) && record->tid != parent.tid && !has_holds(record->tid))
			leave_record(record->tid);
	inherit_holds(self);
}
