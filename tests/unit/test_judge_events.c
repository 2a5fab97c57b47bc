/*
 * test_judge_events.c - verdicts over what somebody has to produce
 */
#include "judge_world.h"

/* A running thread, so that the open world never closes. */
static void bystander(void)
{
	world_thread(&w, "bystander");
}

/* ---- semaphores --------------------------------------------------------------------- */

static uint32_t crossed_semaphores(uint32_t initial, enum dlw_history history)
{
	uint32_t a = world_thread(&w, "a"), b = world_thread(&w, "b");
	uint32_t s = world_semaphore(&w, initial, history);
	uint32_t t = world_semaphore(&w, initial, history);

	world_hold(&w, a, s, DLW_PERMIT);
	world_hold(&w, b, t, DLW_PERMIT);
	world_wait(&w, a, t, DLW_PERMIT);
	world_wait(&w, b, s, DLW_PERMIT);
	return s;
}

static void semaphores_used_as_locks_are_likely(void **state)
{
	(void)state;
	bystander();
	crossed_semaphores(1, DLW_LOCK_LIKE);
	expect_only(&w, DLW_DEADLOCK, DLW_LIKELY, "a b", "");
	assert_true(w.found.all[0].cycle);
}

static void a_semaphore_that_strangers_post_is_no_lock(void **state)
{
	(void)state;
	bystander();
	crossed_semaphores(1, DLW_SIGNAL_LIKE);
	expect_nothing(&w);
}

static void first_semaphores_crossed_are_likely_after_three_stalls(void **state)
{
	(void)state;
	bystander();
	crossed_semaphores(1, DLW_NO_POST_YET);
	w.threads[1].want.since_ns = w.state.now_ns - 3 * WORLD_SECOND + 1;
	expect_nothing(&w);
	w.threads[1].want.since_ns = w.state.now_ns - 3 * WORLD_SECOND;
	w.threads[2].want.since_ns = w.state.now_ns - 3 * WORLD_SECOND;
	expect_only(&w, DLW_DEADLOCK, DLW_LIKELY, "a b", "");
	w.threads[2].want.since_ns = 0;
	expect_nothing(&w);
}

static void the_first_use_idiom_needs_value_one_taken_once(void **state)
{
	uint32_t s;

	(void)state;
	bystander();
	s = crossed_semaphores(1, DLW_NO_POST_YET);
	expect_only(&w, DLW_DEADLOCK, DLW_LIKELY, "a b", "");
	w.resources[s].initial = 2;
	expect_nothing(&w);
	w.resources[s].initial = 0;
	expect_nothing(&w);
	w.resources[s].initial = 1;
	w.resources[s].initial_known = false;
	expect_nothing(&w);
	w.resources[s].initial_known = true;
	w.holds[0].count = 2;
	expect_nothing(&w);
	w.holds[0].count = 1;
	w.resources[s].ever_posted_by_vanished = true;
	expect_nothing(&w);
}

static void permits_nobody_is_known_to_hold_leave_it_open(void **state)
{
	uint32_t s;

	(void)state;
	bystander();
	s = crossed_semaphores(1, DLW_LOCK_LIKE);
	w.resources[s].initial = 2; /* one of two permits is with somebody unseen */
	expect_nothing(&w);
}

static void a_pool_exhausted_by_threads_that_want_more_is_likely(void **state)
{
	uint32_t s = world_semaphore(&w, 3, DLW_LOCK_LIKE), i;
	static const char *const names[] = { "a", "b", "c" };

	(void)state;
	bystander();
	for (i = 0; i < 3; i++) {
		uint32_t thread = world_thread(&w, names[i]);

		world_hold(&w, thread, s, DLW_PERMIT);
		world_wait(&w, thread, s, DLW_PERMIT);
	}
	expect_only(&w, DLW_DEADLOCK, DLW_LIKELY, "a b c", "");
	assert_false(w.found.all[0].cycle);
	w.threads[2].life = DLW_LIVE; /* b runs and can give its permit back */
	expect_nothing(&w);
}

static void a_thread_that_waits_for_its_own_permit_waits_for_a_signal(void **state)
{
	static const enum dlw_history histories[] = { DLW_NO_POST_YET, DLW_LOCK_LIKE,
						      DLW_SIGNAL_LIKE };
	size_t i;

	for (i = 0; i < 3; i++) {
		uint32_t a, s;

		bystander();
		a = world_thread(&w, "a");
		s = world_semaphore(&w, 1, histories[i]);
		world_hold(&w, a, s, DLW_PERMIT);
		world_wait(&w, a, s, DLW_PERMIT);
		world_releaser(&w, a, s, DLW_SEEN_BEFORE); /* it alone ever posted it */
		expect_nothing(&w);
		teardown(state);
		setup(state);
	}
}

static void known_posters_of_a_signal_are_inferred(void **state)
{
	uint32_t a = world_thread(&w, "a"), b = world_thread(&w, "b");
	uint32_t s = world_semaphore(&w, 0, DLW_SIGNAL_LIKE), m = world_mutex(&w);

	(void)state;
	bystander();
	world_hold(&w, a, m, DLW_EXCLUSIVE);
	world_wait(&w, a, s, DLW_PERMIT);
	world_wait(&w, b, m, DLW_EXCLUSIVE);
	expect_nothing(&w);
	world_releaser(&w, b, s, DLW_SEEN_BEFORE);
	expect_only(&w, DLW_DEADLOCK, DLW_LIKELY, "a b", "");
	w.resources[s].ever_posted_by_vanished = true;
	expect_nothing(&w);
}

static void one_running_poster_is_enough(void **state)
{
	uint32_t a = world_thread(&w, "a"), b = world_thread(&w, "b"), c = world_thread(&w, "c");
	uint32_t s = world_semaphore(&w, 0, DLW_SIGNAL_LIKE), m = world_mutex(&w);

	(void)state;
	world_hold(&w, a, m, DLW_EXCLUSIVE);
	world_wait(&w, a, s, DLW_PERMIT);
	world_wait(&w, b, m, DLW_EXCLUSIVE);
	world_releaser(&w, b, s, DLW_SEEN_BEFORE);
	world_releaser(&w, c, s, DLW_SEEN_BEFORE);
	expect_nothing(&w);
	w.threads[c].life = DLW_GONE; /* then it cannot; but others like it may come */
	bystander();
	expect_nothing(&w);
}

static void annotated_posters_count_before_the_first_post(void **state)
{
	uint32_t a = world_thread(&w, "a"), b = world_thread(&w, "b");
	uint32_t s = world_semaphore(&w, 0, DLW_NO_POST_YET), m = world_mutex(&w);

	(void)state;
	bystander();
	world_hold(&w, a, m, DLW_EXCLUSIVE);
	world_wait(&w, a, s, DLW_PERMIT);
	world_wait(&w, b, m, DLW_EXCLUSIVE);
	world_releaser(&w, b, s, DLW_ANNOTATED);
	expect_only(&w, DLW_DEADLOCK, DLW_LIKELY, "a b", "");
}

static void a_lock_like_semaphore_of_a_vanished_holder_is_a_likely_orphan(void **state)
{
	uint32_t a = world_thread(&w, "a"), gone = world_thread(&w, "gone");
	uint32_t s = world_semaphore(&w, 1, DLW_LOCK_LIKE);

	(void)state;
	bystander();
	w.threads[gone].life = DLW_GONE;
	world_hold(&w, gone, s, DLW_PERMIT);
	world_wait(&w, a, s, DLW_PERMIT);
	expect_only(&w, DLW_ORPHAN, DLW_LIKELY, "a", "");
	w.resources[s].history = DLW_NO_POST_YET;
	expect_nothing(&w);
	w.resources[s].history = DLW_SIGNAL_LIKE;
	expect_nothing(&w);
}

static void a_mutex_that_strangers_unlock_is_judged_like_a_semaphore(void **state)
{
	uint32_t a = world_thread(&w, "a"), b = world_thread(&w, "b");
	uint32_t m = world_mutex(&w), n = world_mutex(&w);

	(void)state;
	bystander();
	world_cross(&w, a, b, m, n);
	w.resources[n].traits = DLW_TRAIT_DISTRUSTED;
	w.resources[n].history = DLW_SIGNAL_LIKE;
	expect_nothing(&w);
	w.resources[n].history = DLW_LOCK_LIKE;
	expect_only(&w, DLW_DEADLOCK, DLW_LIKELY, "a b", "");
	w.resources[n].history = DLW_NO_POST_YET;
	expect_nothing(&w);
}

/* ---- conditions ---------------------------------------------------------------------- */

/* a waits for a signal of c with mutex m, holding n; b holds or wants as told. */
static void wait_for_signal(uint32_t a, uint32_t c, uint32_t m)
{
	world_wait(&w, a, c, DLW_SIGNAL)->mutex = m;
}

static void a_condition_wait_needs_its_mutex_back(void **state)
{
	uint32_t a = world_thread(&w, "a"), b = world_thread(&w, "b");
	uint32_t c = world_resource(&w, DLW_CONDITION, DLW_TYPE_UNKNOWN);
	uint32_t m = world_mutex(&w), n = world_mutex(&w);

	(void)state;
	bystander(); /* may signal, but b keeps m */
	world_hold(&w, a, n, DLW_EXCLUSIVE);
	world_hold(&w, b, m, DLW_EXCLUSIVE);
	wait_for_signal(a, c, m);
	world_wait(&w, b, n, DLW_EXCLUSIVE);
	expect_only(&w, DLW_DEADLOCK, DLW_PROVEN, "a b", "");
	assert_int_equal(w.found.all[0].edges[0].resource, m);
	/* A timeout or a cancellation stands in for the signal only. */
	w.threads[a].want.flags = DLW_WANT_TIMED;
	expect_only(&w, DLW_DEADLOCK, DLW_PROVEN, "a b", "");
	w.threads[a].want.flags = DLW_WANT_CANCELLED;
	expect_only(&w, DLW_DEADLOCK, DLW_PROVEN, "a b", "");
	w.threads[b].life = DLW_LIVE;
	expect_nothing(&w);
}

static void a_mutex_the_waiter_still_owns_is_no_obstacle(void **state)
{
	uint32_t a = world_thread(&w, "a"), c = world_resource(&w, DLW_CONDITION, 0);
	uint32_t m = world_resource(&w, DLW_MUTEX, DLW_TYPE_RECURSIVE);

	(void)state;
	bystander();
	world_hold(&w, a, m, DLW_EXCLUSIVE);
	wait_for_signal(a, c, m);
	expect_nothing(&w);
}

static void signals_of_unknown_origin_may_come(void **state)
{
	uint32_t a = world_thread(&w, "a"), c = world_resource(&w, DLW_CONDITION, 0);

	(void)state;
	bystander();
	wait_for_signal(a, c, world_mutex(&w));
	expect_nothing(&w);
}

static void known_signallers_are_inferred(void **state)
{
	uint32_t a = world_thread(&w, "a"), b = world_thread(&w, "b");
	uint32_t c = world_resource(&w, DLW_CONDITION, 0), m = world_mutex(&w);
	uint32_t n = world_mutex(&w);

	(void)state;
	bystander();
	world_hold(&w, a, n, DLW_EXCLUSIVE);
	wait_for_signal(a, c, m);
	world_wait(&w, b, n, DLW_EXCLUSIVE);
	world_releaser(&w, b, c, DLW_SEEN_BEFORE);
	expect_only(&w, DLW_DEADLOCK, DLW_LIKELY, "a b", "");
	w.threads[a].want.flags = DLW_WANT_TIMED;
	expect_nothing(&w);
}

static void whoever_signalled_itself_before_knows_nothing_of_others(void **state)
{
	uint32_t a = world_thread(&w, "a"), c = world_resource(&w, DLW_CONDITION, 0);

	(void)state;
	bystander();
	wait_for_signal(a, c, world_mutex(&w));
	world_releaser(&w, a, c, DLW_SEEN_BEFORE);
	expect_nothing(&w);
}

static void signal_and_mutex_are_both_needed(void **state)
{
	uint32_t a = world_thread(&w, "a"), b = world_thread(&w, "b"), d = world_thread(&w, "d");
	uint32_t c = world_resource(&w, DLW_CONDITION, 0), m = world_mutex(&w);
	uint32_t n = world_mutex(&w);

	(void)state;
	bystander();
	/* d, which signals, is blocked by a; b, which has the mutex, runs */
	world_hold(&w, a, n, DLW_EXCLUSIVE);
	world_hold(&w, b, m, DLW_EXCLUSIVE);
	wait_for_signal(a, c, m);
	world_wait(&w, d, n, DLW_EXCLUSIVE);
	world_releaser(&w, d, c, DLW_SEEN_BEFORE);
	expect_only(&w, DLW_DEADLOCK, DLW_LIKELY, "a d", "");
}

/* ---- barriers --------------------------------------------------------------------------- */

static void a_barrier_needs_as_many_as_are_lacking(void **state)
{
	uint32_t a = world_thread(&w, "a"), b = world_thread(&w, "b"), c = world_thread(&w, "c");
	uint32_t d = world_thread(&w, "d"), m = world_mutex(&w);
	uint32_t barrier = world_resource(&w, DLW_BARRIER, 0);

	(void)state;
	bystander();
	w.resources[barrier].initial = 4;
	w.resources[barrier].initial_known = true;
	w.resources[barrier].arrived = 2;
	world_hold(&w, a, m, DLW_EXCLUSIVE);
	world_wait(&w, a, barrier, DLW_ARRIVE);
	world_wait(&w, b, barrier, DLW_ARRIVE);
	world_wait(&w, c, m, DLW_EXCLUSIVE);
	expect_nothing(&w);
	world_releaser(&w, a, barrier, DLW_SEEN_BEFORE);
	world_releaser(&w, b, barrier, DLW_SEEN_BEFORE);
	world_releaser(&w, c, barrier, DLW_SEEN_BEFORE);
	expect_nothing(&w); /* three known arrivers for four places: others must come */
	world_releaser(&w, d, barrier, DLW_SEEN_BEFORE);
	expect_only(&w, DLW_DEADLOCK, DLW_LIKELY, "a c", "b"); /* d runs, but c is lacking too */
	w.resources[barrier].initial = 3;                      /* d alone will do */
	expect_nothing(&w);
}

static void a_full_or_unknown_barrier_opens(void **state)
{
	uint32_t a = world_thread(&w, "a"), barrier = world_resource(&w, DLW_BARRIER, 0);

	(void)state;
	w.resources[barrier].initial = 1;
	w.resources[barrier].initial_known = true;
	world_wait(&w, a, barrier, DLW_ARRIVE);
	expect_nothing(&w);
	bystander();
	w.resources[barrier].initial_known = false;
	expect_nothing(&w);
}

static void certain_arrivers_prove(void **state)
{
	uint32_t a = world_thread(&w, "a"), b = world_thread(&w, "b"), m = world_mutex(&w);
	uint32_t barrier = world_resource(&w, DLW_BARRIER, 0);

	(void)state;
	bystander();
	w.resources[barrier].initial = 2;
	w.resources[barrier].initial_known = true;
	world_hold(&w, a, m, DLW_EXCLUSIVE);
	world_wait(&w, a, barrier, DLW_ARRIVE);
	world_wait(&w, b, m, DLW_EXCLUSIVE);
	world_releaser(&w, a, barrier, DLW_SOLE_OWNER);
	world_releaser(&w, b, barrier, DLW_SOLE_OWNER);
	expect_only(&w, DLW_DEADLOCK, DLW_PROVEN, "a b", "");
}

/* ---- ends of threads and processes ---------------------------------------------------------- */

static void joining_whom_one_blocks_is_proven(void **state)
{
	uint32_t a = world_thread(&w, "a"), b = world_thread(&w, "b"), m = world_mutex(&w);

	(void)state;
	bystander();
	world_hold(&w, a, m, DLW_EXCLUSIVE);
	world_wait(&w, a, world_end_of(&w, DLW_THREAD, b), DLW_EXIT);
	world_wait(&w, b, m, DLW_EXCLUSIVE);
	expect_only(&w, DLW_DEADLOCK, DLW_PROVEN, "a b", "");
	w.threads[b].life = DLW_LIVE;
	expect_nothing(&w);
	w.threads[b].life = DLW_GONE;
	expect_nothing(&w);
}

static void joining_oneself_or_nobody_does_not_wait(void **state)
{
	uint32_t a = world_thread(&w, "a"), b = world_thread(&w, "b");

	(void)state;
	world_wait(&w, a, world_end_of(&w, DLW_THREAD, a), DLW_EXIT);
	world_wait(&w, b, world_end_of(&w, DLW_THREAD, DLW_NONE), DLW_EXIT);
	expect_nothing(&w);
}

static void three_who_join_each_other_are_proven(void **state)
{
	uint32_t a = world_thread(&w, "a"), b = world_thread(&w, "b"), c = world_thread(&w, "c");

	(void)state;
	world_wait(&w, a, world_end_of(&w, DLW_THREAD, b), DLW_EXIT);
	world_wait(&w, b, world_end_of(&w, DLW_THREAD, c), DLW_EXIT);
	world_wait(&w, c, world_end_of(&w, DLW_THREAD, a), DLW_EXIT);
	expect_only(&w, DLW_DEADLOCK, DLW_PROVEN, "a b c", "");
}

/* A parent that waits for its child, a child whose one thread waits for the parent. */
static uint32_t family(uint32_t *pipe)
{
	uint32_t child = world_process(&w, 200), parent = world_thread(&w, "parent");
	uint32_t writer = world_thread_in(&w, child, "child");

	*pipe = world_resource(&w, DLW_PIPE, 0);
	world_wait(&w, parent, world_end_of(&w, DLW_PROCESS, child), DLW_EXIT);
	world_wait(&w, writer, *pipe, DLW_WRITE);
	world_releaser(&w, parent, *pipe, DLW_SOLE_OWNER);
	return child;
}

static void waiting_for_a_child_that_waits_for_its_pipe_is_proven(void **state)
{
	uint32_t pipe, child = family(&pipe);

	(void)state;
	expect_only(&w, DLW_DEADLOCK, DLW_PROVEN, "parent child", "");
	world_thread_in(&w, child, "second thread"); /* it may end the process */
	expect_nothing(&w);
}

static void a_child_with_something_unseen_is_likely_at_most(void **state)
{
	uint32_t pipe, child = family(&pipe);

	(void)state;
	w.processes[child].open_reason = "a thread was never seen starting";
	expect_only(&w, DLW_DEADLOCK, DLW_LIKELY, "parent child", "");
	w.processes[child].open_reason = NULL;
	w.processes[0].open_reason = "a signal handler could read";
	expect_only(&w, DLW_DEADLOCK, DLW_LIKELY, "parent child", "");
}

static void a_child_that_ended_or_is_unknown_is_no_obstacle(void **state)
{
	uint32_t pipe, child = family(&pipe), unknown;

	(void)state;
	w.processes[child].ended = true;
	expect_nothing(&w);
	w.processes[child].ended = false;
	unknown = world_process(&w, 300); /* none of its threads is known */
	w.resources[1].subject = unknown;
	expect_nothing(&w);
}

static void waiting_for_any_child_needs_one_of_them(void **state)
{
	uint32_t pipe, any, second, other;

	(void)state;
	family(&pipe);
	any = world_end_of(&w, DLW_PROCESS, DLW_NONE);
	w.threads[0].want.resource = any;
	expect_nothing(&w); /* whose end it is, is not known */
	world_releaser(&w, 1, any, DLW_SOLE_OWNER);
	expect_only(&w, DLW_DEADLOCK, DLW_PROVEN, "parent child", "");
	second = world_process(&w, 300);
	other = world_thread_in(&w, second, "other");
	world_releaser(&w, other, any, DLW_SOLE_OWNER);
	expect_nothing(&w);
}

static void a_pipe_whose_other_end_is_closed_is_no_obstacle(void **state)
{
	uint32_t a = world_thread(&w, "a"), gone = world_thread(&w, "gone");
	uint32_t pipe = world_resource(&w, DLW_PIPE, 0);

	(void)state;
	world_wait(&w, a, pipe, DLW_READ);
	expect_nothing(&w);
	w.threads[gone].life = DLW_GONE;
	world_releaser(&w, gone, pipe, DLW_SOLE_OWNER);
	expect_nothing(&w);
}

static void a_pipe_is_proven_only_by_all_its_ends(void **state)
{
	uint32_t a = world_thread(&w, "a"), b = world_thread(&w, "b"), m = world_mutex(&w);
	uint32_t pipe = world_resource(&w, DLW_PIPE, 0);

	(void)state;
	world_hold(&w, a, m, DLW_EXCLUSIVE);
	world_wait(&w, a, pipe, DLW_READ);
	world_wait(&w, b, m, DLW_EXCLUSIVE);
	world_releaser(&w, b, pipe, DLW_SOLE_OWNER);
	expect_only(&w, DLW_DEADLOCK, DLW_PROVEN, "a b", "");
	world_releaser(&w, a, pipe, DLW_SEEN_BEFORE);
	expect_only(&w, DLW_DEADLOCK, DLW_LIKELY, "a b", "");
}

static void reading_from_oneself_is_proven(void **state)
{
	uint32_t a = world_thread(&w, "a"), pipe = world_resource(&w, DLW_PIPE, 0);

	(void)state;
	bystander();
	world_wait(&w, a, pipe, DLW_READ);
	world_releaser(&w, a, pipe, DLW_SOLE_OWNER);
	expect_only(&w, DLW_DEADLOCK, DLW_PROVEN, "a", "");
}

/* ---- file locks ------------------------------------------------------------------------------ */

static void file_locks_belong_to_processes(void **state)
{
	uint32_t other = world_process(&w, 200), a = world_thread(&w, "a");
	uint32_t b = world_thread_in(&w, other, "b"), f = world_resource(&w, DLW_FILE_LOCK, 0);
	uint32_t g = world_resource(&w, DLW_FILE_LOCK, 0), helper;

	(void)state;
	world_cross(&w, a, b, f, g);
	expect_only(&w, DLW_DEADLOCK, DLW_PROVEN, "a b", "");
	helper = world_thread_in(&w, other, "helper"); /* any thread of it can unlock */
	expect_nothing(&w);
	world_wait(&w, helper, world_end_of(&w, DLW_THREAD, b), DLW_EXIT);
	expect_only(&w, DLW_DEADLOCK, DLW_PROVEN, "a b helper", "");
	w.processes[other].open_reason = "somebody unseen";
	expect_only(&w, DLW_DEADLOCK, DLW_LIKELY, "a b helper", "");
}

static void a_process_is_not_in_its_own_way_over_a_file(void **state)
{
	uint32_t a = world_thread(&w, "a"), f = world_resource(&w, DLW_FILE_LOCK, 0);

	(void)state;
	world_hold(&w, a, f, DLW_EXCLUSIVE);
	world_wait(&w, a, f, DLW_EXCLUSIVE);
	expect_nothing(&w);
}

static void all_shared_file_locks_have_to_go(void **state)
{
	uint32_t p = world_process(&w, 200), q = world_process(&w, 300);
	uint32_t a = world_thread(&w, "a"), b = world_thread_in(&w, p, "b");
	uint32_t c = world_thread_in(&w, q, "c"), f = world_resource(&w, DLW_FILE_LOCK, 0);
	uint32_t m = world_mutex(&w);

	(void)state;
	w.resources[m].traits = DLW_TRAIT_SHARED;
	world_hold(&w, a, m, DLW_EXCLUSIVE);
	world_hold(&w, b, f, DLW_SHARED);
	world_hold(&w, c, f, DLW_SHARED);
	world_wait(&w, a, f, DLW_EXCLUSIVE);
	world_wait(&w, b, m, DLW_EXCLUSIVE);
	expect_only(&w, DLW_DEADLOCK, DLW_PROVEN, "a b", "");
	/* One open file that both have: c, which runs, can unlock it for both. */
	w.holds[1].description = w.holds[2].description = 7;
	expect_nothing(&w);
	w.holds[1].description = w.holds[2].description = 0;
	w.threads[a].want.mode = DLW_SHARED; /* and readers do not keep readers out */
	expect_nothing(&w);
}

static void an_exclusive_file_lock_two_processes_have_is_one_lock(void **state)
{
	uint32_t p = world_process(&w, 200), q = world_process(&w, 300);
	uint32_t a = world_thread(&w, "a"), b = world_thread_in(&w, p, "b");
	uint32_t c = world_thread_in(&w, q, "c"), f = world_resource(&w, DLW_FILE_LOCK, 0);

	(void)state;
	world_hold(&w, b, f, DLW_EXCLUSIVE);
	world_hold(&w, c, f, DLW_EXCLUSIVE);
	world_wait(&w, a, f, DLW_EXCLUSIVE);
	world_wait(&w, b, world_end_of(&w, DLW_PROCESS, 0), DLW_EXIT);
	expect_nothing(&w);
	world_wait(&w, c, world_end_of(&w, DLW_PROCESS, 0), DLW_EXIT);
	expect_only(&w, DLW_DEADLOCK, DLW_PROVEN, "a b c", "");
}

static void file_locks_of_the_dead_are_dropped(void **state)
{
	uint32_t p = world_process(&w, 200), a = world_thread(&w, "a");
	uint32_t b = world_thread_in(&w, p, "b"), f = world_resource(&w, DLW_FILE_LOCK, 0);

	(void)state;
	world_hold(&w, b, f, DLW_EXCLUSIVE);
	world_wait(&w, a, f, DLW_EXCLUSIVE);
	w.processes[p].ended = true;
	expect_nothing(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_test(semaphores_used_as_locks_are_likely),
		cmocka_test(a_semaphore_that_strangers_post_is_no_lock),
		cmocka_test(first_semaphores_crossed_are_likely_after_three_stalls),
		cmocka_test(the_first_use_idiom_needs_value_one_taken_once),
		cmocka_test(permits_nobody_is_known_to_hold_leave_it_open),
		cmocka_test(a_pool_exhausted_by_threads_that_want_more_is_likely),
		cmocka_test(a_thread_that_waits_for_its_own_permit_waits_for_a_signal),
		cmocka_test(known_posters_of_a_signal_are_inferred),
		cmocka_test(one_running_poster_is_enough),
		cmocka_test(annotated_posters_count_before_the_first_post),
		cmocka_test(a_lock_like_semaphore_of_a_vanished_holder_is_a_likely_orphan),
		cmocka_test(a_mutex_that_strangers_unlock_is_judged_like_a_semaphore),
		cmocka_test(a_condition_wait_needs_its_mutex_back),
		cmocka_test(a_mutex_the_waiter_still_owns_is_no_obstacle),
		cmocka_test(signals_of_unknown_origin_may_come),
		cmocka_test(known_signallers_are_inferred),
		cmocka_test(whoever_signalled_itself_before_knows_nothing_of_others),
		cmocka_test(signal_and_mutex_are_both_needed),
		cmocka_test(a_barrier_needs_as_many_as_are_lacking),
		cmocka_test(a_full_or_unknown_barrier_opens),
		cmocka_test(certain_arrivers_prove),
		cmocka_test(joining_whom_one_blocks_is_proven),
		cmocka_test(joining_oneself_or_nobody_does_not_wait),
		cmocka_test(three_who_join_each_other_are_proven),
		cmocka_test(waiting_for_a_child_that_waits_for_its_pipe_is_proven),
		cmocka_test(a_child_with_something_unseen_is_likely_at_most),
		cmocka_test(a_child_that_ended_or_is_unknown_is_no_obstacle),
		cmocka_test(waiting_for_any_child_needs_one_of_them),
		cmocka_test(a_pipe_whose_other_end_is_closed_is_no_obstacle),
		cmocka_test(a_pipe_is_proven_only_by_all_its_ends),
		cmocka_test(reading_from_oneself_is_proven),
		cmocka_test(file_locks_belong_to_processes),
		cmocka_test(a_process_is_not_in_its_own_way_over_a_file),
		cmocka_test(all_shared_file_locks_have_to_go),
		cmocka_test(an_exclusive_file_lock_two_processes_have_is_one_lock),
		cmocka_test(file_locks_of_the_dead_are_dropped),
	};

	return cmocka_run_group_tests_name("judge: events", tests, NULL, NULL);
}
