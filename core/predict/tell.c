/*
 * core/predict/tell.c - what is told of a cycle: members, holds, counts, schedule
 *
 * How often an order was seen takes a walk over all that want the same object.
 * So it is counted when all is told, once for everybody.
 */
#include "core/predict/tell.h"

/* Where everything together is too much: of a thread that holds so few all are told still. */
#define FEW 8

/** A member, in the list of those that want one object. */
struct told_member {
	struct dlw_predicted_member *member;
	uint32_t next; /* + 1 */
};

bool dlw_teller_make(struct dlw_teller *teller, const struct dlw_trace *trace,
		     const struct dlw_kept *kept, const struct dlw_predict_options *options,
		     struct dlw_arena *arena, struct dlw_arena *scratch)
{
	*teller = (struct dlw_teller){
		.trace = trace,
		.kept = kept,
		.options = options,
		.arena = arena,
		.scratch = scratch,
		.wanted_from = dlw_arena_array(arena, uint32_t, trace->objects.count),
		.members = DLW_COLUMN(struct told_member, 6),
	};
	return teller->wanted_from;
}

/* ---- members and what they hold ------------------------------------------------------ */

static const struct dlw_dependency *member(const struct dlw_teller *t,
					   const struct dlw_pattern *pattern, uint32_t i)
{
	return dlw_dependency_at(t->trace, t->kept->dependencies[pattern->members[i]]);
}

/** is_told() - one of the holds that the cycle is about, or all are told */
static bool is_told(const struct dlw_teller *t, uint32_t object, bool all)
{
	return !dlw_object_at(t->trace, object)->loose && (all || t->kept->marks[object].wanted);
}

/** find_places() - where @holds were taken, each last before @position */
static void find_places(struct dlw_teller *t, const struct dlw_thread *thread, uint32_t position,
			struct dlw_predicted_hold *holds, uint32_t count)
{
	uint32_t left = count, i;

	for (i = 0; i < count; i++)
		t->wanted_from[holds[i].object] = i + 1;
	while (left && position-- > 0) {
		const struct dlw_step *step = dlw_step_at(thread, position);
		uint32_t *from;

		if (dlw_step_op(step) != DLW_TRACE_ACQUIRE)
			continue;
		from = &t->wanted_from[dlw_dependency_at(t->trace, dlw_step_index(step))->object];
		if (!*from)
			continue;
		holds[*from - 1].place = step->extra;
		*from = 0;
		left--;
	}
	for (i = 0; i < count && left; i++)
		t->wanted_from[holds[i].object] = 0;
}

static bool tell_holds(struct dlw_teller *t, const struct dlw_dependency *dependency,
		       uint32_t position, bool all, struct dlw_predicted_member *to)
{
	struct dlw_predicted_hold *holds;
	uint32_t set, count = 0;

	for (set = dependency->held; set; set = dlw_held_at(t->trace, set).below)
		count += is_told(t, dlw_held_at(t->trace, set).object, all);
	holds = dlw_arena_array(t->arena, struct dlw_predicted_hold, count);
	if (!holds)
		return false;
	to->holds = holds;
	to->hold_count = count;
	t->holds += count;
	for (set = dependency->held; set; set = dlw_held_at(t->trace, set).below) {
		const struct dlw_held held = dlw_held_at(t->trace, set);

		if (is_told(t, held.object, all))
			holds[--count] = (struct dlw_predicted_hold){
				.object = held.object, .mode = (enum dlw_mode)held.mode
			};
	}
	find_places(t, dlw_thread_at(t->trace, dependency->thread), position, holds,
		    to->hold_count);
	return true;
}

/** all_holds() - there is room for all that the members hold */
static bool all_holds(const struct dlw_teller *t, const struct dlw_pattern *pattern)
{
	uint32_t i, set, count = 0;

	if (t->holds <= t->options->holds_told)
		return true;
	for (i = 0; i < pattern->count; i++)
		for (set = member(t, pattern, i)->held; set;
		     set = dlw_held_at(t->trace, set).below)
			if (++count > FEW * pattern->count)
				return false;
	return true;
}

static bool tell_members(struct dlw_teller *t, const struct dlw_pattern *pattern,
			 const struct dlw_target *targets, bool all, struct dlw_predicted *to)
{
	struct dlw_predicted_member *members =
		dlw_arena_array(t->arena, struct dlw_predicted_member, pattern->count);
	uint32_t i;

	if (!members)
		return false;
	t->shortened += !all;
	for (i = 0; i < pattern->count; i++) {
		const struct dlw_dependency *one = member(t, pattern, i);
		const struct dlw_thread *thread = dlw_thread_at(t->trace, one->thread);
		struct told_member *told = dlw_column_add(&t->members, t->arena);
		uint32_t position = targets[i].position;

		if (!told)
			return false;
		told->member = &members[i];
		members[i] = (struct dlw_predicted_member){
			.thread = one->thread,
			.object = one->object,
			.mode = (enum dlw_mode)one->mode,
			.form = (enum dlw_form)one->form,
			.place = dlw_step_at(thread, position)->extra,
			.given = member(t, pattern, (i + pattern->count - 1) % pattern->count)
					 ->object,
		};
		if (!tell_holds(t, one, position, all, &members[i]))
			return false;
	}
	to->members = members;
	to->count = pattern->count;
	return true;
}

/* ---- the witness ----------------------------------------------------------------------------- */

static struct dlw_witness_step tell_step(const struct dlw_trace *trace, uint32_t number,
					 uint32_t position)
{
	const struct dlw_step *step = dlw_step_at(dlw_thread_at(trace, number), position);
	uint32_t index = dlw_step_index(step);
	struct dlw_witness_step told = { number, dlw_step_op(step), index, DLW_NO_MODE,
					 step->extra };
	const struct dlw_dependency *dependency;

	switch (told.op) {
	case DLW_TRACE_ACQUIRE:
	case DLW_TRACE_FAILED:
	case DLW_TRACE_JOIN:
	case DLW_TRACE_WOKEN:
	case DLW_TRACE_LEAVE:
		dependency = dlw_dependency_at(trace, index);
		told.object = dependency->object;
		told.mode = (enum dlw_mode)dependency->mode;
		break;
	case DLW_TRACE_RELEASE:
		told.place = 0;
		break;
	case DLW_TRACE_CREATE:
	case DLW_TRACE_FORK:
	case DLW_TRACE_START:
	case DLW_TRACE_EXIT:
		told.object = DLW_NONE;
		break;
	default:
		break;
	}
	return told;
}

/** is_kept_to_the_end() - a member takes here what it has when the cycle closes */
static bool is_kept_to_the_end(const struct dlw_trace *trace, const struct dlw_target *targets,
			       uint32_t count, uint32_t thread, uint32_t position)
{
	const struct dlw_step *step = dlw_step_at(dlw_thread_at(trace, thread), position);
	uint32_t i, at;

	if (dlw_step_op(step) != DLW_TRACE_ACQUIRE)
		return false;
	for (i = 0; i < count && targets[i].thread != thread; i++)
		;
	if (i == count)
		return false;
	for (at = position + 1; at < targets[i].position; at++) {
		const struct dlw_step *later = dlw_step_at(dlw_thread_at(trace, thread), at);

		if (dlw_step_op(later) == DLW_TRACE_RELEASE &&
		    dlw_step_index(later) == dlw_dependency_at(trace, dlw_step_index(step))->object)
			return false;
	}
	return true;
}

/** is_told_step() - of a schedule that is shortened; @all: with all that the members keep */
static bool is_told_step(const struct dlw_teller *t, const struct dlw_examined *examined,
			 uint32_t count, uint32_t thread, uint32_t position, bool all)
{
	const struct dlw_step *step = dlw_step_at(dlw_thread_at(t->trace, thread), position);

	if (!all && dlw_step_op(step) == DLW_TRACE_ACQUIRE &&
	    !is_told(t, dlw_dependency_at(t->trace, dlw_step_index(step))->object, false))
		return false;
	return is_kept_to_the_end(t->trace, examined->targets, count, thread, position);
}

static bool tell_witness(struct dlw_teller *t, const struct dlw_examined *examined,
			 struct dlw_run *run, uint32_t count, bool whole,
			 struct dlw_predicted *to)
{
	const struct dlw_schedule *schedule = &examined->schedule;
	bool all = schedule->count <= t->options->witness_steps;
	struct dlw_column told = DLW_COLUMN(struct dlw_witness_step, 6);
	struct dlw_witness_step *steps, *added;
	uint32_t at;

	to->witness_order = schedule->order;
	dlw_run_begin(run, schedule->order);
	for (at = 0; at < schedule->count; at++) {
		uint32_t thread = schedule->threads[at], position = run->prefix[thread];

		dlw_run_step(run, thread);
		if (!all &&
		    !is_told_step(t, examined, count, thread, position, whole))
			continue;
		added = dlw_column_add(&told, t->scratch);
		if (!added)
			return false;
		*added = tell_step(t->trace, thread, position);
	}
	steps = dlw_arena_array(t->arena, struct dlw_witness_step, told.count);
	if (!steps)
		return false;
	for (at = 0; at < told.count; at++)
		steps[at] = *(struct dlw_witness_step *)dlw_column_at(&told, at);
	to->witness = steps;
	to->witness_count = told.count;
	to->witness_omitted = schedule->count - told.count;
	return true;
}

/* ---- the whole ------------------------------------------------------------------------------- */

bool dlw_tell(struct dlw_teller *teller, const struct dlw_pattern *pattern,
	      const struct dlw_examined *examined, struct dlw_run *run, struct dlw_predicted *to)
{
	bool all = all_holds(teller, pattern);

	to->verdict = examined->verdict;
	to->because = examined->because;
	to->object = examined->object;
	if (!tell_members(teller, pattern, examined->targets, all, to))
		return false;
	return examined->verdict != DLW_FEASIBLE ||
	       tell_witness(teller, examined, run, pattern->count, all, to);
}

/* ---- how often ------------------------------------------------------------------------------- */

struct count {
	uint64_t seen;
	uint32_t last; /* dependency that was counted last, + 1 */
};

struct counting {
	const struct dlw_teller *teller;
	struct count *counts;           /* by object that was had */
	uint32_t *told;                 /* by object: the first that was told to want it, + 1 */
	uint32_t *wanting, *next;       /* by object: a kept dependency that wants it, + 1; by that: the next */
};

static void count_one(struct counting *c, uint32_t object, uint32_t place, uint64_t seen)
{
	struct count *count = &c->counts[object];

	if (count->last == place + 1)
		return;
	count->last = place + 1;
	count->seen += seen;
}

/** count_given() - all that the kept dependency @place has; forget: nothing was ever counted */
static void count_given(struct counting *c, uint32_t place, bool forget)
{
	const struct dlw_trace *trace = c->teller->trace;
	const struct dlw_dependency *one =
		dlw_dependency_at(trace, c->teller->kept->dependencies[place]);
	const struct dlw_thread *thread = dlw_thread_at(trace, one->thread);
	uint32_t set, i, object;

	for (set = one->held; set; set = dlw_held_at(trace, set).below) {
		object = dlw_held_at(trace, set).object;
		if (forget)
			c->counts[object] = (struct count){ 0 };
		else
			count_one(c, object, place, one->seen);
	}
	for (i = 0; i < thread->implicits.count; i++) {
		object = ((struct dlw_implicit *)dlw_column_at(&thread->implicits, i))->object;
		if (forget)
			c->counts[object] = (struct count){ 0 };
		else
			count_one(c, object, place, one->seen);
	}
}

static void count_all_given(struct counting *c, uint32_t object, bool forget)
{
	uint32_t at;

	for (at = c->wanting[object]; at; at = c->next[at - 1])
		count_given(c, at - 1, forget);
}

/** tell_object() - everybody who was told to want @object how often that was, with what he has */
static void tell_object(struct counting *c, uint32_t object)
{
	const struct told_member *told;
	uint32_t at, i;

	count_all_given(c, object, false);
	for (at = c->told[object]; at; at = told->next) {
		struct dlw_predicted_hold *holds;

		told = dlw_column_at(&c->teller->members, at - 1);
		holds = (struct dlw_predicted_hold *)told->member->holds;
		told->member->seen = c->counts[told->member->given].seen;
		for (i = 0; i < told->member->hold_count; i++)
			holds[i].seen = c->counts[holds[i].object].seen;
	}
	count_all_given(c, object, true);
}

static void list_told(struct counting *c)
{
	const struct dlw_teller *teller = c->teller;
	uint32_t i, object;

	for (i = 0; i < teller->members.count; i++) {
		struct told_member *told = dlw_column_at(&teller->members, i);

		object = told->member->object;
		told->next = c->told[object];
		c->told[object] = i + 1;
	}
	for (i = 0; i < teller->kept->count; i++) {
		object = dlw_dependency_at(teller->trace, teller->kept->dependencies[i])->object;
		c->next[i] = c->wanting[object];
		c->wanting[object] = i + 1;
	}
}

bool dlw_tell_counts(struct dlw_teller *teller)
{
	uint32_t objects = teller->trace->objects.count, object;
	struct counting c = {
		.teller = teller,
		.counts = dlw_arena_array(teller->arena, struct count, objects),
		.told = dlw_arena_array(teller->arena, uint32_t, objects),
		.wanting = dlw_arena_array(teller->arena, uint32_t, objects),
		.next = dlw_arena_array(teller->arena, uint32_t, teller->kept->count),
	};

	if (!c.counts || !c.told || !c.wanting || !c.next)
		return false;
	list_told(&c);
	for (object = 0; object < objects; object++)
		if (c.told[object])
			tell_object(&c, object);
	return true;
}
