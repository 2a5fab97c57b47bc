/*
 * log_records.c - one definition of a log after the other
 *
 * Records lie in the file aligned to nothing, and any byte of them may be
 * wrong: fixed parts are copied out, strings are used only if they end inside
 * their record.
 */
#include "analyzer/log_records.h"

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

/** text_behind() - the string behind the first @size bytes, which are copied; NULL if cut short */
static const char *text_behind(struct span record, void *to, uint32_t size)
{
	return fixed_part(record, to, size) ? text_at(record, size, NULL) : NULL;
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
	first = last = dlw_log_module_after(defined, module.start);
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
	const char *text = text_behind(record, &from, sizeof(from));

	if (!text)
		return false;
	dlw_reserve(defined->names, defined->name_count, defined->name_room);
	defined->names[defined->name_count++] = (struct dlw_log_name){ from.id, text, 0 };
	return true;
}

static bool read_object_class(struct dlw_log_definitions *defined, struct span record)
{
	struct dlw_record_object_class from;
	const char *text = text_behind(record, &from, sizeof(from));

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
	const char *name = text_behind(record, &from, sizeof(from));
	uint32_t at;

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
	const char *reason = text_behind(record, &from, sizeof(from));

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
	const char *text = text_behind(record, &from, sizeof(from));

	if (!text)
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

bool dlw_log_records_read(struct dlw_log_definitions *defined, const uint8_t *bytes, uint32_t length)
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

const char *dlw_log_record_object(const uint8_t *bytes, struct dlw_record_object *object)
{
	struct dlw_record head;
	struct span record = { bytes, 0 };

	memcpy(&head, bytes, sizeof(head));
	record.size = head.size;
	object_part(record, object);
	return record.size > sizeof(*object) ? text_at(record, sizeof(*object), NULL) : NULL;
}
