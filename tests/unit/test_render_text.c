/*
 * test_render_text.c - what a person is shown
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/findings.h"
#include "analyzer/render.h"
#include "analyzer/render_words.h"
#include "tests/unit/finding_fixture.h"

/* Renders with the given environment; the result is to be freed. */
static char *render_for(const json_t *finding, int verbose, uint64_t now_ns, bool unicode)
{
	struct dlw_terminal terminal = { .unicode = unicode, .width = 80 };
	struct dlw_text_settings settings = { verbose, now_ns };
	char *text = NULL;
	size_t size;

	terminal.out = open_memstream(&text, &size);
	assert_non_null(terminal.out);
	dlw_render_text(&terminal, &settings, finding);
	fclose(terminal.out);
	assert_non_null(text);
	return text;
}

static char *render(const json_t *finding)
{
	return render_for(finding, 0, 0, false);
}

static void assert_shows(const char *text, const char *expected)
{
	if (!text || !strstr(text, expected))
		fail_msg("'%s' is not in:\n%s", expected, text ? text : "nothing");
}

static void assert_hides(const char *text, const char *unexpected)
{
	if (text && strstr(text, unexpected))
		fail_msg("'%s' is in:\n%s", unexpected, text);
}

static void the_whole_report_of_two_locks(void **state)
{
	static const char expected[] =
		"dlwatch: DEADLOCK, proven: 2 threads of app (pid 100) wait for each other for\n"
		"    ever\n"
		"\n"
		"  +-> 'first' (tid 101)\n"
		"  |       | wants M1 ledger, held by\n"
		"  |       v\n"
		"  |   'second' (tid 102)\n"
		"  |       | wants M2 journal, held by\n"
		"  +-------+\n"
		"\n"
		"  thread 'first' (tid 101)\n"
		"    wants M1 ledger (mutex), for 52 ms, at\n"
		"      #0  take_ledger (app.c:10)\n"
		"    holds M2 journal (mutex), acquired at\n"
		"      #0  took (app.c:5)\n"
		"\n"
		"  thread 'second' (tid 102)\n"
		"    wants M2 journal (mutex), for 52 ms, at\n"
		"      #0  take_journal (app.c:10)\n"
		"    holds M1 ledger (mutex), acquired at\n"
		"      #0  took (app.c:5)\n"
		"\n"
		"  the four conditions of a deadlock\n"
		"    mutual exclusion holds  so it is\n"
		"    hold and wait    holds  so it is\n"
		"    no preemption    holds  so it is\n"
		"    circular wait    holds  so it is\n"
		"\n"
		"  advice         Do it in one order.\n"
		"  suppress with  x\n"
		"  fingerprint    00112233445566ff\n"
		"\n";
	json_t *finding = fixture_two_locks("deadlock", "proven");
	char *text = render_for(finding, 0, 52001000, false);

	(void)state;
	assert_string_equal(text, expected);
	free(text);
	json_decref(finding);
}

static void lines_are_drawn_where_the_terminal_can(void **state)
{
	json_t *finding = fixture_two_locks("deadlock", "proven");
	char *text = render_for(finding, 0, 0, true);

	(void)state;
	assert_shows(text, "  ╭─▶ 'first' (tid 101)\n  │       │ wants M1 ledger, held by\n");
	assert_shows(text, "  ╰───────╯\n");
	free(text);
	json_decref(finding);
}

static void a_moment_in_the_finding_is_its_clock(void **state)
{
	json_t *finding = fixture_two_locks("deadlock", "proven");
	char *text = render(finding);

	(void)state;
	assert_hides(text, ", for ");
	free(text);
	json_object_set_new(finding, "now_ns", json_integer(3000001000));
	text = render_for(finding, 0, 52001000, false);
	assert_shows(text, "wants M1 ledger (mutex), for 3.0 s, at");
	free(text);
	json_decref(finding);
}

static json_t *core_thread(json_t *finding, size_t number)
{
	return json_array_get(json_object_get(finding, "core"), number);
}

static void a_thread_that_waits_for_itself(void **state)
{
	json_t *thread = fixture_thread("lonely", 101, fixture_want("M1", "exclusive", "again"),
					json_pack("[o]", fixture_hold("M1", "exclusive", 1)));
	json_t *finding = fixture_finding("deadlock", "proven", json_pack("[o]", thread),
					  json_pack("[o]", fixture_resource("M1", "mutex", "m")));
	char *text = render(finding);

	(void)state;
	assert_shows(text, "thread 'lonely' of app (pid 100) waits for M1 m,\n    which it holds itself");
	assert_shows(text, "| wants M1 m, held by itself\n  +-------+\n");
	free(text);
	json_decref(finding);
}

static void an_orphan_s_holder_is_nobody(void **state)
{
	json_t *thread = fixture_thread("child", 101, fixture_want("M1", "exclusive", "take"),
					json_array());
	json_t *finding = fixture_finding("orphan", "proven", json_pack("[o]", thread),
					  json_pack("[o]", fixture_resource("M1", "mutex", "m")));
	char *text = render(finding);

	(void)state;
	assert_shows(text, "ORPHAN, proven: thread 'child'");
	assert_shows(text, "which\n    nobody can release any more");
	assert_shows(text, "  'child' (tid 101) wants M1 m, held by nobody who is left\n");
	free(text);
	json_decref(finding);
}

static void waits_are_told_in_the_words_of_their_kind(void **state)
{
	static const struct {
		const char *kind, *mode, *expected;
	} waits[] = {
		{ "mutex", "exclusive", "wants R" },
		{ "rwlock", "exclusive", "wants R, exclusively" },
		{ "rwlock", "shared", "wants R, shared" },
		{ "file_lock", "exclusive", "wants R, exclusively" },
		{ "semaphore", "permit", "wants a permit of R" },
		{ "condition", "signal", "waits for a signal of R" },
		{ "barrier", "arrive", "waits at R" },
		{ "thread", "exit", "waits for the end of R" },
		{ "pipe", "read", "waits for data from R" },
		{ "pipe", "write", "waits for room in R" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(waits) / sizeof(waits[0]); i++) {
		json_t *thread = fixture_thread("t", 101, fixture_want("M1", waits[i].mode, "f"),
						json_array());
		json_t *finding = fixture_finding("deadlock", "stalled", json_pack("[o]", thread),
			json_pack("[o]", fixture_resource("M1", waits[i].kind, "m")));
		char *words = dlw_words_want(finding, json_object_get(thread, "wants"), "R");

		assert_string_equal(words, waits[i].expected);
		free(words);
		json_decref(finding);
	}
}

static void holds_are_told_in_the_words_of_their_mode(void **state)
{
	json_t *finding = fixture_two_locks("deadlock", "proven");
	static const struct {
		const char *mode;
		int count;
		const char *expected;
	} holds[] = {
		{ "exclusive", 1, "holds R" },
		{ "shared", 1, "holds R, shared" },
		{ "permit", 1, "holds 1 permit of R" },
		{ "permit", 2, "holds 2 permits of R" },
		{ "exit", 1, "would have to end for R" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(holds) / sizeof(holds[0]); i++) {
		json_t *hold = fixture_hold("M1", holds[i].mode, holds[i].count);
		char *words = dlw_words_hold(finding, hold, "R");

		assert_string_equal(words, holds[i].expected);
		free(words);
		json_decref(hold);
	}
	json_decref(finding);
}

static void recursion_and_order_counts_are_told_apart(void **state)
{
	json_t *deadlock = fixture_two_locks("deadlock", "proven");
	json_t *inversion = fixture_two_locks("inversion", "feasible");
	json_t *thread = core_thread(deadlock, 0);
	char *text;

	(void)state;
	json_object_set_new(json_array_get(json_object_get(thread, "holds"), 0), "count",
			    json_integer(3));
	text = render(deadlock);
	assert_shows(text, "holds M2 journal (mutex) 3 times, acquired at");
	free(text);
	text = render_for(inversion, 0, 52001000, false);
	assert_shows(text, "holds M2 journal (mutex) (this order was seen 1 time), acquired at");
	assert_hides(text, ", for 52");
	free(text);
	json_decref(deadlock);
	json_decref(inversion);
}

static void a_core_that_is_no_cycle_is_listed_with_holders(void **state)
{
	json_t *reader = fixture_thread("reader", 101, fixture_want("M2", "exclusive", "f"),
					json_pack("[o]", fixture_hold("R1", "shared", 1)));
	json_t *other = fixture_thread("other", 102, fixture_want("M2", "exclusive", "f"),
				       json_pack("[o]", fixture_hold("R1", "shared", 1)));
	json_t *writer = fixture_thread("writer", 103, fixture_want("R1", "exclusive", "g"),
					json_pack("[o]", fixture_hold("M2", "exclusive", 1)));
	json_t *finding = fixture_finding("deadlock", "proven",
		json_pack("[o,o,o]", reader, other, writer),
		json_pack("[o,o]", fixture_resource("R1", "rwlock", "rw"),
			  fixture_resource("M2", "mutex", "m")));
	char *text = render(finding);

	(void)state;
	assert_false(dlw_words_core_is_cycle(finding));
	assert_shows(text, "  'reader' (tid 101) wants M2 m, held by 'writer' (tid 103)\n");
	assert_shows(text, "  'writer' (tid 103) wants R1 rw, exclusively, held by 'reader' (tid 101),\n"
			   "      'other' (tid 102)\n");
	free(text);
	json_decref(finding);
}

static void a_pool_that_several_hold_is_no_cycle(void **state)
{
	json_t *core = json_array();
	json_t *finding;
	char name[16], *text;

	(void)state;
	for (int i = 0; i < 3; i++) {
		snprintf(name, sizeof(name), "c%d", i);
		json_array_append_new(core, fixture_thread(name, 101 + i,
			fixture_want("S1", "permit", "more"),
			json_pack("[o]", fixture_hold("S1", "permit", 1))));
	}
	finding = fixture_finding("deadlock", "likely", core,
				  json_pack("[o]", fixture_resource("S1", "semaphore", "pool")));
	text = render(finding);
	assert_false(dlw_words_core_is_cycle(finding));
	assert_shows(text, "  'c0' (tid 101) wants a permit of S1 pool, held by 'c1' (tid 102), 'c2' (tid\n"
			   "      103)\n");
	free(text);
	/* With two of them, each waits for the other. */
	json_array_remove(core, 2);
	assert_true(dlw_words_core_is_cycle(finding));
	json_decref(finding);
}

static void whom_a_signal_would_come_from_is_said_only_if_it_is_known(void **state)
{
	json_t *waiter = fixture_thread("waiter", 101, fixture_want("S1", "permit", "f"),
					json_pack("[o]", fixture_hold("M2", "exclusive", 1)));
	json_t *poster = fixture_thread("poster", 102, fixture_want("M2", "exclusive", "g"),
					json_array());
	json_t *finding = fixture_finding("deadlock", "likely", json_pack("[o,o]", waiter, poster),
		json_pack("[o,o]", fixture_resource("S1", "semaphore", "items"),
			  fixture_resource("M2", "mutex", "m")));
	char *text = render(finding);

	(void)state;
	assert_shows(text, "wants a permit of S1 items, to be posted by\n");
	free(text);
	json_object_set_new(finding, "verdict", json_string("stalled"));
	text = render(finding);
	assert_false(dlw_words_core_is_cycle(finding));
	assert_hides(text, "to be posted by");
	assert_shows(text, "  'waiter' (tid 101) wants a permit of S1 items\n");
	free(text);
	json_decref(finding);
}

static void a_join_waits_for_the_thread_it_names(void **state)
{
	json_t *main_thread = fixture_thread("main", 100, fixture_want("T1", "exit", "f"),
					     json_pack("[o]", fixture_hold("M2", "exclusive", 1)));
	json_t *worker = fixture_thread("worker", 102, fixture_want("M2", "exclusive", "g"),
					json_array());
	json_t *joined = fixture_resource("T1", "thread", "worker (tid 102)");
	json_t *finding = fixture_finding("deadlock", "proven",
		json_pack("[o,o]", main_thread, worker),
		json_pack("[o,o]", joined, fixture_resource("M2", "mutex", "m")));
	char *text = render(finding);

	(void)state;
	assert_shows(text, "| waits for the end of T1 worker (tid 102), that is\n");
	free(text);
	json_object_set_new(joined, "name", json_string("another (tid 1021)"));
	assert_false(dlw_words_core_is_cycle(finding));
	json_decref(finding);
}

static void kinds_are_not_said_twice(void **state)
{
	json_t *resource = fixture_resource("M1", "mutex", "mutex initialised at f (a.c:1)");
	char *words = dlw_words_kind(resource);

	(void)state;
	assert_string_equal(words, "mutex"); /* all there is to say */
	free(words);
	json_object_set_new(resource, "type", json_string("normal"));
	words = dlw_words_kind(resource);
	assert_string_equal(words, "normal");
	free(words);
	json_object_set_new(resource, "name", json_string("forks+0x28"));
	json_object_set_new(resource, "element", json_string("forks[1]"));
	json_object_set_new(resource, "shared", json_true());
	words = dlw_words_kind(resource);
	assert_string_equal(words, "mutex, normal, shared by processes, forks+0x28");
	free(words);
	json_decref(resource);
}

static void the_pid_is_told_where_there_are_two(void **state)
{
	json_t *finding = fixture_two_locks("deadlock", "proven");
	char *text;

	(void)state;
	json_object_set_new(core_thread(finding, 1), "pid", json_integer(200));
	text = render(finding);
	assert_shows(text, "2 threads of 2 processes wait for each other");
	assert_shows(text, "'first' (pid 100, tid 101)");
	assert_shows(text, "'second' (pid 200, tid 102)");
	free(text);
	json_decref(finding);
}

/* @stack gets frames f0, f1 … and then those the C library starts a thread with. */
static void fill_stack(json_t *stack, int frames)
{
	char name[16];
	int i;

	json_array_clear(stack);
	for (i = 0; i < frames; i++) {
		snprintf(name, sizeof(name), "f%d", i);
		json_array_append_new(stack, fixture_frame(name, i + 1));
	}
	for (i = 0; i < 2; i++) {
		json_array_append_new(stack, fixture_frame("start_thread", 1));
		json_object_set_new(json_array_get(stack, json_array_size(stack) - 1), "module",
				    json_string("/lib/x86_64-linux-gnu/libc.so.6"));
	}
}

static void stacks_end_where_the_program_begins(void **state)
{
	json_t *finding = fixture_two_locks("deadlock", "proven");
	json_t *stack = json_object_get(json_object_get(core_thread(finding, 0), "wants"), "stack");
	char *text;

	(void)state;
	fill_stack(stack, 12);
	text = render(finding);
	assert_shows(text, "#11 f11 (app.c:12)\n    holds");
	assert_hides(text, "start_thread");
	assert_hides(text, "more frames");
	free(text);
	fill_stack(stack, 14);
	text = render(finding);
	assert_hides(text, "f12 ");
	assert_shows(text, "... 2 more frames (-v shows them)");
	free(text);
	text = render_for(finding, 1, 0, false);
	assert_shows(text, "#13 f13 (app.c:14)\n      #14 start_thread (app.c:1)");
	free(text);
	json_decref(finding);
}

static void a_stack_of_the_c_library_alone_keeps_a_frame(void **state)
{
	json_t *finding = fixture_two_locks("deadlock", "proven");
	json_t *stack = json_object_get(json_object_get(core_thread(finding, 0), "wants"), "stack");
	char *text;

	(void)state;
	fill_stack(stack, 0);
	text = render(finding);
	assert_shows(text, "at\n      #0  start_thread (app.c:1)\n    holds");
	free(text);
	json_decref(finding);
}

static void what_was_not_captured_is_not_promised(void **state)
{
	json_t *finding = fixture_two_locks("deadlock", "proven");
	json_t *want = json_object_get(core_thread(finding, 0), "wants");
	char *text;

	(void)state;
	json_array_clear(json_object_get(want, "stack"));
	text = render(finding);
	assert_shows(text, "wants M1 ledger (mutex), at\n      #0  take_ledger (app.c:10)\n");
	free(text);
	json_object_set_new(want, "site", json_null());
	text = render(finding);
	assert_shows(text, "wants M1 ledger (mutex)\n    holds");
	free(text);
	json_decref(finding);
}

static void many_stuck_threads_are_counted(void **state)
{
	json_t *finding = fixture_two_locks("deadlock", "proven");
	json_t *stuck = json_object_get(finding, "stuck");
	char name[16], *text;

	(void)state;
	for (int i = 0; i < 30; i++) {
		snprintf(name, sizeof(name), "s%d", i);
		json_array_append_new(stuck, fixture_thread(name, 200 + i,
			fixture_want("M1", "exclusive", "take_ledger"), json_array()));
	}
	text = render(finding);
	assert_shows(text, "  stuck behind them\n    's0' (tid 200) wants M1 ledger at take_ledger (app.c:10)\n");
	assert_shows(text, "    's9' (tid 209)");
	assert_hides(text, "'s10'");
	assert_shows(text, "    and 20 more threads (-v shows them)\n");
	free(text);
	text = render_for(finding, 1, 0, false);
	assert_shows(text, "  thread 's29' (tid 229)\n    wants M1");
	free(text);
	json_decref(finding);
}

static void durations_are_short(void **state)
{
	static const struct {
		uint64_t ns;
		const char *words;
	} durations[] = {
		{ 0, "0 us" }, { 999999, "999 us" }, { 52000000, "52 ms" }, { 1340000000, "1.3 s" },
		{ 59999999999, "59 s" }, { 250000000000, "4 min 10 s" },
		{ 7260000000000, "2 h 1 min" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(durations) / sizeof(durations[0]); i++) {
		char *words = dlw_words_duration(durations[i].ns);

		assert_string_equal(words, durations[i].words);
		free(words);
	}
}

static char *wrapped(const char *text, int width, int column, int indent)
{
	struct dlw_terminal terminal = { .width = width };
	char *result = NULL;
	size_t size;

	terminal.out = open_memstream(&result, &size);
	dlw_wrap(&terminal, DLW_STYLE_PLAIN, column, indent, text);
	fclose(terminal.out);
	return result;
}

static void words_are_not_broken_and_letters_not_bytes_are_counted(void **state)
{
	char *text = wrapped("one two three", 8, 0, 2);

	(void)state;
	assert_string_equal(text, "one two\n  three\n");
	free(text);
	text = wrapped("äöü äöü äöü", 7, 0, 0);
	assert_string_equal(text, "äöü äöü\näöü\n");
	free(text);
	text = wrapped("a-word-longer-than-the-line b", 8, 4, 4);
	assert_string_equal(text, "a-word-longer-than-the-line\n    b\n");
	free(text);
	text = wrapped("", 8, 0, 0);
	assert_string_equal(text, "\n");
	free(text);
}

static void color_begins_and_ends_with_each_line(void **state)
{
	struct dlw_terminal terminal = { .color = true, .width = 8 };
	char *text = NULL;
	size_t size;

	(void)state;
	terminal.out = open_memstream(&text, &size);
	dlw_wrap(&terminal, DLW_STYLE_TITLE, 0, 2, "one two three");
	dlw_put(&terminal, DLW_STYLE_TITLE, "");
	dlw_put(&terminal, DLW_STYLE_PLAIN, "x");
	fclose(terminal.out);
	assert_string_equal(text, "\033[1mone two\033[0m\n  \033[1mthree\033[0m\nx");
	free(text);
}

static void control_characters_do_not_reach_the_terminal(void **state)
{
	json_t *finding = fixture_two_locks("deadlock", "proven");
	char *text;

	(void)state;
	json_object_set_new(core_thread(finding, 0), "name",
			    json_string("\033[2J\007\r\n\302\233x\177\303\244"));
	text = render(finding);
	assert_shows(text, "'?[2J????x?\303\244' (tid 101)");
	for (const char *at = text; *at; at++)
		assert_true(*at == '\n' || (unsigned char)*at >= 0x20);
	free(text);
	json_decref(finding);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_whole_report_of_two_locks),
		cmocka_unit_test(lines_are_drawn_where_the_terminal_can),
		cmocka_unit_test(a_moment_in_the_finding_is_its_clock),
		cmocka_unit_test(a_thread_that_waits_for_itself),
		cmocka_unit_test(an_orphan_s_holder_is_nobody),
		cmocka_unit_test(waits_are_told_in_the_words_of_their_kind),
		cmocka_unit_test(holds_are_told_in_the_words_of_their_mode),
		cmocka_unit_test(recursion_and_order_counts_are_told_apart),
		cmocka_unit_test(a_core_that_is_no_cycle_is_listed_with_holders),
		cmocka_unit_test(a_pool_that_several_hold_is_no_cycle),
		cmocka_unit_test(whom_a_signal_would_come_from_is_said_only_if_it_is_known),
		cmocka_unit_test(a_join_waits_for_the_thread_it_names),
		cmocka_unit_test(kinds_are_not_said_twice),
		cmocka_unit_test(the_pid_is_told_where_there_are_two),
		cmocka_unit_test(stacks_end_where_the_program_begins),
		cmocka_unit_test(a_stack_of_the_c_library_alone_keeps_a_frame),
		cmocka_unit_test(what_was_not_captured_is_not_promised),
		cmocka_unit_test(many_stuck_threads_are_counted),
		cmocka_unit_test(durations_are_short),
		cmocka_unit_test(words_are_not_broken_and_letters_not_bytes_are_counted),
		cmocka_unit_test(color_begins_and_ends_with_each_line),
		cmocka_unit_test(control_characters_do_not_reach_the_terminal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
