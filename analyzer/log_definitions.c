/*
 * log_definitions.c - what a process's log says its events refer to
 *
 * Records lie in the file aligned to nothing, and any byte of them may be
 * wrong: fixed parts are copied out, strings are used only if they end inside
 * their record.
 */
#include "analyzer/log_definitions.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/log_memory.h"

/** A record being read: its bytes, header included. */
struct span {
	const uint8_t *bytes;
	uint32_t size;
};

/** fixed_part() - copy the first @size bytes of the record; false if it has fewer */
static bool fixed_part(struct span record, void *to, size_t size)
{
	if (record.size < size)
		return false;
	memcpy(to, record.bytes, size);
	return true;
}

/** text_at() - the string at @offset, *@next behind it; NULL if it does not end in the record */
static const char *text_at(struct span record, uint32_t offset, uint32_t *next)
{
	const uint8_t *end;

	if (offset >= record.size)
		return NULL;
	end = memchr(record.bytes + offset, 0, record.size - offset);
	if (!end)
		return NULL;
	if (next)
		*next = (uint32_t)(end - record.bytes) + 1;
	return (const char *)record.bytes + offset;
}

static bool read_process(struct dlw_log_definitions *defined, struct span record)
{
	struct dlw_record_process process;
	uint32_t at = sizeof(process), count;
	const char *text;

	if (!fixed_part(record, &process, sizeof(process)))
		return false;
	text = text_at(record, at, &at);
	if (!text)
		return false;
	defined->process_known = true;
	defined->pid = process.pid;
	defined->parent_pid = process.parent_pid;
	defined->exe = text;
	free(defined->args);
	/* every argument takes a byte at least: a larger count is a wrong one */
	count = process.arg_count < record.size ? process.arg_count : record.size;
	defined->args = dlw_log_allocate(count, sizeof(*defined->args));
	defined->arg_count = 0;
	while (defined->arg_count < count && (text = text_at(record, at, &at)))
		defined->args[defined->arg_count++] = text;
	return true;
}

/* ----------------------------------------------------------------- modules */

/** first_module_after() - position of the first module that ends behind @address */
static uint32_t first_module_after(const struct dlw_log_definitions *defined, uint64_t address)
{
	uint32_t low = 0, high = defined->module_count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (defined->modules[middle].end <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool is_build_id(const char *text)
{
	return text && *text && text[strspn(text, "0123456789abcdef")] == '\0';
}

/*
 * A module stays after it was unloaded, because stacks taken in it are still
 * referred to, until another one is mapped over its place.
 */
static bool read_module(struct dlw_log_definitions *defined, struct span record)
{
	struct dlw_record_module module;
	uint32_t at = sizeof(module), first, last;
	const char *path, *build_id;

	if (!fixed_part(record, &module, sizeof(module)) || module.start >= module.end)
		return false;
	path = text_at(record, at, &at);
	if (!path)
		return false;
	build_id = text_at(record, at, NULL);
	first = last = first_module_after(defined, module.start);
	while (last < defined->module_count && defined->modules[last].start < module.end)
		last++;
	/* room for one more is enough: doubling is not worth its bookkeeping here */
	defined->modules = dlw_log_reallocate(defined->modules, defined->module_count + 1,
					  sizeof(*defined->modules));
	memmove(defined->modules + first + 1, defined->modules + last,
		(defined->module_count - last) * sizeof(*defined->modules));
	defined->module_count = defined->module_count - (last - first) + 1;
	defined->modules[first] = (struct dlw_module){
		.start = module.start,
		.end = module.end,
		.bias = module.bias,
		.path = path,
		.build_id = is_build_id(build_id) ? build_id : NULL,
	};
	return true;
}

/* ----------------------------------------------------------------- threads */

static bool read_thread(struct dlw_log_definitions *defined, struct span record)
{
	struct dlw_record_thread from;
	struct dlw_log_thread *thread;

	if (!fixed_part(record, &from, sizeof(from)) || !from.serial)
		return false;
	dlw_reserve(defined->threads, defined->thread_count, defined->thread_room);
	thread = &defined->threads[defined->thread_count++];
	*thread = (struct dlw_log_thread){
		.serial = from.serial,
		.tid = from.tid,
		.creator = from.creator,
		.created_stack = from.created_stack,
		.detached = from.detached != 0,
	};
	memcpy(thread->name, from.name, sizeof(from.name));
	return true;
}

static bool read_thread_name(struct dlw_log_definitions *defined, struct span record)
{
	struct dlw_record_thread_name from;
	uint32_t at;

	if (!fixed_part(record, &from, sizeof(from)))
		return false;
	/* names are given soon after the start: looking from the end finds it at once */
	for (at = defined->thread_count; at-- > 0;) {
		if (defined->threads[at].serial != from.serial)
			continue;
		memset(defined->threads[at].name, 0, sizeof(defined->threads[at].name));
		memcpy(defined->threads[at].name, from.name, sizeof(from.name));
		return true;
	}
	return true; /* its thread was lost with a damaged block */
}

/* --------------------------------------------------- objects, stacks, the rest */

/** object_part() - the fixed part of an object's record, which may end early; false: too early */
static bool object_part(struct span record, struct dlw_record_object *from)
{
	memset(from, 0, sizeof(*from));
	return fixed_part(record, from,
			  record.size < sizeof(*from) ? DLW_RECORD_OBJECT_SHORT : sizeof(*from));
}

static bool read_object(struct dlw_log_definitions *defined, struct span record)
{
	struct dlw_record_object from;

	if (!object_part(record, &from) || !from.id ||
	    from.kind >= DLW_KIND_COUNT || from.type >= DLW_TYPE_COUNT)
		return false;
	dlw_reserve(defined->objects, defined->object_count, defined->object_room);
	defined->objects[defined->object_count++] = record.bytes;
	return true;
}

static bool read_object_name(struct dlw_log_definitions *defined, struct span record)
{
	struct dlw_record_object_name from;
	const char *text;

	if (!fixed_part(record, &from, sizeof(from)))
		return false;
	text = text_at(record, sizeof(from), NULL);
	if (!text)
		return false;
	dlw_reserve(defined->names, defined->name_count, defined->name_room);
	defined->names[defined->name_count++] = (struct dlw_log_name){ from.id, text, 0 };
	return true;
}

static bool read_object_class(struct dlw_log_definitions *defined, struct span record)
{
	struct dlw_record_object_class from;
	const char *text;

	if (!fixed_part(record, &from, sizeof(from)))
		return false;
	text = text_at(record, sizeof(from), NULL);
	if (!text)
		return false;
	dlw_reserve(defined->classes, defined->class_count, defined->class_room);
	defined->classes[defined->class_count++] = (struct dlw_log_name){ from.id, text, from.rank };
	return true;
}

static bool read_stack(struct dlw_log_definitions *defined, struct span record)
{
	struct dlw_record_stack from;

	if (!fixed_part(record, &from, sizeof(from)) || !from.id ||
	    from.depth > (record.size - sizeof(from)) / sizeof(uint64_t))
		return false;
	dlw_reserve(defined->stacks, defined->stack_count, defined->stack_room);
	defined->stacks[defined->stack_count++] = record.bytes;
	return true;
}

static bool is_same_misuse(const struct dlw_misuse *left, const struct dlw_misuse *right)
{
	return left->sort == right->sort && left->stack == right->stack &&
	       (left->stack || left->other_stack == right->other_stack);
}

static bool read_misuse(struct dlw_log_definitions *defined, struct span record)
{
	struct dlw_record_misuse from;
	const char *name;
	uint32_t at;

	if (!fixed_part(record, &from, sizeof(from)))
		return false;
	name = text_at(record, sizeof(from), NULL);
	if (!name)
		return false;
	for (at = 0; at < defined->misuse_count; at++)
		if (is_same_misuse(&defined->misuses[at].note, &from.misuse))
			break;
	if (at == defined->misuse_count) {
		dlw_reserve(defined->misuses, defined->misuse_count, defined->misuse_room);
		defined->misuse_count++;
	}
	defined->misuses[at] = (struct dlw_log_misuse){ from.misuse, name };
	return true;
}

static bool read_mode(struct dlw_log_definitions *defined, struct span record)
{
	struct dlw_record_mode from;

	if (!fixed_part(record, &from, sizeof(from)) || from.mode > DLW_RECORDING_RING)
		return false;
	defined->recording = (enum dlw_recording)from.mode;
	return true;
}

static bool read_order_counts(struct dlw_log_definitions *defined, struct span record)
{
	struct dlw_record_order_counts from;
	uint32_t at;

	if (!fixed_part(record, &from, sizeof(from)) ||
	    from.count > (record.size - sizeof(from)) / sizeof(from.orders[0]))
		return false;
	for (at = 0; at < from.count; at++) {
		const uint8_t *entry = record.bytes + sizeof(from) + at * sizeof(from.orders[0]);
		struct dlw_log_order_count *count;

		dlw_reserve(defined->order_counts, defined->order_count, defined->order_room);
		count = &defined->order_counts[defined->order_count++];
		memcpy(&count->order, entry, sizeof(count->order));
		memcpy(&count->times, entry + 8, sizeof(count->times));
	}
	return true;
}

static bool read_look(struct dlw_log_definitions *defined, struct span record)
{
	struct dlw_record_look from;
	const char *reason;

	if (!fixed_part(record, &from, sizeof(from)))
		return false;
	reason = text_at(record, sizeof(from), NULL);
	if (!reason)
		return false;
	defined->found_in_all += from.found;
	/* those of a supervisor stand in blocks of their own, not in turn with ours */
	if (!defined->look.present || from.monotonic_ns >= defined->look.monotonic_ns)
		defined->look =
			(struct dlw_log_look){ true, from.monotonic_ns, from.found, reason };
	return true;
}

static bool read_python(struct dlw_log_definitions *defined, struct span record)
{
	struct dlw_record_python from;
	const char *text = text_at(record, sizeof(from), NULL);

	if (!fixed_part(record, &from, sizeof(from)) || !text)
		return false;
	dlw_reserve(defined->pythons, defined->python_count, defined->python_room);
	defined->pythons[defined->python_count++] =
		(struct dlw_log_python){ from.monotonic_ns, text };
	return true;
}

static bool read_finding(struct dlw_log_definitions *defined, struct span record)
{
	const char *text = text_at(record, sizeof(struct dlw_record_finding), NULL);

	if (!text)
		return false;
	dlw_reserve(defined->findings, defined->finding_count, defined->finding_room);
	defined->findings[defined->finding_count++] = text;
	return true;
}

static bool read_coverage(struct dlw_log_definitions *defined, struct span record)
{
	struct dlw_record_coverage from;
	uint32_t count;

	if (!fixed_part(record, &from, sizeof(from)) ||
	    from.count > (record.size - sizeof(from)) / sizeof(uint64_t))
		return false;
	count = from.count < DLW_COVERAGE_COUNTS ? from.count : DLW_COVERAGE_COUNTS;
	memset(defined->coverage, 0, sizeof(defined->coverage));
	memcpy(defined->coverage, record.bytes + sizeof(from), count * sizeof(uint64_t));
	defined->coverage_known = true;
	return true;
}

static bool read_end(struct dlw_log_definitions *defined, struct span record)
{
	struct dlw_record_end from;

	if (!fixed_part(record, &from, sizeof(from)) || from.reason < DLW_END_EXIT ||
	    from.reason > DLW_END_LOG_MAX)
		return false;
	defined->end_known = true;
	defined->end_reason = (enum dlw_end_reason)from.reason;
	defined->end_ns = from.monotonic_ns;
	defined->end_status = from.status;
	return true;
}

/*
 * An exec may fail after its END was written; then the process goes on and
 * defines more, or ends once more.
 */
static void forget_failed_exec(struct dlw_log_definitions *defined, uint16_t type)
{
	if (defined->end_known && defined->end_reason == DLW_END_EXEC &&
	    (type == DLW_RECORD_THREAD || type == DLW_RECORD_OBJECT || type == DLW_RECORD_STACK))
		defined->end_known = false;
}

static bool read_record(struct dlw_log_definitions *defined, uint16_t type, struct span record)
{
	forget_failed_exec(defined, type);
	switch (type) {
	case DLW_RECORD_PROCESS:
		return read_process(defined, record);
	case DLW_RECORD_MODULE:
		return read_module(defined, record);
	case DLW_RECORD_MODULE_GONE:
		return true;
	case DLW_RECORD_THREAD:
		return read_thread(defined, record);
	case DLW_RECORD_THREAD_NAME:
		return read_thread_name(defined, record);
	case DLW_RECORD_OBJECT:
		return read_object(defined, record);
	case DLW_RECORD_OBJECT_NAME:
		return read_object_name(defined, record);
	case DLW_RECORD_OBJECT_CLASS:
		return read_object_class(defined, record);
	case DLW_RECORD_STACK:
		return read_stack(defined, record);
	case DLW_RECORD_MODE:
		return read_mode(defined, record);
	case DLW_RECORD_ORDER_COUNTS:
		return read_order_counts(defined, record);
	case DLW_RECORD_LOOK:
		return read_look(defined, record);
	case DLW_RECORD_PYTHON:
		return read_python(defined, record);
	case DLW_RECORD_FINDING:
		return read_finding(defined, record);
	case DLW_RECORD_MISUSE:
		return read_misuse(defined, record);
	case DLW_RECORD_COVERAGE:
		return read_coverage(defined, record);
	case DLW_RECORD_END:
		return read_end(defined, record);
	default:
		defined->unknown_records++;
		return true;
	}
}

/** read_records() - @length bytes of them; false: the rest makes no sense */
static bool read_records(struct dlw_log_definitions *defined, const uint8_t *bytes, uint32_t length)
{
	uint32_t at = 0;

	while (at < length) {
		struct dlw_record head;
		struct span record = { bytes + at, length - at };

		if (!fixed_part(record, &head, sizeof(head)) || head.size < sizeof(head) ||
		    head.size % 8 || head.size > record.size) {
			defined->damaged_records++;
			return false;
		}
		record.size = head.size;
		if (!read_record(defined, head.type, record))
			defined->damaged_records++;
		at += head.size;
	}
	return true;
}

/* ------------------------------------------------------------- a flight recorder's */

/** A walk over the events of a block, for what they define and refer to. */
struct walk {
	const struct dlw_log_block *block;
	uint32_t at; /* bytes; behind the event */
	uint64_t ticks;
	struct dlw_event event;
	struct dlw_recent recent[DLW_RECENT];
};

static struct walk begin_walk(const struct dlw_log_block *block)
{
	return (struct walk){ .block = block, .ticks = block->ticks };
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
				     &walk->ticks, &walk->event, walk->recent);
	}
	walk->at += used * 4;
	return used != 0;
}

/** read_inside() - the definitions among the events of a block */
static void read_inside(struct dlw_log_definitions *defined, const struct dlw_log_block *block)
{
	struct walk walk = begin_walk(block);

	while (step(&walk)) {
		uint32_t size = (uint32_t)walk.event.argument * 4;

		if (walk.event.type == DLW_EVENT_DEFINITION &&
		    !read_records(defined, block->payload + walk.at - size, size))
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
		struct walk walk = begin_walk(&file->blocks[at]);

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
			read_inside(defined, &file->blocks[at]);
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
			read_records(defined, file->blocks[at].payload, file->blocks[at].length);
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

uint64_t dlw_log_order_times(const struct dlw_log_definitions *defined, uint64_t number)
{
	uint32_t low = 0, high = defined->order_count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (defined->order_counts[middle].order < number)
			low = middle + 1;
		else
			high = middle;
	}
	return low < defined->order_count && defined->order_counts[low].order == number ?
		       defined->order_counts[low].times :
		       1;
}

/** given_to() - the latest of sorted @names for object @id, or NULL */
static const struct dlw_log_name *given_to(const struct dlw_log_name *names, uint32_t count,
					   uint32_t id)
{
	uint32_t low = 0, high = count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (names[middle].id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low < count && names[low].id == id ? &names[low] : NULL;
}

void dlw_log_object_at(const struct dlw_log_definitions *defined, uint32_t position,
		       struct dlw_log_object *object)
{
	struct dlw_record_object from;
	struct dlw_record head;
	struct span record = { defined->objects[position], 0 };
	const struct dlw_log_name *given, *class;
	const char *name;

	memcpy(&head, record.bytes, sizeof(head));
	record.size = head.size;
	object_part(record, &from);
	given = given_to(defined->names, defined->name_count, from.id);
	class = given_to(defined->classes, defined->class_count, from.id);
	name = given			     ? given->text :
	       record.size > sizeof(from) ? text_at(record, sizeof(from), NULL) :
					    NULL;
	*object = (struct dlw_log_object){
		.id = from.id,
		.kind = (enum dlw_kind)from.kind,
		.type = (enum dlw_type)from.type,
		.traits = from.traits,
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
