/*
 * test_judge_stalled.c - when nobody is left who could help
 */
#include "judge_world.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
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
	};

	return cmocka_run_group_tests_name("judge: stalled", tests, NULL, NULL);
}
