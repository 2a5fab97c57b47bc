/*
 * core/watch/survey.c - who has come to rest, at what price
 */
#include "core/watch/survey.h"

#include <string.h>
#include <sys/syscall.h>
#include <time.h>

#include "core/sort.h"
#include "core/watch/descriptors.h"
#include "core/watch/look.h"
#include "core/watch/polled.h"
#include "core/watch/records.h"
#include "core/watch/system_call.h"

#define NO_SEGMENT UINT32_MAX
#define SECOND 1000000000ull
#define PAUSE 200          /* times what a look has cost */
#define SAVED (4 * SECOND) /* a fiftieth of a second's work at once, after a calm */

uint64_t dlw_survey_clock(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

void dlw_survey_spent(struct dlw_survey *survey, uint64_t start)
{
	uint64_t now = dlw_record_now();

	/* what was not used is saved up, but not for ever */
	if (survey->not_before_ns + SAVED < now)
		survey->not_before_ns = now - SAVED;
	survey->not_before_ns += (dlw_survey_clock() - start) * PAUSE;
}

static bool is_channel(void *context, int fd)
{
	const int32_t *task = context;

	return dlw_descriptor_channel(*task, fd).kind != DLW_NO_CHANNEL;
}

bool dlw_is_system_wait(int32_t task, const struct dlw_system_call *call)
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

/* ------------------------------------------------------------------- memory and family */

/** borrow() - an arena of our own that takes its memory where the watch does */
static struct dlw_arena *borrow(struct dlw_watch *watch, struct dlw_arena *arena)
{
	if (!arena->grow)
		*arena = (struct dlw_arena){ .grow = watch->memory.grow,
					     .give_back = watch->memory.give_back,
					     .context = watch->memory.context };
	dlw_arena_reset(arena);
	return arena;
}

static uint32_t list_roots(const struct dlw_watch *watch, int32_t *roots)
{
	uint32_t i, count = 0;

	if (watch->root)
		roots[count++] = watch->root;
	for (i = 0; i < watch->process_count; i++)
		if (!watch->processes[i].replaced && !watch->processes[i].ended &&
		    !watch->processes[i].foreign)
			roots[count++] = watch->processes[i].segment->pid;
	return count;
}

bool dlw_survey_family(struct dlw_watch *watch)
{
	struct dlw_survey *survey = &watch->survey;
	uint64_t newest = dlw_newest_pid();
	struct dlw_family family;
	struct dlw_arena *arena;
	int32_t *roots;

	if (survey->family.all && newest && newest == survey->family.newest)
		return true;
	arena = borrow(watch, &survey->family_memory[!survey->family_turn]);
	roots = dlw_arena_array(arena, int32_t, watch->process_count + 1);
	if (!roots || !dlw_family_read(&family, &survey->family, roots, list_roots(watch, roots),
				       arena))
		return false;
	survey->family = family;
	survey->family_turn = !survey->family_turn;
	return true;
}

const struct dlw_surveyed *dlw_survey_find(const struct dlw_survey *survey, int32_t pid)
{
	uint32_t low = 0, high = survey->count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (survey->all[middle].pid < pid)
			low = middle + 1;
		else
			high = middle;
	}
	return low < survey->count && survey->all[low].pid == pid ? &survey->all[low] : NULL;
}

/* ------------------------------------------------------------------------- one process */

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
	uint32_t low = 0, high = reading->hooked_count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (reading->hooked[middle] < (uint32_t)tid)
			low = middle + 1;
		else
			high = middle;
	}
	return low < reading->hooked_count && reading->hooked[low] == (uint32_t)tid;
}

static const struct dlw_sleeper *sleeper_before(const struct dlw_surveyed *before, int32_t tid)
{
	uint32_t low = 0, high = before ? before->sleeper_count : 0;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (before->sleepers[middle].tid < tid)
			low = middle + 1;
		else
			high = middle;
	}
	return before && low < before->sleeper_count && before->sleepers[low].tid == tid
		       ? &before->sleepers[low]
		       : NULL;
}

/** look_at() - a task's sleep; @before: the one it was last seen in; false: it lives */
static bool look_at(int32_t pid, int32_t tid, const struct dlw_sleeper *before,
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
	       dlw_task_letter(pid, tid) == 'S' && dlw_is_system_wait(tid, &sleeper->call) &&
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
	else if (look_at(process->pid, tid, sleeper_before(reading->before, tid), sleeper))
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

/** is_as_before() - at rest then, and nobody has moved since */
static bool is_as_before(const struct dlw_surveyed *before, uint64_t waits)
{
	uint32_t i;

	if (!before || !before->resting || before->waits != waits)
		return false;
	for (i = 0; i < before->sleeper_count; i++)
		if (!before->sleepers[i].hooked &&
		    dlw_task_sequence(before->pid, before->sleepers[i].tid) !=
			    before->sleepers[i].sequence)
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

	if (process->watched == NO_SEGMENT)
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
	if (look_at(before->pid, before->witness, NULL, &now))
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

static void read_process(struct dlw_watch *watch, struct dlw_surveyed *process,
			 const struct dlw_surveyed *before, struct dlw_arena *arena)
{
	struct reading reading = { .process = process, .before = before };
	uint32_t i;

	process->waits = process->watched == NO_SEGMENT
				 ? 0
				 : watch->processes[process->watched].last_waits;
	if (is_as_before(before, process->waits)) {
		keep(process, before, arena);
		return;
	}
	if (still_lives(watch, process, before))
		return;
	reading.room = threads_of(process->pid) + 16;
	process->sleepers = dlw_arena_array(arena, struct dlw_sleeper, reading.room + 1);
	if (!process->sleepers ||
	    (process->watched != NO_SEGMENT && !list_hooked(watch, &reading, arena)) ||
	    dlw_each_task(process->pid, read_task, &reading) <= 0 || reading.failed ||
	    process->witness)
		return;
	process->resting = process->sleeper_count > 0;
	for (i = 0; i < process->sleeper_count; i++)
		process->resting &= !process->sleepers[i].fresh;
}

/* ---------------------------------------------------------------------------- all of them */

static uint32_t place_of(const struct dlw_watch *watch, int32_t pid)
{
	uint32_t i;

	for (i = watch->process_count; i-- > 0;)
		if (!watch->processes[i].replaced && !watch->processes[i].ended &&
		    !watch->processes[i].foreign && watch->processes[i].segment->pid == pid)
			return i;
	return NO_SEGMENT;
}

static uint64_t mix(uint64_t sum, uint64_t number)
{
	sum = (sum ^ number) * 0xff51afd7ed558ccdu;
	return sum ^ sum >> 31;
}

static uint64_t sum_up(const struct dlw_survey *survey)
{
	uint64_t sum = 1;
	uint32_t i, k;

	for (i = 0; i < survey->count; i++) {
		const struct dlw_surveyed *process = &survey->all[i];

		/* who comes or goes may have been the one that could help */
		sum = mix(sum, (uint64_t)process->pid);
		if (!process->resting)
			continue;
		sum = mix(mix(sum, (uint64_t)process->pid), process->waits);
		for (k = 0; k < process->sleeper_count; k++)
			if (!process->sleepers[k].hooked)
				sum = mix(sum, process->sleepers[k].sequence);
	}
	for (i = 0; i < survey->wanted_count; i++)
		if (survey->wanted[i].sleeper.sequence && !survey->wanted[i].sleeper.fresh)
			sum = mix(sum, survey->wanted[i].sleeper.sequence);
	return sum;
}

static bool survey_all(struct dlw_watch *watch)
{
	struct dlw_survey *survey = &watch->survey;
	struct dlw_survey before = *survey;
	struct dlw_arena *arena = borrow(watch, &survey->memory[!survey->turn]);
	uint32_t i, members = 0;

	for (i = 0; i < survey->family.count; i++)
		members += survey->family.all[i].member;
	survey->all = dlw_arena_array(arena, struct dlw_surveyed, members);
	survey->count = 0;
	survey->resting = 0;
	survey->turn = !survey->turn;
	if (!survey->all)
		return false;
	for (i = 0; i < survey->family.count; i++) {
		const struct dlw_relative *relative = &survey->family.all[i];
		struct dlw_surveyed *process = &survey->all[survey->count];

		if (!relative->member || relative->line.is_kernel)
			continue;
		*process = (struct dlw_surveyed){ .pid = relative->line.pid,
						  .watched = place_of(watch, relative->line.pid) };
		survey->count++;
		read_process(watch, process, dlw_survey_find(&before, process->pid), arena);
		survey->resting += process->resting;
	}
	return true;
}

/** survey_wanted() - threads that hold what others wait for: have they gone to sleep? */
static void survey_wanted(struct dlw_survey *survey)
{
	uint32_t i;

	for (i = 0; i < survey->wanted_count; i++) {
		struct dlw_wanted_task *wanted = &survey->wanted[i];
		struct dlw_sleeper before = wanted->sleeper;

		if (!look_at(wanted->pid, before.tid, before.sequence ? &before : NULL,
			     &wanted->sleeper))
			wanted->sleeper.sequence = 0;
	}
}

static bool any_wanted_asleep(const struct dlw_survey *survey)
{
	uint32_t i;

	for (i = 0; i < survey->wanted_count; i++)
		if (survey->wanted[i].sleeper.sequence)
			return true;
	return false;
}

bool dlw_survey_look(struct dlw_watch *watch, uint64_t now)
{
	struct dlw_survey *survey = &watch->survey;
	uint64_t start, before = survey->sum;

	if (now < survey->not_before_ns)
		return false;
	start = dlw_survey_clock();
	if (dlw_survey_family(watch) && survey_all(watch)) {
		survey_wanted(survey);
		survey->sum = sum_up(survey);
	}
	dlw_survey_spent(survey, start);
	if (!survey->resting && !any_wanted_asleep(survey))
		return false;
	if (survey->sum != before) {
		survey->pause_ns = SECOND;
		survey->again_ns = now + SECOND;
		return true;
	}
	if (now < survey->again_ns)
		return false;
	/* somebody outside the session may have let go of what they share */
	survey->pause_ns = survey->pause_ns < 16 * SECOND ? 2 * survey->pause_ns : 16 * SECOND;
	survey->again_ns = now + survey->pause_ns;
	return true;
}

bool dlw_survey_sleeps(const struct dlw_survey *survey, int32_t pid, int32_t tid)
{
	const struct dlw_surveyed *process = dlw_survey_find(survey, pid);
	const struct dlw_sleeper *sleeper;
	uint32_t i;

	if (process && process->resting) {
		sleeper = sleeper_before(process, tid);
		return sleeper && !sleeper->hooked;
	}
	for (i = 0; i < survey->wanted_count; i++)
		if (survey->wanted[i].pid == pid && survey->wanted[i].sleeper.tid == tid)
			return survey->wanted[i].sleeper.sequence;
	return false;
}

/* --------------------------------------------------------------------------- the wanted */

void dlw_survey_forget_wanted(struct dlw_survey *survey)
{
	survey->wanted_count = 0;
}

void dlw_survey_want(struct dlw_watch *watch, int32_t pid, int32_t tid)
{
	struct dlw_survey *survey = &watch->survey;
	struct dlw_wanted_task *wanted =
		dlw_arena_room(&watch->memory, survey->wanted, sizeof(*wanted),
			       survey->wanted_count, &survey->wanted_room, 16);

	if (!wanted)
		return;
	survey->wanted = wanted;
	survey->wanted[survey->wanted_count++] =
		(struct dlw_wanted_task){ .pid = pid, .sleeper = { .tid = tid } };
}
