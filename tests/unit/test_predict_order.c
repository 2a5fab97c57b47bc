/*
 * test_predict_order.c - what of the prediction rests on who came first, and on witnesses
 */
#include "predict_story.h"

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

/** through_a_gate() - the second thread has to be through before the first one stays inside; Return: the gate */
static uint32_t through_a_gate(struct story *story)
{
	uint32_t gate = mutex(story), a = mutex(story), b = mutex(story);

	locks(story, 0, gate);
	both(story, 0, b, a);
	unlocks(story, 0, gate);
	locks(story, 1, gate);
	unlocks(story, 1, gate);
	both(story, 1, a, b);
	return gate;
}

static void needs_another_order_of_sections(void **state)
{
	struct story story = begin();
	uint32_t gate = through_a_gate(&story);
	const struct dlw_predicted *found;

	(void)state;
	found = only(&story, DLW_FEASIBLE, DLW_BECAUSE_NOTHING);
	assert_int_equal(found->witness[0].thread, 1);
	assert_int_equal(found->witness[0].object, gate);
	assert_int_equal(found->witness_count, 5);
	end(&story);
}

static void no_budget_no_verdict(void **state)
{
	struct story story = begin();

	(void)state;
	through_a_gate(&story);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
