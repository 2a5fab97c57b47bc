/*
 * log_samples.h - logs with a bit of everything, for damage tests and fuzzing
 */
#ifndef DLW_TESTS_LOG_SAMPLES_H
#define DLW_TESTS_LOG_SAMPLES_H

#include <errno.h>

#include "tests/unit/log_writer.h"

static inline void log_sample_definitions(struct log_writer *w)
{
	uint32_t at;

	log_process(w, "/bin/app", "--fast");
	log_module(w, 0x400000, 0x500000, 0x400000, "/bin/app");
	log_module(w, 0x700000, 0x800000, 0x700000, "/lib/libc.so.6");
	for (at = 1; at <= 4; at++)
		log_thread(w, at, 100 + (int32_t)at, "worker");
	log_object(w, 1, DLW_MUTEX, DLW_TYPE_NORMAL, 0x480000);
	log_object(w, 2, DLW_MUTEX, DLW_TYPE_RECURSIVE, 0x480040);
	log_object(w, 3, DLW_RWLOCK, DLW_TYPE_PREFER_READER, 0x480080);
	log_object_record(w,
			  &(struct dlw_record_object){ .id = 4,
						       .kind = DLW_SEMAPHORE,
						       .type = DLW_TYPE_NAMED,
						       .traits = DLW_TRAIT_SHARED,
						       .address = 0x4800c0,
						       .initial = 1,
						       .initial_known = 1,
						       .inode = 5 },
			  "/slots");
	log_object(w, 5, DLW_CONDITION, 0, 0x480100);
	log_object_record(w,
			  &(struct dlw_record_object){ .id = 6,
						       .kind = DLW_BARRIER,
						       .address = 0x480140,
						       .initial = 2,
						       .initial_known = 1 },
			  "");
	log_object(w, 7, DLW_MUTEX, DLW_TYPE_NORMAL, 0x480180);
	for (at = 1; at <= 5; at++)
		log_stack(w, at, 0x401000 + at * 16, 0x402000 + at * 16);
}

/** log_sample_life() - threads 1 and 2 use every kind of thing once */
static inline void log_sample_life(struct log_writer *w)
{
	log_with(w, 1, DLW_EVENT_CREATED, 2);
	log_with(w, 2, DLW_EVENT_STARTED, 1);
	log_acquired(w, 1, 2, 1);
	log_acquired(w, 1, 2, 1);
	log_released_top(w, 1, 0, 2);
	log_want(w, 2, 2, 2);
	log_released_top(w, 1, 0, 2);
	log_acquired(w, 2, 2, 2);
	log_condition_wait(w, 2, 5, 2, DLW_FORM_TIMED, 3);
	log_plain(w, 1, DLW_EVENT_SIGNALLED, 5, 0);
	log_plain(w, 2, DLW_EVENT_WOKEN, 5, 3);
	log_acquired(w, 2, 2, 3);
	log_plain(w, 2, DLW_EVENT_RELEASED, 2, 0);
	log_permit(w, 1, 4, 1);
	log_plain(w, 1, DLW_EVENT_POSTED, 4, 0);
	log_plain(w, 2, DLW_EVENT_ARRIVED, 6, 0);
	log_plain(w, 1, DLW_EVENT_ARRIVED, 6, 0);
	log_plain(w, 1, DLW_EVENT_LEFT, 6, 0);
	log_plain(w, 2, DLW_EVENT_LEFT, 6, 0);
	log_event(w, 2, (struct dlw_event){ .type = DLW_EVENT_TRY_FAILED, .object = 7 });
	log_want_mode(w, 2, 7, 0, DLW_FORM_TIMED, 2);
	log_gave_up(w, 2, 7, ETIMEDOUT);
	log_acquired(w, 1, 7, 1);
	log_plain(w, 2, DLW_EVENT_RELEASED_BY_STRANGER, 7, 0);
	log_with(w, 1, DLW_EVENT_FORGOTTEN, 0);
	log_plain(w, 1, DLW_EVENT_DESTROYED, 7, 0);
	log_with(w, 1, DLW_EVENT_FORKED, 4712);
	log_with(w, 1, DLW_EVENT_WANT_THREAD, 2);
	log_with(w, 2, DLW_EVENT_EXITED, 0);
	log_with(w, 1, DLW_EVENT_JOINED, 2);
}

/** log_sample_deadlock() - threads 3 and 4 take mutex 1 and rwlock 3 crosswise */
static inline void log_sample_deadlock(struct log_writer *w)
{
	log_acquired(w, 3, 1, 1);
	log_acquired(w, 4, 3, 2);
	log_want(w, 3, 3, 3);
	log_want(w, 4, 1, 4);
}

/** log_sample_recorder() - thread 3 lost a block, and its next one says what it has and said */
static inline void log_sample_recorder(struct log_writer *w)
{
	log_acquired(w, 3, 7, 1);
	log_lose(w, 3);
	log_event(w, 3,
		  (struct dlw_event){ .type = DLW_EVENT_HELD, .mode = 3, .argument = 1 });
	log_stream(w, 3)->block.flags |= DLW_BLOCK_STATE;
	log_event(w, 3, (struct dlw_event){ .type = DLW_EVENT_HELD, .mode = 3, .form = 2, .object = 4 });
	log_event(w, 3,
		  (struct dlw_event){ .type = DLW_EVENT_HELD, .object = 7, .argument = 1, .stack = 1 });
	log_event(w, 3,
		  (struct dlw_event){ .type = DLW_EVENT_ACCESSED, .mode = 3, .form = 1 });
	log_plain(w, 3, DLW_EVENT_RELEASED, 7, 0);
}

/** log_sample() - all of it, killed while it hangs; half of it flushed */
static inline struct log_writer *log_sample(void)
{
	struct log_writer *w = log_writer_new(4711);

	log_sample_definitions(w);
	log_flush_stream(w, &w->definitions);
	log_sample_life(w);
	log_flush(w, 1);
	log_flush(w, 2);
	log_sample_deadlock(w);
	log_look(w, 1, "");
	log_writer_kill(w);
	return w;
}

/** log_sample_lives() - of a lock that threads 1 and 2 destroy and make anew, both wanting another */
static inline void log_sample_lives(struct log_writer *w)
{
	struct dlw_record_object renewed = { .id = 50,
					     .kind = DLW_MUTEX,
					     .type = DLW_TYPE_NORMAL,
					     .traits = DLW_TRAIT_RENEWED,
					     .address = 0x50000,
					     .init_stack = 1 };
	unsigned life;

	log_object_record(w, &renewed, "");
	for (life = 0; life < 6; life++) {
		log_want(w, 2 - life % 2, 50, 1);
		log_acquired(w, 1 + life % 2, 50, 1);
		if (life % 3)
			log_released_top(w, 1 + life % 2, 0, 50);
		log_plain(w, 1 + life % 2, DLW_EVENT_DESTROYED, 50, 0);
		if (life % 4 == 2) /* an operation that is nowhere */
			log_ticket(w, 50);
	}
}

#endif
