/*
 * test_movement.c - a look misses nothing of threads it has left out of its looks
 *
 * A segment of our own stands for a process: what its threads would do to their
 * records is done here.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "analyzer/log_memory.h"
#include "core/watch/look.h"
#include "core/watch/movement.h"

#define THREADS 64
#define SETTLING 10 /* looks until threads that wait are left out */
#define ROUND 16    /* looks in which each of those is looked at all the same */

static struct process {
	struct dlw_segment segment;
	struct dlw_thread threads[THREADS];
} *process;
static struct dlw_watch watch;
static uint64_t now;

static bool look(void)
{
	now += 50000000;
	return dlw_anything_moved(&watch, now);
}

static void look_often(unsigned times)
{
	while (times--)
		look();
}

/* ---- what threads do ------------------------------------------------------------ */

static void begin_wait(struct dlw_thread *thread, uint8_t kind, uint8_t form)
{
	thread->want_kind = kind;
	thread->want_form = form;
	thread->wait++;
}

static void end_wait(struct dlw_thread *thread)
{
	thread->wait++;
	if (!thread->want_awaited)
		return;
	thread->want_awaited = 0;
	process->segment.awaited_ends++;
}

static void start(struct dlw_thread *thread)
{
	thread->life = DLW_RECORD_ALIVE;
	thread->next = process->segment.threads;
	process->segment.threads = (uint64_t)((char *)thread - (char *)process);
	process->segment.thread_changes++;
}

static uint32_t count_awaited(void)
{
	uint32_t i, count = 0;

	for (i = 0; i < THREADS; i++)
		count += process->threads[i].want_awaited;
	return count;
}

/** setup() - all of them wait for a mutex */
static int setup(void **state)
{
	uint32_t i;

	(void)state;
	process = aligned_alloc(64, (sizeof(*process) + 63) & ~63ul);
	memset(process, 0, sizeof(*process));
	memset(&watch, 0, sizeof(watch));
	watch.memory = dlw_heap_arena();
	now = 0;
	for (i = 0; i < THREADS; i++) {
		start(&process->threads[i]);
		begin_wait(&process->threads[i], DLW_MUTEX, DLW_FORM_BLOCKING);
	}
	assert_non_null(dlw_watch_add(&watch, &process->segment, 0));
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	dlw_arena_release(&watch.memory);
	free(process);
	return 0;
}

/* ---- promises ------------------------------------------------------------------- */

static void test_all_that_is_new_has_moved(void **state)
{
	(void)state;
	assert_true(look());
	assert_false(look());
}

static void test_threads_that_go_on_waiting_are_left_out(void **state)
{
	(void)state;
	look_often(SETTLING);
	assert_int_equal(count_awaited(), THREADS);
	assert_int_equal(watch.processes[0].seen.awaited, THREADS);
	assert_false(look());
}

static void test_the_end_of_any_wait_is_seen_at_the_next_look(void **state)
{
	uint32_t i;

	(void)state;
	for (i = 0; i < THREADS; i++) {
		look_often(SETTLING + i % 3);
		end_wait(&process->threads[i]);
		assert_true(look());
		assert_false(look());
	}
}

static void test_the_end_of_a_wait_is_seen_if_another_one_follows_at_once(void **state)
{
	(void)state;
	look_often(SETTLING);
	end_wait(&process->threads[3]);
	begin_wait(&process->threads[3], DLW_SEMAPHORE, DLW_FORM_BLOCKING);
	assert_true(look());
	assert_false(look());
	look_often(SETTLING);
	assert_int_equal(count_awaited(), THREADS);
	end_wait(&process->threads[3]);
	assert_true(look());
}

/** It locks, and does not say so: the look of its turn finds it. */
static void test_what_a_handler_does_in_a_wait_is_seen_in_a_round(void **state)
{
	uint32_t i, looks;

	(void)state;
	for (i = 0; i < THREADS; i++) {
		look_often(SETTLING);
		process->threads[i].holding += DLW_HOLD_ADDED;
		for (looks = 1; !look(); looks++)
			assert_true(looks < ROUND);
	}
}

static void test_the_end_of_a_thread_is_seen_at_the_next_look(void **state)
{
	(void)state;
	look_often(SETTLING);
	process->threads[5].life = DLW_RECORD_FREE;
	process->segment.thread_changes++;
	assert_true(look());
	assert_false(look());
}

static void test_timed_waits_and_spins_are_looked_at_always(void **state)
{
	(void)state;
	end_wait(&process->threads[0]);
	begin_wait(&process->threads[0], DLW_MUTEX, DLW_FORM_TIMED);
	end_wait(&process->threads[1]);
	begin_wait(&process->threads[1], DLW_SPINLOCK, DLW_FORM_BLOCKING);
	look_often(3 * SETTLING);
	assert_int_equal(count_awaited(), THREADS - 2);
	process->threads[0].wait++;
	assert_true(look());
	process->threads[1].want_turns++;
	assert_false(look());
	assert_true(process->threads[1].marks.spins);
	look();
	assert_false(process->threads[1].marks.spins);
}

static void test_threads_that_come_later_are_seen_beside_those_left_out(void **state)
{
	struct dlw_thread *late = &process->threads[THREADS - 1];

	(void)state;
	process->segment.threads = late->next; /* not there yet */
	look_often(SETTLING);
	process->segment.threads = (uint64_t)((char *)late - (char *)process);
	assert_true(look());
	assert_false(look());
	end_wait(&process->threads[0]);
	assert_true(look());
	end_wait(late);
	assert_true(look());
}

/** Any mixture of steps: a look says so if, and only if, there was one since the last. */
static void test_no_step_is_missed_and_none_made_up(void **state)
{
	uint64_t random = 1;
	uint32_t i;

	(void)state;
	look();
	for (i = 0; i < 20000; i++) {
		struct dlw_thread *thread;
		unsigned steps;

		random = random * 6364136223846793005u + 1442695040888963407u;
		steps = (random >> 60) < 12 ? 0 : (unsigned)(random >> 58) & 3;
		for (unsigned k = 0; k < steps; k++) {
			random = random * 6364136223846793005u + 1442695040888963407u;
			thread = &process->threads[(random >> 40) % THREADS];
			if (thread->wait & 1)
				end_wait(thread);
			else
				begin_wait(thread, DLW_MUTEX, DLW_FORM_BLOCKING);
		}
		assert_int_equal(look(), steps > 0);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(all_that_is_new_has_moved),
		TEST(threads_that_go_on_waiting_are_left_out),
		TEST(the_end_of_any_wait_is_seen_at_the_next_look),
		TEST(the_end_of_a_wait_is_seen_if_another_one_follows_at_once),
		TEST(what_a_handler_does_in_a_wait_is_seen_in_a_round),
		TEST(the_end_of_a_thread_is_seen_at_the_next_look),
		TEST(timed_waits_and_spins_are_looked_at_always),
		TEST(threads_that_come_later_are_seen_beside_those_left_out),
		TEST(no_step_is_missed_and_none_made_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
