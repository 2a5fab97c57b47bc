/*
 * core/watch/misuse.c - what processes have noted, reported once
 *
 * A note stays when its process is gone, and so does what the report needs
 * besides: program and modules are asked of the kernel while there is somebody
 * to ask about, and taken from the segment otherwise.
 */
#include "core/misuse.h"

#include <string.h>

#include "core/watch/look.h"
#include "core/watch/picture.h"
#include "core/watch/records.h"

static const char *text_at(const struct dlw_watched *watched, uint64_t offset)
{
	const char *text = offset ? dlw_record_at(watched, offset, 1) : NULL;

	return text ? text : "";
}

static void take_arguments(struct dlw_watch *watch, const struct dlw_watched *watched,
			   struct dlw_process_state *process)
{
	const struct dlw_segment *segment = watched->segment;
	const char *line = dlw_record_at(watched, segment->args, segment->args_size + 1ull);
	uint32_t at, count = 0;
	const char **arguments;

	for (at = 0; line && at < segment->args_size; at++)
		count += line[at] == '\0';
	arguments = count ? dlw_arena_array(&watch->picture, const char *, count) : NULL;
	if (!arguments)
		return;
	for (at = 0; process->arg_count < count; at += (uint32_t)strlen(line + at) + 1)
		arguments[process->arg_count++] = line + at;
	process->args = arguments;
}

static void take_modules(struct dlw_watch *watch, const struct dlw_watched *watched,
			 struct dlw_process_state *process)
{
	const struct dlw_table *table = &watched->segment->modules;
	uint32_t count = table->count, i;
	struct dlw_module *modules = dlw_arena_array(&watch->picture, struct dlw_module, count);

	for (i = 0; modules && i < count; i++) {
		const char *element = dlw_table_at(watched->segment, table, i);
		const struct dlw_shown_module *from = dlw_record_at(
			watched, (uint64_t)(element - (const char *)watched->segment),
			sizeof(*from));

		if (!element || !from)
			return;
		modules[i] = (struct dlw_module){
			.start = from->start,
			.end = from->end,
			.bias = from->bias,
			.path = text_at(watched, from->path),
			.build_id = from->build_id ? text_at(watched, from->build_id) : NULL,
		};
	}
	process->modules = modules;
	process->module_count = modules ? count : 0;
}

/** is_cut_off() - the segment has grown since it was mapped: what was noted last may be missing */
static bool is_cut_off(const struct dlw_watched *watched)
{
	return watched->mapped && atomic_load_explicit(&watched->segment->size,
						       memory_order_acquire) > watched->mapped;
}

/**
 * ask_kernel() - while it is there to be asked
 *
 * Of a process that tries to exec, the kernel may speak of another program: it
 * says that it will before it does, so what was read before that is its own.
 */
static void ask_kernel(struct dlw_watch *watch, const struct dlw_watched *watched,
		       struct dlw_process_state *process)
{
	const struct dlw_segment *segment = watched->segment;
	const struct dlw_process_state unknown = *process;
	int32_t task = watched->ended || watched->foreign || segment->replacing
			       ? 0
			       : dlw_process_task(segment->pid);

	if (task && dlw_process_start(segment->pid) == segment->process_start)
		dlw_describe_process(&watch->picture, process, task);
	if (segment->replacing)
		*process = unknown;
}

bool dlw_describe_noted(struct dlw_watch *watch, const struct dlw_watched *watched,
			struct dlw_process_state *process)
{
	ask_kernel(watch, watched, process);
	if (process->module_count && process->exe[0] && process->arg_count)
		return true;
	if (is_cut_off(watched))
		return false;
	if (!process->module_count)
		take_modules(watch, watched, process);
	if (!process->exe[0])
		process->exe = text_at(watched, watched->segment->exe);
	if (!process->arg_count)
		take_arguments(watch, watched, process);
	return true;
}

static const struct dlw_misuse *note_at(const struct dlw_watched *watched, uint32_t position)
{
	const char *element = dlw_table_at(watched->segment, &watched->segment->misuses, position);

	return element ? dlw_record_at(watched,
				       (uint64_t)(element - (const char *)watched->segment),
				       sizeof(struct dlw_misuse))
		       : NULL;
}

/** tell() - one note */
static void tell(struct dlw_watch *watch, struct dlw_watched *watched,
		 const struct dlw_misuse *note, const struct dlw_process_state *process)
{
	struct dlw_misuse_seen seen = { .note = note, .process = process };
	struct dlw_finding finding;
	struct dlw_state state;

	seen.name = text_at(watched, note->name);
	seen.stack = dlw_record_stack(watched, note->stack);
	seen.other_stack = dlw_record_stack(watched, note->other_stack);
	seen.init_stack = dlw_record_stack(watched, note->init_stack);
	seen.now_ns = note->when_ns;
	if (dlw_misuse_finding(&seen, &watch->picture, &state, &finding))
		watch->found(watch->context, &state, &finding);
}

void dlw_watch_misuses_of(struct dlw_watch *watch, struct dlw_watched *watched)
{
	struct dlw_segment *segment = watched->segment;
	uint32_t count = atomic_load_explicit(&segment->misuses.count, memory_order_acquire);
	uint32_t next = segment->misuses_told;
	const struct dlw_misuse *note;

	while (next < count && (note = note_at(watched, next))) {
		struct dlw_process_state process = { .pid = segment->pid, .exe = "" };

		dlw_arena_reset(&watch->picture);
		if (!note->hidden && !dlw_describe_noted(watch, watched, &process))
			return; /* a later look maps what is missing */
		/* the process and whoever looks at its session may both be at it */
		if (!atomic_compare_exchange_strong(&segment->misuses_told, &next, next + 1))
			continue;
		if (!note->hidden)
			tell(watch, watched, note, &process);
		next++;
	}
}

void dlw_watch_misuses(struct dlw_watch *watch)
{
	uint32_t i;

	for (i = 0; i < watch->process_count; i++)
		if (!watch->processes[i].replaced)
			dlw_watch_misuses_of(watch, &watch->processes[i]);
}
