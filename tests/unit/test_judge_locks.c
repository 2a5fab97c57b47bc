/*
 * test_judge_locks.c - verdicts over what is held and given back
 */
#include "judge_world.h"

static void nothing_is_found_in_an_empty_world(void **state)
{
	(void)state;
	expect_nothing(&w);
}

static void two_locks_in_two_orders_are_proven(void **state)
{
	uint32_t a = world_thread(&w, "a"), b = world_thread(&w, "b");
	uint32_t m = world_mutex(&w), n = world_mutex(&w);

	(void)state;
	world_thread(&w, "bystander");
	world_cross(&w, a, b, m, n);
	expect_only(&w, DLW_DEADLOCK, DLW_PROVEN, "a b", "");
	assert_true(w.found.all[0].cycle);
	assert_int_equal(w.found.all[0].edge_count, 2);
	assert_int_equal(w.found.all[0].edges[0].thread, a);
	assert_int_equal(w.found.all[0].edges[0].resource, n);
	assert_int_equal(w.found.all[0].edges[0].next, b);
	assert_int_equal(w.found.all[0].edges[1].next, a);
}

/* Every kind of owned lock against a mutex. */
static void every_lock_with_an_owner_makes_a_proven_cycle(void **state)
{
	static const enum dlw_kind kinds[] = { DLW_MUTEX, DLW_RWLOCK, DLW_SPINLOCK, DLW_ONCE,
					       DLW_CUSTOM };
	size_t i, j;

	for (i = 0; i < 5; i++)
		for (j = 0; j < 5; j++) {
			uint32_t a = world_thread(&w, "a"), b = world_thread(&w, "b");

			world_cross(&w, a, b, world_resource(&w, kinds[i], DLW_TYPE_UNKNOWN),
				    world_resource(&w, kinds[j], DLW_TYPE_UNKNOWN));
			expect_only(&w, DLW_DEADLOCK, DLW_PROVEN, "a b", "");
			teardown(state);
			setup(state);
		}
}

static void a_lock_that_nobody_holds_is_in_nobodys_way(void **state)
{
	static const enum dlw_kind kinds[] = { DLW_MUTEX, DLW_RWLOCK, DLW_SPINLOCK,
					       DLW_ONCE,  DLW_CUSTOM, DLW_FILE_LOCK };
	size_t i;

	(void)state;
	for (i = 0; i < 6; i++)
		world_wait(&w, world_thread(&w, "a"),
			   world_resource(&w, kinds[i], DLW_TYPE_UNKNOWN), DLW_EXCLUSIVE);
	expect_nothing(&w);
}

static void a_running_owner_releases(void **state)
{
	uint32_t m = world_mutex(&w);

	(void)state;
	world_hold(&w, world_thread(&w, "runs"), m, DLW_EXCLUSIVE);
	world_wait(&w, world_thread(&w, "waits"), m, DLW_EXCLUSIVE);
	expect_nothing(&w);
}

static void a_hold_of_count_zero_holds_nothing(void **state)
{
	(void)state;
	world_cross(&w, world_thread(&w, "a"), world_thread(&w, "b"), world_mutex(&w),
		    world_mutex(&w));
	w.holds[0].count = 0;
	expect_nothing(&w);
}

static void a_recursive_owner_is_one_owner(void **state)
{
	uint32_t a = world_thread(&w, "a"), b = world_thread(&w, "b");
	uint32_t m = world_resource(&w, DLW_MUTEX, DLW_TYPE_RECURSIVE), n = world_mutex(&w);

	(void)state;
	world_cross(&w, a, b, m, n);
	w.holds[0].count = 7;
	world_hold(&w, a, m, DLW_EXCLUSIVE); /* listed a second time */
	expect_only(&w, DLW_DEADLOCK, DLW_PROVEN, "a b", "");
}

/* ---- relocking -------------------------------------------------------------- */

static void relock(enum dlw_kind kind, enum dlw_type type, enum dlw_mode held, enum dlw_mode wanted)
{
	uint32_t a = world_thread(&w, "a"), lock = world_resource(&w, kind, type);

	world_thread(&w, "bystander");
	world_hold(&w, a, lock, held);
	world_wait(&w, a, lock, wanted);
	world_judge(&w);
}

static void relocking_what_cannot_be_relocked_is_proven(void **state)
{
	static const struct {
		enum dlw_kind kind;
		enum dlw_type type;
		enum dlw_mode held, wanted;
	} cases[] = {
		{ DLW_MUTEX, DLW_TYPE_NORMAL, DLW_EXCLUSIVE, DLW_EXCLUSIVE },
		{ DLW_MUTEX, DLW_TYPE_ADAPTIVE, DLW_EXCLUSIVE, DLW_EXCLUSIVE },
		{ DLW_SPINLOCK, DLW_TYPE_UNKNOWN, DLW_EXCLUSIVE, DLW_EXCLUSIVE },
		{ DLW_ONCE, DLW_TYPE_UNKNOWN, DLW_EXCLUSIVE, DLW_EXCLUSIVE },
		{ DLW_CUSTOM, DLW_TYPE_NORMAL, DLW_EXCLUSIVE, DLW_EXCLUSIVE },
		{ DLW_RWLOCK, DLW_TYPE_PREFER_READER, DLW_SHARED, DLW_EXCLUSIVE },
	};
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		relock(cases[i].kind, cases[i].type, cases[i].held, cases[i].wanted);
		expect_findings(&w, 1);
		expect_finding(&w, 0, DLW_DEADLOCK, DLW_PROVEN, "a", "");
		assert_true(w.found.all[0].cycle);
		assert_int_equal(w.found.all[0].edge_count, 1);
		assert_int_equal(w.found.all[0].edges[0].next, w.found.all[0].core[0]);
		teardown(state);
		setup(state);
	}
}

static void records_of_a_relock_that_cannot_wait_contradict_themselves(void **state)
{
	static const struct {
		enum dlw_kind kind;
		enum dlw_type type;
		enum dlw_mode held, wanted;
	} cases[] = {
		{ DLW_MUTEX, DLW_TYPE_RECURSIVE, DLW_EXCLUSIVE, DLW_EXCLUSIVE },
		{ DLW_MUTEX, DLW_TYPE_ERRORCHECK, DLW_EXCLUSIVE, DLW_EXCLUSIVE },
		{ DLW_CUSTOM, DLW_TYPE_RECURSIVE, DLW_EXCLUSIVE, DLW_EXCLUSIVE },
		{ DLW_RWLOCK, DLW_TYPE_PREFER_READER, DLW_EXCLUSIVE, DLW_EXCLUSIVE },
		{ DLW_RWLOCK, DLW_TYPE_PREFER_READER, DLW_EXCLUSIVE, DLW_SHARED },
		{ DLW_RWLOCK, DLW_TYPE_PREFER_READER, DLW_SHARED, DLW_SHARED },
		{ DLW_CUSTOM, DLW_TYPE_NORMAL, DLW_SHARED, DLW_SHARED },
	};
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		relock(cases[i].kind, cases[i].type, cases[i].held, cases[i].wanted);
		expect_findings(&w, 0);
		teardown(state);
		setup(state);
	}
}

static void a_relock_of_unknown_type_is_likely_at_most(void **state)
{
	(void)state;
	relock(DLW_MUTEX, DLW_TYPE_UNKNOWN, DLW_EXCLUSIVE, DLW_EXCLUSIVE);
	expect_findings(&w, 1);
	expect_finding(&w, 0, DLW_DEADLOCK, DLW_LIKELY, "a", "");
}

/* ---- records that disagree ------------------------------------------------------ */

static void two_exclusive_owners_mean_that_we_do_not_know(void **state)
{
	uint32_t a = world_thread(&w, "a"), b = world_thread(&w, "b"), c = world_thread(&w, "c");
	uint32_t m = world_mutex(&w), n = world_mutex(&w);

	(void)state;
	world_cross(&w, a, b, m, n);
	world_hold(&w, c, m, DLW_EXCLUSIVE);
	world_wait(&w, c, n, DLW_EXCLUSIVE);
	expect_nothing(&w);
}

static void a_reader_beside_a_writer_means_that_we_do_not_know(void **state)
{
	uint32_t a = world_thread(&w, "a"), b = world_thread(&w, "b");
	uint32_t r = world_resource(&w, DLW_RWLOCK, DLW_TYPE_PREFER_READER), m = world_mutex(&w);

	(void)state;
	world_hold(&w, a, r, DLW_SHARED);
	world_hold(&w, b, r, DLW_EXCLUSIVE);
	world_hold(&w, a, m, DLW_EXCLUSIVE);
	world_wait(&w, b, m, DLW_EXCLUSIVE);
	world_wait(&w, a, r, DLW_EXCLUSIVE);
	expect_nothing(&w);
}

static void relocking_a_lock_that_another_claims_too_is_unknown(void **state)
{
	uint32_t a = world_thread(&w, "a"), b = world_thread(&w, "b"), m = world_mutex(&w);

	(void)state;
	world_hold(&w, a, m, DLW_EXCLUSIVE);
	world_hold(&w, b, m, DLW_EXCLUSIVE);
	world_wait(&w, a, m, DLW_EXCLUSIVE);
	world_wait(&w, b, m, DLW_EXCLUSIVE);
	expect_nothing(&w);
}

/* ---- readers and writers ----------------------------------------------------------- */

static void a_writer_waits_for_all_readers(void **state)
{
	uint32_t a = world_thread(&w, "a"), b = world_thread(&w, "b"), c = world_thread(&w, "c");
	uint32_t r = world_resource(&w, DLW_RWLOCK, DLW_TYPE_PREFER_READER), m = world_mutex(&w);

	(void)state;
	/* c reads and runs; b reads and waits for a; a wants to write */
	world_hold(&w, b, r, DLW_SHARED);
	world_hold(&w, c, r, DLW_SHARED);
	world_hold(&w, a, m, DLW_EXCLUSIVE);
	world_wait(&w, a, r, DLW_EXCLUSIVE);
	world_wait(&w, b, m, DLW_EXCLUSIVE);
	expect_only(&w, DLW_DEADLOCK, DLW_PROVEN, "a b", "");
}

static void readers_do_not_wait_for_readers(void **state)
{
	uint32_t a = world_thread(&w, "a"), b = world_thread(&w, "b");
	uint32_t r = world_resource(&w, DLW_RWLOCK, DLW_TYPE_PREFER_READER);
	uint32_t s = world_resource(&w, DLW_RWLOCK, DLW_TYPE_PREFER_READER);

	(void)state;
	world_hold(&w, a, r, DLW_SHARED);
	world_hold(&w, b, s, DLW_SHARED);
	world_wait(&w, a, s, DLW_SHARED);
	world_wait(&w, b, r, DLW_SHARED);
	expect_nothing(&w);
}

static void two_readers_who_both_want_to_write_are_proven(void **state)
{
	uint32_t a = world_thread(&w, "a"), b = world_thread(&w, "b");
	uint32_t r = world_resource(&w, DLW_RWLOCK, DLW_TYPE_PREFER_READER);

	(void)state;
	world_hold(&w, a, r, DLW_SHARED);
	world_hold(&w, b, r, DLW_SHARED);
	world_wait(&w, a, r, DLW_EXCLUSIVE);
	world_wait(&w, b, r, DLW_EXCLUSIVE);
	/* Each waits for itself already; two cores of one, which is the smallest there is. */
	world_judge(&w);
	expect_findings(&w, 2);
	expect_finding(&w, 0, DLW_DEADLOCK, DLW_PROVEN, "a", "");
	expect_finding(&w, 1, DLW_DEADLOCK, DLW_PROVEN, "b", "");
}

/* a reads and waits for b's mutex; w wants to write; b wants to read, behind w. */
static uint32_t queue(enum dlw_type type, uint64_t writers_place, uint64_t readers_place)
{
	uint32_t a = world_thread(&w, "a"), b = world_thread(&w, "b"), c = world_thread(&w, "c");
	uint32_t r = world_resource(&w, DLW_RWLOCK, type), m = world_mutex(&w);

	world_hold(&w, a, r, DLW_SHARED);
	world_hold(&w, b, m, DLW_EXCLUSIVE);
	world_wait(&w, a, m, DLW_EXCLUSIVE);
	world_wait(&w, c, r, DLW_EXCLUSIVE)->order = writers_place;
	world_wait(&w, b, r, DLW_SHARED)->order = readers_place;
	world_judge(&w);
	return c;
}

static void a_reader_behind_a_writer_waits_where_readers_cannot_pass(void **state)
{
	(void)state;
	queue(DLW_TYPE_PREFER_WRITER_NONRECURSIVE, 1, 2);
	expect_findings(&w, 1);
	/* Of the smallest tid first, each waits for the next: a for b, b for c in the queue, c for a. */
	expect_finding(&w, 0, DLW_DEADLOCK, DLW_PROVEN, "a b c", "");
}

static void a_reader_before_the_writer_does_not_wait_for_it(void **state)
{
	(void)state;
	queue(DLW_TYPE_PREFER_WRITER_NONRECURSIVE, 2, 1);
	expect_findings(&w, 0);
}

static void an_unknown_place_in_the_queue_is_likely_at_most(void **state)
{
	(void)state;
	queue(DLW_TYPE_PREFER_WRITER_NONRECURSIVE, 0, 2);
	expect_findings(&w, 1);
	expect_finding(&w, 0, DLW_DEADLOCK, DLW_LIKELY, "a b c", "");
}

static void readers_pass_writers_in_other_kinds_of_rwlock(void **state)
{
	static const enum dlw_type types[] = { DLW_TYPE_PREFER_READER, DLW_TYPE_PREFER_WRITER,
					       DLW_TYPE_UNKNOWN };
	size_t i;

	for (i = 0; i < 3; i++) {
		queue(types[i], 1, 2);
		expect_findings(&w, 0);
		teardown(state);
		setup(state);
	}
}

static void a_queued_writer_that_gives_up_keeps_no_reader_out(void **state)
{
	uint32_t writer = queue(DLW_TYPE_PREFER_WRITER_NONRECURSIVE, 1, 2);

	(void)state;
	w.threads[writer].want.flags |= DLW_WANT_TIMED;
	expect_nothing(&w);
}

static void taking_a_read_lock_twice_around_a_writer_is_proven(void **state)
{
	uint32_t a = world_thread(&w, "a"), b = world_thread(&w, "b");
	uint32_t r = world_resource(&w, DLW_RWLOCK, DLW_TYPE_PREFER_WRITER_NONRECURSIVE);

	(void)state;
	world_hold(&w, a, r, DLW_SHARED);
	world_wait(&w, b, r, DLW_EXCLUSIVE)->order = 1;
	world_wait(&w, a, r, DLW_SHARED)->order = 2;
	expect_only(&w, DLW_DEADLOCK, DLW_PROVEN, "a b", "");
}

/* ---- holders that are gone ------------------------------------------------------------ */

static uint32_t orphan(enum dlw_kind kind, enum dlw_type type, uint32_t traits)
{
	uint32_t a = world_thread(&w, "a"), gone = world_thread(&w, "gone");
	uint32_t lock = world_resource(&w, kind, type);

	world_thread(&w, "bystander");
	w.threads[gone].life = DLW_GONE;
	w.resources[lock].traits = traits;
	world_hold(&w, gone, lock, DLW_EXCLUSIVE);
	world_wait(&w, a, lock, DLW_EXCLUSIVE);
	world_judge(&w);
	return lock;
}

static void a_lock_whose_holder_is_gone_is_a_proven_orphan(void **state)
{
	static const enum dlw_kind kinds[] = { DLW_MUTEX, DLW_SPINLOCK, DLW_RWLOCK };
	size_t i;

	for (i = 0; i < 3; i++) {
		uint32_t lock = orphan(kinds[i], DLW_TYPE_NORMAL, 0);

		expect_findings(&w, 1);
		expect_finding(&w, 0, DLW_ORPHAN, DLW_PROVEN, "a", "");
		assert_int_equal(w.found.all[0].edges[0].resource, lock);
		assert_int_equal(w.found.all[0].edges[0].next, DLW_NONE);
		assert_non_null(strstr(w.found.all[0].coffman[DLW_CIRCULAR_WAIT].evidence,
				       "'gone' (tid 102)"));
		teardown(state);
		setup(state);
	}
}

static void a_robust_mutex_is_handed_over(void **state)
{
	(void)state;
	orphan(DLW_MUTEX, DLW_TYPE_NORMAL, DLW_TRAIT_ROBUST | DLW_TRAIT_SHARED);
	expect_findings(&w, 0);
}

static void a_once_that_was_left_starts_anew(void **state)
{
	(void)state;
	orphan(DLW_ONCE, DLW_TYPE_UNKNOWN, 0);
	expect_findings(&w, 0);
}

static void what_the_kernel_may_hand_over_is_a_likely_orphan_at_most(void **state)
{
	orphan(DLW_MUTEX, DLW_TYPE_NORMAL, DLW_TRAIT_INHERIT);
	expect_findings(&w, 1);
	expect_finding(&w, 0, DLW_ORPHAN, DLW_LIKELY, "a", "");
	teardown(state);
	setup(state);
	orphan(DLW_CUSTOM, DLW_TYPE_NORMAL, 0);
	expect_findings(&w, 1);
	expect_finding(&w, 0, DLW_ORPHAN, DLW_LIKELY, "a", "");
}

static void threads_of_an_ended_process_are_gone(void **state)
{
	uint32_t other = world_process(&w, 200), a = world_thread(&w, "a");
	uint32_t dead = world_thread_in(&w, other, "dead"), m = world_mutex(&w);

	(void)state;
	w.processes[other].ended = true;
	w.resources[m].traits = DLW_TRAIT_SHARED;
	world_hold(&w, dead, m, DLW_EXCLUSIVE);
	world_wait(&w, a, m, DLW_EXCLUSIVE);
	expect_only(&w, DLW_ORPHAN, DLW_PROVEN, "a", "");
}

static void all_who_wait_for_one_orphan_are_one_finding(void **state)
{
	uint32_t m = orphan(DLW_MUTEX, DLW_TYPE_NORMAL, 0);
	uint32_t b = world_thread(&w, "b"), c = world_thread(&w, "c"), n = world_mutex(&w);

	(void)state;
	world_hold(&w, b, n, DLW_EXCLUSIVE);
	world_wait(&w, b, m, DLW_EXCLUSIVE);
	world_wait(&w, c, n, DLW_EXCLUSIVE);
	expect_only(&w, DLW_ORPHAN, DLW_PROVEN, "a b", "c");
}

static void two_orphans_are_two_findings(void **state)
{
	uint32_t b, gone, n;

	(void)state;
	orphan(DLW_MUTEX, DLW_TYPE_NORMAL, 0);
	b = world_thread(&w, "b");
	gone = world_thread(&w, "gone too");
	n = world_mutex(&w);
	w.threads[gone].life = DLW_GONE;
	world_hold(&w, gone, n, DLW_EXCLUSIVE);
	world_wait(&w, b, n, DLW_EXCLUSIVE);
	world_judge(&w);
	expect_findings(&w, 2);
	expect_finding(&w, 0, DLW_ORPHAN, DLW_PROVEN, "a", "");
	expect_finding(&w, 1, DLW_ORPHAN, DLW_PROVEN, "b", "");
}

static void a_robust_mutex_taken_over_has_one_owner(void **state)
{
	uint32_t a = world_thread(&w, "a"), b = world_thread(&w, "b");
	uint32_t gone = world_thread(&w, "gone"), m = world_mutex(&w), n = world_mutex(&w);

	(void)state;
	w.threads[gone].life = DLW_GONE;
	w.resources[m].traits = DLW_TRAIT_ROBUST;
	world_hold(&w, gone, m, DLW_EXCLUSIVE);
	world_cross(&w, a, b, m, n);
	expect_only(&w, DLW_DEADLOCK, DLW_PROVEN, "a b", "");
}

static void one_vanished_reader_keeps_a_writer_out_for_ever(void **state)
{
	uint32_t a = world_thread(&w, "a"), gone = world_thread(&w, "gone");
	uint32_t reads = world_thread(&w, "reads");
	uint32_t r = world_resource(&w, DLW_RWLOCK, DLW_TYPE_PREFER_READER);

	(void)state;
	w.threads[gone].life = DLW_GONE;
	world_hold(&w, gone, r, DLW_SHARED);
	world_hold(&w, reads, r, DLW_SHARED);
	world_wait(&w, a, r, DLW_EXCLUSIVE);
	expect_only(&w, DLW_ORPHAN, DLW_PROVEN, "a", "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_test(nothing_is_found_in_an_empty_world),
		cmocka_test(two_locks_in_two_orders_are_proven),
		cmocka_test(every_lock_with_an_owner_makes_a_proven_cycle),
		cmocka_test(a_lock_that_nobody_holds_is_in_nobodys_way),
		cmocka_test(a_running_owner_releases),
		cmocka_test(a_hold_of_count_zero_holds_nothing),
		cmocka_test(a_recursive_owner_is_one_owner),
		cmocka_test(relocking_what_cannot_be_relocked_is_proven),
		cmocka_test(records_of_a_relock_that_cannot_wait_contradict_themselves),
		cmocka_test(a_relock_of_unknown_type_is_likely_at_most),
		cmocka_test(two_exclusive_owners_mean_that_we_do_not_know),
		cmocka_test(a_reader_beside_a_writer_means_that_we_do_not_know),
		cmocka_test(relocking_a_lock_that_another_claims_too_is_unknown),
		cmocka_test(a_writer_waits_for_all_readers),
		cmocka_test(readers_do_not_wait_for_readers),
		cmocka_test(two_readers_who_both_want_to_write_are_proven),
		cmocka_test(a_reader_behind_a_writer_waits_where_readers_cannot_pass),
		cmocka_test(a_reader_before_the_writer_does_not_wait_for_it),
		cmocka_test(an_unknown_place_in_the_queue_is_likely_at_most),
		cmocka_test(readers_pass_writers_in_other_kinds_of_rwlock),
		cmocka_test(a_queued_writer_that_gives_up_keeps_no_reader_out),
		cmocka_test(taking_a_read_lock_twice_around_a_writer_is_proven),
		cmocka_test(a_lock_whose_holder_is_gone_is_a_proven_orphan),
		cmocka_test(a_robust_mutex_is_handed_over),
		cmocka_test(a_once_that_was_left_starts_anew),
		cmocka_test(what_the_kernel_may_hand_over_is_a_likely_orphan_at_most),
		cmocka_test(threads_of_an_ended_process_are_gone),
		cmocka_test(all_who_wait_for_one_orphan_are_one_finding),
		cmocka_test(two_orphans_are_two_findings),
		cmocka_test(a_robust_mutex_taken_over_has_one_owner),
		cmocka_test(one_vanished_reader_keeps_a_writer_out_for_ever),
	};

	return cmocka_run_group_tests_name("judge: locks", tests, NULL, NULL);
}
