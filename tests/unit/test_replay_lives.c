/*
 * test_replay_lives.c - objects that come and go, damage, and any moment of a replayed log
 */
#include "tests/unit/replay_scene.h"

/* ------------------------------------------------------------- lives and moments */

static void a_destroyed_lock_is_forgotten_and_its_address_is_another(void **unused)
{
	struct log_writer *w = two_threads_two_mutexes();
	struct scene scene;
	int life;

	(void)unused;
	for (life = 10; life < 1010; life++) {
		log_object(w, (uint32_t)life, DLW_MUTEX, DLW_TYPE_NORMAL, 0x7000);
		log_acquired(w, 1, (uint32_t)life, 1);
		log_released_top(w, 1, 0, (uint32_t)life);
		log_plain(w, 1, DLW_EVENT_DESTROYED, (uint32_t)life, 0);
	}
	log_writer_kill(w);
	play(&scene, w);
	assert_int_equal(scene.state.resource_count, 0);
	assert_null(scene.source->objects[scene.source->defined.object_count - 1]);
	assert_non_null(scene.replay->spare);
	assert_null(scene.replay->spare->next_spare); /* one was enough for all lives */
	finish(&scene);
}

static void a_lock_where_another_lies_now_is_held_no_more(void **unused)
{
	struct log_writer *w = two_threads_two_mutexes();
	struct scene scene;

	(void)unused;
	log_object(w, 3, DLW_SEMAPHORE, DLW_TYPE_UNNAMED, 0x2000); /* the memory of mutex 2 */
	log_acquired(w, 1, 1, 1);
	log_acquired(w, 1, 2, 2);
	log_permit(w, 2, 3, 3);
	log_writer_kill(w);
	play(&scene, w);
	assert_non_null(held(&scene, 101, 0x1000));
	assert_null(held(&scene, 101, 0x2000));
	assert_non_null(held(&scene, 102, 0x2000));
	finish(&scene);
}

static void every_moment_can_be_looked_at(void **unused)
{
	static const uint32_t holds[] = { 0, 1, 2, 2, 2 };
	struct log_writer *w = two_threads_two_mutexes();
	struct scene scene;
	size_t step;

	(void)unused;
	crosswise(w);
	log_writer_kill(w);
	start(&scene, w);
	for (step = 0;; step++) {
		look(&scene);
		assert_in_range(step, 0, 4);
		assert_int_equal(scene.state.hold_count, holds[step]);
		if (!dlw_replay_peek(scene.replay))
			break;
		dlw_replay_apply(scene.replay);
	}
	assert_int_equal(step, 4);
	assert_int_equal(scene.replay->events, 4);
	finish(&scene);
}

static void events_too_wide_for_the_plain_form_are_read(void **unused)
{
	struct log_writer *w = two_threads_two_mutexes();
	const uint32_t far = DLW_PLAIN_OBJECT_MAX + 5, deep = DLW_PLAIN_STACK_MAX + 7;
	struct scene scene;

	(void)unused;
	log_object(w, far, DLW_MUTEX, DLW_TYPE_NORMAL, 0x9000);
	log_stack(w, deep, 0x409999, 0x400009);
	log_acquired(w, 1, far, deep);
	log_want(w, 2, far, deep);
	log_writer_kill(w);
	play(&scene, w);
	assert_int_equal(held(&scene, 101, 0x9000)->stack.frames[0], 0x409999);
	assert_int_equal(wanted(&scene, 102), 0x9000);
	assert_int_equal(thread(&scene, 102)->want.stack.frames[0], 0x409999);
	finish(&scene);
}

static void an_undefined_lock_is_guessed_and_never_proves_anything(void **unused)
{
	struct log_writer *w = two_threads_two_mutexes();
	struct scene scene;

	(void)unused;
	log_acquired(w, 1, 77, 1);
	log_want(w, 2, 77, 2);
	log_writer_kill(w);
	play(&scene, w);
	assert_int_equal(scene.source->loss.undefined_objects, 1);
	assert_int_equal(scene.state.resources[thread(&scene, 102)->want.resource].kind,
			 DLW_MUTEX);
	assert_true(thread(&scene, 102)->want.flags & DLW_WANT_UNCONFIRMED);
	finish(&scene);
}

static void a_thread_that_lost_a_block_is_known_to_hold_nothing_from_before(void **unused)
{
	struct log_writer *w = two_threads_two_mutexes();
	struct scene scene;

	(void)unused;
	log_acquired(w, 1, 1, 1);
	log_flush(w, 1);
	log_released_top(w, 1, 0, 1);
	log_lose(w, 1);
	log_acquired(w, 1, 2, 2);
	log_want(w, 2, 1, 3);
	log_writer_kill(w);
	play(&scene, w);
	assert_null(held(&scene, 101, 0x1000));
	assert_non_null(held(&scene, 101, 0x2000));
	assert_int_equal(dlw_source_lost_blocks(scene.source), 1);
	assert_true(thread(&scene, 102)->want.flags & DLW_WANT_UNCONFIRMED);
	finish(&scene);
}

/* ------------------------------------------------------------------ several processes */

static void a_shared_lock_is_one_lock_for_all_processes(void **unused)
{
	struct log_writer *logs[2];
	struct dlw_replay *replay = dlw_replay_new();
	struct dlw_arena arena = dlw_heap_arena();
	struct dlw_state state;
	char *error;
	int at;

	(void)unused;
	for (at = 0; at < 2; at++) {
		struct dlw_record_object shared = { .id = 1,
						    .kind = DLW_MUTEX,
						    .traits = DLW_TRAIT_SHARED,
						    .address = 0x1000u + (unsigned)at,
						    .device = 1,
						    .inode = 2,
						    .offset = 64 };

		logs[at] = log_writer_new_child(100 + at, 99 + at);
		log_thread(logs[at], 1, 100 + at, "main");
		log_object_record(logs[at], &shared, "");
	}
	log_acquired(logs[0], 1, 1, 0);
	logs[1]->ticks += 1000;
	log_want(logs[1], 1, 1, 0);
	for (at = 0; at < 2; at++) {
		log_writer_kill(logs[at]);
		assert_non_null(dlw_replay_add_memory(replay, "x.dlw", logs[at]->log,
						      logs[at]->log_size, logs[at]->tail,
						      logs[at]->tail_size, &error));
	}
	dlw_replay_start(replay);
	while (dlw_replay_peek(replay))
		dlw_replay_apply(replay);
	assert_int_equal(dlw_replay_state(replay, &arena, &state), 0);
	assert_true(dlw_state_is_valid(&state));
	assert_int_equal(state.process_count, 2);
	assert_int_equal(state.resource_count, 1);
	assert_int_equal(state.hold_count, 1);
	assert_int_equal(state.threads[state.holds[0].thread].tid, 100);
	assert_int_equal(state.threads[1].want.resource, state.holds[0].resource);
	assert_int_equal(state.reporter, 0); /* nobody found anything: the parent speaks */
	dlw_replay_free(replay);
	dlw_arena_release(&arena);
	log_writer_free(logs[0]);
	log_writer_free(logs[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_destroyed_lock_is_forgotten_and_its_address_is_another),
		cmocka_unit_test(a_lock_where_another_lies_now_is_held_no_more),
		cmocka_unit_test(every_moment_can_be_looked_at),
		cmocka_unit_test(events_too_wide_for_the_plain_form_are_read),
		cmocka_unit_test(an_undefined_lock_is_guessed_and_never_proves_anything),
		cmocka_unit_test(a_thread_that_lost_a_block_is_known_to_hold_nothing_from_before),
		cmocka_unit_test(a_shared_lock_is_one_lock_for_all_processes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
