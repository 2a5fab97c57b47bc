/*
 * test_replay_events.c - semaphores, conditions, barriers, joins and processes in a replayed log
 */
#include "tests/unit/replay_scene.h"

/* ------------------------------------------------------------------- semaphores */

static struct log_writer *two_threads_one_semaphore(uint32_t value)
{
	struct log_writer *w = log_writer_new(1);

	log_thread(w, 1, 101, "a");
	log_thread(w, 2, 102, "b");
	log_object_record(w,
			  &(struct dlw_record_object){ .id = 1,
						      .kind = DLW_SEMAPHORE,
						      .type = DLW_TYPE_UNNAMED,
						      .address = 0x3000,
						      .initial = value,
						      .initial_known = 1 },
			  "slots");
	return w;
}

static void permits_are_counted_by_thread(void **unused)
{
	struct log_writer *w = two_threads_one_semaphore(3);
	struct scene scene;

	(void)unused;
	log_permit(w, 1, 1, 0);
	log_permit(w, 1, 1, 0);
	log_permit(w, 2, 1, 0);
	log_want_mode(w, 2, 1, 2, DLW_FORM_BLOCKING, 0);
	log_writer_kill(w);
	play(&scene, w);
	assert_int_equal(held(&scene, 101, 0x3000)->count, 2);
	assert_int_equal(held(&scene, 102, 0x3000)->count, 1);
	assert_int_equal(held(&scene, 102, 0x3000)->mode, DLW_PERMIT);
	assert_int_equal(thread(&scene, 102)->want.mode, DLW_PERMIT);
	assert_int_equal(resource(&scene, 0x3000)->initial, 3);
	assert_true(resource(&scene, 0x3000)->initial_known);
	assert_string_equal(resource(&scene, 0x3000)->name, "slots");
	assert_int_equal(resource(&scene, 0x3000)->history, DLW_NO_POST_YET);
	finish(&scene);
}

static void a_post_by_a_holder_makes_a_semaphore_lock_like(void **unused)
{
	struct log_writer *w = two_threads_one_semaphore(1);
	struct scene scene;

	(void)unused;
	log_permit(w, 1, 1, 0);
	log_plain(w, 1, DLW_EVENT_POSTED, 1, 0);
	log_permit(w, 2, 1, 0);
	log_writer_kill(w);
	play(&scene, w);
	assert_int_equal(resource(&scene, 0x3000)->history, DLW_LOCK_LIKE);
	assert_null(held(&scene, 101, 0x3000));
	assert_non_null(held(&scene, 102, 0x3000));
	assert_false(resource(&scene, 0x3000)->ever_posted_by_vanished);
	finish(&scene);
}

static void one_post_by_a_stranger_makes_it_signal_like_for_good(void **unused)
{
	struct log_writer *w = two_threads_one_semaphore(1);
	struct scene scene;

	(void)unused;
	log_plain(w, 2, DLW_EVENT_POSTED, 1, 0);
	log_permit(w, 1, 1, 0);
	log_plain(w, 1, DLW_EVENT_POSTED, 1, 0);
	log_permit(w, 1, 1, 0);
	log_want_mode(w, 2, 1, 2, DLW_FORM_BLOCKING, 0);
	log_writer_kill(w);
	play(&scene, w);
	assert_int_equal(resource(&scene, 0x3000)->history, DLW_SIGNAL_LIKE);
	/* the stranger, and the holder, who has posted before and has a permit again */
	assert_int_equal(scene.state.releaser_count, 2);
	/* what strangers post is used up, not held */
	assert_int_equal(scene.state.hold_count, 0);
	finish(&scene);
}

static void a_post_under_way_lets_whoever_waits_go_on(void **unused)
{
	struct log_writer *w = two_threads_one_semaphore(0);
	struct scene scene;

	(void)unused;
	log_want_mode(w, 1, 1, 2, DLW_FORM_BLOCKING, 0);
	log_plain(w, 2, DLW_EVENT_POSTED, 1, 0);
	log_writer_kill(w);
	play(&scene, w);
	assert_int_equal(thread(&scene, 101)->life, DLW_LIVE);
	finish(&scene);
}

static void a_poster_that_exited_is_said_to_be_gone(void **unused)
{
	struct log_writer *w = two_threads_one_semaphore(0);
	struct scene scene;

	(void)unused;
	log_plain(w, 2, DLW_EVENT_POSTED, 1, 0);
	log_permit(w, 1, 1, 0);
	log_with(w, 2, DLW_EVENT_EXITED, 0);
	log_want_mode(w, 1, 1, 2, DLW_FORM_BLOCKING, 0);
	log_writer_kill(w);
	play(&scene, w);
	assert_int_equal(thread(&scene, 102)->life, DLW_GONE);
	assert_true(resource(&scene, 0x3000)->ever_posted_by_vanished);
	finish(&scene);
}

/* --------------------------------------------- conditions, barriers, joins, processes */

static struct log_writer *one_condition(void)
{
	struct log_writer *w = two_threads_two_mutexes();

	log_object(w, 3, DLW_CONDITION, 0, 0x5000);
	return w;
}

static void a_condition_wait_gives_its_mutex_back_and_names_it(void **unused)
{
	struct log_writer *w = one_condition();
	struct scene scene;

	(void)unused;
	log_plain(w, 2, DLW_EVENT_SIGNALLED, 3, 0);
	log_acquired(w, 1, 1, 1);
	log_condition_wait(w, 1, 3, 1, DLW_FORM_BLOCKING, 2);
	log_acquired(w, 2, 1, 3);
	log_writer_kill(w);
	play(&scene, w);
	assert_int_equal(wanted(&scene, 101), 0x5000);
	assert_int_equal(thread(&scene, 101)->want.mode, DLW_SIGNAL);
	assert_int_equal(scene.state.resources[thread(&scene, 101)->want.mutex].address, 0x1000);
	assert_null(held(&scene, 101, 0x1000));
	assert_non_null(held(&scene, 102, 0x1000));
	assert_int_equal(scene.state.releaser_count, 1);
	assert_int_equal(scene.state.threads[scene.state.releasers[0].thread].tid, 102);
	finish(&scene);
}

static void a_signalled_thread_wants_its_mutex(void **unused)
{
	struct log_writer *w = one_condition();
	struct scene scene;

	(void)unused;
	log_acquired(w, 1, 1, 1);
	log_condition_wait(w, 1, 3, 1, DLW_FORM_BLOCKING, 2);
	log_acquired(w, 2, 1, 3);
	log_plain(w, 2, DLW_EVENT_SIGNALLED, 3, 0);
	log_writer_kill(w);
	play(&scene, w);
	assert_int_equal(wanted(&scene, 101), 0x1000);
	assert_int_equal(thread(&scene, 101)->want.mode, DLW_EXCLUSIVE);
	assert_int_equal(thread(&scene, 101)->want.mutex, DLW_NONE);
	finish(&scene);
}

static void a_signalled_thread_whose_mutex_is_free_goes_on(void **unused)
{
	struct log_writer *w = one_condition();
	struct scene scene;

	(void)unused;
	log_acquired(w, 1, 1, 1);
	log_condition_wait(w, 1, 3, 1, DLW_FORM_BLOCKING, 2);
	log_plain(w, 2, DLW_EVENT_SIGNALLED, 3, 0);
	log_writer_kill(w);
	play(&scene, w);
	assert_int_equal(thread(&scene, 101)->life, DLW_LIVE);
	finish(&scene);
}

static void a_signal_wakes_one_waiter_and_is_used_up(void **unused)
{
	struct log_writer *w = one_condition();
	struct scene scene;

	(void)unused;
	log_acquired(w, 1, 1, 1);
	log_condition_wait(w, 1, 3, 1, DLW_FORM_BLOCKING, 2);
	log_plain(w, 2, DLW_EVENT_SIGNALLED, 3, 0);
	log_plain(w, 2, DLW_EVENT_SIGNALLED, 3, 0); /* nobody is left to wake */
	log_plain(w, 1, DLW_EVENT_WOKEN, 3, 2);
	log_acquired(w, 1, 1, 2);
	log_condition_wait(w, 1, 3, 1, DLW_FORM_BLOCKING, 2);
	log_writer_kill(w);
	play(&scene, w);
	assert_int_equal(thread(&scene, 101)->life, DLW_WAITING);
	assert_int_equal(wanted(&scene, 101), 0x5000);
	finish(&scene);
}

static void a_woken_thread_has_its_mutex_again(void **unused)
{
	struct log_writer *w = one_condition();
	struct scene scene;

	(void)unused;
	log_acquired(w, 1, 1, 1);
	log_condition_wait(w, 1, 3, 1, DLW_FORM_BLOCKING, 2);
	log_plain(w, 2, DLW_EVENT_BROADCAST, 3, 0);
	log_plain(w, 1, DLW_EVENT_WOKEN, 3, 2);
	log_acquired(w, 1, 1, 2);
	log_writer_kill(w);
	play(&scene, w);
	assert_int_equal(thread(&scene, 101)->life, DLW_LIVE);
	assert_non_null(held(&scene, 101, 0x1000));
	finish(&scene);
}

static void a_barrier_counts_who_has_arrived(void **unused)
{
	struct log_writer *w = log_writer_new(1);
	struct scene scene;
	uint32_t serial;

	(void)unused;
	log_object_record(w,
			  &(struct dlw_record_object){ .id = 1,
						      .kind = DLW_BARRIER,
						      .address = 0x6000,
						      .initial = 3,
						      .initial_known = 1 },
			  "");
	for (serial = 1; serial <= 3; serial++)
		log_thread(w, serial, 100 + (int32_t)serial, "t");
	for (serial = 1; serial <= 3; serial++)
		log_plain(w, serial, DLW_EVENT_ARRIVED, 1, 0);
	for (serial = 1; serial <= 3; serial++)
		log_plain(w, serial, DLW_EVENT_LEFT, 1, 0);
	log_plain(w, 1, DLW_EVENT_ARRIVED, 1, 0);
	log_plain(w, 2, DLW_EVENT_ARRIVED, 1, 0);
	log_writer_kill(w);
	play(&scene, w);
	assert_int_equal(wanted(&scene, 101), 0x6000);
	assert_int_equal(wanted(&scene, 102), 0x6000);
	assert_int_equal(thread(&scene, 101)->want.mode, DLW_ARRIVE);
	assert_int_equal(thread(&scene, 103)->life, DLW_LIVE);
	assert_int_equal(resource(&scene, 0x6000)->arrived, 2);
	assert_int_equal(scene.state.releaser_count, 3);
	finish(&scene);
}

static void a_join_waits_for_the_thread(void **unused)
{
	struct log_writer *w = two_threads_two_mutexes();
	struct scene scene;
	const struct dlw_resource_state *joined;

	(void)unused;
	log_with(w, 1, DLW_EVENT_CREATED, 2);
	log_with(w, 2, DLW_EVENT_STARTED, 1);
	log_with(w, 1, DLW_EVENT_WANT_THREAD, 2);
	log_writer_kill(w);
	play(&scene, w);
	assert_int_equal(thread(&scene, 101)->life, DLW_WAITING);
	assert_int_equal(thread(&scene, 101)->want.mode, DLW_EXIT);
	joined = &scene.state.resources[thread(&scene, 101)->want.resource];
	assert_int_equal(joined->kind, DLW_THREAD);
	assert_int_equal(scene.state.threads[joined->subject].tid, 102);
	finish(&scene);
}

static void a_joined_thread_is_gone(void **unused)
{
	struct log_writer *w = two_threads_two_mutexes();
	struct scene scene;

	(void)unused;
	log_acquired(w, 2, 1, 1);
	log_with(w, 1, DLW_EVENT_WANT_THREAD, 2);
	log_with(w, 2, DLW_EVENT_EXITED, 0);
	log_with(w, 1, DLW_EVENT_JOINED, 2);
	log_want(w, 1, 1, 2);
	log_writer_kill(w);
	play(&scene, w);
	assert_int_equal(thread(&scene, 102)->life, DLW_GONE);
	assert_int_equal(wanted(&scene, 101), 0x1000);
	/* what it took and never gave back is an orphan */
	assert_non_null(held(&scene, 102, 0x1000));
	finish(&scene);
}

static void end_shows(enum dlw_end_reason reason, bool ended)
{
	struct log_writer *w = two_threads_two_mutexes();
	struct scene scene;

	crosswise(w);
	log_look(w, 1, "");
	log_end(w, reason);
	log_writer_close(w);
	play(&scene, w);
	assert_int_equal(scene.state.processes[0].ended, ended);
	assert_int_equal(thread(&scene, 101)->life, ended ? DLW_GONE : DLW_WAITING);
	finish(&scene);
}

static void an_exited_process_waits_for_nothing(void **unused)
{
	(void)unused;
	end_shows(DLW_END_EXIT, true);
	end_shows(DLW_END_FAST, true);
	end_shows(DLW_END_EXEC, true);
}

static void a_process_ended_by_a_finding_is_shown_as_it_hung(void **unused)
{
	(void)unused;
	end_shows(DLW_END_FINDING, false);
}

static void the_last_look_says_whether_the_world_was_closed(void **unused)
{
	struct log_writer *w = two_threads_two_mutexes();
	struct scene scene;

	(void)unused;
	crosswise(w);
	log_look(w, 0, "a timer is armed");
	log_writer_kill(w);
	play(&scene, w);
	assert_string_equal(scene.state.processes[0].open_reason, "a timer is armed");
	finish(&scene);
	w = two_threads_two_mutexes();
	crosswise(w);
	log_look(w, 0, "a timer is armed");
	log_look(w, 1, "");
	log_writer_kill(w);
	play(&scene, w);
	assert_null(scene.state.processes[0].open_reason);
	finish(&scene);
	w = two_threads_two_mutexes();
	crosswise(w);
	log_writer_kill(w);
	play(&scene, w);
	assert_string_equal(scene.state.processes[0].open_reason,
			    "the log does not say who else could act");
	finish(&scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(permits_are_counted_by_thread),
		cmocka_unit_test(a_post_by_a_holder_makes_a_semaphore_lock_like),
		cmocka_unit_test(one_post_by_a_stranger_makes_it_signal_like_for_good),
		cmocka_unit_test(a_post_under_way_lets_whoever_waits_go_on),
		cmocka_unit_test(a_poster_that_exited_is_said_to_be_gone),
		cmocka_unit_test(a_condition_wait_gives_its_mutex_back_and_names_it),
		cmocka_unit_test(a_signalled_thread_wants_its_mutex),
		cmocka_unit_test(a_signalled_thread_whose_mutex_is_free_goes_on),
		cmocka_unit_test(a_signal_wakes_one_waiter_and_is_used_up),
		cmocka_unit_test(a_woken_thread_has_its_mutex_again),
		cmocka_unit_test(a_barrier_counts_who_has_arrived),
		cmocka_unit_test(a_join_waits_for_the_thread),
		cmocka_unit_test(a_joined_thread_is_gone),
		cmocka_unit_test(an_exited_process_waits_for_nothing),
		cmocka_unit_test(a_process_ended_by_a_finding_is_shown_as_it_hung),
		cmocka_unit_test(the_last_look_says_whether_the_world_was_closed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
