/*
 * graphs.c - random AND/OR/threshold graphs against brute force
 *
 * Reduction is compared with a naive fixpoint, and every core with its
 * definition: none of its threads can run though all others do, and of no
 * smaller part of it is that true.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/knot.h"
#include "random.h"

#define MOST 16 /* nodes */

struct plain {
	uint32_t threads, nodes, need[MOST];
	uint8_t input[MOST][MOST];
};

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

/* Gates are listed behind threads and, like those of the engine, need no cycle-free order. */
static void invent(struct plain *plain, struct dice *dice)
{
	uint32_t i, j, inputs, density = 10 + roll(dice, 50);

	memset(plain, 0, sizeof(*plain));
	plain->threads = 1 + roll(dice, 9);
	plain->nodes = plain->threads + roll(dice, 7);
	for (i = 0; i < plain->nodes; i++) {
		inputs = 0;
		for (j = 0; j < plain->nodes; j++)
			if (chance(dice, density)) {
				plain->input[i][j] = 1;
				inputs++;
			}
		switch (roll(dice, 4)) {
		case 0:
			plain->need[i] = inputs;
			break;
		case 1:
			plain->need[i] = inputs > 0;
			break;
		case 2:
			plain->need[i] = inputs ? 1 + roll(dice, inputs) : 0;
			break;
		default:
			plain->need[i] = chance(dice, 10) ? inputs + 1 : inputs;
			break;
		}
	}
}

/* The least fixpoint, threads of @supposed live from the start. */
static uint32_t brute_live(const struct plain *plain, uint32_t supposed)
{
	uint32_t live = supposed, before, i, j, have;

	do {
		before = live;
		for (i = 0; i < plain->nodes; i++) {
			for (have = 0, j = 0; j < plain->nodes; j++)
				have += plain->input[i][j] && (live >> j & 1);
			if (have >= plain->need[i])
				live |= 1u << i;
		}
	} while (live != before);
	return live;
}

static uint32_t all_threads(const struct plain *plain)
{
	return (1u << plain->threads) - 1;
}

static bool supports_itself(const struct plain *plain, uint32_t set)
{
	return !(brute_live(plain, all_threads(plain) & ~set) & set);
}

static bool is_minimal(const struct plain *plain, uint32_t set)
{
	uint32_t part;

	for (part = (set - 1) & set; part; part = (part - 1) & set)
		if (supports_itself(plain, part))
			return false;
	return true;
}

/* Can @from reach @to through gates that stay dead? */
static bool leads_to(const struct plain *plain, uint32_t live, uint32_t from, uint32_t to)
{
	uint32_t seen = 1u << from, now = seen, i, j, next;

	while (now) {
		for (next = 0, i = 0; i < plain->nodes; i++)
			for (j = 0; (now >> i & 1) && j < plain->nodes; j++)
				if (plain->input[i][j] && !(live >> j & 1)) {
					if (j == to)
						return true;
					if (j >= plain->threads)
						next |= 1u << j;
				}
		now = next & ~seen;
		seen |= next;
	}
	return false;
}

static void build(const struct plain *plain, struct dlw_graph *graph, struct dlw_arena *arena)
{
	uint32_t i, j;

	dlw_graph_start(graph, arena);
	for (i = 0; i < plain->nodes; i++)
		dlw_graph_add_node(graph, plain->need[i]);
	for (i = 0; i < plain->nodes; i++)
		for (j = 0; j < plain->nodes; j++)
			if (plain->input[i][j])
				dlw_graph_add_input(graph, i, j, 100 * i + j);
	assert_true(dlw_graph_close(graph));
}

static void check_knot(const struct plain *plain, const struct dlw_knot *knot, uint32_t *taken)
{
	uint32_t set = 0, i, live;

	for (i = 0; i < knot->count; i++) {
		assert_true(knot->members[i] < plain->threads);
		assert_false((set | *taken) >> knot->members[i] & 1);
		set |= 1u << knot->members[i];
	}
	*taken |= set;
	assert_true(supports_itself(plain, set));
	assert_true(is_minimal(plain, set));
	live = brute_live(plain, all_threads(plain) & ~set);
	for (i = 0; knot->cycle && i < knot->count; i++)
		assert_true(leads_to(plain, live, knot->members[i],
				     knot->members[(i + 1) % knot->count]));
	if (knot->helpless) {
		assert_int_equal(knot->count, 1);
		if (knot->label == UINT32_MAX) /* it needs more than it has */
			return;
		live = brute_live(plain, all_threads(plain));
		assert_int_equal(knot->label / 100, knot->members[0]);
		assert_false(live >> knot->label % 100 & 1);
	}
}

static uint64_t cores_seen, dead_seen, current;

static void check_case(uint64_t seed, struct dlw_arena *arena)
{
	struct dice dice = dice_of(seed);
	struct dlw_graph graph;
	struct dlw_knots knots;
	struct plain plain;
	uint32_t i, live, taken = 0;

	invent(&plain, &dice);
	dlw_arena_reset(arena);
	build(&plain, &graph, arena);
	dlw_graph_reduce(&graph);
	live = brute_live(&plain, 0);
	for (i = 0; i < plain.nodes; i++)
		assert_int_equal(graph.live[i], live >> i & 1);
	dead_seen += (live & all_threads(&plain)) != all_threads(&plain);
	assert_true(dlw_knots_find(&graph, plain.threads, arena, &knots));
	for (i = 0; i < knots.count; i++)
		check_knot(&plain, &knots.all[i], &taken);
	cores_seen += knots.count;
	/* Nothing else holds itself once the cores are dissolved. */
	assert_int_equal(brute_live(&plain, taken) & all_threads(&plain), all_threads(&plain));
	assert_int_equal(taken != 0, (live & all_threads(&plain)) != all_threads(&plain));
}

static void reduction_and_cores_agree_with_brute_force(void **state)
{
	struct dlw_arena arena = { .grow = grow, .give_back = give_back };
	uint64_t seed = from_environment("SEED", 1), count = from_environment("COUNT", 200000), i;

	(void)state;
	print_message("# seed %llu, %llu graphs\n", (unsigned long long)seed,
		      (unsigned long long)count);
	for (i = 0; i < count; i++) {
		current = seed + i;
		check_case(current, &arena);
	}
	print_message("# %llu with something dead, %llu cores\n", (unsigned long long)dead_seen,
		      (unsigned long long)cores_seen);
	assert_true(count < 1000 || dead_seen > count / 20);
	dlw_arena_release(&arena);
}

/* Runs after a failure too: that is when the seed is worth knowing. */
static int say_where(void **state)
{
	(void)state;
	print_message("# last seed looked at: %llu\n", (unsigned long long)current);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(reduction_and_cores_agree_with_brute_force, say_where),
	};

	return cmocka_run_group_tests_name("random graphs", tests, NULL, NULL);
}
