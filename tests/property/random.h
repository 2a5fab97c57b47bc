/*
 * random.h - numbers for property tests: the same ones for the same seed
 *
 * SEED= and COUNT= in the environment change what is tested; both are printed,
 * and so is the number of the case that failed: SEED with that number makes it
 * the first one.
 */
#ifndef DLW_TEST_RANDOM_H
#define DLW_TEST_RANDOM_H

#include <stdint.h>
#include <stdlib.h>

struct dice {
	uint64_t state;
};

/* Every case has a seed of its own, so that it can be run again alone. */
static inline struct dice dice_of(uint64_t seed)
{
	return (struct dice){ seed * 0x9e3779b97f4a7c15ull + 0x1234567 };
}

static inline uint64_t roll64(struct dice *dice)
{
	uint64_t mixed = dice->state += 0x9e3779b97f4a7c15ull;

	mixed = (mixed ^ mixed >> 30) * 0xbf58476d1ce4e5b9ull;
	mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111ebull;
	return mixed ^ mixed >> 31;
}

/* 0 up to @sides - 1 */
static inline uint32_t roll(struct dice *dice, uint32_t sides)
{
	return (uint32_t)(roll64(dice) % sides);
}

static inline int chance(struct dice *dice, uint32_t percent)
{
	return roll(dice, 100) < percent;
}

static inline uint64_t from_environment(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text && *text ? strtoull(text, NULL, 0) : otherwise;
}

#endif
