/*
 * test_options.c - the options all reporting commands share, and the commands' names
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "analyzer/commands.h"
#include "analyzer/options.h"

static error_t hand_down(int key, char *value, struct argp_state *state)
{
	(void)value;
	if (key != ARGP_KEY_INIT)
		return ARGP_ERR_UNKNOWN;
	state->child_inputs[0] = state->input;
	return 0;
}

static struct dlw_options parse(const char *first, const char *second)
{
	static const struct argp_child children[] = { { &dlw_options_argp, 0, NULL, 0 }, { 0 } };
	static const struct argp syntax = { NULL, hand_down, NULL, NULL, children, NULL, NULL };
	char *arguments[] = { (char *)"dlwatch test", (char *)first, (char *)second, NULL };
	struct dlw_options options;

	dlw_options_init(&options, DLW_SEVERITY_INVERSION, stdout);
	argp_parse(&syntax, !first ? 1 : !second ? 2 : 3, arguments, 0, NULL, &options);
	return options;
}

static void without_options_the_command_decides(void **state)
{
	struct dlw_options options = parse(NULL, NULL);

	(void)state;
	assert_int_equal(options.fail_on, DLW_SEVERITY_INVERSION);
	assert_ptr_equal(options.text, stdout);
	assert_int_equal(options.color, DLW_COLOR_AUTO);
	assert_null(options.json);
	assert_false(options.all || options.quiet || options.json_lines || options.live);
	assert_int_equal(options.verbose, 0);
}

static void each_option_arrives(void **state)
{
	(void)state;
	assert_string_equal(parse("--json=a", NULL).json, "a");
	assert_string_equal(parse("--sarif=a", NULL).sarif, "a");
	assert_string_equal(parse("--html=a", NULL).html, "a");
	assert_string_equal(parse("--dot=a", NULL).dot, "a");
	assert_string_equal(parse("--junit=a", NULL).junit, "a");
	assert_string_equal(parse("--suppressions=a", NULL).suppressions, "a");
	assert_string_equal(parse("--baseline=a", NULL).baseline, "a");
	assert_true(parse("--all", NULL).all);
	assert_true(parse("-q", NULL).quiet);
	assert_int_equal(parse("-vv", NULL).verbose, 2);
	assert_int_equal(parse("--color=always", NULL).color, DLW_COLOR_ALWAYS);
	assert_int_equal(parse("--color=never", NULL).color, DLW_COLOR_NEVER);
	assert_int_equal(parse("--fail-on=deadlock", NULL).fail_on, DLW_SEVERITY_DEADLOCK);
	assert_int_equal(parse("--fail-on=inversion", NULL).fail_on, DLW_SEVERITY_INVERSION);
	assert_int_equal(parse("--fail-on=misuse", NULL).fail_on, DLW_SEVERITY_MISUSE);
	assert_int_equal(parse("--fail-on=never", NULL).fail_on, DLW_SEVERITY_NEVER);
}

static void text_makes_room_for_a_document_on_standard_output(void **state)
{
	(void)state;
	assert_ptr_equal(parse("--json=-", NULL).text, stderr);
	assert_ptr_equal(parse("--html=-", "--json=x").text, stderr);
	assert_ptr_equal(parse("--json=x", NULL).text, stdout);
}

/* Exit status and what was said, of a child that parses. */
static int parse_in_child(const char *first, const char *second, char *said, size_t size)
{
	int ends[2], status;
	size_t length;
	FILE *in;
	pid_t child;

	assert_int_equal(pipe(ends), 0);
	fflush(NULL);
	child = fork();
	if (child == 0) {
		dup2(ends[1], 2);
		argp_err_exit_status = 2;
		parse(first, second);
		_exit(0);
	}
	close(ends[1]);
	in = fdopen(ends[0], "r");
	length = fread(said, 1, size - 1, in);
	said[length] = '\0';
	fclose(in);
	waitpid(child, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void assert_refused(const char *first, const char *second, const char *why)
{
	char said[512];

	assert_int_equal(parse_in_child(first, second, said, sizeof(said)), 2);
	if (!strstr(said, why))
		fail_msg("'%s' is not in '%s'", why, said);
	assert_ptr_equal(strchr(said, '\n'), said + strlen(said) - 1);
}

static void a_wrong_value_costs_one_line_and_status_2(void **state)
{
	(void)state;
	assert_refused("--fail-on=sometimes", NULL,
		       "--fail-on=sometimes: expected deadlock, inversion, misuse or never");
	assert_refused("--color=blue", NULL, "--color=blue: expected auto, always or never");
	assert_refused("--json=", NULL, "must not be empty");
	assert_refused("--json=-", "--dot=-", "only one report");
}

static void color_is_for_terminals_that_did_not_refuse(void **state)
{
	struct dlw_options options;
	FILE *file = tmpfile();

	(void)state;
	dlw_options_init(&options, DLW_SEVERITY_NEVER, stdout);
	assert_false(dlw_options_use_color(&options, file));
	options.color = DLW_COLOR_ALWAYS;
	assert_true(dlw_options_use_color(&options, file));
	options.color = DLW_COLOR_NEVER;
	assert_false(dlw_options_use_color(&options, file));
	fclose(file);
}

static void commands_are_found_by_name_and_guessed_by_likeness(void **state)
{
	(void)state;
	for (const struct dlw_command *each = dlw_commands; each->name; each++)
		assert_ptr_equal(dlw_command_find(each->name), each);
	assert_null(dlw_command_find("rnu"));
	assert_null(dlw_command_find(""));
	assert_string_equal(dlw_command_nearest("rnu")->name, "run");
	assert_string_equal(dlw_command_nearest("anal")->name, "analyze");
	assert_string_equal(dlw_command_nearest("analyse")->name, "analyze");
	assert_string_equal(dlw_command_nearest("demos")->name, "demo");
	assert_null(dlw_command_nearest("wibble"));
	assert_null(dlw_command_nearest(""));
	assert_null(dlw_command_nearest("a-very-long-name-that-is-no-command-of-ours-at-all"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_options_the_command_decides),
		cmocka_unit_test(each_option_arrives),
		cmocka_unit_test(text_makes_room_for_a_document_on_standard_output),
		cmocka_unit_test(a_wrong_value_costs_one_line_and_status_2),
		cmocka_unit_test(color_is_for_terminals_that_did_not_refuse),
		cmocka_unit_test(commands_are_found_by_name_and_guessed_by_likeness),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
