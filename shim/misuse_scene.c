/*
 * shim/misuse_scene.c - what /proc says of a process only while it lives
 *
 * A deadlocked process is there to be asked; one that misused a lock, or took
 * two in two orders, may be gone before anybody looks, and a report of addresses alone helps nobody.
 */
#include "shim/misuse_scene.h"

#include <string.h>

#include "core/watch/maps.h"
#include "core/watch/procfs.h"
#include "core/watch/system.h"
#include "shim/arena_map.h"
#include "shim/context.h"
#include "shim/segment.h"

#include "shim/banned.h"

#define STACK_NEEDED (48u * 1024)
#define ARGUMENTS_MAX 16384

/** is_stack_small() - or another one than the thread began with, as of a signal handler */
static bool is_stack_small(void)
{
	uint64_t here = (uint64_t)(uintptr_t)__builtin_frame_address(0);

	return dlw_self->stack_low &&
	       (here < dlw_self->stack_low + STACK_NEEDED || here > dlw_self->stack_high);
}

static uint64_t keep(const char *bytes, size_t size)
{
	uint64_t offset = dlw_segment_take(size);

	if (offset)
		memcpy(dlw_at(offset), bytes, size);
	return offset;
}

static uint64_t keep_text(const char *text)
{
	return text && *text ? keep(text, strlen(text) + 1) : 0;
}

static void keep_modules(struct dlw_arena *arena)
{
	struct dlw_table *table = &dlw_runtime->segment->modules;
	struct dlw_module *modules;
	uint32_t count = dlw_maps_modules(dlw_runtime->pid, arena, &modules), i;

	for (i = 0; i < count; i++) {
		struct dlw_shown_module *module = dlw_table_grow(table, i);

		if (!module)
			break;
		*module = (struct dlw_shown_module){
			.start = modules[i].start,
			.end = modules[i].end,
			.bias = modules[i].bias,
			.path = keep_text(modules[i].path),
			.build_id = keep_text(modules[i].build_id),
		};
	}
	atomic_store_explicit(&table->count, i, memory_order_release);
}

static void keep_arguments(struct dlw_arena *arena)
{
	struct dlw_segment *segment = dlw_runtime->segment;
	char *line = dlw_arena_take(arena, ARGUMENTS_MAX);
	long got = line ? dlw_read_file("/proc/self/cmdline", line, ARGUMENTS_MAX) : 0;

	if (got <= 0)
		return;
	segment->args = keep(line, (size_t)got + 1);
	segment->args_size = segment->args ? (uint32_t)got : 0;
}

static void keep_executable(struct dlw_arena *arena)
{
	char *path = dlw_arena_take(arena, DLW_PATH_MAX);
	ssize_t got = path ? dlw_sys_readlink("/proc/self/exe", path, DLW_PATH_MAX - 1) : 0;

	if (got > 0)
		dlw_runtime->segment->exe = keep(path, (size_t)got + 1);
}

void dlw_misuse_scene(void)
{
	struct dlw_arena arena;

	if (dlw_runtime->segment->exe || is_stack_small() ||
	    atomic_exchange(&dlw_runtime->scene_kept, 1))
		return;
	arena = dlw_arena_from_maps();
	keep_arguments(&arena);
	keep_modules(&arena);
	keep_executable(&arena);
	dlw_arena_release(&arena);
}
