/*
 * test_judge.c - which waits count, cores, and who is stuck behind them
 */
#include <time.h>

#include "core/finding.h"
#include "judge_world.h"

/* ---- how a wait may end -------------------------------------------------------------- */

static void a_wait_that_ends_by_itself_is_no_wait(void **state)
{
	static const uint32_t flags[] = { DLW_WANT_TIMED, DLW_WANT_TRY, DLW_WANT_CANCELLED,
					  DLW_WANT_TRY | DLW_WANT_POLLING,
					  DLW_WANT_CANCELLED | DLW_WANT_POLLING };
	size_t i;

	(void)state;
	cross("a", "b");
	for (i = 0; i < sizeof(flags) / sizeof(*flags); i++) {
		w.threads[0].want.flags = flags[i];
		expect_nothing(&w);
	}
	w.threads[0].want.flags = DLW_WANT_SPINNING;
	expect_only(&w, DLW_DEADLOCK, DLW_PROVEN, "a b", "");
}

static void a_doubtful_wait_is_likely_at_most(void **state)
{
	static const uint32_t flags[] = { DLW_WANT_INTERRUPTIBLE, DLW_WANT_UNCONFIRMED,
					  DLW_WANT_POLLING, DLW_WANT_POLLING | DLW_WANT_TIMED };
	size_t i;

	(void)state;
	cross("a", "b");
	for (i = 0; i < sizeof(flags) / sizeof(*flags); i++) {
		w.threads[0].want.flags = flags[i];
		expect_only(&w, DLW_DEADLOCK, DLW_LIKELY, "a b", "");
	}
}

static void an_exempt_thread_counts_as_running(void **state)
{
	(void)state;
	cross("a", "b");
	w.threads[1].exempt = true;
	expect_nothing(&w);
}

static void a_malformed_state_is_refused(void **state)
{
	(void)state;
	cross("a", "b");
	w.threads[1].want.resource = 99;
	assert_false(dlw_state_is_valid(&w.state));
	assert_int_equal(dlw_judge(&w.state, &w.arena, &w.found), -1);
	assert_int_equal(w.found.count, 0);
}

static void *grow_some(void *context, size_t size, size_t *got)
{
	size_t *left = context;

	if (!*left)
		return NULL;
	(*left)--;
	*got = size;
	return malloc(size);
}

static void running_out_of_memory_finds_nothing_and_breaks_nothing(void **state)
{
	struct dlw_arena arena = { .grow = grow_some, .give_back = world_give_back };
	size_t blocks, left;
	uint32_t i;

	(void)state;
	for (i = 0; i < 1000; i++)
		cross("a", "b");
	for (blocks = 0;; blocks++) {
		left = blocks;
		arena.context = &left;
		arena.give_back = NULL;
		if (dlw_judge(&w.state, &arena, &w.found) == 0)
			break;
		assert_int_equal(w.found.count, 0);
		arena.give_back = world_give_back;
		dlw_arena_release(&arena);
	}
	assert_true(blocks > 10);
	assert_int_equal(w.found.count, 1000);
	arena.give_back = world_give_back;
	dlw_arena_release(&arena);
}

/* ---- cores and those behind them ---------------------------------------------------------- */

static void whoever_waits_for_the_core_is_stuck_behind_it(void **state)
{
	uint32_t c, d, e, f, n;

	(void)state;
	cross("a", "b");
	c = world_thread(&w, "c");
	d = world_thread(&w, "d");
	e = world_thread(&w, "e");
	f = world_thread(&w, "f");
	n = world_mutex(&w);
	world_wait(&w, c, 0, DLW_EXCLUSIVE);
	world_hold(&w, c, n, DLW_EXCLUSIVE);
	world_wait(&w, d, n, DLW_EXCLUSIVE);
	world_wait(&w, e, world_end_of(&w, DLW_THREAD, d), DLW_EXIT);
	world_wait(&w, f, 0, DLW_EXCLUSIVE)->flags = DLW_WANT_TIMED;
	expect_only(&w, DLW_DEADLOCK, DLW_PROVEN, "a b", "c d e");
}

static void separate_cores_are_separate_findings(void **state)
{
	uint32_t t;

	(void)state;
	cross("a", "b");
	cross("c", "d");
	t = world_thread(&w, "t");
	world_wait(&w, t, 3, DLW_EXCLUSIVE);
	world_judge(&w);
	expect_findings(&w, 2);
	expect_finding(&w, 0, DLW_DEADLOCK, DLW_PROVEN, "a b", "");
	expect_finding(&w, 1, DLW_DEADLOCK, DLW_PROVEN, "c d", "t");
}

static void whoever_is_behind_two_cores_is_listed_with_the_first(void **state)
{
	uint32_t t, r = world_resource(&w, DLW_RWLOCK, DLW_TYPE_PREFER_READER);

	(void)state;
	cross("a", "b");
	cross("c", "d");
	world_hold(&w, 0, r, DLW_SHARED);
	world_hold(&w, 2, r, DLW_SHARED);
	t = world_thread(&w, "t");
	world_wait(&w, t, r, DLW_EXCLUSIVE);
	world_judge(&w);
	expect_findings(&w, 2);
	expect_finding(&w, 0, DLW_DEADLOCK, DLW_PROVEN, "a b", "t");
	expect_finding(&w, 1, DLW_DEADLOCK, DLW_PROVEN, "c d", "");
}

static void a_core_that_also_waits_for_another_is_one_of_its_own(void **state)
{
	uint32_t r = world_resource(&w, DLW_RWLOCK, DLW_TYPE_PREFER_READER), c, d, m;

	(void)state;
	cross("a", "b"); /* mutexes 1 and 2 */
	c = world_thread(&w, "c");
	d = world_thread(&w, "d");
	m = world_mutex(&w);
	/* c wants to write what a and d read; d waits for c */
	world_hold(&w, 0, r, DLW_SHARED);
	world_hold(&w, d, r, DLW_SHARED);
	world_hold(&w, c, m, DLW_EXCLUSIVE);
	world_wait(&w, c, r, DLW_EXCLUSIVE);
	world_wait(&w, d, m, DLW_EXCLUSIVE);
	world_judge(&w);
	expect_findings(&w, 2);
	expect_finding(&w, 0, DLW_DEADLOCK, DLW_PROVEN, "a b", "");
	expect_finding(&w, 1, DLW_DEADLOCK, DLW_PROVEN, "c d", "");
}

static void the_strongest_verdict_comes_first(void **state)
{
	uint32_t a, b, s, t, i;

	(void)state;
	a = world_thread(&w, "a");
	b = world_thread(&w, "b");
	s = world_semaphore(&w, 1, DLW_LOCK_LIKE);
	t = world_semaphore(&w, 1, DLW_LOCK_LIKE);
	for (i = 0; i < 2; i++)
		world_hold(&w, i ? b : a, i ? t : s, DLW_PERMIT);
	world_wait(&w, a, t, DLW_PERMIT);
	world_wait(&w, b, s, DLW_PERMIT);
	cross("c", "d");
	world_judge(&w);
	expect_findings(&w, 2);
	expect_finding(&w, 0, DLW_DEADLOCK, DLW_PROVEN, "c d", "");
	expect_finding(&w, 1, DLW_DEADLOCK, DLW_LIKELY, "a b", "");
}

static void a_running_possible_poster_breaks_a_cycle(void **state)
{
	uint32_t a = world_thread(&w, "a"), b = world_thread(&w, "b"), c = world_thread(&w, "c");
	uint32_t s = world_semaphore(&w, 2, DLW_LOCK_LIKE), m = world_mutex(&w);

	(void)state;
	world_hold(&w, b, s, DLW_PERMIT);
	world_hold(&w, c, s, DLW_PERMIT); /* c runs */
	world_hold(&w, a, m, DLW_EXCLUSIVE);
	world_wait(&w, a, s, DLW_PERMIT);
	world_wait(&w, b, m, DLW_EXCLUSIVE);
	expect_nothing(&w);
}

/* Thread i holds lock i and wants lock i + 1; how long judging took, in seconds. */
static double ring(uint32_t size, enum dlw_kind kind)
{
	struct timespec before, after;
	uint32_t i;

	for (i = 0; i < size; i++) {
		uint32_t lock = world_resource(&w, kind, DLW_TYPE_NORMAL);

		world_thread(&w, "t");
		w.resources[lock].history = DLW_LOCK_LIKE;
	}
	for (i = 0; i < size; i++) {
		world_hold(&w, i, i, DLW_EXCLUSIVE);
		world_wait(&w, i, (i + 1) % size, DLW_EXCLUSIVE);
	}
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before);
	world_judge(&w);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after);
	return (double)(after.tv_sec - before.tv_sec) +
	       (double)(after.tv_nsec - before.tv_nsec) / 1e9;
}

static void rings_of_any_size_are_one_core(void **state)
{
	static const uint32_t sizes[] = { 2, 3, 100, 10000 };
	static const enum dlw_kind kinds[] = { DLW_MUTEX, DLW_SEMAPHORE };
	size_t i, j;

	for (i = 0; i < 8; i++) {
		uint32_t size = sizes[i / 2];
		double seconds = ring(size, kinds[i % 2]);

		expect_findings(&w, 1);
		assert_int_equal(w.found.all[0].core_count, size);
		assert_int_equal(w.found.all[0].edge_count, size);
		assert_int_equal(w.found.all[0].stuck_count, 0);
		assert_true(w.found.all[0].cycle);
		for (j = 0; j < size; j++)
			assert_int_equal(w.found.all[0].core[j], j);
		print_message("ring of %u %ss: %.3f s\n", size, dlw_kind_word(kinds[i % 2]),
			      seconds);
		teardown(state);
		setup(state);
	}
}

static void a_long_chain_of_cores_is_found_core_by_core(void **state)
{
	uint32_t i, pairs = 2000;

	(void)state;
	/* Each pair's first thread also waits for the pair before it. */
	for (i = 0; i < pairs; i++) {
		uint32_t r = world_resource(&w, DLW_RWLOCK, DLW_TYPE_PREFER_READER), m;
		uint32_t a = world_thread(&w, "a"), b = world_thread(&w, "b");

		m = world_mutex(&w);
		world_hold(&w, b, r, DLW_SHARED);
		if (i)
			world_hold(&w, 2 * (i - 1), r, DLW_SHARED);
		world_hold(&w, a, m, DLW_EXCLUSIVE);
		world_wait(&w, a, r, DLW_EXCLUSIVE);
		world_wait(&w, b, m, DLW_EXCLUSIVE);
	}
	world_judge(&w);
	expect_findings(&w, pairs);
	for (i = 0; i < pairs; i++)
		expect_finding(&w, i, DLW_DEADLOCK, DLW_PROVEN, "a b", "");
}

/* Thousands of threads with one gate between them: refinement has to end, and be right. */
static void crowds_around_one_thing_are_judged_in_bounded_time(void **state)
{
	struct timespec before, after;
	uint32_t i, kind, size = 10000;

	for (kind = 0; kind < 2; kind++) {
		uint32_t pool = world_semaphore(&w, size, DLW_LOCK_LIKE);

		for (i = 0; i < size; i++) {
			uint32_t thread = world_thread(&w, "t"), c;

			if (kind) {
				c = world_resource(&w, DLW_CONDITION, 0);
				world_wait(&w, thread, c, DLW_SIGNAL);
			} else {
				world_hold(&w, thread, pool, DLW_PERMIT);
				world_wait(&w, thread, pool, DLW_PERMIT);
			}
		}
		clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before);
		world_judge(&w);
		clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after);
		expect_findings(&w, 1);
		assert_int_equal(w.found.all[0].verdict, kind ? DLW_STALLED : DLW_LIKELY);
		assert_int_equal(w.found.all[0].core_count, size);
		assert_true(w.found.all[0].edge_count <= size);
		print_message("%u threads around one %s: %.3f s\n", size, kind ? "process" : "pool",
			      (double)(after.tv_sec - before.tv_sec) +
				      (double)(after.tv_nsec - before.tv_nsec) / 1e9);
		teardown(state);
		setup(state);
	}
}

static void three_hundred_holds_change_nothing(void **state)
{
	uint32_t i;

	(void)state;
	cross("a", "b");
	for (i = 0; i < 300; i++)
		world_hold(&w, 0, world_mutex(&w), DLW_EXCLUSIVE);
	expect_only(&w, DLW_DEADLOCK, DLW_PROVEN, "a b", "");
	assert_int_equal(w.found.all[0].resource_count, 302);
	assert_int_equal(w.found.all[0].core_resource_count, 2);
}

/** shown() - all that a thread holds, in order; Return: how many */
static uint32_t shown(const struct dlw_finding *finding, uint32_t thread, uint32_t *holds)
{
	uint32_t count = 0, hold = DLW_NONE;

	while ((hold = dlw_next_hold(&w.state, finding, thread, hold)) != DLW_NONE)
		holds[count++] = hold;
	return count;
}

static void holds_are_shown_in_one_order_sorted_or_not(void **state)
{
	uint32_t sorted[300], searched[300], i, thread, count, total = 0;
	struct dlw_finding plain;

	(void)state;
	cross("a", "b");
	world_wait(&w, world_thread(&w, "c"), w.threads[0].want.resource, DLW_EXCLUSIVE);
	for (i = 0; i < 240; i++) /* of a, b and c by turns, some of them twice and some no more */
		world_hold(&w, i % 3, i % 5 ? world_mutex(&w) : w.holds[i].resource, DLW_EXCLUSIVE);
	for (i = 7; i < w.state.hold_count; i += 11)
		w.holds[i].count = 0;
	world_judge(&w);
	assert_int_equal(w.found.count, 1);
	assert_non_null(w.found.all[0].holds);
	plain = w.found.all[0];
	plain.holds = NULL;
	for (thread = 0; thread < 3; thread++) {
		count = shown(&w.found.all[0], thread, sorted);
		assert_int_equal(count, shown(&plain, thread, searched));
		assert_memory_equal(sorted, searched, count * sizeof(*sorted));
		total += count;
	}
	for (i = 0; i < w.state.hold_count; i++)
		total -= w.holds[i].count != 0;
	assert_int_equal(total, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_test(a_wait_that_ends_by_itself_is_no_wait),
		cmocka_test(a_doubtful_wait_is_likely_at_most),
		cmocka_test(an_exempt_thread_counts_as_running),
		cmocka_test(a_malformed_state_is_refused),
		cmocka_test(running_out_of_memory_finds_nothing_and_breaks_nothing),
		cmocka_test(whoever_waits_for_the_core_is_stuck_behind_it),
		cmocka_test(separate_cores_are_separate_findings),
		cmocka_test(whoever_is_behind_two_cores_is_listed_with_the_first),
		cmocka_test(a_core_that_also_waits_for_another_is_one_of_its_own),
		cmocka_test(the_strongest_verdict_comes_first),
		cmocka_test(a_running_possible_poster_breaks_a_cycle),
		cmocka_test(rings_of_any_size_are_one_core),
		cmocka_test(a_long_chain_of_cores_is_found_core_by_core),
		cmocka_test(crowds_around_one_thing_are_judged_in_bounded_time),
		cmocka_test(three_hundred_holds_change_nothing),
		cmocka_test(holds_are_shown_in_one_order_sorted_or_not),
	};

	return cmocka_run_group_tests_name("judge", tests, NULL, NULL);
}
