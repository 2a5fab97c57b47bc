/*
 * test_summary.c - lock orders of many runs, put together: in any order, in any
 * groups, to the byte the same
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "analyzer/summary.h"
#include "tests/unit/log_writer.h"

static uint64_t seed = 1;

static uint32_t random_below(uint32_t limit)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(seed >> 33) % limit;
}

/** text_of() - of a summary, which is gone then; for free() */
static char *text_of(struct dlw_summary *summary)
{
	char *text;
	size_t size;
	FILE *file = open_memstream(&text, &size);

	assert_true(dlw_summary_write(summary, file));
	fclose(file);
	dlw_summary_free(summary);
	return text;
}

/** both() - two texts put together; for free() */
static char *both(const char *one, const char *other)
{
	struct dlw_summary *summary = dlw_summary_new();
	json_t *json = json_loads(one, 0, NULL);

	assert_true(dlw_summary_add(summary, json));
	json_decref(json);
	json = json_loads(other, 0, NULL);
	assert_true(dlw_summary_add(summary, json));
	json_decref(json);
	return text_of(summary);
}

static json_t *random_lock(void)
{
	char class[16];

	snprintf(class, sizeof(class), "name:%u", random_below(4));
	return json_pack("{s:s,s:s,s:s,s:s?}", "class", class, "kind", "mutex", "mode", "exclusive",
			 "site", random_below(2) ? "app+0x10 ab" : NULL);
}

/** random_summary() - a few orders out of few; for free() */
static char *random_summary(void)
{
	struct dlw_summary *summary = dlw_summary_new();
	json_t *orders = json_array(), *json;
	uint32_t count = random_below(6);

	while (count--) {
		json_t *holds = json_array();
		uint32_t held = 1 + random_below(2);

		while (held--)
			json_array_append_new(holds, random_lock());
		json_array_append_new(orders,
				      json_pack("{s:i,s:{s:o,s:o}}", "count", (int)random_below(1000),
						"order", "holds", holds, "wants", random_lock()));
	}
	json = json_pack("{s:s,s:i,s:i,s:i,s:o}", "schema", "dlwatch-summary/1", "runs",
			 (int)random_below(5), "unclassed", (int)random_below(5), "within_class",
			 (int)random_below(5), "orders", orders);
	assert_true(dlw_summary_add(summary, json));
	json_decref(json);
	return text_of(summary);
}

static void putting_together_is_associative_and_commutative(void **unused)
{
	int round;

	(void)unused;
	for (round = 0; round < 2000; round++) {
		char *a = random_summary(), *b = random_summary(), *c = random_summary();
		char *ab = both(a, b), *ba = both(b, a), *bc = both(b, c);
		char *left = both(ab, c), *right = both(a, bc);

		assert_string_equal(ab, ba);
		assert_string_equal(left, right);
		free(a), free(b), free(c), free(ab), free(ba), free(bc), free(left), free(right);
	}
}

static void an_empty_one_changes_nothing(void **unused)
{
	char *empty = text_of(dlw_summary_new()), *some = random_summary(), *sum = both(some, empty);

	(void)unused;
	assert_string_equal(sum, some);
	free(empty), free(some), free(sum);
}

/** run_of() - a log in which one thread takes two locks, in one order or the other */
static char *run_of(uint32_t first, uint32_t second, int times)
{
	struct log_writer *w = log_writer_new(4711);
	struct dlw_replay *replay = dlw_replay_new();
	struct dlw_summary *summary = dlw_summary_new();
	char *error = NULL;

	log_module(w, 0x400000, 0x500000, 0x400000, "/bin/app");
	log_thread(w, 1, 101, "t");
	log_object(w, 1, DLW_MUTEX, DLW_TYPE_NORMAL, 0x480000); /* static */
	log_object_record(w, &(struct dlw_record_object){ .id = 2, .kind = DLW_MUTEX, .type = 1,
							  .address = 0x7f0000000000 },
			  "ledger"); /* named */
	log_object(w, 3, DLW_MUTEX, DLW_TYPE_NORMAL, 0x7f0000001000); /* of no class */
	log_stack(w, 1, 0x401000, 0x402000);
	while (times--) {
		log_acquired(w, 1, first, 1);
		log_acquired(w, 1, second, 1);
		log_acquired(w, 1, 3, 1);
		log_released_top(w, 1, 0, 3);
		log_released_top(w, 1, 0, second);
		log_released_top(w, 1, 0, first);
	}
	log_end(w, DLW_END_EXIT);
	log_writer_close(w);
	assert_non_null(dlw_replay_add_memory(replay, "x", w->log, w->log_size, NULL, 0, &error));
	dlw_summary_add_logs(summary, replay);
	dlw_replay_free(replay);
	log_writer_free(w);
	return text_of(summary);
}

static void orders_of_two_runs_meet_by_the_classes_of_their_locks(void **unused)
{
	char *one = run_of(1, 2, 3), *other = run_of(2, 1, 40), *sum = both(one, other), *text;
	struct dlw_summary *summary = dlw_summary_new();
	json_t *json = json_loads(sum, 0, NULL);
	size_t size;
	FILE *out = open_memstream(&text, &size);

	(void)unused;
	assert_true(dlw_summary_add(summary, json));
	dlw_summary_print(summary, out);
	dlw_summary_print(summary, out); /* and it is still all there */
	fclose(out);
	assert_int_equal(strlen(text) % 2, 0);
	assert_memory_equal(text, text + strlen(text) / 2, strlen(text) / 2);
	assert_non_null(strstr(text, "2 runs, 2 lock orders\n"));
	assert_non_null(strstr(text, "taken both ways:\n  data:app+0x80000 \n  name:ledger\n"
				     "  3 times in this order, 40 times the other way round\n"));
	assert_non_null(strstr(text, "left out: 2 with a lock that other runs would not know again"));
	json_decref(json);
	dlw_summary_free(summary);
	free(one), free(other), free(sum), free(text);
}

static void what_is_no_summary_is_refused_whole(void **unused)
{
	static const char *const texts[] = {
		"{}",
		"[]",
		"{\"schema\":\"dlwatch-summary/2\",\"orders\":[]}",
		"{\"schema\":\"dlwatch-summary/1\"}",
		"{\"schema\":\"dlwatch-summary/1\",\"orders\":[{\"count\":1}]}",
		"{\"schema\":\"dlwatch-summary/1\",\"orders\":[{\"order\":{\"wants\":{\"class\":\"a\"},"
		"\"holds\":[{}]}}]}",
	};
	size_t at;

	(void)unused;
	for (at = 0; at < sizeof(texts) / sizeof(texts[0]); at++) {
		struct dlw_summary *summary = dlw_summary_new();
		json_t *json = json_loads(texts[at], 0, NULL);

		assert_non_null(json);
		assert_false(dlw_summary_add(summary, json));
		json_decref(json);
		dlw_summary_free(summary);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(putting_together_is_associative_and_commutative),
		cmocka_unit_test(an_empty_one_changes_nothing),
		cmocka_unit_test(orders_of_two_runs_meet_by_the_classes_of_their_locks),
		cmocka_unit_test(what_is_no_summary_is_refused_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
