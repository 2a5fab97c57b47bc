/*
 * log_dump_std.c - a log as a trace in the STD text format
 *
 * The format knows locks, variables and threads. A semaphore, condition or
 * barrier becomes a variable that is written by who posts, signals or arrives
 * and read by who gets it: that is the order it makes. What has no place in
 * the format is counted and said.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "analyzer/log_cursor.h"
#include "analyzer/log_dump.h"
#include "analyzer/log_memory.h"
#include "analyzer/log_order.h"

struct std_dump {
	struct dlw_log_dump *dump;
	uint32_t *first_place; /* by log: what is added to its stacks' ids */
	uint64_t shared, strange;
};

/** place_of() - a number for each stack; where the log was made from such a trace, its own */
static uint64_t place_of(const struct std_dump *std, const struct dlw_cursor *cursor)
{
	const struct dlw_source *source = cursor->source;
	uint32_t stack = cursor->head.event.stack;
	uint64_t frame;

	if (!stack)
		return 0;
	if (source->made && dlw_log_defined_stack(&source->defined, stack, &frame, 1) == 1)
		return frame - 1;
	return stack + std->first_place[source->number];
}

static void put_line(const struct std_dump *std, const struct dlw_cursor *cursor,
		     const char *operation, char letter, uint64_t operand)
{
	fprintf(std->dump->out, "T%u|%s(%c%" PRIu64 ")|%" PRIu64 "\n", cursor->number + 1, operation, letter,
		operand, place_of(std, cursor));
}

static bool is_lock(const struct dlw_replay_object *object)
{
	switch (object->defined.kind) {
	case DLW_MUTEX:
	case DLW_RWLOCK:
	case DLW_SPINLOCK:
	case DLW_ONCE:
	case DLW_CUSTOM:
		return true;
	default:
		return false;
	}
}

/** put_lock() - an operation in mode @mode; the format has no shared one */
static void put_lock(struct std_dump *std, const struct dlw_cursor *cursor,
		     const struct dlw_replay_object *object, uint8_t mode, const char *operation)
{
	if (mode == 0)
		put_line(std, cursor, operation, 'L', object->number);
	else
		std->shared++;
}

static void put_variable(struct std_dump *std, const struct dlw_cursor *cursor, const char *operation)
{
	put_line(std, cursor, operation, 'V', cursor->head.object->number);
}

static void put_thread(struct std_dump *std, const struct dlw_cursor *cursor, const char *operation)
{
	const struct dlw_cursor *other =
		dlw_order_thread(cursor->source, cursor->head.event.argument);

	if (other)
		put_line(std, cursor, operation, 'T', other->number + 1);
	else
		std->strange++;
}

static void put_acquired(struct std_dump *std, struct dlw_cursor *cursor)
{
	struct dlw_replay_object *object = cursor->head.object;

	if (!is_lock(object))
		put_variable(std, cursor, "r");
	else if (!(object->defined.type == DLW_TYPE_RECURSIVE && dlw_cursor_hold(cursor, object)))
		put_lock(std, cursor, object, cursor->head.event.mode, "acq");
}

static void put_released(struct std_dump *std, const struct dlw_cursor *cursor, bool in_full)
{
	const struct dlw_log_hold *hold = cursor->head.hold;

	if (hold && (hold->count == 1 || in_full))
		put_lock(std, cursor, hold->object, hold->mode, "rel");
}

static void put_event(struct std_dump *std, struct dlw_cursor *cursor)
{
	const struct dlw_event *event = &cursor->head.event;

	switch (event->type) {
	case DLW_EVENT_ACQUIRED:
		put_acquired(std, cursor);
		break;
	case DLW_EVENT_HELD:
		if (is_lock(cursor->head.object))
			put_lock(std, cursor, cursor->head.object, event->mode, "acq");
		break;
	case DLW_EVENT_RELEASED:
	case DLW_EVENT_RELEASED_TOP:
		put_released(std, cursor, false);
		break;
	case DLW_EVENT_CONDITION_WAIT:
	case DLW_EVENT_FORGOTTEN:
		put_released(std, cursor, true);
		break;
	case DLW_EVENT_WANT:
		if (is_lock(cursor->head.object))
			put_lock(std, cursor, cursor->head.object, event->mode, "req");
		break;
	case DLW_EVENT_POSTED:
	case DLW_EVENT_SIGNALLED:
	case DLW_EVENT_BROADCAST:
	case DLW_EVENT_ARRIVED:
		put_variable(std, cursor, "w");
		break;
	case DLW_EVENT_WOKEN:
	case DLW_EVENT_LEFT:
		put_variable(std, cursor, "r");
		break;
	case DLW_EVENT_ACCESSED:
		if (event->mode != DLW_MODE_ANNOTATED)
			put_variable(std, cursor, event->mode ? "r" : "w");
		break;
	case DLW_EVENT_CREATED:
		put_thread(std, cursor, "fork");
		break;
	case DLW_EVENT_JOINED:
		put_thread(std, cursor, "join");
		break;
	case DLW_EVENT_RELEASED_BY_STRANGER:
		std->strange++;
		break;
	default:
		break;
	}
}

static void number_places(struct std_dump *std)
{
	const struct dlw_replay *replay = std->dump->replay;
	uint32_t at, first = 0;

	std->first_place = dlw_log_allocate(replay->source_count, sizeof(*std->first_place));
	for (at = 0; at < replay->source_count; at++) {
		std->first_place[at] = first;
		first += replay->sources[at]->defined.stack_count;
	}
}

static void say_what_is_left_out(const struct std_dump *std)
{
	if (std->shared)
		fprintf(stderr,
			"dlwatch: %" PRIu64 " operations of readers are left out: the format has no "
			"shared locks\n",
			std->shared);
	if (std->strange)
		fprintf(stderr, "dlwatch: %" PRIu64 " events are left out: the format cannot say them\n",
			std->strange);
}

bool dlw_log_dump_std(struct dlw_log_dump *dump)
{
	struct std_dump std = { .dump = dump };
	struct dlw_cursor *cursor;

	number_places(&std);
	dlw_replay_start(dump->replay);
	while ((cursor = dlw_replay_peek(dump->replay)) && !ferror(dump->out)) {
		put_event(&std, cursor);
		dlw_replay_apply(dump->replay);
	}
	say_what_is_left_out(&std);
	free(std.first_place);
	return fflush(dump->out) == 0 && !ferror(dump->out);
}
