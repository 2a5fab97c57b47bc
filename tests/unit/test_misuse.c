/*
 * test_misuse.c - notes of misuse become findings, and words become sorts
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "analyzer/log_memory.h"
#include "core/misuse.h"

static uint32_t sorts_of(const char *text)
{
	uint32_t sorts = 0xdead;

	return dlw_misuse_parse(text, strlen(text), &sorts) ? sorts : 0xbad;
}

static void words_choose_sorts(void **state)
{
	(void)state;
	assert_int_equal(sorts_of("off"), 0);
	assert_int_equal(sorts_of("relock"), 1u << DLW_RELOCK);
	assert_int_equal(sorts_of("relock,rank"), 1u << DLW_RELOCK | 1u << DLW_RANK_BROKEN);
	assert_int_equal(sorts_of("default,unlock-by-stranger"), sorts_of("all"));
	assert_int_equal(sorts_of("default") >> DLW_UNLOCK_BY_STRANGER & 1, 0);
	assert_int_equal(sorts_of("none"), 0xbad);
	assert_int_equal(sorts_of("relock,"), 0xbad);
	assert_int_equal(sorts_of(""), 0xbad);
}

static bool make(const struct dlw_misuse *note, struct dlw_arena *arena, struct dlw_state *moment,
		 struct dlw_finding *finding)
{
	static const struct dlw_process_state process = { .pid = 7, .exe = "/bin/app" };
	static const uint64_t site[] = { 0x1000 }, other[] = { 0x2000 };
	const struct dlw_misuse_seen seen = {
		.note = note, .process = &process, .stack = { site, 1 }, .other_stack = { other, 1 }
	};

	return dlw_misuse_finding(&seen, arena, moment, finding);
}

static const struct dlw_misuse by_stranger = {
	.sort = DLW_UNLOCK_BY_STRANGER, .kind = DLW_MUTEX, .type = DLW_TYPE_NORMAL,
	.address = 0x10, .tid = 8, .other_tid = 9, .mode = DLW_EXCLUSIVE, .count = 3,
	.thread = "thief", .other = "owner",
};

static void a_finding_names_who_did_it_and_to_whom(void **state)
{
	struct dlw_arena arena = dlw_heap_arena();
	struct dlw_finding finding;
	struct dlw_state moment;

	(void)state;
	assert_true(make(&by_stranger, &arena, &moment, &finding));
	assert_int_equal(finding.kind, DLW_MISUSE);
	assert_int_equal(finding.verdict, DLW_CERTAIN);
	assert_int_equal(finding.misuse_count, 3);
	assert_int_equal(finding.core_count, 2);
	assert_string_equal(moment.threads[finding.core[0]].name, "thief");
	assert_int_equal(moment.hold_count, 1);
	assert_int_equal(moment.holds[0].thread, finding.core[1]);
	assert_false(finding.coffman[DLW_NO_PREEMPTION].holds);
	assert_false(finding.coffman[DLW_CIRCULAR_WAIT].holds);
	assert_non_null(strstr(finding.advice, "'thief' (tid 8) unlocked M1"));
	dlw_arena_release(&arena);
}

static void the_fingerprint_forgets_who_held_it(void **state)
{
	struct dlw_arena arena = dlw_heap_arena();
	struct dlw_misuse elsewhere = by_stranger;
	struct dlw_finding one, two;
	struct dlw_state moment;

	(void)state;
	elsewhere.address = 0x20;
	elsewhere.other_tid = 77;
	assert_true(make(&by_stranger, &arena, &moment, &one));
	assert_true(make(&elsewhere, &arena, &moment, &two));
	assert_string_equal(one.fingerprint, two.fingerprint);
	elsewhere.sort = DLW_DESTROY_HELD;
	assert_true(make(&elsewhere, &arena, &moment, &two));
	assert_string_not_equal(one.fingerprint, two.fingerprint);
	dlw_arena_release(&arena);
}

static void a_damaged_note_is_none(void **state)
{
	struct dlw_arena arena = dlw_heap_arena();
	struct dlw_misuse note = by_stranger;
	struct dlw_finding finding;
	struct dlw_state moment;

	(void)state;
	note.sort = DLW_MISUSE_COUNT;
	assert_false(make(&note, &arena, &moment, &finding));
	note = by_stranger;
	note.other_tid = 0; /* a stranger to nobody */
	assert_false(make(&note, &arena, &moment, &finding));
	note = by_stranger;
	memset(note.other, 'x', sizeof(note.other));
	assert_false(make(&note, &arena, &moment, &finding));
	dlw_arena_release(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_choose_sorts),
		cmocka_unit_test(a_finding_names_who_did_it_and_to_whom),
		cmocka_unit_test(the_fingerprint_forgets_who_held_it),
		cmocka_unit_test(a_damaged_note_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
