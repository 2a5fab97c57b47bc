/*
 * test_arena.c - the arena, and the texts and orders made in it
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/arena.h"
#include "core/sort.h"
#include "core/text.h"

struct supply {
	size_t asked, given_back, allowed; /* blocks */
};

static void *grow(void *context, size_t size, size_t *got)
{
	struct supply *supply = context;
	void *memory;

	if (supply->asked == supply->allowed)
		return NULL;
	supply->asked++;
	*got = size;
	memory = malloc(size);
	memset(memory, 0xaa, size); /* an arena may be given dirty memory */
	return memory;
}

static void give_back(void *context, void *memory, size_t size)
{
	struct supply *supply = context;

	assert_true(size > 0);
	supply->given_back++;
	free(memory);
}

static struct dlw_arena arena_of(struct supply *supply)
{
	return (struct dlw_arena){ .grow = grow, .give_back = give_back, .context = supply };
}

static void memory_is_zeroed_aligned_and_distinct(void **state)
{
	struct supply supply = { .allowed = SIZE_MAX };
	struct dlw_arena arena = arena_of(&supply);
	unsigned char *taken[200];
	size_t i, j;

	(void)state;
	for (i = 0; i < 200; i++) {
		size_t size = i * 37 % 4000;

		taken[i] = dlw_arena_take(&arena, size);
		assert_non_null(taken[i]);
		assert_int_equal((uintptr_t)taken[i] % 16, 0);
		for (j = 0; j < size; j++)
			assert_int_equal(taken[i][j], 0);
		memset(taken[i], (int)i, size);
	}
	for (i = 0; i < 200; i++)
		for (j = 0; j < i * 37 % 4000; j++)
			assert_int_equal(taken[i][j], (unsigned char)i);
	dlw_arena_release(&arena);
	assert_int_equal(supply.asked, supply.given_back);
}

static void what_was_taken_before_is_reused_after_a_reset(void **state)
{
	struct supply supply = { .allowed = SIZE_MAX };
	struct dlw_arena arena = arena_of(&supply);
	size_t round, i, asked = 0;

	(void)state;
	for (round = 0; round < 5; round++) {
		for (i = 0; i < 50; i++) {
			char *memory = dlw_arena_take(&arena, 10000);

			assert_non_null(memory);
			assert_int_equal(memory[0] | memory[9999], 0);
			memset(memory, 1, 10000);
		}
		if (round)
			assert_int_equal(supply.asked, asked);
		asked = supply.asked;
		dlw_arena_reset(&arena);
	}
	dlw_arena_release(&arena);
	assert_int_equal(supply.given_back, asked);
}

static void no_memory_gives_null_and_spoils_nothing(void **state)
{
	struct supply supply = { .allowed = 1 };
	struct dlw_arena arena = arena_of(&supply);
	char *first;

	(void)state;
	first = dlw_arena_take(&arena, 100);
	assert_non_null(first);
	assert_null(dlw_arena_take(&arena, 1 << 20));
	assert_non_null(dlw_arena_take(&arena, 100));
	assert_null(dlw_arena_array(&arena, uint64_t, SIZE_MAX / 4));
	assert_null(dlw_arena_take(&arena, SIZE_MAX - 3));
	dlw_arena_release(&arena);
}

static void text_understands_what_the_engine_writes(void **state)
{
	struct supply supply = { .allowed = SIZE_MAX };
	struct dlw_arena arena = arena_of(&supply);
	const char *text =
		dlw_arena_text(&arena, "%s|%d|%d|%u|%zu|%lld|%llu|%llx|%c|%%|%lu", "word", -7,
			       INT32_MIN, UINT32_MAX, (size_t)12, (long long)INT64_MIN,
			       (unsigned long long)UINT64_MAX, 0xdeadbeefcafeull, '!', 5ul);

	(void)state;
	assert_string_equal(text, "word|-7|-2147483648|4294967295|12|-9223372036854775808|"
				  "18446744073709551615|deadbeefcafe|!|%|5");
	assert_string_equal(dlw_arena_text(&arena, "%s", ""), "");
	dlw_arena_release(&arena);
}

static void a_text_grows_and_remembers_that_memory_ran_out(void **state)
{
	struct supply supply = { .allowed = SIZE_MAX };
	struct dlw_arena arena = arena_of(&supply);
	struct dlw_text text = { .arena = &arena };
	const char *whole;
	int i;

	(void)state;
	for (i = 0; i < 10000; i++)
		dlw_text_add(&text, "%d,", i % 10);
	whole = dlw_text_end(&text);
	assert_int_equal(strlen(whole), 20000);
	assert_memory_equal(whole + 19996, "8,9,", 4);
	supply.allowed = supply.asked;
	for (i = 0; i < 100000; i++)
		dlw_text_add(&text, "%s", "more and more");
	assert_null(dlw_text_end(&text));
	dlw_arena_release(&arena);
}

static int by_value(const void *context, uint32_t left, uint32_t right)
{
	const uint32_t *values = context;

	return dlw_order(values[left], values[right]);
}

static void sorting_orders_any_number_of_elements(void **state)
{
	uint32_t values[300] = { 0 }, order[300], count, i, seed = 1;

	(void)state;
	for (count = 0; count < 300; count++) {
		for (i = 0; i < count; i++) {
			seed = seed * 1103515245 + 12345;
			values[i] = seed >> 16 & 63;
			order[i] = i;
		}
		dlw_sort(order, count, by_value, values);
		for (i = 1; i < count; i++)
			assert_true(values[order[i - 1]] <= values[order[i]]);
		for (i = 0; i < count; i++)
			values[order[i]] = UINT32_MAX; /* each one is there once */
		for (i = 0; i < count; i++)
			assert_int_equal(values[i], UINT32_MAX);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory_is_zeroed_aligned_and_distinct),
		cmocka_unit_test(what_was_taken_before_is_reused_after_a_reset),
		cmocka_unit_test(no_memory_gives_null_and_spoils_nothing),
		cmocka_unit_test(text_understands_what_the_engine_writes),
		cmocka_unit_test(a_text_grows_and_remembers_that_memory_ran_out),
		cmocka_unit_test(sorting_orders_any_number_of_elements),
	};

	return cmocka_run_group_tests_name("arena", tests, NULL, NULL);
}
