/*
 * core/predict/trace.c - stage A: from events to dependencies
 *
 * Keeps what every thread holds, interns who wants what while holding which
 * set, and appends one step an event. Where the story does not add up (an
 * unlock of what another thread holds, an acquisition of what is taken) the
 * object becomes *loose*: it is no lock any more, and all that is kept of it is
 * the order of its operations.
 */
#include <string.h>

#include "core/predict/store.h"

/* ---- beginning ------------------------------------------------------------------ */

struct dlw_trace *dlw_trace_new(struct dlw_arena *arena)
{
	struct dlw_trace *trace = dlw_arena_take(arena, sizeof(*trace));

	if (!trace)
		return NULL;
	trace->arena = arena;
	trace->threads = (struct dlw_column)DLW_COLUMN(struct dlw_thread, DLW_THREAD_PAGE);
	trace->objects = (struct dlw_column)DLW_COLUMN(struct dlw_object, DLW_OBJECT_PAGE);
	trace->sets = (struct dlw_column)DLW_COLUMN(struct dlw_held, DLW_SET_PAGE);
	trace->dependencies =
		(struct dlw_column)DLW_COLUMN(struct dlw_dependency, DLW_DEPENDENCY_PAGE);
	/* number 0 of each is nothing */
	if (!dlw_column_add(&trace->sets, arena) || !dlw_column_add(&trace->dependencies, arena))
		return NULL;
	return trace;
}

uint32_t dlw_trace_object(struct dlw_trace *trace, const struct dlw_trace_object *object)
{
	struct dlw_object *added = dlw_column_add(&trace->objects, trace->arena);

	if (!added)
		return DLW_NONE;
	*added = (struct dlw_object){
		.kind = (uint8_t)object->kind,
		.recursive = object->recursive,
		.life_known = object->life_known,
		.initial_known = object->initial_known,
		.initial = object->initial,
		.owner = DLW_NONE,
		/* who may take it how often is not known: it is no lock */
		.loose = object->kind == DLW_SEMAPHORE &&
			 (!object->initial_known || !object->initial),
	};
	trace->has_loose |= added->loose;
	return trace->objects.count - 1;
}

uint32_t dlw_trace_thread(struct dlw_trace *trace)
{
	const struct dlw_trace_object end = { .kind = DLW_THREAD, .life_known = true };
	uint32_t token = dlw_trace_object(trace, &end);
	struct dlw_thread *thread;

	if (token == DLW_NONE)
		return DLW_NONE;
	thread = dlw_column_add(&trace->threads, trace->arena);
	if (!thread)
		return DLW_NONE;
	thread->steps = (struct dlw_column)DLW_COLUMN(struct dlw_step, DLW_STEP_PAGE);
	thread->edges = (struct dlw_column)DLW_COLUMN(struct dlw_edge, 3);
	thread->implicits = (struct dlw_column)DLW_COLUMN(struct dlw_implicit, 2);
	thread->token = token;
	thread->gap = DLW_NONE;
	return trace->threads.count - 1;
}

void dlw_trace_program(struct dlw_trace *trace, uint32_t thread, uint32_t program)
{
	dlw_thread_at(trace, thread)->program = program;
}

/* ---- steps ---------------------------------------------------------------------- */

static inline bool add_step(struct dlw_trace *trace, uint32_t number, enum dlw_trace_op op,
			    uint32_t index, uint32_t extra)
{
	struct dlw_thread *thread = dlw_thread_at(trace, number);
	struct dlw_step *step;

	if (index > DLW_STEP_INDEX_MAX || trace->order == UINT32_MAX)
		return false;
	step = dlw_column_add_in(&thread->steps, trace->arena, sizeof(*step), DLW_STEP_PAGE);
	if (!step)
		return false;
	*step = (struct dlw_step){ trace->order++, (uint32_t)op << DLW_STEP_INDEX_BITS | index,
				   extra };
	if (op != DLW_TRACE_WANT && op != DLW_TRACE_WANT_JOIN)
		thread->end = thread->steps.count;
	return true;
}

static bool add_plain(struct dlw_trace *trace, const struct dlw_trace_event *event)
{
	return add_step(trace, event->thread, event->op, event->object, event->place);
}

/** after() - the number of the set held with @dependency; DLW_NONE: memory ran out */
static uint32_t after(struct dlw_trace *trace, struct dlw_dependency *dependency)
{
	if (!dependency->after) {
		uint32_t set = dlw_intern_held(trace, dependency->held, dependency->object,
					       dependency->mode);

		if (set == DLW_NONE)
			return DLW_NONE;
		dependency->after = set;
	}
	return dependency->after;
}

/** held_now() - the number of all that @thread holds; DLW_NONE: memory ran out */
static uint32_t held_now(struct dlw_trace *trace, struct dlw_thread *thread)
{
	if (thread->taken) {
		uint32_t set = after(trace, dlw_dependency_at(trace, thread->taken));

		if (set == DLW_NONE)
			return DLW_NONE;
		thread->held = set;
		thread->taken = 0;
	}
	return thread->held;
}

/** wish() - what @event depends on; .held is DLW_NONE if memory ran out */
static struct dlw_dependency wish(struct dlw_trace *trace, const struct dlw_trace_event *event,
				  uint32_t object, uint8_t mode)
{
	return (struct dlw_dependency){
		.thread = event->thread,
		.held = held_now(trace, dlw_thread_at(trace, event->thread)),
		.object = object,
		.mode = mode,
		.form = (uint8_t)event->form,
	};
}

/** depend() - the dependency of @event, DLW_NONE: memory ran out */
static uint32_t depend(struct dlw_trace *trace, const struct dlw_trace_event *event,
		       uint32_t object, uint8_t mode)
{
	const struct dlw_dependency wanted = wish(trace, event, object, mode);

	return wanted.held == DLW_NONE ? DLW_NONE : dlw_intern_dependency(trace, &wanted);
}

/** add_instance() - a step that wants what @dependency says */
static bool add_instance(struct dlw_trace *trace, const struct dlw_trace_event *event,
			 uint32_t dependency)
{
	struct dlw_dependency *shown = dlw_dependency_at(trace, dependency);
	uint64_t times = event->times ? event->times : 1;

	shown->count++;
	shown->seen = shown->seen + times < times ? UINT64_MAX : shown->seen + times;
	return add_step(trace, event->thread, event->op, dependency, event->place);
}

/* ---- holds ---------------------------------------------------------------------- */

/** rebuild() - the holds from number @from on lie on another set now */
static bool rebuild(struct dlw_trace *trace, struct dlw_thread *thread, uint32_t from)
{
	for (; from < thread->hold_count; from++) {
		struct dlw_holding *hold = &thread->holds[from];

		hold->below = thread->held;
		thread->held = dlw_intern_held(trace, thread->held, hold->object, hold->mode);
		if (thread->held == DLW_NONE) {
			thread->held = 0;
			return false;
		}
	}
	return true;
}

static bool drop(struct dlw_trace *trace, struct dlw_thread *thread, uint32_t at)
{
	struct dlw_object *object = dlw_object_at(trace, thread->holds[at].object);

	if (object->holders)
		object->holders--;
	thread->held = thread->holds[at].below;
	thread->taken = 0;
	thread->hold_count--;
	memmove(thread->holds + at, thread->holds + at + 1,
		sizeof(*thread->holds) * (thread->hold_count - at));
	return rebuild(trace, thread, at);
}

/** forget_loose() - holds of what turned out to be no lock are none */
static bool forget_loose(struct dlw_trace *trace, struct dlw_thread *thread)
{
	uint32_t at;

	if (thread->epoch == trace->epoch)
		return true;
	thread->epoch = trace->epoch;
	for (at = thread->hold_count; at-- > 0;)
		if (dlw_object_at(trace, thread->holds[at].object)->loose &&
		    !drop(trace, thread, at))
			return false;
	return true;
}

static void loosen(struct dlw_trace *trace, struct dlw_object *object)
{
	object->loose = trace->has_loose = true;
	trace->epoch++;
}

/** find_hold() - the newest of @object, or DLW_NONE */
static uint32_t find_hold(const struct dlw_thread *thread, uint32_t object)
{
	uint32_t at;

	for (at = thread->hold_count; at-- > 0;)
		if (thread->holds[at].object == object)
			return at;
	return DLW_NONE;
}

/** push_hold() - what @dependency, of all that @thread holds, has wanted */
static bool push_hold(struct dlw_trace *trace, struct dlw_thread *thread, uint32_t dependency)
{
	const struct dlw_dependency *taken = dlw_dependency_at(trace, dependency);

	if (thread->hold_count == thread->hold_room) {
		uint32_t room = thread->hold_room ? 2 * thread->hold_room : 4;
		struct dlw_holding *holds = dlw_arena_array(trace->arena, struct dlw_holding, room);

		if (!holds)
			return false;
		if (thread->hold_count)
			memcpy(holds, thread->holds, sizeof(*holds) * thread->hold_count);
		thread->holds = holds;
		thread->hold_room = room;
	}
	thread->holds[thread->hold_count++] = (struct dlw_holding){
		taken->object, 1, taken->held, thread->steps.count + 1, taken->mode
	};
	thread->taken = dependency;
	return true;
}

/** is_taken() - nobody can have got it as things stand */
static bool is_taken(const struct dlw_object *object, uint8_t mode, uint32_t thread)
{
	if (object->kind == DLW_SEMAPHORE)
		return object->holders >= object->initial;
	if (!object->holders)
		return false;
	/* of several readers only the last is known: a second look is left to the caller */
	return object->kind == DLW_RWLOCK ? mode != DLW_SHARED && object->owner != thread : true;
}

/* A reader that locks again, an owner that may: one hold, counted. */
static bool take_again(const struct dlw_object *object, struct dlw_thread *thread,
		       const struct dlw_trace_event *event)
{
	uint32_t at = find_hold(thread, event->object);

	if (at == DLW_NONE || object->kind == DLW_SEMAPHORE ||
	    (!object->recursive && event->mode != DLW_SHARED))
		return false;
	thread->holds[at].count++;
	return true;
}

static bool acquire(struct dlw_trace *trace, const struct dlw_trace_event *event)
{
	struct dlw_thread *thread = dlw_thread_at(trace, event->thread);
	struct dlw_object *object = dlw_object_at(trace, event->object);
	uint32_t dependency;

	if (take_again(object, thread, event))
		return true;
	if (!object->loose && is_taken(object, (uint8_t)event->mode, event->thread)) {
		trace->losses.odd++;
		loosen(trace, object);
		if (!forget_loose(trace, thread))
			return false;
	}
	dependency = depend(trace, event, event->object, (uint8_t)event->mode);
	if (dependency == DLW_NONE)
		return false;
	if (dlw_is_lock(object)) {
		if (!push_hold(trace, thread, dependency))
			return false;
		dlw_dependency_at(trace, dependency)->held_after = true;
		object->holders++;
	}
	object->owner = event->thread;
	object->owner_prefix = thread->steps.count + 1;
	return add_instance(trace, event, dependency);
}

static bool release(struct dlw_trace *trace, const struct dlw_trace_event *event)
{
	struct dlw_thread *thread = dlw_thread_at(trace, event->thread);
	struct dlw_object *object = dlw_object_at(trace, event->object);
	uint32_t at = find_hold(thread, event->object), held;

	if (at == DLW_NONE) {
		/* not by its holder, if it has one: a signal rather than a lock */
		if (!object->loose) {
			loosen(trace, object);
			if (!forget_loose(trace, thread))
				return false;
		}
	} else if (--thread->holds[at].count) {
		return true;
	} else if (!drop(trace, thread, at)) {
		return false;
	}
	held = held_now(trace, thread);
	return held != DLW_NONE &&
	       add_step(trace, event->thread, DLW_TRACE_RELEASE, event->object, held);
}

/** failed() - it keeps its meaning only while somebody has the lock */
static bool failed(struct dlw_trace *trace, const struct dlw_trace_event *event)
{
	const struct dlw_object *object = dlw_object_at(trace, event->object);
	uint32_t dependency;

	if (object->loose || !object->holders ||
	    find_hold(dlw_thread_at(trace, event->thread), event->object) != DLW_NONE)
		return true; /* who had it is not known, or it was itself: it says nothing */
	dependency = depend(trace, event, event->object, (uint8_t)event->mode);
	return dependency != DLW_NONE && dlw_order_failed(trace, event) &&
	       add_step(trace, event->thread, DLW_TRACE_FAILED, dependency, event->place);
}

/** want() - for what is not held afterwards: a wait that ends, or never does */
static bool want(struct dlw_trace *trace, const struct dlw_trace_event *event, uint32_t object,
		 enum dlw_mode mode)
{
	uint32_t dependency = depend(trace, event, object, (uint8_t)mode);

	return dependency != DLW_NONE && add_instance(trace, event, dependency);
}

static bool gap(struct dlw_trace *trace, const struct dlw_trace_event *event)
{
	struct dlw_thread *thread = dlw_thread_at(trace, event->thread);

	trace->losses.gaps++;
	if (thread->gap == DLW_NONE)
		thread->gap = thread->steps.count;
	while (thread->hold_count) {
		uint32_t object = thread->holds[thread->hold_count - 1].object;

		if (!drop(trace, thread, thread->hold_count - 1) ||
		    !add_step(trace, event->thread, DLW_TRACE_RELEASE, object, thread->held))
			return false;
	}
	return true;
}

/* ---- threads --------------------------------------------------------------------- */

static bool create(struct dlw_trace *trace, const struct dlw_trace_event *event)
{
	const struct dlw_thread *thread = dlw_thread_at(trace, event->thread);

	if (dlw_thread_at(trace, event->object)->steps.count) {
		trace->losses.odd++;
		return true;
	}
	return dlw_order_edge(trace, event->object,
			      (struct dlw_edge){ 0, event->thread, thread->steps.count + 1,
						 false }) &&
	       add_step(trace, event->thread, event->op, 0, event->place);
}

static bool join(struct dlw_trace *trace, const struct dlw_trace_event *event)
{
	const struct dlw_thread *other = dlw_thread_at(trace, event->object);
	const struct dlw_thread *thread = dlw_thread_at(trace, event->thread);

	dlw_thread_at(trace, event->object)->joined = true;
	if (event->op == DLW_TRACE_JOIN && other->steps.count &&
	    !dlw_order_edge(trace, event->thread,
			    (struct dlw_edge){ thread->steps.count, event->object,
					       other->steps.count, false }))
		return false;
	return want(trace, event, other->token, DLW_EXIT);
}

/* ---- conditions --------------------------------------------------------------------- */

static bool wait(struct dlw_trace *trace, const struct dlw_trace_event *event)
{
	struct dlw_thread *thread = dlw_thread_at(trace, event->thread);
	uint32_t at = find_hold(thread, event->mutex);
	struct dlw_trace_event given_back = *event;

	if (!dlw_order_wait(trace, event) || !add_plain(trace, event))
		return false;
	if (at == DLW_NONE)
		return true;
	thread->holds[at].count = 1;
	given_back.op = DLW_TRACE_RELEASE;
	given_back.object = event->mutex;
	return release(trace, &given_back);
}

/* ---- the whole ---------------------------------------------------------------------- */

static bool take(struct dlw_trace *trace, const struct dlw_trace_event *event)
{
	switch (event->op) {
	case DLW_TRACE_CREATE:
	case DLW_TRACE_FORK:
		return create(trace, event);
	case DLW_TRACE_JOIN:
	case DLW_TRACE_WANT_JOIN:
		return join(trace, event);
	case DLW_TRACE_ACQUIRE:
		return acquire(trace, event);
	case DLW_TRACE_RELEASE:
		return release(trace, event);
	case DLW_TRACE_FAILED:
		return failed(trace, event);
	case DLW_TRACE_WANT:
		return want(trace, event, event->object, event->mode);
	case DLW_TRACE_WAIT:
		return wait(trace, event);
	case DLW_TRACE_WOKEN:
		return dlw_order_woken(trace, event) &&
		       want(trace, event, event->object, DLW_SIGNAL);
	case DLW_TRACE_GIVE_UP:
		return dlw_order_give_up(trace, event) && add_plain(trace, event);
	case DLW_TRACE_SIGNAL:
	case DLW_TRACE_BROADCAST:
		return dlw_order_signal(trace, event) && add_plain(trace, event);
	case DLW_TRACE_ARRIVE:
		return dlw_order_arrive(trace, event) && add_plain(trace, event);
	case DLW_TRACE_LEAVE:
		return dlw_order_leave(trace, event) &&
		       want(trace, event, event->object, DLW_ARRIVE);
	case DLW_TRACE_READ:
	case DLW_TRACE_WRITE:
		return dlw_order_access(trace, event) && add_plain(trace, event);
	case DLW_TRACE_GAP:
		return gap(trace, event);
	default: /* START, EXIT */
		return add_step(trace, event->thread, event->op, 0, event->place);
	}
}

/** in_range() - its numbers were given out, for what its op needs */
static bool in_range(const struct dlw_trace *trace, const struct dlw_trace_event *event)
{
	if (event->thread >= trace->threads.count || (uint32_t)event->op >= DLW_TRACE_OP_COUNT)
		return false;
	switch (event->op) {
	case DLW_TRACE_CREATE:
	case DLW_TRACE_FORK:
	case DLW_TRACE_JOIN:
	case DLW_TRACE_WANT_JOIN:
		return event->object < trace->threads.count && event->object != event->thread;
	case DLW_TRACE_START:
	case DLW_TRACE_EXIT:
	case DLW_TRACE_GAP:
		return true;
	default:
		return event->object < trace->objects.count;
	}
}

bool dlw_trace_add(struct dlw_trace *trace, const struct dlw_trace_event *event)
{
	struct dlw_thread *thread;

	if (trace->finished || trace->exhausted || !in_range(trace, event)) {
		trace->losses.dropped++;
		return false;
	}
	thread = dlw_thread_at(trace, event->thread);
	if (thread->steps.count > thread->end) {
		/* it wants something for ever: nothing can follow */
		trace->losses.odd++;
		return false;
	}
	if (forget_loose(trace, thread) && take(trace, event))
		return true;
	/* a step may be missing now: what comes later would be judged wrongly */
	trace->exhausted = true;
	trace->losses.dropped++;
	return false;
}

void dlw_trace_expect(struct dlw_trace *trace, const struct dlw_trace_event *event)
{
	struct dlw_dependency wanted;

	/* few of them are in a cache anyway */
	if (trace->dependencies.count < DLW_EXPECT_FROM || trace->exhausted ||
	    !in_range(trace, event))
		return;
	wanted = wish(trace, event, event->object, (uint8_t)event->mode);
	if (wanted.held != DLW_NONE)
		dlw_intern_expect(trace, &wanted);
}

struct dlw_trace_losses dlw_trace_losses(const struct dlw_trace *trace)
{
	return trace->losses;
}
