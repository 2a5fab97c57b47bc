/*
 * core/predict/predict.c - the deadlocks that another order of the same steps would have
 *
 * Leads a trace through the stages and keeps one result for all cycles that
 * want the same things while holding the same sets, whichever threads they are
 * made of: the strongest verdict counts. Where there are many, those of one face
 * that would say nothing new are counted alone.
 */
#include "core/predict/predict.h"

#include "core/predict/faces.h"
#include "core/predict/keyed.h"
#include "core/predict/tell.h"
#include "core/sort.h"

/*
 * With so many results faces are looked at, and so many of one face are told if
 * they are feasible: some may be of locks that whoever reads has heard of.
 */
#define FACES_FROM 128
#define FEASIBLE_OF_FACE 8
#define TRIES_OF_FACE 64 /* once one is feasible, so many are examined for the rest */

/* Cycles that can be no deadlock are told up to so many members: longer ones nobody reads. */
#define EXPLAINED_LENGTH 64

#define WORK_A_STEP 40
#define WORK_LEAST 100000000u

struct result {
	uint64_t signature;
	struct dlw_predicted predicted;
};

struct face {
	uint64_t key;
	uint32_t feasible; /* results */
	uint32_t tries;    /* patterns examined */
	bool told;
	enum dlw_verdict strongest; /* if it was told */
};

struct driver {
	struct dlw_trace *trace;
	struct dlw_predict_options given; /* but for .work_budget */
	const struct dlw_predict_options *options;
	struct dlw_arena *arena, *scratch;
	struct dlw_kept kept;
	struct dlw_examiner examiner;
	struct dlw_teller teller;
	struct dlw_faces faces;
	struct dlw_keyed results; /* by signature */
	struct dlw_keyed seen;    /* faces, once there are many results */
	uint64_t cycles;
	uint32_t explained; /* results with a flaw */
	bool enough;        /* of those */
	bool failed;
};

/* ---- one result for all that are alike ------------------------------------------------ */

static const struct dlw_dependency *member(const struct driver *d,
					   const struct dlw_pattern *pattern, uint32_t i)
{
	return dlw_dependency_at(d->trace, d->kept.dependencies[pattern->members[i]]);
}

/* A sum: a cycle has no first member. */
static uint64_t signature_of(const struct driver *d, const struct dlw_pattern *pattern)
{
	uint64_t sum = pattern->flaws;
	uint32_t i;

	for (i = 0; i < pattern->count; i++) {
		const struct dlw_dependency *one = member(d, pattern, i);

		sum += dlw_mix(dlw_mix((uint64_t)one->held << 32 | one->object) + one->mode +
			   ((uint64_t)one->form << 8));
	}
	return sum;
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

/* ---- what is kept of it --------------------------------------------------------------- */

/** face_of() - NULL: faces are not looked at (yet), or memory ran out */
static struct face *face_of(struct driver *d, const struct dlw_pattern *pattern)
{
	struct face *face;
	uint64_t key;

	if (!d->faces.of) {
		if (d->results.all.count < FACES_FROM)
			return NULL;
		dlw_arena_reset(d->scratch);
		d->failed = !dlw_faces_make(&d->faces, d->trace, &d->kept, d->arena, d->scratch);
		if (d->failed)
			return NULL;
	}
	key = dlw_face_of(&d->faces, d->trace, &d->kept, pattern);
	face = dlw_keyed_find(&d->seen, key);
	if (!face)
		face = dlw_keyed_add(&d->seen, key, d->arena);
	d->failed |= !face;
	return face;
}

/** is_new() - a result of @verdict would say more than those of this @face did */
static bool is_new(const struct face *face, enum dlw_verdict verdict)
{
	if (!face || !face->told || verdict < face->strongest)
		return true;
	return verdict == DLW_FEASIBLE && face->feasible < FEASIBLE_OF_FACE;
}

static void settle(struct driver *d, const struct dlw_pattern *pattern,
		   const struct dlw_examined *examined, struct result *result, struct face *face)
{
	if (!result) {
		result = dlw_keyed_add(&d->results, signature_of(d, pattern), d->arena);
		if (!result) {
			d->failed = true;
			return;
		}
		result->predicted.patterns = 1;
	}
	if (face) {
		if (!face->told || examined->verdict < face->strongest)
			face->strongest = examined->verdict;
		face->told = true;
		face->feasible += examined->verdict == DLW_FEASIBLE;
	}
	if (!dlw_tell(&d->teller, pattern, examined, &d->examiner.run, &result->predicted))
		d->failed = true;
}

static struct result *next_of_result(struct driver *d, const struct dlw_pattern *pattern)
{
	struct result *result = dlw_keyed_find(&d->results, signature_of(d, pattern));

	if (result)
		result->predicted.patterns++;
	d->cycles++;
	if (d->options->working)
		d->options->working(d->options->context, d->cycles);
	return result;
}

/* ---- one pattern ---------------------------------------------------------------------- */

static bool is_worth_trying(struct face *face)
{
	if (face->feasible == FEASIBLE_OF_FACE || (face->feasible && face->tries >= TRIES_OF_FACE))
		return false;
	face->tries++;
	return true;
}

static bool examine_pattern(void *context, const struct dlw_pattern *pattern)
{
	struct driver *d = context;
	struct dlw_examined examined;
	struct result *result;
	struct face *face;

	if (!has_lock(d, pattern))
		return true;
	result = next_of_result(d, pattern);
	if (result && result->predicted.verdict == DLW_FEASIBLE)
		return true;
	face = face_of(d, pattern);
	if (d->failed)
		return false;
	if (face && !is_worth_trying(face))
		return true;
	dlw_arena_reset(d->scratch);
	if (!dlw_examine(&d->examiner, pattern, &examined))
		d->failed = true;
	else if (result ? examined.verdict < result->predicted.verdict :
			  is_new(face, examined.verdict))
		settle(d, pattern, &examined, result, face);
	return !d->failed;
}

/* A cycle with a flaw is explained by it: of several by the first of these. */
static void explain(const struct dlw_pattern *pattern, struct dlw_examined *examined)
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
	uint32_t i;

	for (i = 0; !(pattern->flaws & reasons[i].flaw); i++)
		;
	examined->verdict = reasons[i].verdict;
	examined->because = reasons[i].because;
	if (examined->because == DLW_BECAUSE_GATE)
		examined->object = pattern->gate;
}

/** first_instances() - any will do: the flaw is the same; false: memory ran out */
static bool first_instances(struct driver *d, const struct dlw_pattern *pattern,
			    struct dlw_examined *examined)
{
	uint32_t i;

	dlw_arena_reset(d->scratch);
	examined->targets = dlw_arena_array(d->scratch, struct dlw_target, pattern->count);
	if (!examined->targets)
		return false;
	for (i = 0; i < pattern->count; i++)
		examined->targets[i] = (struct dlw_target){
			member(d, pattern, i)->thread,
			d->kept.instances[d->kept.first_instance[pattern->members[i]]]
		};
	return true;
}

static bool explain_pattern(void *context, const struct dlw_pattern *pattern)
{
	struct driver *d = context;
	struct dlw_examined examined = { .object = DLW_NONE };
	struct face *face;

	if (!pattern->flaws || !has_lock(d, pattern) || next_of_result(d, pattern))
		return true;
	face = face_of(d, pattern);
	if (d->failed)
		return false;
	if (face && face->told)
		return true;
	if (d->explained == d->options->explained_most) {
		d->enough = true;
		return false;
	}
	d->explained++;
	explain(pattern, &examined);
	if (first_instances(d, pattern, &examined))
		settle(d, pattern, &examined, NULL, face);
	else
		d->failed = true;
	return !d->failed;
}

/* ---- the whole ---------------------------------------------------------------------------------------- */

static const struct result *result_at(const struct driver *d, uint32_t number)
{
	return dlw_column_at(&d->results.all, number);
}

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
	uint32_t count = d->results.all.count, i;
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
	prediction->shortened = d->teller.shortened;
	prediction->unexplained = d->enough;
	return true;
}

/* Short cycles first: where there are too many to look at, they are what matters. */
static bool find_all(struct driver *d, uint32_t flaws, dlw_pattern_found *found,
		     struct dlw_prediction *prediction)
{
	const uint32_t longest[] = { 2, 3, flaws ? EXPLAINED_LENGTH : UINT32_MAX };
	uint32_t i, shortest = 1;
	bool longer = false;

	for (i = 0; i < sizeof(longest) / sizeof(longest[0]) && !d->enough; i++) {
		uint64_t budget = d->options->cycle_budget;

		if (!dlw_find_cycles(d->trace, &d->kept, flaws, shortest, longest[i], &budget,
				     &longer, d->arena, found, d) ||
		    d->failed)
			return false;
		if (!budget)
			prediction->cut = true;
		shortest = longest[i] + 1;
	}
	prediction->longer = longer && flaws;
	return true;
}

/** work_budget() - a short trace is not worth more than a long one costs once */
static uint64_t work_budget(const struct dlw_trace *trace, uint64_t most)
{
	uint64_t budget = (uint64_t)WORK_A_STEP * trace->order;

	budget = budget < WORK_LEAST ? WORK_LEAST : budget;
	return budget < most ? budget : most;
}

bool dlw_predict(struct dlw_trace *trace, const struct dlw_predict_options *options,
		 struct dlw_arena *arena, struct dlw_arena *scratch,
		 struct dlw_prediction *prediction)
{
	const uint32_t every_flaw =
		DLW_FLAW_SAME_THREAD | DLW_FLAW_SHARED | DLW_FLAW_GUARDED | DLW_FLAW_YIELDING;
	struct driver d = { .trace = trace,
			    .given = *options,
			    .options = &d.given,
			    .arena = arena,
			    .scratch = scratch,
			    .results = DLW_KEYED(struct result, 4),
			    .seen = DLW_KEYED(struct face, 6) };

	*prediction = (struct dlw_prediction){ 0 };
	d.given.work_budget = work_budget(trace, options->work_budget);
	if (!dlw_order_finish(trace) || !dlw_lock_graph(trace, arena, &d.kept))
		return false;
	prediction->cut = d.kept.cut;
	if (!d.kept.count)
		return true;
	if (!dlw_examiner_make(&d.examiner, trace, &d.kept, d.options, arena, scratch) ||
	    !dlw_teller_make(&d.teller, trace, &d.kept, d.options, arena, scratch))
		return false;
	if (!find_all(&d, 0, examine_pattern, prediction))
		return false;
	if (options->explain && !find_all(&d, every_flaw, explain_pattern, prediction))
		return false;
	return dlw_tell_counts(&d.teller) && hand_over(&d, prediction);
}
