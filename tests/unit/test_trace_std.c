/*
 * test_trace_std.c - traces in the STD text format are read as the runs they tell
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/log_dump.h"
#include "analyzer/log_findings.h"
#include "analyzer/log_replay.h"
#include "analyzer/trace_std.h"

struct trace {
	struct dlw_replay *replay;
	struct dlw_source *source;
};

static struct trace opened(const char *text)
{
	struct trace trace = { .replay = dlw_replay_new() };
	struct dlw_std_loss loss;
	char *error = NULL;
	size_t size;
	uint8_t *bytes = dlw_std_to_log("dir/x.std", text, strlen(text), &size, &loss);

	trace.source = dlw_replay_add_memory(trace.replay, "x.std", bytes, size, NULL, 0, &error);
	assert_non_null(trace.source);
	trace.source->made = bytes;
	trace.source->made_loss = loss;
	assert_true(dlw_log_file_is_whole(&trace.source->file));
	return trace;
}

static void closed(struct trace *trace)
{
	dlw_replay_free(trace->replay);
}

/** written() - the trace, printed as one again; for free() */
static char *written(const char *text)
{
	struct trace trace = opened(text);
	struct dlw_log_dump dump = { .replay = trace.replay };
	char *out;
	size_t size;

	dump.out = open_memstream(&out, &size);
	assert_true(dlw_log_dump_std(&dump));
	fclose(dump.out);
	closed(&trace);
	return out;
}

static void assert_written(const char *text, const char *expected)
{
	char *out = written(text);

	assert_string_equal(out, expected);
	free(out);
}

static void keep_finding(void *context, const char *line, size_t length)
{
	(void)length;
	snprintf(context, 4096, "%s", line);
}

static uint32_t findings_in(const char *text, char finding[4096])
{
	struct trace trace = opened(text);
	struct dlw_log_findings *findings;
	uint32_t count;

	findings = dlw_log_findings_new(trace.replay, keep_finding, finding);
	dlw_replay_start(trace.replay);
	while (dlw_replay_peek(trace.replay)) {
		dlw_log_findings_before(findings);
		dlw_replay_apply(trace.replay);
	}
	dlw_log_findings_at_end(findings);
	count = dlw_log_findings_count(findings);
	dlw_log_findings_free(findings);
	assert_int_equal(trace.replay->missing_tickets, 0);
	assert_int_equal(trace.source->loss.odd_events, 0);
	closed(&trace);
	return count;
}

/* ------------------------------------------------------------------------------ tests */

static void what_is_read_is_what_is_written(void **unused)
{
	static const char text[] = "T1|fork(T2)|7\n"
				   "T1|acq(L1)|11\n"
				   "T1|w(V2)|12\n"
				   "T1|rel(L1)|13\n"
				   "T2|acq(L1)|21\n"
				   "T2|r(V2)|22\n"
				   "T2|rel(L1)|23\n"
				   "T1|join(T2)|14\n";

	(void)unused;
	assert_written(text, text);
}

static void threads_go_with_and_without_their_t(void **unused)
{
	(void)unused;
	assert_written("1|fork(2)|7\nT2|acq(l)|8\n2|rel(l)|9\nT1|join(2)|10\n",
		       "T1|fork(T2)|7\nT2|acq(L1)|8\nT2|rel(L1)|9\nT1|join(T2)|10\n");
}

static void comments_blank_lines_and_marks_say_nothing(void **unused)
{
	(void)unused;
	assert_written("# a trace\n\n  \nT1|begin(m)|1\nT1|acq(L1)|5\r\n// more\nT1|end(m)\nT1|rel(L1)",
		       "T1|acq(L1)|5\nT1|rel(L1)|0\n");
}

static void an_inner_acquisition_of_a_held_lock_is_no_new_one(void **unused)
{
	(void)unused;
	assert_written("T1|acq(L1)|1\nT1|acq(L1)|2\nT1|rel(L1)|3\nT1|rel(L1)|4\n",
		       "T1|acq(L1)|1\nT1|rel(L1)|4\n");
}

static void who_waits_gives_the_monitor_back_and_has_it_again(void **unused)
{
	(void)unused;
	assert_written("T1|acq(L1)|1\nT1|wait(L1)|2\nT2|acq(L1)|3\nT2|notify(L1)|4\nT2|rel(L1)|5\n"
		       "T1|w(V9)|6\nT1|rel(L1)|7\n",
		       "T1|acq(L1)|1\nT1|rel(L1)|2\nT2|acq(L1)|3\nT2|w(V2)|4\nT2|rel(L1)|5\n"
		       "T1|r(V2)|6\nT1|acq(L1)|6\nT1|w(V3)|6\nT1|rel(L1)|7\n");
}

static void two_that_ask_for_each_others_lock_are_deadlocked(void **unused)
{
	char finding[4096];

	(void)unused;
	assert_int_equal(findings_in("T1|acq(a)|1\nT2|acq(b)|2\nT1|req(b)|3\nT2|req(a)|4\n", finding),
			 1);
	assert_non_null(strstr(finding, "\"verdict\":\"proven\""));
	assert_non_null(strstr(finding, "\"name\":\"T2\""));
	assert_int_equal(findings_in("T1|req(a)|1\nT1|acq(a)|1\nT1|req(b)|3\nT1|acq(b)|3\nT1|rel(b)|5\n"
				     "T1|rel(a)|6\nT2|req(b)|7\nT2|acq(b)|7\nT2|req(a)|8\nT2|acq(a)|8\n",
				     finding),
			 0);
}

static void lines_that_are_no_event_are_counted(void **unused)
{
	struct trace trace = opened("T1|acq(L1)|1\nnonsense\nT1|jump(L1)|2\n|acq(L1)|3\nT1|rel(L1)|4\n"
				    "T1|acq()|5\nT1|fork(T2)|6\nT1|join(T2)|7\nT2|acq(L1)|8\n");

	(void)unused;
	assert_int_equal(trace.source->made_loss.lines, 5);
	assert_int_equal(trace.source->made_loss.first_line, 2);
	closed(&trace);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_read_is_what_is_written),
		cmocka_unit_test(threads_go_with_and_without_their_t),
		cmocka_unit_test(comments_blank_lines_and_marks_say_nothing),
		cmocka_unit_test(an_inner_acquisition_of_a_held_lock_is_no_new_one),
		cmocka_unit_test(who_waits_gives_the_monitor_back_and_has_it_again),
		cmocka_unit_test(two_that_ask_for_each_others_lock_are_deadlocked),
		cmocka_unit_test(lines_that_are_no_event_are_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
