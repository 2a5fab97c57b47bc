/*
 * log_definitions.c - what a process's log says its events refer to
 *
 * The records of all blocks, in the order of the file; a flight recorder's blocks
 * have some among their events, too. What is defined is found by its id.
 */
#include "analyzer/log_definitions.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/log_memory.h"
#include "analyzer/log_records.h"
#include "core/search.h"

/* ------------------------------------------------------------- a flight recorder's */

/** A walk over the events of a block, for what they define and refer to. */
struct walk {
	const struct dlw_log_block *block;
	uint32_t at; /* bytes; behind the event */
	uint64_t ticks;
	struct dlw_event event;
	struct dlw_recents recents;
};

static struct walk begin_walk(const struct dlw_log_file *file, const struct dlw_log_block *block)
{
	struct walk walk = { .block = block, .ticks = block->ticks };

	dlw_recents_begin(&walk.recents, file->header.major);
	return walk;
}

/** step() - the next event; false: no more that make sense */
static bool step(struct walk *walk)
{
	uint32_t left = walk->block->length - walk->at, units[DLW_EVENT_UNITS_MAX];
	unsigned used;

	if (!left)
		return false;
	memcpy(units, walk->block->payload + walk->at, left < sizeof(units) ? left : sizeof(units));
	if ((units[0] & 31) == DLW_EVENT_DEFINITION) { /* longer than what was copied */
		walk->event = (struct dlw_event){ .type = DLW_EVENT_DEFINITION,
						  .argument = units[0] >> 5 };
		used = 1 + (unsigned)walk->event.argument;
		if (used > left / 4)
			return false;
	} else {
		used = dlw_event_get(units, (left < sizeof(units) ? left : sizeof(units)) / 4,
				     &walk->ticks, &walk->event, &walk->recents);
	}
	walk->at += used * 4;
	return used != 0;
}

/** read_inside() - the definitions among the events of a block */
static void read_inside(struct dlw_log_definitions *defined, const struct dlw_log_file *file,
			const struct dlw_log_block *block)
{
	struct walk walk = begin_walk(file, block);

	while (step(&walk)) {
		uint32_t size = (uint32_t)walk.event.argument * 4;

		if (walk.event.type == DLW_EVENT_DEFINITION &&
		    !dlw_log_records_read(defined, block->payload + walk.at - size, size))
			return;
	}
}

static void note_ticket(struct dlw_log_definitions *defined, const struct dlw_event *event)
{
	/* what is held was taken before: the next operation is the first one here */
	uint64_t ticket = event->ticket + (event->type == DLW_EVENT_HELD);
	uint32_t position = dlw_log_index_find(&defined->object_index, event->object);

	if (position == DLW_NO_POSITION || !event->ticket)
		return;
	if (!defined->first_tickets[position] || ticket < defined->first_tickets[position])
		defined->first_tickets[position] = ticket;
}

/** find_first_tickets() - what came before was overwritten: where each object begins */
static void find_first_tickets(struct dlw_log_definitions *defined, const struct dlw_log_file *file)
{
	size_t at;

	defined->first_tickets =
		dlw_log_allocate(defined->object_count, sizeof(*defined->first_tickets));
	for (at = 0; at < file->block_count; at++) {
		struct walk walk = begin_walk(file, &file->blocks[at]);

		if (file->blocks[at].type != DLW_BLOCK_EVENTS)
			continue;
		while (step(&walk))
			note_ticket(defined, &walk.event);
	}
}

/* ------------------------------------------------------------------- indexes */

static uint32_t id_of_object(const uint8_t *record)
{
	uint32_t id;

	memcpy(&id, record + offsetof(struct dlw_record_object, id), sizeof(id));
	return id;
}

static uint32_t id_of_stack(const uint8_t *record)
{
	uint32_t id;

	memcpy(&id, record + offsetof(struct dlw_record_stack, id), sizeof(id));
	return id;
}

static void index_records(struct dlw_log_index *index, const uint8_t *const *records,
			  uint32_t count, uint32_t (*id_of)(const uint8_t *))
{
	uint32_t *ids = dlw_log_allocate(count, sizeof(*ids)), at;

	for (at = 0; at < count; at++)
		ids[at] = id_of(records[at]);
	dlw_log_index_build(index, ids, count);
	free(ids);
}

static void index_threads(struct dlw_log_definitions *defined)
{
	uint32_t *ids = dlw_log_allocate(defined->thread_count, sizeof(*ids)), at;

	for (at = 0; at < defined->thread_count; at++)
		ids[at] = defined->threads[at].serial;
	dlw_log_index_build(&defined->thread_index, ids, defined->thread_count);
	free(ids);
}

/** keep_last_objects() - each block defines what it refers to: of each id one is enough */
static void keep_last_objects(struct dlw_log_definitions *defined)
{
	struct dlw_log_index index;
	uint32_t at, kept = 0;

	index_records(&index, defined->objects, defined->object_count, id_of_object);
	for (at = 0; at < defined->object_count; at++)
		if (dlw_log_index_find(&index, id_of_object(defined->objects[at])) == at)
			defined->objects[kept++] = defined->objects[at];
	defined->object_count = kept;
	dlw_log_index_free(&index);
}

static void keep_last_threads(struct dlw_log_definitions *defined)
{
	uint32_t at, kept = 0;

	index_threads(defined);
	for (at = 0; at < defined->thread_count; at++)
		if (dlw_log_index_find(&defined->thread_index, defined->threads[at].serial) == at)
			defined->threads[kept++] = defined->threads[at];
	defined->thread_count = kept;
	dlw_log_index_free(&defined->thread_index);
}

static void read_ring(struct dlw_log_definitions *defined, const struct dlw_log_file *file)
{
	bool end_known = defined->end_known; /* what is defined inside is not later than the end */
	size_t at;

	for (at = 0; at < file->block_count; at++)
		if (file->blocks[at].type == DLW_BLOCK_EVENTS)
			read_inside(defined, file, &file->blocks[at]);
	defined->end_known = end_known;
	keep_last_threads(defined);
	keep_last_objects(defined);
}

static int by_order(const void *left, const void *right)
{
	const struct dlw_log_order_count *a = left, *b = right;

	return a->order < b->order ? -1 : a->order > b->order;
}

/* Of one id the last name comes first, so that it is the one that is found. */
static int by_id_then_latest(const void *left, const void *right)
{
	const struct dlw_log_name *a = left, *b = right;

	if (a->id != b->id)
		return a->id < b->id ? -1 : 1;
	return a->text > b->text ? -1 : a->text < b->text;
}

void dlw_log_definitions_read(struct dlw_log_definitions *defined, const struct dlw_log_file *file)
{
	size_t at;

	*defined = (struct dlw_log_definitions){
		.pid = file->header.pid,
		.parent_pid = file->header.parent_pid,
		.exe = "",
		.look.open_reason = "",
	};
	for (at = 0; at < file->block_count; at++)
		if (file->blocks[at].type == DLW_BLOCK_DEFINITIONS)
			dlw_log_records_read(defined, file->blocks[at].payload, file->blocks[at].length);
	if (defined->recording == DLW_RECORDING_RING)
		read_ring(defined, file);
	index_threads(defined);
	index_records(&defined->object_index, defined->objects, defined->object_count,
		      id_of_object);
	if (defined->recording == DLW_RECORDING_RING)
		find_first_tickets(defined, file);
	index_records(&defined->stack_index, defined->stacks, defined->stack_count, id_of_stack);
	if (defined->order_count)
		qsort(defined->order_counts, defined->order_count, sizeof(*defined->order_counts),
		      by_order);
	if (defined->name_count)
		qsort(defined->names, defined->name_count, sizeof(*defined->names),
		      by_id_then_latest);
	if (defined->class_count)
		qsort(defined->classes, defined->class_count, sizeof(*defined->classes),
		      by_id_then_latest);
}

void dlw_log_definitions_free(struct dlw_log_definitions *defined)
{
	free(defined->args);
	free(defined->modules);
	free(defined->threads);
	free(defined->objects);
	free(defined->misuses);
	free(defined->names);
	free(defined->classes);
	free(defined->stacks);
	free(defined->pythons);
	free(defined->findings);
	free(defined->order_counts);
	free(defined->first_tickets);
	dlw_log_index_free(&defined->thread_index);
	dlw_log_index_free(&defined->object_index);
	dlw_log_index_free(&defined->stack_index);
	*defined = (struct dlw_log_definitions){ 0 };
}

/* ------------------------------------------------------------------- lookups */

const struct dlw_log_thread *dlw_log_defined_thread(const struct dlw_log_definitions *defined,
					    uint32_t serial)
{
	uint32_t position = dlw_log_index_find(&defined->thread_index, serial);

	return position == DLW_NO_POSITION ? NULL : &defined->threads[position];
}

uint32_t dlw_log_module_after(const struct dlw_log_definitions *defined, uint64_t address)
{
	return dlw_first(i, 0, defined->module_count, defined->modules[i].end > address);
}

const struct dlw_module *dlw_log_module(const struct dlw_log_definitions *defined,
					uint64_t address)
{
	uint32_t at = dlw_log_module_after(defined, address);

	if (at < defined->module_count && defined->modules[at].start <= address)
		return &defined->modules[at];
	return NULL;
}

uint64_t dlw_log_order_times(const struct dlw_log_definitions *defined, uint64_t number)
{
	uint32_t at = dlw_first(i, 0, defined->order_count,
				defined->order_counts[i].order >= number);

	return at < defined->order_count && defined->order_counts[at].order == number ?
		       defined->order_counts[at].times :
		       1;
}

/** given_to() - the latest of sorted @names for object @id, or NULL */
static const struct dlw_log_name *given_to(const struct dlw_log_name *names, uint32_t count,
					   uint32_t id)
{
	uint32_t at = dlw_first(i, 0, count, names[i].id >= id);

	return at < count && names[at].id == id ? &names[at] : NULL;
}

void dlw_log_object_at(const struct dlw_log_definitions *defined, uint32_t position,
		       struct dlw_log_object *object)
{
	struct dlw_record_object from;
	const char *name = dlw_log_record_object(defined->objects[position], &from);
	const struct dlw_log_name *given, *class;

	given = given_to(defined->names, defined->name_count, from.id);
	class = given_to(defined->classes, defined->class_count, from.id);
	if (given)
		name = given->text;
	*object = (struct dlw_log_object){
		.id = from.id,
		.kind = (enum dlw_kind)from.kind,
		.type = (enum dlw_type)from.type,
		.traits = from.traits & ~(uint32_t)DLW_TRAIT_RENEWED,
		.renewed = from.traits & DLW_TRAIT_RENEWED,
		.address = from.address,
		.init_stack = from.init_stack,
		.initial = from.initial,
		.initial_known = from.initial_known != 0,
		.device = from.device,
		.history = (enum dlw_history)(from.history <= DLW_SIGNAL_LIKE ? from.history : 0),
		.first_ticket = defined->first_tickets ? defined->first_tickets[position] : 0,
		.inode = from.inode,
		.offset = from.offset,
		.name = name ? name : "",
		.class_name = class ? class->text : "",
		.rank = class ? class->rank : 0,
	};
}

uint32_t dlw_log_defined_stack(const struct dlw_log_definitions *defined, uint32_t id, uint64_t *frames,
		       uint32_t room)
{
	uint32_t position = dlw_log_index_find(&defined->stack_index, id);
	struct dlw_record_stack from;

	if (position == DLW_NO_POSITION)
		return 0;
	memcpy(&from, defined->stacks[position], sizeof(from));
	if (room)
		memcpy(frames, defined->stacks[position] + sizeof(from),
		       (from.depth < room ? from.depth : room) * sizeof(*frames));
	return from.depth;
}
