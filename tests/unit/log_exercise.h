/*
 * log_exercise.h - do with a log, whatever its bytes, all that the tools do
 *
 * Shared by the damage test and the fuzz target: opens it, replays it to the
 * end, looks at the state on the way, judges, counts, and states the losses.
 * Aborts where something is said that cannot be.
 */
#ifndef DLW_TESTS_LOG_EXERCISE_H
#define DLW_TESTS_LOG_EXERCISE_H

#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "analyzer/log_coverage.h"
#include "analyzer/log_findings.h"
#include "analyzer/log_memory.h"
#include "analyzer/log_replay.h"
#include "analyzer/python_text.h"
#include "analyzer/statistics.h"

struct log_exercise {
	bool opened;
	uint64_t events, findings, lost;
	char finding[65536]; /* the first */
};

#define LOG_EXERCISE_CHECK(condition)                                                       \
	do {                                                                                \
		if (!(condition)) {                                                         \
			fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
			abort();                                                            \
		}                                                                           \
	} while (0)

/* Lines on interpreters come before the finding. Return: bytes they have. */
static inline size_t log_exercise_python(const char *lines, size_t length)
{
	json_t *processes = json_object();
	size_t taken = 0;

	while (dlw_python_is_line(lines + taken, length - taken)) {
		const char *end = memchr(lines + taken, '\n', length - taken);

		LOG_EXERCISE_CHECK(end);
		LOG_EXERCISE_CHECK(dlw_python_read(processes, lines + taken,
						   (size_t)(end - lines) - taken));
		taken = (size_t)(end - lines) + 1;
	}
	json_decref(processes);
	return taken;
}

static inline void log_exercise_finding(void *context, const char *lines, size_t all)
{
	struct log_exercise *result = context;
	size_t taken = log_exercise_python(lines, all), length = all - taken;
	const char *line = lines + taken;
	json_error_t error;
	json_t *parsed = json_loadb(line, length, 0, &error);

	if (!parsed)
		fprintf(stderr, "%s at %d: %.*s", error.text, error.position, (int)length, line);
	LOG_EXERCISE_CHECK(parsed);
	LOG_EXERCISE_CHECK(json_array_size(json_object_get(parsed, "core")) > 0);
	json_decref(parsed);
	if (!result->findings++ && length < sizeof(result->finding))
		memcpy(result->finding, line, length);
}

static inline void log_exercise_state(struct dlw_replay *replay)
{
	struct dlw_arena arena = dlw_heap_arena();
	struct dlw_state state;

	LOG_EXERCISE_CHECK(dlw_replay_state(replay, &arena, &state) == 0);
	LOG_EXERCISE_CHECK(dlw_state_is_valid(&state));
	dlw_arena_release(&arena);
}

static inline void log_exercise(struct log_exercise *result, const void *log, size_t size,
				const void *tail, size_t tail_size)
{
	struct dlw_replay *replay = dlw_replay_new();
	struct dlw_log_findings *findings;
	struct dlw_statistics *statistics;
	struct dlw_lock_statistics **rows;
	json_t *coverage;
	char *error = NULL;
	size_t count;

	memset(result, 0, sizeof(*result));
	if (!dlw_replay_add_memory(replay, "app.dlw", log, size, tail, tail_size, &error)) {
		LOG_EXERCISE_CHECK(error && !strchr(error, '\n'));
		free(error);
		dlw_replay_free(replay);
		return;
	}
	result->opened = true;
	findings = dlw_log_findings_new(replay, log_exercise_finding, result);
	statistics = dlw_statistics_new(replay);
	dlw_replay_start(replay);
	while (dlw_replay_peek(replay)) {
		if (replay->events % 64 == 0)
			log_exercise_state(replay);
		dlw_log_findings_before(findings);
		dlw_statistics_observe(statistics);
		dlw_replay_apply(replay);
	}
	log_exercise_state(replay);
	dlw_log_findings_at_end(findings);
	LOG_EXERCISE_CHECK(replay->blocked_count == 0 && replay->heap_count == 0);
	dlw_statistics_finish(statistics);
	rows = dlw_statistics_rows(statistics, &count);
	free(rows);
	coverage = dlw_log_coverage(replay);
	LOG_EXERCISE_CHECK(coverage);
	result->lost = json_array_size(json_object_get(coverage, "notes"));
	json_decref(coverage);
	result->events = replay->events;
	dlw_statistics_free(statistics);
	dlw_log_findings_free(findings);
	dlw_replay_free(replay);
}

#endif
