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

/** make_older() - the log says that it is of version @major */
static void make_older(struct log_writer *w, uint16_t major)
{
	struct dlw_log_header header;

	memcpy(&header, w->log, sizeof(header));
	header.major = major;
	header.checksum = dlw_log_header_checksum(&header);
	memcpy(w->log, &header, sizeof(header));
}

static void what_an_older_log_says_again_is_replayed(void **unused)
{
	(void)unused;
	for (uint16_t major = DLW_LOG_MAJOR_READ; major < 6; major++) {
		struct log_writer *w = two_threads_two_mutexes();
		/* of the acquisition of mutex 1 at stack 1, two tickets later; and given back at once */
		const uint32_t place = DLW_EVENT_ACQUIRED + 1 + 1;
		const uint32_t again[] = { 13 | place << 5 | 2u << 12 | 8190u << 19,
					   13 | place << 5 | 2u << 12 | 8191u << 19 };
		struct log_stream *stream;
		struct scene scene;

		log_acquired(w, 1, 1, 1);
		log_released_top(w, 1, 0, 1);
		stream = log_stream(w, 1);
		memcpy(stream->payload + stream->length, again, sizeof(again));
		stream->length += sizeof(again);
		log_writer_kill(w);
		make_older(w, major);
		play(&scene, w);
		assert_int_equal(scene.replay->events, 5);
		assert_non_null(held(&scene, 101, 0x1000));
		assert_int_equal(scene.source->loss.cut_blocks, 0);
		finish(&scene);
	}
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

/* ----------------------------------------------------- lives that share one number */

/** a_renewed_lock() - mutex 3, of which one life follows the other */
static struct log_writer *a_renewed_lock(void)
{
	struct log_writer *w = two_threads_two_mutexes();
	struct dlw_record_object record = { .id = 3,
					    .kind = DLW_MUTEX,
					    .type = DLW_TYPE_NORMAL,
					    .traits = DLW_TRAIT_RENEWED,
					    .address = 0x7000,
					    .init_stack = 4 };

	log_object_record(w, &record, "");
	return w;
}

/** live() - one life of it, in thread @serial */
static void live(struct log_writer *w, uint32_t serial)
{
	log_acquired(w, serial, 3, 1);
	log_released_top(w, serial, 0, 3);
	log_plain(w, serial, DLW_EVENT_DESTROYED, 3, 0);
}

static void each_life_of_a_renewed_lock_is_another_lock(void **unused)
{
	struct log_writer *w = a_renewed_lock();
	struct scene scene;

	(void)unused;
	live(w, 1);
	live(w, 2); /* its first event is known long before the end of the first life */
	live(w, 1);
	log_acquired(w, 2, 3, 2);
	log_writer_kill(w);
	play(&scene, w);
	assert_int_equal(scene.replay->object_numbers, 4);
	assert_int_equal(scene.replay->stalls, 0);
	assert_non_null(held(&scene, 102, 0x7000));
	assert_int_equal(scene.state.resource_count, 1);
	assert_int_equal(scene.state.resources[0].traits, 0);
	assert_int_equal(scene.state.resources[0].init_stack.frames[0], 0x404444);
	finish(&scene);
}

static void many_lives_of_one_number_take_little_memory(void **unused)
{
	struct log_writer *w = a_renewed_lock();
	struct scene scene;
	int life;

	(void)unused;
	for (life = 0; life < 5000; life++)
		live(w, life & 1 ? 1 : 2);
	log_writer_kill(w);
	play(&scene, w);
	assert_int_equal(scene.replay->object_numbers, 5000);
	assert_int_equal(scene.replay->missing_tickets, 0);
	assert_non_null(scene.replay->spare);
	assert_null(scene.replay->spare->next_spare->next_spare);
	finish(&scene);
}

static void who_wants_a_lock_wants_the_life_that_there_is(void **unused)
{
	struct log_writer *w = a_renewed_lock();
	struct scene scene;

	(void)unused;
	log_acquired(w, 2, 2, 2);
	log_want(w, 2, 3, 3); /* by its clock before the end of the first life */
	live(w, 1);
	log_acquired(w, 1, 3, 1);
	log_writer_kill(w);
	play(&scene, w);
	assert_int_equal(scene.replay->object_numbers, 3);
	assert_int_equal(wanted(&scene, 102), 0x7000);
	assert_int_equal(thread(&scene, 102)->want.resource, held(&scene, 101, 0x7000)->resource);
	finish(&scene);
}

static void a_want_of_a_renewed_lock_ends_when_it_is_had(void **unused)
{
	struct log_writer *w = a_renewed_lock();
	struct scene scene;

	(void)unused;
	log_want(w, 2, 3, 3);
	live(w, 1);
	log_acquired(w, 2, 3, 3);
	log_writer_kill(w);
	play(&scene, w);
	assert_non_null(held(&scene, 102, 0x7000));
	assert_int_equal(scene.replay->cursors[1]->want.wait, DLW_WAIT_NONE);
	finish(&scene);
}

static void the_hold_of_a_life_that_is_over_is_none_of_the_next(void **unused)
{
	struct log_writer *w = a_renewed_lock();
	struct scene scene;

	(void)unused;
	log_acquired(w, 1, 3, 1);
	log_plain(w, 1, DLW_EVENT_DESTROYED, 3, 0);
	log_acquired(w, 2, 3, 2);
	log_writer_kill(w);
	play(&scene, w);
	assert_int_equal(scene.replay->object_numbers, 2);
	assert_null(held(&scene, 101, 0x7000));
	assert_non_null(held(&scene, 102, 0x7000));
	finish(&scene);
}

static void behind_a_gap_a_renewed_lock_may_be_another(void **unused)
{
	struct log_writer *w = a_renewed_lock();
	struct scene scene;

	(void)unused;
	log_acquired(w, 1, 3, 1);
	log_released_top(w, 1, 0, 3);
	log_acquired(w, 1, 2, 1);
	log_released_top(w, 1, 0, 2);
	log_flush(w, 1);
	log_plain(w, 1, DLW_EVENT_DESTROYED, 3, 0);
	log_acquired(w, 1, 2, 1);
	log_released_top(w, 1, 0, 2);
	log_lose(w, 1);
	log_acquired(w, 2, 3, 2);
	log_acquired(w, 2, 2, 2); /* of which it is known that it is the same */
	log_writer_kill(w);
	play(&scene, w);
	assert_int_equal(scene.replay->missing_tickets, 3);
	assert_int_equal(scene.replay->object_numbers, 3);
	assert_non_null(held(&scene, 102, 0x7000));
	finish(&scene);
}

static void a_life_that_is_held_does_not_end_in_a_gap(void **unused)
{
	struct log_writer *w = a_renewed_lock();
	struct scene scene;

	(void)unused;
	log_event(w, 1, (struct dlw_event){ .type = DLW_EVENT_ACQUIRED,
					    .mode = 1,
					    .object = 3,
					    .stack = 1,
					    .ticket = log_ticket(w, 3) });
	log_ticket(w, 3);
	log_event(w, 2, (struct dlw_event){ .type = DLW_EVENT_ACQUIRED,
					    .mode = 1,
					    .object = 3,
					    .stack = 1,
					    .ticket = log_ticket(w, 3) });
	log_writer_kill(w);
	play(&scene, w);
	assert_int_equal(scene.replay->missing_tickets, 1);
	assert_int_equal(scene.replay->object_numbers, 1);
	assert_non_null(held(&scene, 101, 0x7000));
	assert_non_null(held(&scene, 102, 0x7000));
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
		cmocka_unit_test(what_an_older_log_says_again_is_replayed),
		cmocka_unit_test(an_undefined_lock_is_guessed_and_never_proves_anything),
		cmocka_unit_test(a_thread_that_lost_a_block_is_known_to_hold_nothing_from_before),
		cmocka_unit_test(each_life_of_a_renewed_lock_is_another_lock),
		cmocka_unit_test(many_lives_of_one_number_take_little_memory),
		cmocka_unit_test(who_wants_a_lock_wants_the_life_that_there_is),
		cmocka_unit_test(a_want_of_a_renewed_lock_ends_when_it_is_had),
		cmocka_unit_test(the_hold_of_a_life_that_is_over_is_none_of_the_next),
		cmocka_unit_test(behind_a_gap_a_renewed_lock_may_be_another),
		cmocka_unit_test(a_life_that_is_held_does_not_end_in_a_gap),
		cmocka_unit_test(a_shared_lock_is_one_lock_for_all_processes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
