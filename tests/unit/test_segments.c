/*
 * test_segments.c - what root looks at of another user's can do it no harm
 *
 * Root alone can make a session of somebody else; others skip it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "analyzer/live_view.h"
#include "analyzer/segments.h"
#include "core/watch/procfs.h"

#define OTHER 65534

static struct process {
	struct dlw_segment segment;
	struct dlw_thread thread;
	char more[3 * 4096];
} process;

static char directory[] = "/tmp/dlwatch-test-XXXXXX";
static char file[sizeof(directory) + 32];

/* As this very process would show itself. */
static int make_session(void **state)
{
	int32_t pid = getpid();
	uint64_t start = dlw_process_start(pid);

	(void)state;
	process = (struct process){ .segment = {
		.magic = DLW_SEGMENT_MAGIC,
		.version = DLW_SESSION_VERSION,
		.state = DLW_SEGMENT_LIVE,
		.pid = pid,
		.process_start = start,
		.size = sizeof(process),
		.stacks.element_size = sizeof(uint64_t),
		.objects.element_size = sizeof(struct dlw_object),
		.threads = offsetof(struct process, thread),
	} };
	strcpy(directory + strlen(directory) - 6, "XXXXXX");
	assert_non_null(mkdtemp(directory));
	snprintf(file, sizeof(file), "%s/%d.%llu", directory, pid, (unsigned long long)start);
	return 0;
}

static int remove_session(void **state)
{
	(void)state;
	unlink(file);
	return rmdir(directory);
}

/** write_session() - skips the test where it cannot be given to somebody else */
static void write_session(void)
{
	int fd = open(file, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, &process, sizeof(process)), sizeof(process));
	close(fd);
	if (geteuid() != 0 || chown(file, OTHER, OTHER) || chown(directory, OTHER, OTHER))
		skip();
}

static void open_session(struct dlw_segments *segments)
{
	char *error = NULL;

	write_session();
	assert_true(dlw_segments_open(segments, directory, &error));
	assert_int_equal(segments->count, 1);
}

static void file_that_is_cut_meanwhile_is_what_it_was(void **state)
{
	struct dlw_segments segments;

	(void)state;
	process.more[sizeof(process.more) - 1] = 'x';
	open_session(&segments);
	assert_int_equal(truncate(file, 0), 0);
	assert_memory_equal(segments.all[0].segment, &process, sizeof(process));
	dlw_segments_close(&segments);
}

static void what_is_written_meanwhile_is_not_seen(void **state)
{
	struct dlw_segments segments;
	int fd;

	(void)state;
	open_session(&segments);
	fd = open(file, O_WRONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, "/", 1, offsetof(struct dlw_segment, log_path)), 1);
	close(fd);
	assert_string_equal(segments.all[0].segment->log_path, "");
	dlw_segments_close(&segments);
}

static void refuse(void)
{
	struct dlw_segments segments;
	char *error = NULL;

	write_session();
	assert_false(dlw_segments_open(&segments, directory, &error));
	assert_non_null(error);
	free(error);
	dlw_segments_close(&segments);
}

static void tables_of_other_things_are_refused(void **state)
{
	(void)state;
	process.segment.objects.element_size = 1;
	refuse();
	process.segment.objects.element_size = sizeof(struct dlw_object);
	process.segment.stacks.element_size = 0;
	refuse();
}

static void path_without_end_is_refused(void **state)
{
	(void)state;
	memset(process.segment.log_path, 'p', sizeof(process.segment.log_path));
	refuse();
}

static void records_in_a_circle_come_to_an_end(void **state)
{
	struct dlw_live_view *view;
	char *error = NULL;

	(void)state;
	process.thread.next = offsetof(struct process, thread);
	write_session();
	view = dlw_live_view_new(directory, &error);
	assert_non_null(view);
	assert_true(dlw_live_view_sample(view));
	dlw_live_view_free(view);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_session, remove_session)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(file_that_is_cut_meanwhile_is_what_it_was),
		TEST(what_is_written_meanwhile_is_not_seen),
		TEST(tables_of_other_things_are_refused),
		TEST(path_without_end_is_refused),
		TEST(records_in_a_circle_come_to_an_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
