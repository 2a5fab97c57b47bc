/*
 * core/coffman.c - the four conditions of a deadlock and their evidence
 *
 * A finding is a deadlock, so all four hold; what is written here is why. The
 * texts name threads by name and id and resources by their short names, the
 * same ones that the rest of the report uses.
 */
#include "core/finding.h"
#include "core/site.h"
#include "core/sort.h"

struct words {
	struct dlw_text text;
	const struct dlw_state *state;
	const struct dlw_finding *finding;
	const struct dlw_index *index;
	const uint32_t *by_resource; /* edges, those of one resource together */
};

/* Edges of one resource: words->by_resource[begin] up to [end]. */
struct group {
	uint32_t resource, begin, end;
};

#define say(words, ...) dlw_text_add(&(words)->text, __VA_ARGS__)

static void thread(struct words *words, uint32_t number)
{
	dlw_say_thread(&words->text, words->state, number);
}

static void resource(struct words *words, uint32_t number)
{
	dlw_say_resource(&words->text, words->state, words->finding, number);
}

static const struct dlw_core_edge *edge_at(const struct words *words, uint32_t place)
{
	return &words->finding->edges[words->by_resource[place]];
}

static enum dlw_kind kind_of(const struct words *words, uint32_t number)
{
	return words->state->resources[number].kind;
}

static const struct dlw_want *want_of(const struct words *words, uint32_t number)
{
	return &words->state->threads[number].want;
}

/* A condition wait takes its mutex back exclusively, whatever its own mode is called. */
static bool wants_shared(const struct words *words, const struct dlw_core_edge *edge)
{
	return want_of(words, edge->thread)->resource == edge->resource &&
	       want_of(words, edge->thread)->mode == DLW_SHARED;
}

static int compare_edges(const void *context, uint32_t left, uint32_t right)
{
	const struct dlw_finding *finding = context;
	int order = dlw_order(dlw_resource_position(finding, finding->edges[left].resource),
			      dlw_resource_position(finding, finding->edges[right].resource));

	return order ? order : dlw_order(left, right);
}

static bool next_group(const struct words *words, struct group *group)
{
	uint32_t end = words->finding->edge_count;

	group->begin = group->end;
	if (group->begin == end)
		return false;
	group->resource = edge_at(words, group->begin)->resource;
	while (group->end < end && edge_at(words, group->end)->resource == group->resource)
		group->end++;
	return true;
}

/* ---- 1. mutual exclusion ---------------------------------------------------------- */

/* Everybody who holds it; how many there are. */
static uint32_t say_holders(struct words *words, uint32_t held, bool aloud)
{
	const struct dlw_lists *holds = &words->index->holds_of_resource;
	uint32_t i, last = DLW_NONE, count = aloud ? say_holders(words, held, false) : 0, done = 0;

	for (i = holds->first[held]; i < holds->first[held + 1]; i++) {
		const struct dlw_hold *hold = &words->state->holds[holds->elements[i]];

		if (!hold->count || hold->thread == last)
			continue;
		last = hold->thread;
		done++;
		if (!aloud)
			continue;
		dlw_say_separator(&words->text, done - 1, count);
		thread(words, last);
	}
	return done;
}

static bool is_held_shared(const struct words *words, uint32_t held)
{
	const struct dlw_lists *holds = &words->index->holds_of_resource;
	uint32_t i;

	for (i = holds->first[held]; i < holds->first[held + 1]; i++)
		if (words->state->holds[holds->elements[i]].mode != DLW_SHARED)
			return false;
	return true;
}

/* How it is wanted is said once for those who follow each other and want it alike. */
static void say_wanted(struct words *words, const struct group *group, bool with_mode)
{
	const struct dlw_core_edge *last = NULL;
	uint32_t i;

	for (i = group->begin; i < group->end; i++) {
		const struct dlw_core_edge *edge = edge_at(words, i);
		bool shared = wants_shared(words, edge);

		if (last && last->thread == edge->thread)
			continue;
		say(words, last ? ", " : " ");
		if (with_mode && (!last || wants_shared(words, last) != shared))
			say(words, shared ? "for reading by " : "exclusively by ");
		else if (!last)
			say(words, "by ");
		thread(words, edge->thread);
		last = edge;
	}
}

/* All who wait for an event wait for the same threads: those of the first one will do. */
static void say_producers(struct words *words, const struct group *group)
{
	uint32_t waiter = edge_at(words, group->begin)->thread, i, count = 0, done = 0;

	for (i = group->begin; i < group->end; i++) {
		if (edge_at(words, i)->next == DLW_NONE) {
			say(words, "threads that all wait themselves");
			return;
		}
		count += edge_at(words, i)->thread == waiter;
	}
	for (i = group->begin; i < group->end; i++) {
		if (edge_at(words, i)->thread != waiter)
			continue;
		dlw_say_separator(&words->text, done++, count);
		thread(words, edge_at(words, i)->next);
	}
}

static const char *event_of(enum dlw_kind kind)
{
	switch (kind) {
	case DLW_CONDITION:
		return "a signal of";
	case DLW_BARRIER:
		return "an arrival at";
	case DLW_THREAD:
	case DLW_PROCESS:
		return "the end of";
	case DLW_PIPE:
		return "progress at the other end of";
	default:
		return "a release of";
	}
}

/* Shown as a thing that is held, not as an event that somebody produces. */
static bool is_held(const struct words *words, uint32_t number)
{
	const struct dlw_resource_state *state = &words->state->resources[number];

	switch (state->kind) {
	case DLW_CONDITION:
	case DLW_BARRIER:
	case DLW_THREAD:
	case DLW_PROCESS:
	case DLW_PIPE:
		return false;
	case DLW_SEMAPHORE:
		if (words->finding->verdict == DLW_STALLED || state->history == DLW_SIGNAL_LIKE)
			return false;
		break;
	default:
		break;
	}
	return words->index->holds_of_resource.first[number] <
	       words->index->holds_of_resource.first[number + 1];
}

static void say_exclusion(struct words *words, const struct group *group)
{
	enum dlw_kind kind = kind_of(words, group->resource);

	if (!is_held(words, group->resource)) {
		say(words, "%s ", event_of(kind));
		resource(words, group->resource);
		say(words, " is consumable, produced only by ");
		say_producers(words, group);
		return;
	}
	resource(words, group->resource);
	if (kind == DLW_SEMAPHORE) {
		say(words, " has no permit left: they are held by ");
		say_holders(words, group->resource, true);
		say(words, ", and more are wanted");
	} else {
		say(words, is_held_shared(words, group->resource) ? " is held for reading by "
								  : " is held exclusively by ");
		say_holders(words, group->resource, true);
		say(words, " and wanted");
	}
	say_wanted(words, group, kind != DLW_SEMAPHORE);
}

static void mutual_exclusion(struct words *words)
{
	struct group group = { 0 };
	bool first = true;

	while (next_group(words, &group)) {
		say(words, first ? "" : "; ");
		first = false;
		say_exclusion(words, &group);
	}
}

/* ---- 2. hold and wait -------------------------------------------------------------- */

/* The core's own resources that the thread holds; how many there are. */
static uint32_t say_own(struct words *words, uint32_t member, bool aloud)
{
	const struct dlw_lists *holds = &words->index->holds_of_thread;
	uint32_t i, last = DLW_NONE, count = aloud ? say_own(words, member, false) : 0, done = 0;

	for (i = holds->first[member]; i < holds->first[member + 1]; i++) {
		const struct dlw_hold *hold = &words->state->holds[holds->elements[i]];

		if (!hold->count || hold->resource == last ||
		    dlw_resource_position(words->finding, hold->resource) >=
			    words->finding->core_resource_count)
			continue;
		last = hold->resource;
		done++;
		if (!aloud)
			continue;
		dlw_say_separator(&words->text, done - 1, count);
		resource(words, last);
	}
	return done;
}

static void say_orphaned(struct words *words, uint32_t member)
{
	uint32_t lost = words->finding->edges[0].resource;

	thread(words, member);
	say(words, " waits for ");
	resource(words, lost);
	say(words, ", which ");
	say_holders(words, lost, true);
	say(words, " took along");
}

static void hold_and_wait(struct words *words)
{
	uint32_t i;

	for (i = 0; i < words->finding->core_count; i++) {
		uint32_t member = words->finding->core[i];

		say(words, i ? "; " : "");
		if (words->finding->kind == DLW_ORPHAN) {
			say_orphaned(words, member);
			continue;
		}
		thread(words, member);
		if (say_own(words, member, false)) {
			say(words, " holds ");
			say_own(words, member, true);
			say(words, " while it waits for ");
		} else {
			say(words, ", for whom another one waits, waits itself for ");
		}
		resource(words, want_of(words, member)->resource);
	}
}

/* ---- 3. no preemption --------------------------------------------------------------- */

static void say_each_flagged(struct words *words, uint32_t flag, const char *remark)
{
	uint32_t i;

	for (i = 0; i < words->finding->core_count; i++) {
		uint32_t member = words->finding->core[i];

		if (!(want_of(words, member)->flags & flag))
			continue;
		say(words, "; ");
		thread(words, member);
		say(words, " %s", remark);
	}
}

/* A condition wait that times out is held up by its mutex all the same. */
static void say_timed_conditions(struct words *words)
{
	uint32_t i;

	for (i = 0; i < words->finding->core_count; i++) {
		uint32_t member = words->finding->core[i];
		const struct dlw_want *want = want_of(words, member);

		if (kind_of(words, want->resource) != DLW_CONDITION ||
		    (want->flags & DLW_WANT_POLLING) ||
		    !(want->flags & (DLW_WANT_TIMED | DLW_WANT_CANCELLED)))
			continue;
		say(words, "; the wait of ");
		thread(words, member);
		say(words, " can end, but not return without ");
		if (want->mutex != DLW_NONE)
			resource(words, want->mutex);
	}
}

/* Of a lock of the program's own making nobody but the program knows. */
static void say_unconfirmed(struct words *words)
{
	uint32_t i;

	for (i = 0; i < words->finding->core_count; i++) {
		uint32_t member = words->finding->core[i];
		const struct dlw_want *want = want_of(words, member);

		if (!(want->flags & DLW_WANT_UNCONFIRMED))
			continue;
		say(words, "; ");
		thread(words, member);
		say(words, kind_of(words, want->resource) == DLW_CUSTOM
				   ? " waits for a lock that only the program itself tells of"
				   : " was not seen asleep by the kernel");
	}
}

static void no_preemption(struct words *words)
{
	if (words->finding->kind == DLW_ORPHAN) {
		uint32_t lost = words->finding->edges[0].resource;

		resource(words, lost);
		say(words, " stays taken after its holder is gone: nothing hands it on");
	} else {
		say(words, "nothing can be taken from its holder, and no wait ends by itself");
	}
	say_timed_conditions(words);
	say_each_flagged(words, DLW_WANT_POLLING, "times out only to wait again");
	say_each_flagged(words, DLW_WANT_INTERRUPTIBLE, "could only be woken by a signal");
	say_each_flagged(words, DLW_WANT_SPINNING, "spins and never yields");
	say_unconfirmed(words);
}

/* ---- 4. circular wait ----------------------------------------------------------------- */

static void say_orphan_chain(struct words *words)
{
	const struct dlw_core_edge *edge = &words->finding->edges[0];
	const struct dlw_lists *holds = &words->index->holds_of_resource;
	uint32_t i;

	say(words, "the chain of waits ends at a holder that will never act again: ");
	resource(words, edge->resource);
	say(words, " is held by ");
	say_holders(words, edge->resource, true);
	say(words, ", gone since");
	for (i = holds->first[edge->resource]; i < holds->first[edge->resource + 1]; i++) {
		const struct dlw_hold *hold = &words->state->holds[holds->elements[i]];

		if (!dlw_is_gone(words->state, hold->thread))
			continue;
		say(words, ", taken at ");
		dlw_say_site(&words->text, dlw_process_of(words->state, hold->thread),
			     &hold->stack);
	}
}

static void say_step(struct words *words, const struct dlw_core_edge *edge)
{
	say(words, " waits for ");
	resource(words, edge->resource);
	if (edge->next == DLW_NONE)
		return;
	if (is_held(words, edge->resource))
		say(words, ", held by ");
	else
		say(words, ", which needs ");
	if (edge->next == edge->thread)
		say(words, "itself");
	else
		thread(words, edge->next);
}

static void say_ring(struct words *words)
{
	const struct dlw_finding *finding = words->finding;
	uint32_t i;

	thread(words, finding->core[0]);
	for (i = 0; i < finding->edge_count; i++) {
		say(words, i ? ", which" : "");
		say_step(words, &finding->edges[i]);
	}
}

/* Not a ring: whoever could end a wait waits too, step by step. */
static void say_web(struct words *words)
{
	const struct dlw_finding *finding = words->finding;
	uint32_t i;

	for (i = 0; i < finding->edge_count; i++) {
		const struct dlw_core_edge *edge = &finding->edges[i];
		bool same = i && edge[-1].thread == edge->thread &&
			    edge[-1].resource == edge->resource && edge->next != DLW_NONE;

		if (same) {
			say(words, " or ");
			thread(words, edge->next);
			continue;
		}
		say(words, i ? "; " : "");
		thread(words, edge->thread);
		say_step(words, edge);
	}
	say(words, finding->verdict == DLW_STALLED
			   ? ": every thread that could end one of these waits is among them"
			   : ": all who could end one of these waits are among them");
}

static void circular_wait(struct words *words)
{
	if (words->finding->kind == DLW_ORPHAN)
		say_orphan_chain(words);
	else if (words->finding->cycle)
		say_ring(words);
	else
		say_web(words);
}

bool dlw_finding_explain(struct dlw_finding *finding, const struct dlw_index *index,
			 struct dlw_arena *arena)
{
	static void (*const evidence[DLW_COFFMAN_COUNT])(struct words * words) = {
		[DLW_MUTUAL_EXCLUSION] = mutual_exclusion,
		[DLW_HOLD_AND_WAIT] = hold_and_wait,
		[DLW_NO_PREEMPTION] = no_preemption,
		[DLW_CIRCULAR_WAIT] = circular_wait,
	};
	uint32_t *order = dlw_arena_array(arena, uint32_t, finding->edge_count), i;

	if (!order)
		return false;
	for (i = 0; i < finding->edge_count; i++)
		order[i] = i;
	dlw_sort(order, finding->edge_count, compare_edges, finding);
	for (i = 0; i < DLW_COFFMAN_COUNT; i++) {
		struct words words = { { .arena = arena }, index->state, finding, index, order };

		evidence[i](&words);
		finding->coffman[i].holds = true;
		finding->coffman[i].evidence = dlw_text_end(&words.text);
		if (!finding->coffman[i].evidence)
			return false;
	}
	return true;
}
