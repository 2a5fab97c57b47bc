/*
 * test_statistics.c - how each lock was used, in numbers
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "analyzer/log_memory.h"
#include "analyzer/log_replay.h"
#include "analyzer/statistics.h"
#include "analyzer/symbols.h"
#include "tests/unit/log_writer.h"

struct scene {
	struct log_writer *writer;
	struct dlw_replay *replay;
	struct dlw_statistics *statistics;
	struct dlw_lock_statistics **rows;
	size_t count;
};

static struct log_writer *new_log(void)
{
	struct log_writer *w = log_writer_new(1);
	uint32_t at;

	w->step = 500; /* a microsecond between events */
	for (at = 1; at <= 3; at++)
		log_thread(w, at, 100 + (int32_t)at, "t");
	log_object(w, 1, DLW_MUTEX, DLW_TYPE_NORMAL, 0x1000);
	log_object(w, 2, DLW_MUTEX, DLW_TYPE_RECURSIVE, 0x2000);
	log_object(w, 3, DLW_SEMAPHORE, DLW_TYPE_UNNAMED, 0x3000);
	log_object(w, 4, DLW_CONDITION, 0, 0x4000);
	for (at = 1; at <= 4; at++)
		log_stack(w, at, 0x401000 + at, 0x402000);
	return w;
}

static void count(struct scene *scene, struct log_writer *w)
{
	char *error = NULL;

	*scene = (struct scene){ .writer = w, .replay = dlw_replay_new() };
	assert_non_null(dlw_replay_add_memory(scene->replay, "s.dlw", w->log, w->log_size, w->tail,
					      w->tail_size, &error));
	scene->statistics = dlw_statistics_new(scene->replay);
	dlw_replay_start(scene->replay);
	while (dlw_replay_peek(scene->replay)) {
		dlw_statistics_observe(scene->statistics);
		dlw_replay_apply(scene->replay);
	}
	dlw_statistics_finish(scene->statistics);
	scene->rows = dlw_statistics_rows(scene->statistics, &scene->count);
}

static void finish(struct scene *scene)
{
	free(scene->rows);
	dlw_statistics_free(scene->statistics);
	dlw_replay_free(scene->replay);
	log_writer_free(scene->writer);
}

static const struct dlw_lock_statistics *row(const struct scene *scene, uint64_t address)
{
	size_t at;

	for (at = 0; at < scene->count; at++)
		if (scene->rows[at]->address == address)
			return scene->rows[at];
	fail_msg("no row for %llx", (unsigned long long)address);
	return NULL;
}

static void close_to(uint64_t value, uint64_t expected)
{
	assert_in_range(value, expected - expected / 100, expected + expected / 100);
}

static void waits_and_holds_are_measured(void **unused)
{
	struct log_writer *w = new_log();
	struct scene scene;
	const struct dlw_lock_statistics *lock;

	(void)unused;
	log_acquired(w, 1, 1, 1);     /* at 1 us */
	log_want(w, 2, 1, 2);         /* at 2 us */
	w->ticks += 4500;
	log_released_top(w, 1, 0, 1); /* at 12 us */
	log_acquired(w, 2, 1, 2);     /* at 13 us */
	log_released_top(w, 2, 0, 1); /* at 14 us */
	log_event(w, 3, (struct dlw_event){ .type = DLW_EVENT_TRY_FAILED, .object = 1 });
	log_flush(w, 3);
	log_end(w, DLW_END_EXIT);
	log_writer_close(w);
	count(&scene, w);
	lock = row(&scene, 0x1000);
	assert_int_equal(lock->acquisitions, 2);
	assert_int_equal(lock->contended, 1);
	assert_int_equal(lock->failed_tries, 1);
	assert_int_equal(lock->wait.count, 1);
	close_to(lock->wait.total_ns, 11000);
	close_to(lock->wait.max_ns, 11000);
	assert_int_equal(lock->hold.count, 2);
	close_to(lock->hold.total_ns, 12000);
	close_to(lock->hold.max_ns, 11000);
	assert_int_equal(lock->wait.used, 1);
	assert_in_range(dlw_bucket_from(lock->wait.buckets[0].number), 9000, 11000);
	assert_in_range(dlw_bucket_from(lock->wait.buckets[0].number + 1), 11000, 13000);
	assert_int_equal(lock->threads.used, 2);
	assert_int_equal(lock->sites.used, 2);
	assert_int_equal(lock->waiting, 0);
	finish(&scene);
}

static void every_time_has_a_bucket_an_eighth_wide(void **unused)
{
	uint64_t ns = 0;
	uint32_t last = 0;

	(void)unused;
	for (; ns < 1u << 20; ns++) {
		uint32_t number = dlw_bucket_of(ns);

		assert_in_range(number, last, last + 1);
		assert_in_range(ns, dlw_bucket_from(number), dlw_bucket_from(number + 1) - 1);
		last = number;
	}
	for (ns = 8; ns < 1ull << 62; ns = ns * 3 / 2) {
		uint64_t from = dlw_bucket_from(dlw_bucket_of(ns));
		uint64_t end = dlw_bucket_from(dlw_bucket_of(ns) + 1);

		assert_in_range(ns, from, end - 1);
		assert_true(end - from <= from / 8 + 1);
	}
	assert_true(dlw_bucket_of(UINT64_MAX) < 512);
}

static void quantiles_are_right_to_an_eighth_and_sums_exact(void **unused)
{
	struct dlw_durations half = { 0 }, other = { 0 };
	uint64_t ns;

	(void)unused;
	assert_int_equal(dlw_durations_quantile(&half, 500), 0);
	for (ns = 1; ns <= 10000; ns++)
		dlw_durations_add(ns % 2 ? &half : &other, ns);
	dlw_durations_merge(&half, &other);
	assert_int_equal(half.count, 10000);
	assert_int_equal(half.total_ns, 50005000);
	assert_int_equal(half.max_ns, 10000);
	assert_in_range(dlw_durations_quantile(&half, 500), 5000, 5625);
	assert_in_range(dlw_durations_quantile(&half, 900), 9000, 10000);
	assert_in_range(dlw_durations_quantile(&half, 999), 9990, 10000);
	assert_int_equal(dlw_durations_quantile(&half, 1000), 10000);
	free(half.buckets);
	free(other.buckets);
}

static void csv_has_a_line_for_each_lock_and_quotes_what_needs_it(void **unused)
{
	json_t *table = json_pack("{s:[{s:s,s:s,s:i,s:{s:i,s:i}},{s:s}]}", "locks", "name",
				  "a \"big\" one, here", "kind", "mutex", "acquisitions", 3, "wait_ns",
				  "count", 2, "p99", 77, "name", "=1+1");
	char *text, *line;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	(void)unused;
	dlw_statistics_csv(table, out);
	fclose(out);
	line = strstr(text, "\r\n");
	assert_non_null(line);
	assert_memory_equal(text, "lock,kind,type,pid,", 19);
	assert_memory_equal(line + 2, "\"a \"\"big\"\" one, here\",mutex,", 28);
	assert_non_null(strstr(line, ",77,"));
	assert_non_null(strstr(line + 2, "\r\n'=1+1,"));
	assert_int_equal(text[size - 1], '\n');
	free(text);
	json_decref(table);
}

static void the_longest_waits_are_told_one_by_one(void **unused)
{
	struct log_writer *w = new_log();
	struct dlw_long_wait waits[DLW_LONG_WAITS];
	struct scene scene;
	int round;

	(void)unused;
	for (round = 0; round < 30; round++) {
		log_acquired(w, 1, 1, 1);
		log_want(w, 2, 1, 2);
		w->ticks += (uint64_t)(round * 7 % 30) * 1000;
		log_released_top(w, 1, 0, 1);
		log_acquired(w, 2, 1, 2);
		log_released_top(w, 2, 0, 1);
	}
	log_flush(w, 1);
	log_acquired(w, 1, 1, 1); /* a second block settles the clock */
	log_writer_kill(w);
	count(&scene, w);
	assert_int_equal(dlw_statistics_waits(scene.statistics, waits), DLW_LONG_WAITS);
	for (round = 0; round < (int)DLW_LONG_WAITS; round++) {
		assert_in_range(waits[round].ns, (29 - round) * 2000, (29 - round) * 2000 + 3000);
		assert_int_equal(waits[round].thread->serial, 2);
		assert_true(waits[round].over);
	}
	finish(&scene);
}

static void a_recursive_mutex_is_held_once(void **unused)
{
	struct log_writer *w = new_log();
	struct scene scene;

	(void)unused;
	log_acquired(w, 1, 2, 1);
	log_acquired(w, 1, 2, 1);
	log_released_top(w, 1, 0, 2);
	log_released_top(w, 1, 0, 2);
	log_flush(w, 1);
	log_acquired(w, 1, 1, 1); /* a second block settles the clock */
	log_writer_kill(w);
	count(&scene, w);
	assert_int_equal(row(&scene, 0x2000)->acquisitions, 2);
	assert_int_equal(row(&scene, 0x2000)->hold.count, 1);
	close_to(row(&scene, 0x2000)->hold.total_ns, 3000);
	finish(&scene);
}

static void a_wait_that_never_ended_counts_up_to_the_end(void **unused)
{
	struct log_writer *w = new_log();
	struct scene scene;

	(void)unused;
	log_acquired(w, 1, 1, 1);
	log_want(w, 2, 1, 2);
	w->ticks += 1000000;
	log_end(w, DLW_END_FINDING); /* two milliseconds later */
	log_writer_close(w);
	count(&scene, w);
	assert_int_equal(row(&scene, 0x1000)->waiting, 1);
	assert_int_equal(row(&scene, 0x1000)->contended, 1);
	close_to(row(&scene, 0x1000)->wait.total_ns, 2000000);
	finish(&scene);
}

static void posts_and_signals_are_counted(void **unused)
{
	struct log_writer *w = new_log();
	struct scene scene;

	(void)unused;
	log_permit(w, 1, 3, 1);
	log_plain(w, 1, DLW_EVENT_POSTED, 3, 2);
	log_plain(w, 2, DLW_EVENT_POSTED, 3, 2);
	log_acquired(w, 1, 1, 1);
	log_condition_wait(w, 1, 4, 1, DLW_FORM_BLOCKING, 3);
	log_plain(w, 2, DLW_EVENT_SIGNALLED, 4, 0);
	log_plain(w, 1, DLW_EVENT_WOKEN, 4, 3);
	log_acquired(w, 1, 1, 3);
	log_writer_kill(w);
	count(&scene, w);
	assert_int_equal(row(&scene, 0x3000)->posts, 2);
	assert_int_equal(row(&scene, 0x3000)->hold.count, 1);
	assert_int_equal(row(&scene, 0x4000)->posts, 1);
	assert_int_equal(row(&scene, 0x4000)->acquisitions, 1);
	close_to(row(&scene, 0x4000)->wait.total_ns, 2000);
	assert_int_equal(row(&scene, 0x1000)->hold.count, 1); /* until the wait gave it back */
	finish(&scene);
}

static void destroyed_locks_of_one_origin_share_a_row(void **unused)
{
	struct log_writer *w = new_log();
	struct scene scene;
	uint32_t id;

	(void)unused;
	for (id = 100; id < 400; id++) {
		log_object_record(w,
				  &(struct dlw_record_object){ .id = id,
							       .kind = DLW_MUTEX,
							       .type = DLW_TYPE_NORMAL,
							       .address = 0x10000 + id % 7 * 64,
							       .init_stack = 3 + id % 2 },
				  "");
		log_acquired(w, 1 + id % 3, id, 1);
		log_released_top(w, 1 + id % 3, 0, id);
		log_plain(w, 1 + id % 3, DLW_EVENT_DESTROYED, id, 0);
	}
	log_writer_kill(w);
	count(&scene, w);
	assert_int_equal(scene.count, 2);
	assert_int_equal(scene.rows[0]->lives, 150);
	assert_int_equal(scene.rows[1]->lives, 150);
	assert_int_equal(scene.rows[0]->acquisitions, 150);
	assert_int_equal(scene.rows[0]->hold.count, 150);
	assert_int_equal(scene.rows[0]->threads.used, 3);
	finish(&scene);
}

static void locks_of_one_class_share_a_row_if_asked_for(void **unused)
{
	struct dlw_symbols *symbols = dlw_symbols_new();
	struct log_writer *w = new_log();
	struct scene scene;
	uint32_t id;

	(void)unused;
	log_module(w, 0x400000, 0x500000, 0x400000, "/bin/app");
	for (id = 100; id < 120; id++) {
		log_object_record(w,
				  &(struct dlw_record_object){ .id = id,
							       .kind = id % 2 ? DLW_SPINLOCK : DLW_MUTEX,
							       .type = DLW_TYPE_NORMAL,
							       .address = 0x10000 + id * 64ul,
							       .init_stack = id < 119 ? 3 : 0 },
				  "");
		log_acquired(w, 1 + id % 3, id, 1);
		log_released_top(w, 1 + id % 3, 0, id);
	}
	log_writer_kill(w);
	count(&scene, w);
	assert_int_equal(scene.count, 20);
	dlw_statistics_by_class(scene.statistics, symbols);
	free(scene.rows);
	scene.rows = dlw_statistics_rows(scene.statistics, &scene.count);
	assert_int_equal(scene.count, 3); /* mutexes, spinlocks, and the one of no class */
	assert_int_equal(scene.rows[0]->kind, DLW_MUTEX);
	assert_int_equal(scene.rows[0]->acquisitions, 10);
	assert_int_equal(scene.rows[0]->rows, 10);
	assert_int_equal(scene.rows[0]->hold.count, 10);
	assert_int_equal(scene.rows[0]->threads.used, 3);
	assert_int_equal(scene.rows[1]->rows, 9);
	assert_int_equal(scene.rows[2]->rows, 1);
	assert_null(scene.rows[2]->label);
	finish(&scene);
	dlw_symbols_free(symbols);
}

static void the_longest_waited_for_comes_first(void **unused)
{
	struct log_writer *w = new_log();
	struct scene scene;

	(void)unused;
	log_acquired(w, 1, 2, 1);
	log_acquired(w, 1, 2, 1);
	log_acquired(w, 1, 2, 1);
	log_permit(w, 1, 3, 1);
	log_permit(w, 1, 3, 1);
	log_want(w, 2, 1, 1);
	log_acquired(w, 2, 1, 1);
	log_writer_kill(w);
	count(&scene, w);
	assert_int_equal(scene.count, 3);
	assert_int_equal(scene.rows[0]->address, 0x1000);
	assert_int_equal(scene.rows[1]->address, 0x2000);
	assert_int_equal(scene.rows[2]->address, 0x3000);
	finish(&scene);
}

static json_int_t number(const json_t *object, const char *key)
{
	assert_true(json_is_integer(json_object_get(object, key)));
	return json_integer_value(json_object_get(object, key));
}

static void the_table_has_no_more_rows_than_asked_for_and_says_how_many_there_are(void **unused)
{
	struct log_writer *w = log_writer_new(1);
	struct dlw_symbols *symbols = dlw_symbols_new();
	char *text = NULL;
	size_t size;
	struct scene scene;
	json_t *table;
	FILE *out;
	uint32_t id;

	(void)unused;
	log_thread(w, 1, 101, "t");
	log_module(w, 0x400000, 0x500000, 0x400000, "/nowhere/app");
	log_stack(w, 1, 0x401000, 0x402000);
	for (id = 1; id <= 30; id++) {
		log_object(w, id, DLW_MUTEX, DLW_TYPE_NORMAL, 0x480000 + id * 64);
		log_acquired(w, 1, id, 1);
		log_released_top(w, 1, 0, id);
	}
	log_writer_kill(w);
	count(&scene, w);
	table = dlw_statistics_json(scene.statistics, symbols, 20);
	assert_int_equal(number(table, "lock_count"), 30);
	assert_int_equal(number(table, "acquisitions"), 30);
	assert_int_equal(number(table, "threads"), 1);
	assert_int_equal(json_array_size(json_object_get(table, "locks")), 20);
	out = open_memstream(&text, &size);
	dlw_statistics_print(table, out);
	fclose(out);
	assert_non_null(strstr(text, "locks: 30, taken 30 times by 1 thread\n"));
	assert_non_null(strstr(text, "and 10 more (--all)"));
	free(text);
	json_decref(table);
	dlw_symbols_free(symbols);
	finish(&scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(waits_and_holds_are_measured),
		cmocka_unit_test(every_time_has_a_bucket_an_eighth_wide),
		cmocka_unit_test(quantiles_are_right_to_an_eighth_and_sums_exact),
		cmocka_unit_test(csv_has_a_line_for_each_lock_and_quotes_what_needs_it),
		cmocka_unit_test(the_longest_waits_are_told_one_by_one),
		cmocka_unit_test(a_recursive_mutex_is_held_once),
		cmocka_unit_test(a_wait_that_never_ended_counts_up_to_the_end),
		cmocka_unit_test(posts_and_signals_are_counted),
		cmocka_unit_test(destroyed_locks_of_one_origin_share_a_row),
		cmocka_unit_test(locks_of_one_class_share_a_row_if_asked_for),
		cmocka_unit_test(the_longest_waited_for_comes_first),
		cmocka_unit_test(
			the_table_has_no_more_rows_than_asked_for_and_says_how_many_there_are),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
