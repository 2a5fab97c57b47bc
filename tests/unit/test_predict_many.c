/*
 * test_predict_many.c - the prediction of very many orders, and of those under very many holds
 */
#include "predict_story.h"

/* @all of them one in the other, first to last or last to first, and back again. */
static void nests(struct story *story, uint32_t thread, const uint32_t *all, uint32_t count,
		  bool backwards)
{
	uint32_t i;

	for (i = 0; i < count; i++)
		locks(story, thread, all[backwards ? count - 1 - i : i]);
	for (i = count; i--;)
		unlocks(story, thread, all[backwards ? count - 1 - i : i]);
}

/* New ones, first to last and last to first. */
static void nests_both_ways(struct story *story, uint32_t thread, uint32_t *all, uint32_t count)
{
	mutexes(story, all, count);
	nests(story, thread, all, count, false);
	nests(story, thread, all, count, true);
}

static void nested_locks_are_explained_by_pairs_not_by_subsets(void **state)
{
	enum { COUNT = 40 };
	struct story story = begin();
	uint32_t all[COUNT], i;

	(void)state;
	nests_both_ways(&story, 0, all, COUNT);
	predict(&story, true);
	/* longer cycles, 2^40 of them, are around these */
	assert_int_equal(story.prediction.cycles, COUNT * (COUNT - 1) / 2);
	assert_int_equal(story.prediction.count, COUNT * (COUNT - 1) / 2);
	assert_false(story.prediction.cut);
	assert_false(story.prediction.longer);
	assert_int_equal(story.prediction.feasible, 0);
	for (i = 0; i < story.prediction.count; i++)
		assert_int_equal(story.prediction.all[i].verdict, DLW_SAME_THREAD);
	end(&story);
}

static void what_cannot_happen_is_told_up_to_a_number(void **state)
{
	enum { COUNT = 20 };
	struct story story = begin();
	uint32_t all[COUNT];

	(void)state;
	nests_both_ways(&story, 0, all, COUNT);
	nests(&story, 1, all, COUNT, false);
	both(&story, 2, all[1], all[0]);
	story.options.explained_most = 10;
	predict(&story, true);
	assert_true(story.prediction.unexplained);
	assert_int_equal(story.prediction.count, 10 + story.prediction.feasible);
	assert_true(story.prediction.feasible >= 1);
	end(&story);
}

/* Both orders of any two of so many accounts, at two places in the code. */
static void transfers(struct story *story, uint32_t thread, uint32_t count)
{
	uint32_t first = mutex(story), i, j;

	for (i = 1; i < count; i++)
		mutex(story);
	for (i = 0; i < count; i++)
		for (j = 0; j < count; j++)
			if (i != j) {
				story->places = 0;
				both(story, thread + (i < j), first + i, first + j);
			}
}

static void one_mistake_over_many_locks_is_told_a_few_times(void **state)
{
	enum { COUNT = 60 };
	struct story story = begin();

	(void)state;
	transfers(&story, 0, COUNT);
	predict(&story, false);
	assert_int_equal(story.prediction.cycles, COUNT * (COUNT - 1) / 2);
	assert_false(story.prediction.cut);
	/* faces are looked at from the 128th on, and of each 8 are told */
	assert_int_equal(story.prediction.count, 128 + 8);
	assert_int_equal(story.prediction.feasible, 128 + 8);
	end(&story);
}

static void a_place_seen_only_later_is_told_all_the_same(void **state)
{
	enum { COUNT = 30 };
	struct story story = begin();
	uint32_t a, b, i, told = 0;

	(void)state;
	transfers(&story, 0, COUNT);
	a = mutex(&story);
	b = mutex(&story);
	story.places = 0;
	both(&story, 0, a, b);
	story.places = 100;
	both(&story, 1, b, a);
	predict(&story, false);
	for (i = 0; i < story.prediction.count; i++)
		told += story.prediction.all[i].members[0].place == 102 ||
			story.prediction.all[i].members[1].place == 102;
	assert_int_equal(told, 1);
	end(&story);
}

static void places_of_two_programs_are_not_the_same_places(void **state)
{
	uint32_t other, i;

	(void)state;
	for (other = 0; other < 2; other++) {
		struct story story = begin();

		for (i = 0; i < THREADS; i += 2)
			transfers(&story, i, 40);
		dlw_trace_program(story.trace, 2, other);
		dlw_trace_program(story.trace, 3, other);
		predict(&story, false);
		assert_int_equal(story.prediction.count, 128 + 8 + 8 * other);
		end(&story);
	}
}

static void what_a_cycle_is_about_is_told_of_any_number_of_holds(void **state)
{
	enum { COUNT = 100 };
	struct story story = begin();
	uint32_t a = mutex(&story), b = mutex(&story), all[COUNT], i;
	const struct dlw_predicted *cycle;

	(void)state;
	mutexes(&story, all, COUNT);
	for (i = 0; i < COUNT; i++)
		locks(&story, 0, all[i]);
	both(&story, 0, a, b);
	for (i = COUNT; i--;)
		unlocks(&story, 0, all[i]);
	both(&story, 1, b, a);
	predict(&story, false);
	assert_int_equal(story.prediction.feasible, 1);
	assert_int_equal(story.prediction.shortened, 0);
	cycle = &story.prediction.all[0];
	assert_int_equal(cycle->members[0].hold_count + cycle->members[1].hold_count, COUNT + 2);
	end(&story);
}

static void beyond_the_room_for_holds_those_of_the_cycle_are_told(void **state)
{
	enum { COUNT = 100 };
	struct story story = begin();
	uint32_t a = mutex(&story), b = mutex(&story), c = mutex(&story), all[COUNT], i, j;

	(void)state;
	mutexes(&story, all, COUNT);
	for (i = 0; i < COUNT; i++)
		locks(&story, 0, all[i]);
	both(&story, 0, a, b);
	both(&story, 0, b, c);
	for (i = COUNT; i--;)
		unlocks(&story, 0, all[i]);
	both(&story, 1, b, a);
	both(&story, 1, c, b);
	story.options.holds_told = 50;
	predict(&story, false);
	assert_int_equal(story.prediction.feasible, 2);
	assert_int_equal(story.prediction.shortened, 1);
	assert_int_equal(story.prediction.all[0].witness_count, COUNT + 2);
	assert_int_equal(story.prediction.all[1].witness_count, 2);
	for (i = 0; i < 2; i++)
		for (j = 0; j < 2; j++) {
			const struct dlw_predicted_member *member =
				&story.prediction.all[i].members[j];

			assert_int_equal(member->seen, 1);
			if (i)
				assert_int_equal(member->hold_count, 1);
			assert_int_equal(member->holds[member->hold_count - 1].object,
					 member->given);
		}
	end(&story);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nested_locks_are_explained_by_pairs_not_by_subsets),
		cmocka_unit_test(what_cannot_happen_is_told_up_to_a_number),
		cmocka_unit_test(one_mistake_over_many_locks_is_told_a_few_times),
		cmocka_unit_test(a_place_seen_only_later_is_told_all_the_same),
		cmocka_unit_test(places_of_two_programs_are_not_the_same_places),
		cmocka_unit_test(what_a_cycle_is_about_is_told_of_any_number_of_holds),
		cmocka_unit_test(beyond_the_room_for_holds_those_of_the_cycle_are_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
