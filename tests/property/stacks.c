/*
 * stacks.c - remembered stacks are told apart as if each had been compared
 *
 * A stack is a row of words with return addresses in it: of few functions, so
 * that many stacks begin alike, and with frames of more than one size, so that
 * the same return address does not stand at one place. Whatever the cache says
 * is checked against a comparison with all that it was given.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "random.h"
#include "shim/segment.h"
#include "shim/trace_cache.h"

#define WORDS 256
#define DEEPEST 12
#define MAPS 4096

struct stack {
	uint64_t address;          /* of the innermost call: it stands before the frame */
	uint64_t words[WORDS];
	uint32_t depth;            /* calls outward of it */
	uint32_t at[DEEPEST];      /* in .words, where they return to */
};

static uint64_t seed, number;
static void *maps[MAPS];
static uint32_t map_count;

/* What the shim takes from the kernel. */
void *dlw_map(size_t size, bool wipe)
{
	(void)wipe;
	assert_true(map_count < MAPS);
	return maps[map_count++] = calloc(1, size);
}

static int forget(void **state)
{
	(void)state;
	while (map_count)
		free(maps[--map_count]);
	return 0;
}

static int say_where(void **state)
{
	printf("  %llu caches, seed %llu\n", (unsigned long long)number, (unsigned long long)seed);
	return forget(state);
}

/* @calls: how many functions there are; few make stacks alike. */
static void make_stack(struct dice *dice, struct stack *stack, uint32_t calls)
{
	uint32_t word = 0, i;

	for (i = 0; i < WORDS; i++)
		stack->words[i] = 0x1000 + roll(dice, calls); /* left over from earlier calls */
	stack->address = 0x1000 + roll(dice, 2);
	stack->depth = roll(dice, DEEPEST + 1);
	for (i = 0; i < stack->depth; i++) {
		word += 1 + roll(dice, 8) / 7 * 3 + (uint32_t)(stack->address % 2);
		stack->at[i] = word;
		stack->words[word] = 0x1000 + roll(dice, calls);
	}
}

static struct dlw_context context_of(const struct stack *stack)
{
	return (struct dlw_context){
		.stack_low = (uint64_t)(uintptr_t)stack->words - 1,
		.stack_high = (uint64_t)(uintptr_t)(stack->words + WORDS),
	};
}

static uint64_t frame_of(const struct stack *stack)
{
	return (uint64_t)(uintptr_t)stack->words;
}

static struct dlw_trace *remember(struct dlw_trace_cache *cache, const struct stack *stack,
				  uint32_t id)
{
	struct dlw_trace *trace = dlw_trace_cache_room(cache, stack->address, stack->depth);
	uint32_t i;

	assert_non_null(trace);
	trace->stack = id;
	for (i = 0; i < stack->depth; i++) {
		struct dlw_saved_return saved = {
			.value = stack->words[stack->at[i]],
			.distance = stack->at[i] * 8l,
		};

		dlw_trace_put(trace, i, saved);
		trace->reach = (uint64_t)saved.distance + 8;
	}
	dlw_trace_cache_add(cache, trace);
	return trace;
}

static bool is_it(const struct dlw_trace *trace, const struct stack *stack)
{
	struct dlw_context self = context_of(stack);

	return trace->address == stack->address &&
	       dlw_trace_matches(&self, trace, frame_of(stack));
}

/* Whatever is found matches; and if anything does, something is found. */
static void check(const struct dlw_trace_cache *cache, struct dlw_trace *const *all,
		  uint32_t count, const struct stack *stack)
{
	struct dlw_context self = context_of(stack);
	const struct dlw_trace *found =
		dlw_trace_cache_find(cache, &self, stack->address, frame_of(stack));
	bool any = false;
	uint32_t i;

	for (i = 0; i < count && !any; i++)
		any = is_it(all[i], stack);
	assert_int_equal(found != NULL, any);
	if (found)
		assert_true(is_it(found, stack));
}

static void one_case(struct dice *dice)
{
	struct dlw_trace *all[400];
	struct dlw_trace_cache cache = { .arena = NULL };
	uint32_t calls = 1 + roll(dice, 6), count = 1 + roll(dice, 400), i;
	struct stack stack;

	for (i = 0; i < count; i++) {
		make_stack(dice, &stack, calls);
		check(&cache, all, i, &stack);
		all[i] = remember(&cache, &stack, i + 1);
		check(&cache, all, i + 1, &stack);
	}
	for (i = 0; i < 50; i++) {
		make_stack(dice, &stack, calls);
		check(&cache, all, count, &stack);
	}
}

static void the_cache_finds_what_a_comparison_with_all_finds(void **state)
{
	uint64_t count = from_environment("COUNT", 300);

	seed = from_environment("SEED", 1);
	for (number = 0; number < count; number++) {
		struct dice dice = dice_of(seed + number);

		one_case(&dice);
		forget(state);
	}
}

/* ---- while others add ------------------------------------------------------------------- */

#define SHARED 20000

static struct dlw_trace_cache shared;
static struct stack shown[64];
static _Atomic bool over;
static _Atomic uint32_t wrong;

static void *read_on(void *unused)
{
	uint32_t i;

	while (!over)
		for (i = 0; i < 64; i++) {
			struct dlw_context self = context_of(&shown[i]);
			const struct dlw_trace *found = dlw_trace_cache_find(
				&shared, &self, shown[i].address, frame_of(&shown[i]));

			wrong += found && !is_it(found, &shown[i]);
		}
	return unused;
}

static void readers_find_nothing_wrong_meanwhile(void **state)
{
	struct dice dice = dice_of(seed);
	pthread_t readers[2];
	struct stack stack;
	uint32_t i;

	(void)state;
	for (i = 0; i < 64; i++)
		make_stack(&dice, &shown[i], 4);
	for (i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&readers[i], NULL, read_on, NULL), 0);
	for (i = 0; i < SHARED; i++) {
		make_stack(&dice, &stack, 4);
		remember(&shared, i % 100 ? &stack : &shown[i / 100 % 64], i + 1);
	}
	over = true;
	for (i = 0; i < 2; i++)
		pthread_join(readers[i], NULL);
	assert_int_equal(wrong, 0);
	for (i = 0; i < 64; i++) {
		struct dlw_context self = context_of(&shown[i]);

		assert_non_null(dlw_trace_cache_find(&shared, &self, shown[i].address,
						     frame_of(&shown[i])));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(the_cache_finds_what_a_comparison_with_all_finds,
					  say_where),
		cmocka_unit_test_teardown(readers_find_nothing_wrong_meanwhile, forget),
	};

	return cmocka_run_group_tests_name("stacks", tests, NULL, NULL);
}
