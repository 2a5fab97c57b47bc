/*
 * core/watch/picture_consumables.c - who posts, who signals, who has permits
 *
 * What is known of the past of a semaphore, condition or barrier lies in the
 * objects of the processes that use it. Of a shared one each process knows its own part:
 * the parts are put together.
 */
#include "core/watch/picture_maker.h"

static bool is_consumable(uint8_t kind)
{
	return kind == DLW_SEMAPHORE || kind == DLW_CONDITION || kind == DLW_BARRIER;
}

/** learn() - what one process knows; parts add up */
static void learn(const struct dlw_watched *watched, const struct dlw_object *object,
		  struct dlw_resource_state *resource)
{
	if (object->type)
		resource->type = object->type;
	resource->traits |= object->traits;
	if (object->initial_known) {
		resource->initial = object->initial;
		resource->initial_known = true;
	}
	if (object->posted_other)
		resource->history = DLW_SIGNAL_LIKE;
	else if (object->posted_own && resource->history == DLW_NO_POST_YET)
		resource->history = DLW_LOCK_LIKE;
	/* posters not accounted for yet; what was lost never will be */
	resource->arrived += object->posters;
	resource->arrived += watched->segment->coverage[DLW_LOST_SIGNAL_OPS] > 0;
}

/** know_nothing() - anybody may have posted, and may post */
static void know_nothing(struct dlw_resource_state *resource)
{
	resource->history = DLW_SIGNAL_LIKE;
	resource->arrived++;
}

void dlw_maker_consumable(struct dlw_maker *maker, uint32_t process, uint32_t object_index,
			  uint32_t index)
{
	const struct dlw_watched *watched = &maker->watch->processes[process];
	const struct dlw_object *object = dlw_record_object(watched, object_index);
	struct dlw_resource_state *resource = &maker->picture->resources[index];

	if (dlw_maker_is_shared(maker, index)) {
		maker->shared_consumables = true; /* learnt from all, later */
		return;
	}
	resource->history = DLW_NO_POST_YET;
	resource->arrived = 0;
	if (object)
		learn(watched, object, resource);
	else
		know_nothing(resource);
}

/* --------------------------------------------------------------------------- permits */

static const struct dlw_permit *permits_of(const struct dlw_watched *watched,
					   const struct dlw_thread *record)
{
	return dlw_record_at(watched, record->permits,
			     record->permit_capacity * sizeof(struct dlw_permit));
}

/** current_object() - what the entry speaks of, NULL: nothing any more */
static const struct dlw_object *current_object(const struct dlw_watched *watched,
					       const struct dlw_permit *permit)
{
	const struct dlw_object *object = dlw_record_object(watched, permit->object);

	return object && object->life == permit->life && !object->gone ? object : NULL;
}

void dlw_maker_permits(struct dlw_maker *maker, uint32_t thread)
{
	uint32_t process = maker->picture->threads[thread].process, i;
	const struct dlw_watched *watched = &maker->watch->processes[process];
	const struct dlw_thread *record = maker->picture->sources[thread].record;
	const struct dlw_permit *permit = permits_of(watched, record);

	for (i = 0; permit && i < record->permit_capacity; i++, permit++) {
		const struct dlw_object *object =
			permit->held ? current_object(watched, permit) : NULL;
		uint32_t resource;

		/* what a stranger may post is an event that was used up, not something held */
		if (!object || object->posted_other)
			continue;
		if (maker->picture->processes[process].ended &&
		    dlw_maker_identify(maker, process, DLW_SEMAPHORE, permit->address).process !=
			    DLW_NONE)
			continue;
		resource = dlw_maker_resource(maker, process, DLW_SEMAPHORE, permit->address, true);
		if (resource == DLW_NONE)
			continue;
		dlw_maker_consumable(maker, process, permit->object, resource);
		dlw_maker_hold(maker, thread, resource, DLW_PERMIT, permit->held,
			       dlw_record_stack(watched, permit->stack));
	}
}

/* ------------------------------------------------------------------------- releasers */

/** add_posters() - a thread as a releaser of what it has posted or signalled */
static void add_posters(struct dlw_maker *maker, uint32_t thread)
{
	struct dlw_picture *picture = maker->picture;
	uint32_t process = picture->threads[thread].process, i;
	const struct dlw_watched *watched = &maker->watch->processes[process];
	const struct dlw_thread *record = picture->sources[thread].record;
	const struct dlw_permit *permit = permits_of(watched, record);

	for (i = 0; permit && i < record->permit_capacity; i++, permit++) {
		const struct dlw_object *object;
		uint32_t resource;

		/* a poster; one that gave back its own permits only while it has one */
		if (!(permit->posted_other || (permit->posted_own && permit->held) ||
		      permit->announced))
			continue;
		object = current_object(watched, permit);
		resource = object ? dlw_maker_resource(maker, process, object->kind,
						       permit->address, false)
				  : DLW_NONE;
		if (resource == DLW_NONE)
			continue;
		dlw_maker_releaser(maker, thread, resource,
				   permit->announced ? DLW_ANNOTATED : DLW_SEEN_BEFORE);
		if (permit->posted_other && picture->resources[resource].arrived)
			picture->resources[resource].arrived--;
	}
}

/* ------------------------------------------------------------------------- histories */

/** learn_from() - what @process knows of the shared ones in the picture */
static void learn_from(struct dlw_maker *maker, uint32_t process, bool *known)
{
	const struct dlw_watched *watched = &maker->watch->processes[process];
	uint32_t i;

	for (i = 1; i <= watched->segment->objects.count; i++) {
		const struct dlw_object *object = dlw_record_object(watched, i);
		uint32_t resource;

		if (!object || object->gone || !is_consumable(object->kind))
			continue;
		resource = dlw_maker_resource(maker, process, object->kind, object->address, false);
		if (resource == DLW_NONE || !dlw_maker_is_shared(maker, resource))
			continue;
		learn(watched, object, &maker->picture->resources[resource]);
		known[resource] = true;
	}
}

/** drop_used_up() - permits of a semaphore that turns out to be a signal are held by nobody */
static void drop_used_up(struct dlw_maker *maker)
{
	struct dlw_picture *picture = maker->picture;
	uint32_t i = 0;

	while (i < maker->holds) {
		const struct dlw_hold *hold = &picture->holds[i];

		if (hold->mode == DLW_PERMIT &&
		    picture->resources[hold->resource].history == DLW_SIGNAL_LIKE)
			picture->holds[i] = picture->holds[--maker->holds];
		else
			i++;
	}
}

/** learn_from_past() - processes that are gone from view have posted, too */
static void learn_from_past(struct dlw_maker *maker)
{
	const struct dlw_watch *watch = maker->watch;
	uint32_t i, resource;

	for (i = 0; i < watch->past_count; i++) {
		const struct dlw_past_post *post = &watch->past_posts[i];

		resource = dlw_maker_shared_resource(maker, post->kind, post->device, post->inode,
						     post->offset);
		if (resource != DLW_NONE)
			know_nothing(&maker->picture->resources[resource]);
	}
}

static void learn_shared(struct dlw_maker *maker)
{
	bool *known = dlw_arena_array(&maker->watch->picture, bool, maker->resources + 1);
	struct dlw_resource_state *resources = maker->picture->resources;
	uint32_t i;

	for (i = 0; known && i < maker->watch->process_count; i++)
		if (!maker->watch->processes[i].replaced)
			learn_from(maker, i, known);
	for (i = 0; i < maker->resources; i++) {
		if (!is_consumable(resources[i].kind) || !dlw_maker_is_shared(maker, i))
			continue;
		resources[i].traits |= DLW_TRAIT_SHARED; /* whoever made it may not have been seen */
		if (!(known && known[i]))
			know_nothing(&resources[i]);
	}
	learn_from_past(maker);
	drop_used_up(maker);
}

void dlw_maker_settle_histories(struct dlw_maker *maker)
{
	uint32_t i;

	if (maker->shared_consumables)
		learn_shared(maker);
	for (i = 0; i < maker->threads; i++)
		add_posters(maker, i);
	for (i = 0; i < maker->resources; i++) {
		struct dlw_resource_state *resource = &maker->picture->resources[i];

		if (!is_consumable(resource->kind))
			continue;
		resource->ever_posted_by_vanished = resource->arrived > 0;
		resource->arrived = 0;
	}
}
