/*
 * core/predict/examine.c - can this pattern happen? Stages D to F for one cycle
 *
 * D and E are one walk over the instances of the members: what must have
 * happened before all of them is closed; an instance that is itself dragged in
 * can never be the one, and the next of its member takes its place. The closure
 * only grows, so all instances together cost one walk over the trace.
 *
 * To stay near, E first takes everything before the oldest lock that a member
 * keeps wholesale. That may drag in more than needed, never less: what it finds
 * is sound, and what it misses is tried again from the beginning.
 */
#include "core/predict/examine.h"

#define TUPLES 64      /* choices of instances that stage F searches for … */
#define CHOICES 4096   /* … out of so many that it looks at */
#define HARD_CYCLES 50 /* as many may use up what stage F may spend on one */

enum meeting { MEET, NEVER, NO_BUDGET, NO_MEMORY };

struct examination {
	struct dlw_examiner *x;
	const struct dlw_pattern *pattern;
	uint32_t *at; /* by member: its instance */
	struct dlw_examined *examined;
};

bool dlw_examiner_make(struct dlw_examiner *examiner, const struct dlw_trace *trace,
		       const struct dlw_kept *kept, const struct dlw_predict_options *options,
		       struct dlw_arena *arena, struct dlw_arena *scratch)
{
	*examiner = (struct dlw_examiner){
		.trace = trace, .kept = kept, .options = options, .scratch = scratch
	};
	if (!dlw_closure_make(&examiner->closure, trace, arena) ||
	    !dlw_run_make(&examiner->run, trace, arena) ||
	    !dlw_search_make(&examiner->search, &examiner->run, arena))
		return false;
	examiner->search.arena = scratch;
	examiner->states_left = HARD_CYCLES * options->state_budget;
	return true;
}

uint32_t dlw_outermost(const struct dlw_trace *trace, uint32_t thread, uint32_t position)
{
	while (position && dlw_held_set(trace, thread, position))
		position--;
	return position;
}

static const struct dlw_dependency *member(const struct examination *e, uint32_t i)
{
	return dlw_dependency_at(e->x->trace, e->x->kept->dependencies[e->pattern->members[i]]);
}

static uint32_t position(const struct examination *e, uint32_t i)
{
	return e->x->kept->instances[e->at[i]];
}

static uint32_t last_instance(const struct examination *e, uint32_t i)
{
	return e->x->kept->first_instance[e->pattern->members[i] + 1];
}

static bool is_token(const struct examination *e, uint32_t i)
{
	return !dlw_is_lock(dlw_object_at(e->x->trace, member(e, i)->object));
}

/* ---- stages D and E ------------------------------------------------------------------ */

/** still_to_come() - what member @i waits for has not happened in the closure */
static bool still_to_come(const struct examination *e, uint32_t i)
{
	const struct dlw_thread *thread = dlw_thread_at(e->x->trace, member(e, i)->thread);
	uint32_t at;

	if (!is_token(e, i) || position(e, i) >= thread->end)
		return true;
	at = dlw_edges_before(thread, position(e, i));
	for (; at < thread->edges.count; at++) {
		const struct dlw_edge *edge = dlw_column_at(&thread->edges, at);

		if (edge->at != position(e, i))
			break;
		if (!edge->replaceable && e->x->closure.prefix[edge->thread] < edge->prefix)
			return true;
	}
	return false;
}

/** still_owes() - member @i is yet to give what the one before it wants */
static bool still_owes(const struct examination *e, uint32_t i)
{
	const struct dlw_thread *thread = dlw_thread_at(e->x->trace, member(e, i)->thread);
	uint32_t before = (i + e->pattern->count - 1) % e->pattern->count, at;

	if (!is_token(e, before))
		return true;
	for (at = 0; at < thread->implicits.count; at++) {
		const struct dlw_implicit *implicit = dlw_column_at(&thread->implicits, at);

		if (implicit->object == member(e, before)->object)
			return position(e, i) < implicit->until;
	}
	return false;
}

/** advance() - member @i to its next instance that the closure has not dragged in */
static bool advance(struct examination *e, uint32_t i)
{
	e->at[i]++;
	while (e->at[i] < last_instance(e, i) &&
	       position(e, i) < e->x->closure.prefix[member(e, i)->thread])
		e->at[i]++;
	return e->at[i] < last_instance(e, i);
}

/** meet() - close over the members' instances, going on to later ones as needed */
static enum meeting meet(struct examination *e)
{
	struct dlw_closure *closure = &e->x->closure;
	bool moved = true;
	uint32_t i;

	while (moved) {
		for (i = 0; i < e->pattern->count; i++) {
			if (!still_owes(e, i))
				return NEVER;
			dlw_closure_require(closure, member(e, i)->thread, position(e, i));
		}
		if (!dlw_closure_close(closure))
			return closure->impossible ? NEVER : NO_MEMORY;
		moved = false;
		for (i = 0; i < e->pattern->count; i++) {
			if (closure->prefix[member(e, i)->thread] <= position(e, i) &&
			    still_to_come(e, i))
				continue;
			if (!advance(e, i))
				return NEVER;
			moved = true;
		}
		if (closure->work > e->x->options->work_budget)
			return NO_BUDGET;
	}
	return MEET;
}

static void first_instances(struct examination *e)
{
	uint32_t i;

	for (i = 0; i < e->pattern->count; i++)
		e->at[i] = e->x->kept->first_instance[e->pattern->members[i]];
}

/** start_of_wait() - where member @i began what it is in: a wait for a condition gave its mutex back */
static uint32_t start_of_wait(const struct examination *e, uint32_t i)
{
	const struct dlw_thread *thread = dlw_thread_at(e->x->trace, member(e, i)->thread);
	uint32_t at = position(e, i);

	if (member(e, i)->mode != DLW_SIGNAL)
		return at;
	while (at && dlw_step_op(dlw_step_at(thread, at)) != DLW_TRACE_WAIT)
		at--;
	return at;
}

/** near() - the order before which no member has anything it keeps, nor waits */
static uint32_t near(struct examination *e)
{
	const struct dlw_trace *trace = e->x->trace;
	uint32_t i, order = UINT32_MAX;

	for (i = 0; i < e->pattern->count; i++) {
		uint32_t thread = member(e, i)->thread;
		uint32_t start = start_of_wait(e, i);
		uint32_t outermost = dlw_outermost(trace, thread, start);
		uint32_t at = dlw_step_at(dlw_thread_at(trace, thread), outermost)->order;

		e->x->closure.work += start - outermost;
		if (at < order)
			order = at;
	}
	return order;
}

static enum meeting meet_from(struct examination *e, uint32_t order, bool locks)
{
	if (!dlw_closure_begin(&e->x->closure, order, locks))
		return NO_MEMORY;
	return meet(e);
}

/* ---- what was found ---------------------------------------------------------------------- */

static void say(struct examination *e, enum dlw_verdict verdict, enum dlw_because because,
		uint32_t object)
{
	e->examined->verdict = verdict;
	e->examined->because = because;
	e->examined->object = object;
}

static void aim(struct examination *e)
{
	uint32_t i;

	for (i = 0; i < e->pattern->count; i++)
		e->examined->targets[i] =
			(struct dlw_target){ member(e, i)->thread, position(e, i) };
}

/** doubt() - there is a schedule, but is what it rests on certain? */
static void doubt(struct examination *e)
{
	uint32_t i, object;

	say(e, DLW_FEASIBLE, DLW_BECAUSE_NOTHING, DLW_NONE);
	for (i = 0; i < e->pattern->count; i++) {
		const struct dlw_thread *thread = dlw_thread_at(e->x->trace, member(e, i)->thread);

		object = member(e, i)->object;
		if (thread->gap <= position(e, i))
			say(e, DLW_UNRESOLVED, DLW_BECAUSE_GAP, DLW_NONE);
		else if (!dlw_object_at(e->x->trace, object)->life_known)
			say(e, DLW_UNRESOLVED, DLW_BECAUSE_MEMORY, object);
	}
}

/** conclude() - replay the schedule: only what really ends in the cycle counts */
static bool conclude(struct examination *e)
{
	uint32_t helpers = DLW_NONE;

	e->x->closure.work += e->examined->schedule.count;
	if (dlw_schedule_deadlocks(&e->x->run, &e->examined->schedule, e->examined->targets,
				   e->pattern->count, &helpers)) {
		doubt(e);
		return true;
	}
	say(e, DLW_UNRESOLVED, helpers == DLW_NONE ? DLW_BECAUSE_BUDGET : DLW_BECAUSE_HELPERS,
	    helpers);
	return false;
}

/* ---- stage F ---------------------------------------------------------------------------------- */

/** could_overlap() - nothing but locks keeps these instances apart */
static bool could_overlap(struct examination *e)
{
	uint32_t i;

	if (!dlw_closure_begin(&e->x->closure, 0, false))
		return false;
	for (i = 0; i < e->pattern->count; i++) {
		if (!still_owes(e, i))
			return false;
		dlw_closure_require(&e->x->closure, member(e, i)->thread, position(e, i));
	}
	if (!dlw_closure_close(&e->x->closure))
		return false;
	for (i = 0; i < e->pattern->count; i++)
		if (e->x->closure.prefix[member(e, i)->thread] > position(e, i) ||
		    !still_to_come(e, i))
			return false;
	return true;
}

/** search_tuple() - from near and, while there is no schedule, from further and further away */
static enum dlw_search_result search_tuple(struct examination *e)
{
	uint32_t from = near(e), back = 64;
	enum dlw_search_result result;

	aim(e);
	for (;;) {
		e->examined->schedule = (struct dlw_schedule){ .order = from };
		result = dlw_search(&e->x->search, e->examined->targets, e->pattern->count,
				    &e->examined->schedule);
		if (result != DLW_SEARCH_NONE || !from)
			return result;
		from = from > back ? from - back : 0;
		back *= 16;
	}
}

/** next_tuple() - the next choice of one instance each; false: that was the last */
static bool next_tuple(struct examination *e)
{
	uint32_t i;

	for (i = 0; i < e->pattern->count; i++) {
		if (++e->at[i] < last_instance(e, i))
			return true;
		e->at[i] = e->x->kept->first_instance[e->pattern->members[i]];
	}
	return false;
}

static void search_all(struct examination *e)
{
	bool all = true, cut = false;
	uint32_t tuples = 0, choices = 0;

	first_instances(e);
	do {
		if (choices++ == CHOICES || tuples == TUPLES ||
		    e->x->closure.work > e->x->options->work_budget) {
			all = false;
			break;
		}
		if (!could_overlap(e))
			continue;
		tuples++;
		switch (search_tuple(e)) {
		case DLW_SEARCH_FOUND:
			if (conclude(e))
				return;
			break;
		case DLW_SEARCH_CUT:
			cut = true;
			break;
		case DLW_SEARCH_NONE:
			break;
		}
	} while (!cut && next_tuple(e));
	if (all && !cut && e->examined->because == DLW_BECAUSE_BUDGET)
		say(e, DLW_ORDERED, DLW_BECAUSE_NO_SCHEDULE, DLW_NONE);
}

static void search(struct examination *e)
{
	uint64_t states = e->x->options->state_budget;

	if (e->x->trace->has_memory)
		return; /* who reads what would change with the order */
	if (states > e->x->states_left)
		states = e->x->states_left;
	e->x->search.states = states;
	search_all(e);
	e->x->states_left -= states - e->x->search.states;
}

/* ---- the whole ----------------------------------------------------------------------------------- */

/** try_closure() - stage E; false: not this way */
static enum meeting try_closure(struct examination *e)
{
	uint32_t order = near(e);
	enum meeting meeting = meet_from(e, order, true);

	if (meeting == NEVER && order) {
		order = 0;
		first_instances(e);
		meeting = meet_from(e, order, true);
	}
	if (meeting != MEET)
		return meeting;
	aim(e);
	return dlw_schedule_of(&e->x->closure, &e->x->run, order, e->x->scratch,
			       &e->examined->schedule)
		       ? MEET
		       : NO_MEMORY;
}

bool dlw_examine(struct dlw_examiner *examiner, const struct dlw_pattern *pattern,
		 struct dlw_examined *examined)
{
	struct examination e = { examiner, pattern, NULL, examined };
	enum meeting meeting;

	*examined = (struct dlw_examined){ .object = DLW_NONE };
	e.at = dlw_arena_array(examiner->scratch, uint32_t, pattern->count);
	examined->targets = dlw_arena_array(examiner->scratch, struct dlw_target, pattern->count);
	if (!e.at || !examined->targets)
		return false;
	first_instances(&e);
	aim(&e);
	if (examiner->closure.work > examiner->options->work_budget) {
		say(&e, DLW_UNRESOLVED, DLW_BECAUSE_BUDGET, DLW_NONE);
		return true;
	}
	meeting = meet_from(&e, 0, false);
	if (meeting == NEVER) {
		say(&e, DLW_ORDERED, DLW_BECAUSE_ORDER, DLW_NONE);
		return true;
	}
	if (meeting == MEET && examiner->options->orders_alone) {
		say(&e, DLW_UNRESOLVED, DLW_BECAUSE_ORDERS_ALONE, DLW_NONE);
		return true;
	}
	if (meeting == MEET)
		meeting = try_closure(&e);
	if (meeting == NO_MEMORY)
		return false;
	if (meeting == MEET && conclude(&e))
		return true;
	if (meeting != MEET)
		say(&e, DLW_UNRESOLVED, DLW_BECAUSE_BUDGET, DLW_NONE);
	search(&e);
	return true;
}
