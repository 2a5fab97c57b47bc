/*
 * core/release_event.c - release conditions of what somebody has to produce
 *
 * A post, a signal, an arrival, an end, a byte: no thread owns these, so the
 * question is who could bring them about. What is known of that is either
 * certain (the other ends of a pipe, the threads of a child, the thread that
 * is joined) or inferred from who did it before; where nothing is known the
 * open world decides, at its own level.
 */
#include "core/release_builder.h"
#include "core/site.h"

/* ---- who may post or signal ------------------------------------------------------ */

/* Who has produced it before, or is said to. A past one that is gone: the list is not whole. */
static bool producers_known(const struct builder *b, uint32_t resource, uint32_t self,
			    bool annotated_only)
{
	const struct dlw_lists *releasers = &b->index->releasers;
	uint32_t i, others = 0;

	for (i = releasers->first[resource]; i < releasers->first[resource + 1]; i++) {
		const struct dlw_releaser *releaser = &b->state->releasers[releasers->elements[i]];

		if (annotated_only && releaser->provenance == DLW_SEEN_BEFORE)
			continue;
		if (dlw_is_gone(b->state, releaser->thread)) {
			if (releaser->provenance == DLW_SEEN_BEFORE)
				return false;
			continue;
		}
		others += releaser->thread != self;
	}
	return others > 0;
}

static void add_producers(struct builder *b, uint32_t gate, uint32_t resource, bool annotated_only)
{
	const struct dlw_lists *releasers = &b->index->releasers;
	uint32_t i;

	for (i = releasers->first[resource]; i < releasers->first[resource + 1]; i++) {
		const struct dlw_releaser *releaser = &b->state->releasers[releasers->elements[i]];

		if (dlw_is_gone(b->state, releaser->thread) ||
		    (annotated_only && releaser->provenance == DLW_SEEN_BEFORE))
			continue;
		dlw_graph_add_input(b->graph, gate, node_of(b, releaser->thread), resource);
	}
}

static uint32_t known_producers_term(struct builder *b, uint32_t resource, bool annotated_only)
{
	uint32_t gate = b->producer_gates[resource];

	if (gate == DLW_NONE) {
		gate = dlw_graph_add_node(b->graph, 1);
		b->producer_gates[resource] = gate;
		add_producers(b, gate, resource, annotated_only);
	}
	return gate;
}

uint32_t dlw_signal_term(struct builder *b, uint32_t self, uint32_t resource)
{
	if (b->level == DLW_LEVEL_OWNED)
		return SATISFIED;
	if (!b->state->resources[resource].ever_posted_by_vanished &&
	    producers_known(b, resource, self, false))
		return known_producers_term(b, resource, false);
	return dlw_open_term(b, self, resource);
}

/* ---- semaphores, and mutexes that strangers unlock ---------------------------------- */

static bool holds_permit(const struct builder *b, uint32_t thread, uint32_t resource)
{
	const struct dlw_lists *holds = &b->index->holds_of_thread;
	uint32_t i;

	for (i = holds->first[thread]; i < holds->first[thread + 1]; i++) {
		const struct dlw_hold *hold = &b->state->holds[holds->elements[i]];

		if (hold->resource == resource && hold->count)
			return true;
	}
	return false;
}

/* Counted once for all who wait for the semaphore. */
static const struct permits *permits_of(struct builder *b, uint32_t resource)
{
	const struct dlw_lists *holds = &b->index->holds_of_resource;
	struct permits *found = &b->permits[resource];
	uint32_t i, last = DLW_NONE;

	if (found->counted)
		return found;
	found->counted = true;
	for (i = holds->first[resource]; i < holds->first[resource + 1]; i++) {
		const struct dlw_hold *hold = &b->state->holds[holds->elements[i]];

		if (!hold->count)
			continue;
		found->out += hold->count;
		if (hold->thread == last)
			continue;
		last = hold->thread;
		found->takers++;
		found->gone += dlw_is_gone(b->state, last);
	}
	return found;
}

/*
 * Some holder posts. One gate serves all who wait: a waiter that holds permits
 * itself is in it too, which changes nothing, for it cannot post while it waits.
 */
static uint32_t holders_post_term(struct builder *b, uint32_t resource)
{
	const struct dlw_lists *holds = &b->index->holds_of_resource;
	uint32_t i, last = DLW_NONE, gate = b->holder_gates[resource];

	if (gate != DLW_NONE)
		return gate;
	gate = dlw_graph_add_node(b->graph, 1);
	b->holder_gates[resource] = gate;
	for (i = holds->first[resource]; i < holds->first[resource + 1]; i++) {
		const struct dlw_hold *hold = &b->state->holds[holds->elements[i]];

		if (!hold->count || hold->thread == last)
			continue;
		last = hold->thread;
		if (!dlw_is_gone(b->state, last))
			dlw_graph_add_input(b->graph, gate, node_of(b, last), resource);
	}
	add_producers(b, gate, resource, true);
	return gate;
}

/*
 * Do the holders account for the wait? Somebody else than the waiter must hold
 * a permit: those who wait for a semaphore that only they hold wait for a
 * signal. And all permits must be accounted for: whoever has the rest is unseen.
 */
static bool holders_explain(const struct builder *b, uint32_t resource,
			    const struct permits *permits, bool by_self)
{
	const struct dlw_resource_state *semaphore = &b->state->resources[resource];
	uint32_t others = permits->takers - by_self;

	if (semaphore->kind == DLW_SEMAPHORE && semaphore->initial_known &&
	    permits->out < semaphore->initial)
		return false;
	if (permits->gone && (semaphore->traits & DLW_TRAIT_ROBUST))
		return false;
	/* A lock-like one whose holders have all vanished is an orphan; beside oneself, a signal. */
	return by_self ? others > permits->gone : others > 0;
}

/* Made with value 1, taken once by a thread that is still there, never posted. */
static bool is_unposted_lock(const struct builder *b, uint32_t resource,
			     const struct permits *permits, bool by_self)
{
	const struct dlw_resource_state *semaphore = &b->state->resources[resource];

	return semaphore->kind == DLW_SEMAPHORE && semaphore->history == DLW_NO_POST_YET &&
	       semaphore->initial_known && semaphore->initial == 1 && permits->takers == 1 &&
	       permits->out == 1 && !by_self && !permits->gone &&
	       !semaphore->ever_posted_by_vanished;
}

uint32_t dlw_permit_term(struct builder *b, uint32_t self, uint32_t resource)
{
	const struct dlw_resource_state *semaphore = &b->state->resources[resource];
	const struct permits *permits;
	bool by_self;

	if (b->level == DLW_LEVEL_OWNED)
		return SATISFIED;
	permits = permits_of(b, resource);
	by_self = holds_permit(b, self, resource);
	if (semaphore->history == DLW_LOCK_LIKE && holders_explain(b, resource, permits, by_self))
		return holders_post_term(b, resource);
	if (semaphore->history == DLW_SIGNAL_LIKE && !semaphore->ever_posted_by_vanished &&
	    producers_known(b, resource, self, false))
		return known_producers_term(b, resource, false);
	if (semaphore->history == DLW_NO_POST_YET) {
		if (producers_known(b, resource, self, true))
			return known_producers_term(b, resource, true);
		if (b->level == DLW_LEVEL_UNPOSTED &&
		    is_unposted_lock(b, resource, permits, by_self))
			return holders_post_term(b, resource);
	}
	return dlw_open_term(b, self, resource);
}

/* ---- barriers ---------------------------------------------------------------------- */

static bool waits_at(const struct builder *b, uint32_t thread, uint32_t resource)
{
	return dlw_is_waiting(b->state, thread) && want_of(b, thread)->resource == resource;
}

/* Who can still arrive, each once; false: some who came before are gone, so others must come. */
static bool arrivers_known(const struct builder *b, uint32_t resource, bool certain_only,
			   uint32_t *count)
{
	const struct dlw_lists *releasers = &b->index->releasers;
	uint32_t i, last = DLW_NONE;

	*count = 0;
	for (i = releasers->first[resource]; i < releasers->first[resource + 1]; i++) {
		const struct dlw_releaser *releaser = &b->state->releasers[releasers->elements[i]];

		if (dlw_is_gone(b->state, releaser->thread))
			return false;
		if (certain_only && releaser->provenance != DLW_SOLE_OWNER)
			return false;
		if (releaser->thread == last || waits_at(b, releaser->thread, resource))
			continue;
		last = releaser->thread;
		(*count)++;
	}
	return true;
}

static uint32_t arrivers_gate(struct builder *b, uint32_t resource, uint32_t lacking)
{
	const struct dlw_lists *releasers = &b->index->releasers;
	uint32_t i, last = DLW_NONE, gate = b->producer_gates[resource];

	if (gate != DLW_NONE)
		return gate;
	gate = dlw_graph_add_node(b->graph, lacking);
	b->producer_gates[resource] = gate;
	for (i = releasers->first[resource]; i < releasers->first[resource + 1]; i++) {
		uint32_t thread = b->state->releasers[releasers->elements[i]].thread;

		if (thread == last || waits_at(b, thread, resource))
			continue;
		last = thread;
		dlw_graph_add_input(b->graph, gate, node_of(b, thread), resource);
	}
	return gate;
}

/*
 * Those who wait at the barrier have arrived and cannot do so again. In an open
 * world any thread that runs is enough: it could start as many as are lacking.
 */
uint32_t dlw_arrival_term(struct builder *b, uint32_t self, uint32_t resource)
{
	const struct dlw_resource_state *barrier = &b->state->resources[resource];
	const struct dlw_lists *waiters = &b->index->waiters;
	uint32_t here = waiters->first[resource + 1] - waiters->first[resource];
	uint32_t arrived = barrier->arrived > here ? barrier->arrived : here, able;
	bool certain_only = b->level == DLW_LEVEL_OWNED;

	if (!barrier->initial_known)
		return dlw_open_term(b, self, resource);
	if (barrier->initial <= arrived)
		return SATISFIED;
	if (!barrier->ever_posted_by_vanished && arrivers_known(b, resource, certain_only, &able) &&
	    able >= barrier->initial - arrived)
		return arrivers_gate(b, resource, barrier->initial - arrived);
	return dlw_open_term(b, self, resource);
}

/* ---- ends of threads and processes, pipes -------------------------------------------- */

uint32_t dlw_join_term(struct builder *b, uint32_t self, uint32_t resource)
{
	uint32_t subject = b->state->resources[resource].subject;

	/* Joining oneself returns EDEADLK: whoever waits there does something else. */
	if (subject == DLW_NONE || subject == self || dlw_is_gone(b->state, subject))
		return SATISFIED;
	return node_of(b, subject);
}

/*
 * Some of the threads that are known to have the other end. If none is left the
 * end is closed, and the wait over. Certain only while nobody unseen can have it.
 */
uint32_t dlw_pipe_term(struct builder *b, uint32_t resource)
{
	const struct dlw_lists *releasers = &b->index->releasers;
	uint32_t i, left = 0, gate = b->producer_gates[resource];

	if (gate != DLW_NONE)
		return gate;
	for (i = releasers->first[resource]; i < releasers->first[resource + 1]; i++) {
		const struct dlw_releaser *releaser = &b->state->releasers[releasers->elements[i]];

		if (dlw_is_gone(b->state, releaser->thread))
			continue;
		left++;
		if (is_likely_level(b))
			continue;
		if ((b->level == DLW_LEVEL_OWNED && releaser->provenance != DLW_SOLE_OWNER) ||
		    dlw_process_of(b->state, releaser->thread)->open_reason)
			return SATISFIED;
	}
	if (!left)
		return SATISFIED;
	gate = dlw_graph_add_node(b->graph, 1);
	b->producer_gates[resource] = gate;
	add_producers(b, gate, resource, false);
	return gate;
}

uint32_t dlw_child_term(struct builder *b, uint32_t self, uint32_t resource)
{
	const struct dlw_lists *members = &b->index->members;
	uint32_t child = b->state->resources[resource].subject, i;

	/* wait(-1): whichever child ends first; they are listed as releasers. */
	if (child == DLW_NONE)
		return dlw_pipe_term(b, resource);
	if (child == b->state->threads[self].process || b->state->processes[child].ended)
		return SATISFIED;
	for (i = members->first[child]; i < members->first[child + 1]; i++)
		if (!dlw_is_gone(b->state, members->elements[i]))
			return dlw_process_gate(b, child);
	return SATISFIED; /* none of its threads is left: it is ending */
}
