/*
 * trace_std.c - traces in the STD text format, read as logs
 */
#include "analyzer/trace_std.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "analyzer/log_make.h"
#include "analyzer/log_memory.h"

enum sort { SORT_THREAD, SORT_LOCK, SORT_VARIABLE, SORT_PLACE, SORT_COUNT };

/** Something with a name: a thread, lock, variable or place. */
struct named {
	char *name;
	uint32_t id;
	uint32_t condition;       /* lock: of its monitor, 0: never waited for */
	uint32_t joined;          /* thread: it is over */
	uint32_t waits;           /* thread: lock of the monitor it waits for, 0 */
	uint32_t condition_waited; /* … and its condition */
	bool wants;
	UT_hash_handle hh;
};

struct reading {
	struct dlw_log_maker *maker;
	struct named *all[SORT_COUNT];
	struct dlw_std_loss *loss;
	bool waiting; /* somebody never got what it asked for */
};

/** A part of the text. */
struct piece {
	const char *at;
	size_t length;
};

/** An event as it is written. */
struct line {
	struct piece thread, operation, operand, place;
};

/* ---------------------------------------------------------------------- lines */

static struct piece trimmed(struct piece piece)
{
	while (piece.length && strchr(" \t\r", piece.at[piece.length - 1]) &&
	       piece.at[piece.length - 1])
		piece.length--;
	while (piece.length && (*piece.at == ' ' || *piece.at == '\t'))
		piece.at++, piece.length--;
	return piece;
}

/** take_until() - what stands before @end, which is passed over; all of it if there is none */
static struct piece take_until(struct piece *from, char end)
{
	const char *found = memchr(from->at, end, from->length);
	struct piece taken = { from->at, found ? (size_t)(found - from->at) : from->length };

	from->at += taken.length + (found != NULL);
	from->length -= taken.length + (found != NULL);
	return trimmed(taken);
}

static bool is(struct piece piece, const char *word)
{
	return piece.length == strlen(word) && !memcmp(piece.at, word, piece.length);
}

static bool is_comment(struct piece line)
{
	return !line.length || *line.at == '#' ||
	       (line.length > 1 && line.at[0] == '/' && line.at[1] == '/');
}

/** without_t() - a thread is the same with and without its T */
static struct piece without_t(struct piece name)
{
	if (name.length > 1 && (*name.at == 'T' || *name.at == 't'))
		return (struct piece){ name.at + 1, name.length - 1 };
	return name;
}

/** split() - false: no event */
static bool split(struct piece text, struct line *line)
{
	struct piece what;

	if (!memchr(text.at, '|', text.length))
		return false;
	line->thread = without_t(take_until(&text, '|'));
	what = take_until(&text, '|');
	line->place = trimmed(text);
	line->operation = take_until(&what, '(');
	line->operand = take_until(&what, ')');
	return line->thread.length && line->operation.length;
}

/* ---------------------------------------------------------------------- names */

static struct named *find(const struct reading *reading, enum sort sort, struct piece name)
{
	struct named *named;

	HASH_FIND(hh, reading->all[sort], name.at, name.length, named);
	return named;
}

static struct named *add(struct reading *reading, enum sort sort, struct piece name)
{
	struct named *named = dlw_log_allocate(1, sizeof(*named));

	named->name = dlw_log_allocate(name.length + 1, 1);
	memcpy(named->name, name.at, name.length);
	HASH_ADD_KEYPTR(hh, reading->all[sort], named->name, name.length, named);
	return named;
}

static struct named *thread_named(struct reading *reading, struct piece name, uint32_t creator)
{
	struct named *thread = find(reading, SORT_THREAD, name);
	char *shown;

	if (thread)
		return thread;
	thread = add(reading, SORT_THREAD, name);
	shown = dlw_print("T%s", thread->name);
	thread->id = dlw_log_maker_thread(reading->maker, shown, creator);
	free(shown);
	return thread;
}

static struct named *lock_named(struct reading *reading, struct piece name)
{
	struct named *lock = find(reading, SORT_LOCK, name);

	if (lock)
		return lock;
	lock = add(reading, SORT_LOCK, name);
	lock->id = dlw_log_maker_object(reading->maker, DLW_MUTEX, DLW_TYPE_RECURSIVE, lock->name);
	return lock;
}

static uint32_t condition_of(struct reading *reading, struct named *lock)
{
	if (!lock->condition)
		lock->condition = dlw_log_maker_object(reading->maker, DLW_CONDITION, DLW_TYPE_UNKNOWN,
						       lock->name);
	return lock->condition;
}

static uint32_t variable_named(struct reading *reading, struct piece name)
{
	struct named *variable = find(reading, SORT_VARIABLE, name);

	if (!variable) {
		variable = add(reading, SORT_VARIABLE, name);
		variable->id = dlw_log_maker_object(reading->maker, DLW_NO_KIND, DLW_TYPE_UNKNOWN,
						    variable->name);
	}
	return variable->id;
}

/** stack_of() - 0: no place is said, or it is no number */
static uint32_t stack_of(struct reading *reading, struct piece name)
{
	struct named *place;
	char *end;
	uint64_t number;

	if (!name.length)
		return 0;
	place = find(reading, SORT_PLACE, name);
	if (place)
		return place->id;
	place = add(reading, SORT_PLACE, name);
	number = strtoull(place->name, &end, 10);
	if (end != place->name && !*end)
		place->id = dlw_log_maker_stack(reading->maker, number);
	return place->id;
}

/* --------------------------------------------------------------------- events */

static void event(struct reading *reading, const struct named *thread, enum dlw_event_type type,
		  uint32_t object, uint32_t stack, uint64_t argument)
{
	dlw_log_maker_event(reading->maker, thread->id,
			    (struct dlw_event){ .type = type,
						.object = object,
						.stack = stack,
						.argument = argument });
}

/** end_wait() - the thread goes on: it was woken, and has its monitor again */
static void end_wait(struct reading *reading, struct named *thread, uint32_t stack, bool acquires)
{
	if (!thread->waits)
		return;
	event(reading, thread, DLW_EVENT_WOKEN, thread->condition_waited, stack, 0);
	if (!acquires)
		event(reading, thread, DLW_EVENT_ACQUIRED, thread->waits, stack, 0);
	thread->waits = 0;
}

static void wait_for(struct reading *reading, struct named *thread, struct named *lock,
		     uint32_t stack)
{
	thread->condition_waited = condition_of(reading, lock);
	thread->waits = lock->id;
	dlw_log_maker_event(reading->maker, thread->id,
			    (struct dlw_event){ .type = DLW_EVENT_CONDITION_WAIT,
						.mode = 3,
						.object = thread->condition_waited,
						.stack = stack,
						.argument = lock->id });
}

static void fork_thread(struct reading *reading, const struct named *thread, struct piece operand,
			uint32_t stack)
{
	struct named *child = thread_named(reading, without_t(operand), thread->id);

	event(reading, thread, DLW_EVENT_CREATED, 0, stack, child->id);
	event(reading, child, DLW_EVENT_STARTED, 0, 0, thread->id);
}

static void join_thread(struct reading *reading, const struct named *thread, struct piece operand,
			uint32_t stack)
{
	struct named *child = thread_named(reading, without_t(operand), 0);

	if (!child->joined)
		event(reading, child, DLW_EVENT_EXITED, 0, 0, 0);
	child->joined = true;
	event(reading, thread, DLW_EVENT_WANT_THREAD, 0, stack, child->id);
	event(reading, thread, DLW_EVENT_JOINED, 0, stack, child->id);
}

static void access_variable(struct reading *reading, const struct named *thread,
			    const struct line *line, uint32_t stack)
{
	dlw_log_maker_event(reading->maker, thread->id,
			    (struct dlw_event){ .type = DLW_EVENT_ACCESSED,
						.mode = is(line->operation, "r"),
						.object = variable_named(reading, line->operand),
						.stack = stack });
}

/** lock_operation() - false: it is none */
static bool lock_operation(struct reading *reading, struct named *thread, const struct line *line,
			   uint32_t stack)
{
	static const struct {
		const char *word;
		enum dlw_event_type type;
	} operations[] = {
		{ "acq", DLW_EVENT_ACQUIRED },	  { "rel", DLW_EVENT_RELEASED },
		{ "req", DLW_EVENT_WANT },	  { "wait", DLW_EVENT_CONDITION_WAIT },
		{ "notify", DLW_EVENT_SIGNALLED }, { "notifyAll", DLW_EVENT_BROADCAST },
	};
	struct named *lock;
	size_t at;

	for (at = 0; at < sizeof(operations) / sizeof(operations[0]); at++)
		if (is(line->operation, operations[at].word))
			break;
	if (at == sizeof(operations) / sizeof(operations[0]))
		return false;
	lock = lock_named(reading, line->operand);
	if (operations[at].type == DLW_EVENT_CONDITION_WAIT)
		wait_for(reading, thread, lock, stack);
	else if (at > 3)
		event(reading, thread, operations[at].type, condition_of(reading, lock), stack, 0);
	else
		event(reading, thread, operations[at].type, lock->id, stack, 0);
	thread->wants = operations[at].type == DLW_EVENT_WANT;
	return true;
}

static bool is_mark(const struct line *line)
{
	return is(line->operation, "begin") || is(line->operation, "end");
}

/** read_event() - false: no such operation */
static bool read_event(struct reading *reading, const struct line *line)
{
	struct named *thread = thread_named(reading, line->thread, 0);
	uint32_t stack;

	if (is_mark(line))
		return true;
	if (!line->operand.length || thread->joined)
		return false;
	stack = stack_of(reading, line->place);
	end_wait(reading, thread, stack,
		 is(line->operation, "acq") && lock_named(reading, line->operand)->id == thread->waits);
	if (is(line->operation, "fork"))
		fork_thread(reading, thread, line->operand, stack);
	else if (is(line->operation, "join"))
		join_thread(reading, thread, line->operand, stack);
	else if (is(line->operation, "r") || is(line->operation, "w"))
		access_variable(reading, thread, line, stack);
	else
		return lock_operation(reading, thread, line, stack);
	return true;
}

/* ---------------------------------------------------------------- the whole trace */

static void forget_names(struct reading *reading, enum sort sort)
{
	struct named *named, *next;

	HASH_ITER(hh, reading->all[sort], named, next)
	{
		reading->waiting |= named->wants || named->waits;
		HASH_DEL(reading->all[sort], named);
		free(named->name);
		free(named);
	}
}

uint8_t *dlw_std_to_log(const char *name, const char *text, size_t length, size_t *size,
			struct dlw_std_loss *loss)
{
	struct reading reading = { .maker = dlw_log_maker_new(name), .loss = loss };
	struct piece rest = { text, length };
	uint64_t number = 0;
	unsigned sort;

	*loss = (struct dlw_std_loss){ 0 };
	while (rest.length) {
		struct piece text_line = take_until(&rest, '\n');
		struct line line;

		number++;
		if (is_comment(text_line) || (split(text_line, &line) && read_event(&reading, &line)))
			continue;
		if (!loss->lines++)
			loss->first_line = number;
	}
	for (sort = 0; sort < SORT_COUNT; sort++)
		forget_names(&reading, (enum sort)sort);
	/* a process that ended would wait for nothing: as if it were ended because of it */
	return dlw_log_maker_finish(reading.maker,
				    reading.waiting ? DLW_END_FINDING : DLW_END_EXIT, size);
}
