/*
 * predict.c - the prediction against every other run there is
 *
 * Random programs are run once by a random scheduler; the prediction sees that
 * run alone. It must find a deadlock exactly if exhaustive interleaving of the
 * same steps does, and every schedule it gives must end in one. SETS below says
 * for which primitives it has to find all of them; for the others the figure is
 * printed. It may never find one that is none.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "analyzer/log_memory.h"
#include "core/predict/predict.h"
#include "core/predict/store.h"
#include "programs.h"

/* ---- what must be found ----------------------------------------------------------------- */

static const struct set {
	const char *name;
	uint32_t features;
	bool complete; /* every deadlock must be found */
} sets[] = {
	{ "mutexes, create and join", 0, true },
	{ "and rwlocks", RWLOCKS, true },
	{ "and try and timed forms", RWLOCKS | FORMS, true },
	{ "and semaphores as locks", RWLOCKS | PERMITS, true },
	{ "and pools of permits", RWLOCKS | PERMITS | POOLS, false },
	{ "and barriers", RWLOCKS | BARRIERS, false },
	{ "and semaphores as signals", RWLOCKS | POSTS, false },
	{ "and conditions", RWLOCKS | CONDITIONS, false },
	{ "all of them", RWLOCKS | FORMS | PERMITS | POSTS | CONDITIONS | BARRIERS, false },
};
#define SETS (sizeof(sets) / sizeof(sets[0]))

/* ---- told to the prediction --------------------------------------------------------------- */

struct told {
	struct dlw_trace *trace;
	uint32_t threads[MAX_THREADS], objects[MAX_OBJECTS];
};

static void tell_step(struct told *told, uint32_t t, const struct step *s)
{
	struct dlw_trace_event event = { .op = s->op,
					 .thread = told->threads[t],
					 .mode = s->mode,
					 .form = s->form,
					 .place = s->order };

	if (s->op == DLW_TRACE_CREATE || s->op == DLW_TRACE_JOIN || s->op == DLW_TRACE_WANT_JOIN)
		event.object = told->threads[s->object];
	else
		event.object = told->objects[s->object];
	event.mutex = told->objects[s->mutex];
	assert_true(dlw_trace_add(told->trace, &event));
}

static void tell(struct told *told, const struct program *p, struct dlw_arena *arena)
{
	uint32_t i, t, order, at[MAX_THREADS] = { 0 };

	told->trace = dlw_trace_new(arena);
	for (t = 0; t < p->threads; t++)
		told->threads[t] = dlw_trace_thread(told->trace);
	for (i = 0; i < p->objects; i++) {
		const struct dlw_trace_object object = { .kind = p->things[i].kind,
							 .initial = p->things[i].initial,
							 .initial_known = true,
							 .life_known = true };

		told->objects[i] = dlw_trace_object(told->trace, &object);
	}
	for (order = 0;; order++) {
		for (t = 0; t < p->threads; t++)
			if (at[t] < p->count[t] && p->steps[t][at[t]].order == order)
				break;
		if (t == p->threads)
			break;
		/* a wait gives its mutex back by itself */
		if (!(p->steps[t][at[t]].op == DLW_TRACE_RELEASE && at[t] &&
		      p->steps[t][at[t] - 1].op == DLW_TRACE_WAIT))
			tell_step(told, t, &p->steps[t][at[t]]);
		at[t]++;
	}
	assert_int_equal(dlw_trace_losses(told->trace).odd, 0);
}

static bool is_member(const struct dlw_predicted *found, uint32_t t)
{
	uint32_t i;

	for (i = 0; i < found->count; i++)
		if (found->members[i].thread == t)
			return true;
	return false;
}

/* A member stands at its last wait, and the next step of @t would wake somebody there. */
static bool wakes_member(const struct world *w, const uint32_t *last,
			 const struct dlw_predicted *found, uint32_t t)
{
	const struct step *s = next_step(w, t), *waits;
	uint32_t i, m;

	if (s->op != DLW_TRACE_SIGNAL && s->op != DLW_TRACE_BROADCAST)
		return false;
	for (i = 0; i < found->count; i++) {
		m = found->members[i].thread;
		waits = next_step(w, m);
		if (found->members[i].object == s->object + w->p->threads && waits &&
		    w->at[m] == last[m] &&
		    (waits->op == DLW_TRACE_WOKEN || waits->op == DLW_TRACE_WANT) && w->at[m] > 1 &&
		    w->p->steps[m][w->at[m] - 2].op == DLW_TRACE_WAIT)
			return true;
	}
	return false;
}

/*
 * The schedule, replayed by the rules of interleave.h, and then continued by all
 * who are not in the cycle as far as they get, ends with all members stuck.
 */
static bool is_witness(const struct told *told, const struct program *p,
		       const struct dlw_predicted *found)
{
	struct world w = { .p = p };
	bool stuck[MAX_THREADS], moved = true;
	uint32_t i, t, last[MAX_THREADS];

	assert_int_equal(found->witness_omitted, 0);
	for (t = 0; t < p->threads; t++)
		last[t] = w.at[t] =
			dlw_prefix_at(dlw_thread_at(told->trace, t), found->witness_order);
	for (i = 0; i < found->witness_count; i++)
		last[found->witness[i].thread]++;
	for (i = 0; i < found->witness_count; i++) {
		t = found->witness[i].thread;
		if (!can_step(&w, t) || wakes_member(&w, last, found, t))
			return false;
		w.at[t]++;
	}
	while (moved)
		for (moved = false, t = 0; t < p->threads; t++)
			while (!is_member(found, t) && can_step(&w, t)) {
				if (wakes_member(&w, last, found, t))
					return false;
				w.at[t]++;
				moved = true;
			}
	find_stuck(&w, stuck);
	for (i = 0; i < found->count; i++)
		if (!stuck[found->members[i].thread])
			return false;
	return true;
}

/* ---- the test --------------------------------------------------------------------------------- */

struct figures {
	uint64_t programs, states, deadlocks, found, wrong;
};

static void show_witness(const struct dlw_predicted *found)
{
	uint32_t i;

	print_message("after order %u:", found->witness_order);
	for (i = 0; i < found->witness_count; i++)
		print_message(" %u:%u", found->witness[i].thread, found->witness[i].op);
	for (i = 0; i < found->count; i++)
		print_message("; %u wants %u", found->members[i].thread, found->members[i].object);
	print_message("\n");
}

static void try_one(uint64_t seed, const struct set *set, struct figures *figures,
		    struct dlw_arena *arena, struct dlw_arena *scratch)
{
	struct dlw_predict_options options = DLW_PREDICT_DEFAULTS;
	struct dice dice = dice_of(seed);
	struct dlw_prediction prediction;
	struct program p;
	struct told told;
	bool deadlock;
	uint32_t i;

	if (!run(&dice, &p, set->features))
		return;
	dlw_arena_reset(arena);
	tell(&told, &p, arena);
	options.witness_steps = UINT32_MAX;
	assert_true(dlw_predict(told.trace, &options, arena, scratch, &prediction));
	deadlock = can_deadlock(&p, &figures->states);
	figures->programs++;
	figures->deadlocks += deadlock;
	figures->found += deadlock && prediction.feasible;
	for (i = 0; i < prediction.feasible; i++)
		if (!is_witness(&told, &p, &prediction.all[i])) {
			figures->wrong++;
			show(&p);
			show_witness(&prediction.all[i]);
			fail_msg("SEED=%llu: %s: no deadlock, but one was predicted",
				 (unsigned long long)seed, set->name);
		}
	if (set->complete && deadlock && !prediction.feasible) {
		show(&p);
		fail_msg("SEED=%llu: %s: a deadlock was missed", (unsigned long long)seed,
			 set->name);
	}
	assert_false(prediction.feasible && !deadlock);
}

static void test_set(void **state)
{
	const struct set *set = *state;
	uint64_t seed = from_environment("SEED", 1), count = from_environment("CASES", 0), at;
	struct dlw_arena arena = dlw_heap_arena(), scratch = dlw_heap_arena();
	struct figures figures = { 0 };

	if (!count)
		count = 4000;
	for (at = 0; at < count; at++)
		try_one(seed + at, set, &figures, &arena, &scratch);
	print_message("%s: %llu programs (SEED=%llu), %.0f states each, %llu can deadlock, "
		      "%.2f %% of them found, %llu false\n",
		      set->name, (unsigned long long)figures.programs, (unsigned long long)seed,
		      (double)figures.states / (double)figures.programs,
		      (unsigned long long)figures.deadlocks,
		      100.0 * (double)figures.found /
			      (double)(figures.deadlocks ? figures.deadlocks : 1),
		      (unsigned long long)figures.wrong);
	assert_true(figures.deadlocks * 50 > figures.programs);
	/* of those that are no must, still nearly all */
	assert_true(figures.found * 100 >= figures.deadlocks * 90);
	dlw_arena_release(&arena);
	dlw_arena_release(&scratch);
}

int main(void)
{
	struct CMUnitTest tests[SETS];
	size_t i;

	for (i = 0; i < SETS; i++)
		tests[i] =
			(struct CMUnitTest){ sets[i].name, test_set, NULL, NULL, (void *)&sets[i] };
	return cmocka_run_group_tests_name("prediction", tests, NULL, NULL);
}
