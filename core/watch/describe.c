/*
 * core/watch/describe.c - names for what a finding shows
 *
 * Only now, for the few processes and threads of a finding, are names, command
 * lines, modules and initialisation sites looked up.
 */
#include <pthread.h>
#include <string.h>

#include "core/watch/glibc.h"
#include "core/watch/maps.h"
#include "core/watch/object_search.h"
#include "core/watch/picture.h"
#include "core/watch/records.h"
#include "core/watch/system.h"

#define COMMAND_LINE_MAX 16384

static const char *thread_name(struct dlw_arena *arena, int32_t pid, int32_t tid)
{
	char name[64];
	long got = dlw_read_line(dlw_proc_path(pid, tid, "comm").text, name, sizeof(name));
	const char *text;

	if (got > 0 && name[got - 1] == '\n')
		name[got - 1] = '\0';
	text = dlw_arena_text(arena, "%s", got > 0 ? name : "");
	return text ? text : "";
}

static void read_arguments(struct dlw_arena *arena, struct dlw_process_state *process,
			   int32_t task)
{
	char *line = dlw_arena_take(arena, COMMAND_LINE_MAX);
	const char **arguments;
	uint32_t count = 0;
	long got, at;

	if (!line)
		return;
	got = dlw_read_file(dlw_proc_path(task, 0, "cmdline").text, line, COMMAND_LINE_MAX);
	for (at = 0; at < got; at++)
		count += line[at] == '\0';
	arguments = dlw_arena_array(arena, const char *, count + 1);
	if (!arguments)
		return;
	for (at = 0; at < got && process->arg_count < count; at += (long)strlen(line + at) + 1)
		arguments[process->arg_count++] = line + at;
	process->args = arguments;
}

void dlw_describe_process(struct dlw_arena *arena, struct dlw_process_state *process, int32_t task)
{
	char *path = dlw_arena_take(arena, DLW_PATH_MAX);
	struct dlw_module *modules;
	ssize_t got;

	if (!path || process->modules)
		return;
	got = dlw_sys_readlink(dlw_proc_path(task, 0, "exe").text, path, DLW_PATH_MAX - 1);
	path[got > 0 ? got : 0] = '\0';
	process->exe = path;
	read_arguments(arena, process, task);
	process->module_count = dlw_maps_modules(task, arena, &modules);
	process->modules = modules;
}

/** is_c_library() - of its frames a report shows none: a site is where the program called it */
static bool is_c_library(const struct dlw_process_state *process, uint64_t address)
{
	static const char *const names[] = { "libc.so.", "libc-", "libpthread", "ld-linux" };
	uint32_t i, k;

	for (i = 0; i < process->module_count; i++) {
		const struct dlw_module *module = &process->modules[i];
		const char *slash = strrchr(module->path, '/');
		const char *base = slash ? slash + 1 : module->path;

		if (address < module->start || address >= module->end)
			continue;
		for (k = 0; k < sizeof(names) / sizeof(names[0]); k++)
			if (!strncmp(base, names[k], strlen(names[k])))
				return true;
	}
	return false;
}

#define FOREIGN_DEPTH 128

/** describe_sleep() - the stack of a wait that no hook saw, where it can be had */
static void describe_sleep(struct dlw_watch *watch, struct dlw_thread_state *thread,
			   const struct dlw_process_state *process)
{
	uint64_t *frames = dlw_arena_array(&watch->picture, uint64_t, FOREIGN_DEPTH);
	uint32_t depth = frames ? watch->unwind(process->pid, thread->tid, frames, FOREIGN_DEPTH)
				: 0;
	uint32_t first = 0;

	while (first < depth && is_c_library(process, frames[first]))
		first++;
	if (first < depth)
		thread->want.stack = (struct dlw_stack){ frames + first, depth - first };
}

static void describe_thread(struct dlw_watch *watch, struct dlw_picture *picture, uint32_t thread)
{
	struct dlw_thread_state *state = &picture->threads[thread];
	struct dlw_process_state *process = &picture->processes[state->process];

	if (state->process >= watch->process_count)
		dlw_describe_process(&watch->picture, process, process->pid);
	else if (!process->module_count)
		dlw_describe_noted(watch, &watch->processes[state->process], process);
	if (!state->name[0])
		state->name = thread_name(&watch->picture, process->pid, state->tid);
	if (!state->name[0] && picture->sources[thread].record) /* it has ended */
		state->name = picture->sources[thread].record->name;
	if (picture->sources[thread].sleep && watch->unwind)
		describe_sleep(watch, state, process);
}

/** find_objects() - of all resources of the finding, at each of their addresses; none without memory */
static void find_objects(struct dlw_watch *watch, const struct dlw_picture *picture,
			 const struct dlw_finding *finding, struct dlw_object_search *search)
{
	uint32_t most = finding->resource_count, i, at;

	for (i = 0; i < finding->resource_count; i++)
		for (at = picture->first_alias[finding->resources[i]]; at;
		     at = picture->aliases[at].next)
			most++;
	if (!dlw_object_search_make(search, most, &watch->picture))
		return;
	for (i = 0; i < finding->resource_count; i++) {
		const struct dlw_resource_state *state = &picture->resources[finding->resources[i]];

		dlw_object_search_add(search, state->process, state->address, state->kind);
		for (at = picture->first_alias[finding->resources[i]]; at;
		     at = picture->aliases[at].next)
			dlw_object_search_add(search, picture->aliases[at].process,
					      picture->aliases[at].address, state->kind);
	}
	dlw_object_search_run(search, watch);
}

/**
 * describe_object() - what @process knows of the object at @address
 *
 * Return: it knows where it was initialised, and stands for it from now on.
 */
static bool describe_object(const struct dlw_watch *watch, const struct dlw_object_search *search,
			    struct dlw_resource_state *state, uint32_t process, uint64_t address)
{
	const struct dlw_object *object =
		dlw_object_search_find(search, process, address, state->kind);
	const struct dlw_watched *watched;

	if (!object)
		return false;
	watched = &watch->processes[process];
	state->traits |= object->traits;
	if (object->name)
		state->name = dlw_record_at(watched, object->name, 1);
	if (!object->init_stack)
		return false;
	state->init_stack = dlw_record_stack(watched, object->init_stack);
	state->process = process;
	state->address = address;
	return true;
}

/** describe_resource() - type from the C library, the rest from its object if there is one */
static void describe_resource(struct dlw_watch *watch, struct dlw_picture *picture,
			      const struct dlw_object_search *search, uint32_t resource)
{
	struct dlw_resource_state *state = &picture->resources[resource];
	pthread_mutex_t mutex;
	uint32_t at;

	if (state->kind == DLW_THREAD) {
		describe_thread(watch, picture, state->subject);
		return;
	}
	if (state->kind == DLW_PROCESS || state->kind == DLW_PIPE || state->kind == DLW_FILE_LOCK)
		return; /* the kernel's, not an object in some memory */
	if (state->kind == DLW_MUTEX && !state->type &&
	    dlw_picture_read(watch, picture, resource, &mutex, sizeof(mutex))) {
		state->type = dlw_mutex_type(mutex.__data.__kind);
		state->traits |= dlw_mutex_traits(mutex.__data.__kind);
	}
	if (describe_object(watch, search, state, state->process, state->address))
		return;
	for (at = picture->first_alias[resource]; at; at = picture->aliases[at].next)
		if (describe_object(watch, search, state, picture->aliases[at].process,
				    picture->aliases[at].address))
			return;
}

bool dlw_picture_describe(struct dlw_watch *watch, struct dlw_picture *picture,
			  const struct dlw_finding *finding)
{
	struct dlw_object_search search;
	uint32_t i;

	for (i = 0; i < finding->core_count; i++)
		describe_thread(watch, picture, finding->core[i]);
	for (i = 0; i < finding->stuck_count; i++)
		describe_thread(watch, picture, finding->stuck[i]);
	for (i = 0; i < picture->state.hold_count; i++)
		if (picture->threads[picture->holds[i].thread].life == DLW_GONE)
			describe_thread(watch, picture, picture->holds[i].thread);
	find_objects(watch, picture, finding, &search);
	for (i = 0; i < finding->resource_count; i++)
		describe_resource(watch, picture, &search, finding->resources[i]);
	picture->state.reporter = picture->threads[finding->core[0]].process;
	return true;
}
