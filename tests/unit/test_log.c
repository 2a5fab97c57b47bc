/*
 * test_log.c - the reader: what is a log, what was lost, what still counts
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <unistd.h>

#include "analyzer/log_definitions.h"
#include "analyzer/log_file.h"
#include "analyzer/log_index.h"
#include "analyzer/log_memory.h"
#include "tests/unit/log_writer.h"

static struct log_writer *small_log(uint32_t events)
{
	struct log_writer *w = log_writer_new(4711);
	uint32_t at;

	log_process(w, "/bin/app", "argument");
	log_module(w, 0x400000, 0x500000, 0x400000, "/bin/app");
	log_thread(w, 1, 101, "main");
	log_object(w, 1, DLW_MUTEX, DLW_TYPE_NORMAL, 0x1000);
	log_stack(w, 1, 0x401000, 0x402000);
	for (at = 0; at < events; at++) {
		log_acquired(w, 1, 1, 1);
		log_released_top(w, 1, 0, 1);
	}
	return w;
}

static void open_bytes(struct dlw_log_file *file, const struct log_writer *w)
{
	assert_int_equal(dlw_log_file_open_memory(file, "dir/app.dlw", w->log, w->log_size, w->tail,
						  w->tail_size),
			 0);
	assert_null(file->error);
}

/** refused() - opening these bytes must fail with exactly this line */
static void refused(const void *bytes, size_t size, const char *line)
{
	struct dlw_log_file file;

	assert_int_equal(dlw_log_file_open_memory(&file, "dir/app.dlw", bytes, size, NULL, 0), -1);
	assert_string_equal(file.error, line);
	dlw_log_file_close(&file);
}

/* ----------------------------------------------------------------------- header */

static void what_is_no_log_is_refused_with_one_line(void **unused)
{
	struct log_writer *w = small_log(1);
	struct dlw_log_header header;

	(void)unused;
	log_writer_close(w);
	memcpy(&header, w->log, sizeof(header));
	refused("", 0, "dir/app.dlw: no log: the file is empty");
	refused("hello, world", 12, "dir/app.dlw: no log: it does not begin like one");
	refused(w->log, 4, "dir/app.dlw: header: cut short");
	refused(w->log, sizeof(header) - 1, "dir/app.dlw: header: cut short");
	header.major = 9;
	header.minor = 3;
	refused(&header, sizeof(header), "dir/app.dlw: foreign version: 9.3, this dlwatch reads 4 to 6");
	header.major = DLW_LOG_MAJOR;
	header.byte_order = 0x04030201;
	refused(&header, sizeof(header),
		"dir/app.dlw: header: written on a machine of the other byte order");
	header.byte_order = 7;
	refused(&header, sizeof(header), "dir/app.dlw: header: damaged: no such byte order");
	header.byte_order = DLW_LOG_BYTE_ORDER;
	header.header_size = 8;
	refused(&header, sizeof(header),
		"dir/app.dlw: header: damaged: smaller than a header can be");
	header.header_size = 4096;
	refused(&header, sizeof(header), "dir/app.dlw: header: cut short");
	log_writer_free(w);
}

static void a_missing_file_and_a_directory_are_refused_with_one_line(void **unused)
{
	struct dlw_log_file file;

	(void)unused;
	assert_int_equal(dlw_log_file_open(&file, "/nowhere/app.dlw"), -1);
	assert_string_equal(file.error, "/nowhere/app.dlw: cannot open: No such file or directory");
	dlw_log_file_close(&file);
	assert_int_equal(dlw_log_file_open(&file, "/"), -1);
	assert_string_equal(file.error, "/: no log: not a regular file");
	dlw_log_file_close(&file);
}

static void the_major_version_before_this_one_is_read(void **unused)
{
	struct log_writer *w = small_log(10);
	struct dlw_log_file file;
	struct dlw_log_header header;

	(void)unused;
	log_writer_close(w);
	memcpy(&header, w->log, sizeof(header));
	header.major = DLW_LOG_MAJOR_READ;
	header.minor = 2;
	header.checksum = dlw_log_header_checksum(&header);
	memcpy(w->log, &header, sizeof(header));
	assert_int_equal(dlw_log_file_open_memory(&file, "app.dlw", w->log, w->log_size, NULL, 0),
			 0);
	assert_true(dlw_log_file_is_whole(&file));
	dlw_log_file_close(&file);
	header.major--;
	refused(&header, sizeof(header),
		"dir/app.dlw: foreign version: 3.2, this dlwatch reads 4 to 6");
	log_writer_free(w);
}

static void a_later_minor_version_with_a_longer_header_is_read(void **unused)
{
	struct log_writer *w = small_log(10);
	struct dlw_log_file file;
	struct dlw_log_header header;
	uint8_t *longer;

	(void)unused;
	log_writer_close(w);
	longer = calloc(1, w->log_size + 24);
	memcpy(&header, w->log, sizeof(header));
	header.minor = 7;
	header.header_size += 24;
	header.checksum = dlw_log_header_checksum(&header);
	memcpy(longer, &header, sizeof(header));
	memcpy(longer + header.header_size, w->log + sizeof(header), w->log_size - sizeof(header));
	assert_int_equal(dlw_log_file_open_memory(&file, "x", longer, w->log_size + 24, NULL, 0), 0);
	assert_true(dlw_log_file_is_whole(&file));
	assert_int_equal(file.block_count, 2);
	dlw_log_file_close(&file);
	free(longer);
	log_writer_free(w);
}

/* ------------------------------------------------------------------ blocks, tail */

static void an_orderly_log_is_whole(void **unused)
{
	struct log_writer *w = small_log(5000);
	struct dlw_log_file file;

	(void)unused;
	log_end(w, DLW_END_EXIT);
	log_writer_close(w);
	open_bytes(&file, w);
	assert_true(dlw_log_file_is_whole(&file));
	assert_true(file.block_count > 4);
	assert_int_equal(file.header.pid, 4711);
	dlw_log_file_close(&file);
	log_writer_free(w);
}

static void after_a_kill_the_tail_has_the_rest(void **unused)
{
	struct log_writer *w = small_log(3000);
	struct dlw_log_definitions defined;
	struct dlw_log_file file;

	(void)unused;
	log_writer_kill(w);
	open_bytes(&file, w);
	assert_true(dlw_log_file_is_whole(&file));
	assert_true(file.tail_read);
	dlw_log_definitions_read(&defined, &file);
	assert_int_equal(defined.thread_count, 1);
	assert_string_equal(defined.exe, "/bin/app");
	dlw_log_definitions_free(&defined);
	dlw_log_file_close(&file);
	log_writer_free(w);
}

static void a_slot_that_was_appended_already_is_not_read_twice(void **unused)
{
	struct log_writer *w = small_log(20);
	struct dlw_log_file file;
	size_t blocks;

	(void)unused;
	log_writer_kill(w);
	/* killed between write(2) and emptying the slot: the block is in both places */
	log_flush(w, 1);
	w->log = w->out.bytes;
	w->log_size = w->out.size;
	open_bytes(&file, w);
	blocks = file.block_count;
	assert_int_equal(blocks, 2);
	assert_true(dlw_log_file_is_whole(&file));
	assert_false(file.blocks[1].in_tail);
	dlw_log_file_close(&file);
	log_writer_free(w);
}

static void of_a_block_written_twice_while_it_grew_the_longer_counts(void **unused)
{
	struct log_writer *w = small_log(5);
	struct dlw_log_file file;
	struct log_stream *stream = log_stream(w, 1);
	uint32_t length = stream->length;

	(void)unused;
	log_flush_stream(w, stream);
	stream->length = length;
	log_acquired(w, 1, 1, 1);
	log_flush_stream(w, stream);
	log_writer_close(w);
	open_bytes(&file, w);
	assert_int_equal(file.block_count, 2);
	assert_int_equal(file.blocks[1].length, length + 4);
	assert_int_equal(file.repeated_blocks, 0);
	dlw_log_file_close(&file);
	log_writer_free(w);
}

static void a_tail_of_another_process_is_not_used(void **unused)
{
	struct log_writer *w = small_log(20);
	struct dlw_tail_header *header;
	struct dlw_log_file file;

	(void)unused;
	log_writer_kill(w);
	header = (struct dlw_tail_header *)w->tail;
	header->pid++;
	open_bytes(&file, w);
	assert_true(file.tail_foreign);
	assert_false(file.tail_read);
	assert_int_equal(file.block_count, 0);
	dlw_log_file_close(&file);
	header->pid--;
	header->process_start++; /* the pid was used again */
	open_bytes(&file, w);
	assert_true(file.tail_foreign);
	dlw_log_file_close(&file);
	log_writer_free(w);
}

static void a_block_that_was_just_begun_is_no_damage(void **unused)
{
	struct log_writer *w = small_log(3000);
	struct dlw_log_file file;
	struct dlw_block *block;

	(void)unused;
	log_writer_kill(w);
	/* killed when the length was taken back, and nothing else of the block before yet */
	block = (struct dlw_block *)(void *)(w->tail + 2 * DLW_LOG_SLOT_SIZE);
	assert_true(block->length);
	block->length = 0;
	block->flags |= DLW_BLOCK_SEALED;
	open_bytes(&file, w);
	assert_true(dlw_log_file_is_whole(&file));
	dlw_log_file_close(&file);
	/* the same in a slot that was never used before */
	block->magic = 0;
	open_bytes(&file, w);
	assert_true(dlw_log_file_is_whole(&file));
	dlw_log_file_close(&file);
	log_writer_free(w);
}

static void both_files_are_found_by_the_name_of_the_log(void **unused)
{
	struct log_writer *w = small_log(3000);
	char directory[] = "/tmp/dlwatch-test-XXXXXX", path[64];
	struct dlw_log_file file;

	(void)unused;
	log_writer_kill(w);
	assert_non_null(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/app.dlw", directory);
	assert_true(log_writer_save(w, path));
	assert_int_equal(dlw_log_file_open(&file, path), 0);
	assert_true(file.tail_read);
	assert_true(dlw_log_file_is_whole(&file));
	assert_true(file.block_count >= 3);
	dlw_log_file_close(&file);
	unlink(path);
	snprintf(path, sizeof(path), "%s/app.dlw.tail", directory);
	unlink(path);
	rmdir(directory);
	log_writer_free(w);
}

/* ----------------------------------------------------------------------- damage */

static void a_damaged_block_costs_that_block_alone(void **unused)
{
	struct log_writer *w = small_log(5000);
	struct dlw_log_file file;
	size_t whole;
	uint32_t lost;

	(void)unused;
	log_writer_close(w);
	open_bytes(&file, w);
	whole = file.block_count;
	dlw_log_file_close(&file);
	/* one bit, in the payload of the thread's second block */
	w->log[sizeof(struct dlw_log_header) + 8192 + 300] ^= 4;
	open_bytes(&file, w);
	assert_int_equal(file.block_count, whole - 1);
	assert_int_equal(file.damaged_places, 1);
	assert_int_equal(file.gap_count, 1);
	assert_int_equal(file.gaps[0].thread, 1);
	assert_int_equal(file.gaps[0].blocks, 1);
	lost = file.gaps[0].before - 1;
	assert_in_range(lost, 0, 1);
	assert_in_range(file.damaged_bytes, 8000, 8192);
	assert_false(dlw_log_file_is_whole(&file));
	dlw_log_file_close(&file);
	log_writer_free(w);
}

static void garbage_between_blocks_is_passed_over(void **unused)
{
	struct log_writer *w = small_log(500);
	struct dlw_log_file file;
	uint32_t magic = DLW_BLOCK_MAGIC;

	(void)unused;
	log_flush(w, 1);
	log_bytes_add(&w->out, "not a block, but it has its magic: ", 35);
	log_bytes_add(&w->out, &magic, sizeof(magic));
	log_acquired(w, 1, 1, 1);
	log_writer_close(w);
	open_bytes(&file, w);
	/* two of the thread, the second at an odd place, and the definitions */
	assert_int_equal(file.damaged_places, 1);
	assert_int_equal(file.damaged_bytes, 39);
	assert_int_equal(file.gap_count, 0);
	assert_true(file.block_count >= 3);
	dlw_log_file_close(&file);
	log_writer_free(w);
}

static void a_log_cut_within_a_block_says_so(void **unused)
{
	struct log_writer *w = small_log(500);
	struct dlw_log_file file;

	(void)unused;
	log_writer_close(w);
	w->log_size -= 17;
	open_bytes(&file, w);
	assert_int_equal(file.damaged_places, 0);
	assert_true(file.cut_bytes > 0);
	dlw_log_file_close(&file);
	log_writer_free(w);
}

static void blocks_of_a_later_version_are_passed_over_and_are_no_gap(void **unused)
{
	struct log_writer *w = small_log(5);
	struct dlw_log_file file;

	(void)unused;
	log_flush(w, 1);
	log_acquired(w, 1, 1, 1);
	log_stream(w, 1)->block.type = 99;
	log_flush(w, 1);
	log_released_top(w, 1, 0, 1);
	log_writer_close(w);
	open_bytes(&file, w);
	assert_int_equal(file.unknown_blocks, 1);
	assert_int_equal(file.gap_count, 0);
	assert_int_equal(file.damaged_places, 0);
	dlw_log_file_close(&file);
	log_writer_free(w);
}

/* ------------------------------------------------------------------ definitions */

static void definitions_come_back_as_they_were_written(void **unused)
{
	struct log_writer *w = small_log(1);
	struct dlw_log_definitions defined;
	struct dlw_log_object object;
	struct dlw_log_file file;
	uint64_t frames[4];

	(void)unused;
	log_object_record(w,
			  &(struct dlw_record_object){ .id = 9,
						      .kind = DLW_SEMAPHORE,
						      .type = DLW_TYPE_NAMED,
						      .traits = DLW_TRAIT_SHARED,
						      .address = 0x7777,
						      .init_stack = 1,
						      .initial = 4,
						      .initial_known = 1,
						      .inode = 12 },
			  "/queue");
	log_look(w, 2, "a timer is armed");
	log_end(w, DLW_END_FINDING);
	log_writer_close(w);
	open_bytes(&file, w);
	dlw_log_definitions_read(&defined, &file);
	assert_true(defined.process_known);
	assert_int_equal(defined.arg_count, 2);
	assert_string_equal(defined.args[0], "/bin/app");
	assert_string_equal(defined.args[1], "argument");
	assert_int_equal(defined.module_count, 1);
	assert_int_equal(defined.modules[0].bias, 0x400000);
	assert_null(defined.modules[0].build_id);
	assert_string_equal(dlw_log_defined_thread(&defined, 1)->name, "main");
	assert_null(dlw_log_defined_thread(&defined, 2));
	assert_int_equal(defined.object_count, 2);
	dlw_log_object_at(&defined, dlw_log_index_find(&defined.object_index, 9), &object);
	assert_int_equal(object.kind, DLW_SEMAPHORE);
	assert_int_equal(object.type, DLW_TYPE_NAMED);
	assert_int_equal(object.initial, 4);
	assert_int_equal(object.inode, 12);
	assert_string_equal(object.name, "/queue");
	assert_int_equal(dlw_log_defined_stack(&defined, 1, frames, 4), 2);
	assert_int_equal(frames[0], 0x401000);
	assert_int_equal(frames[1], 0x402000);
	assert_int_equal(dlw_log_defined_stack(&defined, 2, frames, 4), 0);
	assert_int_equal(defined.look.found, 2);
	assert_string_equal(defined.look.open_reason, "a timer is armed");
	assert_int_equal(defined.end_reason, DLW_END_FINDING);
	assert_int_equal(defined.damaged_records + defined.unknown_records, 0);
	dlw_log_definitions_free(&defined);
	dlw_log_file_close(&file);
	log_writer_free(w);
}

static void of_an_object_written_short_the_rest_is_zero(void **unused)
{
	struct log_writer *w = small_log(1);
	struct dlw_record_object record = { .id = 9, .kind = DLW_RWLOCK, .address = 0x7777,
					    .init_stack = 1, .initial_known = 1, .inode = 12 };
	struct dlw_log_definitions defined;
	struct dlw_log_object object;
	struct dlw_log_file file;

	(void)unused;
	log_define(w, DLW_RECORD_OBJECT, &record, DLW_RECORD_OBJECT_SHORT, NULL, 0);
	record.id = 10;
	log_define(w, DLW_RECORD_OBJECT, &record, DLW_RECORD_OBJECT_SHORT - 8, NULL, 0);
	log_writer_close(w);
	open_bytes(&file, w);
	dlw_log_definitions_read(&defined, &file);
	assert_int_equal(defined.object_count, 2);
	assert_int_equal(defined.damaged_records, 1); /* too short */
	dlw_log_object_at(&defined, dlw_log_index_find(&defined.object_index, 9), &object);
	assert_int_equal(object.kind, DLW_RWLOCK);
	assert_int_equal(object.address, 0x7777);
	assert_int_equal(object.init_stack, 1);
	assert_int_equal(object.initial_known + object.inode, 0);
	assert_string_equal(object.name, "");
	dlw_log_definitions_free(&defined);
	dlw_log_file_close(&file);
	log_writer_free(w);
}

static void a_name_given_later_counts(void **unused)
{
	struct log_writer *w = small_log(1);
	struct dlw_record_object_name name = { .id = 1 };
	struct dlw_record_thread_name thread = { .serial = 1, .name = "renamed" };
	struct dlw_log_definitions defined;
	struct dlw_log_object object;
	struct dlw_log_file file;

	(void)unused;
	log_define(w, DLW_RECORD_OBJECT_NAME, &name, sizeof(name), "old", 4);
	log_define(w, DLW_RECORD_OBJECT_NAME, &name, sizeof(name), "ledger", 7);
	log_define(w, DLW_RECORD_THREAD_NAME, &thread, sizeof(thread), NULL, 0);
	log_writer_close(w);
	open_bytes(&file, w);
	dlw_log_definitions_read(&defined, &file);
	dlw_log_object_at(&defined, 0, &object);
	assert_string_equal(object.name, "ledger");
	assert_string_equal(dlw_log_defined_thread(&defined, 1)->name, "renamed");
	dlw_log_definitions_free(&defined);
	dlw_log_file_close(&file);
	log_writer_free(w);
}

static void a_module_mapped_over_another_takes_its_place(void **unused)
{
	struct log_writer *w = log_writer_new(1);
	struct dlw_log_definitions defined;
	struct dlw_log_file file;

	(void)unused;
	log_module(w, 0x3000, 0x4000, 0, "/c");
	log_module(w, 0x1000, 0x2000, 0, "/a");
	log_module(w, 0x2000, 0x3000, 0, "/b");
	log_module(w, 0x1800, 0x2800, 0, "/new");
	log_writer_close(w);
	open_bytes(&file, w);
	dlw_log_definitions_read(&defined, &file);
	assert_int_equal(defined.module_count, 2);
	assert_string_equal(defined.modules[0].path, "/new");
	assert_string_equal(defined.modules[1].path, "/c");
	dlw_log_definitions_free(&defined);
	dlw_log_file_close(&file);
	log_writer_free(w);
}

static void damaged_definitions_are_counted_and_the_others_used(void **unused)
{
	struct log_writer *w = small_log(1);
	struct dlw_record_thread bad_thread = { .serial = 0 };
	struct dlw_record_process cut = { .arg_count = 1000000 };
	struct dlw_record later = { .type = 99 };
	struct dlw_log_definitions defined;
	struct dlw_log_file file;

	(void)unused;
	log_define(w, DLW_RECORD_THREAD, &bad_thread, sizeof(bad_thread), NULL, 0);
	log_define(w, DLW_RECORD_PROCESS, &cut, sizeof(cut), "/bin/b\0only one", 16);
	log_define(w, DLW_RECORD_OBJECT, &bad_thread, 16, NULL, 0);
	log_define(w, 99, &later, sizeof(later), NULL, 0);
	log_thread(w, 5, 105, "last");
	log_writer_close(w);
	open_bytes(&file, w);
	dlw_log_definitions_read(&defined, &file);
	assert_int_equal(defined.damaged_records, 2);
	assert_int_equal(defined.unknown_records, 1);
	assert_int_equal(defined.arg_count, 1);
	assert_string_equal(defined.args[0], "only one");
	assert_non_null(dlw_log_defined_thread(&defined, 5));
	dlw_log_definitions_free(&defined);
	dlw_log_file_close(&file);
	log_writer_free(w);
}

static void ids_far_apart_cost_no_memory_and_are_found(void **unused)
{
	const uint32_t ids[] = { 1, 2, 3, 4000000000u, 7, 4000000000u, 65, 4294967295u };
	struct dlw_log_index index;

	(void)unused;
	dlw_log_index_build(&index, ids, 8);
	assert_in_range(index.dense_count, 66, 200);
	assert_int_equal(dlw_log_index_find(&index, 3), 2);
	assert_int_equal(dlw_log_index_find(&index, 7), 4);
	assert_int_equal(dlw_log_index_find(&index, 4000000000u), 5);
	assert_int_equal(dlw_log_index_find(&index, 4294967295u), 7);
	assert_int_equal(dlw_log_index_find(&index, 0), DLW_NO_POSITION);
	assert_int_equal(dlw_log_index_find(&index, 4000000001u), DLW_NO_POSITION);
	dlw_log_index_free(&index);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_no_log_is_refused_with_one_line),
		cmocka_unit_test(a_missing_file_and_a_directory_are_refused_with_one_line),
		cmocka_unit_test(the_major_version_before_this_one_is_read),
		cmocka_unit_test(a_later_minor_version_with_a_longer_header_is_read),
		cmocka_unit_test(an_orderly_log_is_whole),
		cmocka_unit_test(after_a_kill_the_tail_has_the_rest),
		cmocka_unit_test(a_slot_that_was_appended_already_is_not_read_twice),
		cmocka_unit_test(of_a_block_written_twice_while_it_grew_the_longer_counts),
		cmocka_unit_test(a_tail_of_another_process_is_not_used),
		cmocka_unit_test(a_block_that_was_just_begun_is_no_damage),
		cmocka_unit_test(both_files_are_found_by_the_name_of_the_log),
		cmocka_unit_test(a_damaged_block_costs_that_block_alone),
		cmocka_unit_test(garbage_between_blocks_is_passed_over),
		cmocka_unit_test(a_log_cut_within_a_block_says_so),
		cmocka_unit_test(blocks_of_a_later_version_are_passed_over_and_are_no_gap),
		cmocka_unit_test(definitions_come_back_as_they_were_written),
		cmocka_unit_test(of_an_object_written_short_the_rest_is_zero),
		cmocka_unit_test(a_name_given_later_counts),
		cmocka_unit_test(a_module_mapped_over_another_takes_its_place),
		cmocka_unit_test(damaged_definitions_are_counted_and_the_others_used),
		cmocka_unit_test(ids_far_apart_cost_no_memory_and_are_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
