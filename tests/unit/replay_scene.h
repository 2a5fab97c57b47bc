/*
 * replay_scene.h - a log played from memory, and questions about its moments
 */
#ifndef DLW_TESTS_REPLAY_SCENE_H
#define DLW_TESTS_REPLAY_SCENE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "analyzer/log_memory.h"
#include "analyzer/log_replay.h"
#include "tests/unit/log_writer.h"

/** A replay from memory, and the state at the moment it stands at. */
struct scene {
	struct log_writer *writer;
	struct dlw_replay *replay;
	struct dlw_source *source;
	struct dlw_arena arena;
	struct dlw_state state;
};

static inline struct log_writer *two_threads_two_mutexes(void)
{
	struct log_writer *w = log_writer_new(4711);

	log_process(w, "/bin/app", "--fast");
	log_thread(w, 1, 101, "left");
	log_thread(w, 2, 102, "right");
	log_object(w, 1, DLW_MUTEX, DLW_TYPE_NORMAL, 0x1000);
	log_object(w, 2, DLW_MUTEX, DLW_TYPE_NORMAL, 0x2000);
	log_stack(w, 1, 0x401111, 0x400001);
	log_stack(w, 2, 0x402222, 0x400002);
	log_stack(w, 3, 0x403333, 0x400003);
	log_stack(w, 4, 0x404444, 0x400004);
	return w;
}

static inline void start(struct scene *scene, struct log_writer *writer)
{
	char *error = NULL;

	*scene = (struct scene){ .writer = writer, .arena = dlw_heap_arena() };
	scene->replay = dlw_replay_new();
	scene->replay->stall_ns = 1000000000;
	scene->source = dlw_replay_add_memory(scene->replay, "test.dlw", writer->log,
					      writer->log_size, writer->tail, writer->tail_size,
					      &error);
	assert_non_null(scene->source);
	dlw_replay_start(scene->replay);
}

/** look() - the state at the moment where the replay stands */
static inline void look(struct scene *scene)
{
	dlw_arena_reset(&scene->arena);
	assert_int_equal(dlw_replay_state(scene->replay, &scene->arena, &scene->state), 0);
	assert_true(dlw_state_is_valid(&scene->state));
}

static inline void to_the_end(struct scene *scene)
{
	while (dlw_replay_peek(scene->replay))
		dlw_replay_apply(scene->replay);
	look(scene);
}

static inline void play(struct scene *scene, struct log_writer *writer)
{
	start(scene, writer);
	to_the_end(scene);
}

static inline void finish(struct scene *scene)
{
	dlw_replay_free(scene->replay);
	dlw_arena_release(&scene->arena);
	log_writer_free(scene->writer);
}

static inline const struct dlw_thread_state *thread(const struct scene *scene, int32_t tid)
{
	uint32_t at;

	for (at = 0; at < scene->state.thread_count; at++)
		if (scene->state.threads[at].tid == tid)
			return &scene->state.threads[at];
	fail_msg("no thread %d", tid);
	return NULL;
}

/** held() - the hold of the thread on the lock at @address, or NULL */
static inline const struct dlw_hold *held(const struct scene *scene, int32_t tid, uint64_t address)
{
	const struct dlw_state *state = &scene->state;
	uint32_t at;

	for (at = 0; at < state->hold_count; at++)
		if (state->threads[state->holds[at].thread].tid == tid &&
		    state->resources[state->holds[at].resource].address == address)
			return &state->holds[at];
	return NULL;
}

static inline uint64_t wanted(const struct scene *scene, int32_t tid)
{
	const struct dlw_thread_state *waiter = thread(scene, tid);

	assert_int_equal(waiter->life, DLW_WAITING);
	return scene->state.resources[waiter->want.resource].address;
}

static inline const struct dlw_resource_state *resource(const struct scene *scene, uint64_t address)
{
	uint32_t at;

	for (at = 0; at < scene->state.resource_count; at++)
		if (scene->state.resources[at].address == address)
			return &scene->state.resources[at];
	fail_msg("no resource at %llx", (unsigned long long)address);
	return NULL;
}

/** crosswise() - each holds one of the two mutexes and wants the other */
static inline void crosswise(struct log_writer *w)
{
	log_acquired(w, 1, 1, 1);
	log_acquired(w, 2, 2, 2);
	log_want(w, 1, 2, 3);
	log_want(w, 2, 1, 4);
}

#endif
