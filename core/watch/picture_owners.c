/*
 * core/watch/picture_owners.c - threads by what others call them: a pthread_t,
 * a tid in an owner field
 */
#include <pthread.h>

#include "core/watch/glibc.h"
#include "core/watch/picture_maker.h"

/* ------------------------------------------------------------------------------ joins */

/** drop_unsubjected() - a THREAD resource nobody waits for any more must still name a thread */
static void drop_unsubjected(struct dlw_maker *maker)
{
	uint32_t i;

	for (i = 0; i < maker->resources; i++)
		if (maker->picture->resources[i].kind == DLW_THREAD &&
		    maker->picture->resources[i].subject == DLW_NONE)
			maker->picture->resources[i].subject = 0;
}

bool dlw_maker_settle_joins(struct dlw_maker *maker)
{
	struct dlw_picture *picture = maker->picture;
	struct dlw_thread_index index = { .number = dlw_thread_pthread };
	uint32_t i;

	if (!dlw_thread_index_make(&index, picture, maker->threads, maker->threads,
				   &maker->watch->picture))
		return false;
	for (i = 0; i < maker->threads; i++) {
		struct dlw_thread_state *thread = &picture->threads[i];
		struct dlw_resource_state *resource = &picture->resources[thread->want.resource];

		if (thread->life != DLW_WAITING || resource->kind != DLW_THREAD)
			continue;
		if (resource->subject == DLW_NONE)
			resource->subject =
				dlw_thread_index_find(&index, picture, thread->process,
						      picture->sources[i].address);
		/* joined but never seen, or gone already: the join is about to end */
		if (resource->subject == DLW_NONE ||
		    picture->threads[resource->subject].life == DLW_GONE)
			thread->life = DLW_LIVE;
	}
	drop_unsubjected(maker);
	return true;
}

/* ----------------------------------------------------------------------------- owners */

/** mark_distrusted() - locks of the picture that a stranger has unlocked once */
static void mark_distrusted(struct dlw_maker *maker)
{
	uint32_t process, i, resource;

	for (process = 0; process < maker->watch->process_count; process++) {
		const struct dlw_watched *watched = &maker->watch->processes[process];

		if (watched->replaced || !watched->segment->distrusted)
			continue;
		for (i = 1; i <= watched->segment->objects.count; i++) {
			const struct dlw_object *object = dlw_record_object(watched, i);

			if (!object || !(object->traits & DLW_TRAIT_DISTRUSTED))
				continue;
			resource = dlw_maker_resource(maker, process, object->kind, object->address,
						      false);
			if (resource != DLW_NONE)
				maker->picture->resources[resource].traits |= DLW_TRAIT_DISTRUSTED;
		}
	}
}

/** What the C library keeps in a lock that has an owner. */
union owned_lock {
	pthread_mutex_t mutex;
	pthread_rwlock_t rwlock;
};

/**
 * read_lock() - type and traits from the lock itself
 *
 * Return: the tid of who has it exclusively, 0: nobody, or it cannot be read.
 */
static uint32_t read_lock(struct dlw_maker *maker, uint32_t resource)
{
	struct dlw_resource_state *state = &maker->picture->resources[resource];
	bool is_mutex = state->kind == DLW_MUTEX;
	union owned_lock lock;

	if (!dlw_picture_read(maker->watch, maker->picture, resource, &lock,
			      is_mutex ? sizeof(lock.mutex) : sizeof(lock.rwlock)))
		return 0;
	if (is_mutex) {
		state->type = dlw_mutex_type(lock.mutex.__data.__kind);
		state->traits |= dlw_mutex_traits(lock.mutex.__data.__kind);
		return (uint32_t)lock.mutex.__data.__owner;
	}
	state->type = dlw_rwlock_type(&lock.rwlock);
	state->traits |= dlw_rwlock_traits(&lock.rwlock);
	return (uint32_t)lock.rwlock.__data.__cur_writer;
}

/** is_any_foreign() - the tid in a shared lock may be one of another pid namespace */
static bool is_any_foreign(const struct dlw_watch *watch)
{
	uint32_t i;

	for (i = 0; i < watch->process_count; i++)
		if (watch->processes[i].foreign && !watch->processes[i].replaced)
			return true;
	return false;
}

/** name_owner() - what the C library says of a lock somebody waits for */
static void name_owner(struct dlw_maker *maker, uint32_t resource, bool is_held)
{
	const struct dlw_resource_state *state = &maker->picture->resources[resource];
	bool shared = dlw_maker_is_shared(maker, resource);
	uint32_t tid = read_lock(maker, resource), owner;

	if (is_held || tid == 0 || (shared && is_any_foreign(maker->watch)))
		return;
	owner = dlw_thread_index_find(&maker->picture->tids, maker->picture,
				      shared ? DLW_NONE : state->process, tid);
	if (owner != DLW_NONE)
		dlw_maker_hold(maker, owner, resource, DLW_EXCLUSIVE, 1, (struct dlw_stack){ 0 });
}

/** has_owner() - the C library keeps the tid of who has such a lock exclusively */
static bool has_owner(enum dlw_kind kind)
{
	return kind == DLW_MUTEX || kind == DLW_RWLOCK;
}

/** name_once() - each lock is read once, however many wait for it */
static void name_once(struct dlw_maker *maker, bool *done, bool *is_held, uint32_t resource)
{
	if (resource == DLW_NONE || done[resource] ||
	    !has_owner(maker->picture->resources[resource].kind))
		return;
	done[resource] = true;
	name_owner(maker, resource, is_held[resource]);
}

bool dlw_maker_name_owners(struct dlw_maker *maker)
{
	struct dlw_picture *picture = maker->picture;
	bool *is_held = dlw_arena_array(&maker->watch->picture, bool, maker->resources + 1);
	bool *done = dlw_arena_array(&maker->watch->picture, bool, maker->resources + 1);
	uint32_t i;

	if (!is_held || !done)
		return false;
	mark_distrusted(maker);
	for (i = 0; i < maker->holds; i++)
		is_held[picture->holds[i].resource] = true;
	for (i = 0; i < maker->threads; i++) {
		if (picture->threads[i].life != DLW_WAITING)
			continue;
		name_once(maker, done, is_held, picture->threads[i].want.resource);
		name_once(maker, done, is_held, picture->threads[i].want.mutex);
	}
	return true;
}
