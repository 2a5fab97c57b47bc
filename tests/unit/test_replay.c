/*
 * test_replay.c - what a replayed log says about a moment
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "analyzer/log_memory.h"
#include "analyzer/log_replay.h"
#include "tests/unit/log_writer.h"

/** A replay from memory, and the state at the moment it stands at. */
struct scene {
	struct log_writer *writer;
	struct dlw_replay *replay;
	struct dlw_source *source;
	struct dlw_arena arena;
	struct dlw_state state;
};

static struct log_writer *two_threads_two_mutexes(void)
{
	struct log_writer *w = log_writer_new(4711);

	log_process(w, "/bin/app", "--fast");
	log_thread(w, 1, 101, "left");
	log_thread(w, 2, 102, "right");
	log_object(w, 1, DLW_MUTEX, DLW_TYPE_NORMAL, 0x1000);
	log_object(w, 2, DLW_MUTEX, DLW_TYPE_NORMAL, 0x2000);
	log_stack(w, 1, 0x401111, 0x400001);
	log_stack(w, 2, 0x402222, 0x400002);
	log_stack(w, 3, 0x403333, 0x400003);
	log_stack(w, 4, 0x404444, 0x400004);
	return w;
}

static void start(struct scene *scene, struct log_writer *writer)
{
	char *error = NULL;

	*scene = (struct scene){ .writer = writer, .arena = dlw_heap_arena() };
	scene->replay = dlw_replay_new();
	scene->replay->stall_ns = 1000000000;
	scene->source = dlw_replay_add_memory(scene->replay, "test.dlw", writer->log,
					      writer->log_size, writer->tail, writer->tail_size,
					      &error);
	assert_non_null(scene->source);
	dlw_replay_start(scene->replay);
}

/** look() - the state at the moment where the replay stands */
static void look(struct scene *scene)
{
	dlw_arena_reset(&scene->arena);
	assert_int_equal(dlw_replay_state(scene->replay, &scene->arena, &scene->state), 0);
	assert_true(dlw_state_is_valid(&scene->state));
}

static void to_the_end(struct scene *scene)
{
	while (dlw_replay_peek(scene->replay))
		dlw_replay_apply(scene->replay);
	look(scene);
}

static void play(struct scene *scene, struct log_writer *writer)
{
	start(scene, writer);
	to_the_end(scene);
}

static void finish(struct scene *scene)
{
	dlw_replay_free(scene->replay);
	dlw_arena_release(&scene->arena);
	log_writer_free(scene->writer);
}

static const struct dlw_thread_state *thread(const struct scene *scene, int32_t tid)
{
	uint32_t at;

	for (at = 0; at < scene->state.thread_count; at++)
		if (scene->state.threads[at].tid == tid)
			return &scene->state.threads[at];
	fail_msg("no thread %d", tid);
	return NULL;
}

/** held() - the hold of the thread on the lock at @address, or NULL */
static const struct dlw_hold *held(const struct scene *scene, int32_t tid, uint64_t address)
{
	const struct dlw_state *state = &scene->state;
	uint32_t at;

	for (at = 0; at < state->hold_count; at++)
		if (state->threads[state->holds[at].thread].tid == tid &&
		    state->resources[state->holds[at].resource].address == address)
			return &state->holds[at];
	return NULL;
}

static uint64_t wanted(const struct scene *scene, int32_t tid)
{
	const struct dlw_thread_state *waiter = thread(scene, tid);

	assert_int_equal(waiter->life, DLW_WAITING);
	return scene->state.resources[waiter->want.resource].address;
}

static const struct dlw_resource_state *resource(const struct scene *scene, uint64_t address)
{
	uint32_t at;

	for (at = 0; at < scene->state.resource_count; at++)
		if (scene->state.resources[at].address == address)
			return &scene->state.resources[at];
	fail_msg("no resource at %llx", (unsigned long long)address);
	return NULL;
}

/* ------------------------------------------------------------------------ locks */

static void crosswise(struct log_writer *w)
{
	log_acquired(w, 1, 1, 1);
	log_acquired(w, 2, 2, 2);
	log_want(w, 1, 2, 3);
	log_want(w, 2, 1, 4);
}

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
