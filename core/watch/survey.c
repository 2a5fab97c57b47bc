/*
 * core/watch/survey.c - who has come to rest, at what price
 */
#include "core/watch/survey.h"

#include <string.h>
#include <time.h>

#include "core/search.h"
#include "core/watch/look.h"
#include "core/watch/records.h"
#include "core/watch/survey_process.h"

#define SECOND 1000000000ull
#define PAUSE 200          /* times what a look has cost */
#define LEAST_PAUSE 50     /* where the other one would be longer than a second */
#define SAVED (4 * SECOND) /* a fiftieth of a second's work at once, after a calm */

uint64_t dlw_survey_clock(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

void dlw_survey_spent(struct dlw_survey *survey, uint64_t start)
{
	uint64_t now = dlw_record_now(), cost = dlw_survey_clock() - start, longest;

	/* what was not used is saved up, but not for ever */
	if (survey->not_before_ns + SAVED < now)
		survey->not_before_ns = now - SAVED;
	survey->not_before_ns += cost * PAUSE;
	survey->spent_ns += cost;
	longest = survey->spent_ns * LEAST_PAUSE;
	if (longest < SECOND)
		longest = SECOND;
	if (survey->not_before_ns > survey->begun_ns + longest)
		survey->not_before_ns = survey->begun_ns + longest;
}

/* ------------------------------------------------------------------- memory and family */

struct dlw_arena *dlw_survey_borrow(struct dlw_watch *watch, struct dlw_arena *arena)
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
	arena = dlw_survey_borrow(watch, &survey->family_memory[!survey->family_turn]);
	roots = dlw_arena_array(arena, int32_t, watch->process_count + 1);
	if (!roots || !dlw_family_read(&family, &survey->family, roots, list_roots(watch, roots),
				       arena))
		return false;
	survey->family = family;
	survey->family_turn = !survey->family_turn;
	return true;
}

void dlw_survey_forget(struct dlw_survey *survey, int32_t pid)
{
	struct dlw_surveyed *process =
		(struct dlw_surveyed *)(uintptr_t)dlw_survey_find(survey, pid);

	if (!process)
		return;
	survey->outdated |= process->resting;
	survey->resting -= process->resting;
	*process = (struct dlw_surveyed){ .pid = pid, .watched = DLW_NONE };
}

const struct dlw_surveyed *dlw_survey_find(const struct dlw_survey *survey, int32_t pid)
{
	uint32_t at = dlw_first(i, 0, survey->count, survey->all[i].pid >= pid);

	return at < survey->count && survey->all[at].pid == pid ? &survey->all[at] : NULL;
}

/* ---------------------------------------------------------------------------- all of them */

static uint32_t place_of(const struct dlw_watch *watch, int32_t pid)
{
	uint32_t i;

	for (i = watch->process_count; i-- > 0;)
		if (!watch->processes[i].replaced && !watch->processes[i].ended &&
		    !watch->processes[i].foreign && watch->processes[i].segment->pid == pid)
			return i;
	return DLW_NONE;
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
	for (i = 0; i < survey->wanted.count; i++)
		if (survey->wanted.all[i].sleeper.sequence && !survey->wanted.all[i].sleeper.fresh)
			sum = mix(sum, survey->wanted.all[i].sleeper.sequence);
	return sum;
}

static bool survey_all(struct dlw_watch *watch)
{
	struct dlw_survey *survey = &watch->survey;
	struct dlw_survey before = *survey;
	struct dlw_arena *arena = dlw_survey_borrow(watch, &survey->memory[!survey->turn]);
	uint32_t i, members = 0;

	for (i = 0; i < survey->family.count; i++)
		members += survey->family.all[i].member;
	survey->all = dlw_arena_array(arena, struct dlw_surveyed, members);
	survey->count = 0;
	survey->resting = 0;
	survey->any_nearly = false;
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
		dlw_process_survey(watch, process, dlw_survey_find(&before, process->pid), arena);
		survey->resting += process->resting;
		survey->any_nearly |= process->nearly;
	}
	return true;
}

/** find_wanted() - NULL: it is not asked about */
static const struct dlw_wanted_task *find_wanted(const struct dlw_wanted_tasks *wanted,
						 int32_t pid, int32_t tid)
{
	uint32_t at = dlw_first(i, 0, wanted->count, wanted->all[i].sleeper.tid >= tid);

	return at < wanted->count && wanted->all[at].sleeper.tid == tid &&
			       wanted->all[at].pid == pid
		       ? &wanted->all[at]
		       : NULL;
}

/** survey_wanted() - threads that hold what others wait for: have they gone to sleep? */
static void survey_wanted(struct dlw_survey *survey)
{
	uint32_t i;

	for (i = 0; i < survey->wanted.count; i++) {
		struct dlw_wanted_task *wanted = &survey->wanted.all[i];
		struct dlw_sleeper before = wanted->sleeper;

		if (!dlw_sleep_look(wanted->pid, before.tid, before.sequence ? &before : NULL,
			     &wanted->sleeper))
			wanted->sleeper.sequence = 0;
		wanted->sleeper.fresh &= !survey->generous;
		survey->any_nearly |= wanted->sleeper.sequence && wanted->sleeper.fresh;
	}
}

/** look_again() - at those that had just come to rest as it seemed */
static void look_again(struct dlw_watch *watch)
{
	struct dlw_survey *survey = &watch->survey;
	uint32_t i, k;

	for (i = 0; i < survey->count; i++) {
		struct dlw_surveyed *process = &survey->all[i];

		if (!process->nearly)
			continue;
		process->nearly = false;
		process->resting = process->watched == place_of(watch, process->pid) &&
				   dlw_process_is_unmoved(watch, process);
		survey->resting += process->resting;
		for (k = 0; k < process->sleeper_count; k++)
			process->sleepers[k].fresh &= !process->resting;
	}
	survey_wanted(survey);
	survey->any_nearly = false; /* once is what it takes; who moves has time until the next survey */
}

static bool any_wanted_asleep(const struct dlw_survey *survey)
{
	uint32_t i;

	for (i = 0; i < survey->wanted.count; i++)
		if (survey->wanted.all[i].sleeper.sequence)
			return true;
	return false;
}

/** look() - at all, or again at some, or at nobody if it is not time yet */
static void look(struct dlw_watch *watch, uint64_t now)
{
	struct dlw_survey *survey = &watch->survey;
	uint64_t start = dlw_survey_clock();

	if (now < survey->not_before_ns && !survey->any_nearly)
		return;
	if (now < survey->not_before_ns) {
		look_again(watch);
	} else {
		survey->begun_ns = now;
		survey->spent_ns = 0;
		survey->generous = survey->not_before_ns + SECOND < now;
		if (dlw_survey_family(watch) && survey_all(watch))
			survey_wanted(survey);
	}
	survey->sum = sum_up(survey);
	dlw_survey_spent(survey, start);
}

bool dlw_survey_look(struct dlw_watch *watch, uint64_t now)
{
	struct dlw_survey *survey = &watch->survey;
	uint64_t before = survey->sum;

	look(watch, now);
	if (survey->sum != before) {
		survey->outdated = true;
		survey->pause_ns = SECOND;
		survey->again_ns = now + SECOND;
		return survey->resting || any_wanted_asleep(survey);
	}
	if (now < survey->again_ns || !(survey->resting || any_wanted_asleep(survey)))
		return false;
	/* somebody outside the session may have let go of what they share */
	survey->outdated = true;
	survey->pause_ns = survey->pause_ns < 16 * SECOND ? 2 * survey->pause_ns : 16 * SECOND;
	survey->again_ns = now + survey->pause_ns;
	return true;
}

bool dlw_survey_sleeps(const struct dlw_survey *survey, int32_t pid, int32_t tid)
{
	const struct dlw_surveyed *process = dlw_survey_find(survey, pid);
	const struct dlw_wanted_task *wanted;
	const struct dlw_sleeper *sleeper;

	if (process && process->resting) {
		sleeper = dlw_sleeper_of(process, tid);
		return sleeper && !sleeper->hooked;
	}
	wanted = find_wanted(&survey->wanted, pid, tid);
	return wanted && wanted->sleeper.sequence;
}

/* --------------------------------------------------------------------------- the wanted */

void dlw_survey_forget_wanted(struct dlw_survey *survey)
{
	struct dlw_wanted_tasks empty = survey->wanted_before;

	empty.count = 0;
	survey->wanted_before = survey->wanted;
	survey->wanted = empty;
}

void dlw_survey_want(struct dlw_watch *watch, int32_t pid, int32_t tid)
{
	struct dlw_wanted_tasks *wanted = &watch->survey.wanted;
	const struct dlw_wanted_task *known = find_wanted(&watch->survey.wanted_before, pid, tid);
	struct dlw_wanted_task *all = dlw_arena_room(&watch->memory, wanted->all, sizeof(*all),
						     wanted->count, &wanted->room, 16);

	if (!all)
		return;
	wanted->all = all;
	all[wanted->count++] = known ? *known
				     : (struct dlw_wanted_task){ .pid = pid, .sleeper.tid = tid };
}
