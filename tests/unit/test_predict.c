/*
 * test_predict.c - the prediction, stage by stage: dependencies, cycles, what orders alone say
 */
#include "predict_story.h"

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
		cmocka_unit_test(orders_alone_are_never_feasible),
		cmocka_unit_test(what_orders_alone_do_refute_is_refuted),
		cmocka_unit_test(an_event_may_stand_for_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
