/*
 * test_graph.c - reduction of AND, OR and threshold conditions, and their cores
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/graph.h"
#include "core/knot.h"

static void *grow(void *context, size_t size, size_t *got)
{
	(void)context;
	*got = size;
	return malloc(size);
}

static void give_back(void *context, void *memory, size_t size)
{
	(void)context;
	(void)size;
	free(memory);
}

static struct dlw_arena arena;
static struct dlw_graph graph;

static int setup(void **state)
{
	(void)state;
	arena = (struct dlw_arena){ .grow = grow, .give_back = give_back };
	dlw_graph_start(&graph, &arena);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	dlw_arena_release(&arena);
	return 0;
}

static void add_nodes(uint32_t count, uint32_t need)
{
	while (count--)
		dlw_graph_add_node(&graph, need);
}

static void reduce(void)
{
	assert_true(dlw_graph_close(&graph));
	dlw_graph_reduce(&graph);
}

static void a_node_without_needs_is_live(void **state)
{
	(void)state;
	add_nodes(1, 0);
	add_nodes(1, 1);
	reduce();
	assert_true(graph.live[0]);
	assert_false(graph.live[1]); /* needs one of none */
}

static void an_and_needs_all_an_or_one(void **state)
{
	(void)state;
	add_nodes(1, 0);
	add_nodes(1, 1); /* dead for ever */
	add_nodes(1, 2); /* and */
	add_nodes(1, 1); /* or */
	dlw_graph_add_input(&graph, 2, 0, 0);
	dlw_graph_add_input(&graph, 2, 1, 0);
	dlw_graph_add_input(&graph, 3, 0, 0);
	dlw_graph_add_input(&graph, 3, 1, 0);
	reduce();
	assert_false(graph.live[2]);
	assert_true(graph.live[3]);
}

static void a_threshold_counts(void **state)
{
	uint32_t need, i;

	(void)state;
	add_nodes(3, 0);
	add_nodes(2, 1);
	for (need = 0; need <= 6; need++) {
		uint32_t gate = dlw_graph_add_node(&graph, need);

		for (i = 0; i < 5; i++)
			dlw_graph_add_input(&graph, gate, i, 0);
	}
	reduce();
	for (need = 0; need <= 6; need++)
		assert_int_equal(graph.live[5 + need], need <= 3);
}

static void a_cycle_of_ands_stays_dead_and_one_or_opens_it(void **state)
{
	(void)state;
	add_nodes(3, 1);
	add_nodes(1, 0);
	dlw_graph_add_input(&graph, 0, 1, 0);
	dlw_graph_add_input(&graph, 1, 2, 0);
	dlw_graph_add_input(&graph, 2, 0, 0);
	reduce();
	assert_false(graph.live[0] || graph.live[1] || graph.live[2]);
	dlw_graph_make_live(&graph, 1);
	assert_true(graph.live[0] && graph.live[1] && graph.live[2]);
}

static void inputs_keep_their_order_and_labels(void **state)
{
	uint32_t i;

	(void)state;
	add_nodes(10, 0);
	for (i = 10; i-- > 0;)
		dlw_graph_add_input(&graph, 3, i, 100 + i);
	assert_true(dlw_graph_close(&graph));
	assert_int_equal(dlw_graph_inputs_of(&graph, 3), 10);
	for (i = 0; i < 10; i++) {
		assert_int_equal(graph.inputs[graph.first_input[3] + i], 9 - i);
		assert_int_equal(graph.labels[graph.first_input[3] + i], 109 - i);
	}
}

static void a_node_that_is_not_there_is_an_error(void **state)
{
	(void)state;
	add_nodes(2, 1);
	dlw_graph_add_input(&graph, 0, 2, 0);
	assert_false(dlw_graph_close(&graph));
}

static struct dlw_knots knots_of(uint32_t threads)
{
	struct dlw_knots knots;

	reduce();
	assert_true(dlw_knots_find(&graph, threads, &arena, &knots));
	return knots;
}

static void the_shortest_cycle_is_taken(void **state)
{
	struct dlw_knots knots;
	uint32_t i;

	(void)state;
	for (i = 0; i < 6; i++)
		dlw_graph_add_node(&graph, i == 3 ? 2 : 1);
	for (i = 0; i < 6; i++)
		dlw_graph_add_input(&graph, i, (i + 1) % 6, 0);
	dlw_graph_add_input(&graph, 3, 2, 0); /* a shortcut: 2 and 3 wait for each other */
	knots = knots_of(6);
	assert_int_equal(knots.count, 1);
	assert_int_equal(knots.all[0].count, 2);
	assert_true(knots.all[0].cycle);
	assert_int_equal(knots.all[0].members[0] + knots.all[0].members[1], 5);
}

static void disjoint_cycles_are_separate_cores(void **state)
{
	struct dlw_knots knots;
	uint32_t i;

	(void)state;
	/* 0-1 wait for each other; 2-3 do and 2 needs 0 as well: still a core of its own */
	for (i = 0; i < 4; i++)
		dlw_graph_add_node(&graph, i == 2 ? 2 : 1);
	dlw_graph_add_input(&graph, 0, 1, 0);
	dlw_graph_add_input(&graph, 1, 0, 0);
	dlw_graph_add_input(&graph, 2, 3, 0);
	dlw_graph_add_input(&graph, 2, 0, 0);
	dlw_graph_add_input(&graph, 3, 2, 0);
	knots = knots_of(4);
	assert_int_equal(knots.count, 2);
	assert_int_equal(knots.all[0].count, 2);
	assert_int_equal(knots.all[1].count, 2);
}

static void with_an_or_a_cycle_alone_is_no_core(void **state)
{
	struct dlw_knots knots;

	(void)state;
	/* 0 needs 1 or 2; 1 and 2 need 0: neither pair holds without the other */
	add_nodes(3, 1);
	dlw_graph_add_input(&graph, 0, 1, 0);
	dlw_graph_add_input(&graph, 0, 2, 0);
	dlw_graph_add_input(&graph, 1, 0, 0);
	dlw_graph_add_input(&graph, 2, 0, 0);
	knots = knots_of(3);
	assert_int_equal(knots.count, 1);
	assert_int_equal(knots.all[0].count, 3);
	assert_false(knots.all[0].cycle);
}

static void whoever_nothing_helps_is_told_apart(void **state)
{
	struct dlw_knots knots;
	uint32_t never;

	(void)state;
	add_nodes(2, 1);
	never = dlw_graph_add_node(&graph, 1);
	dlw_graph_add_input(&graph, 0, never, 77);
	dlw_graph_add_input(&graph, 1, 0, 78);
	knots = knots_of(2);
	assert_int_equal(knots.count, 1);
	assert_true(knots.all[0].helpless);
	assert_int_equal(knots.all[0].members[0], 0);
	assert_int_equal(knots.all[0].label, 77);
}

static void gates_do_not_make_a_cycle_longer(void **state)
{
	struct dlw_knots knots;
	uint32_t i, gate, next;

	(void)state;
	/* 0 waits for itself through five gates, and for 1 which waits for it */
	dlw_graph_add_node(&graph, 2);
	dlw_graph_add_node(&graph, 1);
	gate = dlw_graph_add_node(&graph, 1);
	dlw_graph_add_input(&graph, 0, 1, 0);
	dlw_graph_add_input(&graph, 1, 0, 0);
	dlw_graph_add_input(&graph, 0, gate, 0);
	for (i = 0; i < 4; i++, gate = next) {
		next = dlw_graph_add_node(&graph, 1);
		dlw_graph_add_input(&graph, gate, next, 0);
	}
	dlw_graph_add_input(&graph, gate, 0, 0);
	knots = knots_of(2);
	assert_int_equal(knots.count, 1);
	assert_int_equal(knots.all[0].count, 1);
	assert_int_equal(knots.all[0].members[0], 0);
	assert_true(knots.all[0].cycle);
}

#define cmocka_test(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_test(a_node_without_needs_is_live),
		cmocka_test(an_and_needs_all_an_or_one),
		cmocka_test(a_threshold_counts),
		cmocka_test(a_cycle_of_ands_stays_dead_and_one_or_opens_it),
		cmocka_test(inputs_keep_their_order_and_labels),
		cmocka_test(a_node_that_is_not_there_is_an_error),
		cmocka_test(the_shortest_cycle_is_taken),
		cmocka_test(disjoint_cycles_are_separate_cores),
		cmocka_test(with_an_or_a_cycle_alone_is_no_core),
		cmocka_test(whoever_nothing_helps_is_told_apart),
		cmocka_test(gates_do_not_make_a_cycle_longer),
	};

	return cmocka_run_group_tests_name("graph", tests, NULL, NULL);
}
