/*
 * test_merge.c - many threads' streams become one order that could have been
 *
 * A random legal execution is written down with the times of its threads
 * scrambled, as clocks of several CPUs do; the replay must give every thread
 * in its program order and every object in the order of its tickets.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "analyzer/log_memory.h"
#include "analyzer/log_replay.h"
#include "tests/unit/log_writer.h"

#define OBJECTS_MAX 24u
#define THREADS_MAX 12u

static uint64_t seed_state;

static uint32_t random_below(uint32_t limit)
{
	seed_state = seed_state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(seed_state >> 33) % limit;
}

/* ------------------------------------------------------------ a random execution */

struct execution {
	struct log_writer *writer;
	uint32_t threads, objects;
	uint32_t owner[OBJECTS_MAX + 1]; /* serial, 0: free */
	uint32_t held[THREADS_MAX + 1][OBJECTS_MAX], held_count[THREADS_MAX + 1];
	uint64_t events;
	bool untimed;                /* most events have no time */
	bool copied[THREADS_MAX + 1]; /* what it does from now on is in no copy */
};

/** note() - it happened, and is written down unless the thread was copied before */
static void note(struct execution *run, uint32_t serial, struct dlw_event event)
{
	if (run->copied[serial])
		return;
	event.untimed = run->untimed && random_below(8) != 0;
	log_event(run->writer, serial, event);
	run->events++;
}

static void acquire_something(struct execution *run, uint32_t serial)
{
	uint32_t object = 1 + random_below(run->objects);

	if (run->owner[object]) {
		if (random_below(2))
			note(run, serial,
			     (struct dlw_event){ .type = DLW_EVENT_TRY_FAILED,
						 .form = DLW_FORM_TRY,
						 .object = object });
		return;
	}
	note(run, serial,
	     (struct dlw_event){ .type = DLW_EVENT_ACQUIRED,
				 .object = object,
				 .ticket = log_ticket(run->writer, object) });
	run->owner[object] = serial;
	run->held[serial][run->held_count[serial]++] = object;
}

static void release_something(struct execution *run, uint32_t serial)
{
	uint32_t count = run->held_count[serial], depth, object, at;

	if (!count)
		return;
	depth = random_below(count);
	object = run->held[serial][count - 1 - depth];
	if (random_below(4)) {
		log_ticket(run->writer, object);
		note(run, serial,
		     (struct dlw_event){ .type = DLW_EVENT_RELEASED_TOP, .argument = depth });
	} else {
		note(run, serial,
		     (struct dlw_event){ .type = DLW_EVENT_RELEASED,
					 .object = object,
					 .ticket = log_ticket(run->writer, object) });
	}
	for (at = count - 1 - depth; at + 1 < count; at++)
		run->held[serial][at] = run->held[serial][at + 1];
	run->held_count[serial]--;
	run->owner[object] = 0;
}

static void do_something(struct execution *run, uint32_t serial)
{
	if (random_below(2))
		acquire_something(run, serial);
	else
		release_something(run, serial);
}

/** execute() - @steps random operations; each thread's clock is off by its own amount */
static void execute(struct execution *run, uint32_t steps, uint32_t skew)
{
	uint64_t offsets[THREADS_MAX + 1], now = LOG_START_TICKS + 1000000;
	uint32_t at, serial;

	*run = (struct execution){ .writer = log_writer_new(1) };
	run->threads = 1 + random_below(THREADS_MAX);
	run->objects = 1 + random_below(OBJECTS_MAX);
	run->writer->step = 0;
	for (at = 1; at <= run->threads; at++) {
		log_thread(run->writer, at, 100 + (int32_t)at, "t");
		offsets[at] = random_below(skew + 1);
	}
	for (at = 1; at <= run->objects; at++)
		log_object(run->writer, at, DLW_MUTEX, DLW_TYPE_NORMAL, 0x1000 * at);
	for (at = 0; at < steps; at++) {
		now += random_below(50);
		serial = 1 + random_below(run->threads);
		run->writer->ticks = now + offsets[serial];
		do_something(run, serial);
		if (!random_below(200))
			log_flush(run->writer, serial);
	}
}

/* --------------------------------------------------------------------- checking */

/** What an order must obey, watched event by event. */
struct watch {
	uint64_t last_ticket[OBJECTS_MAX + 1];
	uint64_t last_ticks[THREADS_MAX + 1];
	uint64_t out_of_order, unordered_programs;
};

static void watch_event(struct watch *watch, const struct dlw_cursor *cursor)
{
	const struct dlw_event *event = &cursor->head.event;

	if (event->ticks < watch->last_ticks[cursor->serial])
		watch->unordered_programs++;
	watch->last_ticks[cursor->serial] = event->ticks;
	if (!event->ticket)
		return;
	if (event->ticket != watch->last_ticket[cursor->head.object->defined.id] + 1)
		watch->out_of_order++;
	watch->last_ticket[cursor->head.object->defined.id] = event->ticket;
}

static struct dlw_replay *replay_of(const struct log_writer *writer)
{
	struct dlw_replay *replay = dlw_replay_new();
	char *error;

	assert_non_null(dlw_replay_add_memory(replay, "m.dlw", writer->log, writer->log_size,
					      writer->tail, writer->tail_size, &error));
	dlw_replay_start(replay);
	return replay;
}

static void any_execution_comes_back_in_ticket_order(void **unused)
{
	const char *given = getenv("SEED");
	uint64_t seed = given ? strtoull(given, NULL, 0) : 1;
	uint64_t total = 0;
	uint32_t round;

	(void)unused;
	for (round = 0; round < 400; round++, seed++) {
		struct watch watch = { 0 };
		struct execution run;
		struct dlw_replay *replay;

		seed_state = seed;
		execute(&run, 50 + random_below(3000), random_below(2) ? 5000 : 0);
		log_writer_kill(run.writer);
		replay = replay_of(run.writer);
		while (dlw_replay_peek(replay)) {
			watch_event(&watch, dlw_replay_peek(replay));
			dlw_replay_apply(replay);
		}
		if (watch.out_of_order || watch.unordered_programs || replay->stalls ||
		    replay->late_tickets || replay->events != run.events)
			fail_msg("SEED=%llu: %llu of %llu events, %llu tickets out of order",
				 (unsigned long long)seed, (unsigned long long)replay->events,
				 (unsigned long long)run.events,
				 (unsigned long long)watch.out_of_order);
		total += replay->events;
		dlw_replay_free(replay);
		log_writer_free(run.writer);
	}
	print_message("seeds from 1, 400 executions, %llu events\n", (unsigned long long)total);
}

static void with_true_clocks_the_order_is_that_of_time(void **unused)
{
	struct execution run;
	struct dlw_replay *replay;
	uint64_t last = 0;

	(void)unused;
	seed_state = 7;
	execute(&run, 5000, 0);
	log_writer_kill(run.writer);
	replay = replay_of(run.writer);
	while (dlw_replay_peek(replay)) {
		assert_true(dlw_replay_peek(replay)->head.event.ticks >= last);
		last = dlw_replay_peek(replay)->head.event.ticks;
		dlw_replay_apply(replay);
	}
	dlw_replay_free(replay);
	log_writer_free(run.writer);
}

static void lost_blocks_never_stop_a_replay_nor_turn_tickets_round(void **unused)
{
	uint32_t round, stalled = 0;

	(void)unused;
	for (round = 0; round < 200; round++) {
		struct watch watch = { 0 };
		struct execution run;
		struct dlw_replay *replay;
		uint32_t at;

		seed_state = 1000 + round;
		execute(&run, 2000, 100);
		for (at = 1; at <= run.threads; at++)
			log_flush(run.writer, at);
		for (at = 0; at < 40; at++) /* a block that never arrives */
			acquire_something(&run, 1);
		release_something(&run, 1);
		log_lose(run.writer, 1);
		for (at = 0; at < 300; at++) {
			run.writer->ticks += 60;
			release_something(&run, 1 + random_below(run.threads));
			acquire_something(&run, 1 + random_below(run.threads));
		}
		log_writer_kill(run.writer);
		replay = replay_of(run.writer);
		while (dlw_replay_peek(replay)) {
			watch_event(&watch, dlw_replay_peek(replay));
			dlw_replay_apply(replay);
		}
		assert_int_equal(watch.unordered_programs, 0);
		assert_int_equal(replay->late_tickets, 0);
		assert_int_equal(replay->blocked_count, 0);
		stalled += replay->stalls > 0;
		if (replay->stalls)
			assert_true(replay->missing_tickets >= replay->stalls);
		dlw_replay_free(replay);
		log_writer_free(run.writer);
	}
	assert_true(stalled > 50); /* or this has tested nothing */
}

/** copy() - while the threads go on: of each there is all up to a moment of its own */
static uint64_t copy(struct execution *run)
{
	struct dlw_tail_header *header;
	uint64_t moment = run->writer->ticks, before = run->events;
	uint32_t at;

	for (at = 0; at < 200; at++) {
		run->writer->ticks += 1 + random_below(50);
		if (!random_below(8))
			run->copied[1 + random_below(run->threads)] = true;
		do_something(run, 1 + random_below(run->threads));
	}
	log_writer_kill(run->writer);
	header = (struct dlw_tail_header *)(void *)run->writer->tail;
	header->copied_at = moment;
	return before;
}

static void a_copy_of_a_running_program_is_of_one_moment(void **unused)
{
	uint32_t round, cut = 0;

	(void)unused;
	for (round = 0; round < 300; round++) {
		struct watch watch = { 0 };
		struct execution run = { 0 };
		struct dlw_replay *replay;
		uint64_t before;

		seed_state = 5000 + round;
		execute(&run, 50 + random_below(2000), 0);
		run.untimed = round % 2;
		before = copy(&run);
		replay = replay_of(run.writer);
		while (dlw_replay_peek(replay)) {
			watch_event(&watch, dlw_replay_peek(replay));
			dlw_replay_apply(replay);
		}
		assert_int_equal(watch.out_of_order, 0);
		assert_int_equal(replay->missing_tickets + replay->late_tickets, 0);
		assert_true(replay->events >= before && replay->events <= run.events);
		assert_int_equal(replay->threads_cut > 0, replay->events < run.events);
		assert_int_equal(replay->blocked_count + replay->heap_count, 0);
		cut += replay->threads_cut > 0;
		dlw_replay_free(replay);
		log_writer_free(run.writer);
	}
	assert_true(cut > 100); /* or this has tested nothing */
}

static void what_a_copy_lacks_at_its_beginning_does_not_end_it(void **unused)
{
	uint32_t round, at, stalled = 0;

	(void)unused;
	for (round = 0; round < 200; round++) {
		struct execution run;
		struct dlw_replay *replay;
		uint64_t before;

		seed_state = 9000 + round;
		execute(&run, 300, 0);
		for (at = 1; at <= run.threads; at++)
			log_flush(run.writer, at);
		before = run.events;
		for (at = 0; at < 40; at++)
			acquire_something(&run, 1);
		release_something(&run, 1);
		log_lose(run.writer, 1);
		run.events = before;
		for (at = 0; at < 300; at++) {
			run.writer->ticks += 60;
			do_something(&run, 1 + random_below(run.threads));
		}
		before = copy(&run);
		replay = replay_of(run.writer);
		while (dlw_replay_peek(replay))
			dlw_replay_apply(replay);
		/* but for releases of what was taken in the lost block */
		assert_true(replay->events + replay->sources[0]->loss.odd_events + OBJECTS_MAX >=
			    before);
		stalled += replay->stalls > 0;
		dlw_replay_free(replay);
		log_writer_free(run.writer);
	}
	assert_true(stalled > 50);
}

static void tickets_beyond_32_bits_keep_their_order(void **unused)
{
	struct log_writer *w = log_writer_new(1);
	struct dlw_replay *replay;
	uint64_t expected = ((uint64_t)1 << 32) - 20;
	uint32_t at;

	(void)unused;
	log_thread(w, 1, 101, "a");
	log_thread(w, 2, 102, "b");
	log_object(w, 1, DLW_SEMAPHORE, DLW_TYPE_UNNAMED, 0x1000);
	log_ticket(w, 1);
	w->tickets[1] = expected - 1;
	/* the first says in full where the object stands, as after a lost beginning */
	log_event(w, 1,
		  (struct dlw_event){ .type = DLW_EVENT_POSTED,
				      .object = 1,
				      .stack = DLW_PLAIN_STACK_MAX + 1,
				      .ticket = log_ticket(w, 1) });
	for (at = 0; at < 40; at++)
		log_plain(w, 1 + at % 2, DLW_EVENT_POSTED, 1, 0);
	log_writer_kill(w);
	replay = replay_of(w);
	for (; dlw_replay_peek(replay); expected++) {
		assert_int_equal(dlw_replay_peek(replay)->head.event.ticket, expected);
		dlw_replay_apply(replay);
	}
	assert_int_equal(expected, ((uint64_t)1 << 32) + 21);
	assert_int_equal(replay->late_tickets, 0);
	dlw_replay_free(replay);
	log_writer_free(w);
}

static void a_thread_starts_after_its_creation_and_is_joined_after_its_end(void **unused)
{
	struct log_writer *w = log_writer_new(1);
	enum dlw_event_type seen[16] = { 0 };
	struct dlw_replay *replay;
	uint32_t count = 0;

	(void)unused;
	log_thread(w, 1, 101, "main");
	log_thread(w, 2, 102, "child");
	log_with(w, 2, DLW_EVENT_STARTED, 1); /* the child was quicker to write it down */
	log_with(w, 1, DLW_EVENT_CREATED, 2);
	log_with(w, 1, DLW_EVENT_JOINED, 2);
	log_with(w, 2, DLW_EVENT_EXITED, 0);
	log_writer_kill(w);
	replay = replay_of(w);
	for (; dlw_replay_peek(replay); dlw_replay_apply(replay))
		seen[count++] = dlw_replay_peek(replay)->head.event.type;
	assert_int_equal(count, 4);
	assert_int_equal(seen[0], DLW_EVENT_CREATED);
	assert_int_equal(seen[1], DLW_EVENT_STARTED);
	assert_int_equal(seen[2], DLW_EVENT_EXITED);
	assert_int_equal(seen[3], DLW_EVENT_JOINED);
	assert_int_equal(replay->stalls, 0);
	dlw_replay_free(replay);
	log_writer_free(w);
}

static void creations_nobody_wrote_down_do_not_stop_a_replay(void **unused)
{
	struct log_writer *w = log_writer_new(1);
	struct dlw_replay *replay;

	(void)unused;
	log_with(w, 1, DLW_EVENT_STARTED, 2); /* each created by the other */
	log_with(w, 2, DLW_EVENT_STARTED, 1);
	log_with(w, 3, DLW_EVENT_STARTED, 1); /* by one that was killed before it said so */
	log_with(w, 4, DLW_EVENT_STARTED, 99); /* by one that is not in the log */
	log_writer_kill(w);
	replay = replay_of(w);
	while (dlw_replay_peek(replay))
		dlw_replay_apply(replay);
	assert_int_equal(replay->events, 4);
	assert_int_equal(replay->missing_tickets, 0);
	dlw_replay_free(replay);
	log_writer_free(w);
}

static void a_condition_wait_uses_up_a_ticket_of_its_mutex(void **unused)
{
	struct log_writer *w = log_writer_new(1);
	struct dlw_replay *replay;
	uint64_t early;

	(void)unused;
	log_thread(w, 1, 101, "waiter");
	log_thread(w, 2, 102, "signaller");
	log_object(w, 1, DLW_MUTEX, DLW_TYPE_NORMAL, 0x1000);
	log_object(w, 2, DLW_CONDITION, 0, 0x2000);
	log_acquired(w, 1, 1, 0);
	early = w->ticks;
	w->ticks += 100000;
	log_condition_wait(w, 1, 2, 1, DLW_FORM_BLOCKING, 0);
	w->ticks = early; /* the signaller's clock is behind */
	log_acquired(w, 2, 1, 0);
	log_plain(w, 2, DLW_EVENT_SIGNALLED, 2, 0);
	log_writer_kill(w);
	replay = replay_of(w);
	dlw_replay_apply(replay);
	assert_int_equal(dlw_replay_peek(replay)->head.event.type, DLW_EVENT_CONDITION_WAIT);
	dlw_replay_apply(replay);
	assert_int_equal(dlw_replay_peek(replay)->serial, 2);
	while (dlw_replay_peek(replay))
		dlw_replay_apply(replay);
	assert_int_equal(replay->stalls + replay->late_tickets, 0);
	dlw_replay_free(replay);
	log_writer_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_execution_comes_back_in_ticket_order),
		cmocka_unit_test(with_true_clocks_the_order_is_that_of_time),
		cmocka_unit_test(lost_blocks_never_stop_a_replay_nor_turn_tickets_round),
		cmocka_unit_test(a_copy_of_a_running_program_is_of_one_moment),
		cmocka_unit_test(what_a_copy_lacks_at_its_beginning_does_not_end_it),
		cmocka_unit_test(tickets_beyond_32_bits_keep_their_order),
		cmocka_unit_test(a_thread_starts_after_its_creation_and_is_joined_after_its_end),
		cmocka_unit_test(creations_nobody_wrote_down_do_not_stop_a_replay),
		cmocka_unit_test(a_condition_wait_uses_up_a_ticket_of_its_mutex),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
