/*
 * test_suppressions.c - rules and baselines hide what they name, and nothing else
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "analyzer/baseline.h"
#include "analyzer/suppressions.h"
#include "tests/unit/finding_fixture.h"

static char name[] = "/tmp/dlwatch-rules.XXXXXX";
static int complaints; /* where standard error goes meanwhile */
static int real_stderr;

static int set_up(void **state)
{
	int fd = mkstemp(name);
	FILE *caught = tmpfile();

	(void)state;
	if (fd < 0 || !caught)
		return -1;
	close(fd);
	complaints = dup(fileno(caught));
	fclose(caught);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	unlink(name);
	close(complaints);
	return 0;
}

static void write_file(const char *text)
{
	FILE *out = fopen(name, "w");

	assert_non_null(out);
	fputs(text, out);
	assert_int_equal(fclose(out), 0);
}

static void catch_stderr(void)
{
	fflush(stderr);
	assert_int_equal(ftruncate(complaints, 0), 0);
	lseek(complaints, 0, SEEK_SET);
	real_stderr = dup(2);
	dup2(complaints, 2);
}

static void assert_complained(const char *text)
{
	char line[512] = "";
	ssize_t length;

	fflush(stderr);
	dup2(real_stderr, 2);
	close(real_stderr);
	length = pread(complaints, line, sizeof(line) - 1, 0);
	assert_true(length > 0);
	assert_non_null(strstr(line, text));
	assert_ptr_equal(strchr(line, '\n'), line + length - 1); /* one line, no more */
}

static bool hides(const char *rules, json_t *finding)
{
	struct dlw_suppressions *suppressions;
	bool hidden;

	write_file(rules);
	suppressions = dlw_suppressions_read(name);
	assert_non_null(suppressions);
	hidden = dlw_suppressions_match(suppressions, finding);
	dlw_suppressions_free(suppressions);
	return hidden;
}

static void a_rule_has_to_match_every_thread_of_the_core(void **state)
{
	json_t *finding = fixture_two_locks("deadlock", "proven");

	(void)state;
	assert_true(hides("deadlock:take_ledger,take_journal\n", finding));
	assert_true(hides("deadlock: take_journal , take_ledger", finding));
	assert_true(hides("deadlock:take_*\n", finding));
	assert_false(hides("deadlock:take_ledger\n", finding));
	assert_false(hides("deadlock:take_ledger\ndeadlock:take_journal\n", finding));
	assert_false(hides("deadlock:take\n", finding));
	json_decref(finding);
}

static void a_rule_is_for_its_kind(void **state)
{
	json_t *deadlock = fixture_two_locks("deadlock", "proven");
	json_t *inversion = fixture_two_locks("inversion", "feasible");

	(void)state;
	assert_false(hides("inversion:take_*\n", deadlock));
	assert_true(hides("inversion:take_*\n", inversion));
	assert_true(hides("*:take_*\n", inversion));
	assert_true(hides("*:take_*\n", deadlock));
	json_decref(deadlock);
	json_decref(inversion);
}

static void places_locks_and_fingerprints_match_too(void **state)
{
	json_t *finding = fixture_two_locks("deadlock", "proven");

	(void)state;
	assert_true(hides("deadlock:app+0x234\n", finding));
	assert_false(hides("deadlock:app+0x23\n", finding));
	assert_true(hides("deadlock:lock=ledger,lock=jour*\n", finding));
	assert_true(hides("lock=?*\n", finding));
	assert_false(hides("deadlock:lock=ledger\n", finding));
	assert_true(hides("deadlock:take_ledger,lock=journal\n", finding));
	assert_true(hides("fingerprint=00112233445566ff\n", finding));
	assert_true(hides("fingerprint=00112233445566FF\n", finding));
	assert_false(hides("fingerprint=00112233445566fe\n", finding));
	json_decref(finding);
}

static void comments_and_blank_lines_are_no_rules(void **state)
{
	json_t *finding = fixture_two_locks("deadlock", "proven");

	(void)state;
	assert_false(hides("", finding));
	assert_false(hides("# deadlock:*\n\n   \n\t# x\n", finding));
	assert_true(hides("# why\ndeadlock:* # since May\n", finding));
	/* Names of C++ lambdas have a # inside. */
	json_object_set_new(json_object_get(json_object_get(json_array_get(
		json_object_get(finding, "core"), 0), "wants"), "site"), "function",
		json_string("main::{lambda()#1}::operator()"));
	assert_true(hides("deadlock:main::{lambda()#1}::operator(),take_journal\n", finding));
	json_decref(finding);
}

static void without_a_wait_the_hold_is_the_site(void **state)
{
	json_t *thread = fixture_thread("lonely", 101, json_null(),
					json_pack("[o]", fixture_hold("M1", "exclusive", 1)));
	json_t *finding = fixture_finding("misuse", "certain", json_pack("[o]", thread),
					  json_pack("[o]", fixture_resource("M1", "mutex", "m")));

	(void)state;
	assert_true(hides("misuse:took\n", finding));
	assert_true(hides("misuse:lock=m\n", finding));
	assert_false(hides("misuse:take\n", finding));
	json_decref(finding);
}

static void count_uses(const char *rule, int line, size_t used, void *context)
{
	assert_non_null(rule);
	((size_t *)context)[line] = used;
}

static void uses_are_counted_by_rule(void **state)
{
	json_t *finding = fixture_two_locks("deadlock", "proven");
	struct dlw_suppressions *suppressions;
	size_t used[5] = { 9, 9, 9, 9, 9 };

	(void)state;
	write_file("deadlock:nobody\n\ndeadlock:take_*\n");
	suppressions = dlw_suppressions_read(name);
	assert_true(dlw_suppressions_match(suppressions, finding));
	assert_true(dlw_suppressions_match(suppressions, finding));
	dlw_suppressions_each(suppressions, count_uses, used);
	assert_int_equal(used[1], 0);
	assert_int_equal(used[2], 9);
	assert_int_equal(used[3], 2);
	dlw_suppressions_free(suppressions);
	json_decref(finding);
}

static void assert_refused(const char *rules, const char *why)
{
	write_file(rules);
	catch_stderr();
	assert_null(dlw_suppressions_read(name));
	assert_complained(why);
}

static void a_wrong_rule_is_refused_with_its_line(void **state)
{
	char expected[128];

	(void)state;
	snprintf(expected, sizeof(expected), "%s:3: 'silly:main': the kind must be", name);
	assert_refused("deadlock:main\n\nsilly:main\n", expected);
	assert_refused("main\n", "KIND:PATTERN expected");
	assert_refused("deadlock:\n", "an empty pattern");
	assert_refused("deadlock:a,,b\n", "an empty pattern");
	assert_refused("fingerprint=12\n", "16 or more");
	assert_refused("deadlock:fingerprint=00112233445566fg\n", "16 or more");
	assert_refused("lock=\n", "lock= needs");
	catch_stderr();
	assert_null(dlw_suppressions_read("/no/such/file"));
	assert_complained("/no/such/file: cannot read suppressions: No such file");
}

static bool knows(const char *text, const char *fingerprint)
{
	struct dlw_baseline *baseline;
	bool known;

	write_file(text);
	baseline = dlw_baseline_read(name);
	assert_non_null(baseline);
	known = dlw_baseline_has(baseline, fingerprint);
	dlw_baseline_free(baseline);
	return known;
}

static void a_baseline_is_a_report_or_lines_or_a_list(void **state)
{
	static const char report[] =
		"\n{\"schema\":\"dlwatch-report/1\",\n \"findings\":[{\"fingerprint\":\"00112233445566ff\"},"
		"{\"fingerprint\":\"1111111111111111\"}]}\n";
	static const char lines[] = "{\"fingerprint\":\"00112233445566ff\"}\n"
				    "{\"fingerprint\":\"1111111111111111\"}\n";
	static const char list[] = "# known\n00112233445566ff  # first\n\n1111111111111111\n";

	(void)state;
	assert_true(knows(report, "00112233445566ff"));
	assert_true(knows(report, "1111111111111111"));
	assert_false(knows(report, "2222222222222222"));
	assert_true(knows(lines, "1111111111111111"));
	assert_false(knows(lines, "2222222222222222"));
	assert_true(knows(list, "00112233445566ff"));
	assert_true(knows(list, "1111111111111111"));
	assert_false(knows(list, "known"));
	assert_false(knows("", "00112233445566ff"));
}

static void assert_no_baseline(const char *text, const char *why)
{
	write_file(text);
	catch_stderr();
	assert_null(dlw_baseline_read(name));
	assert_complained(why);
}

static void a_wrong_baseline_is_refused_with_its_line(void **state)
{
	(void)state;
	assert_no_baseline("00112233445566ff\nxyz\n", ":2: no fingerprint: 'xyz'");
	assert_no_baseline("{\"fingerprint\":\"00112233445566ff\"}\n{\n", "not JSON");
	assert_no_baseline("{}\n", "no fingerprint");
	assert_no_baseline("{\"findings\":[{}]}\n", "no fingerprint");
	catch_stderr();
	assert_null(dlw_baseline_read("/no/such/file"));
	assert_complained("/no/such/file: cannot read baseline: No such file");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_rule_has_to_match_every_thread_of_the_core),
		cmocka_unit_test(a_rule_is_for_its_kind),
		cmocka_unit_test(places_locks_and_fingerprints_match_too),
		cmocka_unit_test(comments_and_blank_lines_are_no_rules),
		cmocka_unit_test(without_a_wait_the_hold_is_the_site),
		cmocka_unit_test(uses_are_counted_by_rule),
		cmocka_unit_test(a_wrong_rule_is_refused_with_its_line),
		cmocka_unit_test(a_baseline_is_a_report_or_lines_or_a_list),
		cmocka_unit_test(a_wrong_baseline_is_refused_with_its_line),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
