/*
 * test_log_damage.c - no damage to a log crashes a tool or invents a deadlock
 *
 * Every truncation and every flipped bit of a log with a bit of everything,
 * and of its tail; random ones with the checksums put right again, so that
 * they get past the first door.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/log_exercise.h"
#include "tests/unit/log_repair.h"
#include "tests/unit/log_samples.h"

static struct log_exercise result;

static void exercise(const struct log_writer *w, size_t log_size, size_t tail_size)
{
	/* of its exact size, so that a sanitizer sees any step beyond it */
	uint8_t *log = malloc(log_size ? log_size : 1), *tail = malloc(tail_size ? tail_size : 1);

	memcpy(log, w->log, log_size);
	memcpy(tail, w->tail, tail_size);
	log_exercise(&result, log, log_size, tail, tail_size);
	free(log);
	free(tail);
}

static void the_undamaged_log_has_one_deadlock_and_no_loss(void **unused)
{
	struct log_writer *w = log_sample();

	(void)unused;
	exercise(w, w->log_size, w->tail_size);
	assert_true(result.opened);
	assert_int_equal(result.findings, 1);
	assert_int_equal(result.lost, 0);
	assert_int_equal(result.events, 34);
	assert_non_null(strstr(result.finding, "\"verdict\":\"proven\""));
	log_writer_free(w);
}

static bool is_between_blocks(const struct log_writer *w, size_t size)
{
	size_t at = sizeof(struct dlw_log_header);
	struct dlw_block block;

	while (at < size) {
		memcpy(&block, w->log + at, sizeof(block));
		at += sizeof(block) + block.length;
	}
	return at == size;
}

static void a_log_cut_anywhere_is_read_up_to_the_cut(void **unused)
{
	struct log_writer *w = log_sample();
	size_t size;

	(void)unused;
	for (size = 0; size <= w->log_size; size++) {
		exercise(w, size, w->tail_size);
		assert_int_equal(result.opened, size >= sizeof(struct dlw_log_header));
		/* threads 3 and 4 are whole in the tail: their deadlock is never lost */
		if (result.opened)
			assert_int_equal(result.findings, 1);
		if (result.opened && !is_between_blocks(w, size))
			assert_true(result.lost > 0);
	}
	log_writer_free(w);
}

static void a_tail_cut_anywhere_invents_nothing(void **unused)
{
	struct log_writer *w = log_sample();
	size_t size;

	(void)unused;
	for (size = 0; size <= w->tail_size; size += size % 8192 < 1000 ? 1 : 97) {
		exercise(w, w->log_size, size);
		assert_true(result.opened);
		assert_in_range(result.findings, 0, 1);
	}
	log_writer_free(w);
}

static void every_flipped_bit_is_noticed_and_none_invents_a_second_deadlock(void **unused)
{
	struct log_writer *w = log_sample();
	size_t at;

	(void)unused;
	for (at = 0; at < w->log_size * 8; at++) {
		w->log[at / 8] ^= (uint8_t)(1u << at % 8);
		exercise(w, w->log_size, w->tail_size);
		assert_in_range(result.findings, 0, 1);
		assert_true(!result.opened || result.lost > 0);
		w->log[at / 8] ^= (uint8_t)(1u << at % 8);
	}
	log_writer_free(w);
}

static void no_flipped_bit_of_the_tail_crashes(void **unused)
{
	struct log_writer *w = log_sample();
	size_t at;

	(void)unused;
	for (at = 0; at < w->tail_size * 8; at++) {
		if (at / 8 % 8192 >= 400)
			continue; /* nothing is written there */
		w->tail[at / 8] ^= (uint8_t)(1u << at % 8);
		exercise(w, w->log_size, w->tail_size);
		w->tail[at / 8] ^= (uint8_t)(1u << at % 8);
	}
	log_writer_free(w);
}

static void random_damage_with_right_checksums_crashes_nothing(void **unused)
{
	const char *given = getenv("COUNT");
	uint64_t random = 12345;
	long rounds = given ? atol(given) : 20000, round;
	uint64_t events = 0;

	(void)unused;
	for (round = 0; round < rounds; round++) {
		struct log_writer *w = log_sample();
		int changes;

		random = random * 6364136223846793005u + 1442695040888963407u;
		for (changes = 1 + (int)(random >> 60); changes; changes--) {
			random = random * 6364136223846793005u + 1442695040888963407u;
			w->log[sizeof(struct dlw_log_header) +
			       (random >> 33) % (w->log_size - sizeof(struct dlw_log_header))] =
				(uint8_t)(random >> 20);
		}
		log_repair(w->log, w->log_size);
		exercise(w, w->log_size, w->tail_size);
		events += result.events;
		log_writer_free(w);
	}
	assert_true(events > (uint64_t)rounds * 10); /* most of it got through to the replay */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_undamaged_log_has_one_deadlock_and_no_loss),
		cmocka_unit_test(a_log_cut_anywhere_is_read_up_to_the_cut),
		cmocka_unit_test(a_tail_cut_anywhere_invents_nothing),
		cmocka_unit_test(every_flipped_bit_is_noticed_and_none_invents_a_second_deadlock),
		cmocka_unit_test(no_flipped_bit_of_the_tail_crashes),
		cmocka_unit_test(random_damage_with_right_checksums_crashes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
