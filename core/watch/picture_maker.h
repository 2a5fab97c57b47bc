/*
 * core/watch/picture_maker.h - a picture while it is being made
 *
 * For the picture_*.c files alone. To add what a thread waits for or holds:
 *
 *	resource = dlw_maker_resource(maker, process, kind, address, true);
 *	dlw_maker_hold(maker, thread, resource, mode, count, stack);
 *	dlw_maker_releaser(maker, thread, resource, provenance);
 *
 * All tables were given their room before (dlw_picture_make); what no longer
 * fits, because the program went on meanwhile, waits for the next look.
 */
#ifndef DLW_CORE_WATCH_PICTURE_MAKER_H
#define DLW_CORE_WATCH_PICTURE_MAKER_H

#include "core/watch/picture.h"
#include "core/watch/records.h"

/** What a resource is: an object in shared memory, or something of one process. */
struct dlw_identity {
	uint64_t device, inode; /* 0, 0: private */
	uint64_t place;         /* offset in the file, or address */
	uint32_t process;       /* DLW_NONE where shared */
	uint8_t kind;
};

/** Identity → index of the resource. */
struct dlw_resource_entry {
	struct dlw_identity identity;
	uint32_t resource; /* index + 1; 0: free */
};

struct dlw_maker {
	struct dlw_watch *watch;
	struct dlw_picture *picture;
	struct dlw_resource_entry *entries;
	uint32_t entry_mask;
	bool shared_consumables; /* the histories of some have to be put together */
	uint32_t thread_room, resource_room, hold_room, releaser_room, alias_room;
	uint32_t threads, resources, holds, releasers, aliases;
};

/* ------------------------------------------------------------- picture_resources.c */

/** dlw_maker_identify() - what lies at @address of @process */
struct dlw_identity dlw_maker_identify(struct dlw_maker *maker, uint32_t process, uint8_t kind,
				       uint64_t address);

/** dlw_maker_resource() - its index; DLW_NONE: not there, and @make is false or no room */
uint32_t dlw_maker_resource(struct dlw_maker *maker, uint32_t process, uint8_t kind,
			    uint64_t address, bool make);

/** dlw_maker_shared_resource() - the resource there, if the picture has one; DLW_NONE */
uint32_t dlw_maker_shared_resource(struct dlw_maker *maker, uint8_t kind, uint64_t device,
				   uint64_t inode, uint64_t offset);

/** dlw_maker_is_shared() - @resource lies in memory that several processes can have */
bool dlw_maker_is_shared(const struct dlw_maker *maker, uint32_t resource);

/** dlw_maker_renew_mappings() - of the processes where a wait has lasted since they were read */
void dlw_maker_renew_mappings(struct dlw_maker *maker);

/* ----------------------------------------------------------------------- picture.c */

void dlw_maker_hold(struct dlw_maker *maker, uint32_t thread, uint32_t resource, uint8_t mode,
		    uint32_t count, struct dlw_stack stack);
void dlw_maker_releaser(struct dlw_maker *maker, uint32_t thread, uint32_t resource,
			enum dlw_provenance provenance);

/* ----------------------------------------------------------- picture_consumables.c */

/** dlw_maker_consumable() - what object number @object knows of its history */
void dlw_maker_consumable(struct dlw_maker *maker, uint32_t process, uint32_t object,
			  uint32_t resource);

/** dlw_maker_permits() - the permits that a thread holds */
void dlw_maker_permits(struct dlw_maker *maker, uint32_t thread);

/** dlw_maker_settle_histories() - what all processes know of shared objects, and all releasers */
void dlw_maker_settle_histories(struct dlw_maker *maker);

/* ---------------------------------------------------------------- picture_owners.c */

/** dlw_maker_settle_joins() - a join waits for a thread, which its pthread_t names */
bool dlw_maker_settle_joins(struct dlw_maker *maker);

/** dlw_maker_name_owners() - mutexes held by nobody we saw: the C library may know who has them */
bool dlw_maker_name_owners(struct dlw_maker *maker);

#endif
