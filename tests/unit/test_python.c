/*
 * test_python.c - what an interpreter says, and what becomes of it in a finding
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "analyzer/findings.h"
#include "analyzer/memory.h"
#include "analyzer/names.h"
#include "analyzer/python_fold.h"
#include "analyzer/python_text.h"
#include "tests/unit/finding_fixture.h"

#define TRACEBACK                                                      \
	"Thread 0x00000000000000b1 (most recent call first):\n"        \
	"  File \"/usr/lib/python3.11/threading.py\", line 320 in wait\n" \
	"  File \"/src/app.py\", line 12 in take\n"                    \
	"  File \"/usr/lib/python3.11/threading.py\", line 975 in run\n" \
	"\n"                                                           \
	"Current thread 0x00000000000000b2 (most recent call first):\n" \
	"  File \"/src/app.py\", line 34 in give\n"                    \
	"\n"
#define TASKS                                \
	"Task 0x00000000000000b1 101\n"      \
	"Task 0x00000000000000b2 102\n"      \
	"Task 0x00000000000000c3 103\n"      \
	"Done traceback\n"
#define NAMES                                \
	"Name 0x00000000000000b1 taker one\n" \
	"Name 0x00000000000000b2 g\xc3\xa9rard\n" \
	"Done names\n"

static json_t *read_text(const char *text)
{
	json_t *line = json_pack("{s:s,s:i,s:s}", "schema", "dlwatch-python/1", "pid", 100, "text",
				 text);
	char *json = json_dumps(line, JSON_COMPACT | JSON_PRESERVE_ORDER);
	json_t *processes = json_object();

	assert_true(dlw_python_is_line(json, strlen(json)));
	assert_true(dlw_python_read(processes, json, strlen(json)));
	free(json);
	json_decref(line);
	return processes;
}

static json_t *thread_of(json_t *processes, const char *tid)
{
	return json_object_get(json_object_get(json_object_get(processes, "100"), "threads"), tid);
}

static void assert_frame(json_t *processes, const char *tid, size_t at, const char *expected)
{
	json_t *frame = json_array_get(json_object_get(thread_of(processes, tid), "stack"), at);
	char *text = dlw_frame_text(frame);

	assert_string_equal(dlw_text(frame, "language"), "python");
	assert_string_equal(text, expected);
	free(text);
}

/* ---- reading -------------------------------------------------------------------------- */

static void threads_are_found_by_their_kernel_ids(void **state)
{
	json_t *processes = read_text(TRACEBACK TASKS NAMES);

	(void)state;
	assert_int_equal(json_object_size(json_object_get(json_object_get(processes, "100"),
							  "threads")), 3);
	assert_frame(processes, "101", 0, "wait (threading.py:320)");
	assert_frame(processes, "101", 1, "take (app.py:12)");
	assert_frame(processes, "101", 2, "run (threading.py:975)");
	assert_frame(processes, "102", 0, "give (app.py:34)");
	assert_string_equal(dlw_text(thread_of(processes, "101"), "name"), "taker one");
	assert_string_equal(dlw_text(thread_of(processes, "102"), "name"), "g\xc3\xa9rard");
	assert_int_equal(json_object_size(thread_of(processes, "103")), 0);
	assert_null(json_object_get(json_object_get(processes, "100"), "trouble"));
	json_decref(processes);
}

static void names_with_odd_letters_are_read(void **state)
{
	json_t *processes = read_text(
		"Thread 0x00000000000000b1 (most recent call first):\n"
		"  File \"/a\", line 3 in b.py\", line 7 in caf\\xe9_\\u20ac\\U0001f40d\n"
		"  File \"/tmp/\\udcff\\x0a.py\", line 9 in <lambda>\n"
		"  File ???, line ??? in ???\n" TASKS);

	(void)state;
	assert_frame(processes, "101", 0, "caf\xc3\xa9_\xe2\x82\xac\xf0\x9f\x90\x8d (a\", line 3 in b.py:7)");
	assert_frame(processes, "101", 1, "<lambda> (\xef\xbf\xbd\xef\xbf\xbd.py:9)");
	assert_int_equal(json_array_size(json_object_get(thread_of(processes, "101"), "stack")), 2);
	json_decref(processes);
}

static void assert_trouble(const char *text, const char *expected)
{
	json_t *processes = read_text(text);
	const char *trouble = dlw_text(json_object_get(processes, "100"), "trouble");

	if (!strstr(trouble, expected))
		fail_msg("'%s' is not in '%s'", expected, trouble);
	json_decref(processes);
}

static void what_is_missing_is_said(void **state)
{
	json_t *processes = read_text("Thread 0x00000000000000b1 (most recent call first):\n"
				      "  File \"/src/app.py\", line 12 in deep\n"
				      "  ...\n" TASKS);

	(void)state;
	assert_true(dlw_flag(thread_of(processes, "101"), "cut"));
	json_decref(processes);
	assert_trouble("", "did not come to an end");
	assert_trouble(TRACEBACK, "did not come to an end");
	assert_trouble(TRACEBACK "...\n" TASKS, "newest 100 threads");
	assert_trouble("Trouble it may not be traced\n", "it may not be traced");
}

static void what_is_no_such_line_is_refused(void **state)
{
	static const char finding[] = "{\"schema\":\"dlwatch-finding/1\"}";
	static const char broken[] = "{\"schema\":\"dlwatch-python/1\",\"pid\":1";
	static const char typed[] = "{\"schema\":\"dlwatch-python/1\",\"pid\":\"1\",\"text\":\"\"}";
	json_t *processes = json_object();

	(void)state;
	assert_false(dlw_python_is_line(finding, strlen(finding)));
	assert_false(dlw_python_is_line("", 0));
	assert_true(dlw_python_is_line(broken, strlen(broken)));
	assert_false(dlw_python_read(processes, broken, strlen(broken)));
	assert_false(dlw_python_read(processes, typed, strlen(typed)));
	assert_int_equal(json_object_size(processes), 0);
	json_decref(processes);
}

/* ---- folding ------------------------------------------------------------------------------ */

/* Two threads of an interpreter that wait for each other's semaphores, both in one C function. */
static json_t *python_deadlock(void)
{
	json_t *core = json_array(), *resources = json_array(), *finding;

	json_array_append_new(core, fixture_thread("python3", 101,
		fixture_want("S1", "permit", "acquire"),
		json_pack("[o]", fixture_hold("S2", "permit", 1))));
	json_array_append_new(core, fixture_thread("python3", 102,
		fixture_want("S2", "permit", "acquire"),
		json_pack("[o]", fixture_hold("S1", "permit", 1))));
	json_array_append_new(resources, fixture_resource("S1", "semaphore", ""));
	json_array_append_new(resources, fixture_resource("S2", "semaphore", ""));
	json_array_append_new(resources, fixture_resource("T3", "thread", "python3 (tid 102)"));
	finding = fixture_finding("deadlock", "likely", core, resources);
	json_object_set_new(json_object_get(json_object_get(finding, "coffman"), "circular_wait"),
			    "evidence",
			    json_string("'python3' (tid 101) waits at app+0x234, 'python3' (pid 100, tid "
					"102) at app+0x234, 'python3' (tid 1010) at app+0x234"));
	return finding;
}

static void threads_get_their_python_lines_and_names(void **state)
{
	json_t *processes = read_text(TRACEBACK TASKS NAMES), *finding = python_deadlock();
	json_t *first = json_array_get(json_object_get(finding, "core"), 0);
	json_t *want = json_object_get(first, "wants");
	char *why;

	(void)state;
	assert_true(dlw_python_fold(processes, finding));
	why = dlw_finding_check(finding);
	assert_null(why);
	assert_string_equal(dlw_text(first, "name"), "taker one");
	assert_string_equal(dlw_text(first, "kernel_name"), "python3");
	assert_string_equal(dlw_text(json_object_get(want, "site"), "function"), "take");
	assert_int_equal(json_array_size(json_object_get(want, "stack")), 4);
	assert_string_equal(dlw_text(json_array_get(json_object_get(want, "stack"), 3), "function"),
			    "acquire");
	assert_string_equal(dlw_text(dlw_finding_resource(finding, "T3"), "name"),
			    "g\xc3\xa9rard (tid 102)");
	assert_null(json_object_get(finding, "notes"));
	json_decref(finding);
	json_decref(processes);
}

static void texts_speak_of_each_thread_s_own_line(void **state)
{
	json_t *processes = read_text(TRACEBACK TASKS NAMES), *finding = python_deadlock();

	(void)state;
	dlw_python_fold(processes, finding);
	assert_string_equal(
		dlw_text(json_object_get(json_object_get(finding, "coffman"), "circular_wait"),
			 "evidence"),
		"'taker one' (tid 101) waits at take (app.py:12), 'g\xc3\xa9rard' (pid 100, tid 102) "
		"at give (app.py:34), 'python3' (tid 1010) at app+0x234");
	json_decref(finding);
	json_decref(processes);
}

static void other_processes_and_findings_stay_as_they_are(void **state)
{
	json_t *processes = json_object(), *finding = python_deadlock(), *before;

	(void)state;
	before = json_deep_copy(finding);
	assert_false(dlw_python_fold(processes, finding));
	assert_true(json_equal(before, finding));
	json_decref(processes);
	processes = read_text(TRACEBACK TASKS NAMES);
	json_object_set_new(processes, "99", json_deep_copy(json_object_get(processes, "100")));
	json_object_del(processes, "100");
	assert_false(dlw_python_fold(processes, finding));
	assert_true(json_equal(before, finding));
	json_decref(before);
	json_decref(finding);
	json_decref(processes);
}

static void trouble_becomes_a_note(void **state)
{
	json_t *processes = read_text("Trouble it may not be traced\n");
	json_t *finding = python_deadlock(), *notes;

	(void)state;
	assert_false(dlw_python_fold(processes, finding));
	notes = json_object_get(finding, "notes");
	assert_int_equal(json_array_size(notes), 1);
	assert_string_equal(json_string_value(json_array_get(notes, 0)),
			    "no whole Python traceback of process 100: it may not be traced");
	json_decref(finding);
	json_decref(processes);
}

static void threads_without_a_traceback_keep_their_names(void **state)
{
	json_t *processes = read_text("Thread 0x00000000000000b1 (most recent call first):\n"
				      "  File \"/src/app.py\", line 12 in take\n"
				      "  ...\n...\n" TASKS NAMES);
	json_t *finding = python_deadlock(), *core = json_object_get(finding, "core");
	json_t *notes;

	(void)state;
	assert_true(dlw_python_fold(processes, finding));
	assert_string_equal(dlw_text(json_array_get(core, 1), "name"), "g\xc3\xa9rard");
	assert_string_equal(dlw_text(json_object_get(json_object_get(json_array_get(core, 1),
								     "wants"), "site"), "function"),
			    "acquire");
	notes = json_object_get(finding, "notes");
	assert_int_equal(json_array_size(notes), 2);
	assert_non_null(strstr(json_string_value(json_array_get(notes, 0)), "of 1 thread the innermost"));
	assert_non_null(strstr(json_string_value(json_array_get(notes, 1)), "newest 100 threads"));
	json_decref(finding);
	json_decref(processes);
}

/* The fingerprint of the deadlock when the first thread waits at @line. */
static char *fingerprint_at(const char *line, bool swapped)
{
	char *text = dlw_print("Thread 0x00000000000000b1 (most recent call first):\n%s"
			       "Thread 0x00000000000000b2 (most recent call first):\n"
			       "  File \"/src/app.py\", line 34 in give\n" TASKS, line);
	json_t *processes = read_text(text), *finding = python_deadlock();
	json_t *core = json_object_get(finding, "core");
	char *fingerprint;

	if (swapped) {
		json_array_append(core, json_array_get(core, 0));
		json_array_remove(core, 0);
	}
	assert_true(dlw_python_fold(processes, finding));
	dlw_python_finish(finding);
	fingerprint = dlw_copy(dlw_text(finding, "fingerprint"));
	json_decref(finding);
	json_decref(processes);
	free(text);
	return fingerprint;
}

static void fingerprints_tell_python_lines_apart(void **state)
{
	char *one = fingerprint_at("  File \"/src/app.py\", line 12 in take\n", false);
	char *same = fingerprint_at("  File \"/elsewhere/app.py\", line 12 in take\n", true);
	char *other = fingerprint_at("  File \"/src/app.py\", line 13 in take\n", false);

	(void)state;
	assert_int_equal(strlen(one), 16);
	assert_string_equal(one, same);
	assert_string_not_equal(one, other);
	free(other);
	free(same);
	free(one);
}

static void advice_names_the_lines_to_compare(void **state)
{
	json_t *processes = read_text(TRACEBACK TASKS NAMES), *finding = python_deadlock();
	const char *advice;

	(void)state;
	dlw_python_fold(processes, finding);
	dlw_python_finish(finding);
	advice = dlw_text(finding, "advice");
	assert_non_null(strstr(advice, "compare take (app.py:12) with give (app.py:34)"));
	json_decref(finding);
	json_decref(processes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(threads_are_found_by_their_kernel_ids),
		cmocka_unit_test(names_with_odd_letters_are_read),
		cmocka_unit_test(what_is_missing_is_said),
		cmocka_unit_test(what_is_no_such_line_is_refused),
		cmocka_unit_test(threads_get_their_python_lines_and_names),
		cmocka_unit_test(texts_speak_of_each_thread_s_own_line),
		cmocka_unit_test(other_processes_and_findings_stay_as_they_are),
		cmocka_unit_test(trouble_becomes_a_note),
		cmocka_unit_test(threads_without_a_traceback_keep_their_names),
		cmocka_unit_test(fingerprints_tell_python_lines_apart),
		cmocka_unit_test(advice_names_the_lines_to_compare),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
