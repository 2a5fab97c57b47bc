/*
 * core/watch/retire.c - what is left of a process that is over
 *
 * Its private locks went with its memory. Shared ones it held are held for
 * ever, unless they are robust; and who waits for a post may still wait for
 * one that only it would have made: that it ever posted is remembered.
 */
#include <string.h>

#include "core/watch/look.h"
#include "core/watch/records.h"

static bool holds_shared(const struct dlw_watched *watched, const struct dlw_thread *record)
{
	uint32_t count = dlw_holding(record), i;
	const struct dlw_held *held = dlw_record_at(watched, record->holds, count * sizeof(*held));
	const struct dlw_permit *permit = dlw_record_at(
		watched, record->permits, record->permit_capacity * sizeof(*permit));

	for (i = 0; held && i < count; i++)
		if (dlw_shared_mapping(watched, held[i].address))
			return true;
	for (i = 0; permit && i < record->permit_capacity; i++)
		if (permit[i].held && dlw_shared_mapping(watched, permit[i].address))
			return true;
	return false;
}

bool dlw_leaves_behind(const struct dlw_watched *watched)
{
	const struct dlw_thread *record;

	if (!watched->mappings.count && !watched->segment->mappings.count)
		return false;
	for (record = dlw_record_first(watched); record; record = dlw_record_next(watched, record))
		if (record->life != DLW_RECORD_FREE && holds_shared(watched, record))
			return true;
	return false;
}

static bool same_post(const struct dlw_past_post *a, const struct dlw_past_post *b)
{
	return a->inode == b->inode && a->offset == b->offset && a->device == b->device &&
	       a->kind == b->kind;
}

static void remember_post(struct dlw_watch *watch, const struct dlw_past_post *post)
{
	struct dlw_past_post *all;
	uint32_t i;

	for (i = 0; i < watch->past_count; i++)
		if (same_post(&watch->past_posts[i], post))
			return;
	all = dlw_arena_room(&watch->memory, watch->past_posts, sizeof(*all), watch->past_count,
			     &watch->past_capacity, 16);
	if (!all)
		return;
	watch->past_posts = all;
	watch->past_posts[watch->past_count++] = *post;
}

/** remember_posts() - of shared objects that it posted or signalled */
static void remember_posts(struct dlw_watch *watch, const struct dlw_watched *watched)
{
	uint32_t i;

	if (!watched->mappings.count && !watched->segment->mappings.count)
		return;
	for (i = 1; i <= watched->segment->objects.count; i++) {
		const struct dlw_object *object = dlw_record_object(watched, i);
		const struct dlw_mapping *mapping;

		if (!object || object->gone || !object->posted_other)
			continue;
		mapping = dlw_shared_mapping(watched, object->address);
		if (mapping)
			remember_post(watch, &(struct dlw_past_post){
						     .device = mapping->device,
						     .inode = mapping->inode,
						     .offset = mapping->offset + object->address -
							       mapping->start,
						     .kind = object->kind,
					     });
	}
}

void dlw_watch_forget(struct dlw_watch *watch, struct dlw_watched *watched)
{
	remember_posts(watch, watched);
	watched->replaced = true;
}

bool dlw_watch_retire(struct dlw_watch *watch, struct dlw_watched *watched)
{
	dlw_watch_misuses_of(watch, watched);
	dlw_watch_inversions_of(watch, watched);
	dlw_survey_forget(&watch->survey, watched->segment->pid);
	watched->ended = true;
	if (dlw_leaves_behind(watched)) {
		/* whoever waits for that has not moved, but hopes in vain now */
		watch->unsettled = true;
		watch->settle_ns = 0;
		return false;
	}
	dlw_watch_forget(watch, watched);
	return true;
}
