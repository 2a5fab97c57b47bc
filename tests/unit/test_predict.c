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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
