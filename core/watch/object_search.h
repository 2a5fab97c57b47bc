/*
 * core/watch/object_search.h - what processes know of the objects at some addresses
 *
 *	struct dlw_object_search search = { 0 };
 *
 *	if (!dlw_object_search_make(&search, most, arena))
 *		return;
 *	dlw_object_search_add(&search, process, address, kind);
 *	…
 *	dlw_object_search_run(&search, watch);
 *	object = dlw_object_search_find(&search, process, address, kind);
 *
 * Each process's objects are gone through once, however many are sought.
 */
#ifndef DLW_CORE_WATCH_OBJECT_SEARCH_H
#define DLW_CORE_WATCH_OBJECT_SEARCH_H

#include <stdbool.h>
#include <stdint.h>

#include "core/arena.h"
#include "core/watch/look.h"

struct dlw_sought_object {
	uint64_t address;
	uint32_t process; /* place in watch->processes */
	uint8_t kind;
	const struct dlw_object *object; /* the first one that fits; NULL */
};

struct dlw_object_search {
	struct dlw_sought_object *all;
	uint32_t *order; /* of them, by process, address and kind */
	uint32_t count;
};

/** dlw_object_search_make() - with room for @most; false: no memory */
bool dlw_object_search_make(struct dlw_object_search *search, uint32_t most,
			    struct dlw_arena *arena);

void dlw_object_search_add(struct dlw_object_search *search, uint32_t process, uint64_t address,
			   uint8_t kind);

void dlw_object_search_run(struct dlw_object_search *search, const struct dlw_watch *watch);

/** dlw_object_search_find() - NULL: its process knows nothing of it, or it was not sought */
const struct dlw_object *dlw_object_search_find(const struct dlw_object_search *search,
						uint32_t process, uint64_t address, uint8_t kind);

#endif
