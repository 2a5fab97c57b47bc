/*
 * judge_world.h - a new world for each test, and what is often true in it
 */
#ifndef DLW_TESTS_JUDGE_WORLD_H
#define DLW_TESTS_JUDGE_WORLD_H

#include "world.h"

static struct world w;

static inline int setup(void **state)
{
	(void)state;
	world_start(&w);
	return 0;
}

static inline int teardown(void **state)
{
	(void)state;
	world_end(&w);
	return 0;
}

/* cross() - two new threads, two new mutexes, in two orders: a deadlock */
static inline void cross(const char *one, const char *other)
{
	uint32_t a = world_thread(&w, one), b = world_thread(&w, other);
	uint32_t m = world_mutex(&w), n = world_mutex(&w);

	world_cross(&w, a, b, m, n);
}

#define cmocka_test(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

#endif
