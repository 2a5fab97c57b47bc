/*
 * test_judge.c - levels, guards, cores, who is stuck, and what stays the same
 */
#include <time.h>

#include "core/finding.h"
#include "core/knot.h"
#include "world.h"

static struct world w;

static int setup(void **state)
{
	(void)state;
	world_start(&w);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	world_end(&w);
	return 0;
}

static void cross(const char *one, const char *other)
{
	uint32_t a = world_thread(&w, one), b = world_thread(&w, other);
	uint32_t m = world_mutex(&w), n = world_mutex(&w);

	world_cross(&w, a, b, m, n);
}

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

/* ---- stalled -------------------------------------------------------------------------- */

/* The whole process waits: a for a signal that nobody has ever sent, b to join a. */
static uint32_t stall(void)
{
	uint32_t a = world_thread(&w, "a"), b = world_thread(&w, "b");
	uint32_t c = world_resource(&w, DLW_CONDITION, 0);

	world_wait(&w, a, c, DLW_SIGNAL);
	world_wait(&w, b, world_end_of(&w, DLW_THREAD, a), DLW_EXIT);
	return c;
}

static void a_world_in_which_everybody_waits_is_stalled(void **state)
{
	(void)state;
	stall();
	expect_only(&w, DLW_DEADLOCK, DLW_STALLED, "a b", "");
}

static void one_running_thread_keeps_the_world_open(void **state)
{
	(void)state;
	stall();
	world_thread(&w, "bystander");
	expect_nothing(&w);
}

static void a_thread_that_is_gone_helps_nobody(void **state)
{
	uint32_t gone;

	(void)state;
	stall();
	gone = world_thread(&w, "gone");
	w.threads[gone].life = DLW_GONE;
	expect_only(&w, DLW_DEADLOCK, DLW_STALLED, "a b", "");
}

static void somebody_unseen_keeps_the_world_open(void **state)
{
	(void)state;
	stall();
	w.processes[0].open_reason = "a timer is armed";
	expect_nothing(&w);
}

static void a_stall_takes_its_time(void **state)
{
	uint64_t exactly = w.state.now_ns - w.state.stall_ns;

	(void)state;
	stall();
	w.threads[0].want.since_ns = exactly;
	expect_only(&w, DLW_DEADLOCK, DLW_STALLED, "a b", "");
	w.threads[0].want.since_ns = exactly + 1;
	expect_nothing(&w);
	w.threads[0].want.since_ns = 0; /* unknown */
	expect_nothing(&w);
	w.threads[0].want.since_ns = w.state.now_ns + 5; /* clocks may disagree */
	expect_nothing(&w);
	w.threads[0].want.since_ns = exactly;
	w.threads[1].want.since_ns = exactly + 1; /* b moved a moment ago */
	expect_nothing(&w);
}

static void a_timed_or_polling_wait_keeps_the_world_open(void **state)
{
	(void)state;
	stall();
	w.threads[0].want.flags = DLW_WANT_TIMED;
	expect_nothing(&w);
	w.threads[0].want.flags = DLW_WANT_POLLING;
	expect_nothing(&w);
}

static void what_is_private_to_a_process_is_its_own_affair(void **state)
{
	uint32_t c, other = world_process(&w, 200);

	(void)state;
	c = stall();
	world_thread_in(&w, other, "elsewhere");
	expect_only(&w, DLW_DEADLOCK, DLW_STALLED, "a b", "");
	w.resources[c].traits = DLW_TRAIT_SHARED; /* now elsewhere may signal it */
	expect_nothing(&w);
	w.processes[other].ended = true;
	expect_only(&w, DLW_DEADLOCK, DLW_STALLED, "a b", "");
}

static void a_process_of_which_nothing_is_known_keeps_shared_things_open(void **state)
{
	uint32_t c = stall();

	(void)state;
	w.resources[c].traits = DLW_TRAIT_SHARED;
	world_process(&w, 200);
	expect_nothing(&w);
}

static void every_kind_of_event_can_stall(void **state)
{
	uint32_t i, resource;

	for (i = 0; i < 4; i++) {
		uint32_t a = world_thread(&w, "a");

		if (i == 0)
			resource = world_semaphore(&w, 0, DLW_SIGNAL_LIKE);
		else if (i == 1)
			resource = world_resource(&w, DLW_CONDITION, 0);
		else if (i == 2)
			resource = world_resource(&w, DLW_BARRIER, 0);
		else
			resource = world_semaphore(&w, 1, DLW_LOCK_LIKE);
		w.resources[resource].initial_known = true;
		if (i == 2)
			w.resources[resource].initial = 2;
		if (i == 3)
			world_hold(&w, a, resource, DLW_PERMIT); /* its own */
		world_wait(&w, a, resource, DLW_PERMIT);
		expect_only(&w, DLW_DEADLOCK, DLW_STALLED, "a", "");
		teardown(state);
		setup(state);
	}
}

static void a_free_lock_never_stalls(void **state)
{
	(void)state;
	world_wait(&w, world_thread(&w, "a"), world_mutex(&w), DLW_EXCLUSIVE);
	expect_nothing(&w);
}

static void whoever_waits_beside_a_proven_deadlock_is_no_second_finding(void **state)
{
	uint32_t idle, c = world_resource(&w, DLW_CONDITION, 0);

	(void)state;
	cross("a", "b");
	idle = world_thread(&w, "idle worker");
	world_wait(&w, idle, c, DLW_SIGNAL);
	expect_only(&w, DLW_DEADLOCK, DLW_PROVEN, "a b", "");
	world_releaser(&w, 0, c, DLW_SEEN_BEFORE);
	expect_only(&w, DLW_DEADLOCK, DLW_PROVEN, "a b", "");
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

/* ---- what stays the same and what does not -------------------------------------------------- */

static const char *print_of(uint32_t number)
{
	char *copy = world_memory(&w, 17);

	assert_true(number < w.found.count);
	return strcpy(copy, w.found.all[number].fingerprint);
}

static void a_fingerprint_knows_no_ids_names_times_or_addresses(void **state)
{
	const char *before;
	uint32_t i;

	(void)state;
	cross("a", "b");
	world_judge(&w);
	before = print_of(0);
	w.processes[0].pid = 4711;
	for (i = 0; i < 2; i++) {
		w.threads[i].tid = 9000 - (int32_t)i; /* the other one is the smaller now */
		w.threads[i].name = "other";
		w.threads[i].want.since_ns += 12345;
		w.resources[i].address += 0x1000000;
		w.holds[i].since_ns = 0;
	}
	world_judge(&w);
	assert_string_equal(print_of(0), before);
	assert_int_equal(w.found.all[0].core[0], 1);
}

static void a_fingerprint_knows_no_load_address(void **state)
{
	struct dlw_module moved[2];
	const char *before;
	uint64_t *frame;
	uint32_t i;

	(void)state;
	cross("a", "b");
	world_judge(&w);
	before = print_of(0);
	for (i = 0; i < 2; i++) {
		moved[i] = world_modules[i];
		moved[i].start += 0x5000;
		moved[i].end += 0x5000;
		moved[i].bias += 0x5000;
		moved[i].path = i ? moved[i].path : "/elsewhere/app";
		frame = world_memory(&w, 8);
		*frame = w.threads[i].want.stack.frames[0] + 0x5000;
		w.threads[i].want.stack.frames = frame;
		frame = world_memory(&w, 8);
		*frame = w.holds[i].stack.frames[0] + 0x5000;
		w.holds[i].stack.frames = frame;
	}
	w.processes[0].modules = moved;
	world_judge(&w);
	assert_string_equal(print_of(0), before);
}

static void a_fingerprint_changes_with_sites_modes_kinds_and_verdict(void **state)
{
	const char *prints[6];
	uint32_t i, j;

	(void)state;
	cross("a", "b");
	world_judge(&w);
	prints[0] = print_of(0);
	w.threads[0].want.stack = world_somewhere(&w);
	world_judge(&w);
	prints[1] = print_of(0);
	w.holds[1].stack = world_somewhere(&w);
	world_judge(&w);
	prints[2] = print_of(0);
	w.resources[0].kind = DLW_RWLOCK;
	world_judge(&w);
	prints[3] = print_of(0);
	w.holds[0].mode = DLW_SHARED;
	world_judge(&w);
	prints[4] = print_of(0);
	w.threads[0].want.flags = DLW_WANT_UNCONFIRMED;
	world_judge(&w);
	prints[5] = print_of(0);
	for (i = 0; i < 6; i++)
		for (j = 0; j < i; j++)
			assert_string_not_equal(prints[i], prints[j]);
}

static void holds_beside_the_core_do_not_change_the_fingerprint(void **state)
{
	const char *before;

	(void)state;
	cross("a", "b");
	world_judge(&w);
	before = print_of(0);
	world_hold(&w, 0, world_mutex(&w), DLW_EXCLUSIVE);
	world_wait(&w, world_thread(&w, "stuck"), 0, DLW_EXCLUSIVE);
	world_judge(&w);
	assert_string_equal(print_of(0), before);
}

static void short_ids_are_numbered_in_one_sequence(void **state)
{
	static const char *const expected[] = { "S1", "R2", "M3" };
	uint32_t a = world_thread(&w, "a"), b = world_thread(&w, "b"), i;
	uint32_t r = world_resource(&w, DLW_RWLOCK, DLW_TYPE_PREFER_READER);
	uint32_t s = world_semaphore(&w, 1, DLW_LOCK_LIKE);
	char id[16];

	(void)state;
	world_hold(&w, a, r, DLW_EXCLUSIVE);
	world_hold(&w, b, s, DLW_PERMIT);
	world_hold(&w, a, world_mutex(&w), DLW_EXCLUSIVE);
	world_wait(&w, a, s, DLW_PERMIT);
	world_wait(&w, b, r, DLW_EXCLUSIVE);
	expect_only(&w, DLW_DEADLOCK, DLW_LIKELY, "a b", "");
	assert_int_equal(w.found.all[0].resource_count, 3);
	for (i = 0; i < 3; i++) {
		dlw_resource_id(&w.state, &w.found.all[0], i, id);
		assert_string_equal(id, expected[i]);
	}
	assert_int_equal(dlw_resource_position(&w.found.all[0], r), 1);
	assert_int_equal(dlw_resource_position(&w.found.all[0], 77), DLW_NONE);
}

#define cmocka_test(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_test(a_wait_that_ends_by_itself_is_no_wait),
		cmocka_test(a_doubtful_wait_is_likely_at_most),
		cmocka_test(an_exempt_thread_counts_as_running),
		cmocka_test(a_malformed_state_is_refused),
		cmocka_test(running_out_of_memory_finds_nothing_and_breaks_nothing),
		cmocka_test(a_world_in_which_everybody_waits_is_stalled),
		cmocka_test(one_running_thread_keeps_the_world_open),
		cmocka_test(a_thread_that_is_gone_helps_nobody),
		cmocka_test(somebody_unseen_keeps_the_world_open),
		cmocka_test(a_stall_takes_its_time),
		cmocka_test(a_timed_or_polling_wait_keeps_the_world_open),
		cmocka_test(what_is_private_to_a_process_is_its_own_affair),
		cmocka_test(a_process_of_which_nothing_is_known_keeps_shared_things_open),
		cmocka_test(every_kind_of_event_can_stall),
		cmocka_test(a_free_lock_never_stalls),
		cmocka_test(whoever_waits_beside_a_proven_deadlock_is_no_second_finding),
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
		cmocka_test(a_fingerprint_knows_no_ids_names_times_or_addresses),
		cmocka_test(a_fingerprint_knows_no_load_address),
		cmocka_test(a_fingerprint_changes_with_sites_modes_kinds_and_verdict),
		cmocka_test(holds_beside_the_core_do_not_change_the_fingerprint),
		cmocka_test(short_ids_are_numbered_in_one_sequence),
	};

	return cmocka_run_group_tests_name("judge", tests, NULL, NULL);
}
