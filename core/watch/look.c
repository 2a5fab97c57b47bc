/*
 * core/watch/look.c - when to look, and what it takes to be believed
 */
#include "core/watch/look.h"

#include <string.h>

#include "core/watch/movement.h"
#include "core/watch/picture.h"
#include "core/watch/records.h"
#include "core/watch/system_picture.h"
#include "core/watch/told.h"

#define MOST_PATIENCE 16000000000ull

/* ---------------------------------------------------------------- processes in view */

/** free_slot() - of a process that has left; NULL: there is none */
static struct dlw_watched *free_slot(struct dlw_watch *watch)
{
	uint32_t i;

	for (i = 0; i < watch->process_count; i++)
		if (watch->processes[i].replaced)
			return &watch->processes[i];
	return NULL;
}

static bool make_room(struct dlw_watch *watch)
{
	struct dlw_watched *processes =
		dlw_arena_room(&watch->memory, watch->processes, sizeof(*processes),
			       watch->process_count, &watch->process_capacity, 16);

	if (processes)
		watch->processes = processes;
	return processes;
}

struct dlw_watched *dlw_watch_add(struct dlw_watch *watch, struct dlw_segment *segment,
				  uint64_t mapped)
{
	struct dlw_watched *slot = free_slot(watch);
	struct dlw_mappings memory = { 0 };
	struct dlw_seen_records seen = { 0 };

	if (!slot && !make_room(watch))
		return NULL;
	dlw_survey_forget(&watch->survey, segment->pid);
	if (slot) { /* its memory serves again */
		memory = (struct dlw_mappings){ .all = slot->mappings.all,
						.capacity = slot->mappings.capacity };
		seen = (struct dlw_seen_records){ .all = slot->seen.all,
						  .capacity = slot->seen.capacity };
	} else {
		slot = &watch->processes[watch->process_count++];
	}
	*slot = (struct dlw_watched){
		.segment = segment,
		.mapped = mapped,
		.mappings = memory,
		.seen = seen,
		.foreign = segment->pid_namespace != watch->pid_namespace ||
			   segment->proc_is_foreign,
	};
	return slot;
}

/** record_of() - the record behind a state's thread */
static struct dlw_thread *record_of(const struct dlw_watch *watch, const struct dlw_state *state,
				    uint32_t thread)
{
	const struct dlw_thread_state *wanted = &state->threads[thread];
	struct dlw_thread *record;

	if (wanted->process >= watch->process_count)
		return NULL; /* it has no segment */
	record = dlw_record_first(&watch->processes[wanted->process]);
	while (record && (record->tid != wanted->tid || record->life == DLW_RECORD_FREE))
		record = dlw_record_next(&watch->processes[wanted->process], record);
	return record;
}

static bool may_fail(const struct dlw_thread *record)
{
	return record->want_kind == DLW_MUTEX || record->want_kind == DLW_RWLOCK ||
	       record->want_kind == DLW_SPINLOCK || record->want_kind == DLW_SEMAPHORE || record->want_kind == DLW_THREAD;
}

void dlw_watch_break(const struct dlw_watch *watch, const struct dlw_state *state,
		     const struct dlw_finding *finding)
{
	uint32_t i;

	for (i = 0; i < finding->core_count; i++) {
		struct dlw_thread *record = record_of(watch, state, finding->core[i]);

		if (record && record->wait & 1 && may_fail(record)) {
			record->marks.break_wait = record->wait;
			return;
		}
	}
}

/* ---------------------------------------------------------------- what to judge, when */

/**
 * worth_judging() - has anything moved, or does the silence itself say something new?
 *
 * After a movement every look judges until the picture has settled; then once
 * more when the silence is long enough for 'stalled', and once when it is long
 * enough for semaphores that were never posted. A picture that will not settle
 * is judged ever less often, the longer nothing has moved.
 */
static bool worth_judging(struct dlw_watch *watch, bool moved, uint64_t now)
{
	uint64_t quiet;

	if (moved) {
		watch->quiet_since_ns = now;
		watch->stall_judgements = 0;
		return true;
	}
	quiet = now - watch->quiet_since_ns;
	if (watch->suspected.count || (watch->unsettled && now >= watch->settle_ns))
		return true;
	if (quiet > watch->stall_ns * (watch->stall_judgements ? 3 : 1) + watch->stall_ns / 8 &&
	    watch->stall_judgements < 2) {
		watch->stall_judgements++;
		return true;
	}
	return false;
}

/** patience() - until an unsettled picture is judged again, after so long a silence */
static uint64_t patience(uint64_t quiet)
{
	return quiet / 8 < MOST_PATIENCE ? quiet / 8 : MOST_PATIENCE;
}

/* --------------------------------------------------------------------- cores seen */

/**
 * sleep_key() - of a wait on the system: what it was called with, and where
 *
 * Its number of switches changes when its stack is read for the report.
 */
static uint64_t sleep_key(const struct dlw_sleeper *sleep)
{
	uint64_t key = (uint64_t)sleep->call.number ^ sleep->call.stack_pointer ^ sleep->call.pc;
	int i;

	for (i = 0; i < 6; i++)
		key = (key ^ sleep->call.arguments[i]) * 0x9e3779b97f4a7c15u;
	return key;
}

/** lasting_wait() - what a wait is remembered by as reported */
static uint64_t lasting_wait(const struct dlw_picture *picture, uint32_t thread)
{
	const struct dlw_thread_source *source = &picture->sources[thread];

	return source->sleep ? sleep_key(source->sleep) ^ (uint64_t)picture->threads[thread].tid
			     : source->progress;
}

static uint64_t core_key(const struct dlw_picture *picture, const struct dlw_finding *finding)
{
	uint64_t key = finding->kind;
	uint32_t i;

	for (i = 0; i < finding->core_count; i++) {
		uint32_t thread = finding->core[i];
		const struct dlw_thread_source *source = &picture->sources[thread];
		uint64_t one = source->progress * 0x9e3779b97f4a7c15u;
		uint32_t identity = source->record ? source->record->serial
						   : (uint32_t)picture->threads[thread].tid;

		one ^= (uint64_t)identity << 32 ^
		       (uint64_t)picture->processes[picture->threads[thread].process].pid;
		one *= 0xff51afd7ed558ccdu;
		key += one ^ one >> 31;
	}
	return key;
}

static bool was_seen(const struct dlw_seen_cores *cores, uint64_t key, enum dlw_verdict verdict)
{
	uint32_t i;

	for (i = 0; i < cores->count; i++)
		if (cores->all[i].key == key && cores->all[i].verdict <= verdict)
			return true;
	return false;
}

void dlw_seen_add(struct dlw_watch *watch, struct dlw_seen_cores *cores, uint64_t key,
		  enum dlw_verdict verdict)
{
	struct dlw_seen_core *all = dlw_arena_room(&watch->memory, cores->all, sizeof(*all),
						   cores->count, &cores->capacity, 16);

	if (!all)
		return;
	cores->all = all;
	cores->all[cores->count++] = (struct dlw_seen_core){ key, verdict };
}

/* -------------------------------------------------------------------------- judging */

static bool confirm_finding(struct dlw_watch *watch, struct dlw_picture *picture,
			    const struct dlw_finding *finding)
{
	bool changed = false;
	uint32_t i;

	for (i = 0; i < finding->core_count; i++)
		changed |= dlw_picture_confirm(watch, picture, finding->core[i], true);
	for (i = 0; i < finding->stuck_count; i++)
		changed |= dlw_picture_confirm(watch, picture, finding->stuck[i], false);
	return changed;
}

/** asks_around() - some finding rests on nobody unseen being able to help */
static bool asks_around(const struct dlw_picture *picture, const struct dlw_findings *findings)
{
	uint32_t i;

	for (i = 0; i < findings->count; i++)
		if (findings->all[i].verdict == DLW_STALLED ||
		    dlw_picture_rests_on_system(picture, &findings->all[i]))
			return true;
	return false;
}

/**
 * judge() - the findings that stand up to confirmation
 *
 * Every correction of the picture takes something away, so this ends.
 * Return: false if memory ran out.
 */
static bool judge(struct dlw_watch *watch, struct dlw_picture *picture,
		  struct dlw_findings *findings)
{
	bool looked_around = false, changed = true;
	uint32_t i;

	picture->confirmed = dlw_arena_array(&watch->picture, uint32_t,
					     picture->state.resource_count + 1);
	if (!picture->confirmed)
		return false;
	for (picture->round = 1; changed; picture->round++) {
		if (dlw_judge(&picture->state, &watch->picture, findings) < 0)
			return false;
		changed = false;
		if (!looked_around && asks_around(picture, findings)) {
			dlw_picture_look_around(watch, picture);
			looked_around = changed = true;
			continue;
		}
		for (i = 0; i < findings->count; i++)
			changed |= confirm_finding(watch, picture, &findings->all[i]);
		watch->unsettled |= changed;
	}
	return true;
}

/**
 * is_news() - after @before has been said; that is DLW_CERTAIN if nothing has
 *
 * What is behind a standstill is. That a likely deadlock is proven is not: what
 * was in doubt a moment ago, the kernel may be able to tell now.
 */
static bool is_news(enum dlw_verdict before, enum dlw_verdict now)
{
	return before > now && before > DLW_LIKELY;
}

/** said_of() - the strongest verdict that named the thread, in this very wait; DLW_CERTAIN: none */
static enum dlw_verdict said_of(const struct dlw_watch *watch, const struct dlw_picture *picture,
				uint32_t thread)
{
	const struct dlw_thread_source *source = &picture->sources[thread];
	uint64_t wait = lasting_wait(picture, thread);
	enum dlw_verdict strongest = DLW_CERTAIN;
	uint32_t i;

	if (source->record && source->record->marks.reported_progress == wait)
		strongest = source->record->marks.reported_verdict;
	for (i = 0; source->sleep && i < watch->reported.count; i++)
		if (watch->reported.all[i].key == wait &&
		    watch->reported.all[i].verdict < strongest)
			strongest = watch->reported.all[i].verdict;
	return strongest;
}

/**
 * was_reported() - every thread of the core, in this very wait
 *
 * Cores never overlap, so the threads tell. It is noted in their records, for
 * another process may be the one that looks next; and here for waits on the
 * system, which last while a thread gets a record.
 */
static bool was_reported(const struct dlw_watch *watch, const struct dlw_picture *picture,
			 const struct dlw_finding *finding)
{
	uint32_t i;

	for (i = 0; i < finding->core_count; i++)
		if (is_news(said_of(watch, picture, finding->core[i]), finding->verdict))
			return false;
	return true;
}

static void mark_reported(struct dlw_watch *watch, const struct dlw_picture *picture,
			  const struct dlw_finding *finding)
{
	uint32_t i;

	for (i = 0; i < finding->core_count; i++) {
		const struct dlw_thread_source *source = &picture->sources[finding->core[i]];
		uint64_t wait = lasting_wait(picture, finding->core[i]);

		if (source->sleep)
			dlw_seen_add(watch, &watch->reported, wait, finding->verdict);
		if (!source->record)
			continue;
		source->record->marks.reported_progress = wait;
		source->record->marks.reported_verdict = finding->verdict;
	}
}

/** remember_locks() - they need not be reported as an inversion, too */
static void remember_locks(struct dlw_watch *watch, const struct dlw_picture *picture,
			   const struct dlw_finding *finding)
{
	uint64_t key = 0;
	uint32_t i;

	for (i = 0; i < finding->edge_count; i++)
		key += dlw_lock_key(picture->resources[finding->edges[i].resource].address);
	dlw_seen_add(watch, &watch->happened, key, finding->verdict);
	dlw_tell_first(watch->session, key);
}

static void report(struct dlw_watch *watch, struct dlw_picture *picture,
		   const struct dlw_finding *finding)
{
	uint64_t key = core_key(picture, finding);
	struct dlw_findings described;
	uint32_t i;

	mark_reported(watch, picture, finding);
	remember_locks(watch, picture, finding);
	dlw_picture_describe(watch, picture, finding);
	/* judged again with names: its texts speak of threads by name */
	if (dlw_judge(&picture->state, &watch->picture, &described) < 0)
		return;
	for (i = 0; i < described.count; i++) {
		if (core_key(picture, &described.all[i]) != key)
			continue;
		watch->findings++;
		watch->found(watch->context, &picture->state, &described.all[i]);
		return;
	}
}

/** is_hidden() - of threads that we may not look at: their own process finds it, with its helper */
static bool is_hidden(const struct dlw_watch *watch, const struct dlw_picture *picture,
		      const struct dlw_finding *finding)
{
	uint32_t i;

	for (i = 0; i < finding->core_count; i++) {
		uint32_t process = picture->threads[finding->core[i]].process;
		const struct dlw_watched *watched = &watch->processes[process];

		if (process >= watch->process_count || !watched->mapped ||
		    !watched->segment->hidden || !watched->segment->helper)
			return false;
	}
	return true;
}

/** is_own_relock() - a core of one thread that waits for itself and knows it */
static bool is_own_relock(const struct dlw_picture *picture, const struct dlw_finding *finding)
{
	const struct dlw_thread *record = picture->sources[finding->core[0]].record;

	return finding->core_count == 1 && finding->verdict == DLW_PROVEN && record &&
	       record->want_relock;
}

/** look() - one picture, judged; @at_once: report own relocks without a second look */
static uint32_t look(struct dlw_watch *watch, bool at_once)
{
	uint32_t before = watch->findings, i;
	struct dlw_seen_cores earlier = watch->suspected;
	struct dlw_seen_cores now = watch->spare;
	struct dlw_findings findings;
	struct dlw_picture picture;
	bool suspects_system = false;

	now.count = 0;
	watch->unsettled = false;
	dlw_arena_reset(&watch->picture);
	watch->looks++;
	if (!dlw_picture_make(watch, &picture))
		return 0;
	if (!at_once)
		dlw_picture_add_system_waits(watch, &picture, watch->suspects_system);
	if (!judge(watch, &picture, &findings))
		return 0;
	for (i = 0; i < findings.count; i++) {
		const struct dlw_finding *finding = &findings.all[i];
		uint64_t key = core_key(&picture, finding);

		if (was_reported(watch, &picture, finding) || is_hidden(watch, &picture, finding))
			continue;
		if (at_once ? is_own_relock(&picture, finding)
			    : was_seen(&earlier, key, finding->verdict))
			report(watch, &picture, finding);
		else
			dlw_seen_add(watch, &now, key, finding->verdict);
		suspects_system |= dlw_picture_rests_on_system(&picture, finding);
	}
	if (!at_once) {
		watch->suspects_system = suspects_system;
		watch->suspected = now;
		watch->spare = earlier;
	}
	return watch->findings - before;
}

uint32_t dlw_watch_look(struct dlw_watch *watch)
{
	uint64_t now = dlw_record_now();
	uint32_t before = watch->findings;
	bool moved, rests;

	dlw_watch_misuses(watch);
	moved = dlw_anything_moved(watch, now);
	rests = dlw_survey_look(watch, now);
	if (worth_judging(watch, moved, now) || rests) {
		look(watch, false);
		watch->settle_ns = now + patience(now - watch->quiet_since_ns);
	}
	else if (dlw_arena_size(&watch->picture) > DLW_KEPT_PICTURE)
		dlw_arena_release(&watch->picture);
	/* what looks like a deadlock is told as one, if it is */
	if (!watch->suspected.count && !watch->unsettled)
		dlw_watch_inversions(watch);
	return watch->findings - before;
}

uint32_t dlw_watch_now(struct dlw_watch *watch, int32_t asking_tid)
{
	uint32_t found;

	dlw_watch_misuses(watch);
	watch->asking_tid = asking_tid;
	found = look(watch, true);
	watch->asking_tid = 0;
	return found;
}
