/*
 * core/watch/picture_resources.c - one resource for one object, however many
 * processes have it, at whatever addresses
 *
 * Which memory is shared /proc tells, and what the shim noted where it met a
 * shared object. Both may be behind: a mapping can be replaced by another one.
 * So they serve to find suspects, and what a finding rests on is looked up
 * again (dlw_picture_is_same). Reading a process's mappings takes one part in
 * a hundred of our time at most.
 */
#include "core/watch/picture_maker.h"

#include "core/watch/procfs.h"

#define COST_SHARE 100

struct dlw_identity dlw_maker_identify(struct dlw_maker *maker, uint32_t process, uint8_t kind,
				       uint64_t address)
{
	const struct dlw_mapping *mapping = NULL;

	if (kind != DLW_THREAD)
		mapping = dlw_shared_mapping(&maker->watch->processes[process], address);
	if (!mapping)
		return (struct dlw_identity){ .place = address, .process = process, .kind = kind };
	return (struct dlw_identity){
		.device = mapping->device,
		.inode = mapping->inode,
		.place = mapping->offset + (address - mapping->start),
		.process = DLW_NONE,
		.kind = kind,
	};
}

static bool same_identity(const struct dlw_identity *a, const struct dlw_identity *b)
{
	return a->place == b->place && a->inode == b->inode && a->device == b->device &&
	       a->process == b->process && a->kind == b->kind;
}

static struct dlw_resource_entry *find_entry(struct dlw_maker *maker,
					     const struct dlw_identity *identity)
{
	uint64_t hash = (identity->place ^ identity->inode << 40 ^ identity->device << 20 ^
			 (uint64_t)identity->process << 48) *
			0x9e3779b97f4a7c15u;
	uint32_t at = (uint32_t)(hash >> 32) & maker->entry_mask;

	for (;; at = (at + 1) & maker->entry_mask) {
		struct dlw_resource_entry *entry = &maker->entries[at];

		if (!entry->resource || same_identity(&entry->identity, identity))
			return entry;
	}
}

/** add_alias() - a process has the shared resource, at this address */
static void add_alias(struct dlw_maker *maker, const struct dlw_identity *identity,
		      uint32_t resource, uint32_t process, uint64_t address)
{
	struct dlw_picture *picture = maker->picture;
	uint32_t *first = &picture->first_alias[resource];
	uint32_t at;

	for (at = *first; at; at = picture->aliases[at].next)
		if (picture->aliases[at].process == process &&
		    picture->aliases[at].address == address)
			return;
	if (maker->aliases == maker->alias_room)
		return;
	at = ++maker->aliases;
	picture->aliases[at] = (struct dlw_alias){
		.process = process,
		.next = *first,
		.address = address,
		.device = identity->device,
		.inode = identity->inode,
		.offset = identity->place,
	};
	*first = at;
}

/** meet() - @process has the shared resource, too; it stands for it if those before have ended */
static void meet(struct dlw_maker *maker, const struct dlw_identity *identity, uint32_t index,
		 uint32_t process, uint64_t address)
{
	struct dlw_resource_state *resource = &maker->picture->resources[index];

	add_alias(maker, identity, index, process, address);
	if (resource->process != process && maker->picture->processes[resource->process].ended &&
	    !maker->picture->processes[process].ended) {
		resource->process = process;
		resource->address = address;
	}
}

uint32_t dlw_maker_resource(struct dlw_maker *maker, uint32_t process, uint8_t kind,
			    uint64_t address, bool make)
{
	struct dlw_identity identity = dlw_maker_identify(maker, process, kind, address);
	struct dlw_resource_entry *entry = find_entry(maker, &identity);

	if (entry->resource) {
		if (identity.process == DLW_NONE)
			meet(maker, &identity, entry->resource - 1, process, address);
		return entry->resource - 1;
	}
	if (!make || maker->resources == maker->resource_room)
		return DLW_NONE;
	maker->picture->resources[maker->resources++] = (struct dlw_resource_state){
		.kind = kind,
		.process = process,
		.address = kind == DLW_THREAD ? 0 : address,
		.subject = DLW_NONE,
	};
	*entry = (struct dlw_resource_entry){ identity, maker->resources };
	if (identity.process == DLW_NONE)
		add_alias(maker, &identity, maker->resources - 1, process, address);
	return maker->resources - 1;
}

uint32_t dlw_maker_shared_resource(struct dlw_maker *maker, uint8_t kind, uint64_t device,
				   uint64_t inode, uint64_t offset)
{
	struct dlw_identity identity = { device, inode, offset, DLW_NONE, kind };

	return find_entry(maker, &identity)->resource - 1; /* 0 - 1 is DLW_NONE */
}

bool dlw_maker_is_shared(const struct dlw_maker *maker, uint32_t resource)
{
	return maker->picture->first_alias[resource] != 0;
}

void dlw_maker_renew_mappings(struct dlw_maker *maker)
{
	struct dlw_watch *watch = maker->watch;
	uint64_t now = dlw_record_now();
	uint32_t i;

	for (i = 0; i < watch->process_count; i++) {
		struct dlw_watched *watched = &watch->processes[i];
		struct dlw_mappings *mappings = &watched->mappings;

		if (watched->replaced || watched->ended || watched->foreign ||
		    mappings->read_ns > watched->lasting_since_ns)
			continue;
		if (now - mappings->read_ns < COST_SHARE * mappings->cost_ns)
			watch->unsettled = true;
		else
			dlw_mappings_read(mappings, watched->task, &watch->memory);
	}
}

/* ------------------------------------------------------------- for a made picture */

bool dlw_picture_read(const struct dlw_watch *watch, const struct dlw_picture *picture,
		      uint32_t resource, void *buffer, uint64_t size)
{
	const struct dlw_resource_state *state = &picture->resources[resource];
	uint32_t at;

	if (!picture->processes[state->process].ended &&
	    dlw_read_memory(watch->processes[state->process].task, state->address, buffer, size))
		return true;
	for (at = picture->first_alias[resource]; at; at = picture->aliases[at].next) {
		const struct dlw_alias *alias = &picture->aliases[at];

		if (!picture->processes[alias->process].ended &&
		    dlw_read_memory(watch->processes[alias->process].task, alias->address, buffer,
				    size))
			return true;
	}
	return false;
}

/** read_again() - once while a picture is confirmed; false: they cannot be read */
static bool read_again(struct dlw_watch *watch, struct dlw_watched *watched)
{
	struct dlw_mappings *mappings = &watched->mappings;

	if (mappings->look != watch->looks &&
	    dlw_mappings_read(mappings, watched->task, &watch->memory))
		mappings->look = watch->looks;
	return mappings->look == watch->looks;
}

static bool is_alias_same(const struct dlw_watched *watched, const struct dlw_alias *alias)
{
	const struct dlw_mapping *mapping = dlw_mappings_find(&watched->mappings, alias->address);

	return mapping && mapping->inode == alias->inode && mapping->device == alias->device &&
	       mapping->offset + (alias->address - mapping->start) == alias->offset;
}

bool dlw_picture_is_same(struct dlw_watch *watch, const struct dlw_picture *picture,
			 uint32_t resource)
{
	bool same = true;
	uint32_t at;

	/* all of them, even if one is not: the next picture then takes each for what it is */
	for (at = picture->first_alias[resource]; at; at = picture->aliases[at].next) {
		const struct dlw_alias *alias = &picture->aliases[at];
		struct dlw_watched *watched = &watch->processes[alias->process];

		if (picture->processes[alias->process].ended ||
		    (read_again(watch, watched) && is_alias_same(watched, alias)))
			continue;
		watched->mappings.alone = true;
		same = false;
	}
	return same;
}
