/*
 * core/predict/cycles.c - stage C: patterns that would deadlock if they met
 *
 * Depth first from every dependency over those after it, so that each cycle is
 * met once, at its smallest member. A step goes from what is wanted to whoever
 * holds it; a flaw (same thread, read-read, a common gate, a timed form) ends
 * the way there unless it was asked for.
 */
#include <string.h>

#include "core/predict/cycles.h"

struct search {
	const struct dlw_trace *trace;
	const struct dlw_kept *kept;
	uint32_t wanted_flaws, shortest, longest;
	uint64_t *budget;
	dlw_pattern_found *found;
	void *context;
	uint32_t *members;       /* the way so far */
	uint32_t *cursors;       /* where among the holders of what each of them wants */
	uint32_t *flaws, *gates; /* up to and including each of them */
	uint32_t depth, room;
	struct dlw_arena *arena;
	bool stop;
};

static const struct dlw_dependency *member(const struct search *search, uint32_t place)
{
	return dlw_dependency_at(search->trace, search->kept->dependencies[place]);
}

/** common_gate() - a lock that both hold so that they cannot hold it together, or DLW_NONE */
static uint32_t common_gate(const struct dlw_trace *trace, const struct dlw_dependency *a,
			    const struct dlw_dependency *b)
{
	uint32_t i, j;

	for (i = a->held; i; i = dlw_held_at(trace, i).below) {
		const struct dlw_held left = dlw_held_at(trace, i);
		const struct dlw_object *object = dlw_object_at(trace, left.object);

		/* of a pool of permits several threads may have one each */
		if (!dlw_is_lock(object) || dlw_capacity(object) > 1)
			continue;
		for (j = b->held; j; j = dlw_held_at(trace, j).below) {
			const struct dlw_held right = dlw_held_at(trace, j);

			if (left.object == right.object &&
			    dlw_modes_conflict(left.mode, right.mode))
				return left.object;
		}
	}
	return DLW_NONE;
}

/** step_flaw() - @from wants what @to holds: can it have to wait? */
static uint32_t step_flaw(const struct dlw_trace *trace, const struct dlw_dependency *from,
			  const struct dlw_dependency *to)
{
	uint32_t set;

	if (from->mode != DLW_SHARED)
		return 0;
	for (set = to->held; set; set = dlw_held_at(trace, set).below)
		if (dlw_held_at(trace, set).object == from->object &&
		    dlw_held_at(trace, set).mode != DLW_SHARED)
			return 0;
	return DLW_FLAW_SHARED;
}

/** flaws_of() - what is wrong with @place as the next one of the way */
static uint32_t flaws_of(const struct search *search, uint32_t place, uint32_t *gate)
{
	const struct dlw_dependency *next = member(search, place), *on_way;
	uint32_t flaws = next->form == DLW_FORM_BLOCKING ? 0 : DLW_FLAW_YIELDING, at, common;

	for (at = 0; at < search->depth; at++) {
		on_way = member(search, search->members[at]);
		if (on_way->thread == next->thread) {
			flaws |= DLW_FLAW_SAME_THREAD;
			continue;
		}
		common = common_gate(search->trace, on_way, next);
		if (common != DLW_NONE) {
			flaws |= DLW_FLAW_GUARDED;
			*gate = common;
		}
	}
	if (search->depth)
		flaws |= step_flaw(search->trace,
				   member(search, search->members[search->depth - 1]), next);
	return flaws;
}

static bool grow(struct search *search)
{
	uint32_t room = search->room ? 2 * search->room : 16, *grown;

	if (search->depth < search->room)
		return true;
	/* four arrays in one */
	grown = dlw_arena_array(search->arena, uint32_t, 4 * (size_t)room);
	if (!grown)
		return false;
	if (search->room) {
		memcpy(grown, search->members, 4 * (size_t)search->room);
		memcpy(grown + room, search->cursors, 4 * (size_t)search->room);
		memcpy(grown + 2 * room, search->flaws, 4 * (size_t)search->room);
		memcpy(grown + 3 * room, search->gates, 4 * (size_t)search->room);
	}
	search->members = grown;
	search->cursors = grown + room;
	search->flaws = grown + 2 * room;
	search->gates = grown + 3 * room;
	search->room = room;
	return true;
}

/** push() - go to @place, if nothing is wrong with it that was not asked for */
static bool push(struct search *search, uint32_t place)
{
	uint32_t gate = search->depth ? search->gates[search->depth - 1] : DLW_NONE;
	uint32_t flaws = flaws_of(search, place, &gate);

	if (search->depth)
		flaws |= search->flaws[search->depth - 1];
	if (flaws & ~search->wanted_flaws || search->depth == search->longest)
		return true;
	if (!grow(search))
		return false;
	search->members[search->depth] = place;
	search->cursors[search->depth] = search->kept->first[member(search, place)->object];
	search->flaws[search->depth] = flaws;
	search->gates[search->depth++] = gate;
	return true;
}

static void close_cycle(struct search *search)
{
	const struct dlw_dependency *first = member(search, search->members[0]);
	const struct dlw_dependency *last = member(search, search->members[search->depth - 1]);
	struct dlw_pattern pattern = {
		.members = search->members,
		.count = search->depth,
		.flaws = search->flaws[search->depth - 1] | step_flaw(search->trace, last, first),
		.gate = search->gates[search->depth - 1],
	};

	if (search->depth == 1)
		pattern.flaws |= DLW_FLAW_SAME_THREAD;
	if (pattern.flaws & ~search->wanted_flaws || search->depth < search->shortest)
		return;
	if (!search->found(search->context, &pattern))
		search->stop = true;
}

static bool on_way(const struct search *search, uint32_t place)
{
	uint32_t at;

	for (at = 0; at < search->depth; at++)
		if (search->members[at] == place)
			return true;
	return false;
}

/** advance() - one step further from the end of the way, or one back */
static bool advance(struct search *search)
{
	uint32_t last = search->depth - 1, next;
	uint32_t object = member(search, search->members[last])->object;

	if (search->cursors[last] == search->kept->first[object + 1]) {
		search->depth--;
		return true;
	}
	next = search->kept->places[search->cursors[last]++];
	if (!*search->budget) {
		search->stop = true;
		return true;
	}
	--*search->budget;
	if (next == search->members[0]) {
		close_cycle(search);
		return true;
	}
	if (next < search->members[0] || on_way(search, next))
		return true;
	return push(search, next);
}

bool dlw_find_cycles(const struct dlw_trace *trace, const struct dlw_kept *kept, uint32_t flaws,
		     uint32_t shortest, uint32_t longest, uint64_t *budget, struct dlw_arena *arena,
		     dlw_pattern_found *found, void *context)
{
	struct search search = {
		.trace = trace,
		.kept = kept,
		.wanted_flaws = flaws,
		.shortest = shortest,
		.longest = longest,
		.budget = budget,
		.found = found,
		.context = context,
		.arena = arena,
	};
	uint32_t start;

	for (start = 0; start < kept->count && !search.stop; start++) {
		if (!push(&search, start))
			return false;
		while (search.depth && !search.stop)
			if (!advance(&search))
				return false;
		search.depth = 0;
	}
	return true;
}
