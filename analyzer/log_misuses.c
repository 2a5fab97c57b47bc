/*
 * log_misuses.c - the misuses in a log
 */
#include "analyzer/log_misuses.h"

#include <stdio.h>
#include <stdlib.h>

#include "analyzer/log_memory.h"
#include "core/finding_json.h"
#include "core/misuse.h"

static void put(void *context, const char *text, size_t length)
{
	if (fwrite(text, 1, length, context) != length)
		dlw_out_of_memory();
}

static struct dlw_stack stack_of(const struct dlw_source *source, uint32_t id,
				 struct dlw_arena *arena)
{
	uint32_t depth = id ? dlw_log_defined_stack(&source->defined, id, NULL, 0) : 0;
	uint64_t *frames = depth ? dlw_arena_array(arena, uint64_t, depth) : NULL;

	if (!frames)
		return (struct dlw_stack){ NULL, 0 };
	dlw_log_defined_stack(&source->defined, id, frames, depth);
	return (struct dlw_stack){ frames, depth };
}

static void hand_out(const struct dlw_state *state, const struct dlw_finding *finding,
		     dlw_finding_sink *sink, void *context)
{
	struct dlw_writer writer = { .put = put };
	char *line = NULL;
	size_t size;

	writer.context = open_memstream(&line, &size);
	if (!writer.context)
		dlw_out_of_memory();
	dlw_finding_write_json(state, finding, &writer);
	if (fclose(writer.context))
		dlw_out_of_memory();
	sink(context, line, size);
	free(line);
}

static bool tell(const struct dlw_source *source, const struct dlw_log_misuse *misuse,
		 struct dlw_arena *arena, dlw_finding_sink *sink, void *context)
{
	const struct dlw_process_state process = dlw_source_process(source);
	const struct dlw_misuse_seen seen = {
		.note = &misuse->note,
		.process = &process,
		.name = misuse->name,
		.stack = stack_of(source, misuse->note.stack, arena),
		.other_stack = stack_of(source, misuse->note.other_stack, arena),
		.init_stack = stack_of(source, misuse->note.init_stack, arena),
		.now_ns = misuse->note.when_ns < INT64_MAX ? misuse->note.when_ns : 0,
	};
	struct dlw_finding finding;
	struct dlw_state state;

	if (!dlw_misuse_finding(&seen, arena, &state, &finding))
		return false; /* damaged */
	hand_out(&state, &finding, sink, context);
	return true;
}

uint32_t dlw_log_misuses(const struct dlw_replay *replay, uint32_t sorts, dlw_finding_sink *sink,
			 void *context)
{
	struct dlw_arena arena = dlw_heap_arena();
	uint32_t source, at, told = 0;

	for (source = 0; source < replay->source_count; source++) {
		const struct dlw_log_definitions *defined = &replay->sources[source]->defined;

		for (at = 0; at < defined->misuse_count; at++) {
			dlw_arena_reset(&arena);
			if (defined->misuses[at].note.sort < DLW_MISUSE_COUNT &&
			    sorts >> defined->misuses[at].note.sort & 1)
				told += tell(replay->sources[source], &defined->misuses[at],
					     &arena, sink, context);
		}
	}
	dlw_arena_release(&arena);
	return told;
}
