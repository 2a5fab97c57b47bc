/*
 * test_log_findings.c - the deadlocks of a log: which moments count, and what
 * is said of them
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/log_exercise.h"
#include "tests/unit/log_samples.h"

static struct log_exercise result;

static struct log_writer *new_log(void)
{
	struct log_writer *w = log_writer_new(4711);

	log_sample_definitions(w);
	return w;
}

static void judge_bytes(struct log_writer *w)
{
	log_exercise(&result, w->log, w->log_size, w->tail, w->tail_size);
	assert_true(result.opened);
	log_writer_free(w);
}

static void judge_killed(struct log_writer *w)
{
	log_writer_kill(w);
	judge_bytes(w);
}

static void judge_ended(struct log_writer *w, enum dlw_end_reason reason)
{
	log_end(w, reason);
	log_writer_close(w);
	judge_bytes(w);
}

/** says() - the first finding has this kind and verdict, and these threads in its core */
static void says(const char *kind, const char *verdict, int32_t first, int32_t second)
{
	json_t *finding = json_loads(result.finding, 0, NULL), *core;

	assert_int_equal(result.findings, 1);
	assert_string_equal(json_string_value(json_object_get(finding, "kind")), kind);
	assert_string_equal(json_string_value(json_object_get(finding, "verdict")), verdict);
	core = json_object_get(finding, "core");
	assert_int_equal(json_array_size(core), second ? 2 : 1);
	assert_int_equal(json_integer_value(json_object_get(json_array_get(core, 0), "tid")), first);
	if (second)
		assert_int_equal(json_integer_value(json_object_get(json_array_get(core, 1), "tid")),
				 second);
	json_decref(finding);
}

static void a_killed_program_hung_for_good(void **unused)
{
	struct log_writer *w = new_log();

	(void)unused;
	log_sample_deadlock(w);
	judge_killed(w);
	says("deadlock", "proven", 103, 104);
}

static void a_program_ended_by_a_finding_hung_for_good(void **unused)
{
	struct log_writer *w = new_log();

	(void)unused;
	log_sample_deadlock(w);
	log_look(w, 1, "not asked");
	judge_ended(w, DLW_END_FINDING);
	says("deadlock", "proven", 103, 104);
}

static void an_exit_while_threads_wait_is_no_deadlock(void **unused)
{
	static const enum dlw_end_reason ends[] = { DLW_END_EXIT, DLW_END_FAST, DLW_END_EXEC };
	size_t at;

	(void)unused;
	for (at = 0; at < 3; at++) {
		struct log_writer *w = new_log();

		log_sample_deadlock(w);
		judge_ended(w, ends[at]);
		assert_int_equal(result.findings, 0);
	}
}

static void an_exec_that_failed_ended_nothing(void **unused)
{
	struct log_writer *w = new_log();

	(void)unused;
	log_end(w, DLW_END_EXEC);
	log_stack(w, 6, 0x401999, 0x402999); /* so it went on */
	log_sample_deadlock(w);
	judge_killed(w);
	says("deadlock", "proven", 103, 104);
}

static void a_wait_that_ended_well_was_no_deadlock(void **unused)
{
	struct log_writer *w = new_log();

	(void)unused;
	log_acquired(w, 3, 1, 1);
	log_want(w, 4, 1, 2);
	log_released_top(w, 3, 0, 1);
	log_acquired(w, 4, 1, 2);
	log_released_top(w, 4, 0, 1);
	judge_killed(w);
	assert_int_equal(result.findings, 0);
}

static void the_end_of_a_strangers_wait_makes_no_deadlock_of_the_others(void **unused)
{
	struct log_writer *w = new_log();

	(void)unused;
	log_sample_deadlock(w);
	log_want(w, 2, 5, 1);
	log_gave_up(w, 2, 5, 0); /* cancelled, and no part of it */
	log_gave_up(w, 4, 1, ETIMEDOUT);
	log_released_top(w, 4, 0, 3);
	log_acquired(w, 3, 3, 3);
	judge_ended(w, DLW_END_EXIT);
	assert_int_equal(result.findings, 0);
}

static void a_deadlock_broken_by_edeadlk_is_told_once(void **unused)
{
	struct log_writer *w = new_log();

	(void)unused;
	log_sample_deadlock(w);
	log_gave_up(w, 4, 1, EDEADLK);
	log_released_top(w, 4, 0, 3);
	log_acquired(w, 3, 3, 3);
	judge_ended(w, DLW_END_EXIT);
	says("deadlock", "proven", 103, 104);
}

static void a_deadlock_ended_by_cancellation_is_told(void **unused)
{
	struct log_writer *w = new_log();

	(void)unused;
	log_acquired(w, 4, 1, 1);
	log_want(w, 3, 1, 2);
	log_with(w, 4, DLW_EVENT_WANT_THREAD, 3);
	log_with(w, 4, DLW_EVENT_GAVE_UP, 0);
	log_released_top(w, 4, 0, 1);
	log_acquired(w, 3, 1, 2);
	judge_ended(w, DLW_END_EXIT);
	says("deadlock", "proven", 103, 104);
}

static void a_deadlock_seen_again_at_the_end_is_not_told_twice(void **unused)
{
	struct log_writer *w = new_log();

	(void)unused;
	log_acquired(w, 1, 7, 1);
	log_sample_deadlock(w);
	log_want(w, 2, 7, 1);
	log_gave_up(w, 2, 7, 0); /* cancelled: a moment of its own */
	judge_killed(w);
	says("deadlock", "proven", 103, 104);
}

static void a_timeout_is_a_way_out(void **unused)
{
	struct log_writer *w = new_log();

	(void)unused;
	log_acquired(w, 3, 1, 1);
	log_acquired(w, 4, 3, 2);
	log_want(w, 3, 3, 3);
	log_want_mode(w, 4, 1, 0, DLW_FORM_TIMED, 4);
	judge_killed(w);
	assert_int_equal(result.findings, 0);
}

/** polls_in_a_deadlock() - @times slices of a wait are over; the next one has not begun */
static void polls_in_a_deadlock(struct log_writer *w, int times)
{
	log_acquired(w, 3, 1, 1);
	log_acquired(w, 4, 3, 2);
	log_want(w, 3, 3, 3);
	while (times--) {
		log_want_mode(w, 4, 1, 0, DLW_FORM_TIMED, 4);
		log_gave_up(w, 4, 1, ETIMEDOUT);
	}
}

static void who_was_ended_between_two_polls_still_waited(void **unused)
{
	struct log_writer *w = new_log();

	(void)unused;
	polls_in_a_deadlock(w, 4);
	log_look(w, 1, "not asked");
	judge_ended(w, DLW_END_FINDING);
	says("deadlock", "likely", 103, 104);
}

static void who_polled_when_nothing_was_found_may_have_gone_on(void **unused)
{
	struct log_writer *w = new_log();

	(void)unused;
	polls_in_a_deadlock(w, 4);
	judge_killed(w);
	assert_int_equal(result.findings, 0);
	w = new_log();
	polls_in_a_deadlock(w, 2);
	log_look(w, 1, "not asked");
	judge_ended(w, DLW_END_FINDING);
	assert_int_equal(result.findings, 0);
	w = new_log();
	polls_in_a_deadlock(w, 4);
	log_released_top(w, 4, 0, 3);
	log_look(w, 1, "not asked");
	judge_ended(w, DLW_END_FINDING);
	assert_int_equal(result.findings, 0);
}

static void a_lock_whose_holder_exited_is_an_orphan(void **unused)
{
	struct log_writer *w = new_log();

	(void)unused;
	log_acquired(w, 3, 1, 1);
	log_with(w, 3, DLW_EVENT_EXITED, 0);
	log_want(w, 4, 1, 2);
	judge_killed(w);
	says("orphan", "proven", 104, 0);
}

static void without_a_look_nothing_is_stalled(void **unused)
{
	struct log_writer *w = new_log();
	uint32_t at;

	(void)unused;
	for (at = 1; at <= 4; at++)
		log_want_mode(w, at, 4, 2, DLW_FORM_BLOCKING, 1);
	w->ticks += 5000000000u;
	judge_killed(w);
	assert_int_equal(result.findings, 0);
}

static void with_a_closed_world_a_silent_program_is_stalled(void **unused)
{
	struct log_writer *w = log_writer_new(4711);
	uint32_t at;

	(void)unused;
	log_process(w, "/bin/app", "x");
	log_object(w, 1, DLW_SEMAPHORE, DLW_TYPE_UNNAMED, 0x480000);
	log_stack(w, 1, 0x401000, 0x402000);
	for (at = 1; at <= 2; at++) {
		log_thread(w, at, 100 + (int32_t)at, "worker");
		log_want_mode(w, at, 1, 2, DLW_FORM_BLOCKING, 1);
	}
	w->ticks += 5000000000u; /* ten seconds later */
	log_look(w, 1, "");
	judge_killed(w);
	assert_int_equal(result.findings, 1);
	assert_non_null(strstr(result.finding, "\"verdict\":\"stalled\""));
}

static void what_an_impatient_watcher_found_is_found_again(void **unused)
{
	struct log_writer *w = log_writer_new(4711);
	uint32_t at;

	(void)unused;
	log_object(w, 1, DLW_SEMAPHORE, DLW_TYPE_UNNAMED, 0x480000);
	log_stack(w, 1, 0x401000, 0x402000);
	for (at = 1; at <= 2; at++) {
		log_thread(w, at, 100 + (int32_t)at, "worker");
		log_want_mode(w, at, 1, 2, DLW_FORM_BLOCKING, 1);
	}
	w->ticks += 100000000u; /* stall_ms was less than these 200 ms */
	log_look(w, 1, "");
	judge_killed(w);
	assert_int_equal(result.findings, 1);
}

static void the_patience_looked_for_is_the_longest_that_finds_it(void **unused)
{
	struct log_writer *w = log_writer_new(4711);
	struct dlw_record_object semaphore = { .kind = DLW_SEMAPHORE, .initial = 1,
					       .initial_known = 1 };
	uint32_t at;

	(void)unused;
	log_stack(w, 1, 0x401000, 0x402000);
	for (at = 1; at <= 2; at++) {
		log_thread(w, at, 100 + (int32_t)at, "worker");
		semaphore.id = at;
		semaphore.address = 0x1000 * at;
		log_object_record(w, &semaphore, "");
		log_permit(w, at, at, 1);
	}
	log_want_mode(w, 1, 2, 2, DLW_FORM_BLOCKING, 1);
	log_want_mode(w, 2, 1, 2, DLW_FORM_BLOCKING, 1);
	w->ticks += 100000000u;
	log_look(w, 1, ""); /* with no patience at all, never posted semaphores are 'likely' */
	judge_killed(w);
	says("deadlock", "stalled", 101, 102);
}

static void where_blocks_are_missing_nothing_is_proven(void **unused)
{
	struct log_writer *w = new_log();

	(void)unused;
	log_sample_deadlock(w);
	log_acquired(w, 1, 7, 1);
	log_lose(w, 1);
	log_acquired(w, 1, 2, 1);
	judge_killed(w);
	assert_true(result.lost > 0);
	says("deadlock", "likely", 103, 104);
}

static void operations_missing_from_a_lock_keep_it_from_being_proven(void **unused)
{
	struct log_writer *w = new_log();

	(void)unused;
	log_ticket(w, 1); /* somebody did something to mutex 1 that is nowhere */
	log_sample_deadlock(w);
	judge_killed(w);
	assert_true(result.lost > 0);
	says("deadlock", "likely", 103, 104);
}

/* ---- two processes ---------------------------------------------------------------- */

/** new_process() - with one thread, and a lock that both have */
static struct log_writer *new_process(int32_t pid)
{
	struct dlw_record_object shared = { .id = 1,
					    .kind = DLW_MUTEX,
					    .traits = DLW_TRAIT_SHARED,
					    .address = 0x1000,
					    .device = 1,
					    .inode = 2 };
	struct log_writer *w = log_writer_new(pid);

	log_thread(w, 1, pid, "main");
	log_object_record(w, &shared, "");
	return w;
}

static void judge_two(struct log_writer *one, struct log_writer *other)
{
	struct log_writer *logs[] = { one, other };
	struct dlw_replay *replay = dlw_replay_new();
	struct dlw_log_findings *findings;
	char *error;
	int at;

	memset(&result, 0, sizeof(result));
	for (at = 0; at < 2; at++)
		assert_non_null(dlw_replay_add_memory(replay, "x.dlw", logs[at]->log,
						      logs[at]->log_size, logs[at]->tail,
						      logs[at]->tail_size, &error));
	findings = dlw_log_findings_new(replay, log_exercise_finding, &result);
	dlw_replay_start(replay);
	while (dlw_replay_peek(replay))
		dlw_replay_apply(replay);
	dlw_log_findings_at_end(findings);
	dlw_log_findings_free(findings);
	dlw_replay_free(replay);
	log_writer_free(one);
	log_writer_free(other);
}

/** holder_and_waiter() - one that ended with the lock, and one that was killed while it waited for it */
static void holder_and_waiter(struct log_writer **holder, struct log_writer **waiter,
			      uint64_t waits_at, uint64_t ends_at)
{
	*holder = new_process(100);
	*waiter = new_process(200);
	log_acquired(*holder, 1, 1, 0);
	(*waiter)->ticks += waits_at;
	log_want(*waiter, 1, 1, 0);
	(*holder)->ticks += ends_at;
}

static void who_was_killed_may_not_have_outlived_a_holder(void **unused)
{
	struct log_writer *holder, *waiter;

	(void)unused;
	holder_and_waiter(&holder, &waiter, 1000, 1000000);
	log_end(holder, DLW_END_EXIT);
	log_writer_close(holder);
	log_writer_kill(waiter);
	judge_two(holder, waiter);
	assert_int_equal(result.findings, 0);
}

static void who_waits_after_a_holders_end_has_outlived_it(void **unused)
{
	struct log_writer *holder, *waiter;

	(void)unused;
	holder_and_waiter(&holder, &waiter, 1000000, 1000);
	log_end(holder, DLW_END_EXIT);
	log_writer_close(holder);
	log_writer_kill(waiter);
	judge_two(holder, waiter);
	says("orphan", "proven", 200, 0);
}

static void what_a_watcher_found_was_outlived(void **unused)
{
	struct log_writer *holder, *waiter;

	(void)unused;
	holder_and_waiter(&holder, &waiter, 1000, 1000000);
	log_look(waiter, 1, "not asked");
	log_end(holder, DLW_END_EXIT);
	log_writer_close(holder);
	log_writer_kill(waiter);
	judge_two(holder, waiter);
	says("orphan", "proven", 200, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_killed_program_hung_for_good),
		cmocka_unit_test(a_program_ended_by_a_finding_hung_for_good),
		cmocka_unit_test(an_exit_while_threads_wait_is_no_deadlock),
		cmocka_unit_test(an_exec_that_failed_ended_nothing),
		cmocka_unit_test(a_wait_that_ended_well_was_no_deadlock),
		cmocka_unit_test(the_end_of_a_strangers_wait_makes_no_deadlock_of_the_others),
		cmocka_unit_test(a_deadlock_broken_by_edeadlk_is_told_once),
		cmocka_unit_test(a_deadlock_ended_by_cancellation_is_told),
		cmocka_unit_test(a_deadlock_seen_again_at_the_end_is_not_told_twice),
		cmocka_unit_test(a_timeout_is_a_way_out),
		cmocka_unit_test(a_lock_whose_holder_exited_is_an_orphan),
		cmocka_unit_test(who_was_ended_between_two_polls_still_waited),
		cmocka_unit_test(who_polled_when_nothing_was_found_may_have_gone_on),
		cmocka_unit_test(without_a_look_nothing_is_stalled),
		cmocka_unit_test(with_a_closed_world_a_silent_program_is_stalled),
		cmocka_unit_test(what_an_impatient_watcher_found_is_found_again),
		cmocka_unit_test(the_patience_looked_for_is_the_longest_that_finds_it),
		cmocka_unit_test(where_blocks_are_missing_nothing_is_proven),
		cmocka_unit_test(who_was_killed_may_not_have_outlived_a_holder),
		cmocka_unit_test(who_waits_after_a_holders_end_has_outlived_it),
		cmocka_unit_test(what_a_watcher_found_was_outlived),
		cmocka_unit_test(operations_missing_from_a_lock_keep_it_from_being_proven),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
