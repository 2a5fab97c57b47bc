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

#include "analyzer/findings.h"
#include "analyzer/summary_cycles.h"
#include "analyzer/symbols.h"
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

static json_t *random_names(void)
{
	json_t *names = json_array();
	uint32_t count = random_below(12);
	char name[16];

	while (count--) {
		snprintf(name, sizeof(name), "runs/%u", random_below(20));
		json_array_append_new(names, json_string(name));
	}
	return names;
}

static json_t *random_order(void)
{
	json_t *holds = json_array();
	uint32_t held = 1 + random_below(2);

	while (held--)
		json_array_append_new(holds, random_lock());
	return json_pack("{s:i,s:i,s:o,s:{s:o,s:o}}", "count", (int)random_below(1000), "runs",
			 (int)random_below(10), "run_names", random_names(), "order", "holds", holds,
			 "wants", random_lock());
}

/** random_words() - what is said of a few keys, better or worse */
static json_t *random_words(bool places)
{
	static const char *const words[] = { "app+0x10", "main.c:1 a", "b", NULL };
	json_t *all = json_object();
	uint32_t count = random_below(4);
	char key[16];

	while (count--) {
		const char *word = words[random_below(4)];

		snprintf(key, sizeof(key), "name:%u", random_below(4));
		if (places)
			json_object_set_new(all, key, json_pack("{s:s,s:s?}", "module", "/bin/app",
								"function", word));
		else if (word)
			json_object_set_new(all, key, json_string(word));
	}
	return all;
}

/** random_json() - a few orders out of few */
static json_t *random_json(void)
{
	json_t *orders = json_array();
	uint32_t count = random_below(6);

	while (count--)
		json_array_append_new(orders, random_order());
	return json_pack("{s:s,s:i,s:i,s:i,s:{s:i},s:o,s:o,s:o,s:o}", "schema", "dlwatch-summary/1",
			 "runs", (int)random_below(5), "unclassed", (int)random_below(5),
			 "within_class", (int)random_below(5), "within", "name:1",
			 (int)random_below(3), "places", random_words(true), "labels",
			 random_words(false), "sources", random_words(false), "orders", orders);
}

/** random_summary() - for free() */
static char *random_summary(void)
{
	struct dlw_summary *summary = dlw_summary_new();
	json_t *json = random_json();

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
	struct dlw_symbols *symbols = dlw_symbols_new();
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
	dlw_summary_add_logs(summary, replay, first < second ? "up" : "down", symbols);
	dlw_symbols_free(symbols);
	dlw_replay_free(replay);
	log_writer_free(w);
	return text_of(summary);
}

static void print(struct dlw_summary *summary, FILE *out)
{
	struct dlw_summary_cycles *cycles = dlw_summary_cycles_new(summary);

	dlw_summary_cycles_print(cycles, out);
	dlw_summary_cycles_free(cycles);
}

/* A sink: keeps all findings. */
static void keep(void *findings, const char *line, size_t length)
{
	char *why = NULL;
	json_t *finding = dlw_finding_parse(line, length, &why);

	assert_non_null(finding);
	json_array_append_new(findings, finding);
}

static json_t *findings_of(const char *text, uint32_t unresolved)
{
	struct dlw_summary *summary = dlw_summary_new();
	struct dlw_summary_cycles *cycles;
	json_t *json = json_loads(text, 0, NULL), *findings = json_array();

	assert_true(dlw_summary_add(summary, json));
	cycles = dlw_summary_cycles_new(summary);
	dlw_summary_free(summary);
	assert_int_equal(dlw_summary_cycles_findings(cycles, keep, findings), unresolved);
	dlw_summary_cycles_free(cycles);
	json_decref(json);
	return findings;
}

static const char *name_of(const json_t *finding, const json_t *step)
{
	return dlw_text(dlw_finding_resource(finding, dlw_text(step, "resource")), "name");
}

static void a_cycle_over_two_runs_is_told_whole(void **unused)
{
	char *one = run_of(1, 2, 3), *other = run_of(2, 1, 40), *sum = both(one, other);
	json_t *findings = findings_of(sum, 1), *finding, *thread;
	size_t at, ups = 0;

	(void)unused;
	json_decref(findings_of(one, 0));
	json_decref(findings_of(other, 0));
	assert_int_equal(json_array_size(findings), 1);
	finding = json_array_get(findings, 0);
	assert_string_equal(dlw_text(finding, "verdict"), "unresolved");
	assert_int_equal(dlw_number(finding, "run_count"), 2);
	json_array_foreach(json_object_get(finding, "core"), at, thread) {
		const json_t *wants = json_object_get(thread, "wants");
		const json_t *holds = json_array_get(json_object_get(thread, "holds"), 0);
		bool up = strcmp(name_of(finding, wants), "ledger") == 0;
		json_t *runs = json_pack("[s]", up ? "up" : "down");

		ups += up;
		assert_true(json_equal(json_object_get(thread, "runs"), runs));
		assert_string_equal(name_of(finding, holds), up ? "app+0x80000" : "ledger");
		assert_int_equal(dlw_number(holds, "count"), up ? 3 : 40);
		assert_string_equal(dlw_text(json_object_get(wants, "site"), "offset"), "0x1000");
		json_decref(runs);
	}
	assert_int_equal(ups, 1);
	json_decref(findings);
	free(one), free(other), free(sum);
}

/** guarded_by() - two orders of two runs, both under a lock of class @gate; for free() */
static char *guarded_by(const char *gate)
{
	struct dlw_summary *summary = dlw_summary_new();
	int turned;

	dlw_summary_run(summary);
	for (turned = 0; turned < 2; turned++) {
		json_t *order = json_pack(
			"{s:[{s:s,s:s,s:s},{s:s,s:s,s:s}],s:{s:s,s:s,s:s}}", "holds", "class", gate,
			"kind", "mutex", "mode", "exclusive", "class", turned ? "b" : "a", "kind",
			"mutex", "mode", "exclusive", "wants", "class", turned ? "a" : "b", "kind",
			"mutex", "mode", "exclusive");

		assert_non_null(order);
		dlw_summary_seen(summary, dlw_summary_order(summary, order), 1, "x");
		json_decref(order);
	}
	return text_of(summary);
}

static void only_a_single_lock_is_a_gate(void **unused)
{
	char *one = guarded_by("data:gate"), *many = guarded_by("name:gate");
	json_t *findings = findings_of(one, 0);

	(void)unused;
	assert_int_equal(json_array_size(findings), 1);
	assert_string_equal(dlw_text(json_array_get(findings, 0), "verdict"), "guarded");
	json_decref(findings);
	findings = findings_of(many, 1);
	assert_int_equal(json_array_size(findings), 1);
	assert_string_equal(dlw_text(json_array_get(findings, 0), "verdict"), "unresolved");
	json_decref(findings);
	free(one), free(many);
}

/** order_between() - of locks of builds, each at an offset of its own: "data:app+0x10 BUILD" */
static json_t *order_between(const char *held, const char *wanted)
{
	return json_pack("{s:i,s:i,s:[],s:{s:[{s:s,s:s,s:s,s:n}],s:{s:s,s:s,s:s,s:n}}}", "count", 1,
			 "runs", 1, "run_names", "order", "holds", "class", held, "kind", "mutex",
			 "mode", "exclusive", "site", "wants", "class", wanted, "kind", "mutex",
			 "mode", "exclusive", "site");
}

/** expect_of_builds() - an order of build a, the other way round in b: so many cycles */
static void expect_of_builds(json_t *sources, uint32_t cycles)
{
	struct dlw_summary *summary = dlw_summary_new();
	json_t *json = json_pack("{s:s,s:i,s:o,s:[o,o]}", "schema", "dlwatch-summary/1", "runs", 2,
				 "sources", sources, "orders",
				 order_between("data:app+0x10 a", "data:app+0x20 a"),
				 order_between("data:app+0x120 b", "data:app+0x110 b"));
	char *text;

	assert_true(dlw_summary_add(summary, json));
	json_decref(json);
	text = text_of(summary);
	json_decref(findings_of(text, cycles));
	free(text);
}

static void locks_of_two_builds_are_one_where_they_have_one_source(void **unused)
{
	(void)unused;
	expect_of_builds(json_object(), 0);
	expect_of_builds(json_pack("{s:s,s:s,s:s,s:s}", "data:app+0x10 a", "app: m.c:1 x",
				   "data:app+0x20 a", "app: m.c:2 y", "data:app+0x110 b",
				   "app: m.c:1 x", "data:app+0x120 b", "app: m.c:2 y"),
			 1);
	/* moved in between: the line is another one */
	expect_of_builds(json_pack("{s:s,s:s,s:s,s:s}", "data:app+0x10 a", "app: m.c:1 x",
				   "data:app+0x20 a", "app: m.c:2 y", "data:app+0x110 b",
				   "app: m.c:2 x", "data:app+0x120 b", "app: m.c:3 y"),
			 0);
	/* what one build has twice is not known by its source */
	expect_of_builds(json_pack("{s:s,s:s,s:s,s:s,s:s}", "data:app+0x10 a", "app: m.c:1 x",
				   "data:app+0x90 a", "app: m.c:1 x", "data:app+0x20 a",
				   "app: m.c:2 y", "data:app+0x110 b", "app: m.c:1 x",
				   "data:app+0x120 b", "app: m.c:2 y"),
			 0);
}

static void any_summary_is_looked_through(void **unused)
{
	uint32_t round, found = 0;

	(void)unused;
	for (round = 0; round < 300; round++) {
		char *text = random_summary();
		struct dlw_summary *summary = dlw_summary_new();
		struct dlw_summary_cycles *cycles;
		json_t *json = json_loads(text, 0, NULL), *findings = json_array();

		assert_true(dlw_summary_add(summary, json));
		cycles = dlw_summary_cycles_new(summary);
		dlw_summary_cycles_findings(cycles, keep, findings);
		found += json_array_size(findings) > 0;
		dlw_summary_cycles_free(cycles);
		dlw_summary_free(summary);
		json_decref(json);
		json_decref(findings);
		free(text);
	}
	assert_true(found > 30 && found < 300);
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
	print(summary, out);
	print(summary, out); /* and it is still all there */
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
		("{\"schema\":\"dlwatch-summary/1\",\"orders\":[{\"order\":{\"wants\":{\"class\":\"a\"},"
		 "\"holds\":[{}]}}]}"),
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
		cmocka_unit_test(a_cycle_over_two_runs_is_told_whole),
		cmocka_unit_test(only_a_single_lock_is_a_gate),
		cmocka_unit_test(locks_of_two_builds_are_one_where_they_have_one_source),
		cmocka_unit_test(any_summary_is_looked_through),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
