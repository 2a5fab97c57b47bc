/*
 * log_state.c - a moment of a replay, as the judge wants it
 *
 * Soundness of a log whose end is missing: any set of events that is closed
 * under program order and ticket order is a moment that could have been, and a
 * cycle of owners in it is a deadlock for good. So a missing end does not
 * matter by itself; missing tickets and forgotten holds do, and a wait they
 * touch is marked unconfirmed, which keeps it from being called proven.
 */
#include "analyzer/log_replay.h"

#include <string.h>

#include "analyzer/log_cursor.h"

struct builder {
	struct dlw_replay *replay;
	struct dlw_arena *arena;
	struct dlw_state *state;
	struct dlw_process_state *processes;
	struct dlw_thread_state *threads;
	struct dlw_resource_state *resources;
	struct dlw_hold *holds;
	struct dlw_releaser *releasers;
	uint32_t resource_count, hold_count, releaser_count;
	bool failed; /* the arena ran out */
};

bool dlw_replay_stack(const struct dlw_source *source, uint32_t id, struct dlw_arena *arena,
		      struct dlw_stack *stack)
{
	uint32_t depth = id ? dlw_log_defined_stack(&source->defined, id, NULL, 0) : 0;
	uint64_t *frames;

	*stack = (struct dlw_stack){ NULL, 0 };
	if (!depth)
		return true;
	frames = dlw_arena_array(arena, uint64_t, depth);
	if (!frames)
		return false;
	dlw_log_defined_stack(&source->defined, id, frames, depth);
	*stack = (struct dlw_stack){ frames, depth };
	return true;
}

static void stack_of(struct builder *builder, const struct dlw_source *source, uint32_t id,
		     struct dlw_stack *stack)
{
	if (!dlw_replay_stack(source, id, builder->arena, stack))
		builder->failed = true;
}

/* ---------------------------------------------------------------------- count */

/** is_held() - whether a hold belongs into the state */
static bool is_held(const struct dlw_log_hold *hold)
{
	return !hold->stale && !hold->object->dead;
}

static bool has_permits(const struct dlw_permits *permits)
{
	/* what a stranger may post is an event that was used up, not something held */
	return permits->count && !permits->object->dead &&
	       permits->object->history != DLW_SIGNAL_LIKE;
}

static void count_object(struct builder *builder, struct dlw_replay_object *object)
{
	if (!object || object->last_use == builder->replay->moment)
		return;
	object->last_use = builder->replay->moment;
	object->state_index = builder->resource_count++;
	builder->releaser_count += object->releaser_count;
}

/** joined_thread() - whom the thread waits to exit, or NULL */
static struct dlw_cursor *joined_thread(const struct dlw_cursor *cursor)
{
	uint32_t position;

	if (cursor->want.wait != DLW_WAIT_THREAD)
		return NULL;
	position = dlw_log_index_find(&cursor->source->cursor_index, cursor->want.joined);
	return position == DLW_NO_POSITION ? NULL : cursor->source->cursors[position];
}

static void count_thread(struct builder *builder, const struct dlw_cursor *cursor)
{
	struct dlw_cursor *joined = joined_thread(cursor);
	uint32_t at;

	for (at = 0; at < cursor->hold_count; at++)
		if (is_held(&cursor->holds[at])) {
			count_object(builder, cursor->holds[at].object);
			builder->hold_count++;
		}
	for (at = 0; at < cursor->permit_count; at++)
		if (has_permits(&cursor->permits[at])) {
			count_object(builder, cursor->permits[at].object);
			builder->hold_count++;
		}
	count_object(builder, cursor->want.object);
	count_object(builder, cursor->want.mutex);
	if (joined && joined->last_use != builder->replay->moment) {
		joined->last_use = builder->replay->moment;
		joined->state_index = builder->resource_count++;
	}
}

/* ------------------------------------------------------------------ processes */

static uint64_t moment_ns(const struct dlw_replay *replay)
{
	const struct dlw_cursor *current = replay->current;
	uint64_t latest = 0;
	uint32_t at;

	if (current)
		return dlw_log_file_time(&current->source->file, current->head.event.ticks);
	for (at = 0; at < replay->source_count; at++)
		if (replay->sources[at]->last_ns > latest)
			latest = replay->sources[at]->last_ns;
	return latest < INT64_MAX ? latest : INT64_MAX; /* damaged: still a number for JSON */
}

/*
 * An exited process waits for nothing and helps nobody. One that was ended
 * because of a finding is shown as it was just before.
 */
static bool has_ended(const struct builder *builder, const struct dlw_source *source)
{
	const struct dlw_log_definitions *defined = &source->defined;
	uint32_t at;

	if (!defined->end_known || defined->end_reason == DLW_END_FINDING ||
	    defined->end_reason == DLW_END_LOG_MAX)
		return false;
	if (builder->replay->current && defined->end_ns >= builder->state->now_ns)
		return false;
	for (at = 0; at < source->cursor_count; at++)
		if (!source->cursors[at]->finished)
			return false;
	return true;
}

/** open_reason() - why somebody unseen could still help; NULL: the world was closed */
static const char *open_reason(const struct builder *builder, const struct dlw_source *source)
{
	const struct dlw_log_definitions *defined = &source->defined;

	if (!defined->look.present || (builder->replay->current && !defined->found_in_all))
		return "the log does not say who else could act";
	if (dlw_source_is_cut(source))
		return "the end of the log is missing";
	if (dlw_source_lost_blocks(source))
		return "parts of the log are missing";
	if (dlw_source_overwrote(source))
		return "the beginning of the log was overwritten";
	return *defined->look.open_reason ? defined->look.open_reason : NULL;
}

static void build_processes(struct builder *builder)
{
	uint32_t at;

	for (at = 0; at < builder->replay->source_count; at++) {
		const struct dlw_source *source = builder->replay->sources[at];

		builder->processes[at] = dlw_source_process(source);
		builder->processes[at].ended = has_ended(builder, source);
		builder->processes[at].open_reason = open_reason(builder, source);
	}
}

/** reporting_process() - the one that found something last, or else the first parent */
static uint32_t reporting_process(const struct dlw_replay *replay)
{
	uint32_t at, other, best = DLW_NONE;

	for (at = 0; at < replay->source_count; at++) {
		const struct dlw_log_look *look = &replay->sources[at]->defined.look;

		if (look->present && look->found &&
		    (best == DLW_NONE ||
		     look->monotonic_ns > replay->sources[best]->defined.look.monotonic_ns))
			best = at;
	}
	for (at = 0; best == DLW_NONE && at < replay->source_count; at++) {
		for (other = 0; other < replay->source_count; other++)
			if (replay->sources[other]->file.header.pid ==
			    replay->sources[at]->file.header.parent_pid)
				break;
		if (other == replay->source_count)
			best = at;
	}
	return best == DLW_NONE ? 0 : best;
}

/* -------------------------------------------------------------------- threads */

static bool is_doubtful(const struct dlw_source *source, const struct dlw_replay_object *object)
{
	return (object && (object->holes || object->guessed)) || source->file.gap_count ||
	       source->loss.cut_blocks || source->defined.coverage[DLW_LOST_EVENTS];
}

/** is_polling() - the wait is one of a row that all timed out, without progress between */
static bool is_polling(const struct dlw_cursor *cursor)
{
	const struct dlw_log_want *want = &cursor->want;

	return want->form == DLW_FORM_TIMED && cursor->polled.object == want->object &&
	       cursor->polled.stack == want->stack &&
	       cursor->polled_times >= DLW_POLLING_TIMEOUTS;
}

static uint64_t waiting_since(const struct dlw_cursor *cursor)
{
	uint64_t since = is_polling(cursor) ? cursor->polled.since_ns : cursor->want.since_ns;

	return since < INT64_MAX ? since : 0; /* or it is damaged */
}

static uint32_t want_flags(const struct dlw_cursor *cursor)
{
	const struct dlw_log_want *want = &cursor->want;
	uint32_t flags = 0;

	if (want->form == DLW_FORM_TIMED)
		flags |= DLW_WANT_TIMED;
	if (want->form == DLW_FORM_TRY)
		flags |= DLW_WANT_TRY;
	if (is_polling(cursor))
		flags |= DLW_WANT_POLLING;
	if (want->object && want->object->defined.kind == DLW_SPINLOCK)
		flags |= DLW_WANT_SPINNING;
	if (want->object && want->object->defined.kind == DLW_CUSTOM)
		flags |= DLW_WANT_UNCONFIRMED; /* only the program tells of it */
	if (is_doubtful(cursor->source, want->object) || is_doubtful(cursor->source, want->mutex))
		flags |= DLW_WANT_UNCONFIRMED;
	return flags;
}

static enum dlw_mode lock_mode(const struct dlw_replay_object *object, uint8_t mode)
{
	switch (object->defined.kind) {
	case DLW_SEMAPHORE:
		return DLW_PERMIT;
	case DLW_CONDITION:
		return DLW_SIGNAL;
	case DLW_BARRIER:
		return DLW_ARRIVE;
	default:
		return mode == 1 ? DLW_SHARED : DLW_EXCLUSIVE;
	}
}

/** was_signalled() - some waiter of the condition was, and now wants its mutex */
static bool was_signalled(const struct dlw_log_want *want)
{
	return want->wait == DLW_WAIT_CONDITION && want->object->signals;
}

static void build_want(struct builder *builder, const struct dlw_cursor *cursor,
		       struct dlw_want *to)
{
	const struct dlw_log_want *want = &cursor->want;
	struct dlw_cursor *joined = joined_thread(cursor);

	*to = (struct dlw_want){
		.resource = want->object ? want->object->state_index : joined->state_index,
		.mode = want->object ? lock_mode(want->object, want->mode) : DLW_EXIT,
		.mutex = want->mutex ? want->mutex->state_index : DLW_NONE,
		.flags = want_flags(cursor),
		.since_ns = waiting_since(cursor),
		.order = want->order,
	};
	stack_of(builder, cursor->source, want->stack, &to->stack);
	if (!was_signalled(want))
		return;
	to->resource = to->mutex;
	to->mode = DLW_EXCLUSIVE;
	to->mutex = DLW_NONE;
	to->flags &= ~(uint32_t)(DLW_WANT_TIMED | DLW_WANT_POLLING);
}

/** has_permit() - it was posted, and some waiter is about to have it */
static bool has_permit(const struct dlw_replay_object *semaphore)
{
	int64_t initial = semaphore->defined.initial_known ? semaphore->defined.initial : 0;

	return dlw_is_counted(semaphore) && initial + semaphore->permits > 0;
}

static bool waits(const struct dlw_cursor *cursor)
{
	const struct dlw_log_want *want = &cursor->want;

	if (!want->object)
		return joined_thread(cursor);
	if (want->wait == DLW_WAIT_OBJECT && has_permit(want->object))
		return false;
	return !was_signalled(want) || (want->mutex && want->mutex->owner);
}

static void build_thread(struct builder *builder, const struct dlw_cursor *cursor)
{
	struct dlw_thread_state *thread = &builder->threads[cursor->number];
	uint32_t process = cursor->source->number;

	*thread = (struct dlw_thread_state){
		.process = process,
		.tid = cursor->defined ? cursor->defined->tid : 0,
		.name = cursor->defined ? cursor->defined->name : "",
		.detached = cursor->detached,
		.exempt = cursor->exempt > 0,
	};
	if (cursor->exited || builder->processes[process].ended)
		thread->life = DLW_GONE;
	else if (waits(cursor))
		thread->life = DLW_WAITING;
	else
		thread->life = DLW_LIVE;
	if (thread->life == DLW_WAITING)
		build_want(builder, cursor, &thread->want);
	if (cursor->defined)
		stack_of(builder, cursor->source, cursor->defined->created_stack,
			 &thread->created_at);
}

/* ---------------------------------------------------------- resources and holds */

static void build_thread_resource(struct builder *builder, const struct dlw_cursor *cursor)
{
	struct dlw_resource_state *resource = &builder->resources[cursor->state_index];

	*resource = (struct dlw_resource_state){
		.kind = DLW_THREAD,
		.process = cursor->source->number,
		.name = cursor->defined && *cursor->defined->name ? cursor->defined->name : NULL,
		.subject = cursor->number,
	};
}

static void build_releasers(struct builder *builder, const struct dlw_replay_object *object)
{
	struct dlw_resource_state *resource = &builder->resources[object->state_index];
	uint32_t at;

	for (at = 0; at < object->releaser_count; at++) {
		const struct dlw_past_releaser *past = &object->releasers[at];
		struct dlw_cursor *cursor = past->thread;
		const struct dlw_permits *permits = dlw_cursor_permits(cursor, object);

		if (past->as_stranger && builder->threads[cursor->number].life == DLW_GONE)
			resource->ever_posted_by_vanished = true;
		/* who posts only what it has taken can do so only while it has some */
		if (!past->announced && (resource->history == DLW_LOCK_LIKE ||
					 (!past->as_stranger && !(permits && permits->count))))
			continue;
		builder->releasers[builder->releaser_count++] = (struct dlw_releaser){
			.thread = cursor->number,
			.resource = object->state_index,
			/* where nobody's word is missing those who are announced are all */
			.provenance = past->announced && !builder->replay->unheard ?
					      DLW_ANNOTATED :
					      DLW_SEEN_BEFORE,
		};
	}
}

static void build_resource(struct builder *builder, const struct dlw_replay_object *object)
{
	struct dlw_resource_state *resource = &builder->resources[object->state_index];
	const struct dlw_log_object *defined = &object->defined;
	const struct dlw_source *source = object->source;

	if (resource->kind != DLW_NO_KIND)
		return; /* it was there already */
	*resource = (struct dlw_resource_state){
		.kind = defined->kind ? defined->kind : DLW_CUSTOM,
		.type = defined->type,
		.traits = defined->traits | (object->distrusted ? DLW_TRAIT_DISTRUSTED : 0),
		.name = *defined->name ? defined->name : NULL,
		.process = source->number,
		.address = defined->address,
		.history = object->history,
		.initial = defined->initial,
		.initial_known = defined->initial_known,
		.arrived = object->arrived,
		.ever_posted_by_vanished = object->poster_vanished || object->holes ||
					   dlw_source_lost_blocks(source) ||
					   dlw_source_overwrote(source) ||
					   dlw_source_is_cut(source),
	};
	stack_of(builder, source, defined->init_stack, &resource->init_stack);
	build_releasers(builder, object);
}

static void add_hold(struct builder *builder, const struct dlw_cursor *cursor,
		     const struct dlw_replay_object *object, uint8_t mode, uint32_t count,
		     uint32_t stack, uint64_t ticks)
{
	struct dlw_hold *hold = &builder->holds[builder->hold_count++];

	*hold = (struct dlw_hold){
		.thread = cursor->number,
		.resource = object->state_index,
		.mode = lock_mode(object, mode),
		.count = count,
		.since_ns = ticks ? dlw_log_file_time(&cursor->source->file, ticks) : 0,
	};
	stack_of(builder, cursor->source, stack, &hold->stack);
	build_resource(builder, object);
}

static void build_holds(struct builder *builder, const struct dlw_cursor *cursor)
{
	uint32_t at;

	for (at = 0; at < cursor->hold_count; at++) {
		const struct dlw_log_hold *hold = &cursor->holds[at];

		if (is_held(hold))
			add_hold(builder, cursor, hold->object, hold->mode, hold->count,
				 hold->stack, hold->ticks);
	}
	for (at = 0; at < cursor->permit_count; at++) {
		const struct dlw_permits *permits = &cursor->permits[at];

		if (has_permits(permits))
			add_hold(builder, cursor, permits->object, 2, permits->count,
				 permits->stack, permits->ticks);
	}
}

static void build_wanted(struct builder *builder, const struct dlw_cursor *cursor)
{
	struct dlw_cursor *joined = joined_thread(cursor);

	if (cursor->want.object)
		build_resource(builder, cursor->want.object);
	if (cursor->want.mutex)
		build_resource(builder, cursor->want.mutex);
	if (joined)
		build_thread_resource(builder, joined);
}

/* ----------------------------------------------------------------------- whole */

static bool allocate(struct builder *builder)
{
	const struct dlw_replay *replay = builder->replay;
	struct dlw_arena *arena = builder->arena;

	builder->processes = dlw_arena_array(arena, struct dlw_process_state, replay->source_count);
	builder->threads = dlw_arena_array(arena, struct dlw_thread_state, replay->cursor_count);
	builder->resources =
		dlw_arena_array(arena, struct dlw_resource_state, builder->resource_count);
	builder->holds = dlw_arena_array(arena, struct dlw_hold, builder->hold_count);
	builder->releasers = dlw_arena_array(arena, struct dlw_releaser, builder->releaser_count);
	return (builder->processes || !replay->source_count) &&
	       (builder->threads || !replay->cursor_count) &&
	       (builder->resources || !builder->resource_count) &&
	       (builder->holds || !builder->hold_count) &&
	       (builder->releasers || !builder->releaser_count);
}

static void publish(const struct builder *builder)
{
	struct dlw_state *state = builder->state;

	state->processes = builder->processes;
	state->process_count = builder->replay->source_count;
	state->threads = builder->threads;
	state->thread_count = builder->replay->cursor_count;
	state->resources = builder->resources;
	state->resource_count = builder->resource_count;
	state->holds = builder->holds;
	state->hold_count = builder->hold_count;
	state->releasers = builder->releasers;
	state->releaser_count = builder->releaser_count;
	state->stall_ns = builder->replay->stall_ns;
	state->reporter = reporting_process(builder->replay);
}

int dlw_replay_state(struct dlw_replay *replay, struct dlw_arena *arena, struct dlw_state *state)
{
	struct builder builder = { .replay = replay, .arena = arena, .state = state };
	uint32_t at;

	memset(state, 0, sizeof(*state));
	state->now_ns = moment_ns(replay);
	replay->moment++;
	for (at = 0; at < replay->cursor_count; at++)
		count_thread(&builder, replay->cursors[at]);
	if (!allocate(&builder))
		return -1;
	builder.hold_count = builder.releaser_count = 0;
	build_processes(&builder);
	for (at = 0; at < replay->cursor_count; at++)
		build_thread(&builder, replay->cursors[at]);
	for (at = 0; at < replay->cursor_count; at++) {
		build_holds(&builder, replay->cursors[at]);
		build_wanted(&builder, replay->cursors[at]);
	}
	publish(&builder);
	return builder.failed ? -1 : 0;
}
