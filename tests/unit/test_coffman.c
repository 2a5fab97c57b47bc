/*
 * test_coffman.c - the four conditions, their evidence, and the advice
 */
#include "judge_world.h"

static const struct dlw_finding *only(void)
{
	world_judge(&w);
	expect_findings(&w, 1);
	return &w.found.all[0];
}

static void expect_evidence(const struct dlw_finding *finding, enum dlw_coffman condition,
			    const char *evidence)
{
	assert_true(finding->coffman[condition].holds);
	assert_string_equal(finding->coffman[condition].evidence, evidence);
}

static void expect_advice(const struct dlw_finding *finding, const char *part)
{
	if (!strstr(finding->advice, part))
		print_error("advice: %s\n", finding->advice);
	assert_non_null(strstr(finding->advice, part));
}

static void two_mutexes_are_explained_step_by_step(void **state)
{
	const struct dlw_finding *finding;
	uint32_t a = world_thread(&w, "one"), b = world_thread(&w, "");
	uint32_t m = world_mutex(&w), n = world_mutex(&w);

	(void)state;
	world_cross(&w, a, b, m, n);
	finding = only();
	expect_evidence(finding, DLW_MUTUAL_EXCLUSION,
			"M1 is held exclusively by thread 102 and wanted exclusively by 'one' "
			"(tid 101); M2 is held exclusively by 'one' (tid 101) and wanted "
			"exclusively by thread 102");
	expect_evidence(finding, DLW_HOLD_AND_WAIT,
			"'one' (tid 101) holds M2 while it waits for M1; thread 102 holds M1 while "
			"it waits for M2");
	expect_evidence(finding, DLW_NO_PREEMPTION,
			"nothing can be taken from its holder, and no wait ends by itself");
	expect_evidence(
		finding, DLW_CIRCULAR_WAIT,
		"'one' (tid 101) waits for M1, held by thread 102, which waits for M2, held "
		"by 'one' (tid 101)");
	expect_advice(finding, "in one order everywhere: change app+0x20");
	expect_advice(finding, "std::scoped_lock");
	expect_advice(finding, "trylock");
}

static void the_odd_order_out_is_the_one_to_change(void **state)
{
	uint32_t t[3], l[3], i, odd = 1;

	(void)state;
	for (i = 0; i < 3; i++) {
		t[i] = world_thread(&w, "t");
		l[i] = world_mutex(&w);
	}
	for (i = 0; i < 3; i++) {
		struct dlw_hold *hold = world_hold(&w, t[i], l[i], DLW_EXCLUSIVE);
		struct dlw_want *want = world_wait(&w, t[i], l[(i + 1) % 3], DLW_EXCLUSIVE);

		if (i != odd) {
			hold->stack = world_stack(&w, 0x5000);
			want->stack = world_stack(&w, 0x5010);
		} else {
			want->stack = world_stack(&w, 0x6660);
		}
	}
	expect_advice(only(), "change app+0x6660, where 't' (tid 102) wants");
	/* All alike: then no place is odd, and the data decide the order. */
	w.threads[t[odd]].want.stack = world_stack(&w, 0x5010);
	w.holds[odd].stack = world_stack(&w, 0x5000);
	expect_advice(only(), "at app+0x5010 take them in one fixed order");
}

static void readers_are_called_readers(void **state)
{
	uint32_t a = world_thread(&w, "a"), b = world_thread(&w, "b");
	uint32_t r = world_resource(&w, DLW_RWLOCK, DLW_TYPE_PREFER_READER), m = world_mutex(&w);

	(void)state;
	world_hold(&w, a, r, DLW_SHARED);
	world_hold(&w, b, m, DLW_EXCLUSIVE);
	world_wait(&w, a, m, DLW_EXCLUSIVE);
	world_wait(&w, b, r, DLW_EXCLUSIVE);
	expect_evidence(only(), DLW_MUTUAL_EXCLUSION,
			"M1 is held exclusively by 'b' (tid 102) and wanted exclusively by 'a' "
			"(tid 101); R2 is held for reading by 'a' (tid 101) and wanted exclusively "
			"by 'b' (tid 102)");
}

static void what_is_produced_is_called_consumable(void **state)
{
	const struct dlw_finding *finding;
	uint32_t a = world_thread(&w, "a"), b = world_thread(&w, "b"), m = world_mutex(&w);

	(void)state;
	world_hold(&w, a, m, DLW_EXCLUSIVE);
	world_wait(&w, a, world_end_of(&w, DLW_THREAD, b), DLW_EXIT);
	world_wait(&w, b, m, DLW_EXCLUSIVE);
	finding = only();
	expect_evidence(finding, DLW_MUTUAL_EXCLUSION,
			"the end of T1 is consumable, produced only by 'b' (tid 102); M2 is held "
			"exclusively by 'a' (tid 101) and wanted exclusively by 'b' (tid 102)");
	expect_evidence(finding, DLW_HOLD_AND_WAIT,
			"'a' (tid 101) holds M2 while it waits for T1; 'b' (tid 102), for whom "
			"another one waits, waits itself for M2");
	expect_evidence(
		finding, DLW_CIRCULAR_WAIT,
		"'a' (tid 101) waits for T1, which needs 'b' (tid 102), which waits for M2, "
		"held by 'a' (tid 101)");
	expect_advice(finding, "Join at app+0x2020 only after M2 (taken at app+0x2010) has been "
			       "released");
}

static void a_relock_says_what_to_do_about_it(void **state)
{
	uint32_t a = world_thread(&w, "a"), m = world_mutex(&w);

	(void)state;
	world_hold(&w, a, m, DLW_EXCLUSIVE);
	world_wait(&w, a, m, DLW_EXCLUSIVE);
	expect_evidence(only(), DLW_CIRCULAR_WAIT, "'a' (tid 101) waits for M1, held by itself");
	expect_advice(only(), "'a' (tid 101) waits for itself at app+0x2020");
	expect_advice(only(), "*_unlocked");
	w.resources[m].kind = DLW_RWLOCK;
	w.holds[0].mode = DLW_SHARED;
	expect_advice(only(), "cannot be turned into a write lock");
}

static void an_orphan_names_the_vanished_holder_and_where_it_took_the_lock(void **state)
{
	uint32_t a = world_thread(&w, "a"), gone = world_thread(&w, "lost"), m = world_mutex(&w);
	const struct dlw_finding *finding;

	(void)state;
	w.threads[gone].life = DLW_GONE;
	world_hold(&w, gone, m, DLW_EXCLUSIVE);
	world_wait(&w, a, m, DLW_EXCLUSIVE);
	finding = only();
	expect_evidence(finding, DLW_MUTUAL_EXCLUSION,
			"M1 is held exclusively by 'lost' (tid 102) and wanted exclusively by 'a' "
			"(tid 101)");
	expect_evidence(finding, DLW_HOLD_AND_WAIT,
			"'a' (tid 101) waits for M1, which 'lost' (tid 102) took along");
	expect_evidence(finding, DLW_NO_PREEMPTION,
			"M1 stays taken after its holder is gone: nothing hands it on");
	expect_evidence(finding, DLW_CIRCULAR_WAIT,
			"the chain of waits ends at a holder that will never act again: M1 is held "
			"by 'lost' (tid 102), gone since, taken at app+0x2010");
	expect_advice(finding, "'lost' (tid 102) took M1 (taken at app+0x2010)");
	expect_advice(finding, "pthread_atfork");
	w.resources[m].traits = DLW_TRAIT_SHARED;
	expect_advice(only(), "PTHREAD_MUTEX_ROBUST");
}

static void a_pool_and_its_permits_are_explained(void **state)
{
	uint32_t a = world_thread(&w, "a"), b = world_thread(&w, "b");
	uint32_t s = world_semaphore(&w, 2, DLW_LOCK_LIKE);
	const struct dlw_finding *finding;

	(void)state;
	world_hold(&w, a, s, DLW_PERMIT);
	world_hold(&w, b, s, DLW_PERMIT);
	world_wait(&w, a, s, DLW_PERMIT);
	world_wait(&w, b, s, DLW_PERMIT);
	finding = only();
	expect_evidence(finding, DLW_MUTUAL_EXCLUSION,
			"S1 has no permit left: they are held by 'a' (tid 101) and 'b' (tid 102), "
			"and more are wanted by 'a' (tid 101), 'b' (tid 102)");
	expect_advice(finding, "Take all that is needed at once");
}

static void a_stall_says_that_nobody_is_left(void **state)
{
	uint32_t a = world_thread(&w, "a"), b = world_thread(&w, "b");
	uint32_t c = world_resource(&w, DLW_CONDITION, 0);
	const struct dlw_finding *finding;

	(void)state;
	world_wait(&w, a, c, DLW_SIGNAL);
	world_wait(&w, b, world_end_of(&w, DLW_THREAD, a), DLW_EXIT);
	finding = only();
	expect_evidence(finding, DLW_MUTUAL_EXCLUSION,
			"a signal of C1 is consumable, produced only by threads that all wait "
			"themselves; the end of T2 is consumable, produced only by 'a' (tid 101)");
	expect_evidence(finding, DLW_CIRCULAR_WAIT,
			"'a' (tid 101) waits for C1; 'b' (tid 102) waits for T2, which needs 'a' "
			"(tid 101): every thread that could end one of these waits is among them");
	expect_advice(finding, "Look for a signal sent before this wait began");
}

/* 'main' waits for what 'a' has, but is not of the circle. */
static void a_stall_over_semaphores_taken_in_two_orders_says_so(void **state)
{
	uint32_t main = world_thread(&w, "main"), a = world_thread(&w, "a");
	uint32_t b = world_thread(&w, "b"), s = world_semaphore(&w, 1, DLW_NO_POST_YET);
	uint32_t t = world_semaphore(&w, 1, DLW_NO_POST_YET);
	uint32_t u = world_semaphore(&w, 1, DLW_NO_POST_YET);
	uint64_t two_seconds_ago = w.state.now_ns - 2 * WORLD_SECOND;

	(void)state;
	world_hold(&w, a, s, DLW_PERMIT);
	world_hold(&w, a, t, DLW_PERMIT);
	world_hold(&w, b, u, DLW_PERMIT);
	world_wait(&w, main, s, DLW_PERMIT)->since_ns = two_seconds_ago;
	world_wait(&w, a, u, DLW_PERMIT)->since_ns = two_seconds_ago;
	world_wait(&w, b, t, DLW_PERMIT)->since_ns = two_seconds_ago;
	expect_advice(only(), "'a' (tid 102) waits for S2 at app+0x2050, which 'b' (tid 103) has "
			      "taken; 'b' (tid 103) waits for S3 at app+0x2060, which 'a' (tid "
			      "102) has taken. If these serve as locks, take them in one order");
	w.resources[t].history = DLW_SIGNAL_LIKE;
	expect_advice(only(), "'main' (tid 101) waits for S1 at app+0x2040, and every thread that "
			      "could post it waits too. Look for a post");
}

static void doubts_about_preemption_are_named(void **state)
{
	uint32_t a = world_thread(&w, "a"), b = world_thread(&w, "b");
	uint32_t m = world_mutex(&w), n = world_mutex(&w), c;

	(void)state;
	world_cross(&w, a, b, m, n);
	w.threads[a].want.flags = DLW_WANT_POLLING;
	w.threads[b].want.flags = DLW_WANT_INTERRUPTIBLE;
	expect_evidence(only(), DLW_NO_PREEMPTION,
			"nothing can be taken from its holder, and no wait ends by itself; 'a' "
			"(tid 101) times out only to wait again; 'b' (tid 102) could only be woken "
			"by a signal");
	c = world_resource(&w, DLW_CONDITION, 0);
	w.threads[b].want.flags = 0;
	w.threads[a].want.flags = DLW_WANT_TIMED;
	w.threads[a].want.resource = c;
	w.threads[a].want.mutex = n;
	expect_evidence(
		only(), DLW_NO_PREEMPTION,
		"nothing can be taken from its holder, and no wait ends by itself; the wait "
		"of 'a' (tid 101) can end, but not return without M3");
	expect_advice(only(), "gives back its own mutex only");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_test(two_mutexes_are_explained_step_by_step),
		cmocka_test(the_odd_order_out_is_the_one_to_change),
		cmocka_test(readers_are_called_readers),
		cmocka_test(what_is_produced_is_called_consumable),
		cmocka_test(a_relock_says_what_to_do_about_it),
		cmocka_test(an_orphan_names_the_vanished_holder_and_where_it_took_the_lock),
		cmocka_test(a_pool_and_its_permits_are_explained),
		cmocka_test(a_stall_says_that_nobody_is_left),
		cmocka_test(a_stall_over_semaphores_taken_in_two_orders_says_so),
		cmocka_test(doubts_about_preemption_are_named),
	};

	return cmocka_run_group_tests_name("coffman", tests, NULL, NULL);
}
