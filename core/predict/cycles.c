/*
 * core/predict/cycles.c - stage C: patterns that would deadlock if they met
 *
 * Depth first from every dependency over those after it, so that each cycle is
 * met once, at its smallest member. A step goes from what is wanted to whoever
 * holds it; a flaw (same thread, read-read, a common gate, a timed form) ends
 * the way there unless it was asked for. What the members of the way hold and
 * want is marked at the objects, so that a step is looked at without them.
 *
 * With flaws there are too many: n locks that one thread takes one in the other
 * make 2^n cycles of a pair of them. Of these only the smallest are met, those
 * with no other cycle among their members: what keeps them from closing keeps
 * the larger ones. Without flaws nearly all are so: who holds what two members
 * want has a gate with whoever else does.
 */
#include <string.h>

#include "core/predict/cycles.h"
#include "core/search.h"

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
	bool smallest; /* no cycles around others */
	bool longer;   /* a way ended for its length alone */
	bool stop;
};

/** A step to a dependency: what is wrong with it. */
struct step {
	const struct dlw_dependency *to;
	uint32_t flaws;
	uint32_t gate;
	bool around;   /* there is a cycle without all members of the way */
	bool too_long; /* no room is left after it, and it does not close the cycle */
};

static const struct dlw_dependency *member(const struct search *search, uint32_t place)
{
	return dlw_dependency_at(search->trace, search->kept->dependencies[place]);
}

static struct dlw_mark *mark_of(const struct search *search, uint32_t object)
{
	return &search->kept->marks[object];
}

static void pay(const struct search *search, uint64_t steps)
{
	*search->budget -= *search->budget < steps ? *search->budget : steps;
}

/* ---- marks ------------------------------------------------------------------------- */

/** mark_holder() - the member at the end of the way holds @object, or (@by -1) did so */
static void mark_holder(const struct search *search, uint32_t object, uint32_t by)
{
	struct dlw_mark *mark = mark_of(search, object);

	if (search->depth == 1)
		mark->first += by;
	else
		mark->later += by;
}

/** mark_member() - the one at the end of the way, @by 1 or -1 */
static void mark_member(const struct search *search, uint32_t by)
{
	const struct dlw_dependency *one = member(search, search->members[search->depth - 1]);
	const struct dlw_thread *thread = dlw_thread_at(search->trace, one->thread);
	uint32_t set, i;

	search->kept->on_way[one->thread] += by;
	mark_of(search, one->object)->wanted += by;
	for (set = one->held; set; set = dlw_held_at(search->trace, set).below) {
		const struct dlw_held held = dlw_held_at(search->trace, set);

		if (held.mode == DLW_SHARED)
			mark_of(search, held.object)->shared += by;
		else
			mark_of(search, held.object)->exclusive += by;
		mark_holder(search, held.object, by);
	}
	for (i = 0; i < thread->implicits.count; i++)
		mark_holder(search,
			    ((struct dlw_implicit *)dlw_column_at(&thread->implicits, i))->object,
			    by);
}

/* ---- one step ---------------------------------------------------------------------- */

static const struct dlw_dependency *last_member(const struct search *search)
{
	return search->depth ? member(search, search->members[search->depth - 1]) : NULL;
}

/** holder_from() - the first holder of @object that is @place or after it */
static uint32_t holder_from(const struct dlw_kept *kept, uint32_t object, uint32_t place)
{
	return dlw_first(i, kept->first[object], kept->first[object + 1],
			 kept->places[i] >= place);
}

/** holds() - the dependency @place has or owes @object */
static bool holds(const struct dlw_kept *kept, uint32_t object, uint32_t place)
{
	uint32_t at = holder_from(kept, object, place);

	return at < kept->first[object + 1] && kept->places[at] == place;
}

/** leads_around() - there is a cycle, or a way to @place, without all members of this way */
static bool leads_around(const struct search *search, uint32_t place)
{
	uint32_t object = member(search, place)->object, at;

	if (!search->depth)
		return false;
	if (mark_of(search, object)->later || holds(search->kept, object, place))
		return true;
	for (at = 0; at + 1 < search->depth; at++)
		if (holds(search->kept, member(search, search->members[at])->object, place))
			return true;
	pay(search, at / 4);
	return false;
}

/** is_gate() - a member of the way has @held so that not both can have it */
static bool is_gate(const struct search *search, const struct dlw_held *held)
{
	const struct dlw_mark *mark = mark_of(search, held->object);
	const struct dlw_object *object;

	if (!mark->exclusive && (!mark->shared || held->mode == DLW_SHARED))
		return false;
	object = dlw_object_at(search->trace, held->object);
	/* of a pool of permits several threads may have one each */
	return dlw_is_lock(object) && dlw_capacity(object) <= 1;
}

/** look_at_held() - what the holds of the step's end say */
static void look_at_held(const struct search *search, struct step *step)
{
	const struct dlw_dependency *last = last_member(search);
	bool waits = !last || last->mode != DLW_SHARED;
	uint32_t set, count = 0;

	for (set = step->to->held; set; set = dlw_held_at(search->trace, set).below) {
		const struct dlw_held held = dlw_held_at(search->trace, set);

		count++;
		if (is_gate(search, &held)) {
			step->flaws |= DLW_FLAW_GUARDED;
			step->gate = held.object;
		}
		if (last && held.object == last->object && held.mode != DLW_SHARED)
			waits = true;
		if (step->flaws & ~search->wanted_flaws)
			break;
	}
	if (!waits && !set)
		step->flaws |= DLW_FLAW_SHARED;
	pay(search, count);
}

/** step_to() - what is wrong with going to @place; quick where it is out of the question */
static struct step step_to(const struct search *search, uint32_t place)
{
	struct step step = { .to = member(search, place), .gate = DLW_NONE };
	const struct dlw_mark *mark = mark_of(search, step.to->object);

	if (step.to->form != DLW_FORM_BLOCKING)
		step.flaws |= DLW_FLAW_YIELDING;
	if (search->kept->on_way[step.to->thread])
		step.flaws |= DLW_FLAW_SAME_THREAD;
	/* the last one there is room for has to close the cycle */
	step.too_long = search->depth && search->depth + 1 == search->longest && !mark->first;
	step.around = search->smallest && leads_around(search, place);
	if (step.too_long || step.around || step.flaws & ~search->wanted_flaws)
		return step;
	look_at_held(search, &step);
	return step;
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

/* ---- the way ------------------------------------------------------------------------ */

/** closing_flaw() - the last member wants what the first one holds: can it have to wait? */
static uint32_t closing_flaw(const struct search *search)
{
	const struct dlw_dependency *first = member(search, search->members[0]);
	const struct dlw_dependency *last = last_member(search);
	uint32_t set;

	if (last->mode != DLW_SHARED)
		return 0;
	for (set = first->held; set; set = dlw_held_at(search->trace, set).below)
		if (dlw_held_at(search->trace, set).object == last->object &&
		    dlw_held_at(search->trace, set).mode != DLW_SHARED)
			return 0;
	return DLW_FLAW_SHARED;
}

static void close_cycle(struct search *search)
{
	struct dlw_pattern pattern = {
		.members = search->members,
		.count = search->depth,
		.flaws = search->flaws[search->depth - 1] | closing_flaw(search),
		.gate = search->gates[search->depth - 1],
	};

	if (search->depth == 1)
		pattern.flaws |= DLW_FLAW_SAME_THREAD;
	if (pattern.flaws & ~search->wanted_flaws || search->depth < search->shortest)
		return;
	if (!search->found(search->context, &pattern))
		search->stop = true;
}

static void step_back(struct search *search)
{
	mark_member(search, -1u);
	search->depth--;
}

/** arrive() - the way has a new end: does it close a cycle, does it go on? */
static void arrive(struct search *search)
{
	uint32_t object = last_member(search)->object;
	bool closes = mark_of(search, object)->first;

	if (closes)
		close_cycle(search);
	if (search->depth == search->longest || (closes && search->smallest))
		step_back(search);
	else
		search->cursors[search->depth - 1] =
			holder_from(search->kept, object, search->members[0] + 1);
}

/** push() - go to @place, if nothing is wrong with it that was not asked for */
static bool push(struct search *search, uint32_t place)
{
	struct step step = step_to(search, place);
	uint32_t last = search->depth - 1;

	if (step.around || step.flaws & ~search->wanted_flaws)
		return true;
	search->longer |= step.too_long;
	if (step.too_long)
		return true;
	if (!grow(search))
		return false;
	if (search->depth) {
		step.flaws |= search->flaws[last];
		step.gate = step.gate == DLW_NONE ? search->gates[last] : step.gate;
	}
	search->members[search->depth] = place;
	search->flaws[search->depth] = step.flaws;
	search->gates[search->depth++] = step.gate;
	mark_member(search, 1);
	arrive(search);
	return true;
}

/** advance() - one step further from the end of the way, or one back */
static bool advance(struct search *search)
{
	uint32_t last = search->depth - 1;
	uint32_t object = member(search, search->members[last])->object;

	if (search->cursors[last] == search->kept->first[object + 1]) {
		step_back(search);
		return true;
	}
	if (!*search->budget) {
		search->stop = true;
		return true;
	}
	pay(search, 1);
	return push(search, search->kept->places[search->cursors[last]++]);
}

bool dlw_find_cycles(const struct dlw_trace *trace, const struct dlw_kept *kept, uint32_t flaws,
		     uint32_t shortest, uint32_t longest, uint64_t *budget, bool *longer,
		     struct dlw_arena *arena, dlw_pattern_found *found, void *context)
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
		.smallest = flaws,
	};
	uint32_t start;
	bool room = true;

	for (start = 0; start < kept->count && room && !search.stop; start++) {
		room = push(&search, start);
		while (search.depth && room && !search.stop)
			room = advance(&search);
		while (search.depth)
			step_back(&search);
	}
	if (longer)
		*longer = search.longer;
	return room;
}
