/*
 * test_records.c - what a segment says of itself is held against its size
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/watch/look.h"
#include "core/watch/records.h"

static struct dlw_segment segment;
static const struct dlw_watched watched = { .segment = &segment, .mapped = sizeof(segment) };

static void what_lies_within_is_found(void **state)
{
	(void)state;
	assert_ptr_equal(dlw_record_at(&watched, 8, 16), (char *)&segment + 8);
	assert_ptr_equal(dlw_record_at(&watched, sizeof(segment) - 16, 16),
			 (char *)&segment + sizeof(segment) - 16);
}

static void what_lies_beyond_the_end_is_not_believed(void **state)
{
	(void)state;
	assert_null(dlw_record_at(&watched, 0, 16));
	assert_null(dlw_record_at(&watched, sizeof(segment) - 15, 16));
	assert_null(dlw_record_at(&watched, sizeof(segment), 16));
	assert_null(dlw_record_at(&watched, sizeof(segment) + 8, 16));
	assert_null(dlw_record_at(&watched, 8, sizeof(segment)));
}

static void nor_what_lies_so_far_away_that_its_end_comes_round(void **state)
{
	(void)state;
	assert_null(dlw_record_at(&watched, UINT64_MAX - 7, 16));
	assert_null(dlw_record_at(&watched, 16, UINT64_MAX - 7));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_lies_within_is_found),
		cmocka_unit_test(what_lies_beyond_the_end_is_not_believed),
		cmocka_unit_test(nor_what_lies_so_far_away_that_its_end_comes_round),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
