/*
 * core/advice.c - the cheapest way out
 *
 * What helps depends on what the core is made of: a thread that waits for
 * itself, a vanished holder, an event that nobody is left to produce, or locks
 * taken in different orders. For the last the odd one out is named: the pair of
 * places that fewest threads of the core came through.
 */
#include "core/finding.h"
#include "core/site.h"

struct adviser {
	struct dlw_text text;
	const struct dlw_state *state;
	const struct dlw_finding *finding;
	const struct dlw_index *index;
	struct dlw_arena *arena;
};

#define say(adviser, ...) dlw_text_add(&(adviser)->text, __VA_ARGS__)

static void thread(struct adviser *adviser, uint32_t number)
{
	dlw_say_thread(&adviser->text, adviser->state, number);
}

static void resource(struct adviser *adviser, uint32_t number)
{
	dlw_say_resource(&adviser->text, adviser->state, adviser->finding, number);
}

static void wait_site(struct adviser *adviser, uint32_t number)
{
	dlw_say_site(&adviser->text, dlw_process_of(adviser->state, number),
		     &adviser->state->threads[number].want.stack);
}

static enum dlw_kind kind_of(const struct adviser *adviser, uint32_t number)
{
	return adviser->state->resources[number].kind;
}

/* A hold of @number on a resource of the core, NULL if it has none. */
static const struct dlw_hold *core_hold(const struct adviser *adviser, uint32_t number)
{
	const struct dlw_lists *holds = &adviser->index->holds_of_thread;
	uint32_t i;

	for (i = holds->first[number]; i < holds->first[number + 1]; i++) {
		const struct dlw_hold *hold = &adviser->state->holds[holds->elements[i]];

		if (hold->count && dlw_resource_position(adviser->finding, hold->resource) <
					   adviser->finding->core_resource_count)
			return hold;
	}
	return NULL;
}

static void say_hold(struct adviser *adviser, const struct dlw_hold *hold)
{
	resource(adviser, hold->resource);
	say(adviser, " (taken at ");
	dlw_say_site(&adviser->text, dlw_process_of(adviser->state, hold->thread), &hold->stack);
	say(adviser, ")");
}

/*
 * The step of the core by a thread that waits for a thing of @kind, NULL if
 * there is none. A condition wait may be in the core over its mutex alone.
 */
static const struct dlw_core_edge *step_over(const struct adviser *adviser, enum dlw_kind kind)
{
	uint32_t i;

	for (i = 0; i < adviser->finding->edge_count; i++) {
		const struct dlw_core_edge *edge = &adviser->finding->edges[i];

		if (kind_of(adviser, adviser->state->threads[edge->thread].want.resource) == kind)
			return edge;
	}
	return NULL;
}

/* ---- a thread in its own way ---------------------------------------------------------- */

static void advise_self(struct adviser *adviser)
{
	uint32_t self = adviser->finding->core[0];
	const struct dlw_hold *hold = core_hold(adviser, self);

	thread(adviser, self);
	say(adviser, " waits for itself at ");
	wait_site(adviser, self);
	say(adviser, ". ");
	if (hold) {
		say(adviser, "It already holds ");
		say_hold(adviser, hold);
		say(adviser, ": ");
	}
	switch (kind_of(adviser, adviser->finding->edges[0].resource)) {
	case DLW_RWLOCK:
		say(adviser, "a read lock cannot be turned into a write lock; release it first and "
			     "check again under the write lock, or take the write lock at once.");
		break;
	case DLW_MUTEX:
		say(adviser, "release it before the call, split what is called into a locking "
			     "function and an *_unlocked one for callers that hold the lock, or "
			     "make the mutex recursive.");
		break;
	case DLW_PIPE:
		say(adviser, "close the copy of the pipe's other end that this process keeps open "
			     "and does not use.");
		break;
	case DLW_FILE_LOCK:
		say(adviser, "a file opened twice is locked twice; use one descriptor, or copies "
			     "of it, for both.");
		break;
	case DLW_ONCE:
		say(adviser, "the initialisation routine must not call, even indirectly, what "
			     "waits for that initialisation.");
		break;
	default:
		say(adviser, "release what it waits for before waiting for it again.");
		break;
	}
}

/* ---- a holder that is gone ------------------------------------------------------------- */

static void advise_orphan(struct adviser *adviser)
{
	uint32_t lost = adviser->finding->edges[0].resource, i;
	const struct dlw_lists *holds = &adviser->index->holds_of_resource;
	bool shared = adviser->state->resources[lost].traits & DLW_TRAIT_SHARED;

	for (i = holds->first[lost]; i < holds->first[lost + 1]; i++) {
		const struct dlw_hold *hold = &adviser->state->holds[holds->elements[i]];

		if (!dlw_is_gone(adviser->state, hold->thread))
			continue;
		thread(adviser, hold->thread);
		say(adviser, " took ");
		say_hold(adviser, hold);
		say(adviser, " and is gone without having released it. ");
		break;
	}
	if (shared && kind_of(adviser, lost) == DLW_MUTEX)
		say(adviser, "Make the mutex robust (PTHREAD_MUTEX_ROBUST) and handle EOWNERDEAD, "
			     "or release it on every way out of the process.");
	else if (shared)
		say(adviser, "Release it on every way out of the process; a robust mutex would "
			     "survive the death of its holder.");
	else
		say(adviser, "Release it on every way out of the thread (RAII, "
			     "pthread_cleanup_push); if it was held across a fork, fork while no "
			     "other thread holds locks, use pthread_atfork, or call nothing but "
			     "exec in the child.");
}

/* ---- nobody left to help ------------------------------------------------------------------ */

/* Who has taken what @waiter waits for, if that can be a lock and its taker is of the core. */
static uint32_t taker_of(const struct adviser *adviser, const uint32_t *marks, uint32_t waiter)
{
	const uint32_t wanted = adviser->state->threads[waiter].want.resource;
	const struct dlw_resource_state *semaphore = &adviser->state->resources[wanted];
	const struct dlw_lists *holds = &adviser->index->holds_of_resource;
	uint32_t i;

	if (semaphore->kind != DLW_SEMAPHORE || semaphore->history == DLW_SIGNAL_LIKE ||
	    !semaphore->initial_known || semaphore->initial != 1)
		return DLW_NONE;
	for (i = holds->first[wanted]; i < holds->first[wanted + 1]; i++) {
		const struct dlw_hold *hold = &adviser->state->holds[holds->elements[i]];

		if (hold->count && hold->thread != waiter)
			return marks[hold->thread] ? hold->thread : DLW_NONE;
	}
	return DLW_NONE;
}

enum { OTHERS, OF_CORE, WALKED }; /* marks; WALKED and above: from which member */

/* A thread of the core that waits, over takers of semaphores, for itself; DLW_NONE. */
static uint32_t find_circle(const struct adviser *adviser, uint32_t *marks)
{
	const struct dlw_finding *finding = adviser->finding;
	uint32_t i, at;

	for (i = 0; i < finding->core_count; i++)
		marks[finding->core[i]] = OF_CORE;
	for (i = 0; i < finding->core_count; i++) {
		at = finding->core[i];
		while (at != DLW_NONE && marks[at] == OF_CORE) {
			marks[at] = WALKED + i;
			at = taker_of(adviser, marks, at);
		}
		if (at != DLW_NONE && marks[at] == WALKED + i)
			return at;
	}
	return DLW_NONE;
}

#define CIRCLE_SAID 4

/* Semaphores of value 1 that each has taken of what the next one wants are locks, perhaps. */
static bool advise_circle(struct adviser *adviser)
{
	uint32_t *marks = dlw_arena_array(adviser->arena, uint32_t, adviser->state->thread_count);
	uint32_t first = marks ? find_circle(adviser, marks) : DLW_NONE, at = first, count = 0;

	if (first == DLW_NONE)
		return false;
	do {
		uint32_t next = taker_of(adviser, marks, at);

		if (++count <= CIRCLE_SAID) {
			say(adviser, count > 1 ? "; " : "");
			thread(adviser, at);
			say(adviser, " waits for ");
			resource(adviser, adviser->state->threads[at].want.resource);
			say(adviser, " at ");
			wait_site(adviser, at);
			say(adviser, ", which ");
			thread(adviser, next);
			say(adviser, " has taken");
		}
		at = next;
	} while (at != first);
	if (count > CIRCLE_SAID)
		say(adviser, "; and so on, %u threads in a circle", count);
	say(adviser, ". If these serve as locks, take them in one order everywhere; if as signals, "
		     "look for a post that some path leaves out.");
	return true;
}

static void advise_stalled(struct adviser *adviser)
{
	const struct dlw_core_edge *step = adviser->finding->edges;
	uint32_t i;

	if (advise_circle(adviser))
		return;
	for (i = 0; i < adviser->finding->edge_count; i++)
		if (adviser->finding->edges[i].next == DLW_NONE)
			break;
	if (i < adviser->finding->edge_count)
		step += i;
	thread(adviser, step->thread);
	say(adviser, " waits for ");
	resource(adviser, step->resource);
	say(adviser, " at ");
	wait_site(adviser, step->thread);
	switch (kind_of(adviser, step->resource)) {
	case DLW_CONDITION:
		say(adviser, ", and every thread that could signal it waits too. Look for a signal "
			     "sent before this wait began (test a predicate under the mutex, in a "
			     "loop), or one that was never sent.");
		break;
	case DLW_BARRIER:
		say(adviser,
		    ", and every thread that could arrive waits too. Compare the barrier's "
		    "count with the number of threads that really come to it.");
		break;
	default:
		say(adviser,
		    ", and every thread that could post it waits too. Look for a post or "
		    "release that some path leaves out, or for one that should come before "
		    "a wait and comes after it.");
		break;
	}
}

/* ---- waits for events while holding a lock ------------------------------------------------ */

/* One piece of advice for each kind of event: before it, give back what others need for it. */
static bool advise_event(struct adviser *adviser)
{
	static const struct {
		enum dlw_kind kind;
		const char *verb, *hint;
	} events[] = {
		{ DLW_THREAD, "Join", "the thread that is joined needs it to come to its end" },
		{ DLW_PROCESS, "Wait for the child process",
		  "the child needs it, or needs its pipe emptied, to come to its end" },
		{ DLW_PIPE, "Use the pipe",
		  "read what the other side writes before waiting for it, or poll both" },
		{ DLW_BARRIER, "Go to the barrier",
		  "a thread that has yet to arrive there needs it first" },
		{ DLW_CONDITION, "Wait for the condition",
		  "a wait gives back its own mutex only, and whoever signals needs the other" },
	};
	const struct dlw_core_edge *step;
	const struct dlw_hold *hold;
	uint32_t i;

	for (i = 0; i < sizeof(events) / sizeof(events[0]); i++) {
		step = step_over(adviser, events[i].kind);
		if (!step)
			continue;
		hold = core_hold(adviser, step->thread);
		say(adviser, "%s at ", events[i].verb);
		wait_site(adviser, step->thread);
		if (hold) {
			say(adviser, " only after ");
			say_hold(adviser, hold);
			say(adviser, " has been released: %s.", events[i].hint);
		} else {
			say(adviser, " only when those it depends on need nothing from ");
			thread(adviser, step->thread);
			say(adviser, " any more: %s.", events[i].hint);
		}
		return true;
	}
	return false;
}

/* ---- locks in different orders -------------------------------------------------------------- */

/* From where to where a thread goes: places of what it holds and of what it wants. */
static uint64_t order_of(const struct adviser *adviser, uint32_t number)
{
	const struct dlw_hold *hold = core_hold(adviser, number);
	const struct dlw_process_state *process = dlw_process_of(adviser->state, number);
	uint64_t hash = DLW_HASH_START;

	if (hold)
		hash = dlw_hash_site(hash, process, &hold->stack);
	return dlw_hash_site(hash, process, &adviser->state->threads[number].want.stack);
}

/* Of an inversion it is known how often each order was seen; else the core votes, up to @most. */
static uint32_t times_seen(const struct adviser *adviser, const uint64_t *orders, uint32_t member,
			   uint32_t most)
{
	const struct dlw_finding *finding = adviser->finding;
	const struct dlw_hold *hold = core_hold(adviser, finding->core[member]);
	uint32_t i, seen = 0;

	if (finding->kind == DLW_INVERSION)
		return hold ? hold->count : 1;
	for (i = 0; i < finding->core_count && seen <= most; i++)
		seen += orders[i] == orders[member];
	return seen;
}

/*
 * The member whose order is rarest; of equally rare ones that of the smallest
 * hash, so that the choice does not depend on ids. A vote over few different
 * orders: how often each occurs is counted against all others.
 */
static uint32_t odd_one_out(const struct adviser *adviser, bool *all_alike)
{
	const struct dlw_finding *finding = adviser->finding;
	uint32_t i, best = 0, best_seen = UINT32_MAX;
	uint64_t *orders = dlw_arena_array(adviser->arena, uint64_t, finding->core_count);

	*all_alike = true;
	if (!orders)
		return finding->core[0];
	for (i = 0; i < finding->core_count; i++)
		orders[i] = order_of(adviser, finding->core[i]);
	for (i = 0; i < finding->core_count; i++) {
		uint32_t seen = times_seen(adviser, orders, i, best_seen);

		if (orders[i] != orders[0])
			*all_alike = false;
		if (seen < best_seen || (seen == best_seen && orders[i] < orders[best])) {
			best = i;
			best_seen = seen;
		}
	}
	return finding->core[best];
}

static bool only_kind(const struct adviser *adviser, enum dlw_kind kind)
{
	uint32_t i;

	for (i = 0; i < adviser->finding->edge_count; i++)
		if (kind_of(adviser, adviser->finding->edges[i].resource) != kind)
			return false;
	return true;
}

static bool one_resource(const struct adviser *adviser)
{
	uint32_t i;

	for (i = 1; i < adviser->finding->edge_count; i++)
		if (adviser->finding->edges[i].resource != adviser->finding->edges[0].resource)
			return false;
	return true;
}

static void advise_pool(struct adviser *adviser)
{
	uint32_t odd = adviser->finding->core[0];

	say(adviser, "Every thread keeps part of ");
	resource(adviser, adviser->finding->edges[0].resource);
	say(adviser, " while it waits at ");
	wait_site(adviser, odd);
	say(adviser, " for more of it. ");
	if (kind_of(adviser, adviser->finding->edges[0].resource) == DLW_RWLOCK)
		say(adviser, "Do not ask for a lock again, or for more of it, while holding it: "
			     "take the write lock from the start.");
	else
		say(adviser, "Take all that is needed at once, under one gate lock, or give back "
			     "what is held before waiting for more.");
}

/* "seen 3 times against 10 412": why it is the odd one out. */
static void say_counts(struct adviser *adviser, uint32_t odd)
{
	const struct dlw_finding *finding = adviser->finding;
	const struct dlw_hold *hold;
	uint32_t i, most = 0, seen = 0;

	for (i = 0; i < finding->core_count; i++) {
		hold = core_hold(adviser, finding->core[i]);
		if (finding->core[i] == odd)
			seen = hold ? hold->count : 0;
		else if (hold && hold->count > most)
			most = hold->count;
	}
	if (finding->kind == DLW_INVERSION && seen && most)
		say(adviser, ", an order seen %u time%s against %u", seen, seen == 1 ? "" : "s",
		    most);
}

static void advise_order(struct adviser *adviser)
{
	bool all_alike;
	uint32_t odd = odd_one_out(adviser, &all_alike);
	const struct dlw_hold *hold = core_hold(adviser, odd);

	if (all_alike && adviser->finding->core_count > 1) {
		say(adviser, "All of them take their locks at the same places, so the order comes "
			     "from the data: at ");
		wait_site(adviser, odd);
		say(adviser, " take them in one fixed order (by address or number), or all at once "
			     "behind one gate lock");
	} else {
		say(adviser, "Take these locks in one order everywhere: change ");
		wait_site(adviser, odd);
		say(adviser, ", where ");
		thread(adviser, odd);
		say(adviser, " wants ");
		resource(adviser, adviser->state->threads[odd].want.resource);
		if (hold) {
			say(adviser, " while it holds ");
			say_hold(adviser, hold);
		}
		say_counts(adviser, odd);
	}
	if (only_kind(adviser, DLW_MUTEX))
		say(adviser, ". Or take them together (std::scoped_lock), or try the second one "
			     "(pthread_mutex_trylock) and back off when it is taken.");
	else
		say(adviser, ". Or try the second one and back off, giving back the first, when it "
			     "is taken.");
}

bool dlw_finding_advise(struct dlw_finding *finding, const struct dlw_index *index,
			struct dlw_arena *arena)
{
	struct adviser adviser = { { .arena = arena }, index->state, finding, index, arena };

	if (finding->kind == DLW_ORPHAN)
		advise_orphan(&adviser);
	else if (finding->verdict == DLW_STALLED)
		advise_stalled(&adviser);
	else if (finding->core_count == 1)
		advise_self(&adviser);
	else if (advise_event(&adviser))
		;
	else if (one_resource(&adviser))
		advise_pool(&adviser);
	else
		advise_order(&adviser);
	finding->advice = dlw_text_end(&adviser.text);
	return finding->advice;
}
