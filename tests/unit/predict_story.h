/*
 * predict_story.h - traces made by hand, and what the prediction says of them
 *
 *	struct story story = begin();
 *	uint32_t a = mutex(&story), b = mutex(&story);
 *
 *	both(&story, 0, a, b);	// thread 0: locks a, then b, and gives both back
 *	both(&story, 1, b, a);
 *	only(&story, DLW_FEASIBLE, DLW_BECAUSE_NOTHING);
 *	end(&story);
 *
 * Small enough to see at a glance what could have happened. Every acquisition
 * has a place of its own.
 */
#ifndef DLW_TESTS_PREDICT_STORY_H
#define DLW_TESTS_PREDICT_STORY_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "analyzer/log_memory.h"
#include "core/predict/predict.h"
#include "core/predict/store.h"

enum { THREADS = 4 };

static struct dlw_arena memory, scratch;

struct story {
	struct dlw_trace *trace;
	struct dlw_predict_options options;
	struct dlw_prediction prediction;
	uint32_t places;
};

static inline struct story begin(void)
{
	struct story story = { .options = DLW_PREDICT_DEFAULTS };
	uint32_t i;

	memory = dlw_heap_arena();
	scratch = dlw_heap_arena();
	story.trace = dlw_trace_new(&memory);
	for (i = 0; i < THREADS; i++)
		assert_int_equal(dlw_trace_thread(story.trace), i);
	return story;
}

static inline void end(struct story *story)
{
	(void)story;
	dlw_arena_release(&memory);
	dlw_arena_release(&scratch);
}

static inline uint32_t thing(struct story *story, enum dlw_kind kind, uint32_t initial)
{
	return dlw_trace_object(story->trace, &(struct dlw_trace_object){ .kind = kind,
									  .initial = initial,
									  .initial_known = true,
									  .life_known = true });
}

static inline uint32_t mutex(struct story *story)
{
	return thing(story, DLW_MUTEX, 0);
}

static inline void does(struct story *story, uint32_t thread, enum dlw_trace_op op, uint32_t object,
			enum dlw_mode mode, enum dlw_form form)
{
	assert_true(
		dlw_trace_add(story->trace, &(struct dlw_trace_event){ .op = op,
								       .thread = thread,
								       .object = object,
								       .mode = mode,
								       .form = form,
								       .place = ++story->places }));
}

static inline void locks(struct story *story, uint32_t thread, uint32_t object)
{
	does(story, thread, DLW_TRACE_ACQUIRE, object, DLW_EXCLUSIVE, DLW_FORM_BLOCKING);
}

static inline void reads(struct story *story, uint32_t thread, uint32_t object)
{
	does(story, thread, DLW_TRACE_ACQUIRE, object, DLW_SHARED, DLW_FORM_BLOCKING);
}

static inline void unlocks(struct story *story, uint32_t thread, uint32_t object)
{
	does(story, thread, DLW_TRACE_RELEASE, object, DLW_EXCLUSIVE, DLW_FORM_BLOCKING);
}

static inline void both(struct story *story, uint32_t thread, uint32_t first, uint32_t second)
{
	locks(story, thread, first);
	locks(story, thread, second);
	unlocks(story, thread, second);
	unlocks(story, thread, first);
}

static inline void to_thread(struct story *story, uint32_t thread, enum dlw_trace_op op,
			     uint32_t other)
{
	does(story, thread, op, other, DLW_NO_MODE, DLW_FORM_BLOCKING);
}

static inline void predict(struct story *story, bool explain)
{
	story->options.explain = explain;
	assert_true(
		dlw_predict(story->trace, &story->options, &memory, &scratch, &story->prediction));
}

/* The only cycle there is; FEASIBLE, or explained. */
static inline const struct dlw_predicted *only(struct story *story, enum dlw_verdict verdict,
					       enum dlw_because because)
{
	predict(story, true);
	assert_int_equal(story->prediction.count, 1);
	assert_int_equal(story->prediction.all[0].verdict, verdict);
	assert_int_equal(story->prediction.all[0].because, because);
	assert_int_equal(story->prediction.feasible, verdict == DLW_FEASIBLE);
	return &story->prediction.all[0];
}

static inline void nothing(struct story *story)
{
	predict(story, story->options.explain);
	assert_int_equal(story->prediction.feasible, 0);
}

/* @count mutexes, into @all. */
static inline void mutexes(struct story *story, uint32_t *all, uint32_t count)
{
	uint32_t i;

	for (i = 0; i < count; i++)
		all[i] = mutex(story);
}

#endif
