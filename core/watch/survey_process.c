/*
 * core/watch/survey_process.c - has one process come to rest?
 */
#include "core/watch/survey_process.h"

#include <string.h>
#include <sys/syscall.h>

#include "core/search.h"
#include "core/sort.h"
#include "core/watch/descriptors.h"
#include "core/watch/look.h"
#include "core/watch/polled.h"
#include "core/watch/records.h"
#include "core/watch/system_call.h"

static bool is_channel(void *context, int fd)
{
	const int32_t *task = context;

	return dlw_descriptor_channel(*task, fd).kind != DLW_NO_CHANNEL;
}

/**
 * is_system_wait() - a call that only another process, or a thread of this one, can end
 * @task: whose descriptors are meant
 */
static bool is_system_wait(int32_t task, const struct dlw_system_call *call)
{
	struct dlw_call_meaning meaning = dlw_call_meaning(call, task, 0);

	switch (meaning.kind) {
	case DLW_CHILD_CALL:
	case DLW_LOCK_CALL:
		return true;
	case DLW_READ_CALL:
	case DLW_WRITE_CALL:
		return is_channel(&task, meaning.fd);
	case DLW_POLL_CALL:
		return dlw_each_polled(task, call, is_channel, &task);
	default:
		return false;
	}
}

/** A process as its tasks are gone through. */
struct reading {
	struct dlw_surveyed *process;
	const struct dlw_surveyed *before; /* at the last look; NULL: new */
	const uint32_t *hooked; /* tids in waits that records tell of, rising */
	uint32_t hooked_count;
	int32_t helper; /* our own thread in it, 0: none */
	uint32_t room;
	bool failed;
};

static bool is_hooked(const struct reading *reading, int32_t tid)
{
	uint32_t at = dlw_first(i, 0, reading->hooked_count, reading->hooked[i] >= (uint32_t)tid);

	return at < reading->hooked_count && reading->hooked[at] == (uint32_t)tid;
}

const struct dlw_sleeper *dlw_sleeper_of(const struct dlw_surveyed *before, int32_t tid)
{
	uint32_t count = before ? before->sleeper_count : 0;
	uint32_t at = dlw_first(i, 0, count, before->sleepers[i].tid >= tid);

	return at < count && before->sleepers[at].tid == tid ? &before->sleepers[at] : NULL;
}

bool dlw_sleep_look(int32_t pid, int32_t tid, const struct dlw_sleeper *before,
		    struct dlw_sleeper *sleeper)
{
	*sleeper = (struct dlw_sleeper){ .tid = tid,
					 .sequence = dlw_task_sequence(pid, tid),
					 .since_ns = dlw_record_now() };
	if (!sleeper->sequence)
		return false;
	if (before && !before->hooked && before->sequence == sleeper->sequence) {
		sleeper->call = before->call;
		sleeper->since_ns = before->since_ns;
		return true;
	}
	sleeper->fresh = true;
	return dlw_task_look(pid, tid, &sleeper->call) == DLW_TASK_ASLEEP &&
	       dlw_task_letter(pid, tid) == 'S' && is_system_wait(tid, &sleeper->call) &&
	       dlw_task_sequence(pid, tid) == sleeper->sequence;
}

static void name_witness(struct dlw_surveyed *process, int32_t tid, uint64_t sequence)
{
	process->witness = tid;
	process->witness_sequence = sequence;
	process->sleeper_count = 0;
}

static void read_task(void *context, int32_t tid)
{
	struct reading *reading = context;
	struct dlw_surveyed *process = reading->process;
	struct dlw_sleeper *sleeper = &process->sleepers[process->sleeper_count];

	if (process->witness || reading->failed || tid == reading->helper)
		return;
	if (process->sleeper_count == reading->room)
		reading->failed = true;
	else if (is_hooked(reading, tid))
		process->sleepers[process->sleeper_count++] =
			(struct dlw_sleeper){ .tid = tid, .hooked = true };
	else if (dlw_sleep_look(process->pid, tid, dlw_sleeper_of(reading->before, tid), sleeper))
		process->sleeper_count++;
	else if (dlw_task_alive(process->pid, tid))
		name_witness(process, tid, sleeper->sequence);
}

static int compare_tids(const void *context, uint32_t left, uint32_t right)
{
	(void)context;
	return dlw_order(left, right);
}

/** waits_tacitly() - asleep for the mutex of its newest hold, which is all that its record tells */
static bool waits_tacitly(const struct dlw_watched *watched, const struct dlw_thread *record)
{
	uint32_t count = dlw_holding(record);
	const struct dlw_held *held =
		count ? dlw_record_at(watched, record->holds, count * sizeof(*held)) : NULL;
	struct dlw_system_call call;

	return held && held[count - 1].tacit &&
	       dlw_task_look(watched->segment->pid, record->tid, &call) == DLW_TASK_ASLEEP &&
	       call.number == SYS_futex && call.arguments[0] == held[count - 1].address;
}

static bool tells_of_wait(const struct dlw_watched *watched, const struct dlw_thread *record)
{
	return record->life != DLW_RECORD_FREE && record->life != DLW_RECORD_DEAD &&
	       (atomic_load_explicit(&record->wait, memory_order_relaxed) & 1 ||
		waits_tacitly(watched, record));
}

/**
 * list_hooked() - tids of the threads whose records tell of a wait
 *
 * Return: false: some other one lives, which is now the witness, or memory ran out.
 */
static bool list_hooked(struct dlw_watch *watch, struct reading *reading, struct dlw_arena *arena)
{
	const struct dlw_watched *watched = &watch->processes[reading->process->watched];
	struct dlw_thread *record;
	uint32_t room = 0, count = 0;
	uint32_t *tids;

	for (record = dlw_record_first(watched); record; record = dlw_record_next(watched, record))
		room++;
	tids = dlw_arena_array(arena, uint32_t, room + 1);
	if (!tids)
		return false;
	for (record = dlw_record_first(watched); record && count < room;
	     record = dlw_record_next(watched, record))
		if (tells_of_wait(watched, record))
			tids[count++] = (uint32_t)record->tid;
	dlw_sort(tids, count, compare_tids, NULL);
	reading->hooked = tids;
	reading->hooked_count = count;
	reading->helper = watched->segment->helper;
	return true;
}

static uint64_t waits_of(const struct dlw_watch *watch, const struct dlw_surveyed *process)
{
	return process->watched == DLW_NONE ? 0 : watch->processes[process->watched].movements;
}

bool dlw_process_is_unmoved(const struct dlw_watch *watch, const struct dlw_surveyed *process)
{
	uint32_t i;

	if (process->waits != waits_of(watch, process))
		return false;
	for (i = 0; i < process->sleeper_count; i++)
		if (!process->sleepers[i].hooked &&
		    dlw_task_sequence(process->pid, process->sleepers[i].tid) !=
			    process->sleepers[i].sequence)
			return false;
	return true;
}

static void keep(struct dlw_surveyed *process, const struct dlw_surveyed *before,
		 struct dlw_arena *arena)
{
	process->sleepers = dlw_arena_array(arena, struct dlw_sleeper, before->sleeper_count);
	if (!process->sleepers)
		return;
	memcpy(process->sleepers, before->sleepers,
	       before->sleeper_count * sizeof(*process->sleepers));
	process->sleeper_count = before->sleeper_count;
	process->resting = true;
}

/**
 * is_hooked_now() - a thread's record tells of a wait
 *
 * It may have come to that right after the records were read, and before its
 * sleep was: then it sleeps on, and is no witness of anything.
 */
static bool is_hooked_now(const struct dlw_watch *watch, const struct dlw_surveyed *process,
			  int32_t tid)
{
	const struct dlw_watched *watched;
	const struct dlw_thread *record;

	if (process->watched == DLW_NONE)
		return false;
	watched = &watch->processes[process->watched];
	for (record = dlw_record_first(watched); record; record = dlw_record_next(watched, record))
		if (record->tid == tid && tells_of_wait(watched, record))
			return true;
	return false;
}

/** still_lives() - the witness of the last look shows it again */
static bool still_lives(const struct dlw_watch *watch, struct dlw_surveyed *process,
			const struct dlw_surveyed *before)
{
	uint64_t sequence;
	struct dlw_sleeper now;

	if (!before || !before->witness || is_hooked_now(watch, process, before->witness))
		return false;
	sequence = dlw_task_sequence(before->pid, before->witness);
	if (!sequence)
		return false;
	if (sequence == before->witness_sequence) {
		/* it does what it did then: runs, or sleeps in a call that is none of ours */
		name_witness(process, before->witness, sequence);
		return true;
	}
	if (dlw_sleep_look(before->pid, before->witness, NULL, &now))
		return false;
	name_witness(process, before->witness, now.sequence);
	return true;
}

/** threads_of() - how many a process has now */
static uint32_t threads_of(int32_t pid)
{
	struct dlw_process_line line;

	return dlw_process_describe(pid, &line) ? line.threads : 0;
}

void dlw_process_survey(struct dlw_watch *watch, struct dlw_surveyed *process,
			const struct dlw_surveyed *before, struct dlw_arena *arena)
{
	struct reading reading = { .process = process, .before = before };
	uint32_t i;

	process->waits = waits_of(watch, process);
	if (before && before->resting && before->watched == process->watched &&
	    dlw_process_is_unmoved(watch, before)) {
		keep(process, before, arena);
		return;
	}
	if (still_lives(watch, process, before))
		return;
	reading.room = threads_of(process->pid) + 16;
	process->sleepers = dlw_arena_array(arena, struct dlw_sleeper, reading.room + 1);
	if (!process->sleepers ||
	    (process->watched != DLW_NONE && !list_hooked(watch, &reading, arena)) ||
	    dlw_each_task(process->pid, read_task, &reading) <= 0 || reading.failed ||
	    process->witness)
		return;
	for (i = 0; i < process->sleeper_count; i++)
		process->nearly |= process->sleepers[i].fresh && !watch->survey.generous;
	process->resting = process->sleeper_count > 0 && !process->nearly;
}
