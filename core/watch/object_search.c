/*
 * core/watch/object_search.c - the sought ones sorted, and each object held against them
 */
#include "core/watch/object_search.h"

#include "core/search.h"
#include "core/sort.h"
#include "core/watch/records.h"

bool dlw_object_search_make(struct dlw_object_search *search, uint32_t most,
			    struct dlw_arena *arena)
{
	search->count = 0;
	search->all = dlw_arena_array(arena, struct dlw_sought_object, most);
	search->order = dlw_arena_array(arena, uint32_t, most);
	return search->all && search->order;
}

void dlw_object_search_add(struct dlw_object_search *search, uint32_t process, uint64_t address,
			   uint8_t kind)
{
	search->order[search->count] = search->count;
	search->all[search->count++] = (struct dlw_sought_object){
		.process = process,
		.address = address,
		.kind = kind,
	};
}

static int compare(const struct dlw_sought_object *a, const struct dlw_sought_object *b)
{
	if (a->process != b->process)
		return dlw_order(a->process, b->process);
	if (a->address != b->address)
		return dlw_order(a->address, b->address);
	return dlw_order(a->kind, b->kind);
}

static int compare_sought(const void *context, uint32_t left, uint32_t right)
{
	const struct dlw_sought_object *all = context;
	int order = compare(&all[left], &all[right]);

	return order ? order : dlw_order(left, right);
}

/** first_from() - place in .order of the first one that is not before @sought */
static uint32_t first_from(const struct dlw_object_search *search,
			   const struct dlw_sought_object *sought)
{
	return dlw_first(i, 0, search->count,
			 compare(&search->all[search->order[i]], sought) >= 0);
}

/** match() - an object of @process with all that is sought at its address */
static void match(struct dlw_object_search *search, uint32_t process,
		  const struct dlw_object *object)
{
	struct dlw_sought_object here = { .process = process, .address = object->address };
	uint32_t at;

	for (at = first_from(search, &here); at < search->count; at++) {
		struct dlw_sought_object *sought = &search->all[search->order[at]];

		if (sought->process != process || sought->address != here.address)
			return;
		if (!sought->object &&
		    (object->kind == sought->kind || object->kind == DLW_NO_KIND))
			sought->object = object;
	}
}

static void go_through(struct dlw_object_search *search, const struct dlw_watch *watch,
		       uint32_t process)
{
	const struct dlw_watched *watched = &watch->processes[process];
	uint32_t count = watched->segment->objects.count, i;

	for (i = 1; i <= count; i++) {
		const struct dlw_object *object = dlw_record_object(watched, i);

		if (object && !object->gone)
			match(search, process, object);
	}
}

void dlw_object_search_run(struct dlw_object_search *search, const struct dlw_watch *watch)
{
	uint32_t before = DLW_NONE, i;

	dlw_sort(search->order, search->count, compare_sought, search->all);
	for (i = 0; i < search->count; i++) {
		uint32_t process = search->all[search->order[i]].process;

		if (process != before && process < watch->process_count)
			go_through(search, watch, process);
		before = process;
	}
}

const struct dlw_object *dlw_object_search_find(const struct dlw_object_search *search,
						uint32_t process, uint64_t address, uint8_t kind)
{
	struct dlw_sought_object wanted = { .process = process, .address = address, .kind = kind };
	uint32_t at = first_from(search, &wanted);
	const struct dlw_sought_object *found;

	if (at == search->count)
		return NULL;
	found = &search->all[search->order[at]];
	return compare(found, &wanted) ? NULL : found->object;
}
