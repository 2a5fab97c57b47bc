/*
 * world.h - small worlds for tests of the engine
 *
 *	struct world w;
 *	uint32_t a, b, m, n;
 *
 *	world_start(&w);		// one process, pid 100, nothing in it
 *	a = world_thread(&w, "a");	// tid 101, running
 *	m = world_mutex(&w);
 *	world_hold(&w, a, m, DLW_EXCLUSIVE);
 *	...
 *	world_wait(&w, a, n, DLW_EXCLUSIVE);
 *	world_judge(&w);
 *	expect_findings(&w, 1);
 *	expect_finding(&w, 0, DLW_DEADLOCK, DLW_PROVEN, "a b", "");
 *	world_end(&w);
 *
 * Waits have lasted ten times stall_ns unless a test says otherwise. Sites are
 * numbered: site s lies at offset s of /bin/app.
 */
#ifndef DLW_TEST_WORLD_H
#define DLW_TEST_WORLD_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/judge.h"

#define WORLD_SECOND 1000000000ull
#define WORLD_BASE 0x400000ull

struct world {
	struct dlw_state state;
	struct dlw_process_state *processes;
	struct dlw_thread_state *threads;
	struct dlw_resource_state *resources;
	struct dlw_hold *holds;
	struct dlw_releaser *releasers;
	uint32_t next_site;
	struct dlw_arena arena;
	struct dlw_findings found;
	void **memory; /* to free at the end */
	size_t memory_count;
};

static const struct dlw_module world_modules[] = {
	{ WORLD_BASE, WORLD_BASE + 0x100000, WORLD_BASE - 0x1000, "/bin/app", "0123abcd" },
	{ 0x7000000, 0x7100000, 0x7000000, "/lib/libother.so", NULL },
};

static inline void *world_grow(void *context, size_t size, size_t *got)
{
	(void)context;
	*got = size;
	return malloc(size);
}

static inline void world_give_back(void *context, void *memory, size_t size)
{
	(void)context;
	(void)size;
	free(memory);
}

static inline void *world_memory(struct world *w, size_t size)
{
	w->memory = realloc(w->memory, sizeof(void *) * (w->memory_count + 1));
	assert_non_null(w->memory);
	w->memory[w->memory_count] = calloc(1, size);
	assert_non_null(w->memory[w->memory_count]);
	return w->memory[w->memory_count++];
}

/* Room for one more element; arrays grow by doubling. */
#define WORLD_ROOM(array, count)                                                                   \
	do {                                                                                       \
		if (((count) & ((count)-1)) == 0) {                                                \
			(array) = realloc((array),                                                 \
					  sizeof(*(array)) * ((count) ? 2 * (size_t)(count) : 1)); \
			assert_non_null(array);                                                    \
		}                                                                                  \
		memset(&(array)[count], 0, sizeof(*(array)));                                      \
	} while (0)

static inline uint32_t world_process(struct world *w, int32_t pid)
{
	uint32_t number = w->state.process_count;

	WORLD_ROOM(w->processes, number);
	w->processes[number].pid = pid;
	w->processes[number].exe = "/bin/app";
	w->processes[number].modules = world_modules;
	w->processes[number].module_count = 2;
	w->state.process_count++;
	w->state.processes = w->processes;
	return number;
}

static inline void world_start(struct world *w)
{
	memset(w, 0, sizeof(*w));
	w->arena.grow = world_grow;
	w->arena.give_back = world_give_back;
	w->state.now_ns = 100 * WORLD_SECOND;
	w->state.stall_ns = WORLD_SECOND;
	w->next_site = 0x2000;
	world_process(w, 100);
}

static inline void world_end(struct world *w)
{
	size_t i;

	for (i = 0; i < w->memory_count; i++)
		free(w->memory[i]);
	free(w->memory);
	free(w->processes);
	free(w->threads);
	free(w->resources);
	free(w->holds);
	free(w->releasers);
	dlw_arena_release(&w->arena);
}

static inline struct dlw_stack world_stack(struct world *w, uint32_t site)
{
	uint64_t *frame = world_memory(w, sizeof(*frame));

	*frame = WORLD_BASE - 0x1000 + site;
	return (struct dlw_stack){ frame, 1 };
}

/* A stack at a site of its own. */
static inline struct dlw_stack world_somewhere(struct world *w)
{
	return world_stack(w, w->next_site += 0x10);
}

static inline uint32_t world_thread_in(struct world *w, uint32_t process, const char *name)
{
	uint32_t number = w->state.thread_count;

	WORLD_ROOM(w->threads, number);
	w->threads[number].process = process;
	w->threads[number].tid = 101 + (int32_t)number;
	w->threads[number].name = name;
	w->threads[number].want.mutex = DLW_NONE;
	w->state.thread_count++;
	w->state.threads = w->threads;
	return number;
}

static inline uint32_t world_thread(struct world *w, const char *name)
{
	return world_thread_in(w, 0, name);
}

static inline uint32_t world_resource(struct world *w, enum dlw_kind kind, enum dlw_type type)
{
	uint32_t number = w->state.resource_count;

	WORLD_ROOM(w->resources, number);
	w->resources[number].kind = kind;
	w->resources[number].type = type;
	w->resources[number].address = 0x10000 + 64ull * number;
	w->resources[number].subject = DLW_NONE;
	w->state.resource_count++;
	w->state.resources = w->resources;
	return number;
}

static inline uint32_t world_mutex(struct world *w)
{
	return world_resource(w, DLW_MUTEX, DLW_TYPE_NORMAL);
}

static inline uint32_t world_semaphore(struct world *w, uint32_t initial, enum dlw_history history)
{
	uint32_t number = world_resource(w, DLW_SEMAPHORE, DLW_TYPE_UNNAMED);

	w->resources[number].initial = initial;
	w->resources[number].initial_known = true;
	w->resources[number].history = history;
	return number;
}

static inline uint32_t world_end_of(struct world *w, enum dlw_kind kind, uint32_t subject)
{
	uint32_t number = world_resource(w, kind, DLW_TYPE_UNKNOWN);

	w->resources[number].address = 0;
	w->resources[number].subject = subject;
	return number;
}

static inline struct dlw_hold *world_hold(struct world *w, uint32_t thread, uint32_t resource,
					  enum dlw_mode mode)
{
	uint32_t number = w->state.hold_count;

	WORLD_ROOM(w->holds, number);
	w->holds[number].thread = thread;
	w->holds[number].resource = resource;
	w->holds[number].mode = mode;
	w->holds[number].count = 1;
	w->holds[number].since_ns = 80 * WORLD_SECOND + number;
	w->holds[number].stack = world_somewhere(w);
	w->state.hold_count++;
	w->state.holds = w->holds;
	return &w->holds[number];
}

static inline struct dlw_want *world_wait(struct world *w, uint32_t thread, uint32_t resource,
					  enum dlw_mode mode)
{
	struct dlw_want *want = &w->threads[thread].want;

	w->threads[thread].life = DLW_WAITING;
	want->resource = resource;
	want->mode = mode;
	want->since_ns = 90 * WORLD_SECOND;
	want->stack = world_somewhere(w);
	return want;
}

static inline void world_releaser(struct world *w, uint32_t thread, uint32_t resource,
				  enum dlw_provenance provenance)
{
	uint32_t number = w->state.releaser_count;

	WORLD_ROOM(w->releasers, number);
	w->releasers[number] = (struct dlw_releaser){ thread, resource, provenance };
	w->state.releaser_count++;
	w->state.releasers = w->releasers;
}

/* The classic: @a holds m and wants n, @b holds n and wants m. */
static inline void world_cross(struct world *w, uint32_t a, uint32_t b, uint32_t m, uint32_t n)
{
	world_hold(w, a, m, DLW_EXCLUSIVE);
	world_hold(w, b, n, DLW_EXCLUSIVE);
	world_wait(w, a, n, DLW_EXCLUSIVE);
	world_wait(w, b, m, DLW_EXCLUSIVE);
}

static inline void world_judge(struct world *w)
{
	assert_true(dlw_state_is_valid(&w->state));
	dlw_arena_reset(&w->arena);
	assert_int_equal(dlw_judge(&w->state, &w->arena, &w->found), 0);
}

static inline char *world_names(struct world *w, const uint32_t *threads, uint32_t count)
{
	char *names = world_memory(w, count * 24ull + 1);
	uint32_t i;

	for (i = 0; i < count; i++) {
		if (i)
			strcat(names, " ");
		strcat(names, w->threads[threads[i]].name);
	}
	return names;
}

static inline void world_findings_are(struct world *w, uint32_t count, const char *file, int line)
{
	uint32_t i;

	if (w->found.count == count)
		return;
	print_error("%u findings instead of %u:\n", w->found.count, count);
	for (i = 0; i < w->found.count; i++)
		print_error("  %s %s: %s | %s\n", dlw_finding_kind_word(w->found.all[i].kind),
			    dlw_verdict_word(w->found.all[i].verdict),
			    world_names(w, w->found.all[i].core, w->found.all[i].core_count),
			    world_names(w, w->found.all[i].stuck, w->found.all[i].stuck_count));
	_fail(file, line);
}

#define expect_findings(w, count) world_findings_are((w), (count), __FILE__, __LINE__)

static inline void world_finding_is(struct world *w, uint32_t number, enum dlw_finding_kind kind,
				    enum dlw_verdict verdict, const char *core, const char *stuck,
				    const char *file, int line)
{
	const struct dlw_finding *finding = &w->found.all[number];
	int i;

	if (number >= w->found.count) {
		print_error("no finding number %u\n", number);
		_fail(file, line);
	}
	_assert_string_equal(dlw_finding_kind_word(finding->kind), dlw_finding_kind_word(kind),
			     file, line);
	_assert_string_equal(dlw_verdict_word(finding->verdict), dlw_verdict_word(verdict), file,
			     line);
	_assert_string_equal(world_names(w, finding->core, finding->core_count), core, file, line);
	_assert_string_equal(world_names(w, finding->stuck, finding->stuck_count), stuck, file,
			     line);
	for (i = 0; i < DLW_COFFMAN_COUNT; i++) {
		assert_true(finding->coffman[i].holds);
		assert_true(*finding->coffman[i].evidence);
	}
	assert_true(*finding->advice);
	assert_int_equal(strlen(finding->fingerprint), 16);
}

#define expect_finding(w, number, kind, verdict, core, stuck) \
	world_finding_is((w), (number), (kind), (verdict), (core), (stuck), __FILE__, __LINE__)

/* Judge and expect exactly one finding, or none. */
#define expect_only(w, kind, verdict, core, stuck)                \
	do {                                                      \
		world_judge(w);                                   \
		expect_findings(w, 1);                            \
		expect_finding(w, 0, kind, verdict, core, stuck); \
	} while (0)

#define expect_nothing(w)              \
	do {                           \
		world_judge(w);        \
		expect_findings(w, 0); \
	} while (0)

#endif
