/*
 * core/predict/nestings.c - see nestings.h
 *
 * The notes are told to a trace as the shortest run that shows each of them:
 * the held locks one after the other, the wanted one, and all given back. How
 * the held ones came about other notes tell: here they are tried, which wants
 * nothing. The place of the wish is the number of its note.
 */
#include "core/predict/nestings.h"

#include "core/predict/cycles.h"
#include "core/predict/lock_graph.h"
#include "core/predict/store.h"

struct prediction {
	const struct dlw_noted *noted;
	struct dlw_trace *trace;
	struct dlw_kept kept;
	uint32_t *chosen; /* of the cycle looked at: a note for each member … */
	uint64_t *began;  /* … and when its section began */
	uint32_t open;
	dlw_noted_inversion *found;
	void *context;
};

/* ---- a trace of it ----------------------------------------------------------------------- */

static bool is_held_below(const struct dlw_noted_nesting *nesting, uint32_t at)
{
	uint32_t i;

	for (i = 1; i < at; i++)
		if (nesting->locks[i].lock == nesting->locks[at].lock)
			return true;
	return false;
}

static bool tell(const struct prediction *p, enum dlw_trace_op op,
		 const struct dlw_noted_nesting *nesting, uint32_t at, uint32_t place)
{
	return dlw_trace_add(p->trace, &(struct dlw_trace_event){
					    .op = op,
					    .thread = nesting->thread,
					    .object = p->noted->threads + nesting->locks[at].lock,
					    .mode = nesting->locks[at].mode,
					    .form = at ? DLW_FORM_TRY : DLW_FORM_BLOCKING,
					    .place = place,
				    });
}

/** tell_nesting() - a lock held twice is taken once */
static bool tell_nesting(const struct prediction *p, uint32_t number)
{
	const struct dlw_noted_nesting *nesting = &p->noted->nestings[number];
	bool told = true;
	uint32_t at;

	for (at = 1; at <= nesting->held; at++)
		if (!is_held_below(nesting, at))
			told &= tell(p, DLW_TRACE_ACQUIRE, nesting, at, 0);
	told &= tell(p, DLW_TRACE_ACQUIRE, nesting, 0, number + 1) &&
		tell(p, DLW_TRACE_RELEASE, nesting, 0, 0);
	for (at = nesting->held; at; at--)
		if (!is_held_below(nesting, at))
			told &= tell(p, DLW_TRACE_RELEASE, nesting, at, 0);
	return told;
}

static bool make_trace(struct prediction *p, struct dlw_arena *arena)
{
	const struct dlw_noted *noted = p->noted;
	uint32_t i;

	p->trace = dlw_trace_new(arena);
	if (!p->trace)
		return false;
	for (i = 0; i < noted->threads; i++)
		if (dlw_trace_thread(p->trace) == DLW_NONE)
			return false;
	/* every thread has an object, its end: the numbers of locks come after these */
	for (i = 0; i < noted->locks; i++)
		if (dlw_trace_object(p->trace,
				     &(struct dlw_trace_object){
					     .kind = noted->rwlock[i] ? DLW_RWLOCK : DLW_MUTEX,
					     .life_known = true }) == DLW_NONE)
			return false;
	return true;
}

/* ---- moments -------------------------------------------------------------------------------- */

/** member_note() - one of the notes that member @at of a cycle can be; DLW_NONE: no more */
static uint32_t member_note(const struct prediction *p, const struct dlw_pattern *pattern,
			    uint32_t at, uint32_t instance)
{
	uint32_t place = pattern->members[at];
	const struct dlw_dependency *dependency =
		dlw_dependency_at(p->trace, p->kept.dependencies[place]);
	uint32_t first = p->kept.first_instance[place];

	if (instance == p->kept.first_instance[place + 1] - first)
		return DLW_NONE;
	return dlw_step_at(dlw_thread_at(p->trace, dependency->thread),
			   p->kept.instances[first + instance])
		       ->extra -
	       1;
}

/** is_at() - a section of @nesting that begins no earlier, and could have then; *@when it did */
static bool is_at(const struct dlw_noted_nesting *nesting, uint64_t began, uint64_t *when)
{
	bool is = false;
	int i;

	for (i = 0; i < 2; i++) {
		const struct dlw_moment *moment = &nesting->moments[i];

		if (moment->last > began || began > moment->began)
			continue;
		if (!is || moment->began > *when)
			*when = moment->began;
		is = true;
	}
	return is;
}

/** choose() - a note for each member, for sections that begin no earlier than at @began */
static bool choose(struct prediction *p, const struct dlw_pattern *pattern, uint64_t began)
{
	uint32_t at, instance, note;
	uint64_t when;

	for (at = 0; at < pattern->count; at++) {
		p->chosen[at] = DLW_NONE;
		for (instance = 0;; instance++) {
			note = member_note(p, pattern, at, instance);
			if (note == DLW_NONE)
				break;
			if (!is_at(&p->noted->nestings[note], began, &when))
				continue;
			p->chosen[at] = note;
			p->began[at] = when;
			if (!p->noted->nestings[note].footprint)
				break;
		}
		if (p->chosen[at] == DLW_NONE)
			return false;
	}
	return true;
}

/** steps_on() - on its way to its wish @a takes something that @b holds */
static bool steps_on(const struct dlw_noted *noted, const struct dlw_noted_nesting *a,
		     const struct dlw_noted_nesting *b)
{
	uint32_t at;

	for (at = 1; at <= b->held; at++)
		if (a->footprint & noted->bit[b->locks[at].lock])
			return true;
	return false;
}

/** comes_later() - @a may have been started by what the thread of @b did after it @began */
static bool comes_later(const struct dlw_noted_nesting *a, const struct dlw_noted_nesting *b,
			uint64_t began)
{
	return b->creator && a->born > began;
}

/** is_unhindered() - nobody's section needs more than the locks that the cycle is about */
static bool is_unhindered(const struct prediction *p, uint32_t count)
{
	const struct dlw_noted *noted = p->noted;
	uint32_t i, j;

	for (i = 0; i < count; i++) {
		const struct dlw_noted_nesting *nesting = &noted->nestings[p->chosen[i]];

		for (j = 1; j <= nesting->held; j++)
			if (noted->tried[nesting->locks[j].lock])
				return false;
		/* of what it has given back again nobody knows which lock it was */
		if (nesting->footprint && noted->any_tried)
			return false;
		for (j = 0; j < count; j++)
			if (j != i &&
			    (steps_on(noted, nesting, &noted->nestings[p->chosen[j]]) ||
			     comes_later(nesting, &noted->nestings[p->chosen[j]], p->began[j])))
				return false;
	}
	return true;
}

static bool is_member(const struct prediction *p, uint32_t count, uint32_t thread)
{
	uint32_t i;

	for (i = 0; i < count; i++)
		if (p->noted->nestings[p->chosen[i]].thread == thread)
			return true;
	return false;
}

/** all_give_back() - whoever held a lock when the first section began could do without the members */
static bool all_give_back(const struct prediction *p, uint32_t count)
{
	uint64_t first = UINT64_MAX;
	uint32_t i;

	for (i = 0; i < count; i++)
		first = p->began[i] < first ? p->began[i] : first;
	for (i = 0; i < p->noted->stretch_count; i++) {
		const struct dlw_noted_stretch *stretch = &p->noted->stretches[i];

		if (stretch->from <= first && first < stretch->until &&
		    !is_member(p, count, stretch->thread))
			return false;
	}
	return true;
}

/** is_feasible() - with some note for each member, at some moments of theirs */
static bool is_feasible(struct prediction *p, const struct dlw_pattern *pattern)
{
	uint32_t at, instance, note;
	int i;

	/* the earliest beginning of all is one of these */
	for (at = 0; at < pattern->count; at++)
		for (instance = 0; (note = member_note(p, pattern, at, instance)) != DLW_NONE;
		     instance++)
			for (i = 0; i < 2; i++)
				if (choose(p, pattern,
					   p->noted->nestings[note].moments[i].began) &&
				    is_unhindered(p, pattern->count) &&
				    all_give_back(p, pattern->count))
					return true;
	return false;
}

static bool look_at(void *context, const struct dlw_pattern *pattern)
{
	struct prediction *p = context;

	if (pattern->flaws)
		return true;
	if (is_feasible(p, pattern))
		return p->found(p->context, p->chosen, pattern->count);
	p->open++;
	return true;
}

bool dlw_predict_noted(const struct dlw_noted *noted, uint64_t *steps, uint32_t *open,
		       struct dlw_arena *arena, dlw_noted_inversion *found, void *context)
{
	struct prediction p = { .noted = noted, .found = found, .context = context };
	bool done;
	uint32_t i;

	p.chosen = dlw_arena_array(arena, uint32_t, noted->threads + 1);
	p.began = dlw_arena_array(arena, uint64_t, noted->threads + 1);
	if (!p.chosen || !p.began || !make_trace(&p, arena))
		return false;
	for (i = 0; i < noted->count; i++)
		if (!tell_nesting(&p, i))
			return false;
	done = dlw_order_finish(p.trace) && dlw_lock_graph(p.trace, arena, &p.kept) &&
	       dlw_find_cycles(p.trace, &p.kept, 0, 2, UINT32_MAX, steps, NULL, arena, look_at,
			       &p);
	*open = p.open;
	return done;
}
