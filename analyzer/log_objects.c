/*
 * log_objects.c - what a replay knows about each object, for as long as it is
 * in use
 */
#include "analyzer/log_objects.h"

#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "analyzer/log_memory.h"
#include "core/search.h"

struct dlw_guess {
	uint32_t id;
	struct dlw_replay_object *object;
	UT_hash_handle hh;
};

/** The object that lies at an address of the process now. */
struct dlw_inhabitant {
	uint64_t address;
	struct dlw_replay_object *object; /* NULL: forgotten */
	UT_hash_handle hh;
};

/** A process-shared object is known by what it is, never by its address. */
struct identity {
	uint64_t device, inode, offset;
};

struct dlw_shared {
	struct identity identity;
	struct dlw_replay_object *object; /* its latest life; NULL: none yet */
	uint64_t first_ticket; /* of the first one: smallest in all flight recorders; 0: in none */
	UT_hash_handle hh;
};

static struct dlw_replay_object *new_object(struct dlw_source *source, uint32_t position)
{
	struct dlw_replay *replay = source->replay;
	struct dlw_replay_object *object = replay->spare;

	if (object) {
		replay->spare = object->next_spare;
		*object = (struct dlw_replay_object){ 0 };
	} else {
		object = dlw_log_allocate(1, sizeof(*object));
	}
	object->source = source;
	object->position = position;
	object->number = ++replay->object_numbers;
	object->next_ticket = 1;
	return object;
}

static void free_object(struct dlw_replay_object *object)
{
	free(object->releasers);
	free(object);
}

/* ------------------------------------------------------------------- addresses */

static struct dlw_inhabitant *inhabitant_at(struct dlw_source *source, uint64_t address)
{
	struct dlw_inhabitant *inhabitant;

	HASH_FIND(hh, source->inhabitants, &address, sizeof(address), inhabitant);
	return inhabitant;
}

static void die(struct dlw_replay *replay, struct dlw_replay_object *object)
{
	object->dead = true;
	if (!object->references)
		dlw_object_forget(replay, object);
}

/*
 * Memory can be freed without a word to us; whatever lay where a new object
 * lies now is gone, and what is still held of it is held no more. Which one is
 * the newer the order of their definitions says.
 */
void dlw_object_move_in(struct dlw_replay_object *object)
{
	struct dlw_source *source = object->source;
	struct dlw_inhabitant *inhabitant;
	struct dlw_replay_object *before;

	object->moved_in = true;
	if (!object->defined.address || object->shared || object->guessed)
		return;
	inhabitant = inhabitant_at(source, object->defined.address);
	if (!inhabitant) {
		inhabitant = dlw_log_allocate(1, sizeof(*inhabitant));
		inhabitant->address = object->defined.address;
		HASH_ADD(hh, source->inhabitants, address, sizeof(inhabitant->address), inhabitant);
	}
	before = inhabitant->object;
	/* numbers tell who came later; places do not, each thread of a ring has its own */
	if (before && before != object && before->defined.id > object->defined.id) {
		object->dead = true;
		return;
	}
	inhabitant->object = object;
	if (before && before != object)
		die(source->replay, before);
}

static void move_out(struct dlw_replay_object *object)
{
	struct dlw_inhabitant *inhabitant = inhabitant_at(object->source, object->defined.address);

	if (inhabitant && inhabitant->object == object)
		inhabitant->object = NULL;
}

/** has_lives() - its number may stand for more than one, which follow one another */
static bool has_lives(const struct dlw_replay_object *object)
{
	return object->defined.renewed && !object->shared && !object->guessed;
}

/** leave_ticket() - for the life that follows */
static void leave_ticket(const struct dlw_replay_object *object)
{
	struct dlw_source *source = object->source;

	if (!has_lives(object) || source->objects[object->position] != object)
		return;
	if (!source->next_tickets)
		source->next_tickets = dlw_log_allocate(source->defined.object_count,
							sizeof(*source->next_tickets));
	source->next_tickets[object->position] = object->next_ticket;
}

void dlw_object_forget(struct dlw_replay *replay, struct dlw_replay_object *object)
{
	if (object->shared || object->guessed)
		return;
	if (replay->forget)
		replay->forget(replay->forget_context, object);
	move_out(object);
	free(object->releasers);
	object->releasers = NULL;
	leave_ticket(object);
	if (object->source->objects[object->position] == object)
		object->source->objects[object->position] = NULL;
	object->next_spare = replay->spare;
	replay->spare = object;
}

/* -------------------------------------------------------------------- guesses */

static void guess_kind(struct dlw_log_object *defined, const struct dlw_event *event)
{
	switch (event->type) {
	case DLW_EVENT_POSTED:
		defined->kind = DLW_SEMAPHORE;
		return;
	case DLW_EVENT_SIGNALLED:
	case DLW_EVENT_BROADCAST:
	case DLW_EVENT_WOKEN:
	case DLW_EVENT_CONDITION_WAIT:
		defined->kind = DLW_CONDITION;
		return;
	case DLW_EVENT_ARRIVED:
	case DLW_EVENT_LEFT:
		defined->kind = DLW_BARRIER;
		return;
	default:
		defined->kind = event->mode == 2 ? DLW_SEMAPHORE :
				event->mode == 1 ? DLW_RWLOCK :
						   DLW_MUTEX;
	}
}

static struct dlw_replay_object *guessed_object(struct dlw_source *source, uint32_t id,
						const struct dlw_event *event)
{
	struct dlw_guess *guess;

	HASH_FIND(hh, source->guesses, &id, sizeof(id), guess);
	if (guess)
		return guess->object;
	guess = dlw_log_allocate(1, sizeof(*guess));
	guess->id = id;
	guess->object = new_object(source, DLW_NO_POSITION);
	guess->object->guessed = true;
	guess->object->defined.id = id;
	guess->object->defined.name = "";
	guess_kind(&guess->object->defined, event);
	HASH_ADD(hh, source->guesses, id, sizeof(id), guess);
	source->loss.undefined_objects++;
	return guess->object;
}

/* --------------------------------------------------------------------- shared */

static struct dlw_shared *shared_of(struct dlw_replay *replay, const struct dlw_log_object *defined)
{
	struct identity identity = { defined->device, defined->inode, defined->offset };
	struct dlw_shared *shared;

	HASH_FIND(hh, replay->shared, &identity, sizeof(identity), shared);
	if (!shared) {
		shared = dlw_log_allocate(1, sizeof(*shared));
		shared->identity = identity;
		HASH_ADD(hh, replay->shared, identity, sizeof(identity), shared);
	}
	return shared;
}

static bool is_shared(const struct dlw_log_object *defined)
{
	return defined->device || defined->inode || defined->offset;
}

/** note_first_tickets() - of a flight recorder: it may have less of a shared object than another */
static void note_first_tickets(struct dlw_source *source)
{
	uint32_t position;

	for (position = 0; position < source->defined.object_count; position++) {
		struct dlw_log_object defined;
		struct dlw_shared *shared;

		dlw_log_object_at(&source->defined, position, &defined);
		if (!is_shared(&defined) || !defined.first_ticket)
			continue;
		shared = shared_of(source->replay, &defined);
		if (!shared->first_ticket || defined.first_ticket < shared->first_ticket)
			shared->first_ticket = defined.first_ticket;
	}
}

void dlw_objects_start(struct dlw_replay *replay)
{
	uint32_t at;

	for (at = 0; at < replay->source_count; at++)
		if (replay->sources[at]->defined.first_tickets)
			note_first_tickets(replay->sources[at]);
}

/*
 * The latest life of a shared object, unless this process has already spoken
 * of that one under another number, or it was destroyed: then it is a new one.
 */
static struct dlw_replay_object *shared_object(struct dlw_source *source, uint32_t position,
					       struct dlw_log_object *defined)
{
	struct dlw_shared *shared = shared_of(source->replay, defined);

	if (!shared->object && shared->first_ticket)
		defined->first_ticket = shared->first_ticket;
	if (!shared->object || shared->object->dead || shared->object->source == source) {
		shared->object = new_object(source, position);
		shared->object->shared = true;
	}
	return shared->object;
}

/** know_more() - another process speaks of a shared object: the one that initialised it knows most */
static void know_more(struct dlw_replay_object *object, struct dlw_source *source,
		      uint32_t position, const struct dlw_log_object *defined)
{
	if (defined->history > object->history)
		object->history = defined->history;
	if (object->defined.init_stack || !defined->init_stack)
		return;
	object->source = source;
	object->position = position;
	object->defined = *defined;
}

/** first_ticket() - the object's next operation has it, if none is missing */
static uint64_t first_ticket(const struct dlw_source *source, uint32_t position,
			     const struct dlw_log_object *defined)
{
	uint64_t left = source->next_tickets ? source->next_tickets[position] : 0;

	return left ? left : defined->first_ticket ? defined->first_ticket : 1;
}

static struct dlw_replay_object *first_use(struct dlw_source *source, uint32_t position)
{
	struct dlw_log_object defined;
	struct dlw_replay_object *object;

	dlw_log_object_at(&source->defined, position, &defined);
	if (is_shared(&defined))
		object = shared_object(source, position, &defined);
	else
		object = new_object(source, position);
	if (object->source == source && object->position == position) {
		object->defined = defined;
		object->history = defined.history;
		object->next_ticket = first_ticket(source, position, &defined);
	} else {
		know_more(object, source, position, &defined);
	}
	source->objects[position] = object;
	return object;
}

struct dlw_replay_object *dlw_source_object(struct dlw_source *source, uint32_t id,
					    const struct dlw_event *event)
{
	uint32_t position;

	if (!id)
		return NULL;
	position = dlw_log_index_find(&source->defined.object_index, id);
	if (position == DLW_NO_POSITION)
		return guessed_object(source, id, event);
	return source->objects[position] ? source->objects[position] :
					   first_use(source, position);
}

/* ---------------------------------------------------------------------- lives */

static void repoint(struct dlw_replay *replay, struct dlw_replay_object **to,
		    struct dlw_replay_object *from, struct dlw_replay_object *object)
{
	if (*to != from)
		return;
	*to = dlw_object_use(object);
	dlw_object_drop(replay, from);
}

/**
 * next_life() - of a dead one; whatever thread is about to speak of it, or waits
 * for it, means this one
 */
static struct dlw_replay_object *next_life(struct dlw_replay *replay,
					   struct dlw_replay_object *dead)
{
	struct dlw_replay_object *object, *kept = dlw_object_use(dead);
	uint32_t at;

	leave_ticket(dead);
	object = dlw_object_use(first_use(dead->source, dead->position));
	object->blocked = dead->blocked;
	dead->blocked = NULL;
	for (at = 0; at < replay->cursor_count; at++) {
		struct dlw_cursor *cursor = replay->cursors[at];

		if (cursor->blocked_on == dead)
			cursor->blocked_on = object;
		if (cursor != replay->current)
			repoint(replay, &cursor->head.object, dead, object);
		repoint(replay, &cursor->want.object, dead, object);
		repoint(replay, &cursor->polled.object, dead, object);
	}
	object->references--;
	dlw_object_drop(replay, kept);
	return object;
}

void dlw_object_renew_others(struct dlw_replay *replay, struct dlw_replay_object *object)
{
	/* one is the event's own */
	if (object->dead && has_lives(object) && object->references > 1)
		next_life(replay, object);
}

struct dlw_replay_object *dlw_object_after_gap(struct dlw_replay *replay,
					       struct dlw_replay_object *object)
{
	if (!has_lives(object) || object->holders || !object->moved_in)
		return object;
	object->dead = true;
	return next_life(replay, object);
}

/* ------------------------------------------------------------------ releasers */

struct dlw_past_releaser *dlw_object_add_releaser(struct dlw_replay_object *object,
						  struct dlw_cursor *thread, bool as_stranger)
{
	uint32_t at = dlw_first(i, 0, object->releaser_count,
				object->releasers[i].thread->number >= thread->number);

	if (at < object->releaser_count && object->releasers[at].thread == thread) {
		object->releasers[at].as_stranger |= as_stranger;
		return &object->releasers[at];
	}
	dlw_reserve(object->releasers, object->releaser_count, object->releaser_room);
	memmove(object->releasers + at + 1, object->releasers + at,
		(object->releaser_count - at) * sizeof(*object->releasers));
	object->releasers[at] = (struct dlw_past_releaser){ thread, as_stranger, false };
	object->releaser_count++;
	return &object->releasers[at];
}

/* ----------------------------------------------------------------------- free */

static void free_tables(struct dlw_source *source)
{
	struct dlw_inhabitant *inhabitant, *following;
	struct dlw_guess *guess, *next;

	HASH_ITER(hh, source->guesses, guess, next)
	{
		HASH_DEL(source->guesses, guess);
		free_object(guess->object);
		free(guess);
	}
	HASH_ITER(hh, source->inhabitants, inhabitant, following)
	{
		HASH_DEL(source->inhabitants, inhabitant);
		free(inhabitant);
	}
}

/** let_go_of_lives() - dead ones with another in their place are found by what points to them only */
static void let_go_of_lives(struct dlw_replay *replay)
{
	void (*forget)(void *, struct dlw_replay_object *) = replay->forget;
	uint32_t at;

	replay->forget = NULL;
	for (at = 0; at < replay->cursor_count; at++) {
		struct dlw_cursor *cursor = replay->cursors[at];

		while (cursor->hold_count)
			dlw_object_drop(replay, cursor->holds[--cursor->hold_count].object);
	}
	replay->forget = forget;
}

void dlw_objects_free(struct dlw_replay *replay)
{
	struct dlw_shared *shared, *next;
	struct dlw_replay_object *spare;
	uint32_t at, position;

	let_go_of_lives(replay);
	for (at = 0; at < replay->source_count; at++) {
		struct dlw_source *source = replay->sources[at];

		/* a shared object is freed where it was first seen */
		for (position = 0; position < source->defined.object_count; position++) {
			struct dlw_replay_object *object = source->objects[position];

			if (object && object->source == source && object->position == position)
				object->next_spare = replay->spare, replay->spare = object;
		}
		free_tables(source);
	}
	while ((spare = replay->spare)) {
		replay->spare = spare->next_spare;
		free_object(spare);
	}
	HASH_ITER(hh, replay->shared, shared, next)
	{
		HASH_DEL(replay->shared, shared);
		free(shared);
	}
}
