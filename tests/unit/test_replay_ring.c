/*
 * test_replay_ring.c - blocks that say what came before them, as a flight
 * recorder writes them
 */
#include "tests/unit/replay_scene.h"

enum { SEMAPHORE = 3, AT = 0x3000 };

static struct log_writer *two_threads_and_a_semaphore(void)
{
	struct log_writer *w = two_threads_two_mutexes();

	log_object(w, SEMAPHORE, DLW_SEMAPHORE, DLW_TYPE_UNNAMED, AT);
	return w;
}

static void says(struct log_writer *w, uint32_t serial, enum dlw_annotated what, uint32_t object)
{
	log_event(w, serial,
		  (struct dlw_event){ .type = DLW_EVENT_ACCESSED,
				      .mode = DLW_MODE_ANNOTATED,
				      .form = (uint8_t)what,
				      .object = object });
}

/** said() - likewise, in a block that begins with what the thread has */
static void said(struct log_writer *w, uint32_t serial, enum dlw_annotated what, uint32_t object,
		 uint64_t depth)
{
	log_event(w, serial,
		  (struct dlw_event){ .type = DLW_EVENT_HELD,
				      .mode = DLW_MODE_ANNOTATED,
				      .form = (uint8_t)what,
				      .object = object,
				      .argument = depth });
	log_stream(w, serial)->block.flags |= DLW_BLOCK_STATE;
}

/** says_nothing() - the block begins with what the thread has, and that is nothing */
static void says_nothing(struct log_writer *w, uint32_t serial)
{
	log_plain(w, serial, DLW_EVENT_TRY_FAILED, 1, 0);
	log_stream(w, serial)->block.flags |= DLW_BLOCK_STATE;
}

static bool is_exempt(struct log_writer *w)
{
	struct scene scene;
	bool exempt;

	log_writer_kill(w);
	play(&scene, w);
	exempt = thread(&scene, 101)->exempt;
	finish(&scene);
	return exempt;
}

/** exempted_twice() - in a block that is @lost or not, by one that says so again */
static struct log_writer *exempted_twice(bool lost)
{
	struct log_writer *w = two_threads_two_mutexes();

	says(w, 1, DLW_ANNOTATED_EXEMPT, 0);
	says(w, 1, DLW_ANNOTATED_EXEMPT, 0);
	if (lost)
		log_lose(w, 1);
	else
		log_flush(w, 1);
	said(w, 1, DLW_ANNOTATED_EXEMPT, 0, 2);
	return w;
}

static void an_exemption_said_anew_is_as_deep_as_it_was(void **unused)
{
	int lost, ends;

	(void)unused;
	for (lost = 0; lost < 2; lost++)
		for (ends = 0; ends < 3; ends++) {
			struct log_writer *w = exempted_twice(lost);
			int end;

			for (end = 0; end < ends; end++)
				says(w, 1, DLW_ANNOTATED_EXEMPT_NO_MORE, 0);
			assert_int_equal(is_exempt(w), ends < 2);
		}
}

static void an_exemption_that_ended_in_what_is_gone_is_none(void **unused)
{
	struct log_writer *w = two_threads_two_mutexes();

	(void)unused;
	says(w, 1, DLW_ANNOTATED_EXEMPT, 0);
	log_flush(w, 1);
	says(w, 1, DLW_ANNOTATED_EXEMPT_NO_MORE, 0);
	log_lose(w, 1);
	says_nothing(w, 1);
	assert_false(is_exempt(w));
}

/** waited_for() - thread 1 has said in a lost block that it will post what thread 2 waits for */
static struct log_writer *waited_for(void)
{
	struct log_writer *w = two_threads_and_a_semaphore();

	says(w, 1, DLW_ANNOTATED_RELEASER, SEMAPHORE);
	log_lose(w, 1);
	said(w, 1, DLW_ANNOTATED_RELEASER, SEMAPHORE, 0);
	log_want_mode(w, 2, SEMAPHORE, 2, DLW_FORM_BLOCKING, 1);
	return w;
}

static void expect_releaser(struct log_writer *w, enum dlw_provenance provenance)
{
	struct scene scene;

	log_writer_kill(w);
	play(&scene, w);
	assert_int_equal(scene.state.releaser_count, 1);
	assert_int_equal(scene.state.threads[scene.state.releasers[0].thread].tid, 101);
	assert_int_equal(scene.state.releasers[0].provenance, provenance);
	assert_null(held(&scene, 101, AT));
	finish(&scene);
}

static void a_poster_announced_anew_is_known(void **unused)
{
	(void)unused;
	expect_releaser(waited_for(), DLW_ANNOTATED);
}

/* A third one may have said that it will post, too. */
static void where_words_are_missing_who_is_announced_is_not_all(void **unused)
{
	struct log_writer *w = waited_for();

	(void)unused;
	log_thread(w, 3, 103, "forgotten");
	log_acquired(w, 3, 1, 1);
	log_lose(w, 3);
	log_acquired(w, 3, 2, 1);
	expect_releaser(w, DLW_SEEN_BEFORE);
	w = waited_for();
	log_event(w, 1, (struct dlw_event){ .type = DLW_EVENT_HELD }); /* there is more */
	expect_releaser(w, DLW_SEEN_BEFORE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_exemption_said_anew_is_as_deep_as_it_was),
		cmocka_unit_test(an_exemption_that_ended_in_what_is_gone_is_none),
		cmocka_unit_test(a_poster_announced_anew_is_known),
		cmocka_unit_test(where_words_are_missing_who_is_announced_is_not_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
