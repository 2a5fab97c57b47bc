/*
 * test_symbols.c - functions, lines and variables of this very program
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <link.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "analyzer/demangle.h"
#include "analyzer/symbols.h"

static char self[4096];
static uint64_t bias;
static struct dlw_symbols *symbols;

/* Declared on known lines; in sections of their own kind. */
static pthread_mutex_t file_static = PTHREAD_MUTEX_INITIALIZER; enum { FILE_STATIC_LINE = __LINE__ };
pthread_mutex_t test_symbols_global; enum { GLOBAL_LINE = __LINE__ };
static struct {
	long before;
	pthread_mutex_t lock;
} pair[3];

static int take_bias(struct dl_phdr_info *module, size_t size, void *context)
{
	(void)size;
	(void)context;
	bias = module->dlpi_addr;
	return 1; /* the first one is the program */
}

static int set_up(void **state)
{
	(void)state;
	if (readlink("/proc/self/exe", self, sizeof(self) - 1) < 0)
		return -1;
	dl_iterate_phdr(take_bias, NULL);
	symbols = dlw_symbols_new();
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	dlw_symbols_free(symbols);
	return 0;
}

static uint64_t offset_of(const void *address)
{
	return (uintptr_t)address - bias;
}

static const void *__attribute__((noinline)) return_address(void)
{
	__asm__ volatile("");
	return __builtin_return_address(0);
}

static int caller_line;

static const void *__attribute__((noinline)) named_caller(void)
{
	const void *address = return_address(); caller_line = __LINE__;

	__asm__ volatile("");
	return address;
}

/* A call that does not return is the last instruction of its function. */
static const void *escaped_to;
static jmp_buf escape;

static void __attribute__((noinline, noreturn)) leave(void)
{
	escaped_to = __builtin_return_address(0);
	longjmp(escape, 1);
}

static void __attribute__((noinline)) calls_last(void)
{
	leave();
}

static void a_return_address_is_the_line_of_its_call(void **state)
{
	struct dlw_source_place place;
	const void *address = named_caller();

	(void)state;
	assert_true(dlw_symbols_code(symbols, self, NULL, offset_of(address), &place));
	assert_string_equal(place.function, "named_caller");
	assert_non_null(strstr(place.file, "test_symbols.c"));
	assert_int_equal(place.line, caller_line);
}

static void a_call_at_the_end_belongs_to_its_own_function(void **state)
{
	struct dlw_source_place place;

	(void)state;
	if (setjmp(escape) == 0)
		calls_last();
	assert_true(dlw_symbols_code(symbols, self, NULL, offset_of(escaped_to), &place));
	assert_string_equal(place.function, "calls_last");
}

static void the_same_question_has_the_same_answer(void **state)
{
	struct dlw_source_place first, second;
	uint64_t offset = offset_of(named_caller());

	(void)state;
	assert_true(dlw_symbols_code(symbols, self, NULL, offset, &first));
	assert_true(dlw_symbols_code(symbols, self, NULL, offset, &second));
	assert_ptr_equal(first.function, second.function);
	assert_int_equal(first.line, second.line);
}

static void nothing_is_made_up_outside_of_code(void **state)
{
	struct dlw_source_place place;

	(void)state;
	assert_false(dlw_symbols_code(symbols, self, NULL, 0, &place));
	assert_false(dlw_symbols_code(symbols, self, NULL, UINT64_MAX, &place));
	assert_false(dlw_symbols_code(symbols, self, NULL, offset_of(&file_static), &place));
	assert_null(place.function);
	assert_null(place.file);
}

static void a_static_variable_has_name_and_declaration(void **state)
{
	struct dlw_variable variable;

	(void)state;
	assert_true(dlw_symbols_data(symbols, self, NULL, offset_of(&file_static), &variable));
	assert_string_equal(variable.name, "file_static");
	assert_int_equal(variable.offset, 0);
	assert_int_equal(variable.size, sizeof(pthread_mutex_t));
	assert_non_null(strstr(variable.file, "test_symbols.c"));
	assert_int_equal(variable.line, FILE_STATIC_LINE);
	assert_true(variable.local);
}

static void a_global_variable_is_not_local(void **state)
{
	struct dlw_variable variable;

	(void)state;
	assert_true(dlw_symbols_data(symbols, self, NULL, offset_of(&test_symbols_global),
				     &variable));
	assert_string_equal(variable.name, "test_symbols_global");
	assert_int_equal(variable.line, GLOBAL_LINE);
	assert_false(variable.local);
}

static void a_part_of_a_variable_is_told_by_its_offset(void **state)
{
	struct dlw_variable variable;

	(void)state;
	assert_true(dlw_symbols_data(symbols, self, NULL, offset_of(&pair[2].lock), &variable));
	assert_string_equal(variable.name, "pair");
	assert_int_equal(variable.offset, (char *)&pair[2].lock - (char *)pair);
	assert_int_equal(variable.size, sizeof(pair));
}

/* Arrays of arrays, members in members, a union without a name, a base of C kind. */
static struct {
	char padding[7];
	struct {
		long count;
		union {
			long other;
			pthread_mutex_t guard;
		};
	} rows[2][3];
	pthread_rwlock_t last;
} table[2];

static void assert_element(const void *address, size_t size, const char *expected)
{
	char *element = dlw_symbols_element(symbols, self, NULL, offset_of(address), size);

	if (expected)
		assert_string_equal(element, expected);
	else
		assert_null(element);
	free(element);
}

static void an_element_is_told_as_the_programmer_writes_it(void **state)
{
	size_t size = sizeof(pthread_mutex_t);

	(void)state;
	assert_element(&pair[2].lock, size, "pair[2].lock");
	assert_element(&table[1].rows[1][2].guard, size, "table[1].rows[1][2].guard");
	assert_element(&table[0].rows[0][1].guard, size, "table[0].rows[0][1].guard");
	assert_element(&table[1].last, sizeof(pthread_rwlock_t), "table[1].last");
	assert_element(&file_static, size, "file_static");
	assert_element(&pair[1].before, size, NULL);
	assert_element((char *)&pair[1].lock + 4, size, NULL);
	assert_element(&pair[1].lock, 1000, NULL);
}

static void a_static_of_a_function_loses_the_linker_s_number(void **state)
{
	static pthread_mutex_t inside; enum { LINE = __LINE__ };
	struct dlw_variable variable;

	(void)state;
	assert_true(dlw_symbols_data(symbols, self, NULL, offset_of(&inside), &variable));
	assert_string_equal(variable.name, "inside");
	assert_int_equal(variable.line, LINE);
}

static void code_is_no_variable(void **state)
{
	struct dlw_variable variable;

	(void)state;
	assert_false(dlw_symbols_data(symbols, self, NULL, offset_of(named_caller()), &variable));
	assert_false(dlw_symbols_data(symbols, self, NULL, UINT64_MAX, &variable));
}

static void another_build_is_not_asked(void **state)
{
	static const char other[] = "0123456789abcdef0123456789abcdef01234567";
	struct dlw_variable variable;
	struct dlw_source_place place;

	(void)state;
	assert_false(dlw_symbols_code(symbols, self, other, offset_of(named_caller()), &place));
	assert_false(dlw_symbols_data(symbols, self, other, offset_of(&file_static), &variable));
	assert_non_null(strstr(dlw_symbols_trouble(symbols, self, other), "not the build that ran"));
	/* The same file without that demand is. */
	assert_null(dlw_symbols_trouble(symbols, self, NULL));
	assert_true(dlw_symbols_code(symbols, self, NULL, offset_of(named_caller()), &place));
}

static void what_cannot_be_opened_says_why(void **state)
{
	(void)state;
	assert_non_null(strstr(dlw_symbols_trouble(symbols, "/no/such/file", NULL), "No such file"));
	assert_non_null(strstr(dlw_symbols_trouble(symbols, "/dev/null", NULL), "not a regular"));
	assert_non_null(strstr(dlw_symbols_trouble(symbols, "/etc/passwd", NULL), "not readable"));
	assert_non_null(strstr(dlw_symbols_trouble(symbols, "/x (deleted)", NULL), "deleted"));
	assert_non_null(dlw_symbols_trouble(symbols, "[vdso]", NULL));
	assert_non_null(dlw_symbols_trouble(symbols, "", NULL));
}

static void count_trouble(const char *module, const char *why, void *context)
{
	assert_int_equal(module[0], '/');
	assert_non_null(why);
	++*(int *)context;
}

static void troubles_are_listed_but_not_for_what_was_never_a_file(void **state)
{
	struct dlw_symbols *fresh = dlw_symbols_new();
	struct dlw_source_place place;
	int count = 0;

	(void)state;
	dlw_symbols_code(fresh, "/no/such/file", NULL, 1, &place);
	dlw_symbols_code(fresh, "/no/such/file", NULL, 2, &place);
	dlw_symbols_code(fresh, "[vdso]", NULL, 1, &place);
	dlw_symbols_code(fresh, self, NULL, offset_of(named_caller()), &place);
	dlw_symbols_each_trouble(fresh, count_trouble, &count);
	assert_int_equal(count, 1);
	dlw_symbols_free(fresh);
}

static void assert_demangled(const char *name, const char *expected)
{
	char *found = dlw_demangle(name);

	assert_string_equal(found, expected);
	free(found);
}

static void names_of_cxx_are_readable_and_without_parameters(void **state)
{
	(void)state;
	assert_demangled("main", "main");
	assert_demangled("_Z3fooif", "foo");
	assert_demangled("_ZN7Account8transferERS_i", "Account::transfer");
	assert_demangled("_ZNK7Account7balanceEv", "Account::balance");
	assert_demangled("_ZN7AccountclEi", "Account::operator()");
	assert_demangled("_ZN12_GLOBAL__N_14lockE", "(anonymous namespace)::lock");
	assert_demangled("_ZN12_GLOBAL__N_14takeEv", "(anonymous namespace)::take");
	assert_demangled("_Znot_mangled", "_Znot_mangled");
}

static void the_standard_library_is_no_site(void **state)
{
	(void)state;
	assert_true(dlw_is_lock_wrapper("std::mutex::lock"));
	assert_true(dlw_is_lock_wrapper("std::lock_guard<std::mutex>::lock_guard"));
	assert_true(dlw_is_lock_wrapper("void std::lock<std::mutex, std::mutex>"));
	assert_true(dlw_is_lock_wrapper("__gthread_mutex_lock"));
	assert_false(dlw_is_lock_wrapper("main"));
	assert_false(dlw_is_lock_wrapper("bank::std_like"));
	assert_false(dlw_is_lock_wrapper("std_like"));
	assert_false(dlw_is_lock_wrapper("std::vector<int> bank::all<int>"));
	assert_false(dlw_is_lock_wrapper(""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_return_address_is_the_line_of_its_call),
		cmocka_unit_test(a_call_at_the_end_belongs_to_its_own_function),
		cmocka_unit_test(the_same_question_has_the_same_answer),
		cmocka_unit_test(nothing_is_made_up_outside_of_code),
		cmocka_unit_test(a_static_variable_has_name_and_declaration),
		cmocka_unit_test(a_global_variable_is_not_local),
		cmocka_unit_test(a_part_of_a_variable_is_told_by_its_offset),
		cmocka_unit_test(an_element_is_told_as_the_programmer_writes_it),
		cmocka_unit_test(a_static_of_a_function_loses_the_linker_s_number),
		cmocka_unit_test(code_is_no_variable),
		cmocka_unit_test(another_build_is_not_asked),
		cmocka_unit_test(what_cannot_be_opened_says_why),
		cmocka_unit_test(troubles_are_listed_but_not_for_what_was_never_a_file),
		cmocka_unit_test(names_of_cxx_are_readable_and_without_parameters),
		cmocka_unit_test(the_standard_library_is_no_site),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
