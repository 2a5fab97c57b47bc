/*
 * test_nestings.c - what a running program's notes of its lock orders show
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "analyzer/log_memory.h"
#include "core/predict/nestings.h"

#define MOST 8

/** One note: @thread wants the first of @locks under the others, at these moments. */
struct told {
	struct dlw_noted_lock locks[4];
	struct dlw_noted_nesting nesting;
};

static struct told told[MOST];
static struct dlw_noted_nesting nestings[MOST];
static bool rwlock[MOST], tried[MOST];
static uint64_t bit[MOST];
static struct dlw_noted noted;
static struct dlw_arena memory;
static uint32_t found[MOST], found_count, cycles, open_cycles;

static int setup(void **state)
{
	uint32_t i;

	(void)state;
	memory = dlw_heap_arena();
	memset(rwlock, 0, sizeof(rwlock));
	memset(tried, 0, sizeof(tried));
	for (i = 0; i < MOST; i++)
		bit[i] = 1ull << i;
	noted = (struct dlw_noted){ .nestings = nestings, .threads = 4, .locks = MOST,
				    .rwlock = rwlock, .bit = bit, .tried = tried };
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	dlw_arena_release(&memory);
	return 0;
}

static struct dlw_noted_nesting *wants(uint32_t thread, uint32_t lock, uint32_t held,
				       uint64_t began, uint64_t last)
{
	struct told *one = &told[noted.count];
	struct dlw_noted_nesting *nesting = &nestings[noted.count++];

	one->locks[0] = (struct dlw_noted_lock){ lock, DLW_EXCLUSIVE };
	one->locks[1] = (struct dlw_noted_lock){ held, DLW_EXCLUSIVE };
	*nesting = (struct dlw_noted_nesting){ .thread = thread,
					       .locks = one->locks,
					       .held = 1,
					       .moments = { { began, last }, { began, last } } };
	return nesting;
}

static void under(struct dlw_noted_nesting *nesting, uint32_t lock)
{
	told[nesting - nestings].locks[++nesting->held] =
		(struct dlw_noted_lock){ lock, DLW_EXCLUSIVE };
}

static bool note(void *context, const uint32_t *members, uint32_t count)
{
	(void)context;
	memcpy(found, members, count * sizeof(*found));
	found_count = count;
	cycles++;
	return true;
}

static void expect(uint32_t feasible, uint32_t open)
{
	uint64_t steps = 1000;

	cycles = 0;
	assert_true(dlw_predict_noted(&noted, &steps, &open_cycles, &memory, note, NULL));
	assert_int_not_equal(steps, 0);
	assert_int_equal(cycles, feasible);
	assert_int_equal(open_cycles, open);
}

static void two_orders_that_nothing_keeps_apart_are_told(void **state)
{
	(void)state;
	wants(0, 1, 0, 5, 5);
	wants(1, 0, 1, 9, 5);
	expect(1, 0);
	assert_int_equal(found_count, 2);
	assert_int_equal(found[0] + found[1], 1);
}

static void an_edge_in_between_keeps_them_apart(void **state)
{
	(void)state;
	wants(0, 1, 0, 5, 1);
	wants(1, 0, 1, 9, 6);
	expect(0, 1);
	/* until the first one comes again */
	nestings[0].moments[1] = (struct dlw_moment){ 7, 1 };
	expect(1, 0);
}

static void moments_of_one_nesting_are_not_mixed(void **state)
{
	(void)state;
	wants(0, 1, 0, 5, 1);
	nestings[0].moments[1] = (struct dlw_moment){ 20, 18 };
	wants(1, 0, 1, 10, 8);
	expect(0, 1);
}

static void a_creator_begins_after_the_others_are_born(void **state)
{
	(void)state;
	wants(0, 1, 0, 5, 1)->creator = true;
	wants(1, 0, 1, 9, 1)->born = 6;
	expect(0, 1);
	nestings[1].born = 5;
	expect(1, 0);
}

static void a_gate_one_thread_and_readers_are_silent(void **state)
{
	struct dlw_noted_nesting *one, *other;

	(void)state;
	one = wants(0, 1, 0, 5, 1);
	other = wants(1, 0, 1, 5, 1);
	under(one, 2);
	under(other, 2);
	expect(0, 0);
	one->held = other->held = 1;
	expect(1, 0);
	other->thread = 0;
	expect(0, 0);
	other->thread = 1;
	rwlock[0] = rwlock[1] = true;
	told[0].locks[0].mode = told[0].locks[1].mode = DLW_SHARED;
	told[1].locks[0].mode = told[1].locks[1].mode = DLW_SHARED;
	expect(0, 0);
}

static void what_a_section_goes_through_must_be_free(void **state)
{
	(void)state;
	wants(0, 1, 0, 5, 1)->footprint = 1 << 0 | 1 << 3;
	under(wants(1, 0, 1, 5, 1), 3);
	expect(0, 1);
	told[1].locks[2].lock = 4;
	expect(1, 0);
}

static void a_lock_that_was_tried_in_vain_is_in_no_cycle(void **state)
{
	(void)state;
	wants(0, 1, 0, 5, 1);
	wants(1, 0, 1, 5, 1);
	tried[0] = true;
	expect(0, 1);
}

static void longer_cycles_are_found_once(void **state)
{
	(void)state;
	wants(0, 1, 0, 5, 1);
	wants(1, 2, 1, 6, 1);
	wants(2, 3, 2, 7, 1);
	wants(3, 0, 3, 8, 1);
	expect(1, 0);
	assert_int_equal(found_count, 4);
}

static void each_thread_has_its_own_notes(void **state)
{
	(void)state;
	wants(0, 1, 0, 5, 1);
	wants(1, 0, 1, 5, 1);
	wants(2, 0, 1, 5, 1);
	expect(2, 0);
}

static void a_search_cut_off_says_so(void **state)
{
	uint64_t steps = 1;

	(void)state;
	longer_cycles_are_found_once(state);
	assert_true(dlw_predict_noted(&noted, &steps, &open_cycles, &memory, note, NULL));
	assert_int_equal(steps, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(two_orders_that_nothing_keeps_apart_are_told, setup,
						teardown),
		cmocka_unit_test_setup_teardown(an_edge_in_between_keeps_them_apart, setup, teardown),
		cmocka_unit_test_setup_teardown(moments_of_one_nesting_are_not_mixed, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_creator_begins_after_the_others_are_born, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_gate_one_thread_and_readers_are_silent, setup,
						teardown),
		cmocka_unit_test_setup_teardown(what_a_section_goes_through_must_be_free, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_lock_that_was_tried_in_vain_is_in_no_cycle, setup,
						teardown),
		cmocka_unit_test_setup_teardown(longer_cycles_are_found_once, setup, teardown),
		cmocka_unit_test_setup_teardown(each_thread_has_its_own_notes, setup, teardown),
		cmocka_unit_test_setup_teardown(a_search_cut_off_says_so, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
