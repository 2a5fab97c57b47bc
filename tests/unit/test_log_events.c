/*
 * test_log_events.c - an event, packed into the log's units and read back
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <dlwatch/log.h>

/** assert_same() - what was read is what was written, as far as it can be said AGAIN */
static void assert_same(const struct dlw_event *out, const struct dlw_event *in)
{
	assert_int_equal(out->type, in->type);
	assert_int_equal(out->object, in->object);
	assert_int_equal(out->stack, in->stack);
	assert_int_equal(out->mode, in->mode);
	assert_int_equal(out->form, in->form);
	assert_int_equal(out->ticket, in->ticket);
}

/** read_one() - the event that @units say, and of how many they are, with what stands before it */
static unsigned read_one(const uint32_t *units, unsigned used, uint64_t *ticks,
			 struct dlw_event *out)
{
	struct dlw_recents read = { 0 };
	unsigned at = 0;

	do {
		unsigned got = dlw_event_get(units + at, used - at, ticks, out, &read);

		assert_true(got > 0);
		at += got;
	} while (out->type == DLW_EVENT_TIME || out->type == DLW_EVENT_LATER);
	return at;
}

/** assert_unpacks() - in a block where nothing was said before */
static void assert_unpacks(const struct dlw_event *in, uint64_t last)
{
	struct dlw_recents written = { 0 };
	uint32_t units[DLW_EVENT_UNITS_MAX];
	uint64_t ticks = last;
	struct dlw_event out;
	unsigned used = dlw_event_put(units, in, last, &written);

	assert_in_range(used, 1, DLW_EVENT_UNITS_MAX);
	assert_int_equal(read_one(units, used, &ticks, &out), used);
	assert_int_equal(out.ticks, in->ticks);
	if (in->type == DLW_EVENT_RELEASED_TOP) {
		assert_int_equal(out.type, in->type);
		assert_int_equal(out.argument, in->argument);
		return;
	}
	assert_same(&out, in);
	assert_int_equal(out.contended, in->contended);
	if (in->type >= 16)
		assert_int_equal(out.argument, in->argument);
}

static void every_event_unpacks_to_what_was_packed(void **unused)
{
	static const uint64_t arguments[] = { 0, 1, 63, 64, 1u << 31, UINT64_MAX };
	static const uint32_t stacks[] = { 0, DLW_PLAIN_STACK_MAX, DLW_PLAIN_STACK_MAX + 1 };
	static const uint32_t objects[] = { 1, DLW_PLAIN_OBJECT_MAX, UINT32_MAX };
	static const uint64_t deltas[] = { 0, DLW_DELTA_MAX, DLW_DELTA_MAX + 1,
					   DLW_SHORT_DELTA_MAX, DLW_SHORT_DELTA_MAX + 1,
					   (uint64_t)1 << 40 };
	uint32_t type, number;

	(void)unused;
	for (type = DLW_EVENT_ACQUIRED; type <= DLW_EVENT_HELD; type++)
		for (number = 0; number < 6 * 3 * 3 * 6; number++) {
			const uint32_t a = number % 6, s = number / 6 % 3, o = number / 18 % 3;

			if (type == DLW_EVENT_AGAIN || type == DLW_EVENT_LATER)
				continue; /* not for writers */
			assert_unpacks(&(struct dlw_event){
				.type = (enum dlw_event_type)type,
				.mode = (uint8_t)(a & 3),
				.contended = s & 1,
				.form = (uint8_t)o,
				.object = objects[o],
				.stack = stacks[s],
				.ticket = 12345,
				.argument = arguments[a],
				.ticks = 777 + deltas[number / 54],
			}, 777);
		}
}

static void an_acquisition_repeated_takes_four_bytes(void **unused)
{
	struct dlw_recents written = { 0 }, read = { 0 };
	struct dlw_event out;
	uint32_t units[DLW_EVENT_UNITS_MAX];
	uint64_t ticks = 1000;
	int round;

	(void)unused;
	for (round = 0; round < 5; round++) {
		struct dlw_event in = { .type = DLW_EVENT_ACQUIRED,
					.object = 33,
					.stack = 5,
					.mode = 1,
					.contended = round & 1,
					.ticket = 100 + (uint64_t)round * 127,
					.ticks = ticks + (round ? DLW_AGAIN_DELTA_MAX :
								  DLW_DELTA_MAX) };
		unsigned used = dlw_event_put(units, &in, ticks, &written);

		assert_int_equal(used, round ? 1 : 3);
		assert_int_equal(dlw_event_get(units, used, &ticks, &out, &read), used);
		assert_int_equal(out.type, DLW_EVENT_ACQUIRED);
		assert_int_equal(out.object, in.object);
		assert_int_equal(out.stack, in.stack);
		assert_int_equal(out.mode, in.mode);
		assert_int_equal(out.contended, in.contended);
		assert_int_equal(out.ticket, in.ticket);
		assert_int_equal(out.ticks, in.ticks);
	}
	/* nothing to repeat yet in a new block */
	dlw_recents_begin(&read, DLW_LOG_MAJOR);
	assert_int_equal(dlw_event_get(units, 1, &ticks, &out, &read), 0);
}

/* Each with its twin of another type, mode or stack in between: none is taken for the other. */
static void every_operation_repeated_takes_four_bytes(void **unused)
{
	static const struct dlw_event events[] = {
		{ .type = DLW_EVENT_ACQUIRED, .object = 7, .mode = 2, .stack = 1, .untimed = true },
		{ .type = DLW_EVENT_POSTED, .object = 7, .mode = 2, .stack = 2, .untimed = true },
		{ .type = DLW_EVENT_ACQUIRED, .object = 8, .mode = 1, .stack = 3, .untimed = true },
		{ .type = DLW_EVENT_RELEASED, .object = 8, .mode = 1, .untimed = true },
		{ .type = DLW_EVENT_SIGNALLED, .object = 9, .stack = 4, .untimed = true },
		{ .type = DLW_EVENT_BROADCAST, .object = 9, .stack = 4, .untimed = true },
		{ .type = DLW_EVENT_TRY_FAILED, .object = 9, .form = 2, .untimed = true },
		{ .type = DLW_EVENT_ACQUIRED, .object = 7 + 2 * DLW_RECENT, .stack = 1, .untimed = true },
		{ .type = DLW_EVENT_ACQUIRED, .object = 8, .mode = 0, .stack = 3, .untimed = true },
	};
	const uint32_t count = sizeof(events) / sizeof(*events);
	struct dlw_recents written = { 0 }, read = { 0 };
	uint64_t ticks = 1000, ticket = 0;
	uint32_t units[DLW_EVENT_UNITS_MAX], round, at;
	struct dlw_event in, out;

	(void)unused;
	for (round = 0; round < 3; round++)
		for (at = 0; at < count; at++) {
			unsigned used;

			in = events[at];
			in.ticket = ++ticket;
			used = dlw_event_put(units, &in, ticks, &written);
			assert_int_equal(used, round ? 1 : 3);
			assert_int_equal(dlw_event_get(units, used, &ticks, &out, &read), used);
			assert_same(&out, &in);
		}
	assert_memory_equal(read.at, written.at, sizeof(read.at));
}

/* Ways into a few locks, at numbers of their own: in the order in which they came they make way. */
static void as_many_are_repeated_as_a_block_has_places(void **unused)
{
	struct dlw_recents written = { 0 }, read = { 0 };
	uint32_t units[DLW_EVENT_UNITS_MAX], round, at;
	uint64_t ticks = 1000, ticket = 0;

	(void)unused;
	for (round = 0; round < 4; round++)
		for (at = 0; at < DLW_RECENT + (round == 3); at++) {
			struct dlw_event out, in = { .type = DLW_EVENT_ACQUIRED,
						     .object = 1 + at / 40,
						     .stack = 200 + at,
						     .ticket = ticket + at / 2,
						     .untimed = true };
			unsigned used = dlw_event_put(units, &in, ticks, &written);

			assert_int_equal(used, round && at < DLW_RECENT ? 1 : 3);
			assert_int_equal(dlw_event_get(units, used, &ticks, &out, &read), used);
			assert_same(&out, &in);
			ticket += at == DLW_RECENT - 1 ? DLW_RECENT / 2 : 0;
		}
	/* which one made way? the first, and no other */
	for (at = 1; at <= 2; at++) {
		struct dlw_event in = { .type = DLW_EVENT_ACQUIRED, .object = 1,
					.stack = 202 - at, .ticket = ticket, .untimed = true };

		assert_int_equal(dlw_event_put(units, &in, ticks, &written), at == 1 ? 1 : 3);
	}
}

/** assert_again() - of version 4 or 5: *@unit says an acquisition of @object once more */
static void assert_again(uint32_t unit, struct dlw_recents *read, uint32_t object, uint32_t ticket)
{
	struct dlw_event out;
	uint64_t ticks = 1000;

	assert_int_equal(dlw_event_get(&unit, 1, &ticks, &out, read), 1);
	assert_int_equal(out.type, DLW_EVENT_ACQUIRED);
	assert_int_equal(out.object, object);
	assert_int_equal(out.ticket, ticket);
	assert_int_equal(out.contended, unit >> 11 & 1);
	assert_int_equal(out.untimed, unit >> 19 >= 8190);
	assert_int_equal(out.released, unit >> 19 == 8190);
	assert_int_equal(ticks, 1000 + (unit >> 19 < 8190 ? unit >> 19 : 0));
}

/* The place is a sum modulo 64. */
static void what_older_versions_repeat_is_read(void **unused)
{
	struct dlw_recents read;
	uint32_t object, units[3];
	struct dlw_event out;
	uint64_t ticks = 1000;

	(void)unused;
	for (uint16_t major = 4; major <= 5; major++) {
		dlw_recents_begin(&read, major);
		/* the last one is where the first one was: 2 + 1 + 5 */
		for (object = 1; object <= 65; object += 32) {
			dlw_event_put_plain(units, DLW_EVENT_ACQUIRED, 0, 0, 0, DLW_UNTIMED, 5, object,
					    100 * object);
			assert_int_equal(dlw_event_get(units, 3, &ticks, &out, &read), 3);
		}
		assert_again(13 | 8u << 5 | 1u << 11 | 127u << 12 | 8189u << 19, &read, 65, 6627);
		assert_again(13 | 40u << 5 | 2u << 12 | 8191u << 19, &read, 33, 3302);
		assert_again(13 | 40u << 5 | 2u << 12 | 8190u << 19, &read, 33, 3304);
		assert_again(13 | 8u << 5 | 1u << 12 | 4095u << 19, &read, 65, 6628);
		units[0] = 13 | 9u << 5;
		assert_int_equal(dlw_event_get(units, 1, &ticks, &out, &read), 0);
	}
}

static void an_untimed_acquisition_may_tell_of_its_release(void **unused)
{
	static const uint32_t stacks[] = { 5, DLW_PLAIN_STACK_MAX + 1 };
	struct dlw_event in = { .type = DLW_EVENT_ACQUIRED, .object = 33, .untimed = true }, out;
	uint32_t units[DLW_EVENT_UNITS_MAX], wide, again, released;

	(void)unused;
	for (wide = 0; wide < 2; wide++) {
		struct dlw_recents written = { 0 }, read = { 0 };
		const unsigned sizes[] = { wide ? 8 : 3, 1 };

		in.stack = stacks[wide];
		for (again = 0; again < 2; again++)
			for (released = 0; released < 2; released++) {
				uint64_t ticks = 1000;
				unsigned size = sizes[again | released];

				in.ticket++;
				in.released = released;
				assert_int_equal(dlw_event_put(units, &in, 1000, &written), size);
				assert_int_equal(dlw_event_get(units, size, &ticks, &out, &read), size);
				assert_true(out.untimed);
				assert_int_equal(out.released, released);
				assert_int_equal(out.type, DLW_EVENT_ACQUIRED);
				assert_int_equal(out.object, 33);
				assert_int_equal(out.stack, in.stack);
				assert_int_equal(out.ticket, in.ticket);
				assert_int_equal(ticks, 1000);
				assert_int_equal(out.ticks, 1000);
			}
	}
	/* of anything else there is none */
	in.type = DLW_EVENT_POSTED;
	assert_int_equal(dlw_event_put(units, &in, 1000, &(struct dlw_recents){ 0 }), 8);
	assert_int_equal(dlw_event_get(units, 8, &(uint64_t){ 1000 }, &out,
				       &(struct dlw_recents){ 0 }), 8);
	assert_true(out.untimed && !out.released);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_event_unpacks_to_what_was_packed),
		cmocka_unit_test(an_acquisition_repeated_takes_four_bytes),
		cmocka_unit_test(every_operation_repeated_takes_four_bytes),
		cmocka_unit_test(as_many_are_repeated_as_a_block_has_places),
		cmocka_unit_test(what_older_versions_repeat_is_read),
		cmocka_unit_test(an_untimed_acquisition_may_tell_of_its_release),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
