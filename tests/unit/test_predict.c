/*
 * test_predict.c - the prediction, stage by stage, on traces made by hand
 *
 * A line of a story is "THREAD OP OBJECT …": small enough to see at a glance
 * what could have happened.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "analyzer/log_memory.h"
#include "core/predict/predict.h"
#include "core/predict/store.h"

/* ---- stories ------------------------------------------------------------------------ */

enum { THREADS = 4 };

static struct dlw_arena memory, scratch;

struct story {
	struct dlw_trace *trace;
	struct dlw_predict_options options;
	struct dlw_prediction prediction;
	uint32_t places;
};

static struct story begin(void)
{
	struct story story = { .options = DLW_PREDICT_DEFAULTS };
	uint32_t i;

	memory = dlw_heap_arena();
	scratch = dlw_heap_arena();
	story.trace = dlw_trace_new(&memory);
	for (i = 0; i < THREADS; i++)
		assert_int_equal(dlw_trace_thread(story.trace), i);
	return story;
}

static void end(struct story *story)
{
	(void)story;
	dlw_arena_release(&memory);
	dlw_arena_release(&scratch);
}

static uint32_t thing(struct story *story, enum dlw_kind kind, uint32_t initial)
{
	return dlw_trace_object(story->trace,
				&(struct dlw_trace_object){ .kind = kind,
							    .initial = initial,
							    .initial_known = true,
							    .life_known = true });
}

static uint32_t mutex(struct story *story)
{
	return thing(story, DLW_MUTEX, 0);
}

static void does(struct story *story, uint32_t thread, enum dlw_trace_op op, uint32_t object,
		 enum dlw_mode mode, enum dlw_form form)
{
	assert_true(dlw_trace_add(story->trace, &(struct dlw_trace_event){
							.op = op,
							.thread = thread,
							.object = object,
							.mode = mode,
							.form = form,
							.place = ++story->places }));
}

static void locks(struct story *story, uint32_t thread, uint32_t object)
{
	does(story, thread, DLW_TRACE_ACQUIRE, object, DLW_EXCLUSIVE, DLW_FORM_BLOCKING);
}

static void reads(struct story *story, uint32_t thread, uint32_t object)
{
	does(story, thread, DLW_TRACE_ACQUIRE, object, DLW_SHARED, DLW_FORM_BLOCKING);
}

static void unlocks(struct story *story, uint32_t thread, uint32_t object)
{
	does(story, thread, DLW_TRACE_RELEASE, object, DLW_EXCLUSIVE, DLW_FORM_BLOCKING);
}

static void both(struct story *story, uint32_t thread, uint32_t first, uint32_t second)
{
	locks(story, thread, first);
	locks(story, thread, second);
	unlocks(story, thread, second);
	unlocks(story, thread, first);
}

static void to_thread(struct story *story, uint32_t thread, enum dlw_trace_op op, uint32_t other)
{
	does(story, thread, op, other, DLW_NO_MODE, DLW_FORM_BLOCKING);
}

/* The only cycle there is; FEASIBLE, or explained. */
static const struct dlw_predicted *only(struct story *story, enum dlw_verdict verdict,
					enum dlw_because because)
{
	story->options.explain = true;
	assert_true(dlw_predict(story->trace, &story->options, &memory, &scratch,
				&story->prediction));
	assert_int_equal(story->prediction.count, 1);
	assert_int_equal(story->prediction.all[0].verdict, verdict);
	assert_int_equal(story->prediction.all[0].because, because);
	assert_int_equal(story->prediction.feasible, verdict == DLW_FEASIBLE);
	return &story->prediction.all[0];
}

static void nothing(struct story *story)
{
	assert_true(dlw_predict(story->trace, &story->options, &memory, &scratch,
				&story->prediction));
	assert_int_equal(story->prediction.feasible, 0);
}

/* ---- dependencies --------------------------------------------------------------------- */

static void loop_makes_one_dependency(void **state)
{
	struct story story = begin();
	uint32_t a = mutex(&story), b = mutex(&story), i;

	(void)state;
	for (i = 0; i < 1000; i++)
		both(&story, 0, a, b);
	/* number 0 is none: one for a, one for b while holding a */
	assert_int_equal(story.trace->dependencies.count, 3);
	assert_int_equal(dlw_dependency_at(story.trace, 2)->count, 1000);
	end(&story);
}

static void recursion_makes_none(void **state)
{
	struct story story = begin();
	uint32_t a = dlw_trace_object(story.trace,
				      &(struct dlw_trace_object){ .kind = DLW_MUTEX,
								  .recursive = true,
								  .life_known = true });
	uint32_t b = mutex(&story);

	(void)state;
	locks(&story, 0, a);
	locks(&story, 0, b);
	locks(&story, 0, a);
	unlocks(&story, 0, a);
	unlocks(&story, 0, b);
	unlocks(&story, 0, a);
	nothing(&story);
	assert_int_equal(story.trace->dependencies.count, 3);
	assert_int_equal(dlw_trace_losses(story.trace).odd, 0);
	end(&story);
}

static void released_out_of_order(void **state)
{
	struct story story = begin();
	uint32_t a = mutex(&story), b = mutex(&story), c = mutex(&story);

	(void)state;
	locks(&story, 0, a);
	locks(&story, 0, b);
	unlocks(&story, 0, a);
	locks(&story, 0, c); /* holds b alone */
	unlocks(&story, 0, c);
	unlocks(&story, 0, b);
	both(&story, 1, c, a);
	nothing(&story);
	end(&story);
}

static void impossible_acquisition_makes_it_no_lock(void **state)
{
	struct story story = begin();
	uint32_t a = mutex(&story), b = mutex(&story);

	(void)state;
	locks(&story, 0, a);
	both(&story, 1, a, b); /* somebody else has it */
	both(&story, 0, b, a);
	nothing(&story);
	assert_int_equal(dlw_trace_losses(story.trace).odd, 1);
	end(&story);
}

/* ---- cycles --------------------------------------------------------------------------- */

static void two_orders_with_witness(void **state)
{
	struct story story = begin();
	uint32_t a = mutex(&story), b = mutex(&story), i;
	const struct dlw_predicted *found;

	(void)state;
	for (i = 0; i < 3; i++)
		both(&story, 0, a, b);
	both(&story, 1, b, a);
	found = only(&story, DLW_FEASIBLE, DLW_BECAUSE_NOTHING);
	assert_int_equal(found->count, 2);
	assert_int_equal(found->members[0].thread, 0);
	assert_int_equal(found->members[0].object, b);
	assert_int_equal(found->members[0].given, a);
	assert_int_equal(found->members[0].seen, 3);
	assert_int_equal(found->members[0].place, 2);
	assert_int_equal(found->members[0].hold_count, 1);
	assert_int_equal(found->members[0].holds[0].object, a);
	assert_int_equal(found->members[0].holds[0].place, 1);
	assert_int_equal(found->members[1].thread, 1);
	assert_int_equal(found->members[1].seen, 1);
	assert_int_equal(found->witness_count, 2);
	assert_int_equal(found->witness[0].thread, 0);
	assert_int_equal(found->witness[0].object, a);
	assert_int_equal(found->witness[1].thread, 1);
	assert_int_equal(found->witness[1].object, b);
	assert_int_equal(found->witness_omitted, 0);
	end(&story);
}

static void four_threads_in_a_ring(void **state)
{
	struct story story = begin();
	uint32_t fork[THREADS], i;

	(void)state;
	for (i = 0; i < THREADS; i++)
		fork[i] = mutex(&story);
	for (i = 0; i < THREADS; i++)
		both(&story, i, fork[i], fork[(i + 1) % THREADS]);
	assert_int_equal(only(&story, DLW_FEASIBLE, DLW_BECAUSE_NOTHING)->count, THREADS);
	end(&story);
}

static void same_thread_is_no_danger(void **state)
{
	struct story story = begin();
	uint32_t a = mutex(&story), b = mutex(&story);

	(void)state;
	both(&story, 0, a, b);
	both(&story, 0, b, a);
	only(&story, DLW_SAME_THREAD, DLW_BECAUSE_SAME_THREAD);
	end(&story);
}

static void gate_guards(void **state)
{
	struct story story = begin();
	uint32_t gate = mutex(&story), a = mutex(&story), b = mutex(&story);

	(void)state;
	locks(&story, 0, gate);
	both(&story, 0, a, b);
	unlocks(&story, 0, gate);
	locks(&story, 1, gate);
	both(&story, 1, b, a);
	unlocks(&story, 1, gate);
	assert_int_equal(only(&story, DLW_GUARDED, DLW_BECAUSE_GATE)->object, gate);
	end(&story);
}

static void gate_held_for_reading_guards_nothing(void **state)
{
	struct story story = begin();
	uint32_t gate = thing(&story, DLW_RWLOCK, 0), a = mutex(&story), b = mutex(&story);

	(void)state;
	reads(&story, 0, gate);
	both(&story, 0, a, b);
	unlocks(&story, 0, gate);
	reads(&story, 1, gate);
	both(&story, 1, b, a);
	unlocks(&story, 1, gate);
	only(&story, DLW_FEASIBLE, DLW_BECAUSE_NOTHING);
	end(&story);
}

static void readers_do_not_wait_for_readers(void **state)
{
	struct story story = begin();
	uint32_t a = mutex(&story), r = thing(&story, DLW_RWLOCK, 0);

	(void)state;
	locks(&story, 0, a);
	reads(&story, 0, r);
	unlocks(&story, 0, r);
	unlocks(&story, 0, a);
	reads(&story, 1, r);
	locks(&story, 1, a);
	unlocks(&story, 1, a);
	unlocks(&story, 1, r);
	only(&story, DLW_SHARED_READ, DLW_BECAUSE_SHARED);
	end(&story);
}

static void timed_form_yields_and_try_wants_nothing(void **state)
{
	struct story story = begin();
	uint32_t a = mutex(&story), b = mutex(&story);

	(void)state;
	both(&story, 0, a, b);
	locks(&story, 1, b);
	does(&story, 1, DLW_TRACE_ACQUIRE, a, DLW_EXCLUSIVE, DLW_FORM_TIMED);
	unlocks(&story, 1, a);
	does(&story, 1, DLW_TRACE_ACQUIRE, a, DLW_EXCLUSIVE, DLW_FORM_TRY);
	unlocks(&story, 1, a);
	unlocks(&story, 1, b);
	only(&story, DLW_YIELDING, DLW_BECAUSE_TIMED);
	end(&story);
}

/* ---- order ------------------------------------------------------------------------------ */

static void creation_orders(void **state)
{
	struct story story = begin();
	uint32_t a = mutex(&story), b = mutex(&story);

	(void)state;
	both(&story, 0, a, b);
	to_thread(&story, 0, DLW_TRACE_CREATE, 1);
	both(&story, 1, b, a);
	only(&story, DLW_ORDERED, DLW_BECAUSE_ORDER);
	end(&story);
}

static void join_orders(void **state)
{
	struct story story = begin();
	uint32_t a = mutex(&story), b = mutex(&story);

	(void)state;
	to_thread(&story, 0, DLW_TRACE_CREATE, 1);
	both(&story, 1, b, a);
	does(&story, 1, DLW_TRACE_EXIT, 0, DLW_NO_MODE, DLW_FORM_BLOCKING);
	to_thread(&story, 0, DLW_TRACE_JOIN, 1);
	both(&story, 0, a, b);
	only(&story, DLW_ORDERED, DLW_BECAUSE_ORDER);
	end(&story);
}

static void post_orders(void **state)
{
	struct story story = begin();
	uint32_t a = mutex(&story), b = mutex(&story), done = thing(&story, DLW_SEMAPHORE, 0);

	(void)state;
	both(&story, 0, a, b);
	does(&story, 0, DLW_TRACE_RELEASE, done, DLW_PERMIT, DLW_FORM_BLOCKING);
	does(&story, 1, DLW_TRACE_ACQUIRE, done, DLW_PERMIT, DLW_FORM_BLOCKING);
	both(&story, 1, b, a);
	only(&story, DLW_ORDERED, DLW_BECAUSE_ORDER);
	end(&story);
}

static void lock_handed_over_orders_nothing(void **state)
{
	struct story story = begin();
	uint32_t a = mutex(&story), b = mutex(&story), c = mutex(&story);

	(void)state;
	both(&story, 0, a, b);
	locks(&story, 0, c);
	unlocks(&story, 0, c);
	locks(&story, 1, c);
	unlocks(&story, 1, c);
	both(&story, 1, b, a);
	only(&story, DLW_FEASIBLE, DLW_BECAUSE_NOTHING);
	end(&story);
}

static void join_with_a_lock_in_hand(void **state)
{
	struct story story = begin();
	uint32_t a = mutex(&story);
	const struct dlw_predicted *found;

	(void)state;
	to_thread(&story, 0, DLW_TRACE_CREATE, 1);
	locks(&story, 1, a);
	unlocks(&story, 1, a);
	does(&story, 1, DLW_TRACE_EXIT, 0, DLW_NO_MODE, DLW_FORM_BLOCKING);
	locks(&story, 0, a);
	to_thread(&story, 0, DLW_TRACE_JOIN, 1);
	unlocks(&story, 0, a);
	found = only(&story, DLW_FEASIBLE, DLW_BECAUSE_NOTHING);
	assert_int_equal(found->members[0].object + found->members[1].object,
			 a + dlw_thread_at(story.trace, 1)->token);
	end(&story);
}

/* A waits for a signal with a lock in hand that the one who signals needs first. */
static void wait_with_a_lock_in_hand(void **state)
{
	struct story story = begin();
	uint32_t outer = mutex(&story), inner = mutex(&story);
	uint32_t condition = thing(&story, DLW_CONDITION, 0);

	(void)state;
	locks(&story, 1, outer);
	unlocks(&story, 1, outer);
	locks(&story, 0, outer);
	locks(&story, 0, inner);
	assert_true(dlw_trace_add(story.trace, &(struct dlw_trace_event){ .op = DLW_TRACE_WAIT,
									  .object = condition,
									  .mutex = inner }));
	does(&story, 1, DLW_TRACE_SIGNAL, condition, DLW_NO_MODE, DLW_FORM_BLOCKING);
	does(&story, 1, DLW_TRACE_EXIT, 0, DLW_NO_MODE, DLW_FORM_BLOCKING);
	does(&story, 0, DLW_TRACE_WOKEN, condition, DLW_NO_MODE, DLW_FORM_BLOCKING);
	locks(&story, 0, inner);
	unlocks(&story, 0, inner);
	unlocks(&story, 0, outer);
	/* threads 2 and 3 have done nothing: they may do anything */
	only(&story, DLW_UNRESOLVED, DLW_BECAUSE_HELPERS);
	end(&story);
}

/* ---- witnesses ---------------------------------------------------------------------------- */

/* The second thread has to be through the gate before the first one stays inside. */
static void needs_another_order_of_sections(void **state)
{
	struct story story = begin();
	uint32_t gate = mutex(&story), a = mutex(&story), b = mutex(&story);
	const struct dlw_predicted *found;

	(void)state;
	locks(&story, 0, gate);
	both(&story, 0, b, a);
	unlocks(&story, 0, gate);
	locks(&story, 1, gate);
	unlocks(&story, 1, gate);
	both(&story, 1, a, b);
	found = only(&story, DLW_FEASIBLE, DLW_BECAUSE_NOTHING);
	assert_int_equal(found->witness[0].thread, 1);
	assert_int_equal(found->witness[0].object, gate);
	assert_int_equal(found->witness_count, 5);
	end(&story);
}

static void no_budget_no_verdict(void **state)
{
	struct story story = begin();
	uint32_t gate = mutex(&story), a = mutex(&story), b = mutex(&story);

	(void)state;
	locks(&story, 0, gate);
	both(&story, 0, b, a);
	unlocks(&story, 0, gate);
	locks(&story, 1, gate);
	unlocks(&story, 1, gate);
	both(&story, 1, a, b);
	story.options.state_budget = 0;
	only(&story, DLW_UNRESOLVED, DLW_BECAUSE_BUDGET);
	end(&story);
}

static void failed_try_needs_its_holder(void **state)
{
	struct story story = begin();
	uint32_t a = mutex(&story), b = mutex(&story), c = mutex(&story);

	(void)state;
	/* thread 1 goes into its branch only because thread 0 had c, and gives it back first */
	locks(&story, 0, a);
	locks(&story, 0, b);
	unlocks(&story, 0, b);
	unlocks(&story, 0, a);
	locks(&story, 0, c);
	does(&story, 1, DLW_TRACE_FAILED, c, DLW_EXCLUSIVE, DLW_FORM_TRY);
	unlocks(&story, 0, c);
	both(&story, 1, b, a);
	only(&story, DLW_ORDERED, DLW_BECAUSE_NO_SCHEDULE);
	end(&story);
}

static void unknown_life_is_unresolved(void **state)
{
	struct story story = begin();
	uint32_t a = mutex(&story);
	uint32_t b = dlw_trace_object(story.trace,
				      &(struct dlw_trace_object){ .kind = DLW_MUTEX });

	(void)state;
	both(&story, 0, a, b);
	both(&story, 1, b, a);
	assert_int_equal(only(&story, DLW_UNRESOLVED, DLW_BECAUSE_MEMORY)->object, b);
	end(&story);
}

static void gap_is_unresolved(void **state)
{
	struct story story = begin();
	uint32_t a = mutex(&story), b = mutex(&story);

	(void)state;
	both(&story, 0, a, b);
	does(&story, 1, DLW_TRACE_GAP, 0, DLW_NO_MODE, DLW_FORM_BLOCKING);
	both(&story, 1, b, a);
	only(&story, DLW_UNRESOLVED, DLW_BECAUSE_GAP);
	assert_int_equal(dlw_trace_losses(story.trace).gaps, 1);
	end(&story);
}

static void what_is_no_trace_is_counted(void **state)
{
	struct story story = begin();

	(void)state;
	assert_false(dlw_trace_add(story.trace, &(struct dlw_trace_event){
							.op = DLW_TRACE_ACQUIRE,
							.thread = THREADS }));
	assert_false(dlw_trace_add(story.trace, &(struct dlw_trace_event){
							.op = DLW_TRACE_ACQUIRE,
							.object = 1000 }));
	assert_int_equal(dlw_trace_losses(story.trace).dropped, 2);
	end(&story);
}

static void a_cut_search_says_so(void **state)
{
	struct story story = begin();
	uint32_t a = mutex(&story), b = mutex(&story);

	(void)state;
	both(&story, 0, a, b);
	both(&story, 1, b, a);
	story.options.cycle_budget = 1;
	nothing(&story);
	assert_true(story.prediction.cut);
	end(&story);
}

/* ---- orders alone ------------------------------------------------------------------------- */

static void orders_alone_are_never_feasible(void **state)
{
	struct story story = begin();
	uint32_t a = mutex(&story), b = mutex(&story);

	(void)state;
	both(&story, 0, a, b);
	both(&story, 1, b, a);
	story.options.orders_alone = true;
	only(&story, DLW_UNRESOLVED, DLW_BECAUSE_ORDERS_ALONE);
	end(&story);
}

static void what_orders_alone_do_refute_is_refuted(void **state)
{
	struct story story = begin();
	uint32_t a = mutex(&story), b = mutex(&story), gate;

	(void)state;
	to_thread(&story, 0, DLW_TRACE_CREATE, 1);
	both(&story, 1, a, b);
	to_thread(&story, 1, DLW_TRACE_EXIT, 0);
	to_thread(&story, 0, DLW_TRACE_JOIN, 1);
	both(&story, 0, b, a);
	story.options.orders_alone = true;
	only(&story, DLW_ORDERED, DLW_BECAUSE_ORDER);
	end(&story);

	story = begin();
	a = mutex(&story), b = mutex(&story), gate = mutex(&story);
	locks(&story, 0, gate);
	both(&story, 0, a, b);
	unlocks(&story, 0, gate);
	locks(&story, 1, gate);
	both(&story, 1, b, a);
	unlocks(&story, 1, gate);
	story.options.orders_alone = true;
	only(&story, DLW_GUARDED, DLW_BECAUSE_GATE);
	end(&story);
}

static void an_event_may_stand_for_many(void **state)
{
	struct story story = begin();
	uint32_t a = mutex(&story), b = mutex(&story);
	struct dlw_trace_event want = { .op = DLW_TRACE_ACQUIRE, .thread = 0, .object = b,
					.mode = DLW_EXCLUSIVE, .times = 41 };
	const struct dlw_predicted *predicted;

	(void)state;
	both(&story, 0, a, b);
	locks(&story, 0, a);
	assert_true(dlw_trace_add(story.trace, &want));
	unlocks(&story, 0, b);
	unlocks(&story, 0, a);
	both(&story, 1, b, a);
	predicted = only(&story, DLW_FEASIBLE, DLW_BECAUSE_NOTHING);
	assert_int_equal(predicted->members[predicted->members[0].thread != 0].seen, 42);
	assert_int_equal(predicted->members[predicted->members[0].thread == 0].seen, 1);
	end(&story);
}

/* ---- very many ------------------------------------------------------------------------- */

static void predict(struct story *story, bool explain)
{
	story->options.explain = explain;
	assert_true(dlw_predict(story->trace, &story->options, &memory, &scratch,
				&story->prediction));
}

/* All of @locks one in the other, first to last or last to first, and back again. */
static void nests(struct story *story, uint32_t thread, const uint32_t *all, uint32_t count,
		  bool backwards)
{
	uint32_t i;

	for (i = 0; i < count; i++)
		locks(story, thread, all[backwards ? count - 1 - i : i]);
	for (i = count; i--;)
		unlocks(story, thread, all[backwards ? count - 1 - i : i]);
}

static void nested_locks_are_explained_by_pairs_not_by_subsets(void **state)
{
	enum { COUNT = 40 };
	struct story story = begin();
	uint32_t all[COUNT], i;

	(void)state;
	for (i = 0; i < COUNT; i++)
		all[i] = mutex(&story);
	nests(&story, 0, all, COUNT, false);
	nests(&story, 0, all, COUNT, true);
	predict(&story, true);
	/* longer cycles, 2^40 of them, are around these */
	assert_int_equal(story.prediction.cycles, COUNT * (COUNT - 1) / 2);
	assert_int_equal(story.prediction.count, COUNT * (COUNT - 1) / 2);
	assert_false(story.prediction.cut);
	assert_false(story.prediction.longer);
	assert_int_equal(story.prediction.feasible, 0);
	for (i = 0; i < story.prediction.count; i++)
		assert_int_equal(story.prediction.all[i].verdict, DLW_SAME_THREAD);
	end(&story);
}

static void what_cannot_happen_is_told_up_to_a_number(void **state)
{
	enum { COUNT = 20 };
	struct story story = begin();
	uint32_t all[COUNT], i;

	(void)state;
	for (i = 0; i < COUNT; i++)
		all[i] = mutex(&story);
	nests(&story, 0, all, COUNT, false);
	nests(&story, 0, all, COUNT, true);
	nests(&story, 1, all, COUNT, false);
	both(&story, 2, all[1], all[0]);
	story.options.explained_most = 10;
	predict(&story, true);
	assert_true(story.prediction.unexplained);
	assert_int_equal(story.prediction.count, 10 + story.prediction.feasible);
	assert_true(story.prediction.feasible >= 1);
	end(&story);
}

/* Both orders of any two of so many accounts, at two places in the code. */
static void transfers(struct story *story, uint32_t thread, uint32_t count)
{
	uint32_t first = mutex(story), i, j;

	for (i = 1; i < count; i++)
		mutex(story);
	for (i = 0; i < count; i++)
		for (j = 0; j < count; j++)
			if (i != j) {
				story->places = 0;
				both(story, thread + (i < j), first + i, first + j);
			}
}

static void one_mistake_over_many_locks_is_told_a_few_times(void **state)
{
	enum { COUNT = 60 };
	struct story story = begin();

	(void)state;
	transfers(&story, 0, COUNT);
	predict(&story, false);
	assert_int_equal(story.prediction.cycles, COUNT * (COUNT - 1) / 2);
	assert_false(story.prediction.cut);
	/* faces are looked at from the 128th on, and of each 8 are told */
	assert_int_equal(story.prediction.count, 128 + 8);
	assert_int_equal(story.prediction.feasible, 128 + 8);
	end(&story);
}

static void a_place_seen_only_later_is_told_all_the_same(void **state)
{
	enum { COUNT = 30 };
	struct story story = begin();
	uint32_t a, b, i, told = 0;

	(void)state;
	transfers(&story, 0, COUNT);
	a = mutex(&story);
	b = mutex(&story);
	story.places = 0;
	both(&story, 0, a, b);
	story.places = 100;
	both(&story, 1, b, a);
	predict(&story, false);
	for (i = 0; i < story.prediction.count; i++)
		told += story.prediction.all[i].members[0].place == 102 ||
			story.prediction.all[i].members[1].place == 102;
	assert_int_equal(told, 1);
	end(&story);
}

static void places_of_two_programs_are_not_the_same_places(void **state)
{
	uint32_t other, i;

	(void)state;
	for (other = 0; other < 2; other++) {
		struct story story = begin();

		for (i = 0; i < THREADS; i += 2)
			transfers(&story, i, 40);
		dlw_trace_program(story.trace, 2, other);
		dlw_trace_program(story.trace, 3, other);
		predict(&story, false);
		assert_int_equal(story.prediction.count, 128 + 8 + 8 * other);
		end(&story);
	}
}

static void what_a_cycle_is_about_is_told_of_any_number_of_holds(void **state)
{
	enum { COUNT = 100 };
	struct story story = begin();
	uint32_t a = mutex(&story), b = mutex(&story), all[COUNT], i;
	const struct dlw_predicted *cycle;

	(void)state;
	for (i = 0; i < COUNT; i++)
		all[i] = mutex(&story);
	for (i = 0; i < COUNT; i++)
		locks(&story, 0, all[i]);
	both(&story, 0, a, b);
	for (i = COUNT; i--;)
		unlocks(&story, 0, all[i]);
	both(&story, 1, b, a);
	predict(&story, false);
	assert_int_equal(story.prediction.feasible, 1);
	assert_int_equal(story.prediction.shortened, 0);
	cycle = &story.prediction.all[0];
	assert_int_equal(cycle->members[0].hold_count + cycle->members[1].hold_count, COUNT + 2);
	end(&story);
}

static void beyond_the_room_for_holds_those_of_the_cycle_are_told(void **state)
{
	enum { COUNT = 100 };
	struct story story = begin();
	uint32_t a = mutex(&story), b = mutex(&story), c = mutex(&story), all[COUNT], i, j;

	(void)state;
	for (i = 0; i < COUNT; i++)
		all[i] = mutex(&story);
	for (i = 0; i < COUNT; i++)
		locks(&story, 0, all[i]);
	both(&story, 0, a, b);
	both(&story, 0, b, c);
	for (i = COUNT; i--;)
		unlocks(&story, 0, all[i]);
	both(&story, 1, b, a);
	both(&story, 1, c, b);
	story.options.holds_told = 50;
	predict(&story, false);
	assert_int_equal(story.prediction.feasible, 2);
	assert_int_equal(story.prediction.shortened, 1);
	assert_int_equal(story.prediction.all[0].witness_count, COUNT + 2);
	assert_int_equal(story.prediction.all[1].witness_count, 2);
	for (i = 0; i < 2; i++)
		for (j = 0; j < 2; j++) {
			const struct dlw_predicted_member *member =
				&story.prediction.all[i].members[j];

			assert_int_equal(member->seen, 1);
			if (i)
				assert_int_equal(member->hold_count, 1);
			assert_int_equal(member->holds[member->hold_count - 1].object,
					 member->given);
		}
	end(&story);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(loop_makes_one_dependency),
		cmocka_unit_test(recursion_makes_none),
		cmocka_unit_test(released_out_of_order),
		cmocka_unit_test(impossible_acquisition_makes_it_no_lock),
		cmocka_unit_test(two_orders_with_witness),
		cmocka_unit_test(four_threads_in_a_ring),
		cmocka_unit_test(same_thread_is_no_danger),
		cmocka_unit_test(gate_guards),
		cmocka_unit_test(gate_held_for_reading_guards_nothing),
		cmocka_unit_test(readers_do_not_wait_for_readers),
		cmocka_unit_test(timed_form_yields_and_try_wants_nothing),
		cmocka_unit_test(creation_orders),
		cmocka_unit_test(join_orders),
		cmocka_unit_test(post_orders),
		cmocka_unit_test(lock_handed_over_orders_nothing),
		cmocka_unit_test(join_with_a_lock_in_hand),
		cmocka_unit_test(wait_with_a_lock_in_hand),
		cmocka_unit_test(needs_another_order_of_sections),
		cmocka_unit_test(no_budget_no_verdict),
		cmocka_unit_test(failed_try_needs_its_holder),
		cmocka_unit_test(unknown_life_is_unresolved),
		cmocka_unit_test(gap_is_unresolved),
		cmocka_unit_test(what_is_no_trace_is_counted),
		cmocka_unit_test(a_cut_search_says_so),
		cmocka_unit_test(orders_alone_are_never_feasible),
		cmocka_unit_test(what_orders_alone_do_refute_is_refuted),
		cmocka_unit_test(an_event_may_stand_for_many),
		cmocka_unit_test(nested_locks_are_explained_by_pairs_not_by_subsets),
		cmocka_unit_test(what_cannot_happen_is_told_up_to_a_number),
		cmocka_unit_test(one_mistake_over_many_locks_is_told_a_few_times),
		cmocka_unit_test(a_place_seen_only_later_is_told_all_the_same),
		cmocka_unit_test(places_of_two_programs_are_not_the_same_places),
		cmocka_unit_test(what_a_cycle_is_about_is_told_of_any_number_of_holds),
		cmocka_unit_test(beyond_the_room_for_holds_those_of_the_cycle_are_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
