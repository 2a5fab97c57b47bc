/*
 * test_judge_fingerprint.c - what of a finding stays the same from run to run, and what does not
 */
#include "judge_world.h"

static const char *print_of(uint32_t number)
{
	char *copy = world_memory(&w, 17);

	assert_true(number < w.found.count);
	return strcpy(copy, w.found.all[number].fingerprint);
}

static void a_fingerprint_knows_no_ids_names_times_or_addresses(void **state)
{
	const char *before;
	uint32_t i;

	(void)state;
	cross("a", "b");
	world_judge(&w);
	before = print_of(0);
	w.processes[0].pid = 4711;
	for (i = 0; i < 2; i++) {
		w.threads[i].tid = 9000 - (int32_t)i; /* the other one is the smaller now */
		w.threads[i].name = "other";
		w.threads[i].want.since_ns += 12345;
		w.resources[i].address += 0x1000000;
		w.holds[i].since_ns = 0;
	}
	world_judge(&w);
	assert_string_equal(print_of(0), before);
	assert_int_equal(w.found.all[0].core[0], 1);
}

static void a_fingerprint_knows_no_load_address(void **state)
{
	struct dlw_module moved[2];
	const char *before;
	uint64_t *frame;
	uint32_t i;

	(void)state;
	cross("a", "b");
	world_judge(&w);
	before = print_of(0);
	for (i = 0; i < 2; i++) {
		moved[i] = world_modules[i];
		moved[i].start += 0x5000;
		moved[i].end += 0x5000;
		moved[i].bias += 0x5000;
		moved[i].path = i ? moved[i].path : "/elsewhere/app";
		frame = world_memory(&w, 8);
		*frame = w.threads[i].want.stack.frames[0] + 0x5000;
		w.threads[i].want.stack.frames = frame;
		frame = world_memory(&w, 8);
		*frame = w.holds[i].stack.frames[0] + 0x5000;
		w.holds[i].stack.frames = frame;
	}
	w.processes[0].modules = moved;
	world_judge(&w);
	assert_string_equal(print_of(0), before);
}

static void a_fingerprint_changes_with_sites_modes_kinds_and_verdict(void **state)
{
	const char *prints[6];
	uint32_t i, j;

	(void)state;
	cross("a", "b");
	world_judge(&w);
	prints[0] = print_of(0);
	w.threads[0].want.stack = world_somewhere(&w);
	world_judge(&w);
	prints[1] = print_of(0);
	w.holds[1].stack = world_somewhere(&w);
	world_judge(&w);
	prints[2] = print_of(0);
	w.resources[0].kind = DLW_RWLOCK;
	world_judge(&w);
	prints[3] = print_of(0);
	w.holds[0].mode = DLW_SHARED;
	world_judge(&w);
	prints[4] = print_of(0);
	w.threads[0].want.flags = DLW_WANT_UNCONFIRMED;
	world_judge(&w);
	prints[5] = print_of(0);
	for (i = 0; i < 6; i++)
		for (j = 0; j < i; j++)
			assert_string_not_equal(prints[i], prints[j]);
}

static void holds_beside_the_core_do_not_change_the_fingerprint(void **state)
{
	const char *before;

	(void)state;
	cross("a", "b");
	world_judge(&w);
	before = print_of(0);
	world_hold(&w, 0, world_mutex(&w), DLW_EXCLUSIVE);
	world_wait(&w, world_thread(&w, "stuck"), 0, DLW_EXCLUSIVE);
	world_judge(&w);
	assert_string_equal(print_of(0), before);
}

static void short_ids_are_numbered_in_one_sequence(void **state)
{
	static const char *const expected[] = { "S1", "R2", "M3" };
	uint32_t a = world_thread(&w, "a"), b = world_thread(&w, "b"), i;
	uint32_t r = world_resource(&w, DLW_RWLOCK, DLW_TYPE_PREFER_READER);
	uint32_t s = world_semaphore(&w, 1, DLW_LOCK_LIKE);
	char id[16];

	(void)state;
	world_hold(&w, a, r, DLW_EXCLUSIVE);
	world_hold(&w, b, s, DLW_PERMIT);
	world_hold(&w, a, world_mutex(&w), DLW_EXCLUSIVE);
	world_wait(&w, a, s, DLW_PERMIT);
	world_wait(&w, b, r, DLW_EXCLUSIVE);
	expect_only(&w, DLW_DEADLOCK, DLW_LIKELY, "a b", "");
	assert_int_equal(w.found.all[0].resource_count, 3);
	for (i = 0; i < 3; i++) {
		dlw_resource_id(&w.state, &w.found.all[0], i, id);
		assert_string_equal(id, expected[i]);
	}
	assert_int_equal(dlw_resource_position(&w.found.all[0], r), 1);
	assert_int_equal(dlw_resource_position(&w.found.all[0], 77), DLW_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_test(a_fingerprint_knows_no_ids_names_times_or_addresses),
		cmocka_test(a_fingerprint_knows_no_load_address),
		cmocka_test(a_fingerprint_changes_with_sites_modes_kinds_and_verdict),
		cmocka_test(holds_beside_the_core_do_not_change_the_fingerprint),
		cmocka_test(short_ids_are_numbered_in_one_sequence),
	};

	return cmocka_run_group_tests_name("judge: fingerprint", tests, NULL, NULL);
}
