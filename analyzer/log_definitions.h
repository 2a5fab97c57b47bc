/*
 * analyzer/log_definitions.h - what a process's log says its events refer to
 *
 *	struct dlw_log_definitions defined;
 *
 *	dlw_log_definitions_read(&defined, &file);	// file stays open
 *	thread = dlw_log_defined_thread(&defined, serial);	// NULL: not defined
 *	dlw_log_definitions_free(&defined);
 *
 * All definitions are read at once: after damage an event may come before what
 * defines its object. Objects and stacks stay in the mapped file; only their
 * places are kept.
 */
#ifndef DLW_ANALYZER_LOG_DEFINITIONS_H
#define DLW_ANALYZER_LOG_DEFINITIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "analyzer/log_file.h"
#include "analyzer/log_index.h"
#include "core/state.h"

struct dlw_log_thread {
	uint32_t serial;
	int32_t tid;
	uint32_t creator, created_stack;
	bool detached;
	char name[17];
};

/** An object as it was defined; .name lies in the log, "" if it has none. */
struct dlw_log_object {
	uint32_t id;
	enum dlw_kind kind;
	enum dlw_type type;
	uint32_t traits;
	uint64_t address;
	uint32_t init_stack, initial;
	bool initial_known;
	bool renewed; /* lives of it follow one another */
	enum dlw_history history; /* before the log, or its definition, began */
	uint64_t first_ticket;    /* smallest in the log; 0: it begins with the object */
	uint64_t device, inode, offset;
	const char *name;
	const char *class_name; /* annotated; "" if none */
	int32_t rank;           /* annotated; 0: none */
};

/** How often an order of log_mode=order was seen. */
struct dlw_log_order_count {
	uint32_t order;
	uint64_t times;
};

struct dlw_log_look {
	bool present;
	uint64_t monotonic_ns;
	uint32_t found;
	const char *open_reason; /* in the log; "" : the world was closed */
};

struct dlw_log_definitions {
	bool process_known;
	int32_t pid, parent_pid;
	const char *exe;
	const char **args;
	uint32_t arg_count;

	struct dlw_module *modules; /* sorted by start, never overlapping */
	uint32_t module_count;

	struct dlw_log_thread *threads;
	uint32_t thread_count, thread_room;
	struct dlw_log_index thread_index;

	const uint8_t **objects; /* their records */
	uint32_t object_count, object_room;
	struct dlw_log_index object_index;
	struct dlw_log_name {
		uint32_t id;
		const char *text;
		int32_t rank; /* of a class */
	} *names; /* given later, sorted by id */
	uint32_t name_count, name_room;
	struct dlw_log_name *classes; /* likewise */
	uint32_t class_count, class_room;

	const uint8_t **stacks; /* their records */
	uint32_t stack_count, stack_room;
	struct dlw_log_index stack_index;

	struct dlw_log_python {
		uint64_t monotonic_ns;
		const char *text; /* in the log */
	} *pythons; /* what its interpreter was doing, at each finding */
	uint32_t python_count, python_room;
	const char **findings; /* those that no replay can come to, as lines of JSON */
	uint32_t finding_count, finding_room;
	struct dlw_log_misuse {
		struct dlw_misuse note;
		const char *name; /* of the object */
	} *misuses; /* each sort and place once, in the order of the log */
	uint32_t misuse_count, misuse_room;
	enum dlw_recording recording;
	uint64_t *first_tickets; /* ring: by position of the object */
	struct dlw_log_order_count *order_counts; /* sorted; an order not here: once */
	uint32_t order_count, order_room;

	struct dlw_log_look look; /* the last one */
	uint32_t found_in_all;    /* findings of all looks together */
	uint64_t coverage[DLW_COVERAGE_COUNTS];
	bool coverage_known;
	bool end_known;
	enum dlw_end_reason end_reason;
	uint64_t end_ns;
	int32_t end_status;

	uint64_t damaged_records, unknown_records;
};

void dlw_log_definitions_read(struct dlw_log_definitions *defined, const struct dlw_log_file *file);
void dlw_log_definitions_free(struct dlw_log_definitions *defined);

const struct dlw_log_thread *dlw_log_defined_thread(const struct dlw_log_definitions *defined,
					    uint32_t serial);

/** dlw_log_module_after() - position of the first module that ends behind @address */
uint32_t dlw_log_module_after(const struct dlw_log_definitions *defined, uint64_t address);

/** dlw_log_module() - the one at @address, or NULL */
const struct dlw_module *dlw_log_module(const struct dlw_log_definitions *defined,
					uint64_t address);

/** dlw_log_object_at() - number @position of .objects, unpacked */
void dlw_log_object_at(const struct dlw_log_definitions *defined, uint32_t position,
		       struct dlw_log_object *object);

/** dlw_log_order_times() - how often order @number of a log of orders was seen */
uint64_t dlw_log_order_times(const struct dlw_log_definitions *defined, uint64_t number);

/**
 * dlw_log_defined_stack() - the return addresses of stack @id
 * @frames: room for @room of them
 *
 * Return: how many it has, possibly more than @room; 0 if it is not defined.
 */
uint32_t dlw_log_defined_stack(const struct dlw_log_definitions *defined, uint32_t id, uint64_t *frames,
		       uint32_t room);

#endif
