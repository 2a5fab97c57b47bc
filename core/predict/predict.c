/*
 * core/predict/predict.c - the deadlocks that another order of the same steps would have
 *
 * Leads a trace through the stages and keeps one result for all cycles that
 * want the same things while holding the same sets, whichever threads they are
 * made of: the strongest verdict counts.
 */
#include "core/predict/predict.h"

#include <string.h>

#include "core/predict/examine.h"
#include "core/sort.h"

struct result {
	uint64_t signature;
	struct dlw_predicted predicted;
};

struct driver {
	struct dlw_trace *trace;
	const struct dlw_predict_options *options;
	struct dlw_arena *arena, *scratch;
	struct dlw_kept kept;
	struct dlw_examiner examiner;
	struct dlw_column results;
	struct dlw_table table; /* numbers of results + 1, by signature */
	uint64_t cycles;
	bool failed;
};

/* ---- one result for all that are alike ------------------------------------------------ */

static const struct dlw_dependency *member(const struct driver *d,
					   const struct dlw_pattern *pattern, uint32_t i)
{
	return dlw_dependency_at(d->trace, d->kept.dependencies[pattern->members[i]]);
}

static uint64_t mix(uint64_t hash)
{
	hash = (hash ^ hash >> 32) * 0xd6e8feb86659fd93u;
	return hash ^ hash >> 29;
}

/* A sum: a cycle has no first member. */
static uint64_t signature_of(const struct driver *d, const struct dlw_pattern *pattern)
{
	uint64_t sum = pattern->flaws;
	uint32_t i;

	for (i = 0; i < pattern->count; i++) {
		const struct dlw_dependency *one = member(d, pattern, i);

		sum += mix(mix((uint64_t)one->held << 32 | one->object) + one->mode +
			   ((uint64_t)one->form << 8));
	}
	return sum;
}

static struct result *result_at(const struct driver *d, uint32_t number)
{
	return dlw_column_at(&d->results, number);
}

static bool make_room(struct driver *d)
{
	struct dlw_table *table = &d->table;
	uint32_t mask = table->slots ? 2 * table->mask + 1 : 255, i, slot;
	uint32_t *slots;

	if (table->slots && 2 * (d->results.count + 1) <= table->mask)
		return true;
	slots = dlw_arena_array(d->arena, uint32_t, (size_t)mask + 1);
	if (!slots)
		return false;
	for (i = 0; i < d->results.count; i++) {
		for (slot = (uint32_t)result_at(d, i)->signature & mask; slots[slot];)
			slot = (slot + 1) & mask;
		slots[slot] = i + 1;
	}
	table->slots = slots;
	table->mask = mask;
	return true;
}

/** find_result() - of all patterns alike; NULL: memory ran out */
static struct result *find_result(struct driver *d, uint64_t signature)
{
	struct result *result;
	uint32_t slot;

	if (!make_room(d))
		return NULL;
	slot = (uint32_t)signature & d->table.mask;
	for (; d->table.slots[slot]; slot = (slot + 1) & d->table.mask)
		if (result_at(d, d->table.slots[slot] - 1)->signature == signature)
			return result_at(d, d->table.slots[slot] - 1);
	result = dlw_column_add(&d->results, d->arena);
	if (!result)
		return NULL;
	d->table.slots[slot] = d->results.count;
	result->signature = signature;
	return result;
}

/* ---- telling it -------------------------------------------------------------------------- */

/** place_of() - where @thread took @held, last before @position */
static uint32_t place_of(const struct dlw_trace *trace, uint32_t number, uint32_t position,
			 const struct dlw_held *held)
{
	const struct dlw_thread *thread = dlw_thread_at(trace, number);

	while (position-- > 0) {
		const struct dlw_step *step = dlw_step_at(thread, position);

		if (dlw_step_op(step) == DLW_TRACE_ACQUIRE &&
		    dlw_dependency_at(trace, dlw_step_index(step))->object == held->object)
			return step->extra;
	}
	return 0;
}

static bool gives(const struct driver *d, const struct dlw_dependency *dependency, uint32_t object)
{
	const struct dlw_thread *thread = dlw_thread_at(d->trace, dependency->thread);
	uint32_t set, i;

	for (set = dependency->held; set; set = dlw_held_at(d->trace, set).below)
		if (dlw_held_at(d->trace, set).object == object)
			return true;
	for (i = 0; i < thread->implicits.count; i++)
		if (((struct dlw_implicit *)dlw_column_at(&thread->implicits, i))->object == object)
			return true;
	return false;
}

/** count_order() - how often anybody wanted @wanted while having @given */
static uint64_t count_order(const struct driver *d, uint32_t given, uint32_t wanted)
{
	uint64_t seen = 0;
	uint32_t i;

	for (i = 0; i < d->kept.count; i++) {
		const struct dlw_dependency *dependency =
			dlw_dependency_at(d->trace, d->kept.dependencies[i]);

		if (dependency->object == wanted && gives(d, dependency, given))
			seen += dependency->seen;
	}
	return seen;
}

static bool tell_holds(struct driver *d, const struct dlw_dependency *dependency, uint32_t position,
		       struct dlw_predicted_member *to)
{
	struct dlw_predicted_hold *holds;
	uint32_t set, count = 0;

	for (set = dependency->held; set; set = dlw_held_at(d->trace, set).below)
		count += !dlw_object_at(d->trace, dlw_held_at(d->trace, set).object)->loose;
	holds = dlw_arena_array(d->arena, struct dlw_predicted_hold, count);
	if (!holds)
		return false;
	to->holds = holds;
	to->hold_count = count;
	for (set = dependency->held; set; set = dlw_held_at(d->trace, set).below) {
		const struct dlw_held held = dlw_held_at(d->trace, set);

		if (!dlw_object_at(d->trace, held.object)->loose)
			holds[--count] = (struct dlw_predicted_hold){
				held.object, (enum dlw_mode)held.mode,
				place_of(d->trace, dependency->thread, position, &held),
				count_order(d, held.object, dependency->object)
			};
	}
	return true;
}

static bool tell_members(struct driver *d, const struct dlw_pattern *pattern,
			 const struct dlw_target *targets, struct dlw_predicted *to)
{
	struct dlw_predicted_member *members =
		dlw_arena_array(d->arena, struct dlw_predicted_member, pattern->count);
	uint32_t i;

	if (!members)
		return false;
	for (i = 0; i < pattern->count; i++) {
		const struct dlw_dependency *one = member(d, pattern, i);
		const struct dlw_thread *thread = dlw_thread_at(d->trace, one->thread);
		uint32_t position = targets[i].position;

		members[i] = (struct dlw_predicted_member){
			.thread = one->thread,
			.object = one->object,
			.mode = (enum dlw_mode)one->mode,
			.form = (enum dlw_form)one->form,
			.place = dlw_step_at(thread, position)->extra,
			.given = member(d, pattern, (i + pattern->count - 1) % pattern->count)
					 ->object,
		};
		members[i].seen = count_order(d, members[i].given, one->object);
		if (!tell_holds(d, one, position, &members[i]))
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

static bool tell_witness(struct driver *d, const struct dlw_examined *examined, uint32_t count,
			 struct dlw_predicted *to)
{
	const struct dlw_schedule *schedule = &examined->schedule;
	bool all = schedule->count <= d->options->witness_steps;
	struct dlw_run *run = &d->examiner.run;
	struct dlw_column told = DLW_COLUMN(struct dlw_witness_step, 6);
	struct dlw_witness_step *steps, *added;
	uint32_t at;

	to->witness_order = schedule->order;
	dlw_run_begin(run, schedule->order);
	for (at = 0; at < schedule->count; at++) {
		uint32_t thread = schedule->threads[at], position = run->prefix[thread];

		dlw_run_step(run, thread);
		if (!all &&
		    !is_kept_to_the_end(d->trace, examined->targets, count, thread, position))
			continue;
		added = dlw_column_add(&told, d->scratch);
		if (!added)
			return false;
		*added = tell_step(d->trace, thread, position);
	}
	steps = dlw_arena_array(d->arena, struct dlw_witness_step, told.count);
	if (!steps)
		return false;
	for (at = 0; at < told.count; at++)
		steps[at] = *(struct dlw_witness_step *)dlw_column_at(&told, at);
	to->witness = steps;
	to->witness_count = told.count;
	to->witness_omitted = schedule->count - told.count;
	return true;
}

/* ---- one pattern ---------------------------------------------------------------------------------- */

static bool settle(struct driver *d, const struct dlw_pattern *pattern, struct result *result,
		   const struct dlw_examined *examined)
{
	struct dlw_predicted *to = &result->predicted;

	to->verdict = examined->verdict;
	to->because = examined->because;
	to->object = examined->object;
	if (!tell_members(d, pattern, examined->targets, to))
		return false;
	return examined->verdict != DLW_FEASIBLE || tell_witness(d, examined, pattern->count, to);
}

/** better() - a verdict more worth telling; FEASIBLE is the smallest of its kind */
static bool better(const struct dlw_examined *examined, const struct result *result)
{
	return !result->predicted.count || examined->verdict < result->predicted.verdict;
}

/* Threads that hand signals to and fro are in no cycle of locks: at least one must be in it. */
static bool has_lock(const struct driver *d, const struct dlw_pattern *pattern)
{
	uint32_t i;

	for (i = 0; i < pattern->count; i++)
		if (dlw_is_lock(dlw_object_at(d->trace, member(d, pattern, i)->object)))
			return true;
	return false;
}

static bool examine_pattern(void *context, const struct dlw_pattern *pattern)
{
	struct driver *d = context;
	struct dlw_examined examined;
	struct result *result;

	if (!has_lock(d, pattern))
		return true;
	result = find_result(d, signature_of(d, pattern));
	d->cycles++;
	if (!result) {
		d->failed = true;
		return false;
	}
	result->predicted.patterns++;
	if (result->predicted.count && result->predicted.verdict == DLW_FEASIBLE)
		return true;
	dlw_arena_reset(d->scratch);
	if (!dlw_examine(&d->examiner, pattern, &examined) ||
	    (better(&examined, result) && !settle(d, pattern, result, &examined)))
		d->failed = true;
	return !d->failed;
}

/* A cycle with a flaw is explained by it: of several by the first of these. */
static bool explain_pattern(void *context, const struct dlw_pattern *pattern)
{
	static const struct {
		uint32_t flaw;
		enum dlw_verdict verdict;
		enum dlw_because because;
	} reasons[] = {
		{ DLW_FLAW_SAME_THREAD, DLW_SAME_THREAD, DLW_BECAUSE_SAME_THREAD },
		{ DLW_FLAW_SHARED, DLW_SHARED_READ, DLW_BECAUSE_SHARED },
		{ DLW_FLAW_GUARDED, DLW_GUARDED, DLW_BECAUSE_GATE },
		{ DLW_FLAW_YIELDING, DLW_YIELDING, DLW_BECAUSE_TIMED },
	};
	struct driver *d = context;
	struct dlw_examined examined = { .object = DLW_NONE };
	struct result *result;
	uint32_t i, kept;

	if (!pattern->flaws || !has_lock(d, pattern))
		return true;
	d->cycles++;
	dlw_arena_reset(d->scratch);
	result = find_result(d, signature_of(d, pattern));
	examined.targets = dlw_arena_array(d->scratch, struct dlw_target, pattern->count);
	if (!result || !examined.targets) {
		d->failed = true;
		return false;
	}
	if (result->predicted.patterns++)
		return true;
	for (i = 0; !(pattern->flaws & reasons[i].flaw); i++)
		;
	examined.verdict = reasons[i].verdict;
	examined.because = reasons[i].because;
	if (examined.because == DLW_BECAUSE_GATE)
		examined.object = pattern->gate;
	for (i = 0; i < pattern->count; i++) {
		kept = pattern->members[i];
		examined.targets[i] =
			(struct dlw_target){ member(d, pattern, i)->thread,
					     d->kept.instances[d->kept.first_instance[kept]] };
	}
	if (!settle(d, pattern, result, &examined))
		d->failed = true;
	return !d->failed;
}

/* ---- the whole ---------------------------------------------------------------------------------------- */

static int compare_results(const void *context, uint32_t left, uint32_t right)
{
	const struct driver *d = context;
	const struct dlw_predicted *a = &result_at(d, left)->predicted;
	const struct dlw_predicted *b = &result_at(d, right)->predicted;

	return a->verdict != b->verdict ? dlw_order(a->verdict, b->verdict)
					: dlw_order(left, right);
}

static bool hand_over(struct driver *d, struct dlw_prediction *prediction)
{
	uint32_t count = d->results.count, i;
	struct dlw_predicted *all = dlw_arena_array(d->arena, struct dlw_predicted, count);
	uint32_t *sorted = dlw_arena_array(d->arena, uint32_t, count);

	if (!all || !sorted)
		return false;
	for (i = 0; i < count; i++)
		sorted[i] = i;
	dlw_sort(sorted, count, compare_results, d);
	for (i = 0; i < count; i++) {
		all[i] = result_at(d, sorted[i])->predicted;
		prediction->feasible += all[i].verdict == DLW_FEASIBLE;
	}
	prediction->all = all;
	prediction->count = count;
	prediction->cycles = d->cycles;
	return true;
}

/* Short cycles first: where there are too many to look at, they are what matters. */
static bool find_all(struct driver *d, uint32_t flaws, dlw_pattern_found *found,
		     struct dlw_prediction *prediction)
{
	static const uint32_t longest[] = { 2, 3, UINT32_MAX };
	uint32_t i, shortest = 1;

	for (i = 0; i < sizeof(longest) / sizeof(longest[0]); i++) {
		uint64_t budget = d->options->cycle_budget;

		if (!dlw_find_cycles(d->trace, &d->kept, flaws, shortest, longest[i], &budget,
				     d->arena, found, d) ||
		    d->failed)
			return false;
		if (!budget)
			prediction->cut = true;
		shortest = longest[i] + 1;
	}
	return true;
}

bool dlw_predict(struct dlw_trace *trace, const struct dlw_predict_options *options,
		 struct dlw_arena *arena, struct dlw_arena *scratch,
		 struct dlw_prediction *prediction)
{
	const uint32_t every_flaw =
		DLW_FLAW_SAME_THREAD | DLW_FLAW_SHARED | DLW_FLAW_GUARDED | DLW_FLAW_YIELDING;
	struct driver d = { .trace = trace,
			    .options = options,
			    .arena = arena,
			    .scratch = scratch,
			    .results = DLW_COLUMN(struct result, 4) };

	*prediction = (struct dlw_prediction){ 0 };
	if (!dlw_order_finish(trace) || !dlw_lock_graph(trace, arena, &d.kept))
		return false;
	if (!d.kept.count)
		return true;
	if (!dlw_examiner_make(&d.examiner, trace, &d.kept, options, arena, scratch))
		return false;
	if (!find_all(&d, 0, examine_pattern, prediction))
		return false;
	if (options->explain && !find_all(&d, every_flaw, explain_pattern, prediction))
		return false;
	return hand_over(&d, prediction);
}
