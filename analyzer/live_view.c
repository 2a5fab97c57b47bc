/*
 * live_view.c - running programs at one moment
 */
#include "analyzer/live_view.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "analyzer/log_json.h"
#include "analyzer/log_memory.h"
#include "analyzer/names.h"
#include "analyzer/segments.h"
#include "analyzer/symbols.h"
#include "core/judge.h"
#include "core/watch/maps.h"
#include "core/watch/records.h"

/** A thread, as its record said in one piece. */
struct thread {
	const struct dlw_watched *process;
	const struct dlw_thread *record;
	char name[32];
	bool waits;
	uint64_t address, since_ns;
	uint32_t stack;
	uint8_t kind;
};

struct lock_key {
	int32_t pid;
	uint32_t kind;
	uint64_t address;
};

/** A lock that somebody was seen waiting for. */
struct lock {
	struct lock_key key;
	uint64_t samples; /* that found somebody waiting */
	uint64_t waiters; /* found by all of them together */
	uint32_t now;     /* waiters at the last one */
	uint64_t last_sample;
	UT_hash_handle hh;
};

/** A process's modules, for names. */
struct program {
	int32_t pid;
	struct dlw_arena arena;
	struct dlw_log_definitions defined;
	UT_hash_handle hh;
};

struct dlw_live_view {
	char *who;
	struct dlw_segments segments;
	struct thread *threads; /* at the last sample */
	uint32_t count, room;
	struct lock *locks;
	struct program *programs;
	struct dlw_symbols *symbols;
	uint64_t samples;
};

/* ---------------------------------------------------------------------- sampling */

/** read_thread() - false: it is over, or changed while it was read */
static bool read_thread(const struct dlw_watched *process, const struct dlw_thread *record,
			struct thread *thread)
{
	uint64_t number = atomic_load_explicit(&record->wait, memory_order_acquire);

	if (record->life != DLW_RECORD_ALIVE)
		return false;
	*thread = (struct thread){
		.process = process,
		.record = record,
		.waits = (number & 1) && record->want_since_ns,
		.address = record->want_address,
		.since_ns = record->want_since_ns,
		.stack = record->want_stack,
		.kind = record->want_kind,
	};
	atomic_thread_fence(memory_order_acquire);
	if (atomic_load_explicit(&record->wait, memory_order_relaxed) != number)
		thread->waits = false;
	return true;
}

static void count_wait(struct dlw_live_view *view, const struct thread *thread)
{
	struct lock_key key;
	struct lock *lock;

	memset(&key, 0, sizeof(key));
	key.pid = thread->process->segment->pid;
	key.kind = thread->kind;
	key.address = thread->address;
	HASH_FIND(hh, view->locks, &key, sizeof(key), lock);
	if (!lock) {
		lock = dlw_log_allocate(1, sizeof(*lock));
		lock->key = key;
		HASH_ADD(hh, view->locks, key, sizeof(key), lock);
	}
	if (lock->last_sample != view->samples) {
		lock->last_sample = view->samples;
		lock->samples++;
		lock->now = 0;
	}
	lock->waiters++;
	lock->now++;
}

static void sample_process(struct dlw_live_view *view, const struct dlw_watched *process)
{
	const struct dlw_thread *record = dlw_record_first(process);
	uint64_t left = process->mapped / sizeof(*record); /* whoever wrote it may lead us in a circle */

	for (; record && left; record = dlw_record_next(process, record), left--) {
		dlw_reserve(view->threads, view->count, view->room);
		if (!read_thread(process, record, &view->threads[view->count]))
			continue;
		if (view->threads[view->count].waits)
			count_wait(view, &view->threads[view->count]);
		view->count++;
	}
}

bool dlw_live_view_sample(struct dlw_live_view *view)
{
	char *error = NULL;
	uint32_t at, alive = 0;

	dlw_segments_close(&view->segments);
	view->count = 0;
	if (!dlw_segments_open(&view->segments, view->who, &error)) {
		free(error);
		return false;
	}
	view->samples++;
	for (at = 0; at < view->segments.count; at++) {
		const struct dlw_watched *process = &view->segments.all[at];

		if (process->segment->state != DLW_SEGMENT_LIVE ||
		    dlw_process_start(process->segment->pid) != process->segment->process_start)
			continue;
		sample_process(view, process);
		alive++;
	}
	return alive != 0;
}

/* ------------------------------------------------------------------------- names */

static struct program *program_of(struct dlw_live_view *view, int32_t pid)
{
	struct program *program;

	HASH_FIND_INT(view->programs, &pid, program);
	if (program)
		return program;
	program = dlw_log_allocate(1, sizeof(*program));
	program->pid = pid;
	program->arena = dlw_heap_arena();
	program->defined.module_count =
		dlw_maps_modules(pid, &program->arena, &program->defined.modules);
	HASH_ADD_INT(view->programs, pid, program);
	return program;
}

/** lock_name() - for the caller to free() */
static char *lock_name(struct dlw_live_view *view, int32_t pid, enum dlw_kind kind, uint64_t address)
{
	return dlw_log_label(&program_of(view, pid)->defined, kind, "", address, 0, 0, view->symbols);
}

/** site_name() - where a stack of the segment begins; for the caller to free() */
static char *site_name(struct dlw_live_view *view, const struct thread *thread)
{
	struct dlw_stack stack = dlw_record_stack(thread->process, thread->stack);
	json_t *frame;
	char *text;

	if (!stack.depth)
		return dlw_copy("?");
	frame = dlw_log_frame(&program_of(view, thread->process->segment->pid)->defined,
			      stack.frames[0], view->symbols);
	text = dlw_frame_text(frame);
	json_decref(frame);
	return text;
}

static void read_names(struct dlw_live_view *view)
{
	uint32_t at;

	for (at = 0; at < view->count; at++) {
		struct thread *thread = &view->threads[at];
		char path[64];

		snprintf(path, sizeof(path), "/proc/%d/task/%d/comm", thread->process->segment->pid,
			 thread->record->tid);
		if (dlw_read_file(path, thread->name, sizeof(thread->name)) < 0)
			strcpy(thread->name, "?");
		thread->name[strcspn(thread->name, "\n")] = '\0';
	}
}

/** is_holder() - the thread's record has the lock */
static bool is_holder(const struct thread *thread, uint64_t address)
{
	uint32_t at, count = dlw_holding(thread->record);
	const struct dlw_held *held = dlw_record_at(
		thread->process, thread->record->holds, (uint64_t)count * sizeof(*held));

	for (at = 0; held && at < count; at++)
		if (held[at].address == address)
			return true;
	return false;
}

/* ------------------------------------------------------------------------- print */

static int by_wait(const void *left, const void *right)
{
	const struct thread *a = left, *b = right;

	if (a->waits != b->waits)
		return a->waits ? -1 : 1;
	if (a->waits && a->since_ns != b->since_ns)
		return a->since_ns < b->since_ns ? -1 : 1;
	return a->record->tid < b->record->tid ? -1 : a->record->tid > b->record->tid;
}

static void print_holders(struct dlw_live_view *view, const struct dlw_terminal *terminal,
			  const struct thread *waiter)
{
	const char *before = ", held by ";
	uint32_t at;

	for (at = 0; at < view->count; at++) {
		const struct thread *thread = &view->threads[at];

		if (thread->process != waiter->process || !is_holder(thread, waiter->address))
			continue;
		fputs(before, terminal->out);
		dlw_putf(terminal, DLW_STYLE_THREAD, "'%s' (%d)", thread->name, thread->record->tid);
		before = " and ";
	}
}

static void print_thread(struct dlw_live_view *view, const struct dlw_terminal *terminal,
			 const struct thread *thread, uint64_t now_ns)
{
	int32_t pid = thread->process->segment->pid;
	char *lock, *site;

	fprintf(terminal->out, "%7d %7d %5u  ", pid, thread->record->tid,
		dlw_holding(thread->record));
	dlw_putf(terminal, DLW_STYLE_THREAD, "%-15s", thread->name);
	if (!thread->waits) {
		fputs(" runs\n", terminal->out);
		return;
	}
	lock = thread->kind == DLW_THREAD ? dlw_copy("the end of a thread") :
					    lock_name(view, pid, thread->kind, thread->address);
	site = site_name(view, thread);
	fprintf(terminal->out, " waits %.1f s for ",
		now_ns > thread->since_ns ? (double)(now_ns - thread->since_ns) / 1e9 : 0);
	dlw_putf(terminal, DLW_STYLE_LOCK, "%s", lock);
	print_holders(view, terminal, thread);
	dlw_putf(terminal, DLW_STYLE_FAINT, " at %s", site);
	putc('\n', terminal->out);
	free(lock);
	free(site);
}

static int by_heat(const struct lock *a, const struct lock *b)
{
	return a->waiters < b->waiters ? 1 : -(a->waiters > b->waiters);
}

static void print_locks(struct dlw_live_view *view, const struct dlw_terminal *terminal,
			unsigned rows)
{
	struct lock *lock, *next;
	unsigned printed = 0;

	HASH_SORT(view->locks, by_heat);
	dlw_put(terminal, DLW_STYLE_TITLE, "  busy  waiters  now  lock");
	putc('\n', terminal->out);
	HASH_ITER(hh, view->locks, lock, next)
	{
		char *name;

		if (lock->key.kind == DLW_THREAD || (rows && printed == rows))
			continue;
		name = lock_name(view, lock->key.pid, lock->key.kind, lock->key.address);
		fprintf(terminal->out, "%5.0f%% %8.2f %4u  ",
			100.0 * (double)lock->samples / (double)view->samples,
			(double)lock->waiters / (double)view->samples,
			lock->last_sample == view->samples ? lock->now : 0);
		dlw_putf(terminal, DLW_STYLE_LOCK, "%s", name);
		fprintf(terminal->out, " (%s, pid %d)\n", dlw_kind_word(lock->key.kind), lock->key.pid);
		free(name);
		printed++;
	}
	if (!printed)
		fputs("        nobody was seen waiting\n", terminal->out);
}

void dlw_live_view_print(struct dlw_live_view *view, const struct dlw_terminal *terminal,
			 unsigned rows)
{
	uint32_t at, waiting = 0, shown;
	uint64_t now_ns = dlw_record_now();
	unsigned for_locks = rows / 3;

	read_names(view);
	if (view->count)
		qsort(view->threads, view->count, sizeof(*view->threads), by_wait);
	while (waiting < view->count && view->threads[waiting].waits)
		waiting++;
	dlw_putf(terminal, DLW_STYLE_HEADLINE,
		 "%u process%s, %u threads, %u waiting; %" PRIu64 " samples", view->segments.count,
		 view->segments.count == 1 ? "" : "es", view->count, waiting, view->samples);
	fputs("\n\n", terminal->out);
	dlw_put(terminal, DLW_STYLE_TITLE, "    pid     tid holds  thread");
	putc('\n', terminal->out);
	shown = rows && view->count + for_locks + 6 > rows ? rows - for_locks - 6 : view->count;
	for (at = 0; at < shown && at < view->count; at++)
		print_thread(view, terminal, &view->threads[at], now_ns);
	if (shown < view->count)
		fprintf(terminal->out, "        and %u more\n", view->count - shown);
	putc('\n', terminal->out);
	print_locks(view, terminal, for_locks);
	fflush(terminal->out);
}

/* ---------------------------------------------------------------- make and free */

struct dlw_live_view *dlw_live_view_new(const char *who, char **error)
{
	struct dlw_live_view *view = dlw_log_allocate(1, sizeof(*view));

	if (!dlw_segments_open(&view->segments, who, error)) {
		free(view);
		return NULL;
	}
	view->who = dlw_copy(who);
	view->symbols = dlw_symbols_new();
	return view;
}

void dlw_live_view_free(struct dlw_live_view *view)
{
	struct program *program, *next_program;
	struct lock *lock, *next;

	HASH_ITER(hh, view->locks, lock, next)
	{
		HASH_DEL(view->locks, lock);
		free(lock);
	}
	HASH_ITER(hh, view->programs, program, next_program)
	{
		HASH_DEL(view->programs, program);
		dlw_arena_release(&program->arena);
		free(program);
	}
	dlw_segments_close(&view->segments);
	dlw_symbols_free(view->symbols);
	free(view->threads);
	free(view->who);
	free(view);
}
