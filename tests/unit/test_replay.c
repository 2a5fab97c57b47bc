/*
 * test_replay.c - what a replayed log says about locks at a moment
 */
#include "tests/unit/replay_scene.h"

static void two_locks_taken_crosswise_show_both_waits_and_both_holds(void **unused)
{
	struct log_writer *w = two_threads_two_mutexes();
	struct scene scene;

	(void)unused;
	crosswise(w);
	log_writer_kill(w);
	play(&scene, w);
	assert_int_equal(scene.state.process_count, 1);
	assert_int_equal(scene.state.processes[0].pid, 4711);
	assert_string_equal(scene.state.processes[0].exe, "/bin/app");
	assert_int_equal(scene.state.processes[0].arg_count, 2);
	assert_string_equal(scene.state.processes[0].args[1], "--fast");
	assert_false(scene.state.processes[0].ended);
	assert_int_equal(scene.state.thread_count, 2);
	assert_string_equal(thread(&scene, 101)->name, "left");
	assert_int_equal(wanted(&scene, 101), 0x2000);
	assert_int_equal(wanted(&scene, 102), 0x1000);
	assert_int_equal(thread(&scene, 101)->want.mode, DLW_EXCLUSIVE);
	assert_int_equal(thread(&scene, 101)->want.flags, 0);
	assert_int_equal(thread(&scene, 101)->want.stack.depth, 2);
	assert_int_equal(thread(&scene, 101)->want.stack.frames[0], 0x403333);
	assert_int_equal(scene.state.hold_count, 2);
	assert_int_equal(held(&scene, 101, 0x1000)->stack.frames[0], 0x401111);
	assert_int_equal(held(&scene, 102, 0x2000)->stack.frames[1], 0x400002);
	assert_int_equal(held(&scene, 101, 0x1000)->mode, DLW_EXCLUSIVE);
	finish(&scene);
}

static void times_are_those_of_the_machine(void **unused)
{
	struct log_writer *w = two_threads_two_mutexes();
	struct scene scene;

	(void)unused;
	crosswise(w);
	log_writer_kill(w);
	play(&scene, w);
	/* the fourth event asked when three were done, at 100 ticks of 2 ns each */
	assert_int_equal(thread(&scene, 102)->want.since_ns, LOG_START_NS + 600);
	/* the blocks began at 0 and at 100 ticks: the clock's slope is known from there */
	assert_in_range(held(&scene, 102, 0x2000)->since_ns, LOG_START_NS + 398,
			LOG_START_NS + 402);
	finish(&scene);
}

static void a_lock_given_back_is_not_held(void **unused)
{
	struct log_writer *w = two_threads_two_mutexes();
	struct scene scene;

	(void)unused;
	log_acquired(w, 1, 1, 1);
	log_acquired(w, 1, 2, 1);
	log_released_top(w, 1, 1, 1); /* the outer one first */
	log_writer_kill(w);
	play(&scene, w);
	assert_null(held(&scene, 101, 0x1000));
	assert_non_null(held(&scene, 101, 0x2000));
	assert_int_equal(thread(&scene, 101)->life, DLW_LIVE);
	finish(&scene);
}

static void releases_by_depth_beyond_the_short_form_find_their_lock(void **unused)
{
	struct log_writer *w = log_writer_new(1);
	struct scene scene;
	uint32_t id;

	(void)unused;
	log_thread(w, 1, 101, "hoarder");
	for (id = 1; id <= 300; id++)
		log_object(w, id, DLW_MUTEX, DLW_TYPE_NORMAL, 0x1000 * id);
	for (id = 1; id <= 300; id++)
		log_acquired(w, 1, id, 0);
	log_released_top(w, 1, 299, 1);
	log_released_top(w, 1, 149, 151);
	log_writer_kill(w);
	play(&scene, w);
	assert_int_equal(scene.state.hold_count, 298);
	assert_null(held(&scene, 101, 0x1000));
	assert_null(held(&scene, 101, 0x1000 * 151));
	assert_non_null(held(&scene, 101, 0x1000 * 150));
	assert_int_equal(scene.source->loss.odd_events, 0);
	assert_int_equal(scene.replay->late_tickets, 0);
	finish(&scene);
}

static void a_recursive_mutex_is_held_until_its_last_release(void **unused)
{
	struct log_writer *w = log_writer_new(1);
	struct scene scene;
	int round;

	(void)unused;
	log_thread(w, 1, 101, "t");
	log_object(w, 1, DLW_MUTEX, DLW_TYPE_RECURSIVE, 0x1000);
	for (round = 0; round < 3; round++)
		log_acquired(w, 1, 1, 0);
	log_released_top(w, 1, 0, 1);
	log_writer_kill(w);
	play(&scene, w);
	assert_int_equal(scene.state.hold_count, 1);
	assert_int_equal(held(&scene, 101, 0x1000)->count, 2);
	finish(&scene);
}

static void an_acquisition_that_tells_of_its_release_is_two_events(void **unused)
{
	struct log_writer *w = two_threads_two_mutexes();
	struct dlw_event both = { .type = DLW_EVENT_ACQUIRED, .object = 2, .untimed = true,
				  .released = true };
	struct scene scene;
	int round;

	(void)unused;
	log_acquired(w, 1, 1, 1);
	for (round = 0; round < 3; round++) {
		both.ticket = log_ticket(w, 2);
		log_ticket(w, 2);
		log_event(w, 1, both);
	}
	/* of no object: nothing is taken from what is held */
	both.object = 0;
	log_event(w, 1, both);
	log_acquired(w, 2, 2, 2);
	log_writer_kill(w);
	start(&scene, w);
	while (scene.replay->events < 2)
		dlw_replay_apply(scene.replay);
	look(&scene);
	assert_int_equal(scene.state.hold_count, 2);
	assert_int_equal(held(&scene, 101, 0x2000)->count, 1);
	dlw_replay_apply(scene.replay);
	look(&scene);
	assert_int_equal(scene.state.hold_count, 1);
	while (dlw_replay_peek(scene.replay))
		dlw_replay_apply(scene.replay);
	look(&scene);
	assert_int_equal(scene.replay->events, 8);
	assert_int_equal(scene.state.hold_count, 2);
	assert_int_equal(held(&scene, 101, 0x1000)->count, 1);
	assert_int_equal(held(&scene, 102, 0x2000)->count, 1);
	assert_int_equal(scene.source->loss.odd_events, 1);
	finish(&scene);
}

static void readers_hold_a_rwlock_together(void **unused)
{
	struct log_writer *w = log_writer_new(1);
	struct dlw_event read = { .type = DLW_EVENT_ACQUIRED, .mode = 1, .object = 1 };
	struct scene scene;

	(void)unused;
	log_thread(w, 1, 101, "a");
	log_thread(w, 2, 102, "b");
	log_thread(w, 3, 103, "writer");
	log_object(w, 1, DLW_RWLOCK, DLW_TYPE_PREFER_READER, 0x1000);
	read.ticket = log_ticket(w, 1);
	log_event(w, 1, read);
	read.ticket = log_ticket(w, 1);
	log_event(w, 2, read);
	log_want(w, 3, 1, 0);
	log_writer_kill(w);
	play(&scene, w);
	assert_int_equal(held(&scene, 101, 0x1000)->mode, DLW_SHARED);
	assert_int_equal(held(&scene, 102, 0x1000)->mode, DLW_SHARED);
	assert_int_equal(thread(&scene, 103)->want.mode, DLW_EXCLUSIVE);
	finish(&scene);
}

static void a_timed_wait_says_so(void **unused)
{
	struct log_writer *w = two_threads_two_mutexes();
	struct scene scene;

	(void)unused;
	log_acquired(w, 1, 1, 1);
	log_want_mode(w, 2, 1, 0, DLW_FORM_TIMED, 2);
	log_writer_kill(w);
	play(&scene, w);
	assert_int_equal(thread(&scene, 102)->want.flags, DLW_WANT_TIMED);
	finish(&scene);
}

static void a_timed_wait_repeated_at_one_site_is_polling(void **unused)
{
	struct log_writer *w = two_threads_two_mutexes();
	struct scene scene;
	int round;

	(void)unused;
	log_acquired(w, 1, 1, 1);
	for (round = 0; round < 3; round++) {
		log_want_mode(w, 2, 1, 0, DLW_FORM_TIMED, 2);
		log_gave_up(w, 2, 1, ETIMEDOUT);
	}
	log_want_mode(w, 2, 1, 0, DLW_FORM_TIMED, 2);
	log_writer_kill(w);
	play(&scene, w);
	assert_int_equal(thread(&scene, 102)->want.flags, DLW_WANT_TIMED | DLW_WANT_POLLING);
	finish(&scene);
}

static void a_wait_that_ended_is_over(void **unused)
{
	struct log_writer *w = two_threads_two_mutexes();
	struct scene scene;

	(void)unused;
	log_acquired(w, 1, 1, 1);
	log_want(w, 2, 1, 2);
	log_released_top(w, 1, 0, 1);
	log_acquired(w, 2, 1, 2);
	log_want(w, 1, 1, 3);
	log_gave_up(w, 1, 1, EDEADLK);
	log_writer_kill(w);
	play(&scene, w);
	assert_int_equal(thread(&scene, 101)->life, DLW_LIVE);
	assert_int_equal(thread(&scene, 102)->life, DLW_LIVE);
	assert_non_null(held(&scene, 102, 0x1000));
	finish(&scene);
}

static void an_unlock_by_a_stranger_ends_trust_and_hold(void **unused)
{
	struct log_writer *w = two_threads_two_mutexes();
	struct scene scene;

	(void)unused;
	log_acquired(w, 1, 1, 1);
	log_plain(w, 2, DLW_EVENT_RELEASED_BY_STRANGER, 1, 0);
	log_acquired(w, 1, 1, 1);
	log_want(w, 2, 1, 2);
	log_writer_kill(w);
	play(&scene, w);
	assert_true(resource(&scene, 0x1000)->traits & DLW_TRAIT_DISTRUSTED);
	assert_int_equal(scene.state.hold_count, 1);
	assert_int_equal(scene.state.releaser_count, 1);
	assert_int_equal(scene.state.threads[scene.state.releasers[0].thread].tid, 102);
	finish(&scene);
}

static void a_refused_unlock_by_a_stranger_changes_nothing(void **unused)
{
	struct log_writer *w = two_threads_two_mutexes();
	struct scene scene;

	(void)unused;
	log_acquired(w, 1, 1, 1);
	log_event(w, 2,
		  (struct dlw_event){ .type = DLW_EVENT_RELEASED_BY_STRANGER,
				      .object = 1,
				      .argument = EPERM });
	log_writer_kill(w);
	play(&scene, w);
	assert_false(resource(&scene, 0x1000)->traits & DLW_TRAIT_DISTRUSTED);
	assert_non_null(held(&scene, 101, 0x1000));
	finish(&scene);
}

static void a_forgotten_hold_leaves_the_list(void **unused)
{
	struct log_writer *w = two_threads_two_mutexes();
	struct scene scene;

	(void)unused;
	log_acquired(w, 1, 1, 1);
	log_acquired(w, 1, 2, 2);
	log_with(w, 1, DLW_EVENT_FORGOTTEN, 1);
	log_released_top(w, 1, 0, 2);
	log_writer_kill(w);
	play(&scene, w);
	assert_int_equal(scene.state.hold_count, 0);
	assert_int_equal(scene.source->loss.odd_events, 0);
	finish(&scene);
}

static void who_takes_a_held_lock_shows_that_the_holder_lost_it(void **unused)
{
	struct log_writer *w = two_threads_two_mutexes();
	struct scene scene;

	(void)unused;
	log_acquired(w, 1, 1, 1);
	log_acquired(w, 2, 1, 2);
	log_writer_kill(w);
	play(&scene, w);
	assert_null(held(&scene, 101, 0x1000));
	assert_non_null(held(&scene, 102, 0x1000));
	assert_int_equal(scene.source->loss.stale_holds, 1);
	finish(&scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_locks_taken_crosswise_show_both_waits_and_both_holds),
		cmocka_unit_test(times_are_those_of_the_machine),
		cmocka_unit_test(a_lock_given_back_is_not_held),
		cmocka_unit_test(releases_by_depth_beyond_the_short_form_find_their_lock),
		cmocka_unit_test(a_recursive_mutex_is_held_until_its_last_release),
		cmocka_unit_test(an_acquisition_that_tells_of_its_release_is_two_events),
		cmocka_unit_test(readers_hold_a_rwlock_together),
		cmocka_unit_test(a_timed_wait_says_so),
		cmocka_unit_test(a_timed_wait_repeated_at_one_site_is_polling),
		cmocka_unit_test(a_wait_that_ended_is_over),
		cmocka_unit_test(an_unlock_by_a_stranger_ends_trust_and_hold),
		cmocka_unit_test(a_refused_unlock_by_a_stranger_changes_nothing),
		cmocka_unit_test(a_forgotten_hold_leaves_the_list),
		cmocka_unit_test(who_takes_a_held_lock_shows_that_the_holder_lost_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
