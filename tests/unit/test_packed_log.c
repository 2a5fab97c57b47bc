/*
 * test_packed_log.c - compressed logs: as good as plain ones, and damage costs
 * what it damaged
 */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <unistd.h>

#include <cmocka.h>
#include <zstd.h>

#include "analyzer/log_coverage.h"
#include "analyzer/log_pack.h"
#include "analyzer/log_replay.h"
#include "analyzer/unpack.h"
#include "core/watch/procfs.h"
#include "tests/unit/log_samples.h"

/* ---------------------------------------------------------------------- unpacking */

struct text {
	char *bytes;
	size_t size, room, most;
};

static bool append(void *context, const void *bytes, size_t size)
{
	struct text *text = context;

	if (text->most && text->size + size > text->most)
		return false;
	if (text->size + size > text->room)
		text->bytes = realloc(text->bytes, text->room = 2 * (text->size + size));
	memcpy(text->bytes + text->size, bytes, size);
	text->size += size;
	return true;
}

#define PART 300000u /* more than two of the blocks that a frame is made of */

/** parts() - three frames of PART bytes that are hard to compress; @ends: where each ends */
static struct text parts(struct text *plain, size_t ends[3])
{
	struct text packed = { 0 };
	char *bytes = malloc(PART), *frame = malloc(ZSTD_compressBound(PART));
	unsigned chance = 1, part, at;

	for (part = 0; part < 3; part++) {
		for (at = 0; at < PART; at++)
			bytes[at] = (char)((chance = chance * 1664525u + 1013904223u) >> 25);
		append(plain, bytes, PART);
		append(&packed, frame,
		       ZSTD_compress(frame, ZSTD_compressBound(PART), bytes, PART, 3));
		ends[part] = packed.size;
	}
	free(bytes);
	free(frame);
	return packed;
}

static struct text unpacked(const struct text *packed, size_t size, struct dlw_unpack_loss *loss)
{
	struct text text = { 0 };

	assert_true(dlw_unpack((const uint8_t *)packed->bytes, size, append, &text, loss));
	return text;
}

static void what_was_packed_comes_out(void **unused)
{
	struct text plain = { 0 }, packed, text;
	struct dlw_unpack_loss loss;
	size_t ends[3];

	(void)unused;
	packed = parts(&plain, ends);
	text = unpacked(&packed, packed.size, &loss);
	assert_int_equal(text.size, plain.size);
	assert_memory_equal(text.bytes, plain.bytes, plain.size);
	assert_false(dlw_unpack_lost(&loss));
	free(plain.bytes);
	free(packed.bytes);
	free(text.bytes);
}

static void all_before_the_end_of_a_cut_file_comes_out(void **unused)
{
	struct text plain = { 0 }, packed, text;
	struct dlw_unpack_loss loss;
	size_t ends[3], size, least = 0;

	(void)unused;
	packed = parts(&plain, ends);
	for (size = 0; size <= packed.size; size += 4999) {
		text = unpacked(&packed, size, &loss);
		assert_true(text.size >= least);
		assert_true(text.size <= plain.size);
		if (text.size)
			assert_memory_equal(text.bytes, plain.bytes, text.size);
		assert_int_equal(loss.cut, size && size != ends[0] && size != ends[1]);
		/* all of the frames that are there, and of the last one all but a block */
		assert_true(text.size + ((size_t)128 << 10) > size);
		least = text.size;
		free(text.bytes);
	}
	assert_true(least > 2 * PART + PART / 3);
	free(plain.bytes);
	free(packed.bytes);
}

static void damage_costs_no_other_frame(void **unused)
{
	struct text plain = { 0 }, packed, text;
	struct dlw_unpack_loss loss;
	size_t ends[3], at;

	(void)unused;
	packed = parts(&plain, ends);
	at = ends[0] + (ends[1] - ends[0]) / 2;
	memset(packed.bytes + ends[0] + 20, 0xff, at - ends[0] - 20);
	text = unpacked(&packed, packed.size, &loss);
	assert_true(text.size >= 2 * PART && text.size < 3 * PART);
	assert_memory_equal(text.bytes, plain.bytes, PART);
	assert_memory_equal(text.bytes + text.size - PART, plain.bytes + 2 * PART, PART);
	assert_in_range(loss.first, ends[0], at);
	assert_int_equal(loss.first + loss.bytes, ends[1]);
	assert_false(loss.cut);
	free(plain.bytes);
	free(packed.bytes);
	free(text.bytes);
}

static void what_finds_no_room_is_lost(void **unused)
{
	struct text plain = { 0 }, packed, text = { .most = PART + PART / 2 };
	struct dlw_unpack_loss loss;
	size_t ends[3];

	(void)unused;
	packed = parts(&plain, ends);
	assert_false(dlw_unpack((const uint8_t *)packed.bytes, packed.size, append, &text, &loss));
	assert_true(text.size >= PART);
	assert_memory_equal(text.bytes, plain.bytes, text.size);
	assert_in_range(loss.first, ends[0], ends[1]);
	assert_int_equal(loss.first + loss.bytes, packed.size);
	free(plain.bytes);
	free(packed.bytes);
	free(text.bytes);
}

/* --------------------------------------------------------------------------- logs */

struct place {
	char directory[32], log[64], packed[72], tail[72], packed_tail[80];
};

static struct place place_of(const struct log_writer *w)
{
	struct place place = { .directory = "/tmp/dlwatch-test-XXXXXX" };

	assert_non_null(mkdtemp(place.directory));
	snprintf(place.log, sizeof(place.log), "%s/app.dlw", place.directory);
	snprintf(place.tail, sizeof(place.tail), "%s.tail", place.log);
	snprintf(place.packed, sizeof(place.packed), "%s.zst", place.log);
	snprintf(place.packed_tail, sizeof(place.packed_tail), "%s.zst", place.tail);
	assert_true(log_writer_save(w, place.log));
	return place;
}

static void clear(const struct place *place)
{
	unlink(place->log);
	unlink(place->packed);
	unlink(place->tail);
	unlink(place->packed_tail);
	assert_int_equal(rmdir(place->directory), 0); /* and nothing unfinished is left there */
}

static void pack(const char *path)
{
	char *error = NULL;

	assert_true(dlw_log_pack(path, &error));
}

static void refuses(const char *path, const char *why)
{
	char *error = NULL;

	assert_false(dlw_log_pack(path, &error));
	assert_non_null(strstr(error, why));
	assert_null(strchr(error, '\n'));
	free(error);
}

static struct dlw_log_file opened(const char *path)
{
	struct dlw_log_file file;

	assert_int_equal(dlw_log_file_open(&file, path), 0);
	return file;
}

static void assert_same_blocks(const struct dlw_log_file *a, const struct dlw_log_file *b)
{
	size_t at;

	assert_int_equal(a->block_count, b->block_count);
	for (at = 0; at < a->block_count; at++) {
		assert_int_equal(a->blocks[at].thread, b->blocks[at].thread);
		assert_int_equal(a->blocks[at].sequence, b->blocks[at].sequence);
		assert_int_equal(a->blocks[at].length, b->blocks[at].length);
		assert_memory_equal(a->blocks[at].payload, b->blocks[at].payload,
				    a->blocks[at].length);
	}
}

static void a_packed_log_is_the_log(void **unused)
{
	struct log_writer *w = log_sample();
	struct place place = place_of(w);
	struct dlw_log_file plain = opened(place.log), packed;

	(void)unused;
	pack(place.log);
	assert_int_equal(access(place.log, F_OK), -1);
	assert_int_equal(access(place.tail, F_OK), -1);
	packed = opened(place.packed);
	assert_true(packed.tail_read);
	assert_true(dlw_log_file_is_whole(&packed));
	assert_same_blocks(&plain, &packed);
	dlw_log_file_close(&plain);
	dlw_log_file_close(&packed);
	pack(place.packed); /* as it is */
	packed = opened(place.packed);
	assert_true(dlw_log_file_is_whole(&packed));
	dlw_log_file_close(&packed);
	clear(&place);
	log_writer_free(w);
}

static void a_log_can_be_read_at_every_moment_of_packing(void **unused)
{
	struct log_writer *w = log_sample();
	struct place place = place_of(w);
	struct dlw_log_file whole = opened(place.log), file;

	(void)unused;
	pack(place.log);
	assert_true(log_writer_save(w, place.log));
	unlink(place.packed);
	unlink(place.tail);
	file = opened(place.log); /* NAME.dlw and NAME.dlw.tail.zst */
	assert_same_blocks(&whole, &file);
	dlw_log_file_close(&file);
	assert_true(log_writer_save(w, place.log));
	refuses(place.log, "File exists"); /* the tail: that of another process, perhaps */
	file = opened(place.log);
	assert_same_blocks(&whole, &file);
	dlw_log_file_close(&file);
	dlw_log_file_close(&whole);
	clear(&place);
	log_writer_free(w);
}

static void one_log_under_two_names_is_read_once(void **unused)
{
	struct log_writer *w = log_sample();
	struct place place = place_of(w);
	struct dlw_replay *replay = dlw_replay_new();
	char *error = NULL;

	(void)unused;
	pack(place.log);
	assert_true(log_writer_save(w, place.log));
	assert_non_null(dlw_replay_add(replay, place.log, &error));
	assert_null(dlw_replay_add(replay, place.packed, &error));
	assert_non_null(strstr(error, "the same log as"));
	free(error);
	dlw_replay_free(replay);
	clear(&place);
	log_writer_free(w);
}

static void a_log_that_is_written_stays_as_it_is(void **unused)
{
	struct log_writer *w = log_writer_new(getpid());
	struct dlw_log_header *header;
	struct place place;

	(void)unused;
	log_sample_definitions(w);
	log_writer_close(w);
	header = (struct dlw_log_header *)(void *)w->log;
	header->process_start = dlw_process_start(getpid());
	place = place_of(w);
	refuses(place.log, "still runs");
	refuses("/proc/self/status", "no log");
	refuses("/", "not a regular file");
	assert_int_equal(access(place.log, F_OK), 0);
	clear(&place);
	log_writer_free(w);
}

/** read_cut() - the log and its tail, each up to @percent; Return: events that are left */
static uint64_t read_cut(const struct place *place, size_t sizes[2], unsigned percent)
{
	struct dlw_replay *replay = dlw_replay_new();
	struct dlw_source *source;
	char *error = NULL;
	uint64_t events = 0;
	json_t *coverage;

	assert_int_equal(truncate(place->packed, (off_t)(sizes[0] * percent / 100)), 0);
	assert_int_equal(truncate(place->packed_tail, (off_t)(sizes[1] * percent / 100)), 0);
	source = dlw_replay_add(replay, place->packed, &error);
	if (source) {
		assert_int_equal(dlw_log_file_is_whole(&source->file), percent == 100);
		dlw_replay_start(replay);
		while (dlw_replay_peek(replay))
			dlw_replay_apply(replay);
		events = replay->events;
		coverage = dlw_log_coverage(replay);
		assert_int_equal(json_array_size(json_object_get(coverage, "notes")) > 0,
				 percent < 100);
		json_decref(coverage);
	}
	free(error);
	dlw_replay_free(replay);
	return events;
}

static size_t size_of(const char *path)
{
	FILE *file = fopen(path, "rb");
	long size;

	assert_non_null(file);
	fseek(file, 0, SEEK_END);
	size = ftell(file);
	fclose(file);
	return (size_t)size;
}

static void a_cut_log_says_what_is_missing(void **unused)
{
	struct log_writer *w = log_writer_new(4711);
	unsigned percent, round;
	uint64_t all = UINT64_MAX, left;
	struct place place;
	size_t sizes[2];

	(void)unused;
	log_sample_definitions(w);
	log_flush_stream(w, &w->definitions);
	log_with(w, 1, DLW_EVENT_CREATED, 2);
	for (round = 0; round < 300000; round++) {
		log_acquired(w, 1, 1, 1 + round * 7919u % 5);
		log_released_top(w, 1, 0, 1);
	}
	log_flush(w, 1);
	log_sample_deadlock(w);
	log_writer_kill(w);
	place = place_of(w);
	pack(place.log);
	sizes[0] = size_of(place.packed);
	sizes[1] = size_of(place.packed_tail);
	for (percent = 100; percent <= 100; percent -= 10) {
		left = read_cut(&place, sizes, percent);
		assert_true(left <= all);
		if (percent == 50)
			assert_in_range(left, 150000, 450000);
		all = left;
	}
	assert_int_equal(all, 0);
	clear(&place);
	log_writer_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_packed_comes_out),
		cmocka_unit_test(all_before_the_end_of_a_cut_file_comes_out),
		cmocka_unit_test(damage_costs_no_other_frame),
		cmocka_unit_test(what_finds_no_room_is_lost),
		cmocka_unit_test(a_packed_log_is_the_log),
		cmocka_unit_test(a_log_can_be_read_at_every_moment_of_packing),
		cmocka_unit_test(one_log_under_two_names_is_read_once),
		cmocka_unit_test(a_log_that_is_written_stays_as_it_is),
		cmocka_unit_test(a_cut_log_says_what_is_missing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
